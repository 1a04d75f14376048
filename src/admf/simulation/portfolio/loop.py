"""The portfolio's loop, compiled.

This file is not imported: `admf.simulation.portfolio.engine` gives its text to the cache of compiled kernels,
so that the next process compiles nothing, with the functions of `admf.simulation.lots` and `risk` in place of
their imports, and `HAS_RISK` true where a limit is set. It knows prices and targets alone.
`admf.simulation.portfolio.desk` says the same, and more, and is its oracle: both do the same float operations
in the same order, and are tested to be bit-equal.
"""

# The signature of `run` has the types, as numba reads them.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba import types as t_

from admf.simulation.lots import in_lots
from admf.simulation.risk import blocked_by, has_lost, share_within, units_within

_ROW = t_.Array(t_.float64, 1, "C")
_TABLE = t_.Array(t_.float64, 2, "C")
_PRICES = t_.Array(t_.float64, 2, "C", readonly=True)
_FLAGS = t_.Array(t_.boolean, 2, "C", readonly=True)
_ALLOWED = t_.Array(t_.boolean, 1, "C", readonly=True)
_BARS = t_.Array(t_.int64, 1, "C", readonly=True)
_OPTIONS: Any = {"error_model": "numpy", "nogil": True}
_DUST = 1e-12  # of the equity: less than that is rounding, and is not traded
_ROWS = 12  # that a symbol has on a bar at most
_SIGNAL, _RISK = 0.0, 6.0  # codes of the reasons
_OF_RULE = 5.0  # a status is this and the rule's code

HAS_RISK = False
# Places in the limits, and in what the watch over the losses keeps from bar to bar.
_UNITS, _VALUE, _EXPOSURE, _LEVERAGE, _CONCENTRATION, _POSITIONS = range(6)
_DAILY_LOSS, _FLATTENS, _DRAWDOWN, _REDUCES, _REDUCE_TO, _LATER = range(6, 12)
_EQUITY, _PEAK, _DAY, _DAY_EQUITY, _LOST_DAY, _HALTED, _SCALE = range(7)


@njit(**_OPTIONS)
def _store(table, row, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13):
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
    table[row, 13] = x13


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
def _decide(
    orders, n_orders, targets, asked, reason, value, at, pos, mark, goal, since, band, cause, aim, watch
):  # fmt: skip
    """Let targets wait for the next bar of their symbols, where the weight held is out of the band.

    asked: the allocation decides. Else risk does, for what is held, or waits.
    """
    for i in range(pos.shape[0]):
        w = targets[i]
        if w != w:
            continue
        why = _SIGNAL
        if HAS_RISK:
            waits = goal[i] == goal[i]
            if asked:
                aim[i] = w
            if waits and goal[i] == 0.0 and cause[i] == _RISK:
                continue  # what risk closes is closed first
            if not asked and pos[i] == 0.0 and not waits:
                continue
            if not asked:
                why = reason if pos[i] != 0.0 else _SIGNAL
            w = w * watch[_SCALE]
        held = pos[i] * mark[i]
        same_side = held * w > 0.0 and value > 0.0
        drifted = abs(held / value - w) > band if same_side else held != 0.0 or w != 0.0
        if drifted and goal[i] == w:
            if HAS_RISK and why == _RISK:
                cause[i] = why
            continue  # it waits for that already
        if goal[i] == goal[i]:
            side = 1.0 if goal[i] * value >= held else -1.0
            _store(
                orders, n_orders, since[i], -1.0, float(i), side, goal[i],
                np.nan, 0.0, np.nan, np.nan, 0.0, 0.0, 0.0, 4.0, cause[i],
            )  # fmt: skip
            n_orders += 1
            goal[i] = np.nan
        if drifted:
            goal[i] = w
            since[i] = at
            cause[i] = why
    return n_orders


@njit(**_OPTIONS)
def _refuse(orders, n_orders, i, at, side, since, goal, cause, units, quote, rule):
    """Write that a rule blocks, or cuts off, so many units."""
    _store(
        orders, n_orders, since[i], at, float(i), side, goal[i],
        units, 0.0, quote[i], quote[i], 0.0, 0.0, 0.0, _OF_RULE + rule, cause[i],
    )  # fmt: skip
    return n_orders + 1


