"""Which parameters an indicator reads, from the source: asked less often, and nothing else changes."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from admf import load_bars, sweep
from admf.errors import StrategyError
from admf.indicators import BBANDS, EMA, SMA
from admf.simulation.sweeps import reads
from admf.simulation.sweeps.reads import reads_of
from admf.strategies import Choice, Float, Int

LENGTH = 3


def plain(p):
    """Two averages."""
    return {"fast_ma": SMA(p.fast), "slow_ma": EMA(p["slow"] * LENGTH), "fixed": SMA(5)}


def with_names(p):
    bands = BBANDS(p.period, p.width, p.width)
    twice = bands
    return {"upper": twice.upperband, "middle": SMA(p.period)}


def choosing(p):
    return {"ma": SMA(p.fast) if p.kind == "sma" else EMA(p.slow)}


def passing_all(p):
    return {"ma": helper(p)}


def helper(p):
    return SMA(p.fast)


def by_method(p):
    return {"ma": SMA(p.get("fast"))}


def in_a_loop(p):
    found = {}
    for name in ("a", "b"):
        found[name] = SMA(p.fast)
    return found


def in_a_comprehension(p):
    return {"ma": max((SMA(p) for p in (2, 3)), key=str)}


def spread(p):
    return {**plain(p)}


def naming_again(p):
    p = {"fast": 3}
    return {"ma": SMA(p["fast"])}


def under_condition(p):
    if p.fast > 3:
        return {"ma": SMA(p.fast)}
    return {"ma": SMA(p.slow)}


def decorated(function):
    def wrapper(p):
        return function(p)

    wrapper.__wrapped__ = function
    return wrapper


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (plain, {"fast_ma": ("fast",), "slow_ma": ("slow",), "fixed": ()}),
        (with_names, {"upper": ("period", "width"), "middle": ("period",)}),
        (choosing, {"ma": ("fast", "kind", "slow")}),
    ],
)
def test_the_source_tells(function, expected):
    assert reads_of(function) == expected


def refusing(p):
    gap = 1 / (p.slow - p.fast)  # noqa: F841
    return {"a": SMA(p.fast), "b": SMA(p.slow)}


def refusing_before(p):
    a = 1 / (p.slow - p.fast)
    a = SMA(p.fast)
    return {"a": a, "b": SMA(p.slow)}


def filling_a_list(p):
    periods = []
    _ = periods.append(p.fast)
    return {"a": SMA(periods[0]), "b": SMA(p.fast)}


def filling_a_mapping(p):
    kept = {}
    return {"a": SMA(kept.setdefault("n", p.fast)), "b": SMA(kept["n"] * 2)}


def by_locals(p):
    return {"a": SMA(locals()["p"].fast), "b": SMA(p.fast)}


def by_eval(p):
    return {"a": SMA(eval("p.fast")), "b": SMA(p.fast)}


def twice_the_same_name(p):
    return {"a": SMA(p.fast), "a": SMA(p.slow)}  # noqa: F601


@pytest.mark.parametrize(
    "function",
    [refusing, refusing_before, filling_a_list, filling_a_mapping, by_locals, by_eval, twice_the_same_name,
     passing_all, by_method, in_a_loop, in_a_comprehension, spread, naming_again, under_condition,
     decorated(plain), max, lambda p: {"ma": SMA(p.fast)}, lambda p, q: {}],
)  # fmt: skip
def test_the_source_does_not_tell(function):
    assert reads_of(function) is None


def test_a_file_that_was_edited_since_does_not_tell(tmp_path):
    file = tmp_path / "edited_strategy.py"
    file.write_text("def indicators(p):\n    return {'ma': (p.fast, p.slow)}\n")
    spec = importlib.util.spec_from_file_location("edited_strategy", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    file.write_text("def indicators(p):\n    return {'ma': (p.fast, 3)}\n")
    assert reads_of(module.indicators) is None


class Kinds:
    """A strategy with a text, a float, and one indicator that reads two parameters."""

    parameters: ClassVar = {
        "fast": Int(2, 30),
        "slow": Int(3, 60),
        "kind": Choice(["sma", "ema"]),
        "edge": Float(0.0, 0.1),
    }
    constraints = ("fast < slow",)
    asked = 0

    @staticmethod
    def indicators(p):
        Kinds.asked += 1
        return {"fast_ma": SMA(p.fast) if p.kind == "sma" else EMA(p.fast), "slow_ma": SMA(p.slow)}

    @staticmethod
    def on_bar(fast_ma, slow_ma, edge, kind):
        if kind == "ema" and fast_ma < slow_ma:
            return -1.0
        return 1.0 if fast_ma > slow_ma * (1.0 + edge) else 0.0


class Told(Kinds):
    """The same, in words that tell."""

    @staticmethod
    def indicators(p):
        fast = SMA(p.fast) if p.kind == "sma" else EMA(p.fast)
        return {"fast_ma": fast, "slow_ma": SMA(p.slow)}


@pytest.fixture(scope="module")
def bars():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.01, 400)))
    index = pd.date_range("2020-01-01", periods=400, freq="D", tz="UTC")
    return load_bars(pd.DataFrame({"open": close, "high": close, "low": close, "close": close}, index=index))


METRICS = ["final_equity", "trades"]
CALLS = []


def sma(length):
    CALLS.append(length)
    return SMA(length)


class Counted(Kinds):
    @staticmethod
    def indicators(p):
        return {"fast_ma": sma(p.fast), "slow_ma": sma(p.slow)}


def test_an_indicator_is_asked_once_for_each_value(bars):
    """3 x 3 values are 8 trials, but 6 calls of the function, which asks for both each time."""
    CALLS.clear()
    grid = {"kind": ["sma"], "fast": [3, 5, 9], "slow": [9, 20, 40], "edge": [0.0]}
    assert len(sweep(bars, Counted, grid, workers=1, metrics=METRICS).table) == 8
    bound = 2 * 3  # a strategy is bound in full where it is checked: at the start, and once for its kernel
    assert len(CALLS) <= 2 * 6 + bound


class NoIndicator(Kinds):
    @staticmethod
    def indicators(p):
        return {"fast_ma": SMA(p.fast) if p.fast > 3 else "close", "slow_ma": SMA(p.slow)}


class NoIndicatorUntold(NoIndicator):
    @staticmethod
    def indicators(p):
        if p.fast > 3:
            return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}
        return {"fast_ma": "close", "slow_ma": SMA(p.slow)}


@pytest.mark.parametrize("strategy", [NoIndicator, NoIndicatorUntold])
def test_what_is_no_indicator_is_refused_as_in_a_simulation(bars, strategy):
    grid = {"kind": ["sma"], "fast": [5, 3], "slow": [9], "edge": [0.0]}
    with pytest.raises(StrategyError, match="'fast_ma' must be a spec such as SMA"):
        sweep(bars, strategy, grid, workers=1, metrics=METRICS)


class Refusing(Kinds):
    constraints = ()

    @staticmethod
    def indicators(p):
        gap = 1 / (p.slow - p.fast)  # noqa: F841
        return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}


def test_a_combination_that_the_function_refuses_is_refused(bars):
    grid = {"kind": ["sma"], "fast": [5, 9, 3], "slow": [9, 20], "edge": [0.0]}
    with pytest.raises(StrategyError, match="ZeroDivisionError"):
        sweep(bars, Refusing, grid, workers=1, metrics=METRICS)


@dataclass
class Ask:
    """A callable that cannot be hashed."""

    price: str

    def __call__(self, p):
        return {"fast_ma": SMA(p.fast, price=self.price), "slow_ma": SMA(p.slow)}


class ByCallable(Kinds):
    indicators = Ask("close")


def test_a_callable_that_cannot_be_hashed(bars):
    grid = {"kind": ["sma"], **GRID}
    found = sweep(bars, ByCallable, grid, workers=1, metrics=METRICS).table
    pd.testing.assert_frame_equal(found, sweep(bars, Told, grid, workers=1, metrics=METRICS).table)


def test_zero_is_one_value(bars):
    """-0.0 equals 0.0, so a sweep shares what they ask for; a parameter is never -0.0."""
    assert str(Float(-1.0, 1.0).accept(-0.0)) == "0.0"


GRID = {"fast": [3, 5, 9], "slow": [9, 20, 40], "edge": [0.0, 0.01], "costs.commission_bps": [0.0, 10.0]}


@pytest.mark.parametrize(
    ("more", "trials"), [({"kind": ["sma", "ema"]}, 64), ({"execution.stop_loss_pct": [None, 3.0]}, 64)],
    ids=["texts", "settings"],
)  # fmt: skip
def test_a_sweep_gives_the_same_with_and_without(bars, monkeypatch, more, trials):
    """Also with texts, which are part of the code, and settings, which choose the kernel."""
    assert reads_of(Kinds.indicators) is None
    assert reads_of(Told.indicators) == {"fast_ma": ("fast", "kind"), "slow_ma": ("slow",)}
    grid = {"kind": ["sma"], **GRID, **more}
    Kinds.asked = 0
    one_by_one = sweep(bars, Kinds, grid, workers=1, metrics=METRICS).table
    assert Kinds.asked >= trials
    together = sweep(bars, Told, grid, workers=1, metrics=METRICS).table
    monkeypatch.setattr(reads, "KEPT", 0)  # forgotten after every chunk
    forgetful = sweep(bars, Told, grid, workers=2, chunk_size=7, metrics=METRICS).table
    assert len(together) == trials
    pd.testing.assert_frame_equal(one_by_one, together, check_exact=True)
    pd.testing.assert_frame_equal(one_by_one, forgetful, check_exact=True)


def test_a_refused_indicator_is_told_with_its_strategy(bars):
    class Refused(Kinds):
        @staticmethod
        def indicators(p):
            return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow - 20)}

    with pytest.raises(Exception, match=r"Refused.*indicators: SMA: timeperiod is out of range; found -11"):
        sweep(bars, Refused, {"kind": ["sma"], **GRID}, workers=1)
