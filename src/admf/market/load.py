"""Loading the bars of one symbol: from a file, a DataFrame, a sample, or bars that are loaded already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market.actions import KINDS, ActionFile, Adjustment, read_actions
from admf.market.bars import Bars
from admf.market.findings import Rows
from admf.market.from_frame import Loaded, bars_from_frame


def load_bars(
    source: str | Path | pd.DataFrame | Bars,
    *,
    symbol: str | None = None,
    timeframe: str | None = None,
    columns: Mapping[str, str] | None = None,
    timezone: str | None = None,
    calendar: str | None = None,
    adjustment: Adjustment = "none",
    actions: str | Path | None = None,
    start: str | date | datetime | None = None,
    end: str | date | datetime | None = None,
    periods_per_year: float | None = None,
    min_bars: int = 2,
) -> Bars:
    """Load the bars of one symbol, checked.

    Parameters
    ----------
    source
        A file (.csv, .csv.gz, .parquet), a DataFrame, ``sample:SP500`` or ``sample:NASDAQ`` (index prices of
        1999 to 2018 that ship with a dependency), or bars already loaded (only ``start``, ``end`` and
        ``min_bars`` apply).
    symbol
        Name of the instrument; picks its rows where the data have a symbol column. Default: the file's name.
    timeframe
        Length of a bar, as ``1d``. Default: inferred from the timestamps, and a finding says so.
    columns
        Canonical name (timestamp, open, high, low, close, volume, adj_close, symbol, split, dividend) to the
        name in the data. The usual spellings need none.
    timezone
        Zone of timestamps that carry none (default UTC), and zone in which dates are meant.
    calendar
        Exchange calendar that gaps are judged by, as ``XNYS`` or ``24/7``. Default: gaps are not judged.
    adjustment
        ``adjusted_close`` scales the prices by the adjusted close over the close; volume stays as it is.
        ``splits``, ``dividends`` and ``splits_and_dividends`` adjust backward for these actions, as
        `admf.market.actions` says: from the columns split (ratio) and dividend (currency per unit), each on
        the ex-date's bar.
    actions
        CSV or Parquet file of actions (symbol, date, kind, value) in place of the columns.
    start, end
        First and last moment, inclusive; a date means the whole day. Rows outside are not checked.
    periods_per_year
        For annual figures. Default: see `admf.market.timeframes.periods_per_year`.
    min_bars
        Fewer bars than this are an error.

    Returns
    -------
    Bars
        Read-only; what was noticed or assumed is in its ``findings``.

    Raises
    ------
    DataError
        The data cannot be read or cannot be right. Every error is named, with rows and columns.
    """
    return load_one(
        source,
        symbol=symbol,
        timeframe=timeframe,
        columns=columns,
        timezone=timezone,
        calendar=calendar,
        adjustment=adjustment,
        actions=actions,
        start=start,
        end=end,
        periods_per_year=periods_per_year,
        min_bars=min_bars,
    ).bars


def load_one(
    source: str | Path | pd.DataFrame | Bars,
    *,
    symbol: str | None,
    timeframe: str | None,
    columns: Mapping[str, str] | None,
    timezone: str | None,
    calendar: str | None,
    adjustment: Adjustment,
    actions: str | Path | None,
    start: str | date | datetime | None,
    end: str | date | datetime | None,
    periods_per_year: float | None,
    min_bars: int,
) -> Loaded:
    """Load as `load_bars` does, and say what the prices were adjusted by."""
    if isinstance(source, Bars):
        bars = _reloaded(
            source, symbol, timeframe, calendar, adjustment, start, end, periods_per_year, min_bars
        )
        return Loaded(bars, None)
    from admf.market import sources

    rows: npt.NDArray[np.int64] | None = None
    if isinstance(source, pd.DataFrame):
        frame, origin, default = source, "DataFrame", "data"
    elif isinstance(source, str) and source.startswith("sample:"):
        origin, default = source, source.partition(":")[2]
        frame = sources.read_sample(default)
    elif not isinstance(source, str | os.PathLike):
        raise DataError(
            f"bars are loaded from a DataFrame or a file; found {type(source).__name__}",
            hint="give a DataFrame, the path of a CSV or Parquet file, sample:NAME, or bars that are loaded",
        )
    else:
        path = Path(source).expanduser()
        frame = sources.read_file(path, symbols=(columns or {}).get("symbol"))
        origin, default = path.name, path.name.split(".")[0]
    if "symbol" in (columns or {}) or sources.symbol_column(frame, columns):
        found = sources.split_by_symbol(frame, [symbol] if symbol else [], columns, origin)
        if len(found) > 1:
            names = ", ".join(list(found)[:10]) + (", ..." if len(found) > 10 else "")
            raise DataError(f"{origin} holds {len(found)} symbols: {names}", hint="say which with symbol")
        ((default, (frame, rows)),) = found.items()
    return bars_from_frame(
        frame,
        symbol=symbol or default,
        origin=origin,
        timeframe=timeframe,
        columns=columns,
        timezone=timezone,
        calendar=calendar,
        adjustment=adjustment,
        actions=_actions(adjustment, actions, symbol or default),
        start=start,
        end=end,
        per_year=periods_per_year,
        min_bars=min_bars,
        row_numbers=rows,
    )


def _actions(adjustment: Adjustment, path: str | Path | None, symbol: str) -> ActionFile | None:
    if path is None:
        return None
    if adjustment not in KINDS:
        raise DataError(
            f"{symbol}: actions are given, but adjustment is {adjustment}",
            hint=f"allowed: {', '.join(KINDS)}",
        )
    return read_actions(path)


def _reloaded(
    bars: Bars,
    symbol: str | None,
    timeframe: str | None,
    calendar: str | None,
    adjustment: Adjustment,
    start: str | date | datetime | None,
    end: str | date | datetime | None,
    per_year: float | None,
    min_bars: int,
) -> Bars:
    """Apply to checked bars what still can apply; what contradicts them is an error."""
    if timeframe is not None and timeframe != bars.timeframe:
        raise DataError(
            f"{bars.symbol}: timeframe is stated as {timeframe}, the bars were loaded as {bars.timeframe}",
            hint=f"state timeframe {bars.timeframe}, or load them from their source again",
        )
    if adjustment != "none":
        raise DataError(
            f"{bars.symbol}: bars that are loaded cannot be adjusted",
            hint=f"load them from their source with adjustment {adjustment}",
        )
    first = 0 if start is None else bars.position_of(start)
    stop = len(bars) if end is None else bars.position_of(end, "right")
    count = max(stop - first, 0)
    if count < min_bars:
        wanted = "".join(f" {word} {at}" for word, at in (("from", start), ("until", end)) if at is not None)
        raise DataError(f"{bars.symbol}: too few bars{wanted}: {count} found, at least {min_bars} needed")
    if (first, stop) != (0, len(bars)):
        bars = bars.slice(first, stop)
    findings = bars.findings
    if calendar is not None and len(bars):
        from admf.market.calendars import check_calendar

        rows = Rows(np.arange(len(bars), dtype=np.int64), bars.timestamps, bars.timezone)
        findings += tuple(check_calendar(rows, bars.timeframe, calendar))
    changes = {"symbol": symbol or bars.symbol, "periods_per_year": per_year or bars.periods_per_year}
    if findings == bars.findings and all(getattr(bars, name) == value for name, value in changes.items()):
        return bars
    return replace(bars, findings=findings, **changes)  # type: ignore[arg-type]
