"""Where the keys of a config stand, for messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from admf.core.config.faults import Path
from admf.errors import Problem

#: More problems than these are not listed.
MAX_PROBLEMS = 100


def dotted(path: Path) -> str:
    """Write a path as a user does: ``workflow.data_config.symbols.0``."""
    return ".".join(str(key) for key in path)


class Mark(NamedTuple):
    """Where a key stands: a file (or an option of the command line) and a line in it."""

    file: str
    line: int | None


@dataclass(frozen=True)
class View:
    """What is known about the data besides its values.

    Parameters
    ----------
    prefix
        Path of the data in the document.
    marks
        Where each key stands; a key that is not in it stands where its parent does.
    written
        Text of values that came from the environment: shown in place of the value.
    whole
        Whether the data is all there is; False: a file that it builds on was not found, and may have what is
        missing here.
    """

    prefix: Path = ()
    marks: Mapping[Path, Mark] = field(default_factory=dict)
    written: Mapping[Path, str] = field(default_factory=dict)
    whole: bool = True

    def problem(self, path: Path, message: str, **more: str | None) -> Problem:
        """Make a problem at a path relative to the data."""
        mark = self.mark(path)
        return Problem(
            dotted((*self.prefix, *path)),
            message,
            mark.line if mark else None,
            file=mark.file if mark else None,
            **more,
        )

    def mark(self, path: Path) -> Mark | None:
        """Give the place of the nearest key at or above a path."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.marks:
                return self.marks[path[:end]]
        return None
