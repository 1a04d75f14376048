"""A portfolio from one YAML, through the coordinator: the numbers of the call in Python, and their tables."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

import admf
from admf.core.coordinator import Coordinator
from admf.errors import ConfigError
from admf.market import load_bars

ENSEMBLE = {
    "members": [
        {"name": "sma_cross", "params": {"fast": 20, "slow": 50}, "weight": 2},
        {"name": "momentum", "params": {"period": 60}},
    ],
    "aggregation": "majority",
    "capital": {"NASDAQ": 0.5, "SP500": 0.3},
}
COSTS = {"commission_bps": 2.0, "slippage_bps": 1.0, "spread_bps": 1.0}


@pytest.fixture
def portfolio(backtest):
    """Make the config of a small portfolio of the two sample symbols."""

    def make(allocation, rebalance=None, **settings):
        section = {
            "portfolio": {"allocation": allocation, "rebalance": rebalance or {}},
            "costs": COSTS,
            "start_date": "2005-01-01",
        }
        symbols = {"data_config__symbols": ["SP500", "NASDAQ"]}
        return backtest(backtest_config=section, **symbols, **settings)

    return make


def in_python(name, params, rebalance=None):
    span = {"start": "2004-01-01", "end": "2008-12-31"}
    bars = {name: load_bars(f"sample:{name}", **span) for name in ("SP500", "NASDAQ")}
    return admf.simulate_portfolio(bars, name, params, rebalance=rebalance, costs=COSTS, start="2005-01-01")


def table(result, name) -> pd.DataFrame:
    return pd.read_parquet(Path(result.run_folder) / result.artifacts[name])


async def test_a_yaml_gives_what_the_call_gives_and_its_parts_add_up(portfolio, tmp_path):
    path = tmp_path / "portfolio.yaml"
    config = portfolio({"name": "ensemble", "params": ENSEMBLE}, output__report=True)
    path.write_text(yaml.safe_dump({"workflow": config}))
    async with Coordinator(config_path=path) as coordinator:
        result = await coordinator.execute_workflow()
        assert result.success, result.errors
        replay = await coordinator.replay(result.workflow_id, tmp_path / "runs")
    called = in_python("ensemble", ENSEMBLE)
    assert result.digest == called.digest
    assert replay.reproduced
    assert result.metrics == pytest.approx(called.metrics, nan_ok=True)
    assert result.warnings == called.warnings

    gained = result.metrics["final_equity"] - 100_000
    by_symbol, by_strategy = table(result, "attribution"), table(result, "attribution_by_strategy")
    assert by_symbol["pnl"].sum() == pytest.approx(gained, abs=0.005)
    assert by_strategy["pnl"].sum() == pytest.approx(gained, abs=0.005)
    assert by_symbol["commission"].sum() == pytest.approx(result.final_results["costs"]["commission"])
    final = result.final_results
    assert sum(final["attribution"].values()) == pytest.approx(gained, abs=0.005)
    assert list(final["attribution_by_strategy"]) == ["sma_cross", "momentum"]
    assert (final["allocation"], final["symbols"]) == ("ensemble", ["SP500", "NASDAQ"])

    pd.testing.assert_frame_equal(table(result, "weights"), called.weights, check_freq=False)
    pd.testing.assert_frame_equal(table(result, "positions"), called.positions, check_freq=False)
    equity = table(result, "equity")
    assert equity["equity"].tolist() == called.equity.tolist()
    assert equity["cash"].tolist() == called.cash.tolist()
    for name in ("orders", "trades"):
        assert len(table(result, name)) == len(getattr(called, name)) > 10
    report = (Path(result.run_folder) / result.artifacts["report"]).read_text("utf-8")
    assert f"admf replay {result.workflow_id}" in report
    manifest = json.loads((Path(result.run_folder) / "manifest.json").read_text())
    assert set(manifest["data"]) == {"NASDAQ", "SP500"}


async def test_threads_and_processes_give_the_same_digest(portfolio):
    name, rebalance = "per_strategy", {"schedule": "weekly", "band": 0.02}
    strategies = {"NASDAQ": "momentum", "SP500": {"name": "donchian_breakout", "capital": 0.7}}
    params = {"strategies": strategies}
    digests = {"python": in_python(name, params, rebalance).digest}
    async with Coordinator() as coordinator:
        for runner in ("threads", "processes"):
            config = portfolio(
                {"name": name, "params": params}, rebalance, infrastructure_config={"task_runner": runner}
            )
            result = await coordinator.execute_workflow(config)
            assert result.success, result.errors
            digests[runner] = result.digest
    assert len(set(digests.values())) == 1, digests


async def test_a_wrong_portfolio_is_refused_before_anything_is_created(portfolio, tmp_path):
    allocation = {"name": "fixed_weights", "params": {"weights": {"SP500": 0.5, "DAX": 0.5}}}
    config = portfolio(allocation, backtest_config__execution={"repeat_signal": "reenter"})
    config["data_config"] |= {"source": "csv", "path": "{symbol}.csv"}
    async with Coordinator() as coordinator:
        with pytest.raises(ConfigError) as caught:
            await coordinator.execute_workflow(config)
    paths = [problem.path for problem in caught.value.problems]
    assert paths == [
        "workflow.backtest_config.execution.repeat_signal",
        "workflow.backtest_config.portfolio.allocation.params.weights.DAX",
        "workflow.data_config.path",
    ]
    assert not (tmp_path / "runs").exists()


class TwoOfThem:
    """A provider that has other symbols than the config says, as a block may."""

    def load(self, symbols, timeframe, start, end):
        return {name: load_bars("sample:SP500") for name in ("A", "B")}


async def test_what_only_the_data_shows_fails_the_first_phase(portfolio):
    config = portfolio({"name": "fixed_weights", "params": {"weights": {"SP500": 1.0}}})
    config["data_config"]["source"] = "block:other"
    del config["data_config"]["symbols"]
    async with Coordinator(shared_services={"market_data": TwoOfThem()}) as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.status == "failed"
    assert result.phase_results["initialization"].status == "failed"
    assert "weights.SP500: is no symbol of the portfolio" in result.errors[0]


async def test_a_cancel_stops_a_portfolio_between_two_decisions(portfolio, tmp_path, monkeypatch):
    (tmp_path / "dawdling_allocation.py").write_text(
        "import time\n"
        "import numpy as np\n"
        "def slow(view):\n    time.sleep(0.1)\n    return np.full(len(view.symbols), 0.5)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = portfolio(
        {"name": "dawdling_allocation:slow"}, {"schedule": "daily"}, allow_modules=["dawdling_allocation"]
    )
    async with Coordinator() as coordinator:
        running = asyncio.create_task(coordinator.execute_workflow(config))
        computing = None
        while computing is None:
            await asyncio.sleep(0.05)
            active = await coordinator.list_active_workflows()
            computing = next((each for each in active if each.current_phase == "computation"), None)
        assert await coordinator.cancel_workflow(computing.workflow_id)
        result = await asyncio.wait_for(running, timeout=25)  # all of its decisions would take 100 seconds
    assert result.status == "cancelled"
