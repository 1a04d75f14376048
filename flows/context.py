"""What travels through a workflow: the hand-over from the facade, the stop signal, the phases' context."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from admf.blocks import ComputeResources, IndicatorLibrary
from admf.core.config import WorkflowConfig
from admf.core.container import UniversalScopedContainer
from admf.core.events import Event
from admf.core.result import PhaseResult, Status, WorkflowResult
from admf.core.run_folder import RunFolder
from admf.errors import WorkflowCancelledError, WorkflowError, WorkflowTimeoutError, describe
from admf.tasks.shared import SharedMarket

T = TypeVar("T")


class StopSignal:
    """One way to stop a workflow, whoever wants it: a cancel from outside, the time limit, a shutdown.

    Bodies race against it (`guard`), and compiled loops read the container's cancel flag, so that everything
    unwinds by ordinary exceptions and cleanup runs. Belongs to the event loop it is used in.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._error: WorkflowError | None = None
        self._listeners: list[Callable[[str], None]] = []

    @property
    def error(self) -> WorkflowError | None:
        """Why the workflow stops; None while it does not."""
        return self._error

    def cancel(self, why: str) -> None:
        """Stop as cancelled."""
        self._set(WorkflowCancelledError(f"the workflow was cancelled: {why}"))

    def time_out(self, seconds: float) -> None:
        """Stop as timed out."""
        self._set(
            WorkflowTimeoutError(
                f"the workflow did not end within timeout_seconds = {seconds:g}",
                hint="raise workflow.timeout_seconds, or make the work smaller",
            )
        )

    def _set(self, error: WorkflowError) -> None:
        if self._error is None:  # the first reason stands
            self._error = error
            self._event.set()
            for listener in self._listeners:
                listener(error.message)

    def on_stop(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the reason when the signal is given, or at once if it was."""
        self._listeners.append(listener)
        if self._error is not None:
            listener(self._error.message)

    async def wait(self) -> WorkflowError:
        """Return when the signal is given."""
        await self._event.wait()
        assert self._error is not None  # noqa: S101 - set together with the event
        return self._error

    async def guard(self, work: Awaitable[T]) -> T:
        """Await `work`, or raise the stop's error as soon as the signal is given."""
        if self._error is not None:
            if asyncio.iscoroutine(work):
                work.close()
            raise self._error
        body = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({body, stop}, return_when=asyncio.FIRST_COMPLETED)
            if body.done():
                return body.result()
            assert self._error is not None  # noqa: S101
            raise self._error
        finally:
            for future in (body, stop):
                future.cancel()
            await asyncio.gather(body, stop, return_exceptions=True)


def status_of(error: BaseException | None) -> Status:
    """Name how something ended that raised `error`, or did not raise."""
    match error:
        case None:
            return "completed"
        case WorkflowCancelledError():
            return "cancelled"
        case WorkflowTimeoutError():
            return "timed_out"
        case _:
            return "failed"


@dataclass
class Outcome:
    """What a workflow has to say for itself; its phases fill it in.

    Parameters
    ----------
    metrics
        Name to number; NaN where undefined.
    final_results
        Anything that JSON can hold.
    artifacts
        Name to path within the run folder.
    digest
        SHA-256 of the numbers that must come out the same when the run is repeated. None: metrics and
        final_results are hashed.
    summary_markdown, picture_svg
        For the run's page.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    final_results: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    digest: str | None = None
    summary_markdown: str | None = None
    picture_svg: str | None = None


@dataclass
class WorkflowContext:
    """All that a phase may use: its own container, what is shared, and where its results go."""

    workflow_id: str
    config: WorkflowConfig
    container: UniversalScopedContainer
    market: SharedMarket
    library: IndicatorLibrary
    resources: ComputeResources
    run: RunFolder
    stop: StopSignal
    execute: Callable[[WorkflowContext], Awaitable[None]]
    outcome: Outcome = field(default_factory=Outcome)
    phases: dict[str, PhaseResult] = field(default_factory=dict)
    failure: Exception | None = None

    def say(self, error: BaseException) -> str:
        """Put an error into words, without what the config took from the environment."""
        words: str = self.config.as_written(describe(error))
        return words


@dataclass
class HandOver:
    """What the facade gives to the parent flow within one process, and gets back.

    A flow's parameters are stored by Prefect, so neither secrets nor live objects may travel there.
    """

    config: WorkflowConfig
    services: Mapping[str, Any]
    on_event: Callable[[Event], None] | None = None
    stop: StopSignal = field(default_factory=StopSignal)
    workflow_id: str | None = None
    result: WorkflowResult | None = None
    error: BaseException | None = None


HAND_OVER: ContextVar[HandOver | None] = ContextVar("admf_hand_over", default=None)
CONTEXT: ContextVar[WorkflowContext | None] = ContextVar("admf_context", default=None)
