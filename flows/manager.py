"""The base of all workflow managers: phases, one after another, each a Prefect task."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from admf.core.config import WorkflowConfig
from admf.core.events import phase_event
from admf.core.result import PhaseResult
from admf.errors import Problem, WorkflowCancelledError, WorkflowError, WorkflowTimeoutError, describe
from admf.flows.context import WorkflowContext, status_of
from admf.tasks.step import PHASE_TAG, step


@dataclass(frozen=True)
class WorkflowPhase:
    """One step of a workflow.

    Parameters
    ----------
    name
        Name of the Prefect task and of the phase's events.
    critical
        Whether the workflow fails with it; the phases after a failed critical one are skipped.
    retries, retry_delay_seconds
        Further attempts. Only for work that may succeed the next time.
    description
        One line for people.
    """

    name: str
    critical: bool = True
    retries: int = 0
    retry_delay_seconds: float = 1.0
    description: str = ""


class PhaseFailedError(WorkflowError):
    """A critical phase failed; the cause is its ``__cause__``."""


class BaseWorkflowManager(ABC):
    """Runs the phases of one workflow. Made anew for every workflow, so it may keep what its phases hand on.

    A new workflow type is a subclass with `get_execution_phases` and `execute_phase`, registered with
    `admf.flows.register_workflow`.
    """

    @abstractmethod
    def get_execution_phases(self) -> list[WorkflowPhase]:
        """Give the phases in the order in which they run."""

    def check(self, config: WorkflowConfig) -> list[Problem]:
        """List what is wrong that the config's models cannot know; asked before anything is created."""
        return []

    @abstractmethod
    async def execute_phase(
        self, phase: WorkflowPhase, config: WorkflowConfig, context: WorkflowContext
    ) -> Mapping[str, Any] | None:
        """Do the work of one phase.

        Returns
        -------
        Mapping or None
            A summary that JSON can hold; it becomes the phase's part of the result.
        """

    async def execute(self, context: WorkflowContext) -> None:
        """Run the phases; `context.phases` tells of each one, also when this raises.

        Raises
        ------
        PhaseFailedError
            A critical phase failed.
        WorkflowCancelledError, WorkflowTimeoutError
            The workflow was stopped.
        """
        failure: BaseException | None = None
        for phase in self.get_execution_phases():
            if failure is not None:
                context.phases[phase.name] = PhaseResult(name=phase.name, status="skipped")
                continue
            error = await self._run_phase(phase, context)
            if error is None:
                continue
            if phase.critical or isinstance(error, (WorkflowCancelledError, WorkflowTimeoutError)):
                failure = error
            else:
                context.outcome.warnings.append(f"phase {phase.name} failed: {context.say(error)}")
        if isinstance(failure, (WorkflowCancelledError, WorkflowTimeoutError)):
            raise failure
        if failure is not None:
            failed = next(name for name, phase in context.phases.items() if phase.status == "failed")
            raise PhaseFailedError(f"phase {failed} failed: {describe(failure)}") from failure

    async def _run_phase(self, phase: WorkflowPhase, context: WorkflowContext) -> Exception | None:
        bus = context.container.bus
        context.container.logger.debug("phase %s starts", phase.name)
        bus.publish(phase_event(phase.name, "start"), {"phase": phase.name})
        started, clock = datetime.now(UTC), time.perf_counter()
        summary: Mapping[str, Any] = {}
        error: Exception | None = None

        async def body() -> Mapping[str, Any] | None:
            return await context.stop.guard(self.execute_phase(phase, context.config, context))

        try:
            delays = [phase.retry_delay_seconds] * phase.retries
            done = await step(
                phase.name, body, retry_delays_seconds=delays, tags=(PHASE_TAG,), say=context.say
            )
            summary = done or {}
        except Exception as caught:  # noqa: BLE001 - whatever a phase raises becomes part of the result
            error = caught
        seconds = time.perf_counter() - clock
        status = status_of(error)
        context.phases[phase.name] = PhaseResult(
            name=phase.name,
            status=status,
            started=started,
            duration_seconds=seconds,
            summary=context.config.as_written(dict(summary)),
            error=None if error is None else context.say(error),
        )
        data: dict[str, Any] = {"phase": phase.name, "duration_seconds": round(seconds, 6)}
        if error is None:
            bus.publish(phase_event(phase.name, "complete"), data)
        else:
            bus.publish(phase_event(phase.name, "error"), {**data, "error": context.say(error)})
        context.container.logger.info("phase %s %s after %.3f s", phase.name, status, seconds)
        return error