@njit(**_OPTIONS)
def _limit(
    orders, n_orders, at, due, since, goal, cause, pos, quote, want, out, more, worth, dust, lot_size,
    allowed, limits, watch,
):  # fmt: skip
    """Block, or cut to the limits, what the due orders open or enlarge, if all else goes as planned."""
    count = 0.0
    for i in range(pos.shape[0]):
        if pos[i] != 0.0 and (not due[i] or out[i] < abs(pos[i]) or more[i] > 0.0):
            count += 1.0
    kept = 0.0
    asked = 0.0
    for i in range(pos.shape[0]):
        keep = abs(pos[i]) - out[i] if due[i] else abs(pos[i])
        kept += keep * quote[i]
        if not due[i]:
            continue
        if cause[i] == _RISK:
            more[i] = 0.0  # risk never enlarges
        if not more[i] > 0.0:
            continue
        side = 1.0 if want[i] > 0.0 else -1.0
        opens = keep == 0.0
        if pos[i] == 0.0:
            count += 1.0
        rule = blocked_by(
            allowed[i], watch[_HALTED] == 1.0, watch[_LOST_DAY] == watch[_DAY], False, count,
            limits[_POSITIONS],
        )  # fmt: skip
        if rule != 0:
            n_orders = _refuse(orders, n_orders, i, at, side, since, goal, cause, more[i], quote, rule)
            more[i] = 0.0
        else:
            total = keep + more[i]
            units, rule = units_within(
                total, quote[i], worth, 0.0, limits[_UNITS], limits[_VALUE], limits[_EXPOSURE], np.inf,
                limits[_CONCENTRATION],
            )  # fmt: skip
            if (total - units) * quote[i] > dust:
                left = in_lots(units - keep, lot_size) if units > keep else 0.0
                n_orders = _refuse(
                    orders, n_orders, i, at, side, since, goal, cause, more[i] - left, quote, rule
                )
                more[i] = left if left * quote[i] > dust else 0.0
        if more[i] == 0.0 and opens:
            count -= 1.0
        asked += more[i] * quote[i]
    share = share_within(asked, kept, worth, limits[_LEVERAGE])
    if asked - share * asked > dust:
        for i in range(pos.shape[0]):
            if due[i] and more[i] > 0.0:
                left = in_lots(more[i] * share, lot_size)
                side = 1.0 if want[i] > 0.0 else -1.0
                n_orders = _refuse(
                    orders, n_orders, i, at, side, since, goal, cause, more[i] - left, quote, 9
                )
                more[i] = left if left * quote[i] > dust else 0.0
    return n_orders


@njit(**_OPTIONS)
def _granted(i, units, held, quote, worth, dust, lot_size, limits):
    """Units that a position may be enlarged by as things stand, and the rule that takes the rest."""
    if limits[_POSITIONS] == np.inf and limits[_LEVERAGE] == np.inf:
        return units, 0
    count = 1.0
    gross = 0.0
    for j in range(held.shape[0]):
        if j != i:
            count += 1.0 if held[j] != 0.0 else 0.0
            gross += abs(held[j]) * quote[j]
    rule = blocked_by(True, False, False, False, count, limits[_POSITIONS])
    if rule != 0:
        return 0.0, rule
    size = abs(held[i])
    most, rule = units_within(
        size + units, quote[i], worth, gross, np.inf, np.inf, np.inf, limits[_LEVERAGE], np.inf
    )
    if (size + units - most) * quote[i] <= dust:
        return units, 0
    return (in_lots(most - size, lot_size) if most > size else 0.0), rule


@njit(**_OPTIONS)
def _judge(orders, n_orders, value, at, pos, mark, goal, since, band, cause, aim, limits, watch):
    """Look at the losses of the day and since the peak; orders to close, or to reduce, are given."""
    watch[_EQUITY] = value
    again = (
        False  # what is held, or waits, is ordered anew: at the new peak by the allocation's whole weights
    )
    reason = _RISK
    if value > watch[_PEAK]:
        watch[_PEAK] = value
        if watch[_SCALE] != 1.0:
            watch[_SCALE] = 1.0
            again = True
            reason = _SIGNAL
    flat = False
    blocked = watch[_DAY] + limits[_LATER]  # of a daily bar the next one: what is decided now
    if watch[_LOST_DAY] != blocked and has_lost(value, watch[_DAY_EQUITY], limits[_DAILY_LOSS]):
        watch[_LOST_DAY] = blocked
        flat = limits[_FLATTENS] == 1.0
    if watch[_HALTED] == 0.0 and has_lost(value, watch[_PEAK], limits[_DRAWDOWN]):
        if limits[_REDUCES] == 0.0:
            watch[_HALTED] = 1.0
            flat = True
        elif watch[_SCALE] == 1.0:
            watch[_SCALE] = limits[_REDUCE_TO]
            again = True
    if flat or again:
        targets = np.zeros(aim.shape[0]) if flat else aim
        n_orders = _decide(
            orders, n_orders, targets, False, reason, value, at, pos, mark, goal, since, band, cause, aim,
            watch,
        )  # fmt: skip
    return n_orders


