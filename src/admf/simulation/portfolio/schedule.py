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
    import pandas as pd

    index = pd.DatetimeIndex(joined.timestamps[first:last].view("M8[ns]"), tz="UTC")
    local = index.tz_convert(joined.timezone).tz_localize(None)
    periods = local.to_period(_PERIODS[schedule]).asi8
    new = np.ones(last - first, dtype=np.bool_)
    new[1:] = periods[1:] != periods[:-1]
    return first + np.flatnonzero(new)
