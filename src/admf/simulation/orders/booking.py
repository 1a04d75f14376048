"""Fills as the account sees them: what closes, opens or enlarges a position, and the levels that follow."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import BY_VALUE, SIGNAL_CLOSE
from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.orders.layout import (
    HAS_FINANCING,
    HAS_ORDERS,
    HAS_VOLUME,
    IS_ORDER,
    IS_TRADE,
    L_CLOSE,
    L_DECIDED,
    L_REASON,
    L_STOP_LOSS,
    L_TAKE_PROFIT,
    L_TARGET,
    L_TRAILING,
    L_TYPE,
    S_CASH,
    S_ENTRY,
    S_ENTRY_BAR,
    S_ENTRY_FEE,
    S_FINANCING,
    S_GOAL,
    S_HELD,
    S_HIGH,
    S_LOST,
    S_LOW,
    S_MONTH_TRADED,
    S_OWN_GOAL,
    S_OWN_STOP,
    S_OWN_TRAIL,
    S_POS,
    S_STOP,
    S_TRADES,
    S_TRAIL,
    S_USED_VOLUME,
    S_WINS,
    S_WON,
    X_ATR,
    X_VOLUME,
    place_of,
)
from admf.simulation.orders.money import P_LOT, entry_prices, exit_price, fee_of
from admf.simulation.orders.rows import write_row
from admf.simulation.records import FILLED, PARTLY_FILLED

P_STOP_LOSS, P_TAKE_PROFIT = place_of("stop_loss"), place_of("take_profit")
P_TRAILING_ATR, P_SIGNAL_CLOSE = place_of("trailing_stop_atr"), place_of("stop_basis")
P_PARTICIPATION, P_PARTIAL_FILL = place_of("max_participation"), place_of("partial_fill")
P_TIER_VOLUME = place_of("tier_volume")
NAN = math.nan


def room_of(s: Any, p: Any, x: Any) -> float:
    """Units that the participation cap leaves on this bar."""
    if HAS_VOLUME and p[P_PARTICIPATION] > 0.0:
        cap = p[P_PARTICIPATION] * x[X_VOLUME]
        left = cap - s[S_USED_VOLUME]  # what rounding leaves of it is not traded by itself
        return in_lots(left, p[P_LOT]) if left > NOTHING * cap else 0.0
    return math.inf


def within(units: float, room: float) -> bool:
    """Tell whether the volume suffices; what rounding has left of a position is no reason for a rest."""
    return units <= room * (1.0 + NOTHING)


def count_fill(s: Any, p: Any, units: float, price: float) -> None:
    """Enter a fill in what the bar has used of its volume, and in the month's traded volume."""
    s[S_USED_VOLUME] += units
    s[S_MONTH_TRADED] += units * price if p[P_TIER_VOLUME] == BY_VALUE else units


def close_out(
    s: Any, p: Any, x: Any, box: Any, out: float, left: float, target: float, q: float, bar: float,
    decided: float, reason: float, bound: float, maker: bool, whole: bool, kind: float,
) -> None:  # fmt: skip
    """Close `out` units of the position at quote `q`, so that `left` remain."""
    side = 1.0 if s[S_POS] > 0.0 else -1.0
    size = side * s[S_POS]
    price = exit_price(p, x, side, q, out, bound)
    fee = fee_of(s, p, out, price, maker)
    share = s[S_ENTRY_FEE] * (out / size)
    s[S_CASH] += side * out * price
    s[S_CASH] -= fee
    entry = s[S_ENTRY]
    top = price if price > s[S_HIGH] else s[S_HIGH]
    bottom = price if price < s[S_LOW] else s[S_LOW]
    worst = (bottom - entry) / entry if side > 0.0 else (entry - top) / entry
    best = (top - entry) / entry if side > 0.0 else (entry - bottom) / entry
    pnl = side * out * (price - entry) - share - fee
    financing = 0.0
    if HAS_FINANCING:
        financing = s[S_FINANCING] * (out / size)
        pnl -= financing
    write_row(
        s, box, IS_TRADE, s[S_ENTRY_BAR], bar, side, out, entry, price, pnl, share + fee,
        worst if worst < 0.0 else 0.0, best if best > 0.0 else 0.0, reason, s[S_HELD], financing,
    )  # fmt: skip
    write_row(
        s, box, IS_ORDER, decided, bar, -side, target, out, q, price, fee, out * abs(price - q), 0.0, reason,
        float(FILLED) if whole else float(PARTLY_FILLED), kind,
    )  # fmt: skip
    count_fill(s, p, out, price)
    s[S_TRADES] += 1.0
    if pnl > 0.0:
        s[S_WINS] += 1.0
        s[S_WON] += pnl
    else:
        s[S_LOST] -= pnl
    if left > 0.0:
        s[S_POS] = side * left
        s[S_ENTRY_FEE] -= share
        s[S_FINANCING] -= financing
        if whole:
            s[S_HELD] = target
    else:
        s[S_POS] = 0.0
        s[S_ENTRY] = NAN
        s[S_ENTRY_FEE] = 0.0
        s[S_FINANCING] = 0.0
        s[S_HELD] = 0.0
        s[S_TRAIL] = 0.0


