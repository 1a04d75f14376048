"""A sweep is many single backtests: the same bits, for every number of threads and every chunk size."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import admf
from admf.core.config.models import SizingConfig
from admf.errors import AdmfError, ConfigError, StrategyError
from admf.indicators import RSI, SMA, custom
from admf.simulation.measures import STREAMED
from admf.simulation.metrics import TAILS
from admf.simulation.metrics_glossary import GLOSSARY, LOWER_IS_BETTER
from admf.simulation.sweeps.engine import Engine
from admf.simulation.sweeps.space import _product
from admf.strategies.space import Bool, Choice, Float, Int

FEW = ["cum_returns_final", "sharpe_ratio", "max_drawdown", "trades"]
GRID = {"fast": [3, 5, 8], "slow": [5, 12, 20]}


def twice(close, volume, factor):
    return close * factor + 0.0 * volume


class Everything:
    """Every kind of argument: indicators, a column, numbers, a truth value, a text, what is held, state."""

    parameters: ClassVar = {
        "length": Int(2, 50, default=5),
        "level": Float(0.0, 100.0, default=50.0),
        "turned": Bool(default=False),
        "style": Choice(("calm", "hasty"), default="calm"),
    }

    @staticmethod
    def indicators(p):
        return {"average": SMA(p.length), "rsi": RSI(p.length), "scaled": custom(twice, p.level)}

    @staticmethod
    def columns(p):
        return {"score": "target"}

    @staticmethod
    def initial_state(p):
        return (p.length, p.level)

    @staticmethod
    def on_bar(
        close, prev_close, volume, average, prev_average, rsi, scaled, score, level, turned, style, position,
        equity, state,
    ):  # fmt: skip
        left, seen = state
        left = left - 1
        target = np.nan
        if left <= 0:
            left = 3
            if style == "hasty" and score == score:
                target = score
            elif rsi > level and scaled >= 0.0:
                target = 1.0 if not turned else -0.5
            elif close < average and prev_close >= prev_average and position != 0.0:
                target = 0.0
            elif volume > 1.0 and equity > 50_000.0 and seen < 60.0:
                target = 0.25
        return target, (left, rsi)


class Quiet:
    """Decides seldom, and keeps no state: a sweep passes over its quiet bars many at a time."""

    parameters: ClassVar = {"length": Int(2, 50, default=5), "patience": Int(1, 200, default=50)}

    @staticmethod
    def indicators(p):
        return {"average": SMA(p.length)}

    @staticmethod
    def columns(p):
        return {"score": "target"}

    @staticmethod
    def on_bar(
        close, prev_close, average, prev_average, score, patience, position, entry_price,
        bars_held, equity,
    ):  # fmt: skip
        if bars_held > patience or (position != 0.0 and close < 0.93 * entry_price):
            return 0.0
        if score == score and equity > 70_000.0:
            return score
        if prev_close > prev_average * 1.02 and close < average:
            return -0.5
        return np.nan


TARGETS = {True: 1.0, False: -1.0}


class NeedsPython:
    """Reads a dictionary, which a kernel does not."""

    parameters: ClassVar = {"length": Int(2, 50, default=5)}

    @staticmethod
    def indicators(p):
        return {"average": SMA(p.length)}

    @staticmethod
    def on_bar(close, average):
        return TARGETS[bool(close > average)]


def bars_with_target(random_frame, seed, n=160):
    random = np.random.default_rng(seed)
    values = [np.nan, np.nan, 0.0, 1.0, -1.0, 0.5, 2.0]
    return admf.load_bars(random_frame(seed, n).assign(target=random.choice(values, n)), min_bars=1)


def assert_like_single(result, bars, strategy, **common):
    table = result.table
    assert list(table.columns[-len(result.metrics) :]) == list(result.metrics)
    names = [name for name in table.columns if name not in result.metrics]
    for row in table.to_dict("records"):
        single = admf.simulate(bars, strategy, {name: row[name] for name in names}, **common)
        for name in result.metrics:
            np.testing.assert_array_equal(row[name], single.metrics[name], err_msg=name)


SETTINGS = (
    {"costs": {"commission_bps": 10, "slippage_bps": 5, "spread_bps": 8}, "sizing": {"lot_size": 1}},
    {
        "execution": {"stop_loss_pct": 3, "take_profit_pct": 5, "trailing_stop_pct": 4, "fill": "same_close"},
        "costs": {"commission_fixed": 1.0, "commission_per_unit": 0.01},
        "risk_free_pct": 2.0,
    },
    {
        "execution": {"repeat_signal": "reenter", "direction": "long_only"},
        "sizing": {"method": "fixed_units", "units": 50},
        "start": "2015-02-02",
    },
)


@pytest.mark.parametrize("common", SETTINGS)
@given(seed=st.integers(0, 1000), lengths=st.lists(st.integers(2, 30), min_size=1, max_size=3, unique=True))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_trial_is_the_single_backtest(random_frame, common, seed, lengths):
    bars = bars_with_target(random_frame, seed)
    styles = ["calm", "hasty"] if "execution" not in common else ["hasty"]
    grid = {"length": lengths, "level": [30.0, 55.5], "turned": [True, False], "style": styles}
    result = admf.sweep(bars, Everything, grid, workers=2, **common)
    assert result.compiled
    assert result.finished == result.trials == 4 * len(styles) * len(lengths)
    assert result.complete
    assert_like_single(result, bars, Everything, **common)


QUIET = (
    {"execution": {"stop_loss_pct": 3, "take_profit_pct": 4}, "costs": {"commission_bps": 10}},
    {
        "execution": {
            "stop_loss_pct": 2, "stop_basis": "signal_close", "reentry_after_stop": "immediate",
            "direction": "long_only", "fill": "same_close",
        },
    },
    {
        "execution": {"take_profit_pct": 3, "direction": "short_only", "repeat_signal": "reenter"},
        "costs": {"spread_bps": 4},
        "start": "2015-03-02",
    },
)  # fmt: skip


@pytest.mark.parametrize("common", QUIET)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.02, 0.1, 0.5]))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quiet_bars_are_passed_over_without_a_trace(random_frame, common, seed, share):
    frame = random_frame(seed, 300)
    random = np.random.default_rng(seed)
    targets = random.choice([0.0, 1.0, -1.0, 0.5, 2.0, -3.0], 300)
    bars = admf.load_bars(frame.assign(target=np.where(random.random(300) < share, targets, np.nan)))
    grid = {"length": [2, 7, 30], "patience": [5, 200]}
    result = admf.sweep(bars, Quiet, grid, workers=1, metrics=[*FEW, "exposure", "turnover"], **common)
    assert result.compiled
    assert_like_single(result, bars, Quiet, **common)


def assert_like_single_with_settings(result, bars, strategy, **common):
    names = [name for name in result.table.columns if name not in result.metrics]
    for row in result.table.to_dict("records"):
        given = {key: dict(value) for key, value in common.items()}
        for name in (name for name in names if "." in name):
            section, key = name.split(".")
            value = row[name]
            given.setdefault(section, {})[key] = None if value != value else value
        params = {name: row[name] for name in names if "." not in name}
        single = admf.simulate(bars, strategy, params, **given)
        for name in result.metrics:
            np.testing.assert_array_equal(row[name], single.metrics[name], err_msg=f"{name} of {row}")


@pytest.mark.parametrize("strategy", [Quiet, NeedsPython])
def test_settings_are_columns_too(random_frame, strategy):
    bars = bars_with_target(random_frame, 3, 250)
    grid = {
        "length": [3, 9],
        "execution.stop_loss_pct": [None, 2.0, 5.0],
        "costs.commission_bps": [0, 10],
    }
    common = {"execution": {"reentry_after_stop": "immediate"}, "costs": {"commission_fixed": 1.0}}
    result = admf.sweep(bars, strategy, grid, metrics=[*FEW, "turnover"], workers=2, **common)
    assert result.trials == result.finished == 12
    assert result.table["execution.stop_loss_pct"].isna().sum() == 4
    assert_like_single_with_settings(result, bars, strategy, **common)
    pieces = admf.sweep(bars, strategy, grid, metrics=[*FEW, "turnover"], chunk_size=5, **common)
    pd.testing.assert_frame_equal(pieces.table, result.table, check_exact=True)


def test_settings_in_a_table(random_frame):
    bars = bars_with_target(random_frame, 4, 250)
    table = pd.DataFrame(
        {
            "execution.take_profit_pct": [np.nan, 3.0, 4.0],
            "execution.direction": ["both", "long_only", "long_only"],
            "sizing.lot_size": [np.nan, 1.0, 10.0],
            "sizing.fraction": [1.0, 0.5, 0.25],
        }
    )
    result = admf.sweep(bars, Quiet, table, metrics=FEW)
    assert result.table["length"].tolist() == [5, 5, 5]
    assert_like_single_with_settings(result, bars, Quiet)


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        (
            {"exec.stop_loss_pct": [1.0]},
            StrategyError,
            "strategy 'sma_cross': 1 problem in its parameters\n  exec.stop_loss_pct: is no setting that a "
            "sweep varies\n    allowed: execution.KEY, sizing.KEY, costs.KEY, margin.KEY, risk.KEY",
        ),
        (
            {"costs.slippage_bps": [1.0, -2.0]},
            ConfigError,
            "the trial of costs.slippage_bps = -2.0 has 1 problem\n  costs.slippage_bps: must be at least 0\n"
            "    found: -2.0",
        ),
    ],
)
def test_wrong_settings(random_bars, parameters, kind, message):
    with pytest.raises(kind) as caught:
        admf.sweep(random_bars(1), "sma_cross", parameters, metrics=FEW)
    assert str(caught.value) == message


def test_infinity_is_seen_among_quiet_bars(random_bars):
    class Breaks:
        parameters: ClassVar = {"bar": Float(0.0, 1e9)}

        @staticmethod
        def on_bar(bars_held, bar):
            return np.inf if bars_held == bar else 1.0

    bars = random_bars(1, 200)
    assert admf.sweep(bars, Breaks, {"bar": [500.0]}, metrics=FEW).compiled
    with pytest.raises(StrategyError, match="returned inf at bar 151"):
        admf.sweep(bars, Breaks, {"bar": [500.0, 150.0]}, metrics=FEW)


def test_threads_and_chunks_change_no_bit(random_bars):
    bars = random_bars(4, 400)
    grid = {"fast": list(range(2, 14)), "slow": list(range(10, 40, 2))}
    one = admf.sweep(bars, "sma_cross", grid, workers=1)
    assert one.metrics == STREAMED
    for workers, size in ((1, 7), (2, None), (3, 50), (2, 1)):
        other = admf.sweep(bars, "sma_cross", grid, workers=workers, chunk_size=size)
        pd.testing.assert_frame_equal(other.table, one.table, check_exact=True)


def test_blocks_of_few_arrays_change_no_bit(random_bars, monkeypatch):
    bars = random_bars(4, 200)
    whole = admf.sweep(bars, "sma_cross", {"fast": range(2, 20), "slow": range(20, 60, 2)}).table
    monkeypatch.setattr("admf.simulation.sweeps.rows.ROW_BYTES", 0)
    monkeypatch.setattr("admf.simulation.sweeps.rows.FEW_ROWS", 5)
    pieces = admf.sweep(bars, "sma_cross", {"fast": range(2, 20), "slow": range(20, 60, 2)}).table
    pd.testing.assert_frame_equal(pieces, whole, check_exact=True)


def test_fewer_metrics_are_the_same_numbers(random_bars):
    bars = random_bars(5, 300)
    every = admf.sweep(bars, "sma_cross", GRID).table
    for names in (FEW, ["turnover"], ["kelly", "sortino_ratio"]):
        few = admf.sweep(bars, "sma_cross", GRID, metrics=names).table
        pd.testing.assert_frame_equal(few[names], every[names], check_exact=True)


def test_configured_strategies(random_bars):
    bars = random_bars(6, 200)
    entries = ["close > open", "close < open", "close > open"]
    table = pd.DataFrame({"entry": entries, "exit": ["close < prev_low"] * 3})
    result = admf.sweep(bars, "rules", table, metrics=FEW)
    assert result.compiled
    assert_like_single(result, bars, "rules")


def test_values_of_a_grid_that_cannot_be_hashed(random_bars, tmp_path):
    bars = random_bars(6, 200)
    quick, slow = {"r": "RSI(5)"}, {"r": "RSI(9)"}
    grid = {"indicators": [slow, quick, dict(slow)], "entry": ["r < 40", "r < 45"], "exit": ["r > 60"]}
    result = admf.sweep(bars, "rules", grid, metrics=FEW)
    assert (result.compiled, result.trials, result.dropped) == (True, 4, 0)
    pairs = [(slow, "r < 40"), (slow, "r < 45"), (quick, "r < 40"), (quick, "r < 45")]
    assert list(zip(result.table["indicators"], result.table["entry"], strict=True)) == pairs
    assert_like_single(result, bars, "rules")
    stored = admf.sweep(bars, "rules", grid, metrics=FEW, output=tmp_path, chunk_size=3)
    pd.testing.assert_frame_equal(stored.table, result.table, check_exact=True)
    best = stored.best()
    assert best == result.best()
    assert admf.simulate(bars, "rules", best.params).metrics["sharpe_ratio"] == best.metrics["sharpe_ratio"]
    best.params["indicators"]["r"] = slow["r"] = "RSI(2)"  # neither is what the sweep holds
    assert stored.best().params["indicators"] in ({"r": "RSI(5)"}, {"r": "RSI(9)"})


def test_settings_that_cannot_be_hashed(random_bars):
    bars = random_bars(6, 200)
    tiers = [[{"above": 0, "bps": 5.0}], [{"above": 0, "bps": 50.0}]]
    grid = {"fast": [3], "slow": [12], "costs.commission_tiers": tiers}
    result = admf.sweep(bars, "sma_cross", grid, metrics=FEW)
    for number, each in enumerate(tiers):
        single = admf.simulate(bars, "sma_cross", {"fast": 3, "slow": 12}, costs={"commission_tiers": each})
        assert result.table["cum_returns_final"][number] == single.metrics["cum_returns_final"]
        assert result.trial(number).settings["costs"] == {"commission_tiers": each}


def test_a_grid_of_plain_values_is_told_what_to_write(random_bars):
    grid = {"indicators": {"r": "RSI(5)"}, "entry": ["r < 40", "r < 45"], "exit": "r > 60"}
    with pytest.raises(StrategyError) as caught:
        admf.sweep(random_bars(1), "rules", grid)
    assert str(caught.value) == (
        "parameter 'indicators' of the grid must be a list of values; found {'r': 'RSI(5)'}\n"
        "  hint: for one value write [{'r': 'RSI(5)'}]; likewise for exit"
    )


def test_a_strategy_that_numba_does_not_know(random_bars):
    bars = random_bars(7, 120)
    result = admf.sweep(bars, NeedsPython, {"length": [3, 4, 9]}, workers=2)
    assert not result.compiled
    assert result.warnings == (
        "the strategy is not compiled, and slower for it: it reads 'TARGETS', a dict; numbers, text and "
        "functions can be",
    )
    assert_like_single(result, bars, NeedsPython)


WINS, BARS = 0.5, 2.0  # of the metrics, too


def ratio(one, two):
    return one / two * WINS * BARS


class Namesakes:
    """Its names are those of the metrics' own code."""

    parameters: ClassVar = {"length": Int(2, 50, default=5)}

    @staticmethod
    def indicators(p):
        return {"average": SMA(p.length)}

    @staticmethod
    def on_bar(close, average):
        return 1.0 if ratio(close, average) > 1.0 else 0.0


