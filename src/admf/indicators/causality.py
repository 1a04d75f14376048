"""Users' functions: called on read-only inputs, and checked for a look ahead."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import numpy as np

from admf.errors import StrategyError
from admf.indicators.spec import CustomFunction, Indicator
from admf.typing import FloatArray

# Rounding may differ when a library sums in other blocks; a look into the future differs by far more.
_RELATIVE = 1e-9
_OF_SCALE = 1e-12


def evaluate_custom(spec: Indicator, columns: Mapping[str, FloatArray], prove: bool = True) -> FloatArray:
    """Compute a user's function and check it.

    It is computed again on prefixes of the bars (a half, seven eighths, all but the last one to eight): a
    value that changes when later bars are taken away knew something of them. This finds what looks ahead
    everywhere, or regularly within eight bars; not what does so at single bars far from every prefix's end.

    Parameters
    ----------
    spec
        A spec made by `custom`.
    columns
        Its inputs by name, each of shape (bars,).
    prove
        Whether to compute it on prefixes too.

    Returns
    -------
    ndarray of shape (1, bars), float64

    Raises
    ------
    StrategyError
        If the function fails, writes to its inputs, returns something else than one number a bar, or looks
        ahead; names the function and the bar.
    """
    bars = len(next(iter(columns.values())))
    full = _call(spec, columns, bars)
    if not prove:
        return full.reshape(1, bars)
    for length in sorted({bars // 2, bars * 7 // 8, *range(bars - 8, bars)}):
        if length >= 1:
            _compare(spec, full, _call(spec, columns, length), bars)
    return full.reshape(1, bars)


def first_difference(full: FloatArray, part: FloatArray) -> int | None:
    """Give the first bar where `part` is not the beginning of `full`, NaN equal to NaN; None: nowhere."""
    head = full[: len(part)]
    finite = np.abs(full[np.isfinite(full)])
    scale = float(finite.max()) if finite.size else 0.0
    equal = np.isclose(head, part, rtol=_RELATIVE, atol=_OF_SCALE * scale, equal_nan=True)
    return None if equal.all() else int(np.argmin(equal))


def _compare(spec: Indicator, full: FloatArray, part: FloatArray, bars: int) -> None:
    bar = first_difference(full, part)
    if bar is not None:
        raise StrategyError(
            f"custom indicator {spec.name} looks ahead: its value at bar {bar} is {float(full[bar])} with "
            f"all {bars} bars, and {float(part[bar])} with only the first {len(part)}",
            "a value may depend on its own bar and earlier ones alone: no shift(-1), no centred window, "
            "no mean or maximum of the whole series",
        )


def _call(spec: Indicator, columns: Mapping[str, FloatArray], length: int) -> FloatArray:
    assert isinstance(spec.function, CustomFunction)  # noqa: S101 - for the type checker
    inputs = {}
    for name, column in columns.items():
        # A copy: a view's owner may be writable, and the function could reach it through .base.
        inputs[name] = np.array(column[:length], dtype=np.float64)
        inputs[name].flags.writeable = False
    before = {name: array.tobytes() for name, array in inputs.items()}
    try:
        result = spec.function.call(**inputs, **dict(spec.params))
    except Exception as error:
        read_only = isinstance(error, ValueError) and "read-only" in str(error)
        raise StrategyError(
            f"custom indicator {spec.name} fails on the first {length} bars{_line(error)}: "
            f"{type(error).__name__}: {error}",
            "its inputs are shared: work on a copy, as in close = close.copy()" if read_only else None,
        ) from error
    if any(inputs[name].tobytes() != content for name, content in before.items()):
        raise StrategyError(
            f"custom indicator {spec.name} changed its inputs", "work on a copy: close.copy()"
        )
    row = np.asarray(result)
    if row.shape != (length,):
        raise StrategyError(
            f"custom indicator {spec.name} must return one number a bar, shape ({length},); "
            f"found {'shape ' + str(row.shape) if row.shape else type(result).__name__}"
        )
    if row.dtype.kind not in "fiub":
        raise StrategyError(f"custom indicator {spec.name} must return numbers; found dtype {row.dtype}")
    return np.array(row, dtype=np.float64)


def _line(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is our own call
    return f" ({frames[0].filename}, line {frames[0].lineno})" if frames else ""