def set_levels(s: Any, p: Any, x: Any, leg: int, side: float, opens: bool) -> None:
    """Set stop, target and trailing distance of a position that was opened or enlarged."""
    basis = s[leg + L_CLOSE] if p[P_SIGNAL_CLOSE] == SIGNAL_CLOSE else s[S_ENTRY]
    if opens:
        s[S_STOP] = NAN
        s[S_GOAL] = NAN
        s[S_TRAIL] = 0.0
        s[S_OWN_STOP] = s[S_OWN_GOAL] = s[S_OWN_TRAIL] = 0.0
    if p[P_STOP_LOSS] > 0.0 and s[S_OWN_STOP] == 0.0:
        s[S_STOP] = basis * (1.0 - side * p[P_STOP_LOSS])
    if p[P_TAKE_PROFIT] > 0.0 and s[S_OWN_GOAL] == 0.0:
        s[S_GOAL] = basis * (1.0 + side * p[P_TAKE_PROFIT])
    if opens:
        if p[P_TRAILING_ATR] > 0.0 and x[X_ATR] > 0.0:
            s[S_TRAIL] = p[P_TRAILING_ATR] * x[X_ATR]
    move_levels(s, leg)


def move_levels(s: Any, leg: int) -> None:
    """Set the levels that an order names."""
    if HAS_ORDERS:
        if s[leg + L_STOP_LOSS] > 0.0:
            s[S_STOP] = s[leg + L_STOP_LOSS]
            s[S_OWN_STOP] = 1.0
        if s[leg + L_TAKE_PROFIT] > 0.0:
            s[S_GOAL] = s[leg + L_TAKE_PROFIT]
            s[S_OWN_GOAL] = 1.0
        if s[leg + L_TRAILING] > 0.0:
            s[S_TRAIL] = s[leg + L_TRAILING]
            s[S_OWN_TRAIL] = 1.0


def open_up(
    s: Any, p: Any, x: Any, box: Any, leg: int, units: float, total: float, q: float, bar: float,
    bound: float, maker: bool, whole: bool,
) -> None:  # fmt: skip
    """Open or enlarge the position by `units` at quote `q`, so that it is `total` units."""
    target = s[leg + L_TARGET]
    side = 1.0 if target > 0.0 else -1.0
    size = side * s[S_POS]
    slipped, price = entry_prices(p, x, side, q, units, bound)
    s[S_HELD] = target
    fee = fee_of(s, p, units, price, maker)
    s[S_CASH] -= side * units * price
    s[S_CASH] -= fee
    opens = s[S_POS] == 0.0
    if opens:
        s[S_ENTRY] = price
        s[S_ENTRY_FEE] = fee
        s[S_ENTRY_BAR] = bar
        s[S_HIGH] = price
        s[S_LOW] = price
    else:
        s[S_ENTRY] = (size * s[S_ENTRY] + units * price) / total
        s[S_ENTRY_FEE] += fee
    s[S_POS] = side * total
    set_levels(s, p, x, leg, side, opens)
    write_row(
        s, box, IS_ORDER, s[leg + L_DECIDED], bar, side, target, units, q, price, fee,
        units * abs(slipped - q), units * abs(price - slipped), s[leg + L_REASON],
        float(FILLED) if whole else float(PARTLY_FILLED), s[leg + L_TYPE],
    )  # fmt: skip
    count_fill(s, p, units, price)