def test_names_of_a_strategy_may_be_those_of_the_metrics(random_bars):
    bars = random_bars(2)
    result = admf.sweep(bars, Namesakes, {"length": [3, 9]})
    assert result.compiled
    single = admf.simulate(bars, Namesakes, {"length": 9}).metrics
    assert result.table.loc[1, list(STREAMED)].to_dict() == pytest.approx(
        {name: single[name] for name in STREAMED}, rel=0, abs=0, nan_ok=True
    )


class Loud:
    parameters: ClassVar = {"size": Float(0.0, 5.0)}

    @staticmethod
    def on_bar(close, prev_close, size):
        return size if close > prev_close else 0.0


@pytest.mark.parametrize(
    ("more", "warnings"),
    [
        (
            {"sizing": {"lot_size": 1}},
            (
                "1 trial: decisions beyond -1 or 1 were cut to the full position",
                "1 trial: orders were rejected: the budget did not buy one lot, or any units",
                "2 trials: no order was filled",
            ),
        ),
        (
            {"sizing": {"method": "fixed_units", "units": 1e6}},
            (
                "1 trial: decisions beyond -1 or 1 were cut to the full position",
                "2 trials: orders were rejected: not affordable",
                "3 trials: no order was filled",
            ),
        ),
    ],
)
def test_what_is_to_be_told_of_trials_is_counted(random_bars, monkeypatch, more, warnings):
    bars, sizes = random_bars(2), [0.0, 1e-9, 0.5, 3.0]
    result = admf.sweep(bars, Loud, {"size": sizes}, **more)
    assert result.warnings == warnings
    monkeypatch.setattr("admf.simulation.sweeps.engine.Engine.kernel_of", lambda *_: "as a test")
    plain = admf.sweep(bars, Loud, {"size": sizes}, **more)
    assert not plain.compiled
    assert plain.warnings[1:] == warnings
    pd.testing.assert_frame_equal(plain.table, result.table, check_exact=True)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from([1, 2, "x", None]), max_size=4)))
