"""`Ground`: what an engine of portfolios simulates, and what follows from it before the first row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from admf.simulation.facts import is_daily
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.schedule import local_periods
from admf.simulation.settings import Settings
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars


class Ground(NamedTuple):
    """What an engine simulates.

    Parameters
    ----------
    joined
        Prices of all symbols.
    settings
        All of them.
    band
        Distance from its target within which a weight is left alone.
    first, last
        Simulated rows: first to last - 1.
    tables
        Symbol -> indicators of its bars that are shared with others; where there are none: made when needed.
    finer
        Symbol -> bars of a finer timeframe, which decide what happens inside a bar, where there are any.
    """

    joined: Joined
    settings: Settings
    band: float
    first: int
    last: int
    tables: Mapping[str, IndicatorTable]
    finer: Mapping[str, Bars]

    @property
    def limited(self) -> bool:
        """Whether a limit of risk is set."""
        return is_limited(self.settings)

    @property
    def daily(self) -> bool:
        """Whether each row is a day or more: a day's loss blocks the orders of the next row then."""
        return all(is_daily(bars) for bars in self.joined.bars.values())

    def days(self) -> IntArray:
        """Day of each row, local; zeros where no limit asks for it."""
        rows = len(self.joined.timestamps)
        days: IntArray = np.zeros(rows, dtype=np.int64)
        if self.limited:
            days = np.arange(rows) if self.daily else local_periods(self.joined, 0, rows, "D")
        days.flags.writeable = False
        return days

    def allowed(self) -> list[bool]:
        """Tell of each symbol whether it may be traded."""
        names = self.settings.allowed_symbols
        return [not names or symbol in names for symbol in self.joined.symbols]

    def marks(self) -> FloatArray:
        """Last close of each symbol before the first row, shape (symbols,); 0 where there is none."""
        marks = np.zeros(len(self.joined.symbols))
        for column, rows in enumerate(self.joined.rows):
            at = int(np.searchsorted(rows, self.first)) - 1
            if at >= 0:
                marks[column] = self.joined.close[rows[at], column]
        return marks


def is_limited(settings: Settings) -> bool:
    """Tell whether a limit of risk is set."""
    return "risk" in settings.order_features()


def sealed(array: Any) -> Any:
    """Give an array that a kernel may not write: contiguous, and read-only."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
