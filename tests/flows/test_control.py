"""Stopping, watching and running workflows side by side."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from admf.core.container import live_containers
from admf.core.coordinator import Coordinator
from admf.core.runs import RunStore
from admf.errors import AdmfError, ComponentError, ConfigError, RunNotFoundError, StateError
from admf.market import load_bars


class Slow:
    """A provider that takes its time, and says when it has been called."""

    def __init__(self, seconds: float = 20.0) -> None:
        self.seconds, self.called, self.release = seconds, threading.Event(), threading.Event()

    def load(self, symbols, timeframe, start, end):
        self.called.set()
        self.release.wait(self.seconds)
        return {symbol: load_bars("sample:SP500") for symbol in symbols}


@pytest.fixture
def slow():
    provider = Slow()
    yield provider
    provider.release.set()  # let its thread end


def flow_run_id(result) -> str:
    return json.loads((Path(result.run_folder) / "manifest.json").read_text())["flow_run_id"]


async def prefect_state(result) -> str:
    async with get_client() as client:
        return (await client.read_flow_run(flow_run_id(result))).state.name


async def test_timeout_ends_the_workflow_in_time_and_cleans_up(backtest, slow):
    async with Coordinator(shared_services={"market_data": slow}) as coordinator:
        started = time.monotonic()
        result = await coordinator.execute_workflow(backtest(timeout_seconds=0.5))
        assert time.monotonic() - started < 8
    assert result.status == "timed_out"
    assert not result.success
    assert "timeout_seconds = 0.5" in result.errors[0]
    assert await prefect_state(result) == "TimedOut"
    assert live_containers() == ()


@pytest.fixture
def dawdler(tmp_path, monkeypatch) -> dict[str, object]:
    """Settings of a strategy of the user's that takes 50 ms a bar: a minute for the bars of a test."""
    (tmp_path / "dawdling.py").write_text(
        "import time\nclass Dawdler:\n    def on_bar(close):\n        time.sleep(0.02)\n        return 1.0\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return {"backtest_config__strategy": {"name": "dawdling:Dawdler"}, "allow_modules": ["dawdling"]}


@pytest.mark.parametrize("runner", ["threads", "processes"])
async def test_timeout_stops_a_computation(backtest, dawdler, runner):
    resources = {"infrastructure_config": {"task_runner": runner}}
    async with Coordinator() as coordinator:
        await coordinator.execute_workflow(backtest(**resources))  # what is imported once is not timed
        started = time.monotonic()
        result = await coordinator.execute_workflow(backtest(**dawdler, **resources, timeout_seconds=10))
        took = time.monotonic() - started
    assert result.status == "timed_out"
    assert result.phase_results["computation"].status == "timed_out"
    assert took < 40  # the work would have taken more than a minute


async def test_cancel_stops_a_computation(backtest, dawdler):
    async with Coordinator() as coordinator:
        running = asyncio.create_task(coordinator.execute_workflow(backtest(**dawdler)))
        while (status := await active(coordinator)).current_phase != "computation":
            await asyncio.sleep(0.05)
        assert await coordinator.cancel_workflow(status.workflow_id)
        result = await asyncio.wait_for(running, timeout=25)
    assert result.status == "cancelled"


def left_behind(folder) -> tuple[list[str], list[str]]:
    """Files of `folder` that this process holds open, and worker processes that it has."""
    files = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            files.append(str(link.readlink()))
    workers = []
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(FileNotFoundError):
                workers.append(Path(f"/proc/{child}/cmdline").read_text())
    return [name for name in files if name.startswith(str(folder))], [
        command for command in workers if "spawn_main" in command
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")
async def test_no_file_and_no_process_is_left_behind(backtest, dawdler, tmp_path):
    processes = {"infrastructure_config": {"task_runner": "processes"}}
    async with Coordinator() as coordinator:
        done = await coordinator.execute_workflow(backtest(**processes))
        late = await coordinator.execute_workflow(backtest(**dawdler, **processes, timeout_seconds=6))
    assert (done.status, late.status) == ("completed", "timed_out")
    assert left_behind(tmp_path) == ([], [])
    assert not list(tmp_path.rglob(".scratch"))
    assert live_containers() == ()


async def active(coordinator):
    """Wait for one active workflow that has started."""
    for _ in range(200):
        statuses = [each for each in await coordinator.list_active_workflows() if each.workflow_id]
        if statuses:
            return statuses[0]
        await asyncio.sleep(0.05)
    raise AssertionError("no workflow became active")


@pytest.mark.parametrize("way", ["facade", "another coordinator", "prefect"])
async def test_cancel_ends_the_run_as_cancelled(backtest, slow, way):
    async with Coordinator(shared_services={"market_data": slow}) as coordinator:
        running = asyncio.create_task(coordinator.execute_workflow(backtest()))
        status = await active(coordinator)
        assert (status.type, status.state, status.active) == ("backtest", "Running", True)
        match way:
            case "facade":
                assert await coordinator.cancel_workflow(status.workflow_id) is True
            case "another coordinator":
                assert await Coordinator().cancel_workflow(status.workflow_id) is True
            case "prefect":
                async with get_client() as client:
                    await client.set_flow_run_state(status.flow_run_id, Cancelling())
        result = await asyncio.wait_for(running, timeout=10)
        assert result.status == "cancelled"
        assert await prefect_state(result) == "Cancelled"
        assert await coordinator.cancel_workflow(status.workflow_id) is False
        ended = await coordinator.get_workflow_status(status.workflow_id)
        assert (ended.state, ended.active) == ("Cancelled", False)
    lines = (Path(result.run_folder) / "events.jsonl").read_text().splitlines()
    events = [json.loads(line)["type"] for line in lines]
    assert events == ["workflow.start", "workflow.cancel"]
    assert live_containers() == ()


async def test_status_of_a_finished_workflow_names_its_phases(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest())
        status = await coordinator.get_workflow_status(result.workflow_id)
    assert status.completed_phases == (
        "initialization",
        "data_preparation",
        "computation",
        "aggregation",
        "finalization",
    )
    assert (status.type, status.state, status.current_phase) == ("backtest", "Completed", None)


@pytest.mark.parametrize("first", ["list", "status", "cancel"])
async def test_nothing_is_reported_whatever_is_asked_first(prefect_server, monkeypatch, first):
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    coordinator = Coordinator()
    with contextlib.suppress(RunNotFoundError):
        match first:
            case "list":
                await coordinator.list_active_workflows()
            case "status":
                await coordinator.get_workflow_status("nope")
            case "cancel":
                await coordinator.cancel_workflow("nope")
    assert os.environ["DO_NOT_TRACK"] == "1"


async def test_unknown_workflow_is_not_found(prefect_server):
    with pytest.raises(RunNotFoundError, match="no workflow 'nope'"):
        await Coordinator().get_workflow_status("nope")
    with pytest.raises(RunNotFoundError, match="no workflow 'nope'"):
        await Coordinator().cancel_workflow("nope")


async def test_shutdown_cancels_what_is_active_and_may_be_repeated(backtest, slow):
    coordinator = Coordinator(shared_services={"market_data": slow})
    running = asyncio.create_task(coordinator.execute_workflow(backtest()))
    await active(coordinator)
    await coordinator.shutdown()
    await coordinator.shutdown()
    assert (await running).status == "cancelled"
    with pytest.raises(StateError, match="was shut down"):
        await coordinator.execute_workflow(backtest())
    assert live_containers() == ()


async def test_leaving_the_context_by_an_exception_cleans_up(backtest, slow):
    async def use():
        async with Coordinator(shared_services={"market_data": slow}) as coordinator:
            tasks.append(asyncio.create_task(coordinator.execute_workflow(backtest())))
            await active(coordinator)
            raise KeyError("the caller's own")

    tasks: list[asyncio.Task] = []
    with pytest.raises(KeyError):
        await use()
    assert (await tasks[0]).status == "cancelled"
    assert live_containers() == ()


async def test_cancelling_the_caller_ends_the_workflow(backtest, slow):
    coordinator = Coordinator(shared_services={"market_data": slow})
    running = asyncio.create_task(coordinator.execute_workflow(backtest()))
    status = await active(coordinator)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await coordinator.get_workflow_status(status.workflow_id)).state == "Cancelled"
    assert live_containers() == ()


async def test_workflows_side_by_side_equal_those_alone(backtest):
    configs = [
        backtest(backtest_config__strategy={"name": "sma_cross", "params": {"fast": fast, "slow": 60}})
        for fast in (10, 20, 30)
    ]
    rules = {"indicators": {"slow": "SMA(2000)"}, "entry": "close > slow", "exit": "close < slow"}
    wrong = backtest(backtest_config__strategy={"name": "rules", "params": rules})  # too few bars for it
    async with Coordinator() as coordinator:
        alone = [await coordinator.execute_workflow(config) for config in configs]
        together = await asyncio.gather(*(coordinator.execute_workflow(each) for each in [*configs, wrong]))
    assert [result.digest for result in together[:3]] == [result.digest for result in alone]
    assert len({result.workflow_id for result in [*alone, *together]}) == 7
    assert [result.status for result in together] == ["completed"] * 3 + ["failed"]
    spans = [(each.started, each.started + timedelta(seconds=each.duration_seconds)) for each in together]
    assert any(a[0] < b[0] < a[1] for a in spans for b in spans)  # they overlap


async def test_wrong_config_raises_before_anything_is_created(backtest, tmp_path):
    async with Coordinator() as coordinator:
        with pytest.raises(ConfigError, match="initial_cash"):
            await coordinator.execute_workflow(backtest(backtest_config__initial_cash=-1))
        assert await coordinator.list_active_workflows() == []
    assert not (tmp_path / "runs").exists()


def test_mistyped_service_is_refused():
    with pytest.raises(ComponentError, match="did you mean 'market_data'"):
        Coordinator(shared_services={"marketdata": object()})


async def test_no_config_at_all(prefect_server):
    with pytest.raises(StateError, match="no config"):
        await Coordinator().execute_workflow()


async def test_no_place_for_results_is_said_as_it_is(backtest, tmp_path):
    (tmp_path / "file").write_text("")
    async with Coordinator() as coordinator:
        with pytest.raises(AdmfError, match=r"^\S+file is a file, not a folder for runs$"):
            await coordinator.execute_workflow(backtest(output={"directory": str(tmp_path / "file")}))


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("output", {"store": "block:missing"}, "no admf-result-store block is saved under 'missing'"),
        ("infrastructure_config", {"compute": "block:missing"}, "no admf-compute-resources block"),
        ("infrastructure_config", {"task_runner": "dask"}, "the dask task runner is not installed"),
    ],
)
async def test_what_is_not_there_is_found_before_anything_is_created(
    backtest, tmp_path, monkeypatch, section, value, message
):
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    config = backtest()
    config[section] = {**config.get(section, {}), **value}
    async with Coordinator() as coordinator:
        with pytest.raises(ConfigError, match=message):
            await coordinator.execute_workflow(config)
    assert not (tmp_path / "runs").exists()


async def test_a_name_is_no_template(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(name="{config} and {nothing} %s"))
    assert result.success, result.errors
    async with get_client() as client:
        assert (await client.read_flow_run(flow_run_id(result))).name == "{config} and {nothing} %s"


async def test_a_catalogue_that_is_away_costs_a_warning(backtest, tmp_path):
    output = {
        "directory": str(tmp_path / "runs"),
        "report": False,
        "catalogue_url": f"sqlite:///{tmp_path}/missing/c.db",
    }
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(output=output))
    assert result.success, result.errors
    assert "the catalogue at sqlite://" in result.warnings[-1]
    assert await prefect_state(result) == "Completed"
    assert RunStore(tmp_path / "runs").find(result.workflow_id).result() == result


async def test_a_run_estimated_above_the_memory_limit_is_refused(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(infrastructure_config={"memory_limit_mb": 64}))
    assert not result.success
    assert "the run is estimated to need more memory" in result.errors[0]
