"""What happens inside a bar: which levels and orders a stretch of prices touches, and in which order."""

from __future__ import annotations

from typing import Any

from admf.simulation.codes import OPTIMISTIC, PATH, PESSIMISTIC
from admf.simulation.orders.booking import close_out, room_of, within
from admf.simulation.orders.decide import cancel, force, leave_to
from admf.simulation.orders.fill import carry_out
from admf.simulation.orders.layout import (
    EXIT_LEG,
    FIRST_LEG,
    HAS_ACCOUNT,
    HAS_ORDERS,
    HAS_PATH,
    L_ACTIVE,
    L_BEST,
    L_CLOSE_FIRST,
    L_SIDE,
    L_TARGET,
    L_TIF,
    L_TYPE,
    S_BAR,
    S_BLOCKED,
    S_COOLING,
    S_FORCED,
    S_GOAL,
    S_HELD,
    S_HIGH,
    S_LOW,
    S_NEW_HIGH,
    S_NEW_LOW,
    S_POS,
    S_ROW,
    S_SHARED,
    S_USED_VOLUME,
    SECOND_LEG,
    place_of,
)
from admf.simulation.orders.touch import bound_of, is_maker, stop_level, touch_of
from admf.simulation.records import (
    LIMIT_ORDER,
    ONE_CANCELS_OTHER,
    POSITION_CLOSED,
    STOP_MARKET_ORDER,
    TAKE_PROFIT,
)
from admf.strategies.orders import AT_THE_CLOSE, AT_THE_OPEN, MARKET

P_INTRABAR = place_of("intrabar")
P_EXIT_MEMORY = place_of("exit_memory")
P_COOLDOWN = place_of("cooldown_bars")


def fill_leg(s: Any, p: Any, box: Any, x: Any, leg: int, q: float, o: float) -> bool:
    """Fill a working order; any fill cancels the other one. Tells whether there was a fill."""
    before = s[S_USED_VOLUME]
    carry_out(s, p, x, box, leg, q, s[S_ROW], bound_of(s, leg), is_maker(s, leg, o, q))
    if s[S_USED_VOLUME] == before:
        return False
    other = SECOND_LEG if leg == FIRST_LEG else FIRST_LEG
    if s[other + L_ACTIVE] == 1.0:
        cancel(s, box, other, float(ONE_CANCELS_OTHER))
    return True


def stretch(s: Any, p: Any, box: Any, x: Any, o: float, h: float, l: float, c: float) -> None:
    """Go through a bar by the rule for what happens inside one."""
    if HAS_PATH and p[P_INTRABAR] == PATH:
        first, second = (l, h) if c >= o else (h, l)
        walk(s, p, box, x, o, max(o, first), min(o, first), first)
        walk(s, p, box, x, first, max(first, second), min(first, second), second)
        walk(s, p, box, x, second, max(second, c), min(second, c), c)
    else:
        walk(s, p, box, x, o, h, l, c)


def walk(s: Any, p: Any, box: Any, x: Any, o: float, h: float, l: float, c: float) -> None:
    """Go through a stretch of prices: levels of what is held, working orders, levels of what was entered."""
    s[S_NEW_HIGH] = h
    s[S_NEW_LOW] = l
    if HAS_ORDERS and (s[FIRST_LEG + L_ACTIVE] == 1.0 or s[SECOND_LEG + L_ACTIVE] == 1.0):
        walk_orders(s, p, box, x, o, h, l, c)
    elif s[S_POS] != 0.0 and s[EXIT_LEG + L_ACTIVE] == 0.0:
        check_levels(s, p, box, x, o, h, l, h, l)
    if s[S_POS] != 0.0:
        s[S_HIGH] = max(s[S_HIGH], s[S_NEW_HIGH])
        s[S_LOW] = min(s[S_LOW], s[S_NEW_LOW])
    if HAS_ORDERS:
        for leg in (FIRST_LEG, SECOND_LEG):
            if s[leg + L_ACTIVE] == 1.0:
                best = s[leg + L_BEST]
                s[leg + L_BEST] = min(best, l) if s[leg + L_SIDE] > 0.0 else max(best, h)


