"""The yardstick of the sweep: a kernel written by hand for one strategy and four metrics, and nothing else.

Crossing of two moving averages, always in the market after the first crossing, filled at the next open, whole
equity, commission and slippage in proportion. It knows no settings, records nothing, checks nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy")
def averages(close, lengths):
    """Simple moving averages by running sums, a row a length."""
    rows = np.full((lengths.size, close.size), np.nan)
    for k in range(lengths.size):
        length = lengths[k]
        total = 0.0
        for t in range(close.size):
            total += close[t]
            if t >= length:
                total -= close[t - length]
            if t >= length - 1:
                rows[k, t] = total / length
    return rows


@njit(nogil=True, error_model="numpy")
def pairs(open, close, rows, fast, slow, warm, cash, commission, slippage, out):
    """Fill total return, Sharpe ratio of a bar, deepest drawdown and closed trades of each pair."""
    n = close.size
    for k in range(fast.size):
        one, two = rows[fast[k]], rows[slow[k]]
        money = cash
        units = 0.0
        before = cash
        peak = cash
        deepest = 0.0
        total = 0.0
        squares = 0.0
        trades = 0
        pending = 0.0
        for t in range(warm[k], n):
            if pending != 0.0:
                if units != 0.0:
                    price = open[t] * (1.0 - slippage if units > 0.0 else 1.0 + slippage)
                    money += units * price - abs(units) * price * commission
                    trades += 1
                price = open[t] * (1.0 + pending * slippage)
                units = pending * money / (price * (1.0 + commission))
                money -= units * price + abs(units) * price * commission
                pending = 0.0
            value = money + units * close[t]
            change = value / before - 1.0
            total += change
            squares += change * change
            before = value
            peak = value if value > peak else peak
            depth = value / peak - 1.0
            deepest = depth if depth < deepest else deepest
            if one[t - 1] < two[t - 1] and one[t] > two[t]:
                if units <= 0.0:
                    pending = 1.0
            elif one[t - 1] > two[t - 1] and one[t] < two[t] and units >= 0.0:
                pending = -1.0
        mean = total / n
        out[k, 0] = before / cash - 1.0
        out[k, 1] = mean / math.sqrt((squares - n * mean * mean) / (n - 1)) if squares > 0.0 else np.nan
        out[k, 2] = deepest
        out[k, 3] = trades


def sweep(open, close, fast, slow, cash, commission, slippage):
    """Everything from prices to four metrics of each pair, in one thread."""
    lengths = np.unique(np.concatenate([fast, slow]))
    rows = averages(close, lengths)
    out = np.empty((fast.size, 4))
    at_fast, at_slow = np.searchsorted(lengths, fast), np.searchsorted(lengths, slow)
    pairs(open, close, rows, at_fast, at_slow, slow, cash, commission, slippage, out)
    return out


@njit(nogil=True, error_model="numpy")
def arithmetic(left, right, rounds):
    """Multiply and add within two short arrays, which a core's nearest cache holds: memory plays no part."""
    for _ in range(rounds):
        for i in range(left.size):
            u = np.uint64(i)
            right[u] = right[u] * 0.999 + left[u] * 1.5 - left[u] * left[u]
    return right[0]
