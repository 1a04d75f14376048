"""Orders, financing, finer bars and the rerun of a portfolio in the YAML: the numbers of the call."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import admf
from admf.core.coordinator import Coordinator
from admf.market import load_bars

SECTIONS = {
    "execution": {
        "order_type": "limit",
        "limit_offset_bps": 20,
        "cancel_after_bars": 2,
        "stop_loss_pct": 15,
        "take_profit_pct": 15,
        "reentry_after_stop": "immediate",
        "max_participation_pct": 2,
    },
    "costs": {"commission_bps": 2, "borrow_pct": 3, "margin_rate_pct": 5, "cash_interest_pct": 1},
    "margin": {"leverage": 1.5},
    "risk": {"cooldown_bars": 2},
}
WEIGHTS = {"A": 0.9, "B": -0.5}
RESAMPLED = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


@pytest.fixture
def files(tmp_path, random_frame):
    """Hourly and daily files of two symbols."""
    for seed, symbol in enumerate(WEIGHTS):
        hours = random_frame(seed, 24 * 120, "1h")
        days = hours.resample("D").agg(RESAMPLED)
        hours.to_csv(tmp_path / f"{symbol}-1h.csv", index_label="time")
        days.to_csv(tmp_path / f"{symbol}-1d.csv", index_label="time")
    return tmp_path


def config_of(backtest, folder, **section):
    return backtest(
        data_config={
            "source": "csv",
            "path": str(folder / "{symbol}-1d.csv"),
            "symbols": list(WEIGHTS),
            "timeframe": "1d",
            "finer": {"timeframe": "1h", "path": str(folder / "{symbol}-1h.csv")},
        },
        backtest_config={
            "portfolio": {
                "allocation": {"name": "fixed_weights", "params": {"weights": WEIGHTS}},
                "rebalance": {"schedule": "weekly"},
            },
            **SECTIONS,
            **section,
        },
        output__report=True,
    )


async def test_a_yaml_gives_what_the_call_gives(backtest, files):
    path = files / "orders.yaml"
    path.write_text(yaml.safe_dump({"workflow": config_of(backtest, files, pessimistic_rerun=True)}))
    async with Coordinator(config_path=path) as coordinator:
        result = await coordinator.execute_workflow()
        assert result.success, result.errors
        replay = await coordinator.replay(result.workflow_id, files / "runs")
    assert replay.reproduced

    bars = {name: load_bars(files / f"{name}-1d.csv", symbol=name, timeframe="1d") for name in WEIGHTS}
    finer = {name: load_bars(files / f"{name}-1h.csv", symbol=name, timeframe="1h") for name in WEIGHTS}
    called = admf.simulate_portfolio(
        bars, "fixed_weights", {"weights": WEIGHTS}, rebalance="weekly", finer=finer, pessimistic_rerun=True,
        **SECTIONS,
    )  # fmt: skip
    assert result.digest == called.digest
    final = result.final_results
    assert final["pessimistic"]["digest"] == called.pessimistic.digest
    assert final["costs"] == pytest.approx(called.costs)
    assert final["costs"]["borrow"] > 0 > final["costs"]["cash_interest"]
    gained = result.metrics["final_equity"] - 100_000
    assert sum(final["attribution"].values()) == pytest.approx(gained, abs=0.005)

    folder = Path(result.run_folder)
    table = {
        name: pd.read_parquet(folder / result.artifacts[name]) for name in ("equity", "orders", "trades")
    }
    assert table["equity"]["pessimistic_equity"].tolist() == called.pessimistic.equity.tolist()
    assert set(table["trades"]["exit_reason"]) >= {"stop_loss", "take_profit"}
    assert {"limit", "market"} <= set(table["orders"]["type"])
    financing = pd.read_parquet(folder / result.artifacts["financing"])
    paid = sum(final["costs"][kind] for kind in ("borrow", "funding", "margin_interest", "cash_interest"))
    assert float(financing.to_numpy().sum()) == pytest.approx(paid)
    report = (folder / result.artifacts["report"]).read_text("utf-8")
    for text in ('id="pessimistic"', ">Financing</th>", "interest of the account", "take profit"):
        assert text in report, text
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    rules = {event["data"]["rule"] for event in events if event["type"] == "workflow.orders.blocked"}
    assert "cooldown" in rules
    # the finer bars decide: without them the numbers are others
    without = admf.simulate_portfolio(
        bars, "fixed_weights", {"weights": WEIGHTS}, rebalance="weekly", **SECTIONS
    )
    assert not np.array_equal(without.equity_values, called.equity_values)


async def test_what_the_data_lacks_fails_the_first_phase(backtest, files):
    frame = pd.read_csv(files / "B-1d.csv")
    frame.assign(volume=0.0).to_csv(files / "B-1d.csv", index=False)
    config = config_of(backtest, files, costs={"spread_column": "spread"})
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.phase_results["initialization"].status == "failed"
    section = "workflow.backtest_config"
    for text in (
        f"{section}.costs.spread_column: A: spread_column names 'spread', which the data do not have",
        f"{section}.costs.spread_column: B: spread_column names 'spread', which the data do not have",
        f"{section}.execution.max_participation_pct: needs volume, and B has none",
    ):
        assert text in result.errors[0]
