"""Loading bars: read, normalise, check, and hand out read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError, TransientDataError
from admf.market import quality
from admf.market.actions import KINDS, ActionFile, Adjustment, Factors, adjusted_for_actions, read_actions
from admf.market.bars import PRICES, Bars, moment_ns
from admf.market.findings import NO_TIMESTAMP, Finding, Rows, attempt, format_moments, refuse, together
from admf.market.normalise import Table, normalise
from admf.market.timeframes import infer_timeframe, periods_per_year, split_timeframe

if TYPE_CHECKING:
    from admf.core.config.models import DataConfig


class MarketBars(NamedTuple):
    """Bars of every symbol, and finer bars of each where they were asked for."""

    bars: dict[str, Bars]
    finer: dict[str, Bars]


class Loaded(NamedTuple):
    """Bars, and what their prices were adjusted by (None: not adjusted)."""

    bars: Bars
    factors: Factors | None


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


def load_market_data(config: DataConfig) -> dict[str, Bars]:
    """Load every symbol of a config's ``data_config``, without finer bars.

    Returns
    -------
    dict
        Symbol to bars, in the order of the config.

    Raises
    ------
    DataError
        The source cannot be read, or the data of a symbol are refused; all symbols are checked before it is
        raised.
    TransientDataError
        Reading failed in a way that may pass.
    """
    loaded, error = _load_all(config)
    if error is not None:
        raise error
    return {symbol: each.bars for symbol, each in loaded.items()}


def load_market(config: DataConfig) -> MarketBars:
    """Load every symbol, and the finer bars that ``data_config.finer`` asks for.

    Raises
    ------
    DataError
        As `load_market_data`; or the finer bars cannot be read, or be parts of the bars.
    """
    market, error = load_what_can_be(config)
    if error is not None:
        raise error
    return market


def load_what_can_be(config: DataConfig) -> tuple[MarketBars, DataError | None]:
    """Load as `load_market` does; where that fails, what can be loaded, and why the rest cannot.

    Raises
    ------
    TransientDataError
        Reading failed in a way that may pass.
    """
    from admf.market.finer import finer_config, with_finer

    loaded, error = _load_all(config)
    if error is None:
        wanted = finer_config(config)
        try:
            return with_finer(loaded, None if wanted is None else lambda: load_market_data(wanted)), None
        except TransientDataError:
            raise
        except DataError as refused:
            error = refused
    return MarketBars({symbol: each.bars for symbol, each in loaded.items()}, {}), error


def _load_all(config: DataConfig) -> tuple[dict[str, Loaded], DataError | None]:
    """Load every symbol that can be; the error says why the others cannot."""
    from admf.market import sources

    actions = None if config.actions is None else read_actions(config.actions)
    errors: list[DataError] = []
    try:
        tables: Mapping[str, Any] = sources.read(config)
    except TransientDataError:
        raise
    except DataError as error:
        errors, tables, error.done = [error], error.done, {}

    def load(symbol: str) -> Loaded:
        # a source that failed for some symbols gave the tables of the others without numbers of their rows
        frame, rows = tables[symbol] if isinstance(tables[symbol], tuple) else (tables[symbol], None)
        return bars_from_frame(
            frame,
            symbol=symbol,
            origin=config.source,
            timeframe=config.timeframe,
            columns=config.columns,
            timezone=config.timezone,
            calendar=config.calendar,
            adjustment=config.adjustment,
            actions=actions,
            start=config.start_date,
            end=config.end_date,
            per_year=config.periods_per_year,
            min_bars=config.min_bars,
            row_numbers=rows,
        )

    loaded, refused = attempt(tables, load)
    errors += refused
    return loaded, together(errors) if errors else None


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
