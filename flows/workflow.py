"""A workflow type as a Prefect flow, in its own task runner."""

from __future__ import annotations

from typing import Any

from prefect import Flow, flow
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed, State
from prefect.task_runners import TaskRunner

from admf.errors import WorkflowCancelledError, WorkflowError, WorkflowTimeoutError, describe
from admf.flows.context import CONTEXT
from admf.flows.manager import BaseWorkflowManager


def workflow_flow(
    name: str, manager: BaseWorkflowManager, task_runner: TaskRunner[PrefectFuture[Any]]
) -> Flow[[str], Any]:
    """Make the flow called `name` that runs the phases of `manager`.

    States are returned, not raised: a failure is part of the result, and Prefect would log a traceback for
    every floor that it passes.
    """

    @flow(name=name, flow_run_name="{workflow_id}", task_runner=task_runner, persist_result=False)
    async def run(workflow_id: str) -> State[Any]:
        context = CONTEXT.get()
        if context is None or context.workflow_id != workflow_id:
            raise WorkflowError(
                f"flow {name!r} runs inside the coordinator only",
                hint="start the coordinator flow, or use `admf run`",
            )
        try:
            await manager.execute(context)
        except WorkflowCancelledError as error:
            return Cancelled(message=describe(error))
        except WorkflowTimeoutError as error:
            return Failed(name="TimedOut", message=describe(error))
        except Exception as error:  # noqa: BLE001 - kept for the coordinator, which makes the result
            context.failure = error
            return Failed(message=describe(error))
        return Completed(message="all phases completed")

    return run
