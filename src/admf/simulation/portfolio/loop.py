"""The portfolio's loop, compiled.

This file is not imported: `admf.simulation.portfolio.engine` gives its text to the cache of compiled kernels,
so that the next process compiles nothing. It knows prices and targets alone.
`admf.simulation.portfolio.plain` says the same in plain Python and is its oracle: both do the same float
operations in the same order, and are tested to be bit-equal.
"""

# The signature of `run` has the types, as numba reads them.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba import types as t_

_ROW = t_.Array(t_.float64, 1, "C")
_TABLE = t_.Array(t_.float64, 2, "C")
_PRICES = t_.Array(t_.float64, 2, "C", readonly=True)
_FLAGS = t_.Array(t_.boolean, 2, "C", readonly=True)
_BARS = t_.Array(t_.int64, 1, "C", readonly=True)
_OPTIONS: Any = {"error_model": "numpy", "nogil": True}
_DUST = 1e-12  # of the equity: less than that is rounding, and is not traded


@njit(**_OPTIONS)
def _store(table, row, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12):
    table[row, 0] = x0
    table[row, 1] = x1
    table[row, 2] = x2
    table[row, 3] = x3
    table[row, 4] = x4
    table[row, 5] = x5
    table[row, 6] = x6
    table[row, 7] = x7
    table[row, 8] = x8
    table[row, 9] = x9
    table[row, 10] = x10
    table[row, 11] = x11
    table[row, 12] = x12


@njit(**_OPTIONS)
def _roomy(table, used, more):
    if used + more <= table.shape[0]:
        return table
    grown = np.empty((2 * table.shape[0] + more, table.shape[1]))
    for i in range(used):
        for j in range(table.shape[1]):
            grown[i, j] = table[i, j]
    return grown


@njit(**_OPTIONS)
def _decide(orders, n_orders, targets, value, at, pos, mark, goal, since, band):
    """Let targets wait for the next bar of their symbols, where the weight held is out of the band."""
    for i in range(pos.shape[0]):
        w = targets[i]
        if w != w:
            continue
        held = pos[i] * mark[i]
        same_side = held * w > 0.0 and value > 0.0
        drifted = abs(held / value - w) > band if same_side else held != 0.0 or w != 0.0
        if drifted and goal[i] == w:
            continue  # it waits for that already
        if goal[i] == goal[i]:
            side = 1.0 if goal[i] * value >= held else -1.0
            _store(
                orders, n_orders, since[i], -1.0, float(i), side, goal[i],
                np.nan, 0.0, np.nan, np.nan, 0.0, 0.0, 0.0, 4.0,
            )  # fmt: skip
            n_orders += 1
            goal[i] = np.nan
        if drifted:
            goal[i] = w
            since[i] = at
    return n_orders


