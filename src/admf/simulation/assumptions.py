"""The assumption card of a result, and its warnings: what a number means depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.records import NOT_AFFORDABLE, TOO_SMALL, UNFILLED
from admf.simulation.settings import Settings

if TYPE_CHECKING:
    from admf.market import Bars

_FILLS = {
    "next_open": "a decision made at a close is filled at the next bar's open",
    "same_close": "a decision made at a close is filled at that close (optimistic: it is known only then)",
}
_DIRECTIONS = {
    "both": "long and short",
    "long_only": "long only: a short target becomes flat",
    "short_only": "short only: a long target becomes flat",
}


def assumption_card(
    settings: Settings, bars: Bars, warmup: int, ending: tuple[float, ...], compiled: bool
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
    compiled
        Whether the compiled kernel ran.
    """
    return {
        "fill": _FILLS[settings.fill],
        "last bar": "an order decided on the last bar is never filled",
        "inside a bar": _inside(settings),
        "stops": _stops(settings),
        "re-entry": _reentry(settings),
        "repeated signal": "closes and enters anew" if settings.reenter else "is held",
        "costs": costs_text(settings),
        "sizing": _sizing(settings),
        "direction": _DIRECTIONS[settings.direction],
        "borrowing": "no leverage at entry; no borrow cost, no margin call and no interest on cash",
        "volume": "orders fill whole, whatever the bar's volume",
        "warm-up": _warm_up(bars, warmup),
        "open position": _open_position(bars, ending),
        "data": _data(bars),
        "bars per year": f"{bars.periods_per_year:g}",
        "engine": "compiled" if compiled else "plain Python (same numbers, slower)",
    }


def warnings_of(
    settings: Settings, equity: np.ndarray[Any, Any], orders: dict[str, np.ndarray[Any, Any]], clamped: int
) -> list[str]:
    """List what a reader of the result should know."""
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
    if np.any(status == UNFILLED):
        found.append("the order decided on the last bar was not filled")
    if not np.any(status == 0):
        found.append("zero trades: no order was filled")
    if equity.min() <= 0:
        bar = int(np.argmax(equity <= 0))
        found.append(f"the equity fell to zero or below on bar {bar}: no margin call is simulated")
    return found


def _s(count: int) -> str:
    return " was" if count == 1 else "s were"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.10g} %"


def _bps(fraction: float) -> str:
    return f"{1e4 * fraction:.10g} bps"


def _inside(settings: Settings) -> str:
    if "stops" not in settings.features:
        return "nothing happens inside a bar: no stop or target is set"
    return (
        "a level that the bar's range touches is filled at the level, or at the open where the bar opens "
        "beyond it; of a stop and a target in one bar the stop is taken (pessimistic)"
    )


def _stops(settings: Settings) -> str:
    parts = []
    basis = "the decision bar's close" if settings.stop_basis == "signal_close" else "the average entry price"
    if settings.stop_loss:
        parts.append(f"stop-loss {_percent(settings.stop_loss)} from {basis}")
    if settings.take_profit:
        parts.append(f"take-profit {_percent(settings.take_profit)} from {basis}")
    if settings.trailing_stop:
        parts.append(
            f"trailing stop {_percent(settings.trailing_stop)} from the best price of the bars before"
        )
    return "; ".join(parts) or "none"


def _reentry(settings: Settings) -> str:
    if "stops" not in settings.features:
        return "no stop is set"
    if settings.exit_memory:
        return "after a stop, target or trailing exit, not before the strategy has decided otherwise once"
    return "at once after a stop, target or trailing exit, if the strategy still says so"


def costs_text(settings: Settings, spread_is_paid: str = "at entry") -> str:
    """Say what trading costs."""
    parts = []
    if settings.commission:
        parts.append(f"commission {_bps(settings.commission)} of the value, each side")
    if settings.commission_per_unit:
        parts.append(f"commission {settings.commission_per_unit:g} a unit, each side")
    if settings.commission_fixed:
        parts.append(f"commission {settings.commission_fixed:g} a fill")
    if settings.slippage:
        parts.append(f"slippage {_bps(settings.slippage)} at every fill")
    if settings.spread:
        parts.append(f"spread {_bps(settings.spread)}, paid {spread_is_paid}")
    return "; ".join(parts) or "none: every fill at the quoted price, free of charge"


def _sizing(settings: Settings) -> str:
    lots = f"lots of {settings.lot_size:g}" if settings.lot_size else "fractional units"
    if settings.method == "fixed_units":
        return f"{settings.units:g} units for a full position, in {lots}"
    return f"{_percent(settings.fraction)} of the equity for a full position, costs included, in {lots}"


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
    adjusted = [finding.message for finding in bars.findings if finding.kind == "adjusted"]
    return f"{bars.source}; {adjusted[0] if adjusted else 'prices as they are in the source, not adjusted'}"