def test_a_grid_is_every_combination_the_last_name_quickest(grid):
    columns, total = _product(grid)
    rows = list(itertools.product(*(dict.fromkeys(values) for values in grid.values())))
    assert total == len(rows)
    assert columns == {name: [row[at] for row in rows] for at, name in enumerate(grid)}


def test_constraints_leave_combinations_of_a_grid_out(random_bars):
    result = admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW)
    assert (result.trials, result.dropped) == (7, 2)
    told = "<SweepResult sma_cross: 7 of 7 trials (2 combinations dropped by constraints), 4 metrics, "
    assert repr(result).startswith(told)
    pairs = list(zip(result.table["fast"], result.table["slow"], strict=True))
    assert pairs == [(3, 5), (3, 12), (3, 20), (5, 12), (5, 20), (8, 12), (8, 20)]
    assert result.top("sharpe_ratio", 3)["sharpe_ratio"].is_monotonic_decreasing
    assert result.top("sharpe_ratio", 3, lowest=True)["sharpe_ratio"].is_monotonic_increasing


def test_the_best_trial_is_what_a_single_simulation_is_told(random_bars):
    bars = random_bars(1)
    grid = {**GRID, "costs.slippage_bps": [0.0, 5.0], "execution.stop_loss_pct": [None, 2.0]}
    common = {
        "costs": {"commission_bps": 7.0, "slippage_bps": 90.0},
        "sizing": SizingConfig(fraction=0.5),
        "initial_cash": 5_000.0,
        "risk_free_pct": 1.0,
        "start": bars.index[20].date(),
    }
    result = admf.sweep(bars, "sma_cross", grid, metrics=["sharpe_ratio", "trades"], **common)
    best = result.best()
    assert best.metrics["sharpe_ratio"] == result.table["sharpe_ratio"].max()
    assert best.number == result.table["sharpe_ratio"].idxmax() == result.top().index[0]
    assert {type(value) for value in best.params.values()} == {int}
    assert best.settings["costs"] == {"commission_bps": 7.0, "slippage_bps": 0.0}
    assert best.settings["sizing"] == {"fraction": 0.5}
    single = admf.simulate(bars, "sma_cross", best.params, **best.settings)
    assert single.metrics["sharpe_ratio"] == best.metrics["sharpe_ratio"]
    assert single.initial_cash == 5_000.0
    assert result.best("trades", lowest=True).metrics["trades"] == result.table["trades"].min()
    assert result.trial(best.number) == best
    with pytest.raises(AdmfError, match="no finished trial has the number 99"):
        result.trial(99)


