"""Bars of several symbols on one calendar: the union of their timestamps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from admf.errors import DataError
from admf.market.timeframes import RATE_TOLERANCE, local_clock, split_timeframe
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from admf.market import Bars


@dataclass(frozen=True, eq=False)
class Joined:
    """Prices of all symbols, read-only; a row a timestamp, a column a symbol.

    Parameters
    ----------
    bars
        Symbol -> its own bars, in the order of the columns.
    timestamps
        UTC nanoseconds, int64, strictly ascending, shape (rows,).
    open, close
        Prices, shape (rows, symbols); NaN where the symbol has no bar.
    present
        Whether the symbol has a bar, bool, shape (rows, symbols).
    rows
        For each symbol the rows of its bars, ascending.
    periods_per_year
        Rows in a year: the rate of the symbols, or scaled to the rows where another calendar adds some.
    timezone
        Zone in which days are meant: that of the symbols, or UTC where they differ.
    """

    bars: Mapping[str, Bars]
    timestamps: IntArray
    open: FloatArray
    close: FloatArray
    present: NDArray[np.bool_]
    rows: tuple[IntArray, ...]
    periods_per_year: float
    timezone: str

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names in the order of the columns."""
        return tuple(self.bars)

    def last_rows(self) -> IntArray:
        """Row of the last bar at or before each row, shape (rows, symbols); -1 where there is none yet."""
        known = np.where(self.present, np.arange(len(self.timestamps))[:, None], -1)
        latest: IntArray = np.maximum.accumulate(known, axis=0)
        return latest


def join(bars: Mapping[str, Bars]) -> Joined:
    """Lay the bars of several symbols on the union of their timestamps.

    A symbol is absent from the rows where it has no bar: it cannot be traded there, and nothing is invented.

    Raises
    ------
    DataError
        There is no symbol, one has no bars, or their timeframes differ.
    """
    if not bars:
        raise DataError("a portfolio needs the bars of at least one symbol")
    empty = [symbol for symbol, each in bars.items() if not len(each)]
    if empty:
        raise DataError(f"no bars of {', '.join(empty)}", hint="leave the symbol out, or load other dates")
    frames = {symbol: each.timeframe for symbol, each in bars.items()}
    if len(set(frames.values())) > 1:
        found = ", ".join(f"{symbol} {frame}" for symbol, frame in frames.items())
        raise DataError(
            f"the symbols of a portfolio must have one timeframe; found: {found}",
            hint="resample the finer ones when loading",
        )
    stamps = [each.timestamps for each in bars.values()]
    same = all(np.array_equal(each, stamps[0]) for each in stamps[1:])
    if same:
        timestamps = np.array(stamps[0])
        open_ = np.column_stack([each.open for each in bars.values()])
        close = np.column_stack([each.close for each in bars.values()])
        present = np.ones(close.shape, dtype=np.bool_)
        rows = (np.arange(len(timestamps)),) * len(bars)
    else:
        timestamps = np.unique(np.concatenate(stamps))
        shape = (len(timestamps), len(bars))
        open_, close = np.full(shape, np.nan), np.full(shape, np.nan)
        present = np.zeros(shape, dtype=np.bool_)
        rows = tuple(np.searchsorted(timestamps, each) for each in stamps)
        for column, (each, at) in enumerate(zip(bars.values(), rows, strict=True)):
            open_[at, column] = each.open
            close[at, column] = each.close
            present[at, column] = True
    zones = {each.timezone for each in bars.values()}
    return Joined(
        bars=dict(bars),
        timestamps=_sealed(timestamps),
        open=_sealed(open_),
        close=_sealed(close),
        present=_sealed(present),
        rows=rows,
        periods_per_year=_periods_per_year(bars, timestamps),
        timezone=zones.pop() if len(zones) == 1 else "UTC",
    )


def calendar_warnings(bars: Mapping[str, Bars]) -> list[str]:
    """Warn of bars of a day or longer that have one local date, and begin at different moments.

    Midnight in UTC and in New York are two rows: there a symbol has no bar where the other has one.
    """
    first = next(iter(bars.values()))
    if all(np.array_equal(each.timestamps, first.timestamps) for each in bars.values()):
        return []
    if split_timeframe(first.timeframe)[1] in "smh":
        return []
    moments = np.concatenate([each.timestamps for each in bars.values()])
    dates = np.concatenate(
        [local_clock(each.timestamps, each.timezone).astype("M8[D]") for each in bars.values()]
    )
    # one pair for each date and moment, whichever symbols have it
    order = np.lexsort((moments, dates))
    new = (np.diff(dates[order]).astype(np.int64) != 0) | (np.diff(moments[order]) != 0)
    kept = order[np.concatenate(([True], new))]
    found, counts = np.unique(dates[kept], return_counts=True)
    split = found[counts > 1]
    if not len(split):
        return []
    owner = np.repeat(np.arange(len(bars)), [len(each) for each in bars.values()])
    names = list(bars)
    examples = ", ".join(
        f"{names[owner[at]]} at {np.datetime64(int(moments[at]), 'ns').astype('M8[m]')} UTC"
        for at in kept[dates[kept] == split[0]]
    )
    rows = len(np.unique(moments[kept][np.isin(dates[kept], split)]))
    return [
        f"{rows} of {len(np.unique(moments))} rows split bars of one date, which begin at different times "
        f"({split[0]}: {examples}): each of them is a row without the other symbol; if they are meant as one "
        "day, give all symbols timestamps of one time zone"
    ]


def _periods_per_year(bars: Mapping[str, Bars], timestamps: IntArray) -> float:
    """Scale the rate of the symbol with the most bars by how many rows there are to its bars.

    A rate that all symbols have stands as it is where the rows are few more: those are gaps of that symbol,
    not days of another calendar.
    """
    longest = max(bars.values(), key=len)
    first, last = np.searchsorted(timestamps, longest.timestamps[[0, -1]])
    more = float(last - first + 1) / len(longest)
    same = len({each.periods_per_year for each in bars.values()}) == 1
    return longest.periods_per_year * (1.0 if same and more <= 1.0 + RATE_TOLERANCE else more)


def _sealed(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
