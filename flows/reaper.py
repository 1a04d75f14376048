"""Runs whose process was killed: Prefect would call them Running for ever. They become Crashed.

Nothing in a killed process can say so itself, so whoever comes next does: a coordinator before its first
workflow, and whoever asks what is active. On the same machine the process tells; from another one Prefect's
heartbeats do, which a flow run sends every few minutes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOrder, EventResourceFilter
from prefect.exceptions import PrefectException
from prefect.logging import get_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Crashed

from admf.core.process import Process
from admf.core.run_folder import RunFolder
from admf.errors import AdmfError

# Of the parent flow run; its page shows them.
_MACHINE, _PID, _STARTED, _FOLDER = "admf.machine", "admf.pid", "admf.started", "admf.run-folder"
_HEARTBEAT = "prefect.flow-run.heartbeat"
MISSED_HEARTBEATS = 5
_DEFAULT_SECONDS = 180  # between two heartbeats, where the settings here say nothing else
_WORKING = [StateType.RUNNING, StateType.CANCELLING]


async def identify(folder: Path | None = None) -> None:
    """Write onto the flow run that this is called in which process it is, or where its run folder is."""
    run_id = flow_run.get_id()
    if run_id is None:
        return
    process = Process.this()
    labels: dict[str, Any] = {_MACHINE: process.machine, _PID: process.pid, _STARTED: process.started}
    if folder is not None:
        labels = {_FOLDER: str(folder.resolve())}
    async with get_client() as client:
        await client.update_flow_run_labels(UUID(run_id), labels)


async def reap() -> None:
    """Set the runs whose process is gone to Crashed, and remove what they left. May be called at any time.

    A server that is busy or away is no error: the next one who comes may succeed.
    """
    logger = get_logger("admf.reaper")
    try:
        async with get_client() as client:
            for run in await client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=["coordinator"])),
                flow_run_filter=FlowRunFilter(
                    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_WORKING))
                ),
            ):
                why = await _why_gone(client, run)
                if why is None or await _ended(client, run):
                    continue
                logger.warning("run %s crashed: %s", run.name, why)
                await _crash(client, run, why)
    except (PrefectException, httpx.HTTPError, OSError) as error:
        logger.debug("runs that were killed are not looked for: %r", error)


async def _why_gone(client: PrefectClient, run: FlowRun) -> str | None:
    """Say how it is known that nobody works on the run any more; None: somebody may."""
    labels = run.labels
    if _PID in labels:
        process = Process(
            machine=str(labels[_MACHINE]), pid=int(labels[_PID]), started=str(labels.get(_STARTED, ""))
        )
        if process.gone is not None:
            killed = f"its process, {process.pid} on {process.machine.split()[0]}, is gone: it was killed"
            return killed if process.gone else None
    beats = await _heartbeats(client, run)
    if not beats:
        return None
    usual = get_current_settings().flows.heartbeat_frequency or _DEFAULT_SECONDS
    between = max(timedelta(seconds=usual), beats[0] - beats[-1])
    if datetime.now(UTC) - beats[0] < MISSED_HEARTBEATS * between:
        return None
    return f"its last heartbeat was at {beats[0]:%Y-%m-%d %H:%M:%S} UTC: its machine or its process is gone"


async def _heartbeats(client: PrefectClient, run: FlowRun) -> list[datetime]:
    """Give the times of the last two heartbeats, the latest first."""
    wanted = EventFilter(
        event=EventNameFilter(name=[_HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
        order=EventOrder.DESC,
    )
    answer = await client.request(
        "POST", "/events/filter", json={"filter": wanted.model_dump(mode="json"), "limit": 2}
    )
    return [datetime.fromisoformat(event["occurred"]) for event in answer.json()["events"]]


async def _ended(client: PrefectClient, run: FlowRun) -> bool:
    """Whether it said itself how it ended: after it was listed, and before its process went."""
    state = (await client.read_flow_run(run.id)).state
    return state is not None and state.is_final()


async def _crash(client: PrefectClient, run: FlowRun, why: str) -> None:
    """Set a run and all below it to Crashed; the run itself last, so that what is cut off is done again."""
    children = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    )
    tasks = await client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id, *(each.id for each in children)])),
        task_run_filter=TaskRunFilter(
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.PENDING, *_WORKING]))
        ),
    )
    for task in tasks:
        await client.set_task_run_state(task.id, Crashed(message=why), force=True)
    for child in children:
        if child.state is None or not child.state.is_final():
            await client.set_flow_run_state(child.id, Crashed(message=why), force=True)
    folder = run.labels.get(_FOLDER)
    if folder is not None:
        await asyncio.to_thread(_close, RunFolder(str(folder)), str(run.id), why)
    await client.set_flow_run_state(run.id, Crashed(message=why), force=True)


def _close(folder: RunFolder, flow_run_id: str, why: str) -> None:
    try:
        if folder.manifest["flow_run_id"] == flow_run_id:
            folder.crash(why)
    except (AdmfError, OSError) as error:  # it was deleted, or is on another machine
        get_logger("admf.reaper").debug("%r is left as it is: %s", folder, error)
