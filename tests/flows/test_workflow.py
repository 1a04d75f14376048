"""One workflow through the coordinator: graph, events, artifacts, failures, retries."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterName,
)

from admf.core.container import live_containers
from admf.core.coordinator import Coordinator
from admf.errors import ConfigError, TransientDataError
from admf.market import load_bars

PHASES = ["initialization", "data_preparation", "computation", "aggregation", "finalization"]


async def run_graph(flow_run_id: str):
    """Read the parent, its steps, its subflows and their task runs back from Prefect."""
    async with get_client() as client:
        parent = await client.read_flow_run(flow_run_id)
        steps = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[parent.id]))
        )
        children = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent.id]))
        )
        tasks = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[child.id for child in children]))
        )
        flows = {run.id: (await client.read_flow(run.flow_id)).name for run in [parent, *children]}
    return parent, flows, in_order(steps), children, in_order(tasks)


def in_order(runs) -> list[str]:
    """Names of what really ran, by start (a subflow stands among the tasks too, without a start)."""
    started = [run for run in runs if run.start_time]
    return [run.name for run in sorted(started, key=lambda run: run.start_time)]


def manifest(result) -> dict:
    return json.loads((Path(result.run_folder) / "manifest.json").read_text())


async def test_run_graph_is_coordinator_then_flow_then_phases(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest())
    assert result.success, result.errors
    parent, flows, steps, children, tasks = await run_graph(manifest(result)["flow_run_id"])
    assert flows[parent.id] == "coordinator"
    assert [flows[child.id] for child in children] == ["backtest"]
    assert [name for name in steps if not name.startswith("backtest")] == [
        "validate",
        "provision",
        "aggregate",
        "cleanup",
    ]
    assert [name for name in tasks if name in PHASES] == PHASES
    assert parent.state.name == "Completed"
    assert children[0].state.name == "Completed"


async def test_phases_and_events_are_recorded_in_order(backtest):
    seen = []
    async with Coordinator(on_event=lambda event: seen.append(event.type)) as coordinator:
        result = await coordinator.execute_workflow(backtest())
    phases = [f"workflow.phase.{phase}.{moment}" for phase in PHASES for moment in ("start", "complete")]
    expected = ["workflow.start", *phases, "workflow.complete"]
    assert seen == expected
    lines = (Path(result.run_folder) / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == expected
    assert list(result.phase_results) == PHASES
    assert {phase.status for phase in result.phase_results.values()} == {"completed"}


async def test_artifacts_are_on_the_parent_run(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(output__report=True))
    run_id = manifest(result)["flow_run_id"]
    async with get_client() as client:
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        )
    by_key = {artifact.key: artifact for artifact in artifacts}
    assert set(by_key) == {"result", "equity", "report"}
    rows = {row["metric"]: row["value"] for row in json.loads(by_key["result"].data)}
    assert float(rows["sharpe_ratio"]) == pytest.approx(result.metrics["sharpe_ratio"], rel=1e-5)
    assert "data:image/svg+xml;base64," in by_key["equity"].data
    assert str(Path(result.run_folder).resolve() / "report.html") in by_key["report"].data
    assert (Path(result.run_folder) / "report.html").stat().st_size > 100_000


async def test_bad_data_fails_the_workflow_and_cleans_up(backtest, tmp_path):
    frame = load_bars("sample:SP500").frame.iloc[:300]
    frame.iloc[10, frame.columns.get_loc("high")] = frame["low"].iloc[10] / 2
    path = tmp_path / "bad.csv"
    frame.to_csv(path, index_label="date")
    config = backtest(data_config={"source": "csv", "path": str(path), "symbols": ["BAD"]})
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert not result.success
    assert result.status == "failed"
    assert "row 10" in result.errors[0]
    assert manifest(result)["status"] == "failed"
    events = [
        json.loads(line)["type"]
        for line in (Path(result.run_folder) / "events.jsonl").read_text().splitlines()
    ]
    assert events == ["workflow.start", "workflow.error"]
    assert live_containers() == ()


async def test_failed_critical_phase_skips_the_rest_and_keeps_what_there_is(backtest):
    rules = {"indicators": {"slow": "SMA(2000)"}, "entry": "close > slow", "exit": "close < slow"}
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(
            backtest(backtest_config__strategy={"name": "rules", "params": rules})
        )
    statuses = {name: phase.status for name, phase in result.phase_results.items()}
    expected = ["completed", "completed", "failed", "skipped", "skipped"]
    assert statuses == dict(zip(PHASES, expected, strict=True))
    assert "not complete on any of the 1259 bars" in result.errors[0]
    assert result.phase_results["data_preparation"].summary["bars"] > 1000
    assert live_containers() == ()
    parent, _, _, children, _ = await run_graph(manifest(result)["flow_run_id"])
    assert (parent.state.name, children[0].state.name) == ("Failed", "Failed")


async def test_wrong_strategy_is_refused_before_a_run_is_created(backtest, tmp_path):
    config = backtest(backtest_config__strategy={"name": "sma_cross", "params": {"fast": 50, "slow": 20}})
    async with Coordinator() as coordinator:
        with pytest.raises(ConfigError, match="fast < slow"):
            await coordinator.execute_workflow(config)
    assert not (tmp_path / "runs").exists()


async def test_wrong_values_hide_no_wrong_names(backtest, tmp_path):
    strategy = {"name": "sma_cross", "params": {"fast": 50, "slow": 20}}
    data = {"source": "csv", "path": "no.csv", "symbols": ["A"]}
    config = backtest(backtest_config__strategy=strategy, data_config=data)
    wrong = {**config, "log_level": "LOUD"}

    async def paths(coordinator: Coordinator, mapping: dict) -> set[str]:
        with pytest.raises(ConfigError) as caught:
            await coordinator.execute_workflow(mapping)
        return {problem.path.removeprefix("workflow.") for problem in caught.value.problems}

    names, file = {"backtest_config.strategy.params.fast, slow"}, {"data_config.path"}
    async with Coordinator() as coordinator:
        assert await paths(coordinator, wrong) == {"log_level"} | names | file
        assert await paths(coordinator, config) == names | file
    async with Coordinator(shared_services={"market_data": load_bars("sample:SP500")}) as coordinator:
        assert await paths(coordinator, wrong) == {"log_level"} | names
    assert not (tmp_path / "runs").exists()


class Flaky:
    """A provider of bars that breaks down a number of times."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    def load(self, symbols, timeframe, start, end) -> dict[str, pd.DataFrame]:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return {symbol: load_bars("sample:SP500").frame for symbol in symbols}


async def provision_runs(result) -> int:
    async with get_client() as client:
        runs = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[manifest(result)["flow_run_id"]])),
            task_run_filter=TaskRunFilter(name=TaskRunFilterName(any_=["provision"])),
        )
    return runs[0].run_count


async def test_transient_failure_is_retried(backtest):
    provider = Flaky(2, TransientDataError("the database is busy"))
    config = backtest(infrastructure_config={"read_retries": 2, "retry_delay_seconds": 0.01})
    async with Coordinator(shared_services={"market_data": provider}) as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    assert provider.calls == 3
    assert await provision_runs(result) == 3


async def test_permanent_failure_is_not_retried(backtest):
    provider = Flaky(9, ValueError("no such table"))
    config = backtest(infrastructure_config={"read_retries": 2, "retry_delay_seconds": 0.01})
    async with Coordinator(shared_services={"market_data": provider}) as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.errors == ["ValueError: no such table"]
    assert provider.calls == 1
    assert await provision_runs(result) == 1


async def test_events_reach_prefects_feed(backtest, events_of):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest())
    names = await events_of(result.workflow_id)
    assert names[0] == "admf.workflow.start"
    assert names[-1] == "admf.workflow.complete"
    assert len(names) == 2 + 2 * len(PHASES)
