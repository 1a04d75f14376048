"""Plain values: what JSON can hold, and views that cannot be written to."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from os import PathLike, fspath
from types import MappingProxyType
from typing import Any


def jsonable(value: Any, where: str = "") -> Any:
    """Turn a value into what JSON can hold.

    NaN and the infinities become None: JSON has no such numbers. Dates become ISO text, durations seconds,
    sets sorted lists, enums their value, models and dataclasses mappings, numpy scalars numbers, arrays (and
    pandas series) lists. A secret stays masked.

    Parameters
    ----------
    value
        Any of these, nested.
    where
        Where it stands, for the message.

    Raises
    ------
    TypeError
        If there is something else in it; says where.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return jsonable(value.value, where)
        case int():
            return int(value)
        case str():
            return str(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case datetime() | date() | time():
            return None if value != value else value.isoformat()  # pandas' NaT is a datetime
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {
                _key(key, where): jsonable(each, f"{where}.{key}".lstrip(".")) for key, each in value.items()
            }
        case list() | tuple():
            return [jsonable(each, f"{where}[{position}]") for position, each in enumerate(value)]
        case set() | frozenset():
            return sorted((jsonable(each, where) for each in value), key=repr)
        case PathLike():
            return fspath(value)
    if hasattr(value, "model_dump"):
        return jsonable(value.model_dump(mode="json"), where)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: jsonable(getattr(value, each.name), f"{where}.{each.name}") for each in fields(value)
        }
    if hasattr(value, "get_secret_value"):
        return str(value)
    # A numpy scalar that Python has no number for gives itself back.
    if callable(getattr(value, "tolist", None)) and (plain := value.tolist()) is not value:
        return jsonable(plain, where)
    raise TypeError(f"{where or 'the value'} is a {type(value).__qualname__}, which JSON cannot hold")


def _key(key: Any, where: str) -> str:
    plain = jsonable(key, where)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(plain)
    raise TypeError(f"{where or 'the value'} has the key {key!r}; a key is a text, a number or a date")


def read_only(value: Any) -> Any:
    """Give plain data in a form that cannot be written to.

    Dicts become read-only copies, lists tuples, sets frozen sets, numpy arrays read-only views of the same
    memory. Any other object is given back as it is.
    """
    if type(value) is dict:
        return MappingProxyType({key: read_only(each) for key, each in value.items()})
    if type(value) in (list, tuple):
        return tuple(read_only(each) for each in value)
    if type(value) is set:
        return frozenset(value)
    numpy = sys.modules.get("numpy")  # where it is not loaded, nothing is an array
    if numpy is not None and isinstance(value, numpy.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return value
