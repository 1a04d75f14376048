"""The assumption card of a portfolio, and what its reader should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.assumptions import costs_text
from admf.simulation.portfolio.engine import is_limited
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.records import (
    FILLED,
    NOT_AFFORDABLE,
    REDUCED,
    REPLACED,
    STATUSES,
    TOO_SMALL,
    UNFILLED,
    cut_short,
)
from admf.simulation.records import RISK
from admf.simulation.settings import OFF, Settings
from admf.simulation.words import risk_text
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.core.config.portfolio import RebalanceConfig
    from admf.market import Bars
    from admf.simulation.portfolio.tracks import Tracks

_DIRECTIONS = {
    "both": "long and short",
    "long_only": "long only: a negative weight counts as 0",
    "short_only": "short only: a positive weight counts as 0",
}


def assumption_card(
    joined: Joined,
    first: int,
    last: int,
    settings: Settings,
    schedule: str,
    when: RebalanceConfig,
    allocation: str,
    direction: str,
    fraction: float,
    ending: FloatArray,
) -> dict[str, str]:
    """Say in words under which assumptions the numbers of a portfolio hold.

    Parameters
    ----------
    ending
        Units at the end, shape (symbols,).
    """
    open_ = [
        f"{units:.10g} {name}" for name, units in zip(joined.symbols, ending.tolist(), strict=True) if units
    ]
    return {
        "allocation": f"{allocation}; what strategies see is their own account, simulated alone"
        if schedule == "on_change"
        else allocation,
        "rebalancing": _schedule(schedule, when),
        "fill": "a decision made at a close is filled at the next open of each symbol, if there is one",
        "calendar": _calendar(joined, first, last),
        "absent symbols": "are not traded; they are marked at their last close, and their orders wait for "
        "the next bar unless a later decision replaces them"
        + (
            f"; {when.stale_after_days:g} days after their last bar they get no weight"
            if when.stale_after_days is not None
            else ""
        ),
        "order of fills": "sells first, then buys, all scaled alike where the cash does not suffice; what is "
        "cut off is not ordered again",
        "sizing": f"units = weight x {fraction:g} x equity at the opens / open, in "
        + (f"lots of {settings.lot_size:g}" if settings.lot_size else "fractional units")
        + "; costs come out of the cash",
        "costs": costs_text(settings, "where a position opens or grows"),
        "direction": _DIRECTIONS[direction],
        "borrowing": "none: the absolute weights add to 1 at most, and cash never goes negative; no borrow "
        "cost, no margin call and no interest on cash",
        "volume": "orders fill whole, whatever the bar's volume",
        "risk": _risk(settings, joined),
        "open positions": ("; ".join(open_) + "; marked at the last close, not among the trades")
        if open_
        else "none at the end",
        "data": "; ".join(_data(joined)),
        "bars per year": f"{joined.periods_per_year:g}",
        "engine": "compiled",
    }


def warnings_of(
    joined: Joined, last: int, orders: Mapping[str, np.ndarray[Any, Any]], tracks: Tracks
) -> list[str]:
    """List what a reader of the result should know."""
    status = orders["status"]
    cut = cut_short(orders)
    counts = {
        code: int(np.sum((status == code) & (cut | (code != REDUCED))))
        for code in (REDUCED, TOO_SMALL, NOT_AFFORDABLE, REPLACED, UNFILLED)
    }
    texts = {
        REDUCED: "filled in part: the cash did not suffice",
        TOO_SMALL: "rejected: the weight did not buy one lot",
        NOT_AFFORDABLE: "rejected: not affordable",
        REPLACED: "replaced by a later decision before there was a bar",
        UNFILLED: "not filled: there was no bar after the decision",
    }
    found = [
        f"{count} {'order was' if count == 1 else 'orders were'} {texts[code]}"
        for code, count in counts.items()
        if count
    ]
    found += _limited(orders)
    if not np.any((status == FILLED) | (status == REDUCED)):
        found.append("zero trades: no order was filled")
    if tracks.equity.min() <= 0:
        bar = int(np.argmax(tracks.equity <= 0))
        found.append(f"the equity fell to zero or below on bar {bar}: no margin call is simulated")
    for column, symbol in enumerate(joined.symbols):
        ended = int(joined.rows[column][-1])
        if tracks.positions[-1, column] != 0.0 and ended < last - 1:
            when = np.datetime_as_string(np.datetime64(int(joined.timestamps[ended]), "ns"), unit="D")
            found.append(
                f"{symbol} has no bar after {when}: its position was not sold, and is marked at that close"
            )
    return found


def _limited(orders: Mapping[str, np.ndarray[Any, Any]]) -> list[str]:
    """Count what risk blocked, cut and closed, rule by rule."""
    status = orders["status"]
    counts = np.bincount(status, minlength=len(STATUSES))
    found = []
    for first in ("blocked", "cut"):
        rules = {
            name.partition(": ")[2]: int(counts[code])
            for code, name in enumerate(STATUSES)
            if name.startswith(f"{first}: ") and counts[code]
        }
        if rules:
            each = ", ".join(f"{count} {rule}" for rule, count in rules.items())
            total = sum(rules.values())
            found.append(f"{total} {'order was' if total == 1 else 'orders were'} {first} by risk: {each}")
    filled = (status == FILLED) | (status == REDUCED)
    if closed := int(np.sum(filled & (orders["reason"] == RISK))):
        found.append(
            f"{closed} {'position was' if closed == 1 else 'positions were'} closed or reduced by a limit"
            " of losses"
        )
    return found


def _risk(settings: Settings, joined: Joined) -> str:
    """Say which limits there are, and when they are looked at."""
    if not is_limited(settings):
        return "no limits"
    text = risk_text(settings, "every position is closed at the next open of its symbol")
    parts = [
        text,
        "sizes are checked at the opens, before costs, where an order opens or enlarges a position",
    ]
    if settings.max_leverage < OFF:
        parts.append("what the leverage does not allow is taken from all such orders of a bar alike")
    if settings.max_open_positions < OFF:
        parts.append("the symbols get the free places in their order")
    if settings.daily_loss < OFF or settings.max_drawdown < OFF:
        parts.append(f"losses are judged at every close; days are those of {joined.timezone}")
        parts.append("what was closed is opened again at the next decision that asks for it")
    return "; ".join(parts)


def data_warnings(bars: Mapping[str, Bars]) -> list[str]:
    """List what the quality gate warned of in the data of each symbol."""
    return [
        f"data of {symbol}: {finding.message}"
        for symbol, each in bars.items()
        for finding in each.findings
        if finding.severity == "warning"
    ]


def _schedule(schedule: str, when: RebalanceConfig) -> str:
    band = f", weights within {when.band:g} of their target left alone" if when.band else ""
    if schedule == "on_change":
        return f"when the target of a symbol changes, that symbol alone{band}"
    if schedule == "every_n_bars":
        return f"every {when.every_bars} bars, decided at the close{band}"
    return f"{schedule}, decided at the close of the first bar of the period{band}"


def _calendar(joined: Joined, first: int, last: int) -> str:
    inside = joined.present[first:last]
    whole = int(np.sum(inside.all(axis=1)))
    return (
        f"{len(inside)} bars, the union of {len(joined.symbols)} symbols' timestamps; on {whole} of them all "
        f"symbols have a bar; days are those of {joined.timezone}"
    )


def _data(joined: Joined) -> list[str]:
    sources: dict[str, list[str]] = {}
    for symbol, bars in joined.bars.items():
        adjusted = [finding.message for finding in bars.findings if finding.kind == "adjusted"]
        state = adjusted[0] if adjusted else "prices as they are in the source, not adjusted"
        sources.setdefault(f"{bars.source}: {state}", []).append(symbol)
    return [
        text if len(sources) == 1 else f"{', '.join(symbols)}: {text}" for text, symbols in sources.items()
    ]
