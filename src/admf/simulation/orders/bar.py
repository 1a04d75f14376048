"""What happens in a bar, in its order: financing, the open, inside the bar, the close, the mark."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.orders.decide import accept, cancel, force
from admf.simulation.orders.fill import carry_out, close_out, fall_short, room_of
from admf.simulation.orders.layout import (
    EXIT_LEG,
    FIRST_LEG,
    HAS_FINANCING,
    HAS_HALTS,
    HAS_MARGIN,
    HAS_ORDERS,
    HAS_PATH,
    HAS_RISK,
    HAS_VOLUME,
    L_ACTIVE,
    L_BEST,
    L_CANCEL_AFTER,
    L_CLOSE_FIRST,
    L_DECIDED,
    L_LIVE,
    L_REASON,
    L_SIDE,
    L_TARGET,
    L_TIF,
    L_TYPE,
    LAST_DECISION,
    Q_FLAG,
    QUEUE,
    S_BAR,
    S_BLOCKED,
    S_BLOCKED_DAY,
    S_BORROW,
    S_CASH,
    S_CASH_INTEREST,
    S_COOLING,
    S_DAY,
    S_DAY_EQUITY,
    S_ENTRY,
    S_EQUITY,
    S_FINANCING,
    S_FORCED,
    S_FUNDING,
    S_GOAL,
    S_HALTED,
    S_HELD,
    S_HIGH,
    S_LOW,
    S_MARGIN_CALL,
    S_MARGIN_INTEREST,
    S_MONTH,
    S_MONTH_TRADED,
    S_NEW_HIGH,
    S_NEW_LOW,
    S_PEAK,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_PREVIOUS_HALTED,
    S_REDUCING,
    S_ROWS,
    S_STOP,
    S_USED_VOLUME,
    SECOND_LEG,
    SLOT_SIZE,
    X_CLOSE,
    X_DAY,
    X_FINE_FROM,
    X_FINE_TO,
    X_FIRST_OF_SESSION,
    X_FUNDING,
    X_HALTED,
    X_HIGH,
    X_LAST_OF_SESSION,
    X_LOW,
    X_MONTH,
    X_OPEN,
    X_VOLUME,
    X_YEARS,
    place_of,
)
from admf.simulation.orders.money import in_lots
from admf.simulation.orders.touch import bound_of, is_maker, stop_level, touch_of
from admf.simulation.records import (
    EXPIRED,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT_ORDER,
    MARGIN_CALL,
    ONE_CANCELS_OTHER,
    POSITION_CLOSED,
    RISK,
    STOP_MARKET_ORDER,
    TAKE_PROFIT,
)
from admf.simulation.risk import has_lost

P_INITIAL_CASH = place_of("initial_cash")
P_FILL, P_LATENCY, P_INTRABAR = place_of("fill"), place_of("latency_bars"), place_of("intrabar")
P_PARTICIPATION, P_EXIT_MEMORY = place_of("max_participation"), place_of("exit_memory")
P_BORROW, P_MARGIN_RATE = place_of("borrow"), place_of("margin_rate")
P_CASH_INTEREST, P_FUNDING = place_of("cash_interest"), place_of("funding")
P_LEVERAGE, P_MAINTENANCE = place_of("leverage"), place_of("maintenance")
P_ON_MARGIN_CALL = place_of("on_margin_call")
P_DAILY_LOSS, P_ON_DAILY_LOSS = place_of("daily_loss"), place_of("on_daily_loss")
P_DRAWDOWN, P_ON_DRAWDOWN = place_of("max_drawdown"), place_of("on_drawdown")
P_COOLDOWN, P_REDUCE_TO = place_of("cooldown_bars"), place_of("reduce_to")

OPTIMISTIC, PATH = 1.0, 2.0
IOC, FOK, AT_THE_OPEN, AT_THE_CLOSE = 2.0, 3.0, 4.0, 5.0


def begin_run(s: Any, p: Any) -> None:
    """Set the state before the first bar."""
    for i in range(len(s)):
        s[i] = 0.0
    s[S_CASH] = s[S_EQUITY] = s[S_PEAK] = s[S_DAY_EQUITY] = p[P_INITIAL_CASH]
    s[S_BAR] = -1.0
    s[S_COOLING] = -1.0
    for i in (
        S_ENTRY,
        S_STOP,
        S_GOAL,
        S_BLOCKED,
        S_DAY,
        S_MONTH,
        S_BLOCKED_DAY,
        S_PREVIOUS_CLOSE,
        LAST_DECISION,
    ):
        s[i] = math.nan


def begin_bar(s: Any, p: Any, box: Any, x: Any, fine: Any) -> None:
    """Take a bar up to its mark at the close; its rows stand in the box then."""
    s[S_ROWS] = 0.0
    s[S_BAR] += 1.0
    s[S_FORCED] = 0.0
    s[S_USED_VOLUME] = 0.0
    bar = s[S_BAR]
    if HAS_FINANCING:
        finance(s, p, x)
    if s[S_DAY] != x[X_DAY]:
        s[S_DAY] = x[X_DAY]
        s[S_DAY_EQUITY] = s[S_EQUITY]
    if s[S_MONTH] != x[X_MONTH]:
        s[S_MONTH] = x[X_MONTH]
        s[S_MONTH_TRADED] = 0.0
    slot = QUEUE + int(bar % (p[P_LATENCY] + 1.0)) * SLOT_SIZE
    if s[slot + Q_FLAG] == 1.0:
        accept(s, p, box, slot)
    if p[P_FILL] == 1.0 and bar > 0.0 and s[S_PREVIOUS_HALTED] == 0.0:
        for leg in (FIRST_LEG, SECOND_LEG):
            if s[leg + L_ACTIVE] == 1.0 and s[leg + L_TYPE] == 0.0 and s[leg + L_TIF] < AT_THE_OPEN:
                carry_out(s, p, x, box, leg, s[S_PREVIOUS_CLOSE], bar - 1.0, 0.0, False)
    halted = HAS_HALTS and x[X_HALTED] != 0.0
    if HAS_VOLUME and p[P_PARTICIPATION] > 0.0 and not x[X_VOLUME] > 0.0:
        halted = True
    if not halted:
        at_open(s, p, box, x, x[X_OPEN])
        if HAS_PATH and x[X_FINE_TO] > x[X_FINE_FROM]:
            for i in range(int(x[X_FINE_FROM]), int(x[X_FINE_TO])):
                stretch(s, p, box, x, fine[i][0], fine[i][1], fine[i][2], fine[i][3])
        else:
            stretch(s, p, box, x, x[X_OPEN], x[X_HIGH], x[X_LOW], x[X_CLOSE])
    if HAS_ORDERS:
        at_close(s, p, box, x, halted)
    s[S_PREVIOUS_HALTED] = 1.0 if halted else 0.0
    s[S_EQUITY] = s[S_CASH] + s[S_POS] * x[X_CLOSE]
    s[S_PREVIOUS_CLOSE] = x[X_CLOSE]
    if HAS_MARGIN and p[P_MAINTENANCE] > 0.0 and p[P_ON_MARGIN_CALL] == 1.0:
        needed = p[P_MAINTENANCE] * abs(s[S_POS]) * x[X_CLOSE]
        s[S_MARGIN_CALL] = 1.0 if s[S_EQUITY] < needed else 0.0
    if HAS_RISK:
        watch_losses(s, p, box)


def finance(s: Any, p: Any, x: Any) -> None:
    """Charge and pay what the time since the last close costs, on what was held then."""
    years = x[X_YEARS]
    pos, cash, price = s[S_POS], s[S_CASH], s[S_PREVIOUS_CLOSE]
    if not s[S_BAR] > 0.0:
        return
    on_position = 0.0
    if pos < 0.0 and p[P_BORROW] > 0.0:
        paid = -pos * price * p[P_BORROW] * years
        s[S_CASH] -= paid
        s[S_BORROW] += paid
        on_position += paid
    if cash < 0.0 and p[P_MARGIN_RATE] > 0.0:
        paid = -cash * p[P_MARGIN_RATE] * years
        s[S_CASH] -= paid
        s[S_MARGIN_INTEREST] += paid
        on_position += paid
    free = cash + min(pos, 0.0) * price
    if free > 0.0 and p[P_CASH_INTEREST] != 0.0:
        got = free * p[P_CASH_INTEREST] * years
        s[S_CASH] += got
        s[S_CASH_INTEREST] -= got
    rate = p[P_FUNDING] * years + x[X_FUNDING]
    if pos != 0.0 and rate != 0.0:
        paid = pos * price * rate
        s[S_CASH] -= paid
        s[S_FUNDING] += paid
        on_position += paid
    if pos != 0.0:
        s[S_FINANCING] += on_position


def at_open(s: Any, p: Any, box: Any, x: Any, o: float) -> None:
    """Fill at the open: what a level left over, a margin call, then the working orders."""
    bar = s[S_BAR]
    if s[EXIT_LEG + L_ACTIVE] == 1.0:
        carry_out(s, p, x, box, EXIT_LEG, o, bar, 0.0, False)
    if HAS_MARGIN and s[S_MARGIN_CALL] == 1.0 and s[S_POS] != 0.0:
        meet_margin(s, p, box, x, o)
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 0.0 or s[EXIT_LEG + L_ACTIVE] == 1.0:
            continue
        tif = s[leg + L_TIF]
        if p[P_FILL] == 1.0 and s[leg + L_TYPE] == 0.0 and tif < AT_THE_OPEN:
            continue  # it fills at the close before
        if HAS_ORDERS:
            if tif == AT_THE_CLOSE or (tif == AT_THE_OPEN and x[X_FIRST_OF_SESSION] == 0.0):
                continue
            if s[leg + L_CLOSE_FIRST] == 1.0 and not closed_first(s, p, box, x, leg, o):
                continue
            if touch_of(s, p, leg, o, o, o) > 0.0:
                fill_leg(s, p, box, x, leg, o, o)
            if s[leg + L_ACTIVE] == 1.0:
                if tif == IOC:
                    cancel(s, box, leg, float(IMMEDIATE_OR_CANCEL))
                elif tif == FOK:
                    cancel(s, box, leg, float(FILL_OR_KILL))
                elif tif == AT_THE_OPEN:
                    cancel(s, box, leg, float(EXPIRED))
        else:
            carry_out(s, p, x, box, leg, o, bar, 0.0, False)


def meet_margin(s: Any, p: Any, box: Any, x: Any, o: float) -> None:
    """Sell (or buy back) what the margin call of the last close asks for."""
    side = 1.0 if s[S_POS] > 0.0 else -1.0
    size = side * s[S_POS]
    left = in_lots(p, max(s[S_EQUITY], 0.0) * p[P_LEVERAGE] / s[S_PREVIOUS_CLOSE])
    out = min(size - left, room_of(s, p, x))
    if out > 0.0:
        close_out(
            s, p, x, box, out, size - out, s[S_HELD], o, s[S_BAR], s[S_BAR] - 1.0, float(MARGIN_CALL), 0.0,
            False, True, 0.0,
        )  # fmt: skip


def closed_first(s: Any, p: Any, box: Any, x: Any, leg: int, o: float) -> bool:
    """Close what is held at the market, before an entry order works; tell whether it is closed."""
    size = abs(s[S_POS])
    if s[S_POS] != 0.0:
        out = min(size, room_of(s, p, x))
        if out > 0.0:
            close_out(
                s, p, x, box, out, size - out, 0.0, o, s[S_BAR], s[leg + L_DECIDED], s[leg + L_REASON], 0.0,
                False, out == size, 0.0,
            )  # fmt: skip
        if s[S_POS] != 0.0:
            fall_short(s, p, box, leg, s[S_BAR], size - out if out > 0.0 else 0.0)
            return False
    s[leg + L_CLOSE_FIRST] = 0.0
    return True


def fill_leg(s: Any, p: Any, box: Any, x: Any, leg: int, q: float, o: float) -> bool:
    """Fill a working order; any fill cancels the other one. Tells whether there was a fill."""
    before = s[S_USED_VOLUME]
    carry_out(s, p, x, box, leg, q, s[S_BAR], bound_of(s, leg), is_maker(s, leg, o, q))
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
    return s[leg + L_CLOSE_FIRST] == 1.0 or s[leg + L_TYPE] == 0.0


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
                high, low = (h, q) if q > o else (q, l)  # what is left of the way
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
    all_stops, all_goals = p[P_INTRABAR] == 0.0, p[P_INTRABAR] == OPTIMISTIC
    stop_low = l if all_stops or not up else q
    stop_high = h if all_stops or up else q
    goal_high = h if all_goals or up else q
    goal_low = l if all_goals or not up else q
    check_levels(s, p, box, x, q, stop_high, stop_low, goal_high, goal_low)
    return True


def nearest_level(s: Any, p: Any, o: float, h: float, l: float) -> float:
    """Level of the open position that a one-way stretch touches; 0.0 for none."""
    level, _ = stop_level(s, p)
    if l <= level <= h:
        return level
    goal = s[S_GOAL]
    if l <= goal <= h:
        return float(goal)
    return 0.0


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
    if stopped and reached and p[P_INTRABAR] != 0.0:
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
    if p[P_EXIT_MEMORY] == 1.0:
        s[S_BLOCKED] = s[S_HELD]
    if reason != TAKE_PROFIT and p[P_COOLDOWN] > 0.0:
        s[S_COOLING] = s[S_BAR] + p[P_COOLDOWN]
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 1.0 and s[leg + L_TARGET] * s[S_POS] >= 0.0:
            cancel(s, box, leg, float(POSITION_CLOSED))
    size = abs(s[S_POS])
    room = room_of(s, p, x)
    out = size if size <= room else room
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
            s[S_BAR],
            s[S_BAR],
            float(reason),
            0.0,
            False,
            out == size,
            kind,
        )
    if s[S_POS] != 0.0:
        force(s, p, box, 0.0, float(reason))
        s[S_FORCED] = 0.0


def at_close(s: Any, p: Any, box: Any, x: Any, halted: bool) -> None:
    """Fill orders at the close, and let orders expire."""
    c = x[X_CLOSE]
    last = x[X_LAST_OF_SESSION] == 1.0
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 0.0:
            continue
        s[leg + L_LIVE] += 1.0
        tif = s[leg + L_TIF]
        if not halted and tif == AT_THE_CLOSE and last:
            if s[EXIT_LEG + L_ACTIVE] == 0.0 and touch_of(s, p, leg, c, c, c) > 0.0:
                fill_leg(s, p, box, x, leg, c, c)
            if s[leg + L_ACTIVE] == 1.0:
                cancel(s, box, leg, float(EXPIRED))
        elif not halted and tif == 1.0 and last:
            cancel(s, box, leg, float(EXPIRED))
        most = s[leg + L_CANCEL_AFTER]
        if not halted and s[leg + L_ACTIVE] == 1.0 and most > 0.0 and s[leg + L_LIVE] >= most:
            cancel(s, box, leg, float(EXPIRED))


def watch_losses(s: Any, p: Any, box: Any) -> None:
    """Look at the losses of the day and since the peak, at the close; orders to close or reduce are given."""
    equity = s[S_EQUITY]
    if equity > s[S_PEAK]:
        s[S_PEAK] = equity
        s[S_REDUCING] = 0.0
    if s[S_BLOCKED_DAY] != s[S_DAY] and has_lost(equity, s[S_DAY_EQUITY], p[P_DAILY_LOSS]):
        s[S_BLOCKED_DAY] = s[S_DAY]
        if p[P_ON_DAILY_LOSS] == 1.0:
            force(s, p, box, 0.0, float(RISK))
    if s[S_HALTED] == 0.0 and has_lost(equity, s[S_PEAK], p[P_DRAWDOWN]):
        if p[P_ON_DRAWDOWN] == 0.0:
            s[S_HALTED] = 1.0
            force(s, p, box, 0.0, float(RISK))
        elif s[S_REDUCING] == 0.0:
            s[S_REDUCING] = 1.0
            if s[EXIT_LEG + L_ACTIVE] == 0.0:
                force(s, p, box, s[S_HELD] * p[P_REDUCE_TO], float(RISK))
