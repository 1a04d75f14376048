"""Lends the account to a symbol while it trades, and takes it back."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.orders.layout import (
    FIRST_LEG,
    HAS_RISK,
    IS_ORDER,
    L_DECIDED,
    L_REASON,
    L_TARGET,
    L_TYPE,
    S_BLOCKED_DAY,
    S_CASH,
    S_CASH_CUT,
    S_DAY,
    S_GROSS_OTHERS,
    S_HALTED,
    S_MONTH_TRADED,
    S_OPEN_OTHERS,
    S_OTHERS,
    S_POS,
    S_ROWS,
)
from admf.simulation.orders.rows import rest_of, write_row
from admf.simulation.portfolio.desk.layout import (
    A_CASH,
    A_DAY,
    A_GROSS,
    A_HALTED,
    A_LOST_DAY,
    A_OPEN,
    A_ROW,
    A_ROWS,
    A_TRADED,
    A_VALUE,
    C_QUOTE,
    R_CASH_CUT,
    R_PRICE,
    R_SIDE,
    R_STATUS,
    R_SYMBOL,
    R_TARGET,
    R_UNITS,
    R_WANTED,
)
from admf.simulation.records import BLOCKED_BY, PARTLY_FILLED


def lend(s: Any, account: Any) -> None:
    """Give a symbol the account's cash, traded volume and place in the sheet."""
    s[S_CASH] = account[A_CASH]
    s[S_MONTH_TRADED] = account[A_TRADED]
    s[S_ROWS] = account[A_ROWS]
    s[S_CASH_CUT] = 0.0
    if HAS_RISK:
        s[S_HALTED] = account[A_HALTED]
        s[S_BLOCKED_DAY] = account[A_LOST_DAY]
        s[S_DAY] = account[A_DAY]


def take_back(s: Any, account: Any, sheet: Any, i: int, asked: float) -> None:
    """Take back what `lend` gave, and complete the rows of symbol `i`.

    `asked`: units that the order wanted, where the last row is its fill; NaN: as many as the row says.
    """
    first, end = int(account[A_ROWS]), int(s[S_ROWS])
    entry = -1
    for k in range(first, end):
        row = sheet[k]
        row[R_SYMBOL] = i
        row[R_WANTED] = math.nan
        row[R_CASH_CUT] = 0.0
        if row[0] == IS_ORDER and row[R_STATUS] == PARTLY_FILLED:
            left = abs(s[S_POS]) if row[R_TARGET] == 0.0 else rest_of(s, FIRST_LEG)
            row[R_WANTED] = row[R_UNITS] + left
        if row[0] == IS_ORDER and row[R_SIDE] * row[R_TARGET] > 0.0 and row[R_PRICE] == row[R_PRICE]:
            entry = k
    if s[S_CASH_CUT] > 0.0 and entry >= 0:
        row = sheet[entry]
        asked_for = row[R_WANTED] if row[R_WANTED] == row[R_WANTED] else row[R_UNITS]
        row[R_WANTED] = asked_for + s[S_CASH_CUT]
        row[R_CASH_CUT] = 1.0
    if asked == asked:
        sheet[end - 1][R_WANTED] = asked
    account[A_CASH] = s[S_CASH]
    account[A_TRADED] = s[S_MONTH_TRADED]
    account[A_ROWS] = s[S_ROWS]


def count_up(states: Any, account: Any, plan: Any) -> None:
    """Add up what all symbols hold, at their quotes."""
    account[A_VALUE] = account[A_GROSS] = account[A_OPEN] = 0.0
    for i in range(len(states)):
        count_in(states[i], account, plan[i][C_QUOTE], 1.0)


def count_in(s: Any, account: Any, q: float, sign: float) -> None:
    """Add what a symbol holds to the sums over all, or take it out of them."""
    value = s[S_POS] * q
    if value != 0.0:
        account[A_VALUE] += sign * value
        account[A_GROSS] += sign * abs(value)
        account[A_OPEN] += sign


def look_around(s: Any, account: Any) -> None:
    """Tell a symbol, that is taken out of the sums, what the others hold."""
    alone = account[A_OPEN] == 0.0  # then the sums are what rounding has left
    s[S_OTHERS] = 0.0 if alone else account[A_VALUE]
    s[S_GROSS_OTHERS] = 0.0 if alone else account[A_GROSS]
    s[S_OPEN_OTHERS] = account[A_OPEN]


def refuse_units(
    s: Any, account: Any, sheet: Any, i: int, side: float, units: float, price: float, status: float, q: float
) -> None:
    """Put a row into the sheet for units of the working order that are not traded."""
    lend(s, account)
    leg = FIRST_LEG
    write_row(
        s, sheet, IS_ORDER, s[leg + L_DECIDED], account[A_ROW], side, s[leg + L_TARGET], units, q, price, 0.0,
        0.0, 0.0, s[leg + L_REASON], status, s[leg + L_TYPE],
    )  # fmt: skip
    take_back(s, account, sheet, i, math.nan)


def refuse_by(
    s: Any, account: Any, sheet: Any, i: int, side: float, units: float, rule: int, q: float
) -> None:
    """Put a row into the sheet for units that a rule of risk blocks or cuts off."""
    refuse_units(s, account, sheet, i, side, units, q, float(BLOCKED_BY + rule - 1), q)
