"""The common fill: what all symbols trade at their opens, or closes, with the cash of the account."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.lots import in_lots
from admf.simulation.orders.booking import close_out, open_up
from admf.simulation.orders.decide import cancel
from admf.simulation.orders.fill import fall_short
from admf.simulation.orders.layout import (
    EXIT_LEG,
    FIRST_LEG,
    HAS_FEES,
    HAS_ORDERS,
    HAS_RISK,
    HAS_VOLUME,
    L_ACTIVE,
    L_CLOSE_FIRST,
    L_DECIDED,
    L_REASON,
    L_TARGET,
    L_TIF,
    L_TRIGGERED,
    L_TYPE,
    L_WANT,
    S_HELD,
    S_MONTH_TRADED,
    S_POS,
    S_ROW,
    X_FIRST_OF_SESSION,
)
from admf.simulation.orders.money import (
    P_LOT,
    P_MAKER,
    P_PER_UNIT,
    P_TAKER,
    credit_of,
    entry_prices,
    fee_of,
    fixed_fee,
    rate_of,
)
from admf.simulation.orders.touch import bound_of
from admf.simulation.portfolio.desk.layout import (
    A_CASH,
    A_ROWS,
    A_TRADED,
    C_ASKED_MORE,
    C_ASKED_OUT,
    C_DONE,
    C_DUE,
    C_FACT,
    C_HELD,
    C_LATE,
    C_MORE,
    C_OPEN,
    C_OUT,
    C_QUOTE,
    C_SHORT,
    C_TOUCHED,
    C_WANT,
    DUST,
    R_CASH_CUT,
)
from admf.simulation.portfolio.desk.limits import granted, limit
from admf.simulation.portfolio.desk.plan import cap, find_due, size_up
from admf.simulation.portfolio.desk.purse import lend, refuse_by, refuse_units, take_back
from admf.simulation.records import EXPIRED, FILL_OR_KILL, IMMEDIATE_OR_CANCEL, NOT_AFFORDABLE
from admf.strategies.orders import AT_THE_OPEN, FOK, IOC, MARKET


def trade_together(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, closing: bool
) -> None:  # fmt: skip
    """Fill what is due at the quotes of the plan: what reduces, short sales, purchases as the cash goes."""
    n = len(states)
    if find_due(states, plan, facts, p, closing):
        worth = account[A_CASH]
        for i in range(n):
            worth += states[i][S_POS] * plan[i][C_QUOTE]
        dust = DUST * worth if worth > 0.0 else 0.0
        size_up(states, account, plan, facts, p, sheet, worth, dust)
        if HAS_RISK:
            limit(states, account, plan, facts, p, sheet, worth, dust)
        cap(states, account, plan, facts, p, sheet)
        for i in range(n):
            plan[i][C_LATE] = plan[i][C_DONE] = 0.0
        credit = credit_of(p, worth)
        reduce(states, account, plan, facts, p, sheet, 1.0)
        open_shorts(states, account, plan, facts, p, sheet, worth, dust, credit, False)
        reduce(states, account, plan, facts, p, sheet, -1.0)
        if HAS_RISK:
            open_shorts(states, account, plan, facts, p, sheet, worth, dust, credit, True)
            grant_buys(states, account, plan, p, sheet, worth, dust)
        open_longs(states, account, plan, facts, p, sheet, dust, credit)
        for i in range(n):
            if plan[i][C_DUE] == 1.0:
                settle(states[i], account, plan, p, sheet, i)
    if HAS_ORDERS and not closing:
        for i in range(n):
            end_of_open(states[i], account, plan, facts, sheet, i)


def affords(account: Any, value: float, fee: float, credit: float) -> bool:
    """Tell whether a sale brings money, or leaves the account's cash within its credit."""
    return value >= fee or account[A_CASH] + value - fee + credit >= 0.0


def sell_short(
    s: Any, account: Any, plan: Any, x: Any, p: Any, sheet: Any, i: int, units: float, credit: float
) -> None:  # fmt: skip
    """Open or enlarge a short position."""
    c = plan[i]
    q = c[C_QUOTE]
    bound = bound_of(s, FIRST_LEG)
    lend(s, account)
    price = entry_prices(p, x, -1.0, q, units, bound)[1]
    if not affords(account, units * price, fee_of(s, p, units, price, False), credit):
        refuse_units(s, account, sheet, i, -1.0, units, price, float(NOT_AFFORDABLE), q)
        return
    whole = c[C_SHORT] == 0.0
    book(s, account, plan, x, p, sheet, i, units, True, bound, whole, units if whole else c[C_ASKED_MORE])


