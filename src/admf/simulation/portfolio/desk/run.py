"""Runs the desk over a stretch of rows. The same text runs in plain Python and compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from admf.simulation.orders.layout import (
    S_BAR,
    S_BLOCKED,
    S_BLOCKED_BAR,
    S_BLOCKED_DAY,
    S_COOLING,
    S_DAY,
    S_ENTRY,
    S_GOAL,
    S_POS,
    S_PREVIOUS_CLOSE,
    S_SHARED,
    S_STOP,
)
from admf.simulation.portfolio.desk.decide import decide, write_unfilled
from admf.simulation.portfolio.desk.layout import (
    A_CASH,
    A_CASH_INTEREST,
    A_DAY,
    A_DAY_EQUITY,
    A_EQUITY,
    A_LOST_DAY,
    A_MARGIN_INTEREST,
    A_MONTH,
    A_PEAK,
    A_ROW,
    A_ROWS,
    A_SCALE,
    C_AIM,
    C_CARRY,
    C_FACT,
    C_HERE,
)
from admf.simulation.portfolio.desk.row import simulate_row


def begin_portfolio(states: Any, account: Any, plan: Any, marks: Any, cash: float) -> None:
    """Set the states before the first row; all of them are zeros yet. marks: last closes, 0 for none."""
    account[A_CASH] = account[A_EQUITY] = account[A_PEAK] = account[A_DAY_EQUITY] = cash
    account[A_DAY] = account[A_LOST_DAY] = account[A_MONTH] = math.nan
    account[A_ROW] = -1.0
    account[A_SCALE] = 1.0
    for i in range(len(states)):
        s = states[i]
        s[S_SHARED] = 1.0
        s[S_BAR] = s[S_COOLING] = s[S_BLOCKED_BAR] = -1.0
        s[S_PREVIOUS_CLOSE] = float(marks[i])
        s[S_ENTRY] = s[S_STOP] = s[S_GOAL] = s[S_BLOCKED] = math.nan
        s[S_DAY] = s[S_BLOCKED_DAY] = math.nan
        plan[i][C_AIM] = math.nan


def keep(account: Any, sheet: Any, table: Any, used: int) -> Any:
    """Append the rows of the sheet to a table, which grows, and give that."""
    more = int(account[A_ROWS])
    if used + more > table.shape[0]:
        grown = np.empty((2 * table.shape[0] + more, table.shape[1]))
        for k in range(used):
            for j in range(table.shape[1]):
                grown[k, j] = table[k, j]
        table = grown
    for k in range(more):
        row = sheet[k]
        for j in range(table.shape[1]):
            table[used + k, j] = row[j]
    return table


def run_rows(
    states: Any, account: Any, plan: Any, at: Any, facts: Any, fine: Any, p: Any, sheet: Any, table: Any,
    days: Any, months: Any, spans: Any, origin: int, first: int, last: int, when: Any, targets: Any,
    band: float, tracks: Any, held_track: Any, carry_track: Any,
) -> Any:  # fmt: skip
    """Simulate rows first..last-1 of the joined calendar; row `origin` is bar 0 of what is filled in.

    at: row of `facts` of each symbol's bar, -1 where it has none. tracks: equity, cash and interest. A
    decision that saw what is held at the close before comes with the rows after it. Gives the table of rows,
    and how many there are.
    """
    n = len(states)
    used = 0
    k = 0
    if len(when) > 0 and when[0] == first - 1:
        account[A_ROWS] = 0.0
        decide(states, account, plan, p, sheet, targets[0], band)
        table = keep(account, sheet, table, used)
        used += int(account[A_ROWS])
        k = 1
    for t in range(first, last):
        for i in range(n):
            plan[i][C_FACT] = float(at[t, i])
            plan[i][C_HERE] = 1.0 if at[t, i] >= 0 else 0.0
            plan[i][C_CARRY] = 0.0
        paid = account[A_MARGIN_INTEREST] + account[A_CASH_INTEREST]
        simulate_row(
            states, account, plan, facts, fine, p, sheet, float(days[t]), float(months[t]), float(spans[t]),
            band,
        )  # fmt: skip
        tracks[t - origin, 0] = account[A_EQUITY]
        tracks[t - origin, 1] = account[A_CASH]
        tracks[t - origin, 2] = account[A_MARGIN_INTEREST] + account[A_CASH_INTEREST] - paid
        for i in range(n):
            held_track[t - origin, i] = states[i][S_POS]
            carry_track[t - origin, i] = plan[i][C_CARRY]
        if k < len(when) and when[k] == t:
            decide(states, account, plan, p, sheet, targets[k], band)
            k += 1
        if account[A_ROWS] > 0.0:
            table = keep(account, sheet, table, used)
            used += int(account[A_ROWS])
    return table, used


def rest(states: Any, account: Any, p: Any, sheet: Any, table: Any) -> Any:
    """Give a table of the orders that nothing has filled, and how many there are."""
    write_unfilled(states, account, p, sheet)
    return keep(account, sheet, table, 0), int(account[A_ROWS])
