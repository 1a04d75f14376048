"""Where text goes: results to standard output, progress and messages to standard error.

Names, messages and paths come from files that somebody else may have written. They are shown, never
interpreted: the consoles read no markup, and `plain` makes control characters visible, so that no name can
colour, move or hide what the terminal shows.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# Results are not wrapped at 80 columns when they go into a file or a pipe: a wrapped path cannot be copied.
_UNBOUND_WIDTH = 200


def stdout_console() -> Console:
    """Console of results."""
    return _console(stderr=False)


def stderr_console() -> Console:
    """Console of progress and messages."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNBOUND_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def plain(value: object) -> str:
    """Text of a value with control and direction characters made visible as escapes, line ends kept."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs") else repr(char)[1:-1]
        for char in str(value)
    )


def write_json(document: object) -> None:
    """Write one JSON document to standard output, valid by the standard: NaN and infinities are null."""
    sys.stdout.write(json.dumps(jsonable(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def jsonable(value: Any) -> Any:
    """Plain JSON values of a document; what is not finite becomes None, moments become ISO text."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Iterable):
        return [jsonable(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        return jsonable(value.item())
    return str(value)


def table(title: str | None, *columns: str, numbers: Iterable[int] = ()) -> Table:
    """Start a table of the house's look; ``numbers`` are the positions of right-aligned columns."""
    right = set(numbers)
    sheet = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=any(columns))
    for position, name in enumerate(columns):
        sheet.add_column(name, justify="right" if position in right else "left", overflow="fold")
    return sheet


def add_row(sheet: Table, *cells: object) -> None:
    """Add a row of values to a table as plain text."""
    sheet.add_row(*(plain(cell) for cell in cells))