def book(
    s: Any, account: Any, plan: Any, x: Any, p: Any, sheet: Any, i: int, units: float, opens: bool,
    bound: float, whole: bool, asked: float,
) -> None:  # fmt: skip
    """Enter a fill of the working order; `s` has the account."""
    c = plan[i]
    leg = FIRST_LEG
    q = c[C_QUOTE]
    size = abs(s[S_POS])
    if opens:
        open_up(s, p, x, sheet, leg, units, size + units, q, s[S_ROW], bound, False, whole)
    else:
        left = size - units if units != size else 0.0
        target, kind = s[leg + L_TARGET], s[leg + L_TYPE]
        if HAS_ORDERS and s[leg + L_CLOSE_FIRST] == 1.0:
            target, kind = 0.0, MARKET
        close_out(
            s, p, x, sheet, units, left, target, q, s[S_ROW], s[leg + L_DECIDED],
            s[leg + L_REASON], bound, False, whole, kind,
        )  # fmt: skip
    c[C_DONE] += units
    take_back(s, account, sheet, i, asked)


def reduce(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, side: float) -> None:
    """Trade what positions of a side are to lose; no lack of cash stops that."""
    for i in range(len(states)):
        c = plan[i]
        s = states[i]
        units = c[C_OUT]
        if c[C_DUE] == 0.0 or not (s[S_POS] * side > 0.0 and units > 0.0):
            continue
        # what a change of side closes first is at the market
        first = HAS_ORDERS and s[FIRST_LEG + L_CLOSE_FIRST] == 1.0
        bound = 0.0 if first else bound_of(s, FIRST_LEG)
        lend(s, account)
        whole = units == c[C_ASKED_OUT]
        asked = units if whole else c[C_ASKED_OUT]
        book(s, account, plan, facts[int(c[C_FACT])], p, sheet, i, units, False, bound, whole, asked)
        c[C_OUT] = 0.0


def open_shorts(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, worth: float, dust: float,
    credit: float, late: bool,
) -> None:  # fmt: skip
    """Sell short. What a limit forbids comes after the purchases to cover, which may make room for it."""
    for i in range(len(states)):
        plan[i][C_HELD] = states[i][S_POS]
    for i in range(len(states)):
        c = plan[i]
        s = states[i]
        if c[C_DUE] == 0.0 or (late and c[C_LATE] == 0.0):
            continue
        units = c[C_MORE] if c[C_WANT] < 0.0 and s[S_POS] <= 0.0 else 0.0
        if not units > 0.0:
            continue
        if HAS_RISK:
            left, rule = granted(plan, p, i, units, worth, dust)
            if rule != 0 and not late:
                c[C_LATE] = 1.0
                continue
            if rule != 0:
                refuse_by(s, account, sheet, i, -1.0, units - left, rule, c[C_QUOTE])
                units = left
                c[C_MORE] = left
                if not units > 0.0:
                    continue
        sell_short(s, account, plan, facts[int(c[C_FACT])], p, sheet, i, units, credit)
        c[C_HELD] = s[S_POS]


def grant_buys(
    states: Any, account: Any, plan: Any, p: Any, sheet: Any, worth: float, dust: float
) -> None:  # fmt: skip
    """Cut purchases to the limits as things stand after the sales."""
    for i in range(len(states)):
        plan[i][C_HELD] = states[i][S_POS]
    for i in range(len(states)):
        c = plan[i]
        if not (c[C_DUE] == 1.0 and c[C_MORE] > 0.0 and c[C_WANT] > 0.0 and states[i][S_POS] >= 0.0):
            continue
        left, rule = granted(plan, p, i, c[C_MORE], worth, dust)
        if rule != 0:
            refuse_by(states[i], account, sheet, i, 1.0, c[C_MORE] - left, rule, c[C_QUOTE])
            c[C_MORE] = left
        c[C_HELD] += left


def to_buy(s: Any, plan: Any, i: int) -> float:
    """Units by which a due order opens or enlarges a long position."""
    c = plan[i]
    return c[C_MORE] if c[C_DUE] == 1.0 and c[C_WANT] > 0.0 and s[S_POS] >= 0.0 else 0.0