def waits(s: Any, leg: int) -> bool:
    """Tell whether an order is not working inside a bar."""
    tif = s[leg + L_TIF]
    if s[leg + L_ACTIVE] == 0.0 or tif == AT_THE_OPEN or tif == AT_THE_CLOSE:
        return True
    return s[leg + L_CLOSE_FIRST] == 1.0 or s[leg + L_TYPE] == MARKET


def walk_orders(s: Any, p: Any, box: Any, x: Any, o: float, h: float, l: float, c: float) -> None:
    """`walk` where orders are working."""
    exiting = s[EXIT_LEG + L_ACTIVE] == 1.0
    leg, other = FIRST_LEG, SECOND_LEG
    q, rest = 0.0, 0.0
    if not exiting:
        one = 0.0 if waits(s, FIRST_LEG) else touch_of(s, p, FIRST_LEG, o, h, l)
        two = 0.0 if waits(s, SECOND_LEG) else touch_of(s, p, SECOND_LEG, o, h, l)
        q, rest = one, two
        if two > 0.0 and (one == 0.0 or second_goes_first(s, p, one, two, o, c)):
            leg, other = SECOND_LEG, FIRST_LEG
            q, rest = two, one
    if s[S_POS] != 0.0 and not exiting:
        level = nearest_level(s, p, o, h, l)
        if q > 0.0 and p[P_INTRABAR] == PATH and (level == 0.0 or abs(q - o) < abs(level - o)):
            looked = enter_one(s, p, box, x, leg, q, other, rest, o, h, l, c)
            if not looked and s[S_POS] != 0.0 and s[EXIT_LEG + L_ACTIVE] == 0.0:
                high, low = (h, q) if c > o else (q, l)  # what is left of the way
                check_levels(s, p, box, x, q, high, low, high, low)
            return
        check_levels(s, p, box, x, o, h, l, h, l)
    if s[EXIT_LEG + L_ACTIVE] == 0.0:
        enter_one(s, p, box, x, leg, q, other, rest, o, h, l, c)


def enter_one(
    s: Any, p: Any, box: Any, x: Any, leg: int, q: float, other: int, rest: float, o: float, h: float,
    l: float, c: float,
) -> bool:  # fmt: skip
    """`enter_inside` by the first order; by the other one where the first is refused, or is no more."""
    if q > 0.0 and s[leg + L_ACTIVE] == 1.0:
        used = s[S_USED_VOLUME]
        looked = enter_inside(s, p, box, x, leg, q, o, h, l, c)
        if s[S_USED_VOLUME] > used or s[leg + L_ACTIVE] == 1.0:
            return looked
    if rest > 0.0 and s[other + L_ACTIVE] == 1.0:
        return enter_inside(s, p, box, x, other, rest, o, h, l, c)
    return False


def second_goes_first(s: Any, p: Any, one: float, two: float, o: float, c: float) -> bool:
    """Tell which of two orders that a stretch touches is filled."""
    if p[P_INTRABAR] == PATH:
        return abs(two - o) < abs(one - o)
    first = s[FIRST_LEG + L_SIDE] * (c - one)
    second = s[SECOND_LEG + L_SIDE] * (c - two)
    return second > first if p[P_INTRABAR] == OPTIMISTIC else second < first


