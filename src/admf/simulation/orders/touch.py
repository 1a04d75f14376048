"""Which orders and levels a stretch of prices touches, and at what price.

A stretch is a bar, a finer bar, or one way between two extremes: open, high, low, close. All functions answer
with a price, 0.0 for "not touched".
"""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import LIQUIDATE
from admf.simulation.orders.layout import (
    HAS_ACCOUNT,
    HAS_MARGIN,
    L_BEST,
    L_LIMIT,
    L_SIDE,
    L_STOP,
    L_TRAIL,
    L_TRIGGERED,
    L_TYPE,
    S_CASH,
    S_GROSS_OTHERS,
    S_HIGH,
    S_LOW,
    S_OTHERS,
    S_OWN_TRAIL,
    S_POS,
    S_STOP,
    S_TRAIL,
    place_of,
)
from admf.simulation.records import LIQUIDATION, STOP_LOSS, TRAILING_STOP
from admf.strategies.orders import LIMIT, MARKET, STOP_LIMIT, STOP_MARKET, TRAILING_STOP_MARKET

P_TRAILING_STOP, P_TRAIL_OFFSET = place_of("trailing_stop"), place_of("trail_offset")
P_MAINTENANCE, P_ON_MARGIN_CALL = place_of("maintenance"), place_of("on_margin_call")


def stop_of(s: Any, p: Any, leg: int, side: float) -> float:
    """Trigger price of a working stop, or trailing stop, order."""
    if s[leg + L_TYPE] != TRAILING_STOP_MARKET:
        stop: float = s[leg + L_STOP]
        return stop
    if s[leg + L_TRAIL] > 0.0:
        trailing: float = s[leg + L_BEST] + side * s[leg + L_TRAIL]
        return trailing
    fraction: float = s[leg + L_BEST] * (1.0 + side * p[P_TRAIL_OFFSET])
    return fraction


def touch_of(s: Any, p: Any, leg: int, o: float, h: float, l: float) -> float:
    """Price at which a working order fills in a stretch of prices.

    A stop-limit order that is triggered, and does not fill, is marked as triggered.
    """
    side = s[leg + L_SIDE]
    kind = s[leg + L_TYPE]
    if kind == MARKET or (kind != LIMIT and kind != STOP_LIMIT and s[leg + L_TRIGGERED] == 1.0):
        return o
    toward = h if side > 0.0 else l  # a stop is reached this way, a limit the other way
    away = l if side > 0.0 else h
    limit = s[leg + L_LIMIT]
    if kind == STOP_MARKET or kind == TRAILING_STOP_MARKET:
        stop = stop_of(s, p, leg, side)
        if side * (toward - stop) >= 0.0:
            return max(o, stop) if side > 0.0 else min(o, stop)
        return 0.0
    if kind == STOP_LIMIT and s[leg + L_TRIGGERED] == 0.0:
        stop = s[leg + L_STOP]
        if side * (toward - stop) < 0.0:
            return 0.0
        at = max(o, stop) if side > 0.0 else min(o, stop)
        s[leg + L_TRIGGERED] = 1.0
        if side * (limit - at) >= 0.0:
            s[leg + L_TRIGGERED] = 2.0  # it takes what is there, also where that is its limit
            return at
        # it rests at its limit; only a price that opened beyond the stop is known to come from there
        return limit if side * (o - stop) >= 0.0 and side * (limit - away) >= 0.0 else 0.0
    s[leg + L_TRIGGERED] = 1.0
    if side * (limit - away) < 0.0:
        return 0.0
    return o if side * (limit - o) >= 0.0 else limit


def is_maker(s: Any, leg: int, o: float, price: float) -> bool:
    """Tell whether a fill is that of an order that rested in the book: at its limit, not at the open."""
    kind = s[leg + L_TYPE]
    rests = kind == LIMIT or (kind == STOP_LIMIT and s[leg + L_TRIGGERED] == 1.0)
    return rests and price == s[leg + L_LIMIT] and price != o


def bound_of(s: Any, leg: int) -> float:
    """Worst price at which a working order may fill; 0: any."""
    kind = s[leg + L_TYPE]
    if kind == LIMIT or kind == STOP_LIMIT:
        limit: float = s[leg + L_LIMIT]
        return limit
    return 0.0


def stop_level(s: Any, p: Any) -> tuple[float, int]:
    """Tightest level at which the position is closed at a loss or to keep a gain, and the reason's code.

    Infinite where there is none. The liquidation price is where the equity is the maintenance margin.
    """
    pos = s[S_POS]
    long = pos > 0.0
    side = 1.0 if long else -1.0
    level = -math.inf if long else math.inf
    reason = STOP_LOSS
    if s[S_STOP] == s[S_STOP]:
        level = s[S_STOP]
    best = s[S_HIGH] if long else s[S_LOW]
    if p[P_TRAILING_STOP] > 0.0 and s[S_OWN_TRAIL] == 0.0:
        trail = best * (1.0 - side * p[P_TRAILING_STOP])
        if side * (trail - level) > 0.0:
            level, reason = trail, TRAILING_STOP
    if s[S_TRAIL] > 0.0:
        trail = best - side * s[S_TRAIL]
        if side * (trail - level) > 0.0:
            level, reason = trail, TRAILING_STOP
    if HAS_MARGIN and p[P_MAINTENANCE] > 0.0 and p[P_ON_MARGIN_CALL] == LIQUIDATE:
        cash = s[S_CASH]
        if HAS_ACCOUNT:
            cash += s[S_OTHERS] - p[P_MAINTENANCE] * s[S_GROSS_OTHERS]
        price = -cash / (pos - p[P_MAINTENANCE] * abs(pos))  # maintenance is below 1
        if price > 0.0 and side * (price - level) > 0.0:
            level, reason = price, LIQUIDATION
    return level, reason
