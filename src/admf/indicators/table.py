"""The shared table of indicators: each distinct one is computed once, and nobody can write to it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from admf.core.registry import nearest
from admf.errors import ComponentError
from admf.indicators import library
from admf.indicators.cache import DiskCache
from admf.indicators.causality import evaluate_custom
from admf.indicators.spec import BAR_COLUMNS, Indicator
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.market.bars import Bars


class IndicatorTable:
    """Rows of indicator values over one set of bars; safe to share between threads.

    A function with several outputs is computed once for all of them. A user's function is checked for
    look-ahead when it is first computed.

    Parameters
    ----------
    bars
        What the indicators are computed on.
    cache
        Folder to keep results of TA-Lib functions in, shared by processes and runs; None: memory only. Users'
        functions are never kept there: a hash of their source does not cover what they call.

    Attributes
    ----------
    computed
        How many calls of indicator functions were made (one for all outputs of a function).
    loaded
        How many calls were answered from the folder instead.
    hits
        How many requests for a row were answered from memory.
    """

    def __init__(self, bars: Bars, cache: str | Path | None = None) -> None:
        self.bars = bars
        self.computed = 0
        self.loaded = 0
        self.hits = 0
        self._disk = None if cache is None else DiskCache(Path(cache), bars.fingerprint)
        self._calls: dict[str, Future[FloatArray]] = {}
        self._lock = Lock()

    def row(self, spec: Indicator) -> FloatArray:
        """Give the values of an indicator.

        Returns
        -------
        ndarray of shape (bars,), float64, read-only
            NaN before the first valid bar.

        Raises
        ------
        ComponentError
            If the bars lack a column, or the spec leaves open which output is meant.
        StrategyError
            If a user's function looks ahead, changes its inputs, fails, or returns something else than a row.
        """
        spec.require_single()
        rows = self._call(spec)
        row: FloatArray = rows[0 if spec.output is None else spec.outputs.index(spec.output)]
        return row

    def rows(self, specs: Iterable[Indicator]) -> list[FloatArray]:
        """Give the values of several indicators, in their order."""
        return [self.row(spec) for spec in specs]

    def _call(self, spec: Indicator) -> FloatArray:
        with self._lock:
            pending = self._calls.get(spec.call_key)
            if pending is not None:
                self.hits += 1
                mine = None
            else:
                mine = self._calls[spec.call_key] = Future()
        if mine is None:
            assert pending is not None  # noqa: S101 - for the type checker
            return pending.result()
        try:
            rows = self._load_or_compute(spec)
        except BaseException as error:
            # Waiting threads get the error; a later request tries again.
            with self._lock:
                del self._calls[spec.call_key]
            mine.set_exception(error)
            raise
        rows.flags.writeable = False
        mine.set_result(rows)
        return rows

    def _load_or_compute(self, spec: Indicator) -> FloatArray:
        arrays = [self._input(source) for _, source in spec.inputs]
        values = [value for _, value in spec.params]
        if not isinstance(spec.function, str):
            rows = evaluate_custom(spec, dict(zip(dict(spec.inputs), arrays, strict=True)))
            return self._count(rows)
        depends_on_custom = not self._disk or _uses_custom(spec)
        if self._disk and not depends_on_custom:
            kept = self._disk.read(spec.call_key, (len(spec.outputs), len(self.bars)))
            if kept is not None:
                with self._lock:
                    self.loaded += 1
                return kept
        rows = library.evaluate(spec.function, values, arrays)
        if self._disk and not depends_on_custom:
            self._disk.write(spec.call_key, rows)
        return self._count(rows)

    def _count(self, rows: FloatArray) -> FloatArray:
        with self._lock:
            self.computed += 1
        return rows

    def _input(self, source: str | Indicator) -> FloatArray:
        if isinstance(source, Indicator):
            return self.row(source)
        return column_of(self.bars, source, "indicator input")


def column_of(bars: Bars, name: str, what: str) -> FloatArray:
    """Give a bar field or another column of the data file, as read-only float64 of shape (bars,).

    Raises
    ------
    ComponentError
        If the bars have no such column; says which there are.
    """
    if name in BAR_COLUMNS:
        field: FloatArray = getattr(bars, name)
        return field
    if name in bars.extra:
        return np.asarray(bars.extra[name], dtype=np.float64)
    there = [*BAR_COLUMNS, *bars.extra]
    near = nearest(name, there)
    raise ComponentError(
        f"{what}: the data of {bars.symbol} has no column {name!r}; it has: {', '.join(there)}",
        f"did you mean {near}?" if near else None,
    )


def _uses_custom(spec: Indicator) -> bool:
    return not isinstance(spec.function, str) or any(
        isinstance(source, Indicator) and _uses_custom(source) for _, source in spec.inputs
    )
