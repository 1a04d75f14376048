"""What an allocation may know at a close: the past of every symbol, and nothing later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from admf.simulation.portfolio.join import Joined
from admf.typing import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class View:
    """The past of a portfolio's symbols at a close. Its arrays end there and cannot be written.

    Parameters
    ----------
    symbols
        Names, in the order of all columns.
    timestamps
        UTC nanoseconds of the rows up to this one, shape (rows,).
    closes
        Closes up to this one, shape (rows, symbols); NaN where a symbol has no bar.
    counts
        Bars that each symbol has had up to here, shape (symbols,).
    eligible
        Symbols that are traded now: they have had a bar lately, bool, shape (symbols,). A weight for another
        one counts as 0.
    holdings
        Weights held at this close, shape (symbols,); all NaN unless the allocation has ``uses_holdings``.
    """

    symbols: tuple[str, ...]
    timestamps: IntArray
    closes: FloatArray
    counts: IntArray
    eligible: NDArray[np.bool_]
    holdings: FloatArray

    def with_history(self, bars: int) -> IntArray:
        """Columns of the symbols that are eligible and have had at least so many bars."""
        return np.flatnonzero(self.eligible & (self.counts >= bars))

    def own_returns(self, columns: IntArray, bars: int) -> FloatArray:
        """Last returns of each symbol from one of its own bars to the next.

        Parameters
        ----------
        columns
            Symbols that have had at least ``bars + 1`` bars.
        bars
            How many returns.

        Returns
        -------
        ndarray of shape (bars, columns)
            Fractions. A row is the same step of each symbol's own calendar, not of one time.
        """
        closes = self.own_closes(columns, bars + 1)
        returns: FloatArray = closes[1:] / closes[:-1] - 1.0
        return returns

    def own_closes(self, columns: IntArray, bars: int) -> FloatArray:
        """Last closes of each symbol's own bars, shape (bars, columns)."""
        window = self.closes[-bars:, columns]
        if len(window) == bars and not np.isnan(window).any():
            return window
        own = np.empty((bars, len(columns)))
        for at, column in enumerate(columns):
            own[:, at] = _tail(self.closes[:, column], bars)
        return own

    def common_returns(self, columns: IntArray, bars: int) -> FloatArray:
        """Last returns over rows on which all of these symbols have a bar.

        Returns
        -------
        ndarray of shape (at most bars, columns)
            Fractions; fewer rows where there are not so many common ones.
        """
        reach = 2 * bars + 2
        while True:
            closes = self.closes[-reach:, columns]
            closes = closes[~np.isnan(closes).any(axis=1)][-(bars + 1) :]
            if len(closes) == bars + 1 or reach >= len(self.closes):
                break
            reach *= 4
        returns: FloatArray = closes[1:] / closes[:-1] - 1.0
        return returns


def _tail(closes: FloatArray, bars: int) -> FloatArray:
    reach = 2 * bars
    while True:
        part = closes[-reach:]
        part = part[~np.isnan(part)]
        if len(part) >= bars or reach >= len(closes):
            return part[-bars:]
        reach *= 4


class Viewer:
    """Makes the views of one portfolio.

    Parameters
    ----------
    joined
        Prices of all symbols.
    stale_after_days
        A symbol without a bar for longer than that is not eligible; None: it stays so for ever.
    """

    def __init__(self, joined: Joined, stale_after_days: float | None) -> None:
        self._joined = joined
        self._counts = np.cumsum(joined.present, axis=0)
        self._counts.flags.writeable = False
        latest = joined.last_rows()
        self._eligible = latest >= 0
        if stale_after_days is not None:
            age = joined.timestamps[:, None] - joined.timestamps[latest]
            self._eligible &= age <= stale_after_days * 86_400e9
        self._eligible.flags.writeable = False
        self._unknown = np.full(len(joined.symbols), np.nan)
        self._unknown.flags.writeable = False
        self._symbols = joined.symbols

    def at(self, row: int, holdings: FloatArray | None = None) -> View:
        """Give the view at the close of a row."""
        return View(
            symbols=self._symbols,
            timestamps=self._joined.timestamps[: row + 1],
            closes=self._joined.close[: row + 1],
            counts=self._counts[row],
            eligible=self._eligible[row],
            holdings=self._unknown if holdings is None else holdings,
        )