def test_a_setting_that_is_none_in_other_trials_is_told_as_it_was(random_bars):
    """Whole bars and None are a column of floats, which the config would refuse of a number of bars."""
    bars = random_bars(2, 60)
    common = {"execution": {"limit_offset_bps": 300.0}}
    for bars_in_force in ([None, 2], [2, None]):
        grid = {"length": [2], "execution.order_type": ["limit"]}
        grid["execution.cancel_after_bars"] = bars_in_force
        result = admf.sweep(bars, NeedsPython, grid, metrics=["trades"], **common)
        assert result.table["execution.cancel_after_bars"].dtype == float
        trial = result.best("trades")
        told = trial.settings["execution"]["cancel_after_bars"]
        assert repr(told) == repr(bars_in_force[trial.number])
        single = admf.simulate(bars, NeedsPython, trial.params, **trial.settings)
        assert single.metrics["trades"] == trial.metrics["trades"]


def test_what_the_trials_name_is_judged_with_their_values(random_bars):
    """Alone the base would be wrong: 5 units do not go with the default method."""
    bars, base = random_bars(1), {"sizing": {"units": 5.0}}
    result = admf.sweep(bars, "sma_cross", {**GRID, "sizing.method": ["fixed_units"]}, metrics=FEW, **base)
    best = result.best("cum_returns_final")
    single = admf.simulate(bars, "sma_cross", best.params, **best.settings)
    assert single.metrics["cum_returns_final"] == best.metrics["cum_returns_final"]
    both = {**GRID, "sizing.method": ["fixed_units", "cash_fraction"], "costs.slippage_bps": [0.0]}
    with pytest.raises(ConfigError) as caught:
        admf.sweep(bars, "sma_cross", both, metrics=FEW, **base)
    assert str(caught.value) == (
        "the trial of sizing.method = cash_fraction, costs.slippage_bps = 0.0 has 1 problem\n"
        "  sizing.units: does not go with method cash_fraction\n    found: 5.0\n"
        "    hint: remove it, or write method: fixed_units"
    )


