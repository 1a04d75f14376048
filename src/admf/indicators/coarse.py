"""Coarser bars made of the bars, and from which bar on each of them may be seen.

A coarse period is one of the wall clock in `Bars.timezone`: lengths of seconds, minutes and hours divide the
day and count from midnight; days count from 1970-01-01; weeks begin on Monday; months are the calendar's
(``3mo`` are its quarters). A bar belongs to the period that its timestamp lies in.

Nothing here knows a calendar, so a coarse bar counts as closed by timestamps alone: at the close of the bar
that reaches its period's end (its timestamp and its own length say so), else of the first bar of a later
period. A week of bars from Monday to Friday is therefore seen at Monday's close: on Friday nobody can know
from the data that no Saturday follows. A bar that comes after such an end, yet lies in the same period,
begins a coarse bar of its own. So what is seen at a bar depends on that bar and earlier ones, whatever
follows.

A period without bars has no coarse bar. The last one is not seen until it closes. The first is left out
unless the first bar's timestamp is its very beginning: the data may have begun in its middle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from admf.errors import ComponentError, DataError

if TYPE_CHECKING:
    from admf.market.bars import Bars

Integers = npt.NDArray[np.int64]

_UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}
_DAY = _UNIT_NS["d"]
_MONDAY = 3 * _DAY  # 1970-01-01 was a Thursday


class CoarseBars(NamedTuple):
    """Coarse bars, and which of them was the last to close.

    Parameters
    ----------
    bars
        Those that closed: first open, highest high, lowest low, last close, sum of the volume, and the last
        value of other columns; a timestamp is that of the first bar within.
    closed
        For each of the finer bars the position of the last coarse bar that closed at or before its close,
        -1 before there is one; shape (finer bars,).
    """

    bars: Bars
    closed: Integers


def coarse_bars(bars: Bars, timeframe: str) -> CoarseBars:
    """Put bars together to coarser ones; the module says by which rules.

    Raises
    ------
    ComponentError
        The timeframe is not a longer one that the bars' own fits into.
    """
    from admf.market.bars import PRICES
    from admf.market.timeframes import periods_per_year

    periods = _periods(bars.timestamps, bars.timeframe, timeframe, bars.timezone)
    begins = np.ones(len(bars), dtype=bool)
    begins[1:] = (np.diff(periods.labels) != 0) | periods.ends[:-1]
    left_out = int(len(bars) > 0 and not periods.starts[0])
    closed = np.cumsum(begins) - 2 + periods.ends - left_out
    closed = np.maximum(closed, -1).astype(np.int64)
    count = int(closed[-1]) + 1 if len(bars) else 0
    edges = np.append(np.flatnonzero(begins), len(bars))[left_out : left_out + count + 1]
    first, last = edges[:-1], edges[1:] - 1
    stop = int(edges[-1]) if count else 0
    columns = {"open": bars.open[first], "close": bars.close[last]}
    for name, merge in (("high", np.maximum), ("low", np.minimum), ("volume", np.add)):
        whole = getattr(bars, name)[:stop]
        columns[name] = merge.reduceat(whole, first) if count else np.empty(0)
    stamps = bars.timestamps[first]
    coarse = replace(
        bars,
        timeframe=timeframe,
        timestamps=stamps,
        **{name: columns[name] for name in (*PRICES, "volume")},
        extra={name: column[last] for name, column in bars.extra.items()},
        periods_per_year=periods_per_year(stamps, timeframe, bars.timezone) if count else 1.0,
    )
    return CoarseBars(coarse, closed)


def closes_one(bars: Bars, timeframe: str) -> bool:
    """Tell whether the newest bar makes one more coarse bar visible, the first (left out) counted too."""
    periods = _periods(bars.timestamps[-2:], bars.timeframe, timeframe, bars.timezone)
    if len(periods.labels) == 2 and periods.labels[0] != periods.labels[1] and not periods.ends[0]:
        return True
    return bool(periods.ends[-1])


class _Periods(NamedTuple):
    """For each bar: number of its period, whether it reaches the period's end, whether it is its start."""

    labels: Integers
    ends: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.bool_]


def _periods(timestamps: Integers, fine: str, coarse: str, timezone: str) -> _Periods:
    import pandas as pd

    (fine_count, fine_unit), (count, unit) = _checked(fine, coarse)
    index = pd.DatetimeIndex(timestamps.view("M8[ns]"), tz="UTC").tz_convert(timezone).tz_localize(None)
    wall = index.as_unit("ns").asi8
    months = _months(wall)
    reached = (
        _month_start(months + fine_count) if fine_unit == "mo" else wall + fine_count * _UNIT_NS[fine_unit]
    )
    if unit == "mo":
        labels = months // count
        start, end = _month_start(labels * count), _month_start((labels + 1) * count)
    else:
        length, shift = count * _UNIT_NS[unit], _MONDAY if unit == "w" else 0
        labels = (wall + shift) // length
        start = labels * length - shift
        end = start + length
    return _Periods(labels, reached >= end, wall == start)


def _months(wall: Integers) -> Integers:
    return wall.view("M8[ns]").astype("M8[M]").astype(np.int64)


def _month_start(months: Integers) -> Integers:
    return months.astype("M8[M]").astype("M8[ns]").astype(np.int64)


def _checked(fine: str, coarse: str) -> tuple[tuple[int, str], tuple[int, str]]:
    """Read two timeframes, and refuse a coarse one that bars of the fine one do not fill exactly."""
    from admf.market.timeframes import split_timeframe, timeframe_seconds

    (fine_count, fine_unit), (count, unit) = split_timeframe(fine), split_timeframe(coarse)
    if timeframe_seconds(coarse) <= timeframe_seconds(fine):
        raise ComponentError(
            f"an indicator on {coarse!r} needs a timeframe longer than that of the bars, {fine!r}",
            f'leave out .on("{coarse}")' if coarse == fine else "load finer bars",
        )
    if fine_unit == "mo":
        fitting = unit == "mo" and count % fine_count == 0
    elif fine_unit == "w":
        fitting = unit == "w" and count % fine_count == 0
    elif unit in ("w", "mo"):
        fitting = _DAY % (fine_count * _UNIT_NS[fine_unit]) == 0
    else:
        whole, part = count * _UNIT_NS[unit], fine_count * _UNIT_NS[fine_unit]
        fitting = whole % part == 0 and (_DAY % part == 0 or part % _DAY == 0)
    if not fitting:
        raise ComponentError(
            f"an indicator on {coarse!r}: bars of {fine!r} do not fill such a period exactly",
            "it must be a multiple of the bars' own; days, weeks and months are filled by bars whose length "
            "divides a day, and weeks never fill a month",
        )
    return (fine_count, fine_unit), (count, unit)


def check_coarse(timeframe: object) -> str:
    """Give a coarse timeframe back if it is one.

    Raises
    ------
    ComponentError
        It is no timeframe, or is one of hours, minutes or seconds that does not divide the day.
    """
    from admf.market.timeframes import split_timeframe

    if not isinstance(timeframe, str):
        raise ComponentError(f'a timeframe is a text such as "1w"; found {timeframe!r}')
    try:
        count, unit = split_timeframe(timeframe)
    except DataError as error:
        raise ComponentError(error.message, error.hint) from None
    if unit in "smh" and _DAY % (count * _UNIT_NS[unit]):
        raise ComponentError(
            f"timeframe {timeframe!r} does not divide the day, so that its periods have no fixed beginning",
            "take one that does, as 1h, 2h, 4h, 12h or 1d",
        )
    return timeframe