@njit(
    (
        *[_ROW] * 2, _TABLE,  # equity, cash, positions
        *[_ROW] * 5,  # state: purse, pos, mark, goal, since
        *[t_.int64] * 3, *[_PRICES] * 2, _FLAGS, _BARS, _PRICES,
        *[t_.float64] * 7,
    ),
    cache=True,
    **_OPTIONS,
)  # fmt: skip
def run(
    equity, cash_at, positions,
    purse, pos, mark, goal, since,
    origin, first, last, open, close, present, decided, targets,
    commission, commission_per_unit, commission_fixed, slippage, spread, lot_size, band,
):  # fmt: skip
    """Simulate rows first..last-1 of the joined calendar; row `origin` is bar 0 of what is filled in."""
    n = pos.shape[0]
    orders = np.empty((64 + 5 * n, 13))
    n_orders = 0
    cash = purse[0]
    quote = np.empty(n)
    out = np.empty(n)
    more = np.empty(n)
    want = np.empty(n)
    due = np.zeros(n, np.bool_)
    k = 0
    # A decision that saw what is held at the close before comes with the rows after it.
    if decided.shape[0] > 0 and decided[0] == first - 1:
        value = cash
        for i in range(n):
            value += pos[i] * mark[i]
        n_orders = _decide(
            orders, 0, targets[0], value, float(first - 1 - origin), pos, mark, goal, since, band
        )
        k = 1
    for t in range(first, last):
        orders = _roomy(orders, n_orders, 5 * n)
        at = float(t - origin)
        # 1. at the open: what was decided, and has a bar now
        waiting = False
        for i in range(n):
            due[i] = present[t, i] and goal[i] == goal[i]
            waiting = waiting or due[i]
        if waiting:
            worth = cash
            for i in range(n):
                quote[i] = open[t, i] if present[t, i] else mark[i]
                worth += pos[i] * quote[i]
            dust = _DUST * worth if worth > 0.0 else 0.0
            for i in range(n):
                if not due[i]:
                    continue
                size = abs(pos[i])
                want[i] = goal[i] * worth / quote[i] if worth > 0.0 else 0.0
                if lot_size > 0.0:
                    lots = np.floor(abs(want[i]) / lot_size) * lot_size
                    want[i] = lots if want[i] > 0.0 else -lots
                if want[i] * pos[i] > 0.0:
                    change = abs(want[i]) - size
                    out[i] = -change if change < 0.0 else 0.0
                    more[i] = change if change > 0.0 else 0.0
                else:
                    out[i] = size
                    more[i] = abs(want[i])
                if out[i] < size and out[i] * quote[i] <= dust:
                    out[i] = 0.0
                if more[i] * quote[i] <= dust:
                    if goal[i] != 0.0 and pos[i] == 0.0:
                        side = 1.0 if goal[i] > 0.0 else -1.0
                        _store(
                            orders, n_orders, since[i], at, float(i), side, goal[i],
                            0.0, 0.0, quote[i], quote[i], 0.0, 0.0, 0.0, 2.0 if worth > 0.0 else 3.0,
                        )  # fmt: skip
                        n_orders += 1
                    more[i] = 0.0
            # sells: long positions reduced, then short ones opened
            for stage in range(2):
                for i in range(n):
                    if not due[i]:
                        continue
                    if stage == 0:
                        units = out[i] if pos[i] > 0.0 else 0.0
                    else:
                        units = more[i] if want[i] < 0.0 and pos[i] <= 0.0 else 0.0
                    if not units > 0.0:
                        continue
                    slipped = quote[i] * (1.0 - slippage)
                    price = slipped if stage == 0 else slipped * (1.0 - spread)
                    fee = units * price * commission + units * commission_per_unit + commission_fixed
                    if cash + units * price - fee < 0.0:
                        _store(
                            orders, n_orders, since[i], at, float(i), -1.0, goal[i],
                            units, 0.0, quote[i], price, 0.0, 0.0, 0.0, 3.0,
                        )  # fmt: skip
                        n_orders += 1
                        continue
                    cash += units * price
                    cash -= fee
                    pos[i] = pos[i] - units if units != pos[i] else 0.0
                    out[i] = 0.0
                    _store(
                        orders, n_orders, since[i], at, float(i), -1.0, goal[i], units, units, quote[i],
                        price, fee, units * abs(slipped - quote[i]), units * abs(price - slipped), 0.0,
                    )  # fmt: skip
                    n_orders += 1
            # buys: short positions reduced, then long ones opened, each scaled to the cash that there is
            scale = 1.0
            for stage in range(2):
                if scale < 1.0:
                    break
                count = 0.0
                total = 0.0
                for i in range(n):
                    if not due[i]:
                        continue
                    if stage == 0:
                        units = out[i] if pos[i] < 0.0 else 0.0
                    else:
                        units = more[i] if want[i] > 0.0 and pos[i] >= 0.0 else 0.0
                    if units > 0.0:
                        slipped = quote[i] * (1.0 + slippage)
                        price = slipped if stage == 0 else slipped * (1.0 + spread)
                        count += 1.0
                        total += units * (price + price * commission + commission_per_unit)
                if count > 0.0 and total + count * commission_fixed > cash + dust:
                    scale = (cash - count * commission_fixed) / total
                    scale = scale if scale > 0.0 else 0.0
                for i in range(n):
                    if not due[i]:
                        continue
                    if stage == 0:
                        wanted = out[i] if pos[i] < 0.0 else 0.0
                    else:
                        wanted = more[i] if want[i] > 0.0 and pos[i] >= 0.0 else 0.0
                    if not wanted > 0.0:
                        continue
                    units = wanted
                    if scale < 1.0:
                        units = wanted * scale
                        if lot_size > 0.0:
                            units = np.floor(units / lot_size) * lot_size
                    slipped = quote[i] * (1.0 + slippage)
                    price = slipped if stage == 0 else slipped * (1.0 + spread)
                    if not units > 0.0:
                        _store(
                            orders, n_orders, since[i], at, float(i), 1.0, goal[i],
                            wanted, 0.0, quote[i], price, 0.0, 0.0, 0.0, 3.0,
                        )  # fmt: skip
                        n_orders += 1
                        continue
                    fee = units * price * commission + units * commission_per_unit + commission_fixed
                    cash -= units * price
                    cash -= fee
                    pos[i] = pos[i] + units if units != -pos[i] else 0.0
                    _store(
                        orders, n_orders, since[i], at, float(i), 1.0, goal[i], wanted, units, quote[i],
                        price, fee, units * abs(slipped - quote[i]), units * abs(price - slipped),
                        0.0 if units == wanted else 1.0,
                    )  # fmt: skip
                    n_orders += 1
            for i in range(n):
                if due[i]:
                    goal[i] = np.nan
        # 2. mark at the close; a symbol without a bar keeps its last one
        value = cash
        for i in range(n):
            if present[t, i]:
                mark[i] = close[t, i]
            value += pos[i] * mark[i]
            positions[t - origin, i] = pos[i]
        equity[t - origin] = value
        cash_at[t - origin] = cash
        # 3. what is decided at this close
        if k < decided.shape[0] and decided[k] == t:
            n_orders = _decide(orders, n_orders, targets[k], value, at, pos, mark, goal, since, band)
            k += 1
    purse[0] = cash
    return orders[:n_orders]
