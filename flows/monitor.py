"""Monitoring and cancelling, read from Prefect's state: it works across processes and for deployed runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType, TaskRun
from prefect.runtime import flow_run
from prefect.states import Cancelling

from admf.errors import RunNotFoundError
from admf.flows.reaper import identify, reap
from admf.tasks.step import PHASE_TAG

# A workflow's id and type stand on its parent flow run as tags: all that monitoring needs is in Prefect.
_ID, _TYPE = "workflow:", "workflow-type:"
_ACTIVE = [
    StateType.SCHEDULED,
    StateType.PENDING,
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
]


@dataclass(frozen=True)
class WorkflowStatus:
    """How far a workflow is.

    Parameters
    ----------
    workflow_id
        Id of the run folder; None before the workflow has started.
    type, name
        As in the config; the type is None before the workflow has started.
    state
        Name of the Prefect state: Scheduled, Running, Completed, Failed, TimedOut, Cancelled, Crashed...
    active
        Whether it has not ended.
    current_phase, completed_phases
        Phases that run or have completed, in their order.
    start_time
        When it started, UTC; None before.
    flow_run_id
        Id of the parent flow run in Prefect.
    """

    workflow_id: str | None
    type: str | None
    name: str
    state: str
    active: bool
    current_phase: str | None
    completed_phases: tuple[str, ...]
    start_time: datetime | None
    flow_run_id: str


async def announce(workflow_id: str, workflow_type: str, folder: Path) -> None:
    """Write the workflow's id and type, and where its run folder is, onto the flow run of the caller."""
    run_id = flow_run.get_id()
    if run_id is None:
        return
    tags = {*flow_run.get_tags(), f"{_ID}{workflow_id}", f"{_TYPE}{workflow_type}"}
    async with get_client() as client:
        await client.update_flow_run(UUID(run_id), tags=sorted(tags))
    await identify(folder)


async def active_workflows() -> list[WorkflowStatus]:
    """List the workflows that have not ended, the oldest first."""
    await reap()
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["coordinator"])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ACTIVE))
            ),
        )
        return [await _status(client, run) for run in sorted(runs, key=_started)]


async def workflow_status(workflow_id: str) -> WorkflowStatus:
    """Tell how far the workflow is.

    Raises
    ------
    RunNotFoundError
        Prefect knows no such workflow.
    """
    await reap()
    async with get_client() as client:
        return await _status(client, await _find(client, workflow_id))


async def cancel_workflow(workflow_id: str) -> bool:
    """Ask Prefect to cancel; the workflow's watcher sees it and ends the work.

    Returns
    -------
    bool
        False if the workflow had ended.
    """
    await reap()
    async with get_client() as client:
        run = await _find(client, workflow_id)
        if run.state is None or run.state.is_final():
            return False
        await client.set_flow_run_state(run.id, Cancelling(message="cancel_workflow was called"))
        return True


async def _find(client: PrefectClient, workflow_id: str) -> FlowRun:
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[f"{_ID}{workflow_id}"]))
    )
    if not runs:
        raise RunNotFoundError(
            f"no workflow {workflow_id!r}", hint="list_active_workflows() gives the ids of those that run"
        )
    return runs[0]


async def _status(client: PrefectClient, run: FlowRun) -> WorkflowStatus:
    children = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    )
    phases = (
        await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[child.id for child in children])),
            task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=[PHASE_TAG])),
        )
        if children
        else []
    )
    phases = sorted(phases, key=_started)
    final = run.state is not None and run.state.is_final()
    return WorkflowStatus(
        workflow_id=_tag(run, _ID),
        type=_tag(run, _TYPE),
        name=run.name,
        state=run.state.name if run.state is not None and run.state.name else "Unknown",
        active=not final,
        current_phase=next(
            (phase.name for phase in phases if phase.state is not None and phase.state.is_running()), None
        ),
        completed_phases=tuple(
            phase.name for phase in phases if phase.state is not None and phase.state.is_completed()
        ),
        start_time=run.start_time,
        flow_run_id=str(run.id),
    )


def _started(run: TaskRun | FlowRun) -> datetime:
    return run.start_time or datetime.max.replace(tzinfo=UTC)  # what has not started comes last


def _tag(run: FlowRun, prefix: str) -> str | None:
    return next((tag.removeprefix(prefix) for tag in run.tags if tag.startswith(prefix)), None)