def share_of_cash(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, dust: float, credit: float
) -> float:  # fmt: skip
    """Share of the purchases that the cash suffices for, at the highest rates that they may get."""
    count = 0.0
    total = 0.0
    for i in range(len(states)):
        s = states[i]
        units = to_buy(s, plan, i)
        if units > 0.0:
            s[S_MONTH_TRADED] = account[A_TRADED]
            rate = rate_of(s, p)
            if HAS_FEES:
                rate += max(p[P_MAKER], p[P_TAKER])
            x = facts[int(plan[i][C_FACT])]
            price = entry_prices(p, x, 1.0, plan[i][C_QUOTE], units, bound_of(s, FIRST_LEG))[1]
            count += 1.0
            total += units * (price + price * rate + p[P_PER_UNIT])
    fixed = fixed_fee(p)
    cash = account[A_CASH] + credit
    if count > 0.0 and total + count * fixed > cash + dust:
        scale: float = (cash - count * fixed) / total
        return scale if scale > 0.0 else 0.0
    return 1.0


def open_longs(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, dust: float, credit: float
) -> None:  # fmt: skip
    """Buy, all scaled alike where the cash does not suffice."""
    scale = share_of_cash(states, account, plan, facts, p, dust, credit)
    for i in range(len(states)):
        s = states[i]
        c = plan[i]
        wanted = to_buy(s, plan, i)
        if not wanted > 0.0:
            continue
        x = facts[int(c[C_FACT])]
        bound = bound_of(s, FIRST_LEG)
        units = in_lots(wanted * scale, p[P_LOT]) if scale < 1.0 else wanted
        if not units > 0.0:
            price = entry_prices(p, x, 1.0, c[C_QUOTE], wanted, bound)[1]
            refuse_units(s, account, sheet, i, 1.0, wanted, price, float(NOT_AFFORDABLE), c[C_QUOTE])
            c[C_SHORT] = 0.0
            continue
        lend(s, account)
        whole = c[C_SHORT] == 0.0
        asked = wanted if whole else c[C_ASKED_MORE]
        book(s, account, plan, x, p, sheet, i, units, True, bound, whole, asked)
        if units != wanted:
            sheet[int(account[A_ROWS]) - 1][R_CASH_CUT] = 1.0
            if HAS_VOLUME:  # what the volume has cut off is still wanted
                s[FIRST_LEG + L_WANT] -= wanted - units
                c[C_ASKED_MORE] -= wanted - units


def settle(s: Any, account: Any, plan: Any, p: Any, sheet: Any, i: int) -> None:
    """End a due order, or keep what is left of it for the next bar."""
    c = plan[i]
    leg = FIRST_LEG
    pos = s[S_POS]
    if HAS_VOLUME and c[C_SHORT] == 1.0:
        rest = c[C_ASKED_OUT] + c[C_ASKED_MORE] - c[C_DONE] if c[C_DONE] > 0.0 else 0.0
        lend(s, account)
        fall_short(s, p, sheet, leg, s[S_ROW], rest)
        take_back(s, account, sheet, i, math.nan)
        if HAS_ORDERS and s[leg + L_CLOSE_FIRST] == 1.0:
            if pos * s[leg + L_TARGET] >= 0.0:
                s[leg + L_CLOSE_FIRST] = 0.0
            else:
                s[leg + L_TRIGGERED] = 0.0  # the entry itself was not touched
        return
    if HAS_ORDERS and s[leg + L_CLOSE_FIRST] == 1.0 and c[C_TOUCHED] == 0.0:
        if pos * s[leg + L_TARGET] >= 0.0:
            s[leg + L_CLOSE_FIRST] = 0.0
        return
    if pos * s[leg + L_TARGET] > 0.0:
        s[S_HELD] = s[leg + L_TARGET]
    s[leg + L_ACTIVE] = 0.0


def end_of_open(s: Any, account: Any, plan: Any, facts: Any, sheet: Any, i: int) -> None:
    """Cancel what was for the open alone."""
    c = plan[i]
    leg = FIRST_LEG
    if c[C_OPEN] == 0.0 or s[leg + L_ACTIVE] == 0.0 or s[EXIT_LEG + L_ACTIVE] == 1.0:
        return
    if s[leg + L_CLOSE_FIRST] == 1.0:
        return  # its close goes on; the entry is tried once after that
    tif = s[leg + L_TIF]
    status = 0.0
    if tif == IOC:
        status = float(IMMEDIATE_OR_CANCEL)
    elif tif == FOK:
        status = float(FILL_OR_KILL)
    elif tif == AT_THE_OPEN and facts[int(c[C_FACT])][X_FIRST_OF_SESSION] == 1.0:
        status = float(EXPIRED)
    if status != 0.0:
        lend(s, account)
        cancel(s, sheet, leg, status)
        take_back(s, account, sheet, i, math.nan)
