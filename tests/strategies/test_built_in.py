"""The built-in strategies: their signals against the reference, and against a hand-written meaning."""

import inspect
import math

import numpy as np
import pandas as pd
import pytest

from admf.core.registry import registry_of
from admf.indicators import IndicatorTable
from admf.market import load_bars
from admf.strategies import resolve_strategy
from admf.testing import check_strategy, decisions
from admf.testing.bars import example_bars

PLAIN = (
    "bollinger_breakout", "buy_and_hold", "donchian_breakout", "ema_cross", "macd_cross", "momentum",
    "rsi_reversion", "sma_cross",
)  # fmt: skip


def test_they_are_registered():
    entries = {entry.name: entry for entry in registry_of("strategy").entries()}
    assert {*PLAIN, "rules", "signals"} <= set(entries)
    for name in (*PLAIN, "rules", "signals"):
        assert entries[name].summary.endswith(".")
    assert (
        resolve_strategy("TrendStrategy").name
        == resolve_strategy("MovingAverageCrossover").name
        == "sma_cross"
    )


@pytest.mark.parametrize("name", PLAIN)
def test_they_conform(name):
    check_strategy(name)


@pytest.mark.parametrize("name", PLAIN)
def test_they_are_compilable_source(name):
    bound = resolve_strategy(name)
    assert bound.needs_python is None
    assert "on_bar" in inspect.getsource(bound.on_bar)


def events(name, params, bars):
    """What the step decides while flat, long and short, bar by bar, whatever was decided before."""
    bound = resolve_strategy(name, params)
    table = IndicatorTable(bars)
    rows = {key: table.row(spec) for key, spec in bound.indicators.items()}
    rows |= {"close": bars.close}
    first = bound.first_complete_bar(rows)
    found = {}
    for held, position in (("flat", 0.0), ("long", 10.0), ("short", -10.0)):
        decided = np.full(len(bars), math.nan)
        for bar in range(first, len(bars)):
            values = []
            for argument in bound.arguments:
                base = argument.removeprefix("prev_")
                if argument == "position":
                    values.append(position)
                elif argument in bound.params:
                    values.append(bound.params[argument])
                else:
                    values.append(rows[base][bar - (base != argument)])
            decided[bar] = bound.on_bar(*values)
        found[held] = decided
    return first, found


REVERSE = [
    ("GOOG_1d", "sma_10_20", "sma_cross", {"fast": 10, "slow": 20}, 19),
    ("EURUSD_1h", "sma_10_20", "sma_cross", {"fast": 10, "slow": 20}, 19),
    ("BTCUSD_1mo", "sma_3_6", "sma_cross", {"fast": 3, "slow": 6}, 5),
    ("GOOG_1d", "mom60_reverse", "momentum", {"period": 60}, 60),
    ("EURUSD_1h", "mom60_reverse", "momentum", {"period": 60}, 60),
    ("BTCUSD_1mo", "mom6_reverse", "momentum", {"period": 6}, 6),
]
LONG = [
    ("GOOG_1d", "sma_10_30_longonly", "sma_cross", {"fast": 10, "slow": 30}, 29),
    ("EURUSD_1h", "sma_10_30_longonly", "sma_cross", {"fast": 10, "slow": 30}, 29),
    ("GOOG_1d", "rsi14_30_70_longonly", "rsi_reversion", {}, 14),
    ("EURUSD_1h", "rsi14_30_70_longonly", "rsi_reversion", {}, 14),
    (
        "BTCUSD_1mo",
        "rsi6_40_60_longonly",
        "rsi_reversion",
        {"period": 6, "oversold": 40, "overbought": 60},
        6,
    ),
    ("GOOG_1d", "bb20_2_breakout_longonly", "bollinger_breakout", {"period": 20, "deviations": 2.0}, 19),
    ("EURUSD_1h", "bb20_2_breakout_longonly", "bollinger_breakout", {}, 19),
]


def reference_case(reference, dataset, case):
    frame = pd.read_parquet(reference / "data" / f"bt_{dataset}.parquet")
    signals = pd.read_parquet(reference / "engine_backtestingpy" / f"{dataset}__{case}__zero.equity.parquet")
    bars = load_bars(frame, symbol=dataset, timeframe=dataset.rpartition("_")[2])
    return bars, signals["up"].to_numpy(), signals["dn"].to_numpy()


