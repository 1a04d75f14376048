"""From a table as people keep it to columns of one kind: names, numbers, and instants in UTC.

Nothing is repaired here. What cannot be read is a finding with its row; what is assumed is a finding too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market.bars import FIELDS, PRICES, FloatArray
from admf.market.findings import Finding, Rows
from admf.market.timestamps import check_timezone, read_timestamps

# Spellings after lower case and without spaces, dots, dashes and underscores. A canonical name comes before
# others.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "timestamp": ("timestamp", "datetime", "date", "time", "ts", "opentime", "unnamed:0"),
    "symbol": ("symbol", "ticker"),
    "open": ("open", "o", "openprice", "priceopen"),
    "high": ("high", "h", "highprice", "pricehigh"),
    "low": ("low", "l", "lowprice", "pricelow"),
    "close": ("close", "c", "last", "closeprice", "priceclose", "lastprice"),
    "volume": ("volume", "vol", "v"),
    "adj_close": ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice"),
}
# Columns of corporate actions. They stay among the other columns, and are read where an adjustment asks so.
ACTION_SPELLINGS: dict[str, tuple[str, ...]] = {
    "split": ("split", "splits", "stocksplit", "stocksplits", "splitratio", "splitfactor"),
    "dividend": ("dividend", "dividends", "divcash", "cashdividend", "dividendamount"),
}
_INDEX = "(index)"


@dataclass(frozen=True)
class Table:
    """Columns of one symbol after reading, before any check of their values.

    Parameters
    ----------
    label
        Symbol and source, for messages.
    rows
        Row numbers and UTC timestamps; NaT where one could not be read.
    columns
        Open, high, low, close and volume; float64, NaN where a cell was empty or held text.
    extra
        Other numeric columns by their own name.
    adjusted_close
        The adjusted close, if there is one.
    findings
        What was noticed so far.
    has_volume
        False where the source has no volume, and zeros stand in.
    """

    label: str
    rows: Rows
    columns: Mapping[str, FloatArray]
    extra: Mapping[str, FloatArray]
    adjusted_close: FloatArray | None = None
    findings: tuple[Finding, ...] = ()
    has_volume: bool = True
    text_cells: Mapping[str, npt.NDArray[np.intp]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows.numbers)

    def take(self, keep: npt.NDArray[np.bool_]) -> Table:
        """Keep the rows of a mask, and the findings of all."""
        if keep.all():
            return self
        place = np.cumsum(keep) - 1
        return replace(
            self,
            rows=Rows(self.rows.numbers[keep], self.rows.timestamps[keep], self.rows.timezone),
            columns={name: array[keep] for name, array in self.columns.items()},
            extra={name: array[keep] for name, array in self.extra.items()},
            adjusted_close=None if self.adjusted_close is None else self.adjusted_close[keep],
            text_cells={name: place[cells[keep[cells]]] for name, cells in self.text_cells.items()},
        )


def plain_name(name: object) -> str:
    """Give a column's name without case, spaces, dots, dashes and underscores."""
    return re.sub(r"[\s._-]", "", str(name)).casefold()


def find_columns(frame: pd.DataFrame, wanted: Mapping[str, str] | None, label: str) -> dict[str, str]:
    """Which column of the file is which: canonical name to the file's name.

    Parameters
    ----------
    frame
        The table; its index may be the timestamp (shown as ``(index)`` if so).
    wanted
        What the user says, canonical name to the file's name.
    label
        For messages.

    Raises
    ------
    DataError
        A needed column is missing or ambiguous; the message lists what is there.
    """
    names = [str(name) for name in frame.columns]
    listing = ", ".join(map(repr, names)) or "none"
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(
            f"{label}: column {doubled[0]!r} is there twice; columns: {listing}", hint="rename one of them"
        )
    chosen: dict[str, str] = {}
    problems: list[str] = []
    ours = (*SPELLINGS, *ACTION_SPELLINGS)
    for canonical, name in (wanted or {}).items():
        if canonical not in ours:
            near = difflib.get_close_matches(canonical, ours, 1)
            problems.append(
                f"columns: {canonical!r} is no name of ours{f', did you mean {near[0]!r}?' if near else ''}"
                f" (allowed: {', '.join(ours)})"
            )
        elif name not in names and not (canonical == "timestamp" and name == frame.index.name):
            near = difflib.get_close_matches(name, names, 1)
            problems.append(
                f"columns: {canonical} is to be read from {name!r}, which is not there"
                f"{f'; did you mean {near[0]!r}?' if near else ''}"
            )
        elif canonical in SPELLINGS:
            chosen[canonical] = name if name in names else _INDEX
    free = [name for name in names if name not in chosen.values()]
    for canonical, spellings in SPELLINGS.items():
        if canonical in (wanted or {}):
            continue
        if canonical == "timestamp" and _index_is_time(frame.index):
            chosen[canonical] = _INDEX
            continue
        # The canonical spelling wins over the others: with Close and Last, Close is the close.
        exact = [name for name in free if plain_name(name) == spellings[0]]
        hits = exact or [name for name in free if plain_name(name) in spellings[1:]]
        if len(hits) > 1:
            problems.append(f"{canonical} is ambiguous: {' and '.join(map(repr, hits))}")
        elif hits:
            chosen[canonical] = hits[0]
        elif canonical in ("timestamp", *PRICES):
            problems.append(f"no column for {canonical}")
    if problems:
        raise DataError(
            "\n".join([f"{label}: {'; '.join(problems)}", f"  columns found: {listing}"]),
            hint="say which is which with `columns`, our name to the file's name: columns: {close: Last}",
        )
    return chosen


