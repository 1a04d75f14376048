"""TA-Lib, as far as admf uses it: what functions there are, what they take, and calling them.

TA-Lib is imported on first use only. Names, parameters and defaults are TA-Lib's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from admf.core.registry import nearest
from admf.errors import ComponentError
from admf.typing import FloatArray

Number = int | float

# TA-Lib reads these as "take the default", and its own limits lie within them.
_INT_LIMIT = 2**31 - 1
_FLOAT_LIMIT = 3e37


@dataclass(frozen=True)
class Facts:
    """What TA-Lib says about one of its functions.

    Parameters
    ----------
    name, title
        ``SMA``, ``Simple Moving Average``.
    inputs
        Name of each input in calling order, and the column it reads; None: the user must say.
    free_inputs
        Those inputs that may read another column or an indicator; the rest are the bar's own fields.
    parameters
        Name and default of each parameter; the type of the default is the parameter's type.
    outputs
        Names of the outputs in order.
    """

    name: str
    title: str
    inputs: tuple[tuple[str, str | None], ...]
    free_inputs: tuple[str, ...]
    parameters: dict[str, Number]
    outputs: tuple[str, ...]


@cache
def _talib() -> Any:
    import talib.abstract

    return talib


@cache
def names() -> tuple[str, ...]:
    """Names of all functions, sorted."""
    return tuple(sorted(_talib().get_functions()))


@cache
def facts(name: str) -> Facts:
    """Look a function up.

    Raises
    ------
    ComponentError
        If TA-Lib has none of that name.
    """
    if name not in names():
        near = nearest(name, names())
        raise ComponentError(
            f"no indicator is called {name!r}; admf knows TA-Lib's {len(names())} functions by their names",
            f"did you mean {near}?" if near else "list them with: admf components indicator",
        )
    info = _talib().abstract.Function(name).info
    inputs: list[tuple[str, str | None]] = []
    free: list[str] = []
    for key, source in info["input_names"].items():
        if isinstance(source, list):
            inputs += [(column, column) for column in source]
        else:
            inputs.append((key, None if key == "periods" else source))
            free.append(key)
    return Facts(
        name, info["display_name"], tuple(inputs), tuple(free), dict(info["parameters"]),
        tuple(info["output_names"]),
    )  # fmt: skip


@cache
def average_names() -> dict[str, int]:
    """TA-Lib's names of the moving averages that a ``matype`` parameter can take."""
    return {name: value for name, value in vars(type(_talib().MA_Type)).items() if isinstance(value, int)}


def versions() -> str:
    """Version of the wrapper and of the C library; part of the key of what is kept on disk."""
    return f"{_talib().__version__}/{_talib().__ta_version__.decode()}"


