"""Decisions: how what a strategy says becomes an order that travels, works, and ends."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import SAME_CLOSE
from admf.simulation.orders.booking import move_levels
from admf.simulation.orders.layout import (
    DECISION_SIZE,
    EXIT_LEG,
    FIRST_LEG,
    HAS_ORDERS,
    HAS_RISK,
    IS_ORDER,
    L_ACTIVE,
    L_AGAIN,
    L_BEST,
    L_CANCEL_AFTER,
    L_CLOSE,
    L_CLOSE_FIRST,
    L_DECIDED,
    L_LIMIT,
    L_LIVE,
    L_REASON,
    L_SIDE,
    L_STOP,
    L_TARGET,
    L_TIF,
    L_TRAIL,
    L_TRIGGERED,
    L_TYPE,
    L_WANT,
    LAST_DECISION,
    LEG_SIZE,
    Q_AGAIN,
    Q_CLOSE,
    Q_DECIDED,
    Q_FLAG,
    Q_LEGS,
    Q_PLAIN,
    Q_REASON,
    QUEUE,
    S_BAR,
    S_BLOCKED,
    S_CLAMPED,
    S_FORCED,
    S_HELD,
    S_LAST_TARGET,
    S_OUTSTANDING,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_REDUCING,
    S_ROW,
    S_ROWS,
    SECOND_LEG,
    SLOT_SIZE,
    X_CLOSE,
    place_of,
)
from admf.simulation.orders.rows import rest_of, write_end, write_row
from admf.simulation.records import NO_PRICE, REPLACED, SIGNAL, UNFILLED
from admf.strategies.orders import (
    AT_THE_CLOSE,
    GTC,
    LIMIT,
    MARKET,
    STOP_LIMIT,
    STOP_MARKET,
    TRAILING_STOP_MARKET,
)

P_DIRECTION, P_REENTER, P_LATENCY = place_of("direction"), place_of("reenter"), place_of("latency_bars")
P_FILL = place_of("fill")
P_ORDER_TYPE, P_TIF = place_of("order_type"), place_of("time_in_force")
P_TRAIL_OFFSET = place_of("trail_offset")
P_LIMIT_OFFSET, P_STOP_OFFSET = place_of("limit_offset"), place_of("stop_offset")
P_CANCEL_AFTER, P_REDUCE_TO = place_of("cancel_after_bars"), place_of("reduce_to")

LONG_ONLY, SHORT_ONLY = 1.0, 2.0
LEVELS_ONLY = -1.0  # a decision for what is held: when it arrives, that may be held no more


def intended(s: Any) -> float:
    """Target that stands when all that is under way is done."""
    target: float = s[S_HELD]
    if s[S_OUTSTANDING] > 0.0:
        target = s[S_LAST_TARGET]
    elif s[FIRST_LEG + L_ACTIVE] == 1.0:
        target = s[FIRST_LEG + L_TARGET]
    elif s[SECOND_LEG + L_ACTIVE] == 1.0:
        target = s[SECOND_LEG + L_TARGET]
    elif s[EXIT_LEG + L_ACTIVE] == 1.0:
        target = s[EXIT_LEG + L_TARGET]
    return target


def cut(s: Any, p: Any, v: float) -> float:
    """Bring a target into -1..1 and to the sides that are traded; count what was beyond.

    Raises
    ------
    ValueError
        The target is infinite.
    """
    if math.isinf(v):
        raise ValueError("the step returned infinity")
    if v > 1.0:
        v = 1.0
        s[S_CLAMPED] += 1.0
    elif v < -1.0:
        v = -1.0
        s[S_CLAMPED] += 1.0
    if p[P_DIRECTION] == LONG_ONLY and v < 0.0:
        v = 0.0
    if p[P_DIRECTION] == SHORT_ONLY and v > 0.0:
        v = 0.0
    return v


def reduced(s: Any, p: Any, v: float) -> float:
    """Give the part of a target that is left to it after a drawdown."""
    if HAS_RISK and s[S_REDUCING] == 1.0:
        return v * p[P_REDUCE_TO]
    return v


def remembers(s: Any, wish: float, v: float) -> bool:
    """Tell whether a target is the one that a level has just closed; anything else clears the memory.

    `wish` is the target before a drawdown reduced it to `v`: that the size has changed is no new decision.
    """
    if v == s[S_BLOCKED] or wish == s[S_BLOCKED]:
        return True
    s[S_BLOCKED] = math.nan
    return False


def new_slot(s: Any, p: Any, x: Any, target: float) -> int:
    """Begin a decision at this close: an empty slot of the queue, in which the legs are to be written."""
    slot = QUEUE + int(s[S_BAR] % (p[P_LATENCY] + 1.0)) * SLOT_SIZE
    if s[slot + Q_FLAG] == 0.0:
        s[S_OUTSTANDING] += 1.0
    for i in range(SLOT_SIZE):
        s[slot + i] = 0.0
    s[slot + Q_FLAG] = 1.0
    s[slot + Q_LEGS + DECISION_SIZE] = math.nan
    s[slot + Q_LEGS] = target
    s[slot + Q_CLOSE] = x[X_CLOSE]
    s[slot + Q_DECIDED] = s[S_ROW]
    s[S_LAST_TARGET] = target
    s[LAST_DECISION] = math.nan
    return slot


def force(s: Any, p: Any, box: Any, target: float, reason: float) -> None:
    """Bring the position to `target` at the next opens; to 0 whatever the strategy says at this close.

    Where fills are at the close, what the strategy says would be there first: it is not heard either.
    """
    if s[S_POS] == 0.0:
        return
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 1.0:
            cancel(s, box, leg, float(REPLACED))
    leave_to(s, p, target, reason)


def leave_to(s: Any, p: Any, target: float, reason: float) -> None:
    """Bring the position to `target` at the next opens; working orders wait for that."""
    s[S_FORCED] = 1.0 if target == 0.0 or p[P_FILL] == SAME_CLOSE else 0.0
    for i in range(EXIT_LEG, FIRST_LEG):
        s[i] = 0.0
    s[EXIT_LEG + L_ACTIVE] = 1.0
    s[EXIT_LEG + L_TARGET] = target
    s[EXIT_LEG + L_SIDE] = -1.0 if s[S_POS] > 0.0 else 1.0
    s[EXIT_LEG + L_DECIDED] = s[S_ROW]
    s[EXIT_LEG + L_CLOSE] = s[S_PREVIOUS_CLOSE]
    s[EXIT_LEG + L_REASON] = reason
    s[EXIT_LEG + L_WANT] = math.nan


def take_target(s: Any, p: Any, x: Any, v: float) -> None:
    """Take a plain target at the close of the present bar; NaN is no decision."""
    if v != v:
        s[S_BLOCKED] = math.nan
        return
    wish = cut(s, p, v)
    v = reduced(s, p, wish)
    if remembers(s, wish, v) or s[S_FORCED] == 1.0:
        return
    again = p[P_REENTER] == 1.0 and v != 0.0
    if v == intended(s) and not again:
        return
    slot = new_slot(s, p, x, v)
    s[slot + Q_AGAIN] = 1.0 if again else 0.0
    s[slot + Q_PLAIN] = 1.0


def standing(s: Any) -> float:
    """Target that is held, or that a forced order leads to: what a new order starts from."""
    if s[EXIT_LEG + L_ACTIVE] == 1.0:
        forced: float = s[EXIT_LEG + L_TARGET]
        return forced
    held: float = s[S_HELD]
    return held


def dress(s: Any, p: Any, leg: int) -> None:
    """Give the order of a plain target the type that the settings name, where it opens or enlarges."""
    target, held = s[leg + L_TARGET], standing(s)
    if target == 0.0 or (target * held > 0.0 and abs(target) < abs(held)):
        return
    price_leg(s, p, leg)
    if (target * held < 0.0 or target == held) and (p[P_ORDER_TYPE] != MARKET or p[P_TIF] != GTC):
        s[leg + L_CLOSE_FIRST] = 1.0


def price_leg(s: Any, p: Any, leg: int) -> None:
    """Give an order the type, prices and time in force that the settings name."""
    side, close, kind = s[leg + L_SIDE], s[leg + L_CLOSE], p[P_ORDER_TYPE]
    s[leg + L_TYPE] = kind
    if kind == STOP_MARKET or kind == STOP_LIMIT:
        s[leg + L_STOP] = close * (1.0 + side * p[P_STOP_OFFSET])
    if kind == LIMIT:
        s[leg + L_LIMIT] = close * (1.0 - side * p[P_LIMIT_OFFSET])
    if kind == STOP_LIMIT:
        s[leg + L_LIMIT] = s[leg + L_STOP] * (1.0 + side * p[P_LIMIT_OFFSET])
    s[leg + L_TIF] = p[P_TIF]
    s[leg + L_CANCEL_AFTER] = p[P_CANCEL_AFTER]


def take_order(s: Any, p: Any, x: Any, d: Any) -> None:
    """Take a decision that names orders, at the close of the present bar; see `admf.strategies.orders`."""
    first, second = d[0], d[DECISION_SIZE]
    if first != first and second != second:
        s[S_BLOCKED] = math.nan
        return
    if first != first:
        first = s[S_HELD]  # a second leg alone: the first one asks for nothing
    v = reduced(s, p, cut(s, p, first))
    if second == second:
        second = reduced(s, p, cut(s, p, second))
    s[S_BLOCKED] = math.nan  # an order is meant, also after a stop
    if s[S_FORCED] == 1.0:
        return
    alone = second != second
    if s[FIRST_LEG + L_ACTIVE] == 1.0 or s[SECOND_LEG + L_ACTIVE] == 1.0 or s[S_OUTSTANDING] > 0.0:
        if is_last(s, d):
            return
        moves = False
    else:
        moves = alone and v == standing(s)
        if moves and d[7] == 0.0 and d[8] == 0.0 and d[9] == 0.0:
            return
    slot = new_slot(s, p, x, v)
    s[slot + Q_AGAIN] = LEVELS_ONLY if moves else 0.0
    for i in range(2 * DECISION_SIZE):
        s[LAST_DECISION + i] = d[i]
        s[slot + Q_LEGS + i] = d[i]
    s[slot + Q_LEGS] = v
    s[slot + Q_LEGS + DECISION_SIZE] = second


def is_last(s: Any, d: Any) -> bool:
    """Tell whether a decision is the last one again, in every field."""
    for i in range(2 * DECISION_SIZE):
        known = s[LAST_DECISION + i]
        if d[i] != known and (d[i] == d[i] or known == known):
            return False
    return True


def valid(s: Any, p: Any, leg: int) -> bool:
    """Tell whether an order has the prices that its type needs, and a time in force that there is."""
    kind, tif = s[leg + L_TYPE], s[leg + L_TIF]
    if not (0.0 <= tif <= AT_THE_CLOSE and tif == math.floor(tif)):
        return False
    if (kind == LIMIT or kind == STOP_LIMIT) and not s[leg + L_LIMIT] > 0.0:
        return False
    if (kind == STOP_MARKET or kind == STOP_LIMIT) and not s[leg + L_STOP] > 0.0:
        return False
    return kind != TRAILING_STOP_MARKET or s[leg + L_TRAIL] > 0.0 or p[P_TRAIL_OFFSET] > 0.0


def accept(s: Any, p: Any, box: Any, slot: int) -> None:
    """Let a decision reach the market: it replaces what worked."""
    s[slot + Q_FLAG] = 0.0
    s[S_OUTSTANDING] -= 1.0
    for number in range(2):
        leg = FIRST_LEG + number * LEG_SIZE
        if s[leg + L_ACTIVE] == 1.0:
            cancel(s, box, leg, float(REPLACED))
        for i in range(DECISION_SIZE):
            s[leg + i] = s[slot + Q_LEGS + number * DECISION_SIZE + i]
        target = s[leg + L_TARGET]
        if target != target:
            continue
        again = s[slot + Q_AGAIN] if number == 0 else 0.0
        held = standing(s)
        if again == LEVELS_ONLY or (target == held and again == 0.0):
            if s[S_POS] != 0.0 and target == held:
                move_levels(s, leg)
            continue
        side = 1.0 if target > held or (target == held and target > 0.0) else -1.0
        put_to_work(s, leg, slot, side, again)
        if HAS_ORDERS and s[slot + Q_PLAIN] == 1.0:
            dress(s, p, leg)
        if HAS_ORDERS and not valid(s, p, leg):
            write_end(s, box, leg, s[S_ROW], 0.0, float(NO_PRICE))
            s[leg + L_ACTIVE] = 0.0


def put_to_work(s: Any, leg: int, slot: int, side: float, again: float) -> None:
    """Let an order, whose decision has arrived, work from now on; what was decided of it stands already."""
    s[leg + L_ACTIVE] = 1.0
    s[leg + L_SIDE] = side
    s[leg + L_AGAIN] = again
    s[leg + L_CLOSE_FIRST] = s[leg + L_TRIGGERED] = s[leg + L_LIVE] = 0.0
    s[leg + L_WANT] = math.nan
    s[leg + L_DECIDED] = s[slot + Q_DECIDED]
    s[leg + L_CLOSE] = s[leg + L_BEST] = s[slot + Q_CLOSE]
    s[leg + L_REASON] = s[slot + Q_REASON]


def cancel(s: Any, box: Any, leg: int, status: float) -> None:
    """End a working order, and say why."""
    write_end(s, box, leg, s[S_ROW], rest_of(s, leg), status)
    s[leg + L_ACTIVE] = 0.0


def write_pending(s: Any, p: Any, box: Any) -> None:
    """Put a row into the box for each order that works, or is on its way, after the last bar."""
    s[S_ROWS] = 0.0
    for leg in (EXIT_LEG, FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 1.0:
            write_end(s, box, leg, -1.0, rest_of(s, leg), float(UNFILLED))
    for back in range(int(p[P_LATENCY]), -1, -1):
        slot = QUEUE + int((s[S_BAR] - back) % (p[P_LATENCY] + 1.0)) * SLOT_SIZE
        if s[S_BAR] < back or s[slot + Q_FLAG] == 0.0:
            continue
        for number in range(2):
            part = slot + Q_LEGS + number * DECISION_SIZE
            held = standing(s)
            again = s[slot + Q_AGAIN]
            if s[part] == s[part] and again != LEVELS_ONLY and (s[part] != held or again == 1.0):
                buys = s[part] > held or (s[part] == held and s[part] > 0.0)
                write_row(
                    s, box, IS_ORDER, s[slot + Q_DECIDED], -1.0, 1.0 if buys else -1.0, s[part], math.nan,
                    math.nan, math.nan, 0.0, 0.0, 0.0, float(SIGNAL), float(UNFILLED), s[part + 1],
                )  # fmt: skip
