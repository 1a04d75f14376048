"""A named step of a workflow as a Prefect task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Failed

from admf.errors import AdmfError, WorkflowCancelledError, describe

T = TypeVar("T")

PHASE_TAG = "admf-phase"


async def step(
    name: str,
    body: Callable[[], Awaitable[T]],
    *,
    retry_delays_seconds: list[float] | None = None,
    retry_on: type[Exception] = Exception,
    tags: tuple[str, ...] = (),
) -> T:
    """Run `body` as a Prefect task called `name` and give what it gives, or raise what it raises.

    The body is closed over, not passed: Prefect walks through parameters, and what a step works on holds
    every price of the workflow.

    Parameters
    ----------
    retry_delays_seconds
        The wait before each further attempt. Default: no further attempt.
    retry_on
        The kind of error that is worth another attempt; any other one is final.
    tags
        Prefect tags of the task run.
    """
    delays = retry_delays_seconds or []
    results: list[T] = []
    errors: list[Exception] = []

    async def worth_it(*_: Any) -> bool:
        return isinstance(errors[-1], retry_on)

    @task(
        name=name,
        task_run_name=name,
        tags=tags,
        retries=len(delays),
        retry_delay_seconds=delays or None,
        retry_condition_fn=worth_it,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    async def run() -> Any:
        try:
            results.append(await body())
        except AdmfError as error:  # said well already: a state, where raising would log a traceback
            errors.append(error)
            kind = Cancelled if isinstance(error, WorkflowCancelledError) else Failed
            return kind(message=describe(error))
        except Exception as error:
            errors.append(error)
            raise

    await run(return_state=True)
    if results:
        return results[-1]
    raise errors[-1]
