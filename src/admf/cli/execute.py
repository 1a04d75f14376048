"""`admf run` and `admf replay`: the commands that start Prefect."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.cli.failures import DONE, FAILED
from admf.cli.output import add_row, plain, stderr_console, stdout_console, table, write_json
from admf.cli.render import show_result
from admf.errors import ConfigError

if TYPE_CHECKING:
    from admf.core.events import Event

# Read by Prefect when it is imported; what the user has set stands. Nothing is reported to anybody, and the
# terminal shows our own progress and errors in place of Prefect's log, which its page has in full.
_PREFECT_DEFAULTS = {
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}
_QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
_PHASE = "workflow.phase."
_STARTING = "starting; Prefect and its server take a while"
_COMPILER = logging.getLogger("admf.compile")


def run_config(
    path: Path,
    overrides: tuple[str, ...],
    allow_modules: tuple[str, ...],
    as_json: bool,
    *,
    began: float | None = None,
) -> int:
    """Run the workflow of a config file and print its result.

    Parameters
    ----------
    began
        When the command did, by `time.monotonic`; None: now.

    Returns
    -------
    int
        0 if the workflow completed, else 1.

    Raises
    ------
    ConfigError
        The config, strategy or parameters are wrong; nothing was created, Prefect was not even loaded.
    """
    from admf.core.config import load_config
    from admf.core.config.rest import Rest
    from admf.simulation.check_all import further_problems

    began = time.monotonic() if began is None else began
    with silence():
        config = load_config(path, overrides, allow_modules, further_problems)

    async def work(progress: Progress) -> Any:
        from admf.core.coordinator import Coordinator

        async with Coordinator(on_event=progress) as coordinator:
            return await coordinator.execute_workflow(config)

    with Progress(f"{path}: {_STARTING}") as progress, _prefect(config.log_level):
        from admf.simulation.check import check_workflow  # below the first line: pandas takes its time

        problems = check_workflow(config)  # the coordinator says the same, some seconds later
        if problems:
            problems = list(dict.fromkeys([*problems, *further_problems(Rest(config))]))
            raise ConfigError(problems, str(path))
        result = asyncio.run(work(progress))
    document = result.model_dump(mode="json")
    if as_json:
        write_json(document)
    else:
        show_result(document, stdout_console(), command_seconds=time.monotonic() - began)
    return DONE if result.success else FAILED


def replay_run(run: str, store: Path, allow_modules: tuple[str, ...], as_json: bool) -> int:
    """Run a stored run again and say whether it gave the same digest.

    Returns
    -------
    int
        0 if it did, else 1.

    Raises
    ------
    RunNotFoundError
        There is no such run.
    """
    from admf.core.runs import RunStore

    original = RunStore(store).find(run)
    with silence():
        config = original.config()

    async def work(progress: Progress) -> Any:
        from admf.core.coordinator import Coordinator

        async with Coordinator(on_event=progress, allow_modules=allow_modules) as coordinator:
            return await coordinator.replay(original.id, store)

    with Progress(f"{original.id}: {_STARTING}") as progress, _prefect(config.log_level):
        report = asyncio.run(work(progress))
    if as_json:
        write_json(asdict(report))
    else:
        verdict = (
            "reproduced: the digests are equal" if report.reproduced else "NOT reproduced: the digests differ"
        )
        console = stdout_console()
        console.print(verdict, soft_wrap=True)
        sheet = table(None, "", "")
        add_row(sheet, "original", report.original)
        add_row(sheet, "replay", report.replay)
        for difference in report.differences:
            add_row(sheet, "differs", difference)
        console.print(sheet)
    return DONE if report.reproduced else FAILED


class Progress(logging.Handler):
    """Tells on standard error what a workflow is doing: first that it starts, then a line for each phase.

    On a terminal a spinner says what is under way.

    As the handler of the compiler's log it tells of each compilation too, in a line when it begins: the phase
    that waits for it says what it took.
    """

    def __init__(self, title: str) -> None:
        super().__init__(logging.WARNING)
        self._console = stderr_console()
        self._title = plain(title)
        self._status = self._console.status(self._title) if self._console.is_terminal else None

    def __call__(self, event: Event) -> None:
        """Take an event of the workflow."""
        if not event.type.startswith(_PHASE):
            return
        phase, _, what = event.type.removeprefix(_PHASE).rpartition(".")
        if what == "start":
            if self._status is not None:
                self._status.update(plain(phase))
            return
        seconds = float(event.data.get("duration_seconds", 0.0))
        mark = "" if what == "complete" else f"  {what}"
        self._console.print(plain(f"  {phase:<18}{seconds:8.3f} s{mark}"))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of the compiler's log."""
        self._console.print(plain(f"  {record.getMessage()}"))

    def __enter__(self) -> Progress:
        _COMPILER.addHandler(self)
        _COMPILER.propagate = False  # told here, once
        if self._status is not None:
            self._status.start()
        else:
            self._console.print(self._title, soft_wrap=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
        _COMPILER.removeHandler(self)
        _COMPILER.propagate = True


def silence() -> AbstractContextManager[object]:
    """Keep standard output free for the result: what a user's component prints goes to standard error."""
    return redirect_stdout(sys.stderr)


@contextmanager
def _prefect(log_level: str) -> Iterator[None]:
    """Load and use Prefect: its defaults are ours, and standard output stays free for the result.

    With ``log_level: DEBUG`` its log and the workflow's are shown too.
    """
    defaults = _PREFECT_DEFAULTS if log_level == "DEBUG" else _PREFECT_DEFAULTS | _QUIET
    for key, value in defaults.items():
        os.environ.setdefault(key, value)
    handler = logging.StreamHandler()
    if log_level != "DEBUG":  # what is normal is told by the progress lines
        handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("admf")  # a workflow's own logger is below it, with the config's level
    logger.addHandler(handler)
    try:
        with silence():
            yield
    finally:
        logger.removeHandler(handler)
