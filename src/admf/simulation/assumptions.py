"""The assumption card of a result, and its warnings: what a number means depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from admf.simulation import words
from admf.simulation.facts import is_daily
from admf.simulation.records import (
    EXPIRED,
    LIQUIDATION,
    MARGIN_CALL,
    NOT_AFFORDABLE,
    PARTLY_FILLED,
    RISK,
    STATUSES,
    TOO_SMALL,
    UNFILLED,
    is_fill,
)
from admf.simulation.settings import Settings
from admf.simulation.words import costs_text
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.market import Bars

__all__ = ["assumption_card", "costs_text", "warnings_of"]

_DIRECTIONS = {
    "both": "long and short",
    "long_only": "long only: a short target becomes flat",
    "short_only": "short only: a long target becomes flat",
}


def assumption_card(
    settings: Settings,
    bars: Bars,
    warmup: int,
    ending: tuple[float, ...],
    reason: str | None,
    *,
    own_orders: bool = False,
    finer: Bars | None = None,
) -> dict[str, str]:
    """Say in words under which assumptions the numbers of a simulation hold.

    Parameters
    ----------
    settings
        Of the simulation.
    bars
        Simulated bars.
    warmup
        First bar, of those, on which the strategy was asked.
    ending
        Cash, position, entry price, entry bar and target at the end.
    reason
        Why plain Python ran; None: the compiled engine did; empty: plain Python was the quicker one.
    own_orders
        Whether the strategy gives orders in place of plain targets.
    finer
        Finer bars that decide what happens inside a bar.
    """
    return {
        "fill": words.fill_text(settings, own_orders),
        "orders": words.orders_text(settings, own_orders),
        "last bar": "an order decided on the last bar is never filled",
        "inside a bar": words.inside_text(
            settings, own_orders, finer.timeframe if finer is not None else None
        ),
        "stops": words.stops_text(settings, own_orders),
        "re-entry": words.reentry_text(settings, own_orders),
        "repeated signal": "closes and enters anew" if settings.reenter else "is held",
        "costs": costs_text(settings, own_orders=own_orders),
        "sizing": words.sizing_text(settings),
        "direction": _DIRECTIONS[settings.direction],
        "borrowing": words.borrowing_text(settings),
        "volume": words.volume_text(settings),
        "trades": words.trades_text(settings),
        "halted bars": words.halts_text(settings) + _halted(settings, bars),
        "risk": words.risk_text(settings, whole_days=is_daily(bars)),
        "warm-up": _warm_up(bars, warmup),
        "open position": _open_position(bars, ending),
        "data": _data(bars),
        "bars per year": f"{bars.periods_per_year:g}",
        "engine": engine_text(reason),
    }


def warnings_of(
    settings: Settings,
    equity: np.ndarray[Any, Any],
    orders: dict[str, np.ndarray[Any, Any]],
    clamped: int,
    sigma: FloatArray | None = None,
) -> list[str]:
    """List what a reader of the result should know.

    Parameters
    ----------
    equity, orders
        Values at the closes, and columns of the order table.
    clamped
        Decisions beyond -1 or 1 that were cut.
    sigma
        Volatility that each simulated bar's fills know, NaN where there is none yet; None where no cost
        depends on it.
    """
    status = orders["status"]
    found = []
    if clamped:
        found.append(
            f"{clamped} decision{_s(clamped)} beyond -1 or 1: cut to the full position "
            "(a decision is an exposure; position is in units)"
        )
    small, dear = int(np.sum(status == TOO_SMALL)), int(np.sum(status == NOT_AFFORDABLE))
    if small:
        lot = f"one lot of {settings.lot_size:g}" if settings.lot_size else "any units"
        found.append(f"{small} order{_s(small)} rejected: the budget did not buy {lot}")
    if dear:
        found.append(f"{dear} order{_s(dear)} rejected: not affordable")
    found += _ends(orders)
    if sigma is not None and settings.order_features() & {"impact"}:
        early = int(np.sum(np.isnan(sigma[orders["bar"][is_fill(status)]])))
        if early:
            found.append(
                f"{early} fill{_s(early)} without volatility slippage or impact: too few bars before"
            )
    unfilled = int(np.sum(status == UNFILLED))
    if unfilled > 1:
        found.append(f"{unfilled} orders were not filled by the last bar")
    elif unfilled:
        bar = int(orders["decided_bar"][status == UNFILLED][0])
        last = "the order decided on the last bar was not filled"
        found.append(
            last
            if bar == equity.size - 1
            else f"the order decided on bar {bar} was not filled by the last bar"
        )
    if not np.any(is_fill(status)):
        found.append("zero trades: no order was filled")
    if settings.intrabar == "optimistic":
        found.append("optimistic: what is better is taken to have come first inside a bar")
    if equity.min() <= 0:
        bar = int(np.argmax(equity <= 0))
        called = "" if settings.maintenance else ": no margin call is simulated"
        found.append(f"the equity fell to zero or below on bar {bar}{called}")
    return found


# The first word of a status, and what is said of those that have it.
_ENDS = {
    "rejected": "rejected",
    "blocked": "blocked by risk",
    "cut": "cut by risk",
    "cancelled": "cancelled",
}


def _ends(orders: dict[str, np.ndarray[Any, Any]]) -> list[str]:
    """Count what was not filled as ordered, rule by rule."""
    status = orders["status"]
    counts = np.bincount(status.astype(np.int64), minlength=len(STATUSES))
    counts[[TOO_SMALL, NOT_AFFORDABLE]] = 0  # said already, with more to it
    found = []
    for first, text in _ENDS.items():
        rules = {
            name.partition(": ")[2]: int(counts[code])
            for code, name in enumerate(STATUSES)
            if name.split(":")[0] == first and counts[code]
        }
        if rules:
            total = sum(rules.values())
            each = ", ".join(f"{count} {rule}" for rule, count in rules.items())
            found.append(f"{total} order{_s(total)} {text}: {each}")
    if late := int(counts[EXPIRED]):
        found.append(f"{words.count_of(late, 'order')} expired before all was filled")
    if parts := int(counts[PARTLY_FILLED]):
        found.append(f"{parts} fill{_s(parts)} in part: the bar's volume did not suffice")
    for reason, text in (
        (LIQUIDATION, "liquidated below the maintenance margin"),
        (MARGIN_CALL, "reduced on a margin call"),
        (RISK, "closed or reduced by a risk limit"),
    ):
        if times := int(np.sum((orders["reason"] == reason) & is_fill(status))):
            found.append(f"the position was {text} {_times(times)}")
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _s(count: int) -> str:
    return " was" if count == 1 else "s were"


def engine_text(reason: str | None) -> str:
    """Say which engine ran; `reason` is why plain Python did, empty where it was the quicker one."""
    if reason is None:
        return "compiled"
    if not reason:
        return "plain Python (same numbers; for so few bars quicker than to compile)"
    return "plain Python (same numbers, slower)"


def halted_bars(settings: Settings, bars: Bars) -> NDArray[np.bool_] | None:
    """Tell which bars are halted; None where the settings halt none."""
    marked = bars.extra.get(settings.halted_column)
    no_volume = settings.halt_on_zero_volume or settings.max_participation > 0
    if marked is None and not no_volume:
        return None
    halted = np.zeros(len(bars), dtype=bool) if marked is None else marked != 0
    return halted | (bars.volume == 0) if no_volume else halted


def _halted(settings: Settings, bars: Bars) -> str:
    """Say how many bars are halted, where any may be."""
    halted = halted_bars(settings, bars)
    return "" if halted is None else f" ({np.count_nonzero(halted)} of {len(bars)} bars)"


def _warm_up(bars: Bars, warmup: int) -> str:
    if warmup >= len(bars):
        return f"the strategy's values are complete only after these {len(bars)} bars: it was never asked"
    return f"the strategy is asked from bar {warmup} ({bars.index[warmup].isoformat()}) on"


def _open_position(bars: Bars, ending: tuple[float, ...]) -> str:
    _, position, entry_price, entry_bar, _ = ending
    if position == 0:
        return "none at the end"
    opened = bars.index[int(entry_bar)].isoformat()
    side = "long" if position > 0 else "short"
    return (
        f"{side} {abs(position):.10g} units since {opened} at {entry_price:.10g}; "
        "it stays open, is marked at the last close, and is not among the trades"
    )


def _data(bars: Bars) -> str:
    adjusted = "; ".join(finding.message for finding in bars.findings if finding.kind == "adjusted")
    return f"{bars.source}; {adjusted or 'prices as they are in the source, not adjusted'}"