def test_the_best_of_a_metric_is_in_its_better_direction(random_bars):
    result = admf.sweep(random_bars(1), "sma_cross", GRID)
    assert set(result.metrics) > LOWER_IS_BETTER
    for metric in result.metrics:
        column = result.table[metric]
        better, worse = (column.min(), column.max())[:: 1 if metric in LOWER_IS_BETTER else -1]
        assert result.best(metric).metrics[metric] == result.top(metric, 1)[metric].iloc[0] == better
        assert result.best(metric, lowest=metric not in LOWER_IS_BETTER).metrics[metric] == worse
    assert result.table["max_drawdown"].max() < 0  # the least deep one is the highest


def test_a_best_trial_that_there_is_not_is_told(random_bars):
    result = admf.sweep(random_bars(1, 60), "sma_cross", {"fast": [5], "slow": [61, 62]}, metrics=FEW)
    with pytest.raises(AdmfError, match="no trial of this sweep has a sharpe_ratio: it is NaN in all 2"):
        result.best("sharpe_ratio")
    assert len(result.top("sharpe_ratio")) == 0
    with pytest.raises(AdmfError, match="this sweep has no metric 'calmar'"):
        result.best("calmar")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("total_return", "cum_returns_final"),
        ("Closed trades", "trades"),
        ("sharpe", "sharpe_ratio"),
        ("maximum drawdown", "max_drawdown"),
        ("tail_ratio", None),
        ("xyz", None),
    ],
)
def test_an_unknown_metric_may_be_a_title_of_the_reports(random_bars, name, meant):
    result = admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW)
    guess = f"did you mean {meant}? " if meant else ""
    with pytest.raises(AdmfError) as caught:
        result.best(name)
    assert str(caught.value) == (
        f"this sweep has no metric {name!r}\n  hint: {guess}it computed: {', '.join(FEW)}"
    )
    if meant:
        with pytest.raises(AdmfError, match=f"no metric is called '{name}'\n  hint: did you mean {meant}"):
            admf.sweep(random_bars(1), "sma_cross", GRID, metrics=[name])


