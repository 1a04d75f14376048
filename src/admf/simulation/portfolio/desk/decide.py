"""Decisions of a portfolio: weights become orders that travel, work, and are replaced."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.orders.decide import (
    P_LATENCY,
    P_ORDER_TYPE,
    P_TIF,
    cancel,
    price_leg,
    put_to_work,
    valid,
)
from admf.simulation.orders.fill import REBALANCE
from admf.simulation.orders.inside import P_EXIT_MEMORY
from admf.simulation.orders.layout import (
    EXIT_LEG,
    FIRST_LEG,
    HAS_ORDERS,
    HAS_RISK,
    IS_ORDER,
    L_ACTIVE,
    L_CLOSE_FIRST,
    L_REASON,
    L_SIDE,
    L_TARGET,
    LEG_SIZE,
    Q_CLOSE,
    Q_DECIDED,
    Q_FLAG,
    Q_LEGS,
    Q_REASON,
    QUEUE,
    S_BAR,
    S_BLOCKED,
    S_LAST_SLOT,
    S_OUTSTANDING,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_ROW,
    SLOT_SIZE,
)
from admf.simulation.orders.rows import write_end, write_row
from admf.simulation.portfolio.desk.layout import (
    A_EQUITY,
    A_ROW,
    A_ROWS,
    A_SCALE,
    C_AIM,
)
from admf.simulation.portfolio.desk.purse import lend, take_back
from admf.simulation.records import NO_PRICE, REPLACED, RISK, SIGNAL, UNFILLED
from admf.strategies.orders import GTC, MARKET

NAN = math.nan


def slot_at(s: Any, p: Any, bar: float) -> int:
    """Place of the decision that arrives with a bar of the symbol."""
    return QUEUE + int(bar % (p[P_LATENCY] + 1.0)) * SLOT_SIZE


def decide(
    states: Any, account: Any, plan: Any, p: Any, sheet: Any, weights: Any, band: float
) -> None:  # fmt: skip
    """Order, at the close of a row, what brings the weights held to these; NaN leaves a symbol alone."""
    for i in range(len(states)):
        w = float(weights[i])
        if w == w:
            order(states[i], account, plan, p, sheet, i, w, True, float(SIGNAL), band)


def order(
    s: Any, account: Any, plan: Any, p: Any, sheet: Any, i: int, w: float, wish: bool, reason: float,
    band: float,
) -> None:  # fmt: skip
    """Order what brings one symbol to a weight, if that is not under way already.

    wish: the allocation decides. Else risk does, for what is held or ordered.
    """
    leg = FIRST_LEG
    travels = s[S_OUTSTANDING] > 0.0
    waits = travels or s[leg + L_ACTIVE] == 1.0
    slot = int(s[S_LAST_SLOT])
    goal = s[slot + Q_LEGS] if travels else s[leg + L_TARGET]
    cause = s[slot + Q_REASON] if travels else s[leg + L_REASON]
    why = float(SIGNAL)
    if wish:
        plan[i][C_AIM] = w
    if HAS_RISK and waits and goal == 0.0 and cause == RISK:
        return  # what risk closes is closed first
    if not wish and s[S_POS] == 0.0 and not waits:
        return
    if not wish and s[S_POS] != 0.0:
        why = reason
    if p[P_EXIT_MEMORY] == 1.0 and why != RISK:
        if w * s[S_BLOCKED] > 0.0:
            return  # a level has closed that side, and no other decision came since
        if wish:
            s[S_BLOCKED] = NAN
    w = w * account[A_SCALE]
    drifted = is_off(s, account, w, band)
    travels_too = p[P_LATENCY] > 0.0 and waits and why != RISK  # nothing overtakes what is on its way
    if waits and goal == w and (drifted or travels_too):
        if why == RISK and travels:
            s[slot + Q_REASON] = why
            hurry(s, account, p, sheet, i, slot)
        elif why == RISK:
            s[leg + L_REASON] = why
        return
    if waits:
        lend(s, account)
        drop(s, account, p, sheet, why == RISK or not (drifted or travels_too))
        if not drifted and not travels_too and s[leg + L_ACTIVE] == 1.0:
            s[S_ROW] = account[A_ROW]  # its symbol may have no bar here
            cancel(s, sheet, leg, float(REPLACED))
        take_back(s, account, sheet, i, NAN)
    if drifted or travels_too:
        send(s, account, p, w, why)


def is_off(s: Any, account: Any, w: float, band: float) -> bool:
    """Tell whether the weight held, at the last closes, is out of the band around `w`."""
    value = account[A_EQUITY]
    held = s[S_POS] * s[S_PREVIOUS_CLOSE]
    if held * w > 0.0 and value > 0.0:
        off: bool = abs(held / value - w) > band
    else:
        off = held != 0.0 or w != 0.0
    return off


def side_of(s: Any, account: Any, w: float) -> float:
    """Side of the order that brings what is held, at the last closes, to a weight."""
    return 1.0 if w * account[A_EQUITY] >= s[S_POS] * s[S_PREVIOUS_CLOSE] else -1.0


def write_waiting(s: Any, account: Any, p: Any, sheet: Any, slot: int, status: float) -> None:
    """Put a row into the sheet for a decision that has not arrived."""
    target = s[slot + Q_LEGS]
    write_row(
        s, sheet, IS_ORDER, s[slot + Q_DECIDED], -1.0, side_of(s, account, target), target, NAN, NAN, NAN,
        0.0, 0.0, 0.0, s[slot + Q_REASON], status, type_of(s, account, p, slot),
    )  # fmt: skip


def type_of(s: Any, account: Any, p: Any, slot: int) -> float:
    """Type that a decision on its way will have; what reduces, and what risk orders, is at market."""
    target = s[slot + Q_LEGS]
    reduces = s[S_POS] * target > 0.0 and side_of(s, account, target) * target < 0.0
    if target == 0.0 or reduces or s[slot + Q_REASON] == RISK:
        return float(MARKET)
    kind: float = p[P_ORDER_TYPE]
    return kind


def drop(s: Any, account: Any, p: Any, sheet: Any, all_of_them: bool) -> None:
    """Replace decisions that have not arrived: all, or the one that would arrive with the next decision."""
    present = slot_at(s, p, s[S_BAR])
    for back in range(int(p[P_LATENCY]), -1, -1):
        slot = slot_at(s, p, s[S_BAR] - back)
        if s[slot + Q_FLAG] == 1.0 and (all_of_them or slot == present):
            call_off(s, account, p, sheet, slot)


def call_off(s: Any, account: Any, p: Any, sheet: Any, slot: int) -> None:
    """Replace a decision that has not arrived."""
    write_waiting(s, account, p, sheet, slot, float(REPLACED))
    s[slot + Q_FLAG] = 0.0
    s[S_OUTSTANDING] -= 1.0


def hurry(s: Any, account: Any, p: Any, sheet: Any, i: int, slot: int) -> None:
    """Let a decision on its way arrive with the next bar, in place of an older one."""
    soon = slot_at(s, p, s[S_BAR] + 1.0)
    if soon == slot:
        return
    if s[soon + Q_FLAG] == 1.0:
        lend(s, account)
        call_off(s, account, p, sheet, soon)
        take_back(s, account, sheet, i, NAN)
    for k in range(SLOT_SIZE):
        s[soon + k] = s[slot + k]
    s[slot + Q_FLAG] = 0.0
    s[S_LAST_SLOT] = soon


def send(s: Any, account: Any, p: Any, w: float, why: float) -> None:
    """Give an order; those of risk arrive with the next bar, whatever the latency."""
    slot = slot_at(s, p, s[S_BAR] + 1.0 if why == RISK else s[S_BAR])
    for k in range(SLOT_SIZE):
        s[slot + k] = 0.0
    s[slot + Q_FLAG] = 1.0
    s[slot + Q_LEGS] = w
    s[slot + Q_CLOSE] = s[S_PREVIOUS_CLOSE]
    s[slot + Q_DECIDED] = account[A_ROW]
    s[slot + Q_REASON] = why
    s[S_OUTSTANDING] += 1.0
    s[S_LAST_SLOT] = slot


def arrive(s: Any, account: Any, p: Any, sheet: Any, i: int, band: float) -> None:
    """Let the decision that is due with the symbol's present bar reach the market."""
    slot = slot_at(s, p, s[S_BAR])
    if s[slot + Q_FLAG] == 0.0:
        return
    leg = FIRST_LEG
    if s[leg + L_ACTIVE] == 1.0:
        lend(s, account)
        cancel(s, sheet, leg, float(REPLACED))
        take_back(s, account, sheet, i, NAN)
    s[slot + Q_FLAG] = 0.0
    s[S_OUTSTANDING] -= 1.0
    for k in range(LEG_SIZE):
        s[leg + k] = 0.0
    target = s[slot + Q_LEGS]
    pos = s[S_POS]
    if p[P_LATENCY] > 0.0 and not is_off(s, account, target, band):
        return  # it called off what worked, and there is nothing to trade
    s[leg + L_TARGET] = target
    put_to_work(s, leg, slot, side_of(s, account, target), REBALANCE)
    if HAS_ORDERS and target != 0.0 and s[leg + L_REASON] != RISK:
        turns = pos * target < 0.0
        if turns or pos == 0.0 or s[leg + L_SIDE] * target > 0.0:
            s[leg + L_SIDE] = 1.0 if target > 0.0 else -1.0
            price_leg(s, p, leg)
            if turns and (p[P_ORDER_TYPE] != MARKET or p[P_TIF] != GTC):
                s[leg + L_CLOSE_FIRST] = 1.0
            if not valid(s, p, leg):
                lend(s, account)
                write_end(s, sheet, leg, account[A_ROW], 0.0, float(NO_PRICE))
                take_back(s, account, sheet, i, NAN)
                s[leg + L_ACTIVE] = 0.0


def write_unfilled(states: Any, account: Any, p: Any, sheet: Any) -> None:
    """Put a row into the sheet for each order that works, or is on its way, after the last row."""
    account[A_ROWS] = 0.0
    for i in range(len(states)):
        s = states[i]
        lend(s, account)
        for leg in (EXIT_LEG, FIRST_LEG):
            if s[leg + L_ACTIVE] == 1.0:
                write_end(s, sheet, leg, -1.0, NAN, float(UNFILLED))
        for back in range(int(p[P_LATENCY]), -1, -1):
            slot = slot_at(s, p, s[S_BAR] - back)
            if s[slot + Q_FLAG] == 1.0:
                write_waiting(s, account, p, sheet, slot, float(UNFILLED))
        take_back(s, account, sheet, i, NAN)
