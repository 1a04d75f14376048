"""What was killed with SIGKILL is told as crashed by whoever comes next, and what it left is removed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Running

from admf.core.coordinator import Coordinator
from admf.core.process import Process
from admf.core.runs import RunStore
from admf.flows import reaper
from admf.flows.reaper import reap

CHILD = """
import asyncio, json, sys
from admf.core.coordinator import Coordinator

async def main():
    async with Coordinator() as coordinator:
        await coordinator.execute_workflow(json.loads(sys.argv[1]))

asyncio.run(main())
"""
DAWDLER = (
    "import time\nclass Dawdler:\n    def on_bar(close):\n        time.sleep(0.05)\n        return 1.0\n"
)


@pytest.fixture
def killed(backtest, tmp_path):
    """Give a function that starts a workflow in a process of its own, waits for its phase, and kills it."""
    (tmp_path / "dawdling.py").write_text(DAWDLER)
    children = []

    async def kill(runner: str = "threads") -> tuple[str, Path]:
        config = backtest(
            backtest_config__strategy={"name": "dawdling:Dawdler"},
            allow_modules=["dawdling"],
            infrastructure_config={"task_runner": runner},
        )
        environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps(config)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        children.append(child)
        started = tmp_path / "runs"
        for _ in range(600):
            assert child.poll() is None
            events = [path.read_text() for path in started.glob("*/events.jsonl")]
            begun = any("workflow.phase.computation.start" in text for text in events)
            if begun and any(started.glob("*/.scratch")):  # it is made just after the event
                break
            await asyncio.sleep(0.1)
        (folder,) = (path for path in started.iterdir() if path.is_dir())
        child.send_signal(signal.SIGKILL)
        child.wait()
        return folder.name, folder

    yield kill
    for child in children:
        child.kill()
        child.wait()


async def states(flow_run_id: str) -> tuple[str, str, set[str]]:
    """Name and message of a flow run's state, and the names of those below it."""
    async with get_client() as client:
        run = await client.read_flow_run(flow_run_id)
        children = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
        )
        return run.state.name, run.state.message, {child.state.name for child in children}


async def test_a_killed_run_is_crashed_once_somebody_asks(killed, backtest):
    run_id, folder = await killed("processes")
    assert (folder / ".scratch").is_dir()
    (folder / ".report.html.0123.tmp").write_text("half")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (await states(manifest["flow_run_id"]))[0] == "Running"

    async with Coordinator() as coordinator:
        assert await coordinator.list_active_workflows() == []
        status = await coordinator.get_workflow_status(run_id)
        assert (status.state, status.active, status.current_phase) == ("Crashed", False, None)
        assert await coordinator.cancel_workflow(run_id) is False

    name, message, below = await states(manifest["flow_run_id"])
    assert (name, below) == ("Crashed", {"Crashed"})
    assert f"its process, {manifest['process']['pid']} on " in message
    assert message.endswith("is gone: it was killed")
    run = RunStore(folder.parent).find(run_id)
    assert run.manifest["status"] == "crashed"
    last = run.read_events().events[-1]
    assert (last["type"], last["data"]["errors"]) == ("workflow.error", [message])
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []

    lines = len(run.read_events().events)
    await reap()  # again: nothing is told twice
    assert len(run.read_events().events) == lines


async def test_the_next_coordinator_finds_what_was_killed_before_its_first_workflow(killed, backtest):
    _, folder = await killed()
    flow_run_id = json.loads((folder / "manifest.json").read_text())["flow_run_id"]
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest())
    assert result.success, result.errors
    assert (await states(flow_run_id))[0] == "Crashed"


async def test_a_killed_run_is_listed_as_crashed_without_prefect(killed, capsys):
    from admf.cli.stored import list_runs

    run_id, folder = await killed()
    list_runs(folder.parent, 10, as_json=True)
    assert [(each["id"], each["status"]) for each in json.loads(capsys.readouterr().out)] == [
        (run_id, "crashed")
    ]
    with pytest.raises(Exception, match="has no result: it was killed"):
        RunStore(folder.parent).find(run_id).result()


async def test_a_run_that_ends_while_it_is_looked_at_stays_as_it_ended(prefect_server, monkeypatch):
    @flow(name="coordinator")
    def quick() -> None: ...

    why_gone = reaper._why_gone

    async def ends_first(client, run):
        await client.set_flow_run_state(run.id, Completed(), force=True)
        return await why_gone(client, run)

    monkeypatch.setattr(reaper, "_why_gone", ends_first)
    async with get_client() as client:
        run = await client.create_flow_run(quick, state=Running())
        here = Process.this()
        labels = {"admf.machine": here.machine, "admf.pid": here.pid, "admf.started": "1"}
        await client.update_flow_run_labels(run.id, labels)
        await reap()
        assert (await client.read_flow_run(run.id)).state.name == "Completed"
        await client.delete_flow_run(run.id)


@pytest.mark.parametrize(
    ("silent", "state"), [(timedelta(hours=1), "Crashed"), (timedelta(minutes=5), "Running")]
)
async def test_a_run_of_another_machine_is_judged_by_its_heartbeats(prefect_server, silent, state):
    @flow(name="coordinator")
    def elsewhere() -> None: ...

    async with get_client() as client:
        run = await client.create_flow_run(elsewhere, state=Running())
        labels = {"admf.machine": "elsewhere", "admf.pid": os.getpid(), "admf.started": "1"}
        await client.update_flow_run_labels(run.id, labels)
        await reap()
        assert (await client.read_flow_run(run.id)).state.name == "Running"  # nothing is known of it
        emit_event(
            "prefect.flow-run.heartbeat",
            resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
            occurred=datetime.now(UTC) - silent,
        )
        for _ in range(20):  # events are stored a moment later
            await asyncio.sleep(0.2)
            await reap()
            found = (await client.read_flow_run(run.id)).state
            if found.name == "Crashed":
                break
        assert found.name == state
        if state == "Crashed":
            assert "its last heartbeat was at" in found.message
        await client.delete_flow_run(run.id)
