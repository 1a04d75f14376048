"""The facade: one entry point for every workflow, in Python.

The flows are imported inside functions: this module belongs to the domain, which knows nothing of Prefect,
and a command that only reads a config must not pay for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from admf.core.config import WorkflowConfig, WorkflowType, load_config, parse_config
from admf.core.config.rest import Rest
from admf.core.events import Event
from admf.core.manifest import compare_manifests
from admf.core.registry import nearest
from admf.core.result import WorkflowResult
from admf.core.runs import RunStore
from admf.errors import AdmfError, ComponentError, Problem, StateError, WorkflowError

if TYPE_CHECKING:
    from admf.flows.context import HandOver
    from admf.flows.monitor import WorkflowStatus

__all__ = ["Coordinator", "ReplayReport", "WorkflowConfig", "WorkflowResult", "WorkflowType"]

# Services that the built-in workflows use; a caller may give more, to managers of their own.
SERVICES = ("market_data", "indicators", "compute", "result_store")

# Read when Prefect is first imported; what the user has set stays.
PREFECT_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20 is too short on a busy machine
}

ConfigLike = WorkflowConfig | Mapping[str, Any] | str | Path


@dataclass(frozen=True)
class ReplayReport:
    """Whether a run could be repeated.

    Parameters
    ----------
    reproduced
        Whether the digests are equal.
    original, replay
        Ids of the two runs.
    differences
        What differs between them: data, code, versions, seed, config. May name versions although the run was
        reproduced.
    """

    reproduced: bool
    original: str
    replay: str
    differences: list[str]


class Coordinator:
    """Runs workflows: validates, isolates, provisions, executes, aggregates, cleans up.

    Parameters
    ----------
    shared_services
        What the caller already has, by name: ``market_data`` (Bars, DataFrame, mapping symbol -> either, or a
        provider), ``indicators``, ``compute``, ``result_store`` (blocks). They are used, never closed.
    config_path
        YAML file that `execute_workflow` runs when it is given none.
    overrides
        ``key=value`` texts as of the command line, for `config_path`.
    allow_modules
        Modules from which components may come, beside those that a config allows.
    on_event
        Called with every event of every workflow, in the thread that publishes it.
    max_concurrent
        Workflows that run at the same time; more wait. The database behind Prefect sets the limit.
    """

    def __init__(
        self,
        shared_services: Mapping[str, Any] | None = None,
        config_path: str | Path | None = None,
        *,
        overrides: Sequence[str] = (),
        allow_modules: Sequence[str] = (),
        on_event: Callable[[Event], None] | None = None,
        max_concurrent: int = 4,
    ) -> None:
        self._services = dict(shared_services or {})
        for name in self._services:
            near = None if name in SERVICES else nearest(name, SERVICES)
            if near is not None:  # it would be ignored, and the run would use something else
                raise ComponentError(
                    f"shared service {name!r} is not used by any workflow", hint=f"did you mean {near!r}?"
                )
        self._config_path = config_path
        self._overrides = tuple(overrides)
        self._allow_modules = tuple(allow_modules)
        self._on_event = on_event
        self._slots = asyncio.Semaphore(max_concurrent)
        self._active: dict[asyncio.Task[WorkflowResult], HandOver] = {}
        self._closed = False
        self._reaped = False

    async def execute_workflow(self, config: ConfigLike | None = None) -> WorkflowResult:
        """Run one workflow and give its result; a workflow that fails gives a result too.

        Parameters
        ----------
        config
            A model, a mapping, or the path of a YAML file. Default: `config_path`.

        Raises
        ------
        ConfigError
            The config is wrong; nothing was created.
        AdmfError
            There is no place for the results; nothing was created.
        StateError
            The coordinator was shut down.
        """
        if self._closed:
            raise StateError("the coordinator was shut down", hint="make a new Coordinator")
        _prepare_prefect()
        from admf.flows.context import HandOver

        hand_over = HandOver(config=self._load(config), services=self._services, on_event=self._on_event)
        running = asyncio.create_task(self._execute(hand_over))
        self._active[running] = hand_over
        try:
            return await asyncio.shield(running)
        finally:
            if not running.done():  # the caller was cancelled: the workflow ends too, in order
                hand_over.stop.cancel("its caller was cancelled")
                await asyncio.gather(running, return_exceptions=True)
            del self._active[running]

    def _load(self, config: ConfigLike | None) -> WorkflowConfig:
        if config is None:
            if self._config_path is None:
                raise StateError(
                    "execute_workflow() was given no config and the coordinator has no config_path",
                    hint="await coordinator.execute_workflow(config), or Coordinator(config_path=...)",
                )
            return load_config(self._config_path, self._overrides, self._allow_modules, self._further)
        if isinstance(config, (str, Path)):
            return load_config(config, allow_modules=self._allow_modules, further=self._further)
        if not isinstance(config, WorkflowConfig):
            return parse_config(config, allow_modules=self._allow_modules, further=self._further)
        if self._allow_modules:
            allowed = list(dict.fromkeys([*config.allow_modules, *self._allow_modules]))
            config = config.model_copy(update={"allow_modules": allowed})
        return config

    def _further(self, rest: Rest) -> list[Problem]:
        from admf.flows.registry import check_rest

        return check_rest(rest, self._services)

    async def _execute(self, hand_over: HandOver) -> WorkflowResult:
        from admf.flows.context import HAND_OVER
        from admf.flows.coordinator import coordinator
        from admf.flows.reaper import reap

        async with self._slots:
            if not self._reaped:  # what an earlier process left when it was killed
                self._reaped = True
                await reap()
            HAND_OVER.set(
                hand_over
            )  # in this task's own context: workflows side by side do not see each other's
            # Prefect reads the name as a template of the flow's parameters.
            shown: str = hand_over.config.as_written(hand_over.config.name)
            name = shown.replace("{", "{{").replace("}", "}}")
            flow = coordinator.with_options(flow_run_name=name)
            state = await flow(hand_over.config.to_mapping(), return_state=True)
        if hand_over.result is None and isinstance(hand_over.error, AdmfError):
            raise hand_over.error  # nothing was created
        if hand_over.result is None:
            raise WorkflowError(f"the workflow ended before it had a result: {state.message or state.name}")
        return hand_over.result

    async def list_active_workflows(self) -> list[WorkflowStatus]:
        """List the workflows that have not ended, of every process that uses the same Prefect server."""
        _prepare_prefect()
        from admf.flows.monitor import active_workflows

        return await active_workflows()

    async def get_workflow_status(self, workflow_id: str) -> WorkflowStatus:
        """Tell how far a workflow is, read from Prefect's state.

        Raises
        ------
        RunNotFoundError
            Prefect knows no such workflow.
        """
        _prepare_prefect()
        from admf.flows.monitor import workflow_status

        return await workflow_status(workflow_id)

    async def cancel_workflow(self, workflow_id: str) -> bool:
        """Cancel a workflow, in this process or another one.

        Returns
        -------
        bool
            False if it had ended already.

        Raises
        ------
        RunNotFoundError
            Prefect knows no such workflow.
        """
        _prepare_prefect()
        from admf.flows.monitor import cancel_workflow

        here = False
        for hand_over in self._active.values():
            if hand_over.workflow_id == workflow_id and hand_over.result is None:
                hand_over.stop.cancel("cancel_workflow was called")
                here = True
        return await cancel_workflow(workflow_id) or here

    async def replay(self, run: str, store: str | Path = "runs") -> ReplayReport:
        """Run a recorded workflow again and say whether it gives the same digest, and if not, what differs.

        Parameters
        ----------
        run
            Id of the run, a unique beginning of it, or ``latest``.
        store
            Folder of the run folders.

        Raises
        ------
        RunNotFoundError
            There is no such run.
        WorkflowError
            The run, or its repetition, did not complete.
        """
        original = RunStore(store).find(run)
        # The repetition goes beside the original, wherever that was meant to go.
        here = {"directory": str(store), "store": None}
        before = original.manifest
        if before.get("status") != "completed":
            raise WorkflowError(
                f"run {original.id} ended as {before.get('status')}: it has no result to be compared with",
                hint="replay a completed run (`admf list`)",
            )
        config = original.config()
        result = await self.execute_workflow(
            config.model_copy(update={"output": config.output.model_copy(update=here)})
        )
        if not result.success:
            raise WorkflowError(f"the replay of {original.id} failed: {'; '.join(result.errors)}")
        after = RunStore(store).find(result.workflow_id).manifest
        return ReplayReport(
            reproduced=result.digest == before["digest"],
            original=original.id,
            replay=result.workflow_id,
            differences=compare_manifests(before, after),
        )

    async def shutdown(self) -> None:
        """Cancel what is active, wait until it has cleaned up, take no more work. May be called again."""
        self._closed = True
        for hand_over in self._active.values():
            hand_over.stop.cancel("the coordinator was shut down")
        if self._active:
            await asyncio.gather(*self._active, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.shutdown()


def _prepare_prefect() -> None:
    """Set what Prefect reads when it is imported: nothing is reported to anybody, whatever is asked first."""
    for key, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(key, value)
