"""Columns that a backtest's settings name, and the volume that they need, must be in the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.errors import ConfigError
from admf.simulation.check import check_backtest
from admf.simulation.needs import missing_data, require_volume


def config_of(**sections: Any) -> BacktestConfig:
    return BacktestConfig(strategy={"name": "buy_and_hold"}, **sections)


@pytest.fixture(scope="module")
def bars(by_hand):
    return replace(by_hand([(1, 1, 1, 1)] * 5), extra={"spread": np.ones(5), "halted": np.zeros(5)})


ALL = {
    "execution": {"halted_column": "halted", "max_participation_pct": 10, "halt_on_zero_volume": True},
    "costs": {"spread_column": "spread", "impact": 1},
}


def test_what_is_there_is_no_problem(bars):
    assert missing_data(bars, config_of(**ALL)) == []
    assert check_backtest(bars, config_of(**ALL)) == []


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
