"""A named step of a workflow as a Prefect task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

T = TypeVar("T")

PHASE_TAG = "admf-phase"


async def step(
    name: str,
    body: Callable[[], Awaitable[T]],
    *,
    retries: int = 0,
    retry_delays_seconds: list[float] | None = None,
    retry_on: type[Exception] = Exception,
    tags: tuple[str, ...] = (),
) -> T:
    """Run `body` as a Prefect task called `name`.

    The body is closed over, not passed: Prefect walks through parameters, and what a step works on holds every
    price of the workflow.

    Parameters
    ----------
    retries, retry_delays_seconds
        Further attempts, and the wait before each.
    retry_on
        The kind of error that is worth another attempt; any other one is final.
    tags
        Prefect tags of the task run.
    """

    async def worth_it(task: Any, task_run: Any, state: Any) -> bool:
        try:
            await state.aresult()
        except retry_on:
            return True
        except Exception:  # noqa: BLE001 - another kind: final
            return False
        return False

    @task(
        name=name,
        task_run_name=name,
        tags=tags,
        retries=retries,
        retry_delay_seconds=retry_delays_seconds,
        retry_condition_fn=worth_it,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    async def run() -> T:
        return await body()

    return await run()
