"""Plain data: what a config consists of, whether it came from YAML, a form or Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, SecretStr

from admf.core.config.faults import Path
from admf.core.config.places import View
from admf.errors import Problem

MAX_DEPTH = 32
MAX_VALUES = 20_000
#: Prefect refuses parameters of a run above 512 KiB; keys and numbers come on top.
MAX_TEXT = 250_000
MAX_INTEGER = 2**63 - 1


class TooMuchError(Exception):
    """The data is nested too deeply, or too large."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


def to_plain(data: Any, view: View) -> tuple[Any, list[Problem]]:
    """Copy data into dict, list, str, int, float, bool and None; give what has no such form as problems.

    Sections become mappings as they were written, numpy scalars numbers, dates ISO text, paths and
    enumerations their text. Secrets stay wrapped.
    """
    walk = _Walk(view)
    try:
        return walk.copy(data, ()), walk.problems
    except TooMuchError as error:
        return None, [*walk.problems, view.problem(error.path, str(error))]


class _Walk:
    def __init__(self, view: View) -> None:
        self.view = view
        self.problems: list[Problem] = []
        self.count = 0
        self.text = 0

    def fail(self, path: Path, message: str, **more: str | None) -> None:
        self.problems.append(self.view.problem(path, message, **more))

    def copy(self, value: Any, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise TooMuchError(path, f"the config holds more than {MAX_VALUES} values")
        if len(path) > MAX_DEPTH:
            raise TooMuchError(path[:3], f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, BaseModel):
            names = [*type(value).model_fields, *(value.model_extra or {})]
            given = {name: getattr(value, name) for name in names if name in value.model_fields_set}
            plain = self.mapping(given, path)
            for place, text in getattr(value, "_written", {}).items():
                put(plain, place, text)
            return plain
        if isinstance(value, Mapping):
            return self.mapping(value, path)
        if isinstance(value, list | tuple):
            return [self.copy(item, (*path, position)) for position, item in enumerate(value)]
        return self.scalar(value, path)

    def mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, Enum):
                key = key.value
            if not isinstance(key, str):
                self.fail(path, f"has a key that is not text: {short(key)}", hint="keys are text")
            elif not _storable(key):
                self.fail(path, "has a key with a character that cannot be stored", found=short(key))
            else:
                text = str.__str__(key)
                self.measure(text, path)
                result[text] = self.copy(item, (*path, text))
        return result

    def measure(self, text: str, path: Path) -> None:
        self.text += len(text.encode())
        if self.text > MAX_TEXT:
            raise TooMuchError(path, f"the config holds more than {MAX_TEXT} bytes of text")

    def scalar(self, value: Any, path: Path) -> Any:
        if (
            type(value).__module__ == "numpy"
            and hasattr(value, "dtype")
            and not getattr(value, "shape", (1,))
        ):
            value = str(value) if value.dtype.kind == "M" else value.item()
        if isinstance(value, Enum):
            value = value.value
        if value is None or isinstance(value, bool | SecretStr):
            return value
        if isinstance(value, str):
            if not _storable(value):
                self.fail(path, "has a character that cannot be stored")
            else:
                self.measure(value, path)
            return str.__str__(value)
        if isinstance(value, int):
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                self.fail(path, "is too large for an integer", allowed=f"up to {MAX_INTEGER}")
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                self.fail(path, "must be a finite number", found=short(value))
            return float(value)
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, PurePath):
            return str(value)
        allowed = "text, a number, true or false, null, a list, a mapping"
        hint = None
        if type(value).__name__ in ("ndarray", "Series", "Index", "DatetimeIndex"):
            hint = "use .tolist(), or put the data into a file or block named by data_config"
        elif type(value).__name__ == "DataFrame":
            hint = "data belongs into a file or block named by data_config"
        self.fail(path, "is not plain data", found=short(value), allowed=allowed, hint=hint)
        return None


def _storable(text: str) -> bool:
    """Tell whether text can be written to a file: no half of a surrogate pair, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def put(data: Any, path: Path, text: str) -> None:
    """Replace the value at a path, if the path is there (a dump may leave keys out)."""
    try:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]]
    except (KeyError, IndexError, TypeError):
        return
    data[path[-1]] = text


def short(value: Any) -> str:
    """Write a value for an error: one line, not long, as it would stand in YAML."""
    if value is None:
        return "null (nothing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SecretStr):
        return "(hidden)"
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return '"' + "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text) + '"'
    if isinstance(value, int | float):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a very large integer"
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
