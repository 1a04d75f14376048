"""From the rows of a table to checked bars: normalise, refuse what cannot be right, adjust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market import quality
from admf.market.actions import ActionFile, Adjustment, Factors, adjusted_for_actions
from admf.market.bars import PRICES, Bars, moment_ns
from admf.market.findings import NO_TIMESTAMP, Finding, format_moments, refuse
from admf.market.normalise import Table, normalise
from admf.market.timeframes import infer_timeframe, periods_per_year, split_timeframe


class Loaded(NamedTuple):
    """Bars, and what their prices were adjusted by (None: not adjusted)."""

    bars: Bars
    factors: Factors | None


def bars_from_frame(
    frame: pd.DataFrame,
    *,
    symbol: str,
    origin: str,
    timeframe: str | None,
    columns: Mapping[str, str] | None,
    timezone: str | None,
    calendar: str | None,
    adjustment: Adjustment,
    actions: ActionFile | None,
    start: str | date | datetime | None,
    end: str | date | datetime | None,
    per_year: float | None,
    min_bars: int,
    row_numbers: npt.NDArray[np.int64] | None = None,
) -> Loaded:
    """Make checked bars of one symbol's rows; parameters as in `load_bars`."""
    label = f"{symbol} ({origin})"
    if timeframe is not None:
        split_timeframe(timeframe)
    table = normalise(frame, label=label, columns=columns, timezone=timezone, row_numbers=row_numbers)
    table = _between(table, start, end)
    findings = [*table.findings, *quality.check_values(table, min_bars)]
    if adjustment == "adjusted_close":
        findings += _check_adjusted_close(table, list(frame.columns))
    refuse(label, findings)

    factors: Factors | None = None
    if adjustment == "adjusted_close":
        table, factors, finding = _adjusted(table)
        findings.append(finding)
    elif adjustment != "none":
        table, factors, more = adjusted_for_actions(table, adjustment, columns, actions, symbol)
        findings += more
    stamps, zone = table.rows.timestamps, table.rows.timezone
    if timeframe is None:
        timeframe = infer_timeframe(stamps)
        if timeframe is None:
            raise DataError(
                f"{label}: no timeframe fits the intervals between bars", hint="say it with timeframe"
            )
        message = f"timeframe is inferred as {timeframe}"
        findings.append(Finding("timeframe_inferred", "info", message, (), "timestamp", len(table)))
    else:
        findings += quality.check_timeframe(table, timeframe)
    refuse(label, findings)
    findings += quality.check_oddities(table)
    if calendar is not None:
        from admf.market.calendars import check_calendar

        findings += check_calendar(table.rows, timeframe, calendar)
    else:
        findings.append(Finding("no_calendar", "info", "no calendar is given: gaps are not judged"))
    bars = Bars(
        symbol=symbol,
        timeframe=timeframe,
        timestamps=stamps,
        **{name: table.columns[name] for name in (*PRICES, "volume")},
        extra=table.extra,
        periods_per_year=float(per_year or periods_per_year(stamps, timeframe, zone)),
        timezone=zone,
        source=origin,
        findings=tuple(findings),
    )
    return Loaded(bars, factors)


def _between(table: Table, start: str | date | datetime | None, end: str | date | datetime | None) -> Table:
    """Rows of the range, and those without a readable timestamp (they may belong to it, and are errors)."""
    if start is None and end is None:
        return table
    stamps, zone = table.rows.timestamps, table.rows.timezone
    keep = np.ones(len(table), dtype=bool)
    if start is not None:
        keep &= stamps >= moment_ns(start, zone)
    if end is not None:
        keep &= stamps <= moment_ns(end, zone, end=True)
    known = stamps != NO_TIMESTAMP
    if known.any() and not keep[known].any():
        first, last = format_moments(np.array([stamps[known].min(), stamps[known].max()]), zone)
        wanted = " ".join(
            f"{word} {value}" for word, value in (("from", start), ("until", end)) if value is not None
        )
        raise DataError(f"{table.label}: no bars {wanted}; the data run from {first} to {last}")
    return table.take(keep | ~known)


def _check_adjusted_close(table: Table, names: list[Any]) -> list[Finding]:
    if table.adjusted_close is None:
        raise DataError(
            f"{table.label}: adjustment is adjusted_close, but there is no adjusted close; "
            f"columns found: {', '.join(repr(str(name)) for name in names)}",
            hint="name it with columns: {adj_close: NAME}, or set adjustment: none",
        )
    adjusted = table.adjusted_close
    wrong = np.flatnonzero(~(np.isfinite(adjusted) & (adjusted > 0)))
    if not len(wrong):
        return []
    what = "adjusted close is not a positive number"
    finding = table.rows.finding(
        "adjusted_close", "error", what, wrong, lambda at: f"adj_close {adjusted[at]:.12g}", "adj_close"
    )
    return [finding]


def _adjusted(table: Table) -> tuple[Table, Factors, Finding]:
    """Prices times one factor a bar: rounding is monotone, so high stays at or above low, open and close."""
    assert table.adjusted_close is not None  # noqa: S101 - for the type checker, refused before
    factor = table.adjusted_close / table.columns["close"]
    columns = {**table.columns, **{name: table.columns[name] * factor for name in PRICES}}
    changed = int(np.count_nonzero(factor != 1.0))
    message = (
        f"prices are scaled by adjusted close over close ({changed} of {len(table)} bars change); "
        "volume is left as it is"
    )
    finding = Finding("adjusted", "info", message, (), "adj_close", changed)
    return replace(table, columns=columns), Factors(np.ones(len(table)), factor), finding