def _index_is_time(index: pd.Index[Any]) -> bool:
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    return index.name is not None and plain_name(index.name) in SPELLINGS["timestamp"]


def to_numbers(values: pd.Series[Any]) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Column as float64, and the positions of cells that hold text; empty and text cells are NaN."""
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan), np.empty(0, np.intp)
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        return np.full(len(values), np.nan), np.arange(len(values))
    numbers = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    return numbers, np.flatnonzero(np.isnan(numbers) & values.notna().to_numpy() & ~_spelled_nan(values))


def _spelled_nan(values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    return values.astype(str).str.strip().str.casefold().isin(["nan", ""]).to_numpy(dtype=bool)


def normalise(
    frame: pd.DataFrame,
    *,
    label: str,
    columns: Mapping[str, str] | None = None,
    timezone: str | None = None,
    row_numbers: npt.NDArray[np.int64] | None = None,
) -> Table:
    """Read a table into columns of ours.

    Parameters
    ----------
    frame
        One symbol's rows. Usual spellings of the columns are known; the timestamp may be the index.
    label
        Symbol and source, for messages.
    columns
        Canonical name to the file's name, where it is unusual.
    timezone
        Zone of timestamps that carry none (default UTC), and the zone of the bars' days.
    row_numbers
        Row of each line in the source. Default: 0, 1, 2, ...

    Raises
    ------
    DataError
        Columns are missing or ambiguous, the zone is unknown, or the timestamps as a whole are unreadable.
    """
    if timezone is not None:
        check_timezone(timezone)
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            f"{label}: the columns have {frame.columns.nlevels} levels, {list(frame.columns[:3])}",
            hint="select one symbol first, as frame.xs('AAPL', axis=1, level=1)",
        )
    if isinstance(frame.index, pd.MultiIndex):
        frame = frame.reset_index()
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    names = find_columns(frame, columns, label)
    numbers = np.arange(len(frame), dtype=np.int64) if row_numbers is None else row_numbers

    stamps = frame.index.to_series() if names["timestamp"] == _INDEX else frame[names["timestamp"]]
    rows, findings = read_timestamps(stamps, timezone, numbers, label)

    arrays: dict[str, FloatArray] = {}
    text_cells: dict[str, npt.NDArray[np.intp]] = {}
    for canonical in (*FIELDS, "adj_close"):
        if canonical in names:
            values = frame[names[canonical]]
            arrays[canonical], text = to_numbers(values)
            if len(text):
                text_cells[canonical] = text
                findings.append(_text_finding(rows, canonical, values, text))
    has_volume = "volume" in arrays
    if not has_volume:
        arrays["volume"] = np.zeros(len(frame))
        findings.append(
            Finding(
                "no_volume",
                "info",
                "the source has no volume; it is 0 in every bar",
                (),
                "volume",
                len(frame),
            )
        )
    adjusted = arrays.pop("adj_close", None)
    extra = {names["adj_close"]: adjusted} if adjusted is not None else {}
    used = set(names.values())
    for name in frame.columns:
        if name not in used:
            _keep_extra(frame[name], name, rows, extra, findings)
    return Table(label, rows, arrays, extra, adjusted, tuple(findings), has_volume, text_cells)


def _text_finding(rows: Rows, canonical: str, values: pd.Series[Any], text: npt.NDArray[np.intp]) -> Finding:
    return rows.finding(
        "not_a_number",
        "error" if canonical != "adj_close" else "warning",
        f"{canonical} is not a number",
        text,
        lambda position: f"{canonical} {str(values.iloc[position])[:40]!r}",
        canonical,
    )


def _keep_extra(
    values: pd.Series[Any], name: str, rows: Rows, extra: dict[str, FloatArray], findings: list[Finding]
) -> None:
    numbers, text = to_numbers(values)
    if not len(text):
        extra[name] = numbers
        return
    if len(text) == np.count_nonzero(values.notna()):
        message = f"column {name!r} holds no numbers and is left out"
        findings.append(Finding("column_ignored", "info", message, (), name, len(values)))
        return
    findings.append(
        rows.finding(
            "column_ignored",
            "warning",
            f"column {name!r} is left out: it holds text",
            text,
            lambda position: repr(str(values.iloc[position])[:40]),
            name,
        )
    )
