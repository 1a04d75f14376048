"""Reading timestamps: dates, times, numbers and text of one known form, into UTC nanoseconds."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market.findings import NO_TIMESTAMP, Finding, Rows

Stamps = npt.NDArray[np.int64]

# Seconds since 1970 above 1e8 (1973); a thousand times that for each finer unit.
_EPOCH = (
    ("seconds", 1e8, 10**9),
    ("milliseconds", 1e11, 10**6),
    ("microseconds", 1e14, 1000),
    ("nanoseconds", 1e17, 1),
)
_DAY = 86_400 * 10**9
_DATES = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H%M%S")
_OFFSET = re.compile(r"(?P<offset>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$")


def check_timezone(name: str) -> None:
    """Raise `DataError` where the name is no time zone.

    Raises
    ------
    DataError
        The zone is unknown; the nearest name is given.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), 1)
        raise DataError(
            f"{name!r} is not a time zone{f'; did you mean {near[0]!r}?' if near else ''}",
            hint="write the name of the IANA list, as America/New_York, or UTC",
        ) from None


def read_timestamps(
    values: pd.Series[Any], timezone: str | None, numbers: npt.NDArray[np.int64], label: str
) -> tuple[Rows, list[Finding]]:
    """Read a column of timestamps.

    Parameters
    ----------
    values
        Datetimes, dates, text, or numbers (seconds, ms, us or ns since 1970, or dates written as 20200131).
    timezone
        Zone of what carries none; default UTC. Also the zone of the bars' days. Timestamps that are all
        midnight UTC carry none: they are dates.
    numbers
        Row of each value in the source.
    label
        For messages.

    Returns
    -------
    tuple
        Rows with UTC nanoseconds (NaT where a cell cannot be read, an error among the findings), and
        findings.

    Raises
    ------
    DataError
        The column as a whole cannot be read, or can be read in two ways.
    """
    findings: list[Finding] = []
    dtype = values.dtype
    try:
        if isinstance(dtype, pd.DatetimeTZDtype):
            aware = values.dt.tz_convert("UTC").dt.tz_localize(None)
            own = _usable_zone(str(dtype.tz))
            return _instants(values, _nanoseconds(aware), timezone, own, numbers, findings)
        if isinstance(dtype, pd.PeriodDtype):
            raise DataError(
                f"{label}: timestamps are periods", hint="convert them: frame.index.to_timestamp()"
            )
        if pd.api.types.is_datetime64_dtype(dtype):
            naive = _nanoseconds(values)
        elif pd.api.types.is_bool_dtype(dtype):
            raise DataError(f"{label}: the timestamp column holds true and false")
        elif pd.api.types.is_numeric_dtype(dtype):
            return _numbers(values, timezone, numbers, label)
        else:
            return _objects(values, timezone, numbers, label)
    except (pd.errors.OutOfBoundsDatetime, OverflowError) as error:
        raise DataError(f"{label}: timestamps outside 1678 to 2261: {error}") from None
    return _localise(values, naive, timezone, numbers, findings)


def _nanoseconds(values: pd.Series[Any]) -> Stamps:
    return np.array(pd.DatetimeIndex(values).as_unit("ns").asi8)


def _finish(
    values: pd.Series[Any],
    stamps: Stamps,
    zone: str,
    numbers: npt.NDArray[np.int64],
    findings: list[Finding],
) -> tuple[Rows, list[Finding]]:
    """Add findings for what is missing."""
    rows = Rows(numbers, stamps, zone)
    missing = np.flatnonzero(stamps == NO_TIMESTAMP)
    told = {row for finding in findings if finding.severity == "error" for row in finding.rows}
    missing = np.array(
        [place for place in missing.tolist() if int(numbers[place]) not in told], dtype=np.intp
    )
    if len(missing):
        findings.append(
            rows.finding(
                "no_timestamp",
                "error",
                "timestamp is missing or unreadable",
                missing,
                lambda place: "empty" if pd.isna(values.iloc[place]) else repr(str(values.iloc[place])[:40]),
                "timestamp",
            )
        )
    return rows, findings


def _instants(
    values: pd.Series[Any],
    stamps: Stamps,
    timezone: str | None,
    own: str,
    numbers: npt.NDArray[np.int64],
    findings: list[Finding],
) -> tuple[Rows, list[Finding]]:
    """Take instants as they are, in ``timezone`` or else their own zone.

    Where all are midnight UTC they are dates, as files of daily bars write them: the days of ``timezone``.
    Taken as instants, a Monday in New York would begin on Sunday evening.
    """
    if timezone in (None, "UTC") or not _dates(stamps):
        return _finish(values, stamps, timezone or own, numbers, findings)
    message = f"timestamps are midnight UTC in every row: they are read as dates, the days of {timezone}"
    findings.append(Finding("timestamp_form", "info", message, (), "timestamp", len(values)))
    return _localise(values, stamps, timezone, numbers, findings)


