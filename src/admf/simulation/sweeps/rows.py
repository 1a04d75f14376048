"""The arrays that a sweep's trials read, each computed once and kept while blocks need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.indicators import Indicator, IndicatorTable
from admf.indicators.spec import BAR_COLUMNS
from admf.indicators.table import column_of, first_value
from admf.simulation.sweeps.plan import Row
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.market import Bars

ROW_BYTES = 32_000_000  # of the arrays of one block; those of two may be in memory at once
FEW_ROWS = 16  # that many are always allowed, and as many indicators are kept for each other's sake


class _Table:
    """Arrays one below the other; threads read some while others are added.

    Parameters
    ----------
    most, bars
        How many there may be, and how long they are.
    """

    def __init__(self, most: int, bars: int) -> None:
        self.values = np.empty((most, bars))
        self.firsts = np.zeros(most, dtype=np.int64)  # position of the first value
        self.places: dict[str, int] = {}

    def add(self, key: str, values: FloatArray, first: int) -> None:
        """Add one that is not there."""
        at = self.places[key] = len(self.places)
        self.values[at] = values
        self.firsts[at] = first


class Rows:
    """What is computed so far, of one sweep's bars."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._table = _Table(0, len(bars))
        self._indicators = IndicatorTable(bars)

    @property
    def most(self) -> int:
        """Arrays that a block of trials may read."""
        return max(ROW_BYTES // (8 * len(self._bars)), FEW_ROWS)

    @property
    def values(self) -> FloatArray:
        """The arrays, shape (places, bars); they stay as they are for who has them."""
        return self._table.values

    @property
    def firsts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Position of the first value of each."""
        return self._table.firsts

    def forget(self) -> None:
        """Give back the memory now, not when the garbage collector comes: the next sweep may take it."""
        self._table = _Table(0, 0)

    def places(self, rows: Sequence[Row], strategy: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Give where arrays are; those that are not there yet are computed."""
        keys = [row.key if isinstance(row, Indicator) else row for row in rows]
        missing = sum(key not in self._table.places for key in keys)
        if len(self._table.places) + missing > len(self._table.values):
            before, self._table = self._table, _Table(max(self.most, len(keys)), len(self._bars))
            for key in keys:  # blocks that follow each other share many
                if key in before.places:
                    at = before.places[key]
                    self._table.add(key, before.values[at], int(before.firsts[at]))
        for key, row in zip(keys, rows, strict=True):
            if key not in self._table.places:
                values = self._compute(row, strategy)
                self._table.add(key, values, first_value(values) if isinstance(row, Indicator) else 0)
        return np.array([self._table.places[key] for key in keys], dtype=np.int64)

    def _compute(self, row: Row, strategy: str) -> FloatArray:
        if isinstance(row, Indicator):
            # Few are kept, for indicators that share a call or read each other: memory must not grow.
            if self._indicators.computed >= FEW_ROWS:
                self._indicators = IndicatorTable(self._bars)
            return self._indicators.row(row)
        if row in BAR_COLUMNS:
            return np.asarray(getattr(self._bars, row))
        return column_of(self._bars, row, f"strategy {strategy}")
