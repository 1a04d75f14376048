"""A workflow type as a Prefect flow, in its own task runner."""

from __future__ import annotations

from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import TaskRunner

from admf.errors import WorkflowCancelledError, WorkflowError, WorkflowTimeoutError
from admf.flows.context import CONTEXT


async def run_phases(workflow_id: str) -> State[Any]:
    """Run the phases of the workflow whose context is set.

    States are returned, not raised: a failure is part of the result, and Prefect would log a traceback for
    every floor that it passes. A function of the module, because process-based task runners send along the
    flow that a task belongs to.
    """
    context = CONTEXT.get()
    if context is None or context.workflow_id != workflow_id:
        raise WorkflowError(
            f"workflow {workflow_id!r} can only be run by the coordinator",
            hint="start the coordinator flow, or use `admf run`",
        )
    try:
        await context.execute(context)
    except WorkflowCancelledError as error:
        return Cancelled(message=context.say(error))
    except WorkflowTimeoutError as error:
        return Failed(name="TimedOut", message=context.say(error))
    except Exception as error:  # noqa: BLE001 - kept for the coordinator, which makes the result
        context.failure = error
        return Failed(message=context.say(error))
    return Completed(message="all phases completed")


def workflow_flow(name: str, task_runner: TaskRunner[Any]) -> Flow[[str], Any]:
    """Make the flow of a workflow type, in a task runner of its own."""
    return Flow(
        run_phases, name=name, flow_run_name="{workflow_id}", task_runner=task_runner, persist_result=False
    )
