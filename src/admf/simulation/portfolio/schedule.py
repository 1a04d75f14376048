"""When a portfolio is rebalanced: at the close of the first bar of a period, as that needs no calendar."""

from __future__ import annotations

import numpy as np

from admf.simulation.portfolio.join import Joined
from admf.typing import IntArray

_PERIODS = {"daily": "D", "weekly": "W", "monthly": "M", "quarterly": "Q"}


def decision_rows(joined: Joined, first: int, last: int, schedule: str, every_bars: int) -> IntArray:
    """Rows at whose close targets are decided.

    Parameters
    ----------
    joined
        Prices of all symbols; its timezone says when a day begins, a week begins on Monday.
    first, last
        Simulated rows; the first one always decides.
    schedule
        ``daily``, ``weekly``, ``monthly``, ``quarterly``: the first row of each; ``every_n_bars``;
        ``on_change``: every row.
    every_bars
        Distance in rows, for ``every_n_bars``.
    """
    if schedule == "on_change":
        return np.arange(first, last)
    if schedule == "every_n_bars":
        return np.arange(first, last, every_bars)
    periods = local_periods(joined, first, last, _PERIODS[schedule])
    new = np.ones(last - first, dtype=np.bool_)
    new[1:] = periods[1:] != periods[:-1]
    return first + np.flatnonzero(new)


def local_periods(joined: Joined, first: int, last: int, period: str) -> IntArray:
    """Give the number of the period that each row lies in, by the local date.

    Parameters
    ----------
    joined
        Prices of all symbols, with their timezone.
    first, last
        Rows.
    period
        As pandas calls it: D, W, M or Q.
    """
    import pandas as pd

    index = pd.DatetimeIndex(joined.timestamps[first:last].view("M8[ns]"), tz="UTC")
    local = index.tz_convert(joined.timezone).tz_localize(None)
    periods: IntArray = local.to_period(period).asi8
    return periods
