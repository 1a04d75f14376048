"""A named step of a workflow as a Prefect task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Failed

from admf.errors import AdmfError, WorkflowCancelledError, describe

T = TypeVar("T")

PHASE_TAG = "admf-phase"


@dataclass
class _Step:
    body: Callable[[], Awaitable[Any]]
    retry_on: type[Exception]
    say: Callable[[BaseException], str]
    results: list[Any] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


# The body is handed over beside the task, not as its parameter or closure: Prefect walks through parameters,
# and sends the running task along to other processes; a body holds every price of the workflow.
_STEP: ContextVar[_Step] = ContextVar("admf_step")


async def step(
    name: str,
    body: Callable[[], Awaitable[T]],
    *,
    retry_delays_seconds: list[float] | None = None,
    retry_on: type[Exception] = Exception,
    tags: tuple[str, ...] = (),
    say: Callable[[BaseException], str] = describe,
) -> T:
    """Run `body` as a Prefect task called `name` and give what it gives, or raise what it raises.

    Parameters
    ----------
    retry_delays_seconds
        The wait before each further attempt. Default: no further attempt.
    retry_on
        The kind of error that is worth another attempt; any other one is final.
    tags
        Prefect tags of the task run.
    say
        How an error is put into the state's message.
    """
    delays = retry_delays_seconds or []
    this = _Step(body, retry_on, say)
    token = _STEP.set(this)
    try:
        await Task(  # type: ignore[misc]  # the overloads forget that the task is async
            _run,
            name=name,
            task_run_name=name,
            tags=tags,
            retries=len(delays),
            retry_delay_seconds=delays or None,
            retry_condition_fn=_worth_another_attempt,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(return_state=True)
    finally:
        _STEP.reset(token)
    if this.results:
        done: T = this.results[-1]
        return done
    raise this.errors[-1]


async def _run() -> Any:
    this = _STEP.get()
    try:
        this.results.append(await this.body())
    except AdmfError as error:  # said well already: a state, where raising would log a traceback
        this.errors.append(error)
        kind = Cancelled if isinstance(error, WorkflowCancelledError) else Failed
        return kind(message=this.say(error))
    except Exception as error:
        this.errors.append(error)
        raise


async def _worth_another_attempt(*_: Any) -> bool:
    this = _STEP.get()
    return isinstance(this.errors[-1], this.retry_on)
