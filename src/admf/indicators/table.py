"""The shared table of indicators: each distinct one is computed once, and nobody can write to it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from admf.core.registry import nearest
from admf.errors import ComponentError
from admf.indicators import library
from admf.indicators.cache import DiskCache
from admf.indicators.causality import evaluate_custom
from admf.indicators.coarse import coarse_bars
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
        functions are never kept there: a hash of their source does not cover what they call. Nor are
        indicators on a coarser timeframe: they depend on the bars' time zone too.
    prove
        Whether to check users' functions for look-ahead.

    Attributes
    ----------
    computed
        How many calls of indicator functions were made (one for all outputs of a function).
    loaded
        How many calls were answered from the folder instead.
    hits
        How many requests for a row were answered from memory.
    """

    def __init__(self, bars: Bars, cache: str | Path | None = None, *, prove: bool = True) -> None:
        self.bars = bars
        self.computed = 0
        self.loaded = 0
        self.hits = 0
        self._disk = None if cache is None else DiskCache(Path(cache), bars.fingerprint)
        self._calls: dict[str, Future[FloatArray]] = {}
        self._lock = Lock()
        self._prove = prove
        self._coarse: dict[str, tuple[IndicatorTable, NDArray[np.int64]]] = {}
        self._coarse_lock = Lock()

    def row(self, spec: Indicator) -> FloatArray:
        """Give the values of an indicator.

        Returns
        -------
        ndarray of shape (bars,), float64, read-only
            NaN before the first valid bar.

        Raises
        ------
        ComponentError
            If the bars lack a column, the spec leaves open which output is meant, or its timeframe is not a
            longer one that bars of this timeframe fill.
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
        if spec.timeframe is not None:
            return self._count(self._aligned(spec, spec.timeframe))
        arrays = [self._input(source) for _, source in spec.inputs]
        values = [value for _, value in spec.params]
        if not isinstance(spec.function, str):
            rows = evaluate_custom(spec, dict(zip(dict(spec.inputs), arrays, strict=True)), self._prove)
            return self._count(rows)
        keep = self._disk is not None and _of_bars_alone(spec)
        if self._disk and keep:
            kept = self._disk.read(spec.call_key, (len(spec.outputs), len(self.bars)))
            if kept is not None:
                with self._lock:
                    self.loaded += 1
                return kept
        rows = library.evaluate(spec.function, values, arrays)
        if self._disk and keep:
            self._disk.write(spec.call_key, rows)
        return self._count(rows)

    def _aligned(self, spec: Indicator, timeframe: str) -> FloatArray:
        """Compute on coarser bars, and give each bar the values of the last one that has closed."""
        with self._coarse_lock:
            if timeframe not in self._coarse:
                coarse, closed = coarse_bars(self.bars, timeframe)
                self._coarse[timeframe] = IndicatorTable(coarse, prove=self._prove), closed
            table, closed = self._coarse[timeframe]
        aligned = np.full((len(spec.outputs), len(self.bars)), np.nan)
        if len(table.bars):
            seen = closed >= 0
            aligned[:, seen] = table._call(replace(spec, timeframe=None, output=None))[:, closed[seen]]
        return aligned

    def _count(self, rows: FloatArray) -> FloatArray:
        with self._lock:
            self.computed += 1
        return rows

    def _input(self, source: str | Indicator) -> FloatArray:
        if isinstance(source, Indicator):
            return self.row(source)
        return column_of(self.bars, source, "indicator input")


def first_value(row: FloatArray) -> int:
    """Position of the first value that is there (not NaN); the length of the row if there is none."""
    begin, width = 0, 1024  # it stands near the beginning: most rows need not be read to their end
    while begin < len(row):
        there = ~np.isnan(row[begin : begin + width])
        if there.any():
            return begin + int(np.argmax(there))
        begin, width = begin + width, 2 * width
    return len(row)


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


def _of_bars_alone(spec: Indicator) -> bool:
    """Tell whether the bars' fingerprint and the key say all that the values depend on."""
    if spec.timeframe is not None or not isinstance(spec.function, str):
        return False
    return all(_of_bars_alone(source) for _, source in spec.inputs if isinstance(source, Indicator))
