"""What happens in a bar, in its order: financing, the open, inside the bar, the close, the mark."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import FLATTEN, HALT, REDUCE_TO_LEVERAGE, SAME_CLOSE
from admf.simulation.financing import borrow_fee, funding_fee, interest, interest_earned
from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.orders.booking import close_out, room_of, within
from admf.simulation.orders.decide import accept, cancel, force
from admf.simulation.orders.fill import carry_out, fall_short
from admf.simulation.orders.inside import fill_leg, stretch
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
    L_CANCEL_AFTER,
    L_CLOSE_FIRST,
    L_DECIDED,
    L_LIVE,
    L_REASON,
    L_TIF,
    L_TRIGGERED,
    L_TYPE,
    LAST_DECISION,
    Q_FLAG,
    QUEUE,
    S_BAR,
    S_BLOCKED,
    S_BLOCKED_BAR,
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
    S_MARGIN_CALL,
    S_MARGIN_INTEREST,
    S_MONTH,
    S_MONTH_TRADED,
    S_OWN_TRAIL,
    S_PEAK,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_PREVIOUS_HALTED,
    S_REDUCING,
    S_ROW,
    S_ROWS,
    S_STOP,
    S_TRAIL,
    S_USED_VOLUME,
    SECOND_LEG,
    SLOT_SIZE,
    X_ATR,
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
from admf.simulation.orders.money import P_LOT
from admf.simulation.orders.touch import touch_of
from admf.simulation.records import (
    EXPIRED,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    MARGIN_CALL,
    RISK,
)
from admf.simulation.risk import has_lost
from admf.strategies.orders import AT_THE_CLOSE, AT_THE_OPEN, DAY, FOK, IOC, MARKET

P_INITIAL_CASH = place_of("initial_cash")
P_FILL, P_LATENCY = place_of("fill"), place_of("latency_bars")
P_PARTICIPATION = place_of("max_participation")
P_TRAILING_ATR = place_of("trailing_stop_atr")
P_BORROW, P_MARGIN_RATE = place_of("borrow"), place_of("margin_rate")
P_CASH_INTEREST = place_of("cash_interest")
P_FUNDING, P_FUNDING_PAID = place_of("funding"), place_of("funding_paid_multiple")
P_LEVERAGE, P_MAINTENANCE = place_of("leverage"), place_of("maintenance")
P_ON_MARGIN_CALL = place_of("on_margin_call")
P_DAILY_LOSS, P_ON_DAILY_LOSS = place_of("daily_loss"), place_of("on_daily_loss")
P_DRAWDOWN, P_ON_DRAWDOWN = place_of("max_drawdown"), place_of("on_drawdown")
P_REDUCE_TO = place_of("reduce_to")


def begin_run(s: Any, p: Any) -> None:
    """Set the state before the first bar."""
    for i in range(len(s)):
        s[i] = 0.0
    s[S_CASH] = s[S_EQUITY] = s[S_PEAK] = s[S_DAY_EQUITY] = p[P_INITIAL_CASH]
    s[S_BAR] = -1.0
    s[S_COOLING] = s[S_BLOCKED_BAR] = -1.0
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
    s[S_ROW] = s[S_BAR]
    s[S_FORCED] = 0.0
    s[S_USED_VOLUME] = 0.0
    bar = s[S_BAR]
    # what is filled at the close before belongs to that bar: it comes before all that is of this one
    slot = QUEUE + int(bar % (p[P_LATENCY] + 1.0)) * SLOT_SIZE
    if s[slot + Q_FLAG] == 1.0:
        accept(s, p, box, slot)
    if p[P_FILL] == SAME_CLOSE and bar > 0.0 and s[S_PREVIOUS_HALTED] == 0.0:
        for leg in (FIRST_LEG, SECOND_LEG):
            if s[leg + L_ACTIVE] == 1.0 and s[leg + L_TYPE] == MARKET and s[leg + L_TIF] < AT_THE_OPEN:
                carry_out(s, p, x, box, leg, s[S_PREVIOUS_CLOSE], bar - 1.0, 0.0, False)
    if HAS_FINANCING:
        finance(s, p, x)
    if s[S_DAY] != x[X_DAY]:
        s[S_DAY] = x[X_DAY]
        s[S_DAY_EQUITY] = s[S_EQUITY]
    if s[S_MONTH] != x[X_MONTH]:
        s[S_MONTH] = x[X_MONTH]
        s[S_MONTH_TRADED] = 0.0
    halted = HAS_HALTS and x[X_HALTED] != 0.0
    if HAS_VOLUME and p[P_PARTICIPATION] > 0.0 and not x[X_VOLUME] > 0.0:
        halted = True
    if s[S_POS] != 0.0 and s[S_TRAIL] == 0.0 and p[P_TRAILING_ATR] > 0.0 and s[S_OWN_TRAIL] == 0.0:
        if x[X_ATR] > 0.0:  # there was none yet at the entry
            s[S_TRAIL] = p[P_TRAILING_ATR] * x[X_ATR]
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
    if HAS_MARGIN and p[P_MAINTENANCE] > 0.0 and p[P_ON_MARGIN_CALL] == REDUCE_TO_LEVERAGE:
        needed = p[P_MAINTENANCE] * abs(s[S_POS]) * x[X_CLOSE]
        s[S_MARGIN_CALL] = 1.0 if s[S_EQUITY] < needed else 0.0
    if HAS_RISK:
        watch_losses(s, p, box, x)


def finance(s: Any, p: Any, x: Any) -> None:
    """Charge and pay what the time since the last close costs, on what was held then."""
    years = x[X_YEARS]
    pos, cash, price = s[S_POS], s[S_CASH], s[S_PREVIOUS_CLOSE]
    if not s[S_BAR] > 0.0:
        return
    borrow = borrow_fee(pos, price, p[P_BORROW], years)
    owed = interest(cash, p[P_MARGIN_RATE], years)
    earned = interest_earned(cash + min(pos, 0.0) * price, p[P_CASH_INTEREST], years)
    funding = funding_fee(pos, price, p[P_FUNDING] * years + x[X_FUNDING], p[P_FUNDING_PAID])
    s[S_CASH] = s[S_CASH] - borrow - owed + earned - funding
    s[S_BORROW] += borrow
    s[S_MARGIN_INTEREST] += owed
    s[S_CASH_INTEREST] -= earned
    s[S_FUNDING] += funding
    if pos != 0.0:
        s[S_FINANCING] += borrow + owed + funding


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
        if p[P_FILL] == SAME_CLOSE and s[leg + L_TYPE] == MARKET and tif < AT_THE_OPEN:
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
    left = in_lots(max(s[S_EQUITY], 0.0) * p[P_LEVERAGE] / s[S_PREVIOUS_CLOSE], p[P_LOT])
    out = min(size - left, room_of(s, p, x))
    if out > NOTHING * size:
        close_out(
            s, p, x, box, out, size - out, s[S_HELD], o, s[S_ROW], s[S_ROW] - 1.0, float(MARGIN_CALL), 0.0,
            False, True, 0.0,
        )  # fmt: skip


def closed_first(s: Any, p: Any, box: Any, x: Any, leg: int, o: float) -> bool:
    """Close what is held at the market, before an entry order works; tell whether it is closed."""
    size = abs(s[S_POS])
    if s[S_POS] != 0.0:
        room = room_of(s, p, x)
        out = size if within(size, room) else room
        if out > 0.0:
            close_out(
                s, p, x, box, out, size - out, 0.0, o, s[S_ROW], s[leg + L_DECIDED], s[leg + L_REASON], 0.0,
                False, out == size, 0.0,
            )  # fmt: skip
        if s[S_POS] != 0.0:
            fall_short(s, p, box, leg, s[S_ROW], size - out if out > 0.0 else 0.0)
            s[leg + L_TRIGGERED] = 0.0  # the entry itself was not touched
            return False
    s[leg + L_CLOSE_FIRST] = 0.0
    return True


def at_close(s: Any, p: Any, box: Any, x: Any, halted: bool) -> None:
    """Fill orders at the close, and let orders expire."""
    c = x[X_CLOSE]
    last = x[X_LAST_OF_SESSION] == 1.0
    for leg in (FIRST_LEG, SECOND_LEG):
        if s[leg + L_ACTIVE] == 0.0:
            continue
        s[leg + L_LIVE] += 1.0
        tif = s[leg + L_TIF]
        if tif == AT_THE_CLOSE and last:
            if not halted and s[EXIT_LEG + L_ACTIVE] == 0.0 and touch_of(s, p, leg, c, c, c) > 0.0:
                fill_leg(s, p, box, x, leg, c, c)
            if s[leg + L_ACTIVE] == 1.0:
                cancel(s, box, leg, float(EXPIRED))
        elif tif == DAY and last:
            cancel(s, box, leg, float(EXPIRED))
        most = s[leg + L_CANCEL_AFTER]
        if s[leg + L_ACTIVE] == 1.0 and most > 0.0 and s[leg + L_LIVE] >= most:
            cancel(s, box, leg, float(EXPIRED))


def watch_losses(s: Any, p: Any, box: Any, x: Any) -> None:
    """Look at the losses of the day and since the peak, at the close; orders to close or reduce are given."""
    equity = s[S_EQUITY]
    if equity > s[S_PEAK]:
        s[S_PEAK] = equity
        s[S_REDUCING] = 0.0
    if s[S_BLOCKED_DAY] != s[S_DAY] and has_lost(equity, s[S_DAY_EQUITY], p[P_DAILY_LOSS]):
        s[S_BLOCKED_DAY] = s[S_DAY]
        if x[X_FIRST_OF_SESSION] == 1.0 and x[X_LAST_OF_SESSION] == 1.0:
            s[S_BLOCKED_BAR] = s[S_BAR] + 1.0  # a bar that is a day: what is decided now
        if p[P_ON_DAILY_LOSS] == FLATTEN:
            force(s, p, box, 0.0, float(RISK))
    if s[S_HALTED] == 0.0 and has_lost(equity, s[S_PEAK], p[P_DRAWDOWN]):
        if p[P_ON_DRAWDOWN] == HALT:
            s[S_HALTED] = 1.0
            force(s, p, box, 0.0, float(RISK))
        elif s[S_REDUCING] == 0.0:
            s[S_REDUCING] = 1.0
            if s[EXIT_LEG + L_ACTIVE] == 0.0:
                force(s, p, box, s[S_HELD] * p[P_REDUCE_TO], float(RISK))
