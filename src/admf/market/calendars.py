"""Gaps against an exchange calendar. All of it is warnings: data with holes are legal.

Days are compared with the calendar's sessions. Intraday bars are laid on a line of trading time, from which
nights, weekends, holidays and lunch breaks are cut out; a step of more than 1.25 bars on that line is a gap:
a session may end with a part of a bar, and one bar that is missing beside it makes a step of less than two.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market.findings import KEPT_ROWS, SHOWN_ROWS, Finding, Rows
from admf.market.timeframes import duration, split_timeframe, timeframe_seconds

Stamps = npt.NDArray[np.int64]
GAP_STEPS = 1.25
#: Of names that are equally near to an unknown one, these are meant.
_WELL_KNOWN = ("XNYS", "XNAS", "XLON", "XETR", "XPAR", "XTKS", "XHKG", "XTSE", "XASX", "CMES", "24/5", "24/7")


def require_calendar(name: str) -> None:
    """Require that the package `exchange_calendars` has a calendar.

    Raises
    ------
    DataError
        There is no calendar of that name; the nearest is given.
    """
    import exchange_calendars

    names = exchange_calendars.get_calendar_names(include_aliases=True)
    if name in names:
        return
    ratio, _, near = max((_likeness(name, known), known in _WELL_KNOWN, known) for known in names)
    raise DataError(
        f"{name!r} is no exchange calendar{f'; did you mean {near!r}?' if ratio >= 0.6 else ''}",
        hint="names are those of the package exchange_calendars, as XNYS, XLON, CME, 24/5, 24/7",
        key="calendar",
    )


def find_calendar(name: str, first: pd.Timestamp, last: pd.Timestamp) -> Any | None:
    """Calendar of the package `exchange_calendars` for a range of days; None where its records do not reach.

    Raises
    ------
    DataError
        As `require_calendar`.
    """
    import exchange_calendars

    require_calendar(name)
    try:
        return exchange_calendars.get_calendar(name, start=first, end=last)
    except ValueError:  # holidays are not recorded that far back or ahead
        return None


def _likeness(name: str, known: str) -> float:
    """Give how like two names are, 0 to 1; a lower-case name is the most usual slip."""
    return SequenceMatcher(None, name.upper(), known.upper()).ratio()


def check_calendar(rows: Rows, timeframe: str, name: str) -> list[Finding]:
    """Warnings about bars that are missing, and bars where the exchange is closed.

    Parameters
    ----------
    rows
        Checked rows, in order of time.
    timeframe
        Length of a bar.
    name
        Calendar, as ``XNYS``.

    Raises
    ------
    DataError
        There is no calendar of that name.
    """
    index = pd.DatetimeIndex(rows.timestamps.view("M8[ns]"), tz="UTC")
    days = index.tz_convert(rows.timezone).tz_localize(None).normalize().as_unit("ns")
    margin = pd.Timedelta(days=10)  # a range without any session is an error of the package
    calendar = find_calendar(name, days[0] - margin, days[-1] + margin)
    if calendar is None:
        span = f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
        message = f"calendar {name} has no records for {span}: gaps are not judged"
        return [Finding("calendar_out_of_range", "warning", message)]
    count, unit = split_timeframe(timeframe)
    if unit == "mo":
        return _periods(rows, (days.year * 12 + days.month).to_numpy(dtype=np.int64), count, "month", name)
    if unit == "w":
        return _periods(rows, days.asi8 // 86_400_000_000_000 // 7, count, "week", name)
    if unit == "d":
        return _days(rows, days.asi8, calendar.sessions.as_unit("ns").asi8, name, every=count == 1)
    return _intraday(rows, calendar, round(timeframe_seconds(timeframe) * 1e9), name)


def _periods(rows: Rows, ordinals: Stamps, count: int, unit: str, name: str) -> list[Finding]:
    steps = np.diff(ordinals)
    late = np.flatnonzero(steps > count) + 1
    if not len(late):
        return []
    what = f"{unit}s without a bar (calendar {name})"
    return [
        rows.finding(
            "gap", "warning", what, late, lambda at: f"comes {steps[at - 1]} {unit}s after the bar before"
        )
    ]


def _days(rows: Rows, days: Stamps, sessions: Stamps, name: str, *, every: bool) -> list[Finding]:
    findings: list[Finding] = []
    closed = np.flatnonzero(~np.isin(days, sessions))
    if len(closed):
        what = f"bar on a day that is no session of {name}"
        findings.append(rows.finding("not_a_session", "warning", what, closed))
    expected = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
    missing = np.setdiff1d(expected, days)
    if every and len(missing):
        shown = ", ".join(pd.DatetimeIndex(missing[:SHOWN_ROWS].view("M8[ns]")).strftime("%Y-%m-%d"))
        more = f" and {len(missing) - SHOWN_ROWS} more" if len(missing) > SHOWN_ROWS else ""
        plural = "sessions have" if len(missing) > 1 else "session has"
        after = np.unique(np.searchsorted(days, missing))[:KEPT_ROWS]
        findings.append(
            Finding(
                "gap",
                "warning",
                f"{len(missing)} {name} {plural} no bar: {shown}{more}",
                tuple(int(row) for row in rows.numbers[after]),
                None,
                len(missing),
            )
        )
    return findings


def _intraday(rows: Rows, calendar: Any, step: int, name: str) -> list[Finding]:
    opens, closes, pauses, resumes = (
        pd.DatetimeIndex(times).tz_localize(None).as_unit("ns").asi8
        for times in (calendar.opens, calendar.closes, calendar.break_starts, calendar.break_ends)
    )
    no_break = pauses == np.iinfo(np.int64).min
    pauses, resumes = np.where(no_break, closes, pauses), np.where(no_break, closes, resumes)
    lengths = closes - opens - (resumes - pauses)
    before = np.concatenate(([0], np.cumsum(lengths)[:-1]))

    stamps = rows.timestamps
    session = np.searchsorted(opens, stamps, side="right") - 1  # never -1: the calendar starts days earlier
    since_open = stamps - opens[session]
    paused = np.clip(stamps - pauses[session], 0, resumes[session] - pauses[session])
    trading_time = before[session] + np.minimum(since_open - paused, lengths[session])

    findings: list[Finding] = []
    closed = (stamps > closes[session]) | ((stamps > pauses[session]) & (stamps < resumes[session]))
    if closed.any():
        what = f"bar outside the trading hours of {name}"
        findings.append(rows.finding("not_a_session", "warning", what, np.flatnonzero(closed)))
    steps = np.diff(trading_time)
    late = np.flatnonzero(steps > GAP_STEPS * step) + 1
    if len(late):
        what = f"gap against calendar {name}"
        findings.append(
            rows.finding(
                "gap",
                "warning",
                what,
                late,
                lambda at: f"{duration(steps[at - 1] / 1e9)} of trading time after the bar before",
            )
        )
    return findings
