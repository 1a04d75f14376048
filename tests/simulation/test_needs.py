"""Columns that a backtest's settings name, and the volume that they need, must be in the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.errors import ConfigError
from admf.simulation.check import check_backtest
from admf.simulation.facts import ADV, ATR_BEFORE, SIGMA, FactNeeds, facts_of
from admf.simulation.needs import missing_data, require_volume
from admf.strategies import Float
from admf.strategies.orders import limit_order


def config_of(**sections: Any) -> BacktestConfig:
    return BacktestConfig(strategy={"name": "buy_and_hold"}, **sections)


@pytest.fixture(scope="module")
def bars(by_hand):
    return replace(by_hand([(1, 1, 1, 1)] * 5), extra={"spread": np.ones(5), "halted": np.zeros(5)})


ALL = {
    "execution": {"halted_column": "halted", "max_participation_pct": 10, "halt_on_zero_volume": True},
    "costs": {"spread_column": "spread", "impact": 1},
}


def test_what_is_there_is_no_problem(bars, by_hand):
    assert missing_data(bars, config_of(**ALL)) == []
    enough = replace(by_hand([(1, 1, 1, 1)] * 22), extra=dict.fromkeys(bars.extra, np.ones(22)))
    assert check_backtest(enough, config_of(**ALL)) == []


def test_a_column_that_is_not_there_is_named(bars):
    config = config_of(costs={"spread_column": "spred"}, margin={"locates": "column", "locate_column": "x"})
    assert [str(problem) for problem in missing_data(bars, config)] == [
        f"costs.spread_column: {bars.symbol}: spread_column names 'spred', which the data do not have; "
        "columns there: 'spread', 'halted'\n    hint: did you mean 'spread'?",
        f"margin.locate_column: {bars.symbol}: locate_column names 'x', which the data do not have; columns "
        "there: 'spread', 'halted'",
    ]
    assert [problem.path for problem in check_backtest(bars, config)] == [
        "costs.spread_column",
        "margin.locate_column",
    ]


def test_what_needs_volume_is_refused_where_there_is_none(bars):
    silent = replace(bars, volume=np.zeros(5))
    found = {problem.path: problem.message for problem in missing_data(silent, config_of(**ALL))}
    none = "needs volume, and the data has none"
    assert found == {
        "execution.max_participation_pct": f"{none}: nothing would ever be filled",
        "execution.halt_on_zero_volume": f"{none}: every bar would be halted",
        "costs.impact": f"{none}: no fill would have any impact",
    }
    with pytest.raises(ConfigError, match=r"costs\.impact: needs volume"):
        require_volume(silent, config_of(costs={"impact": 1}))
    with pytest.raises(ConfigError, match=r"execution\.max_participation_pct: needs volume"):
        admf.simulate(silent, "buy_and_hold", execution={"max_participation_pct": 5})
    assert missing_data(silent, config_of()) == []


@pytest.mark.parametrize(
    ("grid", "sections", "problem"),
    [
        (
            {"fast": [2]},
            {"execution": {"halt_on_zero_volume": True}},
            "execution.halt_on_zero_volume: needs volume, and the data has none: every bar would be halted",
        ),
        (
            {"fast": [2], "execution.max_participation_pct": [None, 5.0]},
            {},
            "execution.max_participation_pct: needs volume, and the data has none: nothing would ever be "
            "filled",
        ),
    ],
)
def test_a_sweep_refuses_what_its_trials_need_volume_for(bars, grid, sections, problem):
    with pytest.raises(ConfigError) as caught:
        admf.sweep(replace(bars, volume=np.zeros(5)), "sma_cross", grid, **sections)
    assert [f"{each.path}: {each.message}" for each in caught.value.problems] == [problem]


class Limits:
    """Gives its own orders."""

    parameters: ClassVar = {"share": Float(0.1, 1.0, default=1.0)}

    @staticmethod
    def on_bar(close, share):
        return limit_order(share, 0.5 * close)


OF_TARGETS = {
    "order_type": "stop_limit",
    "limit_offset_bps": 5,
    "time_in_force": "day",
    "cancel_after_bars": 3,
}


def test_keys_for_targets_are_refused_where_the_strategy_gives_orders(bars):
    message = "does nothing here: the strategy gives its own orders, and these say it themselves"
    runs: list[Callable[[], Any]] = [
        lambda: admf.simulate(bars, Limits, execution=OF_TARGETS),
        lambda: admf.SimulationSession(Limits, timeframe="1d", execution=OF_TARGETS),
        lambda: admf.sweep(bars, Limits, {"share": [0.5, 1.0]}, execution=OF_TARGETS),
        lambda: admf.sweep(
            bars,
            Limits,
            {f"execution.{key}": [value] for key, value in OF_TARGETS.items()},
        ),
    ]
    for run in runs:
        with pytest.raises(ConfigError) as caught:
            run()
        assert [problem.path for problem in caught.value.problems] == [
            f"execution.{key}" for key in OF_TARGETS
        ]
        assert {problem.message for problem in caught.value.problems} == {message}
        assert "limit_order(" in str(caught.value.problems[0].hint)
    admf.simulate(bars, "buy_and_hold", execution=OF_TARGETS)
    admf.simulate(bars, Limits)


def test_keys_for_targets_are_a_problem_of_the_dry_run(bars):
    config = BacktestConfig(strategy={"name": f"{__name__}:Limits"}, execution={"time_in_force": "fok"})
    for data in (None, bars):
        (problem,) = check_backtest(data, config, [__name__])
        assert (problem.path, problem.found) == ("execution.time_in_force", "fok")
    assert check_backtest(bars, config_of(execution={"time_in_force": "fok"})) == []


WINDOWS: dict[str, tuple[dict[str, Any], str, int]] = {
    "slippage": ({"costs": {"slippage_volatility": 1, "volatility_bars": 0}}, "costs.volatility_bars", 3),
    "impact": ({"costs": {"impact": 1, "volatility_bars": 2, "adv_bars": 0}}, "costs.adv_bars", 4),
    "size": (
        {"sizing": {"method": "volatility_target", "target_volatility_pct": 9, "volatility_bars": 0}},
        "sizing.volatility_bars",
        3,
    ),
    "stop": ({"execution": {"trailing_stop_atr": 2, "atr_bars": 0}}, "execution.atr_bars", 3),
    "risk": (
        {"execution": {"atr_bars": 0}, "sizing": {"method": "atr_risk", "risk_pct": 1}},
        "execution.atr_bars",
        3,
    ),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_an_estimate_that_is_never_complete_is_a_problem_of_the_dry_run(bars, case):
    """Five bars: the last that trades is the fifth, and knows the four before it."""
    sections, path, most = WINDOWS[case]

    def problems(window: int) -> list[Any]:
        name, key = path.split(".")
        config = config_of(**(sections | {name: sections[name] | {key: window}}))
        return check_backtest(bars, config)

    assert problems(most) == []
    (problem,) = problems(most + 1)
    assert (problem.path, problem.allowed) == (path, f"at most {most}")
    assert problem.message.startswith("is never complete: no ")


def test_a_window_that_just_fits_is_known_on_the_last_bar(by_hand):
    bars = by_hand([(100 + at % 2, 102, 99, 100 + at % 2) for at in range(5)])
    needs = FactNeeds(volatility_bars=3, adv_bars=4, atr_bars=3)
    known = facts_of(bars, needs).rows[:, [SIGMA, ADV, ATR_BEFORE]]
    np.testing.assert_array_equal(np.isfinite(known).sum(axis=0), [1, 1, 1])
    wider = facts_of(bars, FactNeeds(volatility_bars=4, adv_bars=5, atr_bars=4)).rows
    assert not np.isfinite(wider[:, [SIGMA, ADV, ATR_BEFORE]]).any()


def test_a_symbol_that_risk_forbids_is_a_problem_of_the_dry_run(bars):
    (problem,) = check_backtest(bars, config_of(risk={"allowed_symbols": ["X", "Y"]}))
    assert (problem.path, problem.found) == ("risk.allowed_symbols", "X, Y")
    assert bars.symbol in problem.message
    assert check_backtest(bars, config_of(risk={"allowed_symbols": ["X", bars.symbol]})) == []
