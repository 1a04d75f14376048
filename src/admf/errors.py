"""Every error a user can meet, on one tree.

`AdmfError` is what the command line turns into a message without a traceback. An error says where, what was
found, what is allowed, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class AdmfError(Exception):
    """Base of all errors that this package raises on purpose.

    Parameters
    ----------
    message
        What went wrong, and where.
    hint
        What to do about it.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a config.

    Parameters
    ----------
    path
        Dotted path of the key, as in ``workflow.data_config.symbols``.
    message
        What is wrong.
    line
        Line of the YAML file, counted from 1; None where there is no file.
    found, allowed, hint
        What was written, what may stand there, what to do. None where there is nothing to say.
    file
        Name of the file that holds the line; None where there is no file.
    """

    path: str
    message: str
    line: int | None = None
    found: str | None = None
    allowed: str | None = None
    hint: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        if self.path and place in (f"--set {self.path}", f"--set {self.path.removeprefix('workflow.')}"):
            place = f"--set {self.path}"  # the option names the key already
        else:
            place += f"{': ' if place and self.path else ''}{self.path}"
        message = re.sub(r"\n(?! {4})", "\n    ", self.message)  # further lines stand below the first
        parts = [f"{place}: " if place else "", message]
        for label, value in (("found", self.found), ("allowed", self.allowed), ("hint", self.hint)):
            if value is not None:
                parts.append(f"\n    {label}: {value}")
        return "".join(parts)


class ConfigError(AdmfError):
    """The configuration is wrong; carries every problem that was found, not the first."""

    def __init__(self, problems: Sequence[Problem], source: str | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        head = f"{source or 'the config'} has {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class DataError(AdmfError):
    """Market data that cannot be used; carries the findings of the quality gate, if it got that far.

    `done` is what came of other symbols, where the error is of some of several. `key` is the key of
    ``data_config`` that is wrong, where that is known; `parts` are the errors that one was made of.
    """

    def __init__(
        self, message: str, hint: str | None = None, findings: Sequence[Any] = (), key: str | None = None
    ) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)
        self.done: Mapping[str, Any] = {}
        self.key = key
        self.parts: tuple[DataError, ...] = ()


class TransientDataError(DataError):
    """Reading failed in a way that may pass (a busy database, a broken connection): worth a retry."""


class ComponentError(AdmfError):
    """A component is unknown, does not conform, collides or cannot be created."""


class StrategyError(ComponentError):
    """A strategy's definition, parameters or step function are wrong."""


class StateError(AdmfError):
    """An operation that the present state does not allow."""


class RunNotFoundError(AdmfError):
    """No run of that name in the result store."""


class WorkflowError(AdmfError):
    """A workflow did not complete."""


class WorkflowTimeoutError(WorkflowError):
    """A workflow ran into its time limit."""


class WorkflowCancelledError(WorkflowError):
    """A workflow was cancelled."""


def describe(error: BaseException) -> str:
    """Put an error into words; the type is named where the message alone would not be understood."""
    text = str(error).strip()
    if isinstance(error, AdmfError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