@njit(
    (
        *[_ROW] * 2, _TABLE,  # equity, cash, positions
        *[_ROW] * 5,  # state: purse, pos, mark, goal, since
        *[_ROW] * 4, _ALLOWED, _BARS,  # risk: cause, aim, watch, limits
        *[t_.int64] * 3, *[_PRICES] * 2, _FLAGS, _BARS, _PRICES,
        *[t_.float64] * 7,
    ),
    cache=True,
    **_OPTIONS,
)  # fmt: skip
def run(
    equity, cash_at, positions,
    purse, pos, mark, goal, since,
    cause, aim, watch, limits, allowed, days,
    origin, first, last, open, close, present, decided, targets,
    commission, commission_per_unit, commission_fixed, slippage, spread, lot_size, band,
):  # fmt: skip
    """Simulate rows first..last-1 of the joined calendar; row `origin` is bar 0 of what is filled in."""
    n = pos.shape[0]
    orders = np.empty((64 + _ROWS * n, 14))
    n_orders = 0
    cash = purse[0]
    quote = np.empty(n)
    out = np.empty(n)
    more = np.empty(n)
    want = np.empty(n)
    held = np.empty(n)
    due = np.zeros(n, np.bool_)
    late = np.zeros(n, np.bool_)
    k = 0
    # A decision that saw what is held at the close before comes with the rows after it.
    if decided.shape[0] > 0 and decided[0] == first - 1:
        value = cash
        for i in range(n):
            value += pos[i] * mark[i]
        n_orders = _decide(
            orders, 0, targets[0], True, _SIGNAL, value, float(first - 1 - origin), pos, mark, goal, since,
            band, cause, aim, watch,
        )  # fmt: skip
        k = 1
    for t in range(first, last):
        orders = _roomy(orders, n_orders, _ROWS * n)
        at = float(t - origin)
        if HAS_RISK and watch[_DAY] != days[t]:
            watch[_DAY] = days[t]
            watch[_DAY_EQUITY] = watch[_EQUITY]
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
                lots = in_lots(abs(want[i]), lot_size)
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
                            cause[i],
                        )  # fmt: skip
                        n_orders += 1
                    more[i] = 0.0
            if HAS_RISK:
                n_orders = _limit(
                    orders, n_orders, at, due, since, goal, cause, pos, quote, want, out, more, worth, dust,
                    lot_size, allowed, limits, watch,
                )  # fmt: skip
            # Long positions are reduced (0), short ones opened (1), short ones reduced (2), then long ones
            # opened, scaled to the cash that there is. Short ones that a limit forbids while those are not
            # reduced come after them (3). What reduces asks for no cash.
            for stage in range(4):
                if stage == 3 and not HAS_RISK:
                    continue
                for i in range(n):
                    if not due[i]:
                        continue
                    if stage == 0:
                        units = out[i] if pos[i] > 0.0 else 0.0
                    elif stage == 2:
                        units = out[i] if pos[i] < 0.0 else 0.0
                    elif stage == 1 or late[i]:
                        units = more[i] if want[i] < 0.0 and pos[i] <= 0.0 else 0.0
                    else:
                        units = 0.0
                    if not units > 0.0:
                        continue
                    opens = stage == 1 or stage == 3
                    if HAS_RISK and opens:
                        granted, rule = _granted(i, units, pos, quote, worth, dust, lot_size, limits)
                        late[i] = rule != 0 and stage == 1
                        if late[i]:
                            continue
                        if rule != 0:
                            n_orders = _refuse(
                                orders, n_orders, i, at, -1.0, since, goal, cause, units - granted, quote,
                                rule,
                            )  # fmt: skip
                            units = granted
                            if not units > 0.0:
                                continue
                    side = 1.0 if stage == 2 else -1.0
                    slipped = quote[i] * (1.0 + side * slippage)
                    price = slipped * (1.0 - spread) if opens else slipped
                    fee = units * price * commission + units * commission_per_unit + commission_fixed
                    if opens and units * price < fee and cash + units * price - fee < 0.0:
                        _store(
                            orders, n_orders, since[i], at, float(i), side, goal[i],
                            units, 0.0, quote[i], price, 0.0, 0.0, 0.0, 3.0, cause[i],
                        )  # fmt: skip
                        n_orders += 1
                        continue
                    cash -= side * units * price
                    cash -= fee
                    pos[i] = pos[i] + side * units if units != abs(pos[i]) or opens else 0.0
                    out[i] = 0.0
                    _store(
                        orders, n_orders, since[i], at, float(i), side, goal[i], units, units, quote[i],
                        price, fee, units * abs(slipped - quote[i]), units * abs(price - slipped), 0.0,
                        cause[i],
                    )  # fmt: skip
                    n_orders += 1
            if HAS_RISK:
                for i in range(n):
                    held[i] = pos[i]
                for i in range(n):
                    if not (due[i] and more[i] > 0.0 and want[i] > 0.0 and pos[i] >= 0.0):
                        continue
                    granted, rule = _granted(i, more[i], held, quote, worth, dust, lot_size, limits)
                    if rule != 0:
                        n_orders = _refuse(
                            orders, n_orders, i, at, 1.0, since, goal, cause, more[i] - granted, quote, rule
                        )  # fmt: skip
                        more[i] = granted
                    held[i] += granted
            count = 0.0
            total = 0.0
            for i in range(n):
                if due[i] and more[i] > 0.0 and want[i] > 0.0 and pos[i] >= 0.0:
                    price = quote[i] * (1.0 + slippage) * (1.0 + spread)
                    count += 1.0
                    total += more[i] * (price + price * commission + commission_per_unit)
            scale = 1.0
            if count > 0.0 and total + count * commission_fixed > cash + dust:
                scale = (cash - count * commission_fixed) / total
                scale = scale if scale > 0.0 else 0.0
            for i in range(n):
                if not (due[i] and more[i] > 0.0 and want[i] > 0.0 and pos[i] >= 0.0):
                    continue
                wanted = more[i]
                units = wanted if scale == 1.0 else in_lots(wanted * scale, lot_size)
                slipped = quote[i] * (1.0 + slippage)
                price = slipped * (1.0 + spread)
                if not units > 0.0:
                    _store(
                        orders, n_orders, since[i], at, float(i), 1.0, goal[i],
                        wanted, 0.0, quote[i], price, 0.0, 0.0, 0.0, 3.0, cause[i],
                    )  # fmt: skip
                    n_orders += 1
                    continue
                fee = units * price * commission + units * commission_per_unit + commission_fixed
                cash -= units * price
                cash -= fee
                pos[i] = pos[i] + units
                _store(
                    orders, n_orders, since[i], at, float(i), 1.0, goal[i], wanted, units, quote[i], price,
                    fee, units * abs(slipped - quote[i]), units * abs(price - slipped),
                    0.0 if units == wanted else 1.0, cause[i],
                )  # fmt: skip
                n_orders += 1
            for i in range(n):
                if due[i]:
                    goal[i] = np.nan
                    cause[i] = _SIGNAL
        # 2. mark at the close; a symbol without a bar keeps its last one
        value = cash
        for i in range(n):
            if present[t, i]:
                mark[i] = close[t, i]
            value += pos[i] * mark[i]
            positions[t - origin, i] = pos[i]
        equity[t - origin] = value
        cash_at[t - origin] = cash
        # 3. what risk, and the allocation, decide at this close
        if HAS_RISK:
            n_orders = _judge(
                orders, n_orders, value, at, pos, mark, goal, since, band, cause, aim, limits, watch
            )
        if k < decided.shape[0] and decided[k] == t:
            n_orders = _decide(
                orders, n_orders, targets[k], True, _SIGNAL, value, at, pos, mark, goal, since, band, cause,
                aim, watch,
            )  # fmt: skip
            k += 1
    purse[0] = cash
    return orders[:n_orders]