def enter_inside(
    s: Any, p: Any, box: Any, x: Any, leg: int, q: float, o: float, h: float, l: float, c: float
) -> bool:  # fmt: skip
    """Fill an order inside a stretch, then look at the levels of a position that it opened or enlarged.

    Tells whether it has looked at them.
    """
    before = s[S_POS]
    target = s[leg + L_TARGET]
    if before != 0.0:
        s[S_HIGH] = max(s[S_HIGH], o)
        s[S_LOW] = min(s[S_LOW], o)
    if not fill_leg(s, p, box, x, leg, q, o) or s[S_POS] * target <= 0.0:
        return False
    if abs(s[S_POS]) <= abs(before) and before * s[S_POS] > 0.0:
        return False  # reduced
    if q == o:
        check_levels(s, p, box, x, o, h, l, h, l)
        return True
    up = q > o  # the way that the price came: what lies further on that way was reached after the fill
    if before * s[S_POS] <= 0.0:
        s[S_NEW_HIGH] = h if up else max(q, c)
        s[S_NEW_LOW] = min(q, c) if up else l
    all_stops, all_goals = p[P_INTRABAR] == PESSIMISTIC, p[P_INTRABAR] == OPTIMISTIC
    stop_low = l if all_stops or not up else q
    stop_high = h if all_stops or up else q
    goal_high = h if all_goals or up else q
    goal_low = l if all_goals or not up else q
    check_levels(s, p, box, x, q, stop_high, stop_low, goal_high, goal_low)
    return True


def nearest_level(s: Any, p: Any, o: float, h: float, l: float) -> float:
    """Level of the open position that a one-way stretch touches; 0.0 for none.

    The open itself, where it lies beyond a level already.
    """
    level, _ = stop_level(s, p)
    goal = s[S_GOAL]
    side = 1.0 if s[S_POS] > 0.0 else -1.0
    if side * (level - o) >= 0.0 or side * (o - goal) >= 0.0:
        return o
    if l <= level <= h:
        return level
    if l <= goal <= h:
        return goal
    return 0.0


def note_exit(s: Any, p: Any, box: Any, reason: float) -> None:
    """Remember that a level closes the position, and end the working orders that were for it."""
    if p[P_EXIT_MEMORY] == 1.0:
        s[S_BLOCKED] = s[S_HELD]
    if reason != TAKE_PROFIT and p[P_COOLDOWN] > 0.0:
        s[S_COOLING] = s[S_BAR] + p[P_COOLDOWN]
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 1.0 and s[leg + L_TARGET] * s[S_POS] >= 0.0:
            cancel(s, box, leg, float(POSITION_CLOSED))


def check_levels(
    s: Any, p: Any, box: Any, x: Any, o: float, stop_high: float, stop_low: float, goal_high: float,
    goal_low: float,
) -> None:  # fmt: skip
    """Close the position where a level lies in reach; of a stop and a target, which the rule says."""
    long = s[S_POS] > 0.0
    level, reason = stop_level(s, p)
    goal = s[S_GOAL]
    stopped = stop_low <= level if long else stop_high >= level
    reached = goal_high >= goal if long else goal_low <= goal
    if stopped and reached and p[P_INTRABAR] != PESSIMISTIC:
        beyond = o <= level if long else o >= level
        stopped = beyond
    if stopped:
        q = min(o, level) if long else max(o, level)
        kind = float(STOP_MARKET_ORDER)
    elif reached:
        q = max(o, goal) if long else min(o, goal)
        reason = TAKE_PROFIT
        kind = float(LIMIT_ORDER)
    else:
        return
    s[S_HIGH] = max(s[S_HIGH], o)
    s[S_LOW] = min(s[S_LOW], o)
    note_exit(s, p, box, float(reason))
    size = abs(s[S_POS])
    room = room_of(s, p, x)
    out = size if within(size, room) else room
    if out > 0.0:
        close_out(
            s,
            p,
            x,
            box,
            out,
            size - out,
            0.0,
            q,
            s[S_ROW],
            s[S_ROW],
            float(reason),
            0.0,
            False,
            out == size,
            kind,
        )
    if s[S_POS] != 0.0:
        if HAS_ACCOUNT and s[S_SHARED] == 1.0:
            leave_to(s, p, 0.0, float(reason))  # what was ordered for the other side is not said again
        else:
            force(s, p, box, 0.0, float(reason))
        s[S_FORCED] = 0.0