def test_help_names_the_metrics_that_do_not_stream():
    about = admf.sweep.__doc__.partition("    metrics\n")[2].partition("    workers\n")[0]
    assert [name for name in GLOSSARY if name not in STREAMED and name in about] == list(TAILS)


def test_trials_that_never_have_their_values_are_nan(random_bars):
    bars = random_bars(1, 60)
    result = admf.sweep(bars, "sma_cross", {"fast": [5], "slow": [10, 61]}, metrics=FEW)
    assert result.table.loc[1, FEW].isna().all()
    assert result.table.loc[0, FEW].notna().all()
    assert result.warnings == (
        "1 trials have no metrics: their values are complete on none of the 60 bars; load more bars, or "
        "choose shorter periods",
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"fats": [1], "slow": [20]},
            "strategy 'sma_cross': 1 problem in its parameters\n  fats: is no parameter of this strategy\n"
            "    allowed: fast, slow\n    hint: did you mean fast?",
        ),
        (
            {"fast": 5},
            "parameter 'fast' of the grid must be a list of values; found 5\n  hint: for one value write [5]",
        ),
        (
            {"stop_loss_pct": [2.0], "initial_cash": [1e4, 1e5]},
            "strategy 'sma_cross': 2 problems in its parameters\n"
            "  stop_loss_pct: is no parameter of this strategy\n    allowed: fast, slow\n"
            "    hint: as a setting write execution.stop_loss_pct\n"
            "  initial_cash: is no parameter of this strategy\n    allowed: fast, slow\n"
            "    hint: settings are columns too: execution.KEY, sizing.KEY, costs.KEY, margin.KEY, risk.KEY; "
            "what else `sweep` takes holds for all trials",
        ),
        (
            {"fast": [[5, 10], {"of": 5}]},
            "strategy 'sma_cross': 2 problems in its parameters\n"
            "  fast: must be a whole number; found [5, 10]\n  fast: must be a whole number; found {'of': 5}",
        ),
        (
            {"fast": [20], "slow": [10]},
            "strategy 'sma_cross': the sweep has no trial; its constraints rule out all 1 combinations\n"
            "  hint: give each parameter at least one value, and leave one combination that is allowed",
        ),
        (
            [5, 10],
            "the parameters of a sweep must be a table or lists of values; found [5, 10]\n  hint: give a "
            'DataFrame with a row a trial, or a grid such as {"fast": [5, 10], "slow": range(20, 60)}',
        ),
    ],
)
def test_wrong_parameters(random_bars, parameters, message):
    with pytest.raises(StrategyError) as caught:
        admf.sweep(random_bars(1), "sma_cross", parameters)
    assert str(caught.value) == message