def _dates(stamps: Stamps) -> bool:
    """Whether every one of several nanoseconds since 1970 is midnight."""
    known = stamps[stamps != NO_TIMESTAMP]
    return len(known) > 1 and not (known % _DAY).any()


def _localise(
    values: pd.Series[Any],
    naive: Stamps,
    timezone: str | None,
    numbers: npt.NDArray[np.int64],
    findings: list[Finding],
) -> tuple[Rows, list[Finding]]:
    """Read times without a zone as times of ``timezone``."""
    if timezone is None or timezone == "UTC":
        if timezone is None:
            findings.append(
                Finding(
                    "timezone_assumed",
                    "info",
                    "timestamps carry no time zone and are taken as UTC; say otherwise with timezone",
                    (),
                    "timestamp",
                    len(values),
                )
            )
        return _finish(values, naive, "UTC", numbers, findings)
    index = pd.DatetimeIndex(naive.view("M8[ns]"))
    if _dates(naive):  # a day begins when its clocks first show it
        first = np.ones(len(index), dtype=bool)
        stamps = index.tz_localize(timezone, ambiguous=first, nonexistent="shift_forward").asi8
        return _finish(values, np.array(stamps), timezone, numbers, findings)
    stamps = index.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT").asi8
    lost = (stamps == NO_TIMESTAMP) & (naive != NO_TIMESTAMP)
    if lost.any():
        exists = index.tz_localize(
            timezone, ambiguous=np.zeros(len(index), dtype=bool), nonexistent="NaT"
        ).asi8
        rows = Rows(numbers, stamps, timezone)
        for kind, what, mask in (
            ("nonexistent_time", "does not exist", lost & (exists == NO_TIMESTAMP)),
            ("ambiguous_time", "happened twice", lost & (exists != NO_TIMESTAMP)),
        ):
            if mask.any():
                findings.append(
                    rows.finding(
                        kind,
                        "error",
                        f"local time {what} in {timezone} (change of clocks)",
                        np.flatnonzero(mask),
                        lambda place: str(values.iloc[place]),
                        "timestamp",
                    )
                )
    return _finish(values, np.array(stamps), timezone, numbers, findings)


