"""Metrics of the equity itself: growth, drawdowns, the line through its logarithm.

Highest and lowest value of every block of bars are found first: most blocks need no more than these two, or
are worked on without a branch. Conventions and arguments: `admf.simulation.measures`; `highs` and `lows` are
of the blocks, shape (blocks,).
"""

from __future__ import annotations

import math
from math import nan

import numpy as np

from admf.simulation.lanes import folded
from admf.simulation.scalars import ratio, real_power
from admf.typing import FloatArray

BLOCK = 64  # bars; four rows of sixteen below
NEAR = 0.15  # how far from its reference a value may be for `log_near` to be good to 13 digits


def equity_blocks(equity: FloatArray, begin: int, highs: FloatArray, lows: FloatArray) -> None:
    """Fill highest and lowest value of each block from block `begin` on; the last one may be short."""
    n = equity.shape[0]
    tops, bottoms = np.empty(16), np.empty(16)
    whole = n // BLOCK
    for b in range(begin, whole):
        i = b * BLOCK
        for j in range(16):
            one, two = equity[np.uint64(i + j)], equity[np.uint64(i + j + 16)]
            three, four = equity[np.uint64(i + j + 32)], equity[np.uint64(i + j + 48)]
            tops[np.uint64(j)] = max(max(one, two), max(three, four))
            bottoms[np.uint64(j)] = min(min(one, two), min(three, four))
        highs[b], lows[b] = extremes(tops, bottoms)
    if whole < highs.shape[0]:
        top = bottom = equity[whole * BLOCK]
        for k in range(whole * BLOCK, n):
            top = max(equity[k], top)
            bottom = min(equity[k], bottom)
        highs[whole] = top
        lows[whole] = bottom


def extremes(tops: FloatArray, bottoms: FloatArray) -> tuple[float, float]:
    """Highest and lowest of sixteen of each."""
    top, bottom = tops[0], bottoms[0]
    for j in range(1, 16):
        top = max(tops[np.uint64(j)], top)
        bottom = min(bottoms[np.uint64(j)], bottom)
    return top, bottom


def equity_growth(equity: FloatArray, cash: float, period: float) -> tuple[float, float, float]:
    """Give final equity, total return, annual return."""
    n = equity.shape[0]
    grown = equity[n - 1] / cash
    return equity[n - 1], grown - 1.0, real_power(grown, period / n) - 1.0


def equity_drawdown(
    equity: FloatArray, highs: FloatArray, lows: FloatArray, cash: float, period: float
) -> tuple[float, float, float]:
    """Maximum drawdown, Calmar ratio, recovery factor."""
    n = equity.shape[0]
    least = 1.0  # share of the peak: the drawdown is what it lacks
    # Against the peak before its block a value above 0 is no lower than against its own, one below 0 no lower
    # against the block's highest: a bound, and in most blocks the answer itself.
    peak = cash
    for b in range(highs.shape[0]):
        least = min(lows[b] / (peak if lows[b] > 0.0 else max(highs[b], peak)), least)
        peak = max(highs[b], peak)
    # Only a block that reaches a new peak, and is low enough for that, need be looked at.
    peak = cash
    guard = max(least * (1.0 + 1e-15), 0.0)
    for b in range(highs.shape[0]):
        if highs[b] > peak and lows[b] < highs[b] * guard:
            for k in range(b * BLOCK, min(b * BLOCK + BLOCK, n)):
                peak = max(equity[k], peak)
                if equity[k] < peak * guard:
                    least = min(equity[k] / peak, least)
                    guard = max(least * (1.0 + 1e-15), 0.0)
        peak = max(highs[b], peak)
    deepest = least - 1.0
    grown = equity[n - 1] / cash
    return (
        deepest,
        ratio(real_power(grown, period / n) - 1.0, -deepest),
        ratio(grown - 1.0, -deepest),
    )


