"""Every order that is refused is an event of the run; Prefect's feed gets the counts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from admf.core.coordinator import Coordinator
from admf.core.events import EventBus
from admf.flows import incidents
from admf.flows.incidents import publish_incidents
from admf.simulation.incidents import Incident


def recorded(result) -> list[dict]:
    lines = (Path(result.run_folder) / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


async def test_refused_orders_are_events_and_prefect_gets_their_count(backtest, events_of):
    config = backtest(backtest_config__sizing={"lot_size": 1e6})  # a lot is dearer than the account
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    events = recorded(result)
    rejects = [event for event in events if event["type"] == "REJECT"]
    assert rejects[0]["data"] == {
        "kind": "rejected",
        "rule": "less than one lot",
        "time": rejects[0]["data"]["time"],
        "bar": rejects[0]["data"]["bar"],
        "side": "buy",
        "target": 1.0,
        "units": 0.0,
        "type": "market",
    }
    assert rejects[0]["data"]["time"].startswith("2004-")
    assert f"{len(rejects)} orders were rejected: the budget did not buy one lot of 1e+06" in result.warnings
    (count,) = [event for event in events if event["type"] == "workflow.orders.rejected"]
    assert count["data"] == {"rule": "less than one lot", "count": len(rejects)}
    feed = await events_of(result.workflow_id)
    assert feed.count("admf.workflow.orders.rejected") == 1
    assert not [name for name in feed if "REJECT" in name]


async def test_cut_orders_are_events_and_the_rerun_is_beside_the_result(backtest):
    config = backtest(
        backtest_config__risk={"max_exposure_pct": 50},
        backtest_config__pessimistic_rerun=True,
        output__report=True,
    )
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    folder = Path(result.run_folder)
    cuts = [event["data"] for event in recorded(result) if event["type"] == "CUT"]
    orders = pd.read_parquet(folder / "orders.parquet")
    cut = orders[orders["status"] == "cut: max_exposure"]
    assert len(cuts) == len(cut) > 5
    assert {each["rule"] for each in cuts} == {"max_exposure"}
    assert [each["time"] for each in cuts] == [time.isoformat() for time in cut["time"]]
    assert [each["units"] for each in cuts] == cut["units"].tolist()
    (count,) = [event for event in recorded(result) if event["type"] == "workflow.orders.cut"]
    assert count["data"] == {"rule": "max_exposure", "count": len(cuts)}

    worse = result.final_results["pessimistic"]
    assert (
        worse["assumptions"]["fill"] == "a decision reaches the market 1 bar after the open of the next bar"
    )
    curves = pd.read_parquet(folder / "equity.parquet")
    assert curves["pessimistic_equity"].iloc[-1] == worse["metrics"]["final_equity"]
    assert curves["equity"].iloc[-1] == result.metrics["final_equity"]
    assert "Pessimistic rerun" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_events_of_single_orders_are_capped_and_the_counts_are_not(monkeypatch):
    monkeypatch.setattr(incidents, "MOST_EVENTS", 3)
    bus = EventBus("run")
    cut = Incident("cut", "exposure", "2020-01-01T00:00:00+00:00", 0, "buy", 1.0, 5.0, "market")
    publish_incidents(bus, [cut, cut._replace(kind="blocked", rule="cooldown"), cut, cut, cut])
    assert bus.counts == {"CUT": 2, "BLOCK": 1, "workflow.orders.cut": 1, "workflow.orders.blocked": 1}
    assert [dict(event.data) for event in bus.history if event.type.startswith("workflow")] == [
        {"rule": "exposure", "count": 4},
        {"rule": "cooldown", "count": 1},
    ]