def test_a_table_says_which_rows_are_wrong(random_bars):
    table = pd.DataFrame({"fast": [5, 30, 9], "slow": [10, 20, 9]})
    with pytest.raises(StrategyError) as caught:
        admf.sweep(random_bars(1), "sma_cross", table)
    assert "fast, slow: row 1 must satisfy fast < slow; found fast=30, slow=20" in str(caught.value)
    assert "fast, slow: row 2 must satisfy fast < slow; found fast=9, slow=9" in str(caught.value)


def test_metrics_that_cannot_be_streamed(random_bars):
    with pytest.raises(AdmfError) as caught:
        admf.sweep(random_bars(1), "sma_cross", GRID, metrics=["tail_ratio", "trades"])
    assert str(caught.value) == (
        "a sweep cannot stream tail_ratio: it needs the returns in order of size\n"
        f"  hint: a sweep streams: {', '.join(STREAMED)}"
    )
    with pytest.raises(
        AdmfError, match="no metric is called 'sharp_ratio'\n  hint: did you mean sharpe_ratio"
    ):
        admf.sweep(random_bars(1), "sma_cross", GRID, metrics=["sharp_ratio"])


@pytest.mark.parametrize("name", ["workers", "chunk_size"])
def test_wrong_counts(random_bars, name):
    with pytest.raises(AdmfError) as caught:
        admf.sweep(random_bars(1), "sma_cross", GRID, **{name: 0})
    assert str(caught.value) == f"{name} must be a whole number from 1; found 0"


def test_cancelled_between_trials(random_bars):
    bars = random_bars(1, 500)
    grid = {"fast": list(range(2, 60)), "slow": list(range(60, 160))}
    whole = admf.sweep(bars, "sma_cross", grid, metrics=FEW)
    event = threading.Event()
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done >= 500:
            event.set()

    part = admf.sweep(
        bars, "sma_cross", grid, metrics=FEW, chunk_size=500, cancel=event, on_progress=progress
    )
    assert part.stopped == "cancelled"
    assert not part.complete
    assert 500 <= part.finished < part.trials == seen[-1][1] == 5800
    pd.testing.assert_frame_equal(part.table, whole.table.loc[part.table.index], check_exact=True)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_deadline(random_bars):
    late = admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW, deadline_seconds=0.0)
    assert (late.stopped, late.finished, len(late.table)) == ("deadline", 0, 0)
    assert list(late.table.columns) == ["fast", "slow", *FEW]
    fine = admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW, deadline_seconds=60.0)
    assert fine.stopped is None
    assert fine.complete


def test_a_deadline_ends_the_check_of_many_settings(random_bars, monkeypatch):
    asked = []
    monkeypatch.setattr("admf.simulation.sweeps.variants.settings_of", asked.append)
    grid = {**GRID, "execution.stop_loss_pct": [1.0 + at / 100 for at in range(50)]}
    late = admf.sweep(random_bars(1), "sma_cross", grid, metrics=FEW, deadline_seconds=0.0)
    assert (late.stopped, late.finished, len(late.table), asked) == ("deadline", 0, 0, [])


def test_parquet_is_resumed(random_bars, tmp_path):
    bars = random_bars(1, 300)
    whole = admf.sweep(bars, "sma_cross", GRID, metrics=FEW).table
    common = {"metrics": FEW, "chunk_size": 2, "output": tmp_path / "out"}
    done = []
    part = admf.sweep(
        bars, "sma_cross", GRID, on_progress=lambda n, _: done.append(n), cancel=lambda: bool(done), **common
    )
    assert part.stopped == "cancelled"
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert 1 <= len(kept) < 4
    assert all(name.startswith("part-") for name in kept)  # no half files
    rest = admf.sweep(bars, "sma_cross", GRID, **common)
    assert rest.complete
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert {name: after[name] for name in kept} == kept  # none was computed again
    pd.testing.assert_frame_equal(rest.table, whole, check_exact=True)