def parameter_value(fact: Facts, name: str, value: Any) -> Number:
    """Bring the value of a parameter to its type.

    Raises
    ------
    ComponentError
        If it is not of that type, not finite, or no value that TA-Lib could take.
    """
    where = f"{fact.name}: {name}"
    if name.endswith("matype") and isinstance(value, str):
        if value not in average_names():
            raise ComponentError(f"{where} must be one of {', '.join(average_names())}; found {value!r}")
        return average_names()[value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ComponentError(f"{where} must be a number; found {value!r}")
    if isinstance(fact.parameters[name], int):
        if isinstance(value, float) and not value.is_integer():
            raise ComponentError(f"{where} must be a whole number; found {value!r}")
        if abs(value) > _INT_LIMIT:
            raise ComponentError(f"{where} must lie within +-{_INT_LIMIT}; found {value!r}")
        return int(value)
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not abs(number) <= _FLOAT_LIMIT:
        raise ComponentError(f"{where} must be a finite number within +-{_FLOAT_LIMIT:g}; found {value!r}")
    return number


def check_ranges(fact: Facts, params: dict[str, Number]) -> None:
    """Refuse parameters that TA-Lib would refuse.

    TA-Lib does not publish its ranges in Python, so it is asked: the function is called on a few bars.

    Raises
    ------
    ComponentError
        Names the parameter and the range that TA-Lib accepts.
    """
    if _accepts(fact.name, tuple(params.values())):
        return
    for name, value in params.items():
        if not _accepts(fact.name, _with(fact, name, value)):
            low, high = _bound(fact, name, -1), _bound(fact, name, +1)
            raise ComponentError(
                f"{fact.name}: {name} is out of range; found {value!r}, allowed {low:.9g} to {high:.9g}"
            )
    shown = ", ".join(f"{name}={value}" for name, value in params.items())
    raise ComponentError(f"{fact.name}: TA-Lib refuses this combination of parameters: {shown}")


def evaluate(name: str, params: Sequence[Number], arrays: Sequence[FloatArray]) -> FloatArray:
    """Compute a function.

    Parameters
    ----------
    params
        Values of all parameters, in order.
    arrays
        The inputs in order, each of shape (bars,).

    Returns
    -------
    ndarray of shape (outputs, bars), float64
        NaN before the first valid bar, also where TA-Lib itself writes the integer 0 there. A NaN inside an
        input makes what TA-Lib makes of it: for most functions NaN from there on.
    """
    inputs = [np.ascontiguousarray(array, dtype=np.float64) for array in arrays]
    found = getattr(_talib(), name)(*inputs, *params)
    outputs = found if isinstance(found, list | tuple) else (found,)
    if len(outputs) == 1 and outputs[0].dtype == np.float64:
        outputs[0].flags.writeable = False  # of the owner: a view of it could be made writable again
        only: FloatArray = outputs[0].reshape(1, -1)  # new memory costs more than most functions
        return only
    rows = np.empty((len(outputs), len(inputs[0])), dtype=np.float64)
    for row, output in zip(rows, outputs, strict=True):
        row[:] = output
        if output.dtype != np.float64:
            function = _talib().abstract.Function(name)
            function.parameters = dict(zip(facts(name).parameters, params, strict=True))
            row[: _first_complete(inputs) + function.lookback] = np.nan
    return rows


def window(name: str, params: Sequence[tuple[str, Number]]) -> int:
    """Bars that the first value of a function takes, its own included."""
    function = _talib().abstract.Function(name)
    function.parameters = dict(params)
    return int(function.lookback) + 1


def _first_complete(inputs: Sequence[FloatArray]) -> int:
    complete = np.logical_not(np.isnan(np.vstack(inputs)).any(axis=0))
    return int(np.argmax(complete)) if complete.any() else len(complete)


def _with(fact: Facts, name: str, value: Number) -> tuple[Number, ...]:
    return tuple({**fact.parameters, name: value}.values())


@lru_cache(maxsize=4096)
def _accepts(name: str, params: tuple[Number, ...]) -> bool:
    few = np.ones(3)
    try:
        getattr(_talib(), name)(*([few] * len(facts(name).inputs)), *params)
    except Exception as error:  # the wrapper raises the bare class
        if "BAD_PARAM" in str(error):
            return False
        raise
    return True


def _bound(fact: Facts, name: str, direction: int) -> Number:
    # Bisection between the default, which TA-Lib accepts, and the widest value of the type.
    default = fact.parameters[name]
    whole = isinstance(default, int)
    good: Number = default
    bad: Number = direction * (_INT_LIMIT if whole else _FLOAT_LIMIT)
    if _accepts(fact.name, _with(fact, name, bad)):
        return bad
    for _ in range(200):
        middle: Number = (int(good) + int(bad)) // 2 if whole else (good + bad) / 2
        if middle in (good, bad):
            break
        if _accepts(fact.name, _with(fact, name, middle)):
            good = middle
        else:
            bad = middle
    if whole and _accepts(fact.name, _with(fact, name, bad)):
        return bad
    return good if whole or abs(good) > 1e-12 else 0.0
