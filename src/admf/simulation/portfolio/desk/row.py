"""A row of the joined calendar: financing, the opens, inside the bars, the closes, the marks, the losses."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import FLATTEN, HALT, LIQUIDATE, REDUCE_TO_LEVERAGE
from admf.simulation.financing import borrow_fee, funding_fee, interest, interest_earned
from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.orders.bar import (
    P_BORROW,
    P_CASH_INTEREST,
    P_DAILY_LOSS,
    P_DRAWDOWN,
    P_FUNDING,
    P_FUNDING_PAID,
    P_LEVERAGE,
    P_MAINTENANCE,
    P_MARGIN_RATE,
    P_ON_DAILY_LOSS,
    P_ON_DRAWDOWN,
    P_ON_MARGIN_CALL,
    P_PARTICIPATION,
    P_REDUCE_TO,
    P_TRAILING_ATR,
)
from admf.simulation.orders.booking import close_out, room_of
from admf.simulation.orders.decide import cancel, leave_to
from admf.simulation.orders.fill import carry_out
from admf.simulation.orders.inside import note_exit, stretch
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
    L_LIVE,
    L_TIF,
    S_BAR,
    S_FINANCING,
    S_FORCED,
    S_HELD,
    S_OWN_TRAIL,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_ROW,
    S_TRAIL,
    S_USED_VOLUME,
    X_ATR,
    X_CLOSE,
    X_FINE_FROM,
    X_FINE_TO,
    X_FUNDING,
    X_HALTED,
    X_HIGH,
    X_LAST_OF_SESSION,
    X_LOW,
    X_OPEN,
    X_VOLUME,
    X_YEARS,
)
from admf.simulation.orders.money import P_LOT
from admf.simulation.portfolio.desk.decide import arrive, order
from admf.simulation.portfolio.desk.layout import (
    A_BORROW,
    A_CASH,
    A_CASH_INTEREST,
    A_DAY,
    A_DAY_EQUITY,
    A_EQUITY,
    A_FUNDING,
    A_HALTED,
    A_LATER,
    A_LOST_DAY,
    A_MARGIN_CALL,
    A_MARGIN_INTEREST,
    A_MONTH,
    A_PEAK,
    A_ROW,
    A_ROWS,
    A_SCALE,
    A_TRADED,
    C_AIM,
    C_CARRY,
    C_FACT,
    C_HERE,
    C_OPEN,
    C_QUOTE,
)
from admf.simulation.portfolio.desk.purse import count_in, count_up, lend, look_around, take_back
from admf.simulation.portfolio.desk.together import trade_together
from admf.simulation.records import EXPIRED, LIQUIDATION, MARGIN_CALL, RISK, SIGNAL
from admf.simulation.risk import has_lost
from admf.strategies.orders import AT_THE_CLOSE, DAY


def simulate_row(
    states: Any, account: Any, plan: Any, facts: Any, fine: Any, p: Any, sheet: Any, day: float,
    month: float, years: float, band: float,
) -> None:  # fmt: skip
    """Take a row up to its marks and what risk orders then; its rows stand in the sheet.

    years: since the row before, 0 at the first.
    """
    n = len(states)
    account[A_ROWS] = 0.0
    account[A_ROW] += 1.0
    if account[A_DAY] != day:
        account[A_DAY] = day
        account[A_DAY_EQUITY] = account[A_EQUITY]
    if account[A_MONTH] != month:
        account[A_MONTH] = month
        account[A_TRADED] = 0.0
    for i in range(n):
        if plan[i][C_HERE] == 1.0:
            begin(states[i], account, plan, facts[int(plan[i][C_FACT])], p, i)
        else:
            plan[i][C_OPEN] = 0.0
            plan[i][C_QUOTE] = states[i][S_PREVIOUS_CLOSE]
    if HAS_FINANCING:
        finance(states, account, plan, facts, p, years)
    for i in range(n):
        if plan[i][C_HERE] == 1.0:
            arrive(states[i], account, p, sheet, i, band)
    at_open(states, account, plan, facts, p, sheet)
    count_up(states, account, plan)
    for i in range(n):
        if plan[i][C_OPEN] == 1.0:
            go_through(states[i], account, plan, facts[int(plan[i][C_FACT])], fine, p, sheet, i)
    if HAS_ORDERS:
        at_close(states, account, plan, facts, p, sheet)
    mark(states, account, plan, facts, p, sheet)
    if HAS_RISK:
        judge(states, account, plan, p, sheet, band)


def begin(s: Any, account: Any, plan: Any, x: Any, p: Any, i: int) -> None:
    """Begin a bar of a symbol."""
    c = plan[i]
    s[S_BAR] += 1.0
    s[S_ROW] = account[A_ROW]
    s[S_USED_VOLUME] = 0.0
    s[S_FORCED] = 0.0
    halted = HAS_HALTS and x[X_HALTED] != 0.0
    if HAS_VOLUME and p[P_PARTICIPATION] > 0.0 and not x[X_VOLUME] > 0.0:
        halted = True
    c[C_OPEN] = 0.0 if halted else 1.0
    c[C_QUOTE] = x[X_OPEN]
    waits = s[S_POS] != 0.0 and s[S_TRAIL] == 0.0 and s[S_OWN_TRAIL] == 0.0
    if waits and p[P_TRAILING_ATR] > 0.0 and x[X_ATR] > 0.0:  # there was none yet at the entry
        s[S_TRAIL] = p[P_TRAILING_ATR] * x[X_ATR]


def finance(states: Any, account: Any, plan: Any, facts: Any, p: Any, years: float) -> None:
    """Charge and pay what the time since the last closes costs, on what was held then."""
    cash = account[A_CASH]
    free = cash
    for i in range(len(states)):
        s = states[i]
        pos, price = s[S_POS], s[S_PREVIOUS_CLOSE]
        plan[i][C_CARRY] = 0.0
        if pos == 0.0:
            continue
        free += min(pos, 0.0) * price
        if plan[i][C_HERE] == 0.0:
            continue
        x = facts[int(plan[i][C_FACT])]
        borrow = borrow_fee(pos, price, p[P_BORROW], x[X_YEARS])
        funding = funding_fee(pos, price, p[P_FUNDING] * x[X_YEARS] + x[X_FUNDING], p[P_FUNDING_PAID])
        paid = borrow + funding
        account[A_BORROW] += borrow
        account[A_FUNDING] += funding
        account[A_CASH] -= paid
        s[S_FINANCING] += paid
        plan[i][C_CARRY] = paid
    owed = interest(cash, p[P_MARGIN_RATE], years)
    earned = interest_earned(free, p[P_CASH_INTEREST], years)
    account[A_CASH] = account[A_CASH] - owed + earned
    account[A_MARGIN_INTEREST] += owed
    account[A_CASH_INTEREST] -= earned


def at_open(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any) -> None:
    """Fill at the opens: what levels left over, a margin call, then all orders together."""
    for i in range(len(states)):
        s = states[i]
        if plan[i][C_OPEN] == 1.0 and s[EXIT_LEG + L_ACTIVE] == 1.0:
            lend(s, account)
            x = facts[int(plan[i][C_FACT])]
            carry_out(s, p, x, sheet, EXIT_LEG, x[X_OPEN], s[S_ROW], 0.0, False)
            take_back(s, account, sheet, i, math.nan)
    if HAS_MARGIN and account[A_MARGIN_CALL] == 1.0:
        meet_margin(states, account, plan, facts, p, sheet)
    trade_together(states, account, plan, facts, p, sheet, False)


def meet_margin(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any) -> None:
    """Reduce all positions alike to what the margin call of the last closes leaves."""
    gross = 0.0
    for i in range(len(states)):
        gross += abs(states[i][S_POS]) * states[i][S_PREVIOUS_CLOSE]
    if not gross > 0.0:
        return
    share = min(1.0, max(account[A_EQUITY], 0.0) * p[P_LEVERAGE] / gross)
    for i in range(len(states)):
        s = states[i]
        if plan[i][C_OPEN] == 0.0 or s[S_POS] == 0.0:
            continue
        x = facts[int(plan[i][C_FACT])]
        size = abs(s[S_POS])
        asked = size - in_lots(size * share, p[P_LOT])
        out = min(asked, room_of(s, p, x))
        if out > NOTHING * size:
            lend(s, account)
            close_out(
                s, p, x, sheet, out, size - out, s[S_HELD], x[X_OPEN], s[S_ROW], s[S_ROW] - 1.0,
                float(MARGIN_CALL), 0.0, False, out == asked, 0.0,
            )  # fmt: skip
            take_back(s, account, sheet, i, asked)


def go_through(
    s: Any, account: Any, plan: Any, x: Any, fine: Any, p: Any, sheet: Any, i: int
) -> None:  # fmt: skip
    """Take a symbol through its bar: the levels of what it holds, and its working order."""
    works = HAS_ORDERS and s[FIRST_LEG + L_ACTIVE] == 1.0
    if s[S_POS] == 0.0 and not works:
        return
    lend(s, account)
    count_in(s, account, plan[i][C_QUOTE], -1.0)
    look_around(s, account)
    if HAS_PATH and x[X_FINE_TO] > x[X_FINE_FROM]:
        for k in range(int(x[X_FINE_FROM]), int(x[X_FINE_TO])):
            stretch(s, p, sheet, x, fine[k][0], fine[k][1], fine[k][2], fine[k][3])
    else:
        stretch(s, p, sheet, x, x[X_OPEN], x[X_HIGH], x[X_LOW], x[X_CLOSE])
    count_in(s, account, plan[i][C_QUOTE], 1.0)
    take_back(s, account, sheet, i, math.nan)


def at_close(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any) -> None:
    """Fill the orders for the closes together, and let orders expire."""
    n = len(states)
    for i in range(n):
        if plan[i][C_HERE] == 1.0:
            plan[i][C_QUOTE] = facts[int(plan[i][C_FACT])][X_CLOSE]
    trade_together(states, account, plan, facts, p, sheet, True)
    for i in range(n):
        s = states[i]
        leg = FIRST_LEG
        if plan[i][C_HERE] == 0.0 or s[leg + L_ACTIVE] == 0.0:
            continue
        s[leg + L_LIVE] += 1.0
        tif = s[leg + L_TIF]
        most = s[leg + L_CANCEL_AFTER]
        last = facts[int(plan[i][C_FACT])][X_LAST_OF_SESSION] == 1.0
        ends = last and tif in (AT_THE_CLOSE, DAY)
        if ends or (most > 0.0 and s[leg + L_LIVE] >= most):
            lend(s, account)
            cancel(s, sheet, leg, float(EXPIRED))
            take_back(s, account, sheet, i, math.nan)


def mark(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any) -> None:
    """Value all at the last closes, and look at the margin."""
    n = len(states)
    value = account[A_CASH]
    gross = 0.0
    for i in range(n):
        s = states[i]
        if plan[i][C_HERE] == 1.0:
            s[S_PREVIOUS_CLOSE] = facts[int(plan[i][C_FACT])][X_CLOSE]
        value += s[S_POS] * s[S_PREVIOUS_CLOSE]
        gross += abs(s[S_POS]) * s[S_PREVIOUS_CLOSE]
    account[A_EQUITY] = value
    if not HAS_MARGIN or p[P_MAINTENANCE] == 0.0:
        return
    called = gross > 0.0 and value < p[P_MAINTENANCE] * gross
    account[A_MARGIN_CALL] = 1.0 if called and p[P_ON_MARGIN_CALL] == REDUCE_TO_LEVERAGE else 0.0
    if called and p[P_ON_MARGIN_CALL] == LIQUIDATE:
        for i in range(n):
            s = states[i]
            if s[S_POS] != 0.0 and s[EXIT_LEG + L_ACTIVE] == 0.0:
                s[S_ROW] = account[A_ROW]
                lend(s, account)
                note_exit(s, p, sheet, float(LIQUIDATION))
                leave_to(s, p, 0.0, float(LIQUIDATION))
                take_back(s, account, sheet, i, math.nan)


def judge(states: Any, account: Any, plan: Any, p: Any, sheet: Any, band: float) -> None:
    """Look at the losses of the day and since the peak; orders to close, or to reduce, are given."""
    value = account[A_EQUITY]
    again = False  # what is held, or ordered, is ordered anew
    reason = float(RISK)
    if value > account[A_PEAK]:
        account[A_PEAK] = value
        if account[A_SCALE] != 1.0:
            account[A_SCALE] = 1.0
            again = True
            reason = float(SIGNAL)
    flat = False
    blocked = account[A_DAY] + account[A_LATER]
    if account[A_LOST_DAY] != blocked and has_lost(value, account[A_DAY_EQUITY], p[P_DAILY_LOSS]):
        account[A_LOST_DAY] = blocked
        flat = p[P_ON_DAILY_LOSS] == FLATTEN
    if account[A_HALTED] == 0.0 and has_lost(value, account[A_PEAK], p[P_DRAWDOWN]):
        if p[P_ON_DRAWDOWN] == HALT:
            account[A_HALTED] = 1.0
            flat = True
        elif account[A_SCALE] == 1.0:
            account[A_SCALE] = p[P_REDUCE_TO]
            again = True
    if not flat and not again:
        return
    for i in range(len(states)):
        w = 0.0 if flat else plan[i][C_AIM]
        if w == w:
            order(states[i], account, plan, p, sheet, i, w, False, reason, band)
