"""Values of a sweep's columns: numbers and texts, and what cannot be hashed, as the indicators of rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_SCALARS = (str, int, float, np.generic, type(None))


def plain(value: Any) -> Any:
    """Give what numpy holds as Python's own; a mapping or list as a copy, which its owner does not change."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return copy.deepcopy(value) if isinstance(value, Mapping | list | set) else value


def key_of(value: Any) -> tuple[type, Any]:
    """Give a key that tells a value from those of other types too: 1 is not True here."""
    try:
        hash(value)
    except TypeError:
        return type(value), repr(value)
    return type(value), value


def numbered(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Give the distinct values in their order, and for each value which of these it equals."""
    places: dict[Any, int] = {}
    try:
        chosen = [places.setdefault(value, len(places)) for value in values]
        return list(places), chosen
    except TypeError:  # some cannot be hashed: they are compared one by one
        found: list[Any] = []
        for value in values:
            if value not in found:
                found.append(value)
        return found, [found.index(value) for value in values]


def array_of(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Make a column of a table."""
    kinds = {type(value) for value in values}
    if type(None) in kinds and kinds <= {int, float, type(None)}:
        return np.array(values, dtype=np.float64)  # a setting that is none: NaN
    if kinds <= {int} or kinds <= {float} or kinds <= {bool}:
        return np.array(values)
    return np.fromiter(values, dtype=object, count=len(values))  # np.array would look into lists


def are_scalars(values: Iterable[Any]) -> bool:
    """Tell whether a file can hold the values as they are: numbers, texts, truth values and none."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return True
    return all(issubclass(kind, _SCALARS) for kind in set(map(type, values)))