def equity_under_water(
    equity: FloatArray, highs: FloatArray, lows: FloatArray, cash: float
) -> tuple[float, float]:
    """Longest drawdown in bars, ulcer index."""
    n = equity.shape[0]
    peak = cash
    run = longest = 0
    squares = 0.0
    lanes, peaks = np.zeros(BLOCK), np.empty(BLOCK)
    for b in range(highs.shape[0]):
        i = b * BLOCK
        if i + BLOCK > n:
            longest = max(run, longest)  # the run that comes in may end with the first bar
            for k in range(i, n):
                peak = max(equity[k], peak)
                depth = equity[k] / peak - 1.0
                squares += depth * depth
                run = run + 1 if depth < 0.0 else 0
                longest = max(run, longest)
        elif highs[b] < peak:
            inverse = 1.0 / peak
            for j in range(BLOCK):
                depth = (equity[np.uint64(i + j)] - peak) * inverse
                lanes[np.uint64(j)] += depth * depth
            run += BLOCK
        elif lows[b] < peak or highs[b] > peak:
            before = peak
            for j in range(BLOCK):
                peak = max(equity[np.uint64(i + j)], peak)
                peaks[np.uint64(j)] = peak
            for j in range(BLOCK):
                depth = equity[np.uint64(i + j)] / peaks[np.uint64(j)] - 1.0
                lanes[np.uint64(j)] += depth * depth
            # what ends the run that came in, and begins the one that goes out; what lies between is shorter
            first, last = i, i + BLOCK - 1
            while equity[first] < before:
                first += 1
            while equity[last] < peak:
                last -= 1
            longest = max(run + first - i, longest)
            if longest < BLOCK:
                run = 0
                for k in range(first, last):
                    run = run + 1 if equity[k] < peaks[k - i] else 0
                    longest = max(run, longest)
            run = i + BLOCK - 1 - last
        else:  # flat at the peak
            longest = max(run, longest)
            run = 0
    return float(max(run, longest)), math.sqrt((squares + folded(lanes)) / n)


def equity_stability(equity: FloatArray, highs: FloatArray, lows: FloatArray) -> tuple[float]:
    """R squared of a line through the logarithm of the equity."""
    n = equity.shape[0]
    # taken against the middle one: a constant changes nothing, and the sums below cancel little
    base = equity[n // 2]
    if not base > 0.0:
        return (nan,)
    middle = (n - 1.0) / 2.0
    total = squares = covariance = 0.0
    totals, squared, products = np.zeros(16), np.zeros(16), np.zeros(16)
    steps, logs = np.arange(16.0), np.empty(BLOCK)
    before, level = base, 0.0  # a reference, and its logarithm beside that of the base
    for b in range(highs.shape[0]):
        if not lows[b] > 0.0:
            return (nan,)
        i = b * BLOCK
        start = i - middle
        reference = 0.5 * (highs[b] + lows[b])
        if highs[b] <= reference * (1.0 + NEAR) and i + BLOCK <= n:
            near = abs(reference - before) <= before * NEAR
            level = level + log_near(reference, before) if near else math.log(reference / base)
            before = reference
            for j in range(BLOCK):
                logs[np.uint64(j)] = level + log_near(equity[np.uint64(i + j)], reference)
            for j in range(16):
                u = np.uint64(j)
                at = start + steps[u]
                one, two = logs[u], logs[np.uint64(j + 16)]
                three, four = logs[np.uint64(j + 32)], logs[np.uint64(j + 48)]
                together = (one + two) + (three + four)
                totals[u] += together
                squared[u] += (one * one + two * two) + (three * three + four * four)
                products[u] += together * at + (two * 16.0 + three * 32.0 + four * 48.0)
        else:
            for k in range(i, min(i + BLOCK, n)):
                grown = math.log(equity[k] / base)
                total += grown
                squares += grown * grown
                covariance += (k - middle) * grown
    total += folded(totals)
    squares += folded(squared) - total * (total / n)
    covariance += folded(products)
    times = n * (float(n) * n - 1.0) / 12.0
    if not squares > 0.0:
        return (nan,)
    found = ratio(covariance * covariance, times * squares)
    return (1.0 if found > 1.0 else found,)


def log_near(value: float, reference: float) -> float:
    """Logarithm of their ratio, which is near 1, by its series: a compiler can work on many at once."""
    s = (value - reference) / (value + reference)
    z = s * s
    return s * (2.0 + z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0 + z * (2.0 / 9.0)))))