@pytest.mark.parametrize(("dataset", "case", "name", "params", "warmup"), REVERSE)
def test_signals_of_reversing_strategies(reference, dataset, case, name, params, warmup):
    bars, up, dn = reference_case(reference, dataset, case)
    first, found = events(name, params, bars)
    assert first == warmup + 1  # the reference acts from the bar after its warm-up on
    for decided in found.values():
        np.testing.assert_array_equal(decided == 1.0, up)
        np.testing.assert_array_equal(decided == -1.0, dn)
        np.testing.assert_array_equal(np.isnan(decided), ~(up | dn))


@pytest.mark.parametrize(("dataset", "case", "name", "params", "warmup"), LONG)
def test_signals_of_long_strategies(reference, dataset, case, name, params, warmup):
    bars, up, dn = reference_case(reference, dataset, case)
    first, found = events(name, params, bars)
    assert first == warmup + 1
    np.testing.assert_array_equal(found["flat"] == 1.0, up)
    # While long, a target below +1 leaves the position: long_only makes a short one flat. (A short entry may
    # come where dn does not, but only when dn has come before: what is held must be the same at every bar.)
    assert not (dn & ~(found["long"] <= 0.0)).any()
    held = expected = False
    for bar in range(first, len(bars)):
        expected = (expected or bool(up[bar])) and not (expected and bool(dn[bar]))
        decided = found["long" if held else "flat"][bar]
        held = held if math.isnan(decided) else bool(decided > 0.0)
        assert held is expected, bar


def test_bollinger_shorts_mirror_its_longs():
    bars = example_bars(seed=4, count=300)
    table = IndicatorTable(bars)
    bound = resolve_strategy("bollinger_breakout")
    middle, lower = (table.row(bound.indicators[name]) for name in ("middle", "lower"))
    _, found = events("bollinger_breakout", {}, bars)
    close = bars.close
    below = np.append(False, (close[:-1] > lower[:-1]) & (close[1:] < lower[1:]))
    above = np.append(False, (close[:-1] < middle[:-1]) & (close[1:] > middle[1:]))
    assert below.sum() > 3
    np.testing.assert_array_equal(found["flat"] == -1.0, below)
    np.testing.assert_array_equal(found["short"] >= 0.0, above | (found["flat"] == 1.0))


def test_donchian_leaves_the_present_bar_out():
    bars = example_bars(seed=6, count=300)
    first, found = events("donchian_breakout", {"entry": 20, "exit": 10}, bars)
    assert first == 20
    for bar in range(first, len(bars)):
        highest, lowest = bars.high[bar - 20 : bar].max(), bars.low[bar - 20 : bar].min()
        exit_low, exit_high = bars.low[bar - 10 : bar].min(), bars.high[bar - 10 : bar].max()
        close = bars.close[bar]
        expected = 1.0 if close > highest else -1.0 if close < lowest else math.nan
        held = {"flat": math.nan, "long": math.nan, "short": math.nan}
        held["long"] = 0.0 if close < exit_low else math.nan
        held["short"] = 0.0 if close > exit_high else math.nan
        for name, decided in found.items():
            wanted = held[name] if math.isnan(expected) else expected
            np.testing.assert_equal(decided[bar], wanted)


@pytest.mark.parametrize(
    ("name", "fast", "slow"), [("ema_cross", "fast_ma", "slow_ma"), ("macd_cross", "line", "signal_line")]
)
def test_crossings_are_strict(name, fast, slow):
    bars = example_bars(seed=7, count=300)
    bound = resolve_strategy(name)
    table = IndicatorTable(bars)
    a, b = table.row(bound.indicators[fast]), table.row(bound.indicators[slow])
    up = np.append(False, (a[:-1] < b[:-1]) & (a[1:] > b[1:]))
    dn = np.append(False, (a[:-1] > b[:-1]) & (a[1:] < b[1:]))
    _, found = events(name, {}, bars)
    assert up.sum() > 2
    np.testing.assert_array_equal(found["flat"] == 1.0, up)
    np.testing.assert_array_equal(found["flat"] == -1.0, dn)
    # Equal on one side is no crossing.
    assert math.isnan(bound.on_bar(1.0, 1.0, 0.0, 1.0))
    assert math.isnan(bound.on_bar(2.0, 1.0, 1.0, 1.0))


def test_buy_and_hold_decides_once():
    decided = decisions(resolve_strategy("buy_and_hold"), example_bars(count=20))
    assert decided[0] == 1.0
    assert all(math.isnan(each) for each in decided[1:])
