"""Lengths of bars: reading them, inferring them, and how many of them make a year."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError

DAY_SECONDS = 86_400.0
YEAR_SECONDS = 365.25 * DAY_SECONDS
_UNIT_SECONDS = {
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": DAY_SECONDS,
    "w": 7 * DAY_SECONDS,
    "mo": 365.25 / 12 * DAY_SECONDS,
}
_PATTERN = re.compile(r"([1-9][0-9]{0,3})(s|m|h|d|w|mo)")
TOLERANCE = 0.1  # months have 28 to 31 days, days of a clock change 23 or 25 hours
ENOUGH_BARS = 10  # below this a median interval says little
RATE_TOLERANCE = 0.03  # exchanges trade 245 to 253 days of a year, and are counted as 252


def split_timeframe(timeframe: str) -> tuple[int, str]:
    """Read ``5m`` as ``(5, "m")``.

    Raises
    ------
    DataError
        The text is no timeframe.
    """
    match = _PATTERN.fullmatch(timeframe)
    if match is None:
        raise DataError(
            f"{timeframe!r} is not a timeframe",
            hint="write a whole number and one of s, m, h, d, w, mo: 30s, 5m, 1h, 1d, 1w, 1mo",
        )
    return int(match[1]), match[2]


def timeframe_seconds(timeframe: str) -> float:
    """Length of a bar in seconds; a month is a twelfth of 365.25 days."""
    count, unit = split_timeframe(timeframe)
    return count * _UNIT_SECONDS[unit]


def duration(seconds: float) -> str:
    """Seconds as text in the largest unit that fits: ``1 day``, ``2.5 hours``."""
    for unit, length in (("days", DAY_SECONDS), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.4g} {unit[:-1] if seconds == length else unit}"
    return f"{seconds:.4g} second{'' if seconds == 1 else 's'}"


def typical_interval(timestamps: npt.NDArray[np.int64]) -> float:
    """Typical seconds between bars: the median, or the shortest where there are fewer than 10 bars."""
    gaps = np.diff(timestamps)
    gaps = gaps[gaps > 0]
    if not len(gaps):
        return float("nan")
    return float(np.median(gaps) if len(timestamps) >= ENOUGH_BARS else gaps.min()) / 1e9


def fits(interval_seconds: float, timeframe: str) -> bool:
    """Whether the interval is that of the timeframe, to 10 %."""
    stated = timeframe_seconds(timeframe)
    return abs(interval_seconds - stated) <= TOLERANCE * stated


def infer_timeframe(timestamps: npt.NDArray[np.int64]) -> str | None:
    """Timeframe that the typical interval belongs to; None where there is no plain answer."""
    interval = typical_interval(timestamps)
    if not np.isfinite(interval):
        return None
    for timeframe in ("1d", "1w", "1mo", "3mo", "12mo"):
        if fits(interval, timeframe):
            return timeframe
    seconds = round(interval)
    if not 0 < seconds < DAY_SECONDS or abs(interval - seconds) > 1e-3:
        return None
    for unit in ("h", "m", "s"):
        count, rest = divmod(seconds, int(_UNIT_SECONDS[unit]))
        if count and not rest and count < 10_000:
            return f"{count}{unit}"
    return None


def local_clock(timestamps: npt.NDArray[np.int64], timezone: str) -> npt.NDArray[np.datetime64]:
    """Give what the clocks of a zone show at UTC nanoseconds, as datetime64[ns] of the same shape."""
    if timezone == "UTC":
        return timestamps.view("M8[ns]")
    index = pd.DatetimeIndex(timestamps.view("M8[ns]"), tz="UTC").tz_convert(timezone).tz_localize(None)
    return index.as_unit("ns").to_numpy()


def periods_per_year(timestamps: npt.NDArray[np.int64], timeframe: str, timezone: str = "UTC") -> float:
    """Bars in a year, for annual figures.

    Days trade 252 times a year, or 365 times where at least half of the weeks have bars on Saturday and half
    have them on Sunday (one of the two alone is a time zone's doing, or the currency market's early Monday).
    A week counts 52, a month 12. An intraday timeframe counts the median number of bars of a day that has
    any, times those days.

    Parameters
    ----------
    timestamps
        UTC nanoseconds, ascending, shape (n,).
    timeframe
        Length of a bar.
    timezone
        Zone that days are counted in.
    """
    count, unit = split_timeframe(timeframe)
    if unit == "w":
        return 52 / count
    if unit == "mo":
        return 12 / count
    days = local_clock(timestamps, timezone).astype("M8[D]").astype(np.int64)
    unique, bars = np.unique(days, return_counts=True)
    weekdays = (unique + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    weeks = len(np.unique((unique + 3) // 7))
    weekend = all(np.count_nonzero(weekdays == day) * 2 >= weeks for day in (5, 6))
    trading_days = 365 if weekend else 252
    if unit == "d":
        return trading_days / count
    return float(np.median(bars)) * trading_days


def elapsed_years(timestamps: npt.NDArray[np.int64]) -> float:
    """Calendar years of 365.25 days from the first to the last of ascending UTC nanoseconds; 0 of none."""
    return float(timestamps[-1] - timestamps[0]) / 1e9 / YEAR_SECONDS if len(timestamps) else 0.0


def rate_warnings(timestamps: npt.NDArray[np.int64], per_year: float) -> list[str]:
    """Warn where bars come more or less often than the bars a year that annual figures use.

    Parameters
    ----------
    timestamps
        UTC nanoseconds, ascending, shape (n,).
    per_year
        Bars a year that are used.

    Returns
    -------
    list of str
        One text, or none: the two agree to 3 %, or there is less than a year to count them in.
    """
    years = elapsed_years(timestamps)
    if years < 1.0:
        return []
    found = (len(timestamps) - 1) / years
    if abs(found / per_year - 1.0) <= RATE_TOLERANCE:
        return []
    gaps = "; if bars are missing, a calendar names them" if found < per_year else ""
    return [
        f"annual figures use {per_year:g} bars a year, and the data have {found:.0f} in a calendar year: "
        f"data_config.periods_per_year: {found:.0f} makes them agree (in Python, of load_bars){gaps}"
    ]