def _numbers(
    values: pd.Series[Any], timezone: str | None, numbers: npt.NDArray[np.int64], label: str
) -> tuple[Rows, list[Finding]]:
    """Dates written as 20200131, or time since 1970 in a unit that its size tells."""
    plain = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = plain[np.isfinite(plain)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    if low >= 19_000_101 and high <= 22_001_231:
        text = values.astype("Int64").astype(str)
        parsed = pd.to_datetime(text, format="%Y%m%d", errors="coerce")
        note = Finding(
            "timestamp_form", "info", "timestamps are read as dates, year month day", (), "timestamp"
        )
        return _localise(values, _nanoseconds(parsed), timezone, numbers, [note])
    for unit, least, factor in _EPOCH:
        if least <= low and high < (least * 1000 if factor > 1 else 9.2e18):
            stamps = np.full(len(plain), NO_TIMESTAMP, dtype=np.int64)
            good = np.isfinite(plain)
            if pd.api.types.is_integer_dtype(values.dtype):
                stamps[good] = values[good].to_numpy(dtype=np.int64) * factor
            else:
                # Whole units and their fraction apart: the product would lose nanoseconds.
                whole = np.floor(plain[good])
                stamps[good] = whole.astype(np.int64) * factor
                stamps[good] += np.round((plain[good] - whole) * factor).astype(np.int64)
            note = Finding(
                "timestamp_form", "info", f"timestamps are read as {unit} since 1970 (UTC)", (), "timestamp"
            )
            return _instants(values, stamps, timezone, "UTC", numbers, [note])
    raise DataError(
        f"{label}: timestamps are numbers from {low:.15g} to {high:.15g}, which are no time since 1970",
        hint="write dates as 2020-01-31; name the right column with columns: {timestamp: NAME}",
    )


def _objects(
    values: pd.Series[Any], timezone: str | None, numbers: npt.NDArray[np.int64], label: str
) -> tuple[Rows, list[Finding]]:
    """Text, or Python's dates and datetimes."""
    is_text = isinstance(values.dtype, pd.StringDtype)
    kinds = {str} if is_text else set(map(type, values.dropna().array)) or {str}
    if any(issubclass(kind, str) for kind in kinds):
        return _text(values.where(values.isna(), values.astype(str).str.strip()), timezone, numbers, label)
    zones = np.array([str(getattr(value, "tzinfo", None)) for value in values.array], dtype=object)
    present = values.notna().to_numpy()
    if len(set(zones[present])) > 1:
        return _mixed(values, zones, numbers)
    parsed = pd.to_datetime(values, errors="coerce", utc=True)
    stamps = _nanoseconds(parsed.dt.tz_localize(None))
    if zones[present][0] == "None":
        return _localise(values, stamps, timezone, numbers, [])
    return _instants(values, stamps, timezone, _usable_zone(zones[present][0]), numbers, [])


def _usable_zone(name: str) -> str:
    """Name of a zone that pandas can find again, else UTC: a zone may be any object of the user."""
    try:
        pd.Timestamp(0, tz=name)
    except (ValueError, TypeError, zoneinfo.ZoneInfoNotFoundError):
        return "UTC"
    return name


def _mixed(
    values: pd.Series[Any],
    zones: npt.NDArray[Any],
    numbers: npt.NDArray[np.int64],
    *,
    suggest_zone: bool = False,
) -> tuple[Rows, list[Finding]]:
    """Refuse rows whose zone is not that of the first row."""
    present = values.notna().to_numpy()
    first = zones[present][0]
    other = np.flatnonzero(present & (zones != first))
    rows = Rows(numbers, np.full(len(values), NO_TIMESTAMP), "UTC")
    seasons = " (if it is one zone's summer and winter, name that with timezone)"
    finding = rows.finding(
        "mixed_timezones",
        "error",
        f"timestamps mix time zones: the first has {'no zone' if first == 'None' else first}, others do not"
        f"{seasons if suggest_zone else ''}",
        other,
        lambda place: f"{str(values.iloc[place])!r}",
        "timestamp",
    )
    return rows, [finding]


def _text(
    text: pd.Series[Any], timezone: str | None, numbers: npt.NDArray[np.int64], label: str
) -> tuple[Rows, list[Finding]]:
    present = text.notna().to_numpy()
    # What follows the date, once each: times of the day repeat, and a search in every row takes seconds.
    codes, tails = pd.factorize(text.astype(str).str.slice(10), use_na_sentinel=False)
    matches = [_OFFSET.search(str(tail)) for tail in tails]
    zones = np.array([match["offset"] if match else "None" for match in matches], dtype=object)[codes]
    distinct = set(zones[present])
    if distinct <= {"None"}:
        parsed, findings = _parse_naive(text, label)
        return _localise(text, _nanoseconds(parsed), timezone, numbers, findings)
    parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    stamps = _nanoseconds(parsed)
    if len(distinct) > 1 and ("None" in distinct or not _clock_changes(stamps, zones, present, timezone)):
        return _mixed(text, zones, numbers, suggest_zone="None" not in distinct and timezone is None)
    offset = distinct.pop() if len(distinct) == 1 else "Z"
    digits = re.sub(r"\D", "", offset).ljust(4, "0")
    fixed = f"UTC{offset[0]}{digits[:2]}:{digits[2:]}" if _offset_ns(offset) else "UTC"
    return _instants(text, stamps, timezone, fixed, numbers, [])


def _clock_changes(
    stamps: Stamps, zones: npt.NDArray[Any], present: npt.NDArray[Any], timezone: str | None
) -> bool:
    """Whether different offsets are those of one zone's summer and winter."""
    if timezone is None:
        return False
    utc = pd.DatetimeIndex(stamps.view("M8[ns]"), tz="UTC")
    local = utc.tz_convert(timezone).tz_localize(None).asi8
    written = (
        pd.Series(zones).map({zone: _offset_ns(str(zone)) for zone in set(zones)}).to_numpy(dtype=np.int64)
    )
    readable = present & (stamps != NO_TIMESTAMP)
    return bool(np.array_equal((local - stamps)[readable], written[readable]))


def _offset_ns(offset: str) -> int:
    digits = re.sub(r"\D", "", offset)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return (-1 if offset.startswith("-") else 1) * seconds * 10**9


def _parse_naive(text: pd.Series[Any], label: str) -> tuple[pd.Series[Any], list[Finding]]:
    """ISO dates and times; else the one other form that reads every row."""
    parsed = pd.to_datetime(text, format="ISO8601", errors="coerce")
    filled = text.notna()
    if not len(text) or parsed[filled].notna().any():
        return parsed, []
    readings: dict[str, pd.Series[Any]] = {}
    for day in _DATES:
        for time in _TIMES:
            trial = pd.to_datetime(text, format=day + time, errors="coerce")
            if trial[filled].notna().all() and filled.any():
                readings[day + time] = trial
    if len(readings) > 1:
        raise DataError(
            f"{label}: timestamps such as {text[filled].iloc[0]!r} can be read as {' and '.join(readings)}",
            hint="write dates as 2020-01-31",
        )
    if not readings:
        sample = ", ".join(repr(value) for value in text[filled].head(3))
        raise DataError(
            f"{label}: timestamps are in no form that is known: {sample or 'all are empty'}",
            hint="write dates as 2020-01-31 and times as 2020-01-31T14:30:00+00:00; "
            "name another column with columns: {timestamp: NAME}",
        )
    ((form, reading),) = readings.items()
    return reading, [
        Finding("timestamp_form", "info", f"timestamps are read as {form}", (), "timestamp", len(text))
    ]
