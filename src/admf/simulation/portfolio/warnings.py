"""What the reader of a portfolio's result should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.core.registry import nearest
from admf.simulation.facts import SIGMA, FactNeeds, facts_of
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.records import (
    EXPIRED,
    NOT_AFFORDABLE,
    PARTLY_FILLED,
    REDUCED,
    REPLACED,
    STATUSES,
    TOO_SMALL,
    UNFILLED,
    cut_short,
    is_fill,
)
from admf.simulation.records import (
    LIQUIDATION,
    MARGIN_CALL,
    RISK,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
)
from admf.simulation.settings import Settings
from admf.simulation.words import count_of

if TYPE_CHECKING:
    from admf.market import Bars
    from admf.simulation.portfolio.tracks import Tracks

# An order that is filled in part on several bars has a row for each.
_PARTS = {
    REDUCED: "in part: the cash did not suffice",
    PARTLY_FILLED: "in part: the bar's volume did not suffice",
}
_TEXTS = {
    TOO_SMALL: "rejected: the weight did not buy one lot",
    NOT_AFFORDABLE: "rejected: not affordable",
    REPLACED: "replaced by a later decision before all was filled",
    UNFILLED: "not filled by the last bar",
}
# The first word of other statuses, and what is said of those that have it.
_ENDS = {
    "rejected": "rejected",
    "cancelled": "cancelled",
    "blocked": "blocked by risk",
    "cut": "cut by risk",
}
_FORCED = {
    LIQUIDATION: "liquidated below the maintenance margin",
    MARGIN_CALL: "reduced on a margin call",
    RISK: "closed or reduced by a limit of losses",
}
_LEVELS = (STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, LIQUIDATION)
_NAMED = 5  # symbols in a warning


def warnings_of(
    joined: Joined,
    first: int,
    last: int,
    settings: Settings,
    orders: Mapping[str, np.ndarray[Any, Any]],
    tracks: Tracks,
    decided: np.ndarray[Any, Any],
    targets: np.ndarray[Any, Any],
) -> list[str]:
    """List what a reader of the result should know.

    Parameters
    ----------
    joined, first, last
        Prices of all symbols, and which of their rows were simulated.
    settings
        Of the simulation.
    orders
        Columns of the order table.
    tracks
        What the engine gave.
    decided, targets
        Bars of the decisions, and the weights decided there, shape (decisions, symbols), NaN leaves as is.
    """
    found = _ended(orders) + _forced(orders) + _strangers(joined.symbols, settings.allowed_symbols)
    if early := _without_volatility(joined, first, settings, orders):
        found.append(f"{_were(early, 'fill')} without volatility slippage or impact: too few bars before")
    if settings.exit_memory:
        found += _kept_out(joined.symbols, orders, tracks, decided, targets)
    if not np.any(is_fill(orders["status"])):
        found.append("zero trades: no order was filled")
    if settings.intrabar == "optimistic":
        found.append("optimistic: what is better is taken to have come first inside a bar")
    if tracks.equity.min() <= 0:
        bar = int(np.argmax(tracks.equity <= 0))
        called = "" if settings.maintenance else ": no margin call is simulated"
        found.append(f"the equity fell to zero or below on bar {bar}{called}")
    for column, symbol in enumerate(joined.symbols):
        ended = int(joined.rows[column][-1])
        if tracks.positions[-1, column] != 0.0 and ended < last - 1:
            when = np.datetime_as_string(np.datetime64(int(joined.timestamps[ended]), "ns"), unit="D")
            found.append(
                f"{symbol} has no bar after {when}: its position was not sold, and is marked at that close"
            )
    return found


def _ended(orders: Mapping[str, np.ndarray[Any, Any]]) -> list[str]:
    """Count what was not filled as ordered, by what became of it, and rule by rule."""
    status = orders["status"]
    told = (status != REDUCED) | cut_short(orders)
    counts = np.bincount(status[told], minlength=len(STATUSES))
    found = [
        f"{_were(int(counts[code]), word)} {text}"
        for word, texts in (("fill", _PARTS), ("order", _TEXTS))
        for code, text in texts.items()
        if counts[code]
    ]
    for first, text in _ENDS.items():
        rules = {
            name.partition(": ")[2]: int(counts[code])
            for code, name in enumerate(STATUSES)
            if name.startswith(f"{first}: ") and counts[code] and code not in _TEXTS
        }
        if rules:
            each = ", ".join(f"{count} {rule}" for rule, count in rules.items())
            found.append(f"{_were(sum(rules.values()), 'order')} {text}: {each}")
    if late := int(counts[EXPIRED]):
        found.append(f"{count_of(late, 'order')} expired before all was filled")
    return found


def _forced(orders: Mapping[str, np.ndarray[Any, Any]]) -> list[str]:
    """Count the positions that were closed or reduced though nobody had decided it."""
    counts = np.bincount(orders["reason"][is_fill(orders["status"])], minlength=RISK + 1)
    return [
        f"{_were(int(counts[code]), 'position')} {text}" for code, text in _FORCED.items() if counts[code]
    ]


def _kept_out(
    symbols: Sequence[str],
    orders: Mapping[str, np.ndarray[Any, Any]],
    tracks: Tracks,
    decided: np.ndarray[Any, Any],
    targets: np.ndarray[Any, Any],
) -> list[str]:
    """Tell of symbols that a level closed for good, since their weights never say anything else.

    Such weights leave no order, so nothing else would tell that the account is out of the market.
    """
    by_level = is_fill(orders["status"]) & np.isin(orders["reason"], _LEVELS)
    names, weights = [], 0
    for column in np.unique(orders["symbol"][by_level]):
        closed = int(orders["bar"][by_level & (orders["symbol"] == column)].max())
        asked = targets[:, column]
        steady = np.all(asked[~np.isnan(asked)] > 0.0) or np.all(asked[~np.isnan(asked)] < 0.0)
        since = int(np.sum(~np.isnan(asked[decided >= closed])))
        if steady and since and not tracks.positions[closed:, column].any():
            names.append(symbols[column])
            weights += since
    if not names:
        return []
    few = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return [
        f"{count_of(len(names), 'symbol')} ({few}) stayed out of the market after a stop or target: "
        f"{_were(weights, 'later weight')} not ordered, as none was 0 or of the other side in between "
        "(execution.reentry_after_stop: immediate orders them)"
    ]


def _strangers(symbols: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Name what may be traded and is no symbol, where one that is may not: it may be meant."""
    blocked = [symbol for symbol in symbols if symbol not in allowed]
    if not blocked:
        return []
    found = []
    for name in allowed:
        if name not in symbols:
            meant = nearest(name, blocked)
            guess = f"; did you mean {meant}?" if meant else ""
            found.append(f"risk.allowed_symbols has {name}, which is no symbol of the portfolio{guess}")
    return found


def _without_volatility(
    joined: Joined, first: int, settings: Settings, orders: Mapping[str, np.ndarray[Any, Any]]
) -> int:
    """Count the fills that came before the volatility of their symbol was known, where any cost needs it."""
    if "impact" not in settings.order_features():
        return 0
    filled = is_fill(orders["status"])
    rows, symbols = orders["bar"][filled] + first, orders["symbol"][filled]
    needs, early = FactNeeds(volatility_bars=settings.volatility_bars), 0
    for column, bars in enumerate(joined.bars.values()):
        sigma = facts_of(bars, needs).rows[:, SIGMA]
        own = np.searchsorted(joined.rows[column], rows[symbols == column])
        early += int(np.sum(np.isnan(sigma[own])))
    return early


def _were(count: int, word: str) -> str:
    return f"{count_of(count, word)} {'was' if count == 1 else 'were'}"


def data_warnings(bars: Mapping[str, Bars], finer: Mapping[str, Bars]) -> list[str]:
    """List what the quality gate warned of in the data of each symbol."""
    return [
        f"{what} of {symbol}: {finding.message}"
        for what, every in (("data", bars), ("finer bars", finer))
        for symbol, each in every.items()
        for finding in each.findings
        if finding.severity == "warning"
    ]
