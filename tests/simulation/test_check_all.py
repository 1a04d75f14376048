"""All faults of a config at once, and none that only follows from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from admf.core.config import parse_config
from admf.errors import ConfigError
from admf.simulation.check_all import further_problems

RULES = {"name": "rules", "params": {"indicators": {"fast": "SMMA(10)"}, "entry": "close > fast"}}


def problems(backtest: dict[str, Any], data: dict[str, Any] | None = None, **keys: Any) -> dict[str, str]:
    mapping = {"type": "backtest", "data_config": data or {}, "backtest_config": backtest, **keys}
    with pytest.raises(ConfigError) as caught:
        parse_config({"workflow": mapping}, further=further_problems)
    found = {problem.path.removeprefix("workflow."): problem.message for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a key is told twice"
    return found


@pytest.fixture
def csv(tmp_path: Path) -> str:
    days = pd.date_range("2020-01-01", periods=30, freq="D")
    prices = dict.fromkeys(("open", "high", "low", "close"), np.arange(30) + 10.0)
    frame = pd.DataFrame({"date": days, "symbol": "AAA", **prices})
    path = tmp_path / "prices.csv"
    frame.to_csv(path, index=False)
    return str(path)


def test_indicators_symbols_and_wrong_values_are_told_together(csv: str) -> None:
    data = {"source": "csv", "path": csv, "symbols": ["AAB"], "calendar": 5}
    found = problems({"strategy": RULES, "costs": {"commission_bps": "x"}}, data)
    assert set(found) == {
        "backtest_config.costs.commission_bps",
        "backtest_config.strategy.params.indicators.fast",
        "data_config",
        "data_config.calendar",
    }
    assert "has no symbol 'AAB'" in found["data_config"]


def test_parameters_and_dates_are_judged_beside_a_wrong_cost(csv: str) -> None:
    backtest = {
        "strategy": {"name": "sma_cross", "params": {"fast": 0}},
        "start_date": "2030-01-01",
        "costs": {"commission_bps": -1},
    }
    found = problems(backtest, {"source": "csv", "path": csv, "symbols": ["AAA"]})
    assert set(found) == {
        "backtest_config.costs.commission_bps",
        "backtest_config.strategy.params.fast",
        "backtest_config.start_date",
    }


def test_allocations_and_their_strategies_are_judged() -> None:
    entries = {"A": "sma_crss", "B": {"name": "sma_cross", "params": {"fast": 0}}}
    portfolio = {"allocation": {"name": "per_strategy", "params": {"strategies": entries}}}
    found = problems({"portfolio": portfolio}, {"symbols": ["A", "B"]}, log_level="LOUD")
    below = "backtest_config.portfolio.allocation.params.strategies"
    assert set(found) == {"data_config", f"{below}.A", f"{below}.B.params.fast", "log_level"}
    unknown = {"allocation": {"name": "equal_wait"}}
    assert "backtest_config.portfolio.allocation.name" in problems({"portfolio": unknown}, log_level="LOUD")


@pytest.mark.parametrize(
    "data",
    [
        {"source": "cvs", "path": "x.csv", "symbols": ["A"]},  # not: path does not go with sample
        {"source": "csv", "symbols": ["A"]},
        {"source": "csv", "path": "x.csv", "symbls": ["A"], "symbols": ["A"]},
        {"source": "sample", "symbols": "NASDAQ"},
    ],
)
def test_data_that_may_not_be_meant_are_not_read(data: dict[str, Any]) -> None:
    found = problems({"strategy": {"name": "buy_and_hold"}}, data)
    assert len(found) == 1
    assert "data_config" not in found


def test_weights_are_not_compared_with_a_default_symbol() -> None:
    weights = {"allocation": {"name": "fixed_weights", "params": {"weights": {"AAA": 1.0}}}}
    assert set(problems({"portfolio": weights}, {"symbols": 5})) == {"data_config.symbols"}


def test_a_missing_base_hides_no_wrong_value_and_no_wrong_name() -> None:
    mapping = {
        "extends": "preset:crypto_dayly",
        "workflow": {
            "log_level": "LOUD",
            "data_config": {"source": "csv", "symbols": ["A"]},  # the base may have the path
            "backtest_config": {"strategy": {"name": "sma_crss", "params": {"x": 1}}, "costs": {"fee": 1}},
        },
    }
    with pytest.raises(ConfigError) as caught:
        parse_config(mapping, further=further_problems)
    assert {problem.path for problem in caught.value.problems} == {
        "extends",
        "workflow.log_level",
        "workflow.backtest_config.strategy.name",
        "workflow.backtest_config.costs.fee",
    }


def test_a_section_that_is_not_there_hides_no_missing_file() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            {"type": "backtest", "data_config": {"source": "csv", "path": "no.csv", "symbols": ["A"]}},
            further=further_problems,
        )
    assert [problem.path for problem in caught.value.problems] == [
        "workflow.backtest_config",
        "workflow.data_config.path",
    ]


def test_an_unknown_key_hides_no_fault_of_a_list_beside_it() -> None:
    tiers = [{"above": 50_000.0, "bps": 4.0}, {"above": 0.0, "bps": 8.0}]
    costs = {"commission_tiers": tiers, "slippage_pct": 3.0}
    found = problems({"strategy": {"name": "buy_and_hold"}, "costs": costs})
    assert found == {
        "backtest_config.costs.slippage_pct": "is an unknown key",
        "backtest_config.costs.commission_tiers.0.above": "must be 0 in the first tier",
        "backtest_config.costs.commission_tiers.1.above": "must be greater than in the tier before",
    }


def test_a_missing_file_hides_nothing_of_the_other_symbols(csv: str) -> None:
    """Dates and columns are judged by the bars that are there, weights by all symbols that are named."""
    one = Path(csv).with_name("AAA.csv")
    one.write_text(Path(csv).read_text())
    Path(csv).with_name("BBB.csv").write_text(
        "date,open,high,low,close\n2020-01-01,1,1,1,0\n2020-01-02,1,1,1,1\n"
    )
    data = {"source": "csv", "path": str(one.with_name("{symbol}.csv")), "symbols": ["AAA", "BBB", "CCC"]}
    weights = {"AAA": 0.5, "CCC": 0.3, "ZZZ": 0.1}
    tiers = [{"above": 5.0, "bps": 4.0}, {"above": 0.0, "bps": 8.0}]  # two faults of one list
    found = problems(
        {
            "portfolio": {"allocation": {"name": "fixed_weights", "params": {"weights": weights}}},
            "start_date": "2030-01-01",
            "costs": {"spread_column": "sprd", "commission_tiers": tiers},
        },
        data,
    )
    assert set(found) == {
        "backtest_config.costs.commission_tiers.0.above",
        "backtest_config.costs.commission_tiers.1.above",
        "backtest_config.costs.spread_column",
        "backtest_config.portfolio.allocation.params.weights.ZZZ",
        "backtest_config.start_date",
        "data_config",
        "data_config.path",
    }
    assert "CCC.csv does not exist" in found["data_config.path"]
    assert "BBB (csv): refused, 1 error in the data" in found["data_config"]


def test_an_unknown_calendar_is_told_once_and_hides_nothing(csv: str) -> None:
    for name in ("AAA.csv", "BBB.csv"):
        Path(csv).with_name(name).write_text(Path(csv).read_text().replace("AAA", name[:3]))
    path = str(Path(csv).with_name("{symbol}.csv"))
    data = {"source": "csv", "path": path, "symbols": ["AAA", "BBB"], "calendar": "XNYZ"}
    found = problems({"portfolio": {}, "start_date": "2030-01-01", "costs": {"spread_colum": "x"}}, data)
    assert set(found) == {
        "backtest_config.costs.spread_colum",
        "backtest_config.start_date",
        "data_config.calendar",
    }
    assert found["data_config.calendar"] == "'XNYZ' is no exchange calendar; did you mean 'XNYS'?"
