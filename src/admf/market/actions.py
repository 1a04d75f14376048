"""Corporate actions: splits and dividends, and prices adjusted backward for them on request.

Prices before the ex-date of a split are divided by its ratio, and volume is multiplied by it. Prices before
the ex-date of a dividend are multiplied by ``1 - dividend / close before`` (the factor of CRSP); of a
dividend on the ex-date of a split the close before is first divided by the ratio: the dividend is paid on
the new units. Prices from the last ex-date on stay as they are. Dividends of one ex-date in a file of
actions (a regular and a special one) are added up; two splits of one date are refused, as a row that is
there twice cannot be told from them.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from admf.errors import DataError
from admf.market.bars import PRICES, FloatArray
from admf.market.findings import SHOWN_ROWS, Finding
from admf.market.normalise import ACTION_SPELLINGS, Table, plain_name
from admf.market.timeframes import local_clock

Adjustment = Literal["none", "adjusted_close", "splits", "dividends", "splits_and_dividends"]
KINDS: dict[str, tuple[str, ...]] = {
    "splits": ("split",),
    "dividends": ("dividend",),
    "splits_and_dividends": ("split", "dividend"),
}
_FILE_COLUMNS = ("symbol", "date", "kind", "value")
_SECOND = {
    "split": "write one split with the product of the ratios",
    "dividend": "a column holds a dividend on one bar of its date, all that is paid on it added up",
}
_WHERE = (
    "give data_config.actions (a CSV of symbol, date, kind, value), or name a column with "
    "columns: {split: NAME, dividend: NAME}"
)


@dataclass(frozen=True)
class Action:
    """A corporate action of a symbol.

    Parameters
    ----------
    date
        Ex-date: the first local day of trading on the new terms.
    kind
        ``split`` or ``dividend``.
    value
        New units for an old one (2.0 for two for one), or currency per unit.
    where
        Where it stands, for messages.
    """

    date: dt.date
    kind: str
    value: float
    where: str


@dataclass(frozen=True)
class Factors:
    """What the prices of each bar were divided by, and then multiplied with; float64 of shape (bars,)."""

    ratio: FloatArray
    rest: FloatArray

    def price(self, values: FloatArray) -> FloatArray:
        """Adjust prices."""
        adjusted: FloatArray = values / self.ratio * self.rest
        return adjusted


@dataclass(frozen=True)
class ActionFile:
    """Actions of a file: symbol to its actions, in the order of the file."""

    name: str
    actions: Mapping[str, list[Action]]

    def missing(self, symbol: str) -> list[Finding]:
        """Warn where the file says nothing of a symbol."""
        if symbol in self.actions:
            return []
        names = list(self.actions)
        more = f" and {len(names) - SHOWN_ROWS} more" if len(names) > SHOWN_ROWS else ""
        message = (
            f"{self.name} has no row for {symbol}, so nothing is adjusted; it has rows for "
            f"{', '.join(names[:SHOWN_ROWS])}{more}"
        )
        return [Finding("no_actions", "warning", message)]


def read_actions(path: str | Path) -> ActionFile:
    """Read a CSV or Parquet file of actions, with the columns symbol, date, kind and value.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, or a row is no action.
    """
    from admf.market.sources import read_file

    file = Path(path).expanduser()
    frame = read_file(file, "parquet" if file.suffix.lower() in (".parquet", ".pq") else "csv")
    names = {plain_name(name): name for name in frame.columns}
    missing = [name for name in _FILE_COLUMNS if name not in names]
    if missing:
        raise DataError(
            f"{file.name}: no column for {' and '.join(missing)}; columns found: "
            f"{', '.join(repr(str(name)) for name in frame.columns)}",
            hint="a file of actions has the columns symbol, date, kind, value",
        )
    found: dict[str, list[Action]] = {}
    columns = (frame[names[name]].astype(object).tolist() for name in _FILE_COLUMNS)
    for row, (symbol, date, kind, value) in enumerate(zip(*columns, strict=True)):
        where = f"{file.name}, row {row}"
        if symbol is None or symbol != symbol or symbol == "":  # NaN is not itself
            raise DataError(f"{where}: symbol is empty")
        found.setdefault(str(symbol), []).append(_action(date, kind, value, where))
    return ActionFile(file.name, found)


def _action(date: object, kind: object, value: object, where: str) -> Action:
    if kind not in ("split", "dividend"):
        near = difflib.get_close_matches(str(kind), ("split", "dividend"), 1)
        raise DataError(
            f"{where}: kind {kind!r} is unknown (allowed: split, dividend)",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    if isinstance(date, dt.datetime) and date.time() == dt.time.min:
        date = date.date()
    try:
        day = dt.date.fromisoformat(str(date))
    except ValueError:
        raise DataError(f"{where}: {date!r} is no date", hint="write it as 2020-08-31") from None
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    if not 0 < number < float("inf"):
        what = "ratio of a split" if kind == "split" else "dividend"
        raise DataError(f"{where}: the {what} must be a number above 0; found {value!r}")
    return Action(day, str(kind), float(number), where)


def adjusted_for_actions(
    table: Table,
    adjustment: Adjustment,
    columns: Mapping[str, str] | None,
    file: ActionFile | None,
    symbol: str,
) -> tuple[Table, Factors, list[Finding]]:
    """Adjust prices and volume backward.

    Parameters
    ----------
    table
        Checked rows.
    adjustment
        Which actions count.
    columns
        Canonical name to the data's name, where a column of actions is called unusually.
    file
        Where the actions stand. None: in columns of the table, where 0, 1 (of a split) and an empty cell are
        none.
    symbol
        Whose rows of the file count.

    Returns
    -------
    table, factors, findings
        The adjusted table; what it was adjusted by; what was done.

    Raises
    ------
    DataError
        There is no such column, an action is none, or its date is no bar's.
    """
    kinds = KINDS[adjustment]
    days = local_clock(table.rows.timestamps, table.rows.timezone).astype("M8[D]")
    if file is None:
        actions = _actions_in_columns(table, adjustment, columns, days)
    else:
        actions = file.actions.get(symbol, [])
    first, last = days[0].astype(object), days[-1].astype(object)
    splits: dict[int, float] = {}
    dividends: dict[int, list[Action]] = {}
    applied: list[Action] = []
    for action in sorted(actions, key=lambda each: each.date):
        if action.kind not in kinds or not first <= action.date <= last:
            continue
        at = int(np.searchsorted(days, np.datetime64(action.date)))
        if days[at] != np.datetime64(action.date):
            raise DataError(
                f"{table.label}: {action.where}: {action.kind} of {action.date}, but no bar has that date; "
                f"the bars around it are of {days[at - 1]} and {days[at]}",
                hint="the date is the ex-date: the first day of trading on the new terms",
            )
        if at in splits if action.kind == "split" else at in dividends and file is None:
            raise DataError(
                f"{table.label}: {action.where}: {action.date} has a second {action.kind}",
                hint=_SECOND[action.kind],
            )
        if action.kind == "split":
            splits[at] = action.value
        else:
            dividends.setdefault(at, []).append(action)
        applied.append(action)
    ratio, rest = np.ones(len(table)), np.ones(len(table))
    closes = table.columns["close"]
    for at, value in splits.items():
        ratio[:at] *= value
    for at, paid in dividends.items():
        if not at:
            continue
        before, value = closes[at - 1] / splits.get(at, 1.0), sum(each.value for each in paid)
        if value >= before:
            where = " and ".join(each.where for each in paid)
            day = paid[0].date
            what = f"the dividend {value:.12g} of {day} is"
            if len(paid) > 1:
                what = f"the dividends of {day} add up to {value:.12g}, which is"
            raise DataError(
                f"{table.label}: {where}: {what} not less than the price before, {before:.12g}",
                hint="a dividend is in currency per unit",
            )
        rest[:at] *= 1 - value / before
    factors = Factors(ratio, rest)
    scaled = {name: factors.price(table.columns[name]) for name in PRICES}
    volume = table.columns["volume"] * ratio
    findings = [] if file is None else file.missing(symbol)
    findings += [_done(kinds, applied, int(np.count_nonzero((ratio != 1) | (rest != 1))))]
    findings += _equal(dividends.values()) + _doubtful(table, splits)
    return replace(table, columns={**table.columns, **scaled, "volume": volume}), factors, findings


def _actions_in_columns(
    table: Table, adjustment: Adjustment, columns: Mapping[str, str] | None, days: npt.NDArray[np.datetime64]
) -> list[Action]:
    found: list[Action] = []
    missing: list[str] = []
    for kind in KINDS[adjustment]:
        name = _column(table, kind, columns)
        if name is None:
            missing.append(kind)
            continue
        values = table.extra[name]
        none = np.isnan(values) | (values == 0) | ((values == 1) if kind == "split" else False)
        for at in np.flatnonzero(~none).tolist():
            where = f"column {name!r}, row {table.rows.numbers[at]}"
            found.append(_action(days[at].astype(object), kind, float(values[at]), f"{table.label}: {where}"))
            found[-1] = replace(found[-1], where=where)
    if missing:
        listing = ", ".join(repr(name) for name in table.extra) or "none"
        raise DataError(
            f"{table.label}: adjustment is {adjustment}, but there is no column for {' and '.join(missing)}; "
            f"columns of numbers besides prices: {listing}",
            hint=_WHERE,
        )
    return found


def _column(table: Table, kind: str, columns: Mapping[str, str] | None) -> str | None:
    """Name of the column of actions of a kind; None where there is none."""
    if kind in (columns or {}):
        name = (columns or {})[kind]
        return name if name in table.extra else None  # there, but holding text
    spellings = ACTION_SPELLINGS[kind]
    exact = [name for name in table.extra if plain_name(name) == spellings[0]]
    hits = exact or [name for name in table.extra if plain_name(name) in spellings[1:]]
    if len(hits) > 1:
        raise DataError(
            f"{table.label}: the column for {kind} is ambiguous: {' and '.join(map(repr, hits))}",
            hint=f"say which with columns: {{{kind}: NAME}}",
        )
    return hits[0] if hits else None


def _done(kinds: tuple[str, ...], applied: list[Action], changed: int) -> Finding:
    parts = []
    for kind in kinds:
        some = [each for each in applied if each.kind == kind]
        listed = ", ".join(f"{each.value:.12g} on {each.date}" for each in some[:SHOWN_ROWS])
        more = f" and {len(some) - SHOWN_ROWS} more" if len(some) > SHOWN_ROWS else ""
        count = f"{len(some)} {kind}{'' if len(some) == 1 else 's'}"
        parts.append(f"{count} ({listed}{more})" if some else f"no {kind}")
    message = f"prices are adjusted backward for {' and '.join(parts)}"
    message += "; volume too for splits" if "split" in kinds else "; volume is left as it is"
    return Finding("adjusted", "info", f"{message}, other columns are left as they are", (), None, changed)


def _equal(dividends: Iterable[list[Action]]) -> list[Finding]:
    """Warn of equal dividends of one date, which may be one that is there twice."""
    found = []
    for paid in dividends:
        values = [each.value for each in paid]
        if len(set(values)) < len(values):
            where = " and ".join(each.where for each in paid)
            message = (
                f"{where}: equal dividends of {paid[0].date} are added up ({sum(values):.12g}): is one there "
                "twice?"
            )
            found.append(Finding("equal_dividends", "warning", message, (), None, len(paid)))
    return found


def _doubtful(table: Table, splits: Mapping[int, float]) -> list[Finding]:
    """Warn of splits that the prices do not show: they may be adjusted already."""
    opens, closes = table.columns["open"], table.columns["close"]
    wrong = []
    for at, ratio in splits.items():
        if at and abs(np.log(opens[at] / closes[at - 1] * ratio)) > abs(np.log(opens[at] / closes[at - 1])):
            wrong.append(at)
    if not wrong:
        return []
    what = "split that the prices do not show (are they adjusted already?)"
    return [
        table.rows.finding(
            "doubtful_split",
            "warning",
            what,
            wrong,
            lambda at: f"ratio {splits[at]:.12g}, open {opens[at]:.12g} after close {closes[at - 1]:.12g}",
        )
    ]