def test_what_a_later_chunk_refuses_leaves_the_earlier_ones(random_bars, tmp_path):
    class Refuses:
        parameters: ClassVar = {"length": Int(2, 50)}

        @staticmethod
        def indicators(p):
            if p.length == 9:
                raise ValueError("nine")
            return {"average": SMA(p.length)}

        @staticmethod
        def on_bar(close, average):
            return 1.0 if close > average else 0.0

    grid = {"length": [3, 4, 9, 5]}
    with pytest.raises(StrategyError, match="nine"):
        admf.sweep(random_bars(1), Refuses, grid, metrics=FEW, chunk_size=1, output=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-000000.parquet", "part-000001.parquet"]


@pytest.mark.parametrize(
    "change",
    [{"metrics": ["trades"]}, {"initial_cash": 5.0}, {"risk_free_pct": 1.0}, {"start": "2015-03-02"}],
)
def test_the_files_of_another_sweep_are_left_alone(random_bars, tmp_path, change):
    common = {"metrics": FEW, "output": tmp_path}
    admf.sweep(random_bars(1, 300), "sma_cross", GRID, **common)
    with pytest.raises(AdmfError) as caught:
        admf.sweep(random_bars(1, 300), "sma_cross", GRID, **(common | change))
    assert str(caught.value) == (
        f"{tmp_path / 'part-000000.parquet'} is of another sweep: other data, parameters, settings, "
        "metrics or chunks\n  hint: choose an empty folder, or remove the part-*.parquet files"
    )


def test_a_failing_step_is_told(random_bars):
    class Divides:
        parameters: ClassVar = {"by": Int(0, 5)}

        @staticmethod
        def on_bar(close, by):
            if by == 3:
                raise ValueError("three")
            return 1.0

    with pytest.raises(StrategyError, match="ValueError: three"):
        admf.sweep(random_bars(1), Divides, {"by": [1, 3]})


def test_what_on_progress_raises_ends_the_sweep(random_bars):
    def progress(done, total):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW, on_progress=progress)


def test_an_interrupt_stops_what_the_threads_still_do(random_bars, monkeypatch):
    """Trials that nobody waits for any more are not computed to their end."""
    counted = []
    slice_of = Engine._slice

    def counting(self, kernel, found, begin, end, flags, common):
        slice_of(self, kernel, found, begin, end, flags, common)
        counted.append(int(flags[1]))

    class Slow:
        parameters: ClassVar = {"by": Int(1, 4000)}

        @staticmethod
        def on_bar(close, by):
            total = 0.0
            for i in range(200):
                total += (close * by + i) % 3.0
            return 1.0 if total > 300.0 else -1.0

    def progress(count, total):
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "_slice", counting)
    with pytest.raises(KeyboardInterrupt):
        admf.sweep(
            random_bars(1, 2000), Slow, {"by": range(1, 4001)}, metrics=FEW, workers=2, chunk_size=4000,
            on_progress=progress,
        )  # fmt: skip
    assert 0 < sum(counted) < 4000


@pytest.mark.parametrize("section", [5, "x", [1]])
def test_a_section_that_is_none(random_bars, section):
    with pytest.raises(ConfigError, match=r"costs: must be a section"):
        admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW, costs=section)


def test_a_trial_keeps_the_settings_that_it_ran_under(random_bars):
    costs = {"commission_bps": 5.0}
    found = admf.sweep(random_bars(1), "sma_cross", GRID, metrics=FEW, costs=costs)
    costs["commission_bps"] = 50.0
    assert found.trial(0).settings["costs"] == {"commission_bps": 5.0}
    with pytest.raises(AdmfError, match="no finished trial"):
        found.trial([0])


def test_threads_take_turns_as_before_once_a_sweep_is_over(random_bars):
    bars = random_bars(3, 300)
    usual, seen = sys.getswitchinterval(), []

    def progress(done, total):
        seen.append(sys.getswitchinterval())

    admf.sweep(bars, "sma_cross", {"fast": [3, 5], "slow": [9, 20]}, workers=2, on_progress=progress)
    assert seen
    assert max(seen) < usual
    assert sys.getswitchinterval() == pytest.approx(usual)

    def fails(done, total):
        raise RuntimeError("told")

    with pytest.raises(RuntimeError):
        admf.sweep(bars, "sma_cross", {"fast": [3, 5], "slow": [9, 20]}, workers=2, on_progress=fails)
    assert sys.getswitchinterval() == pytest.approx(usual)
