"""Metrics of the returns of the bars, from sums that are taken in one pass.

A tile of bars at a time becomes returns, which stay in the processor's nearest cache while each sum takes
them. Sums are in lanes (see `admf.simulation.lanes`) and of the deviations from a pivot: 0, as the mean
return of a bar is far below its deviation, or where it is not, and digits would cancel, the mean itself in a
second pass. Conventions and arguments: `admf.simulation.measures`; `sums` are the cells below, of `valid`
returns; `held` is what `market_sums` gives.
"""

from __future__ import annotations

import math
from math import nan

import numpy as np

from admf.simulation.lanes import folded, lane_squares, lane_sum
from admf.simulation.measures_equity import BLOCK, equity_blocks, extremes
from admf.simulation.scalars import ratio, real_power
from admf.typing import FloatArray

LANES = 64
STEP = 256  # bars that are added up before they go to their lane
TILE = 1024  # bars, a multiple of BLOCK
RESOLUTION = 1e-28  # variance below which returns may be all the same: they are known to about 1e-16

# Rows of the sums: powers of the deviations from the pivot, of excess returns and their shortfalls, of
# returns below 0, of products with the market's.
TOTAL, SQUARES, CUBES, FOURTHS, EXCESS, SHORTFALL, SHORT_SQUARES, LOSS_SQUARES, PRODUCTS = range(9)
PIVOT, LEVELS = 9, 10  # a number; sum of the equity at all closes
SUMS = 11


def return_sums(
    equity: FloatArray,
    market: FloatArray,
    held: tuple[float, float],
    cash: float,
    risk_free: float,
    shape: bool,
    downside: bool,
    beside: bool,
    highs: FloatArray,
    lows: FloatArray,
    sums: FloatArray,
) -> int:
    """Fill the sums that the three flags ask for, and the blocks' extremes; give how many returns there are.

    None follow an equity of 0 or below. `beside` is for the products with the market.
    """
    valid = _sum_up(equity, market, held, cash, risk_free, 0.0, shape, downside, beside, highs, lows, sums)
    mean = sums[TOTAL] / valid
    if valid * (mean * mean) > 0.1 * sums[SQUARES]:
        valid = _sum_up(
            equity, market, held, cash, risk_free, mean, shape, downside, beside, highs, lows, sums
        )
    return valid


def _sum_up(
    equity: FloatArray,
    market: FloatArray,
    held: tuple[float, float],
    cash: float,
    risk_free: float,
    pivot: float,
    shape: bool,
    downside: bool,
    beside: bool,
    highs: FloatArray,
    lows: FloatArray,
    sums: FloatArray,
) -> int:
    lanes = np.zeros((PIVOT, LANES))
    tile, tops, bottoms, levels = np.empty(TILE), np.empty(16), np.empty(16), np.zeros(16)
    passed = 0  # bars whose equity, and extremes of whole blocks, are in
    tile[0] = equity[0] / cash - 1.0
    valid = count = 1
    begin = 0  # the tile holds the returns of the `count` bars after this one; first that of bar 0
    last = equity.shape[0] - 1
    go_on = True
    while go_on:
        if shape:
            add_moments(tile, count, pivot, lanes)
        else:
            add_spread(tile, count, pivot, lanes)
        if downside:
            add_downside(tile, count, risk_free, lanes)
            if risk_free != 0.0:
                add_losses(tile, count, lanes)
        if beside and valid > 1:
            add_products(tile, count, pivot, market, begin + 1, held[0], lanes)
        begin = valid - 1
        go_on = begin < last and equity[begin] > 0.0
        if go_on:
            asked = min(last - begin, TILE)
            count = fill_returns(equity, begin, asked, tile, tops, bottoms, levels, highs, lows)
            valid += count
            passed = begin + asked
    for row in range(PIVOT):
        width = LANES
        while width > 1:
            width //= 2
            for j in range(width):
                lanes[row, j] += lanes[row, j + width]
        sums[row] = lanes[row, 0]
    if risk_free == 0.0:  # returns and excess returns are the same
        sums[LOSS_SQUARES] = sums[SHORT_SQUARES]
    sums[PIVOT] = pivot
    equity_blocks(equity, passed // BLOCK, highs, lows)
    sums[LEVELS] = folded(levels)
    for k in range(passed, last + 1):
        sums[LEVELS] += equity[k]
    return valid


def fill_returns(
    equity: FloatArray,
    begin: int,
    count: int,
    tile: FloatArray,
    tops: FloatArray,
    bottoms: FloatArray,
    levels: FloatArray,
    highs: FloatArray,
    lows: FloatArray,
) -> int:
    """Fill the returns of the bars after `begin`; give how many, the last one that of ruin.

    On the way it fills highest and lowest equity of the whole blocks of the `count` bars from `begin`, a
    multiple of `BLOCK`, on, and adds up the equity of all: a division takes so long that they cost little.
    """
    whole = count - count % BLOCK
    low = equity[begin + whole]
    for i in range(0, whole, BLOCK):
        k = begin + i
        for j in range(16):
            one, two = equity[np.uint64(k + j)], equity[np.uint64(k + j + 16)]
            three, four = equity[np.uint64(k + j + 32)], equity[np.uint64(k + j + 48)]
            tile[np.uint64(i + j)] = equity[np.uint64(k + j + 1)] / one - 1.0
            tile[np.uint64(i + j + 16)] = equity[np.uint64(k + j + 17)] / two - 1.0
            tile[np.uint64(i + j + 32)] = equity[np.uint64(k + j + 33)] / three - 1.0
            tile[np.uint64(i + j + 48)] = equity[np.uint64(k + j + 49)] / four - 1.0
            tops[np.uint64(j)] = max(max(one, two), max(three, four))
            bottoms[np.uint64(j)] = min(min(one, two), min(three, four))
            levels[np.uint64(j)] += (one + two) + (three + four)
        b = k // BLOCK
        highs[b], lows[b] = extremes(tops, bottoms)
        low = min(lows[b], low)
    for i in range(whole, count):
        after = equity[begin + i + 1]
        tile[i] = after / equity[begin + i] - 1.0
        levels[i % 16] += equity[begin + i]
        low = min(after, low)
    if low <= 0.0:
        for k in range(count):
            if equity[begin + k + 1] <= 0.0:
                return k + 1
    return count


def add_spread(tile: FloatArray, count: int, pivot: float, lanes: FloatArray) -> None:
    """Add deviations and their squares."""
    whole = count - count % STEP
    for i in range(0, whole, STEP):
        for j in range(LANES):
            a = tile[np.uint64(i + j)] - pivot
            b = tile[np.uint64(i + j + 64)] - pivot
            c = tile[np.uint64(i + j + 128)] - pivot
            d = tile[np.uint64(i + j + 192)] - pivot
            u = np.uint64(j)
            lanes[TOTAL, u] += (a + b) + (c + d)
            lanes[SQUARES, u] += (a * a + b * b) + (c * c + d * d)
    for k in range(whole, count):
        a = tile[k] - pivot
        lanes[TOTAL, k % LANES] += a
        lanes[SQUARES, k % LANES] += a * a


def add_moments(tile: FloatArray, count: int, pivot: float, lanes: FloatArray) -> None:
    """Add deviations and their powers up to the fourth; the first two to the bits of `add_spread`."""
    whole = count - count % STEP
    for i in range(0, whole, STEP):
        for j in range(LANES):
            a = tile[np.uint64(i + j)] - pivot
            b = tile[np.uint64(i + j + 64)] - pivot
            c = tile[np.uint64(i + j + 128)] - pivot
            d = tile[np.uint64(i + j + 192)] - pivot
            e, f, g, h = a * a, b * b, c * c, d * d
            u = np.uint64(j)
            lanes[TOTAL, u] += (a + b) + (c + d)
            lanes[SQUARES, u] += (e + f) + (g + h)
            lanes[CUBES, u] += (a * e + b * f) + (c * g + d * h)
            lanes[FOURTHS, u] += (e * e + f * f) + (g * g + h * h)
    for k in range(whole, count):
        a = tile[k] - pivot
        e = a * a
        lanes[TOTAL, k % LANES] += a
        lanes[SQUARES, k % LANES] += e
        lanes[CUBES, k % LANES] += a * e
        lanes[FOURTHS, k % LANES] += e * e


def add_downside(tile: FloatArray, count: int, risk_free: float, lanes: FloatArray) -> None:
    """Add excess returns above 0, below 0, and the squares of these."""
    whole = count - count % STEP
    for i in range(0, whole, STEP):
        for j in range(LANES):
            a, b = tile[np.uint64(i + j)] - risk_free, tile[np.uint64(i + j + 64)] - risk_free
            c, d = tile[np.uint64(i + j + 128)] - risk_free, tile[np.uint64(i + j + 192)] - risk_free
            u = np.uint64(j)
            lanes[EXCESS, u] += (max(a, 0.0) + max(b, 0.0)) + (max(c, 0.0) + max(d, 0.0))
            a, b, c, d = min(a, 0.0), min(b, 0.0), min(c, 0.0), min(d, 0.0)
            lanes[SHORTFALL, u] -= (a + b) + (c + d)
            lanes[SHORT_SQUARES, u] += (a * a + b * b) + (c * c + d * d)
    for k in range(whole, count):
        a = tile[k] - risk_free
        lanes[EXCESS, k % LANES] += max(a, 0.0)
        a = min(a, 0.0)
        lanes[SHORTFALL, k % LANES] -= a
        lanes[SHORT_SQUARES, k % LANES] += a * a


def add_losses(tile: FloatArray, count: int, lanes: FloatArray) -> None:
    """Add the squares of returns below 0."""
    whole = count - count % STEP
    for i in range(0, whole, STEP):
        for j in range(LANES):
            a, b = min(tile[np.uint64(i + j)], 0.0), min(tile[np.uint64(i + j + 64)], 0.0)
            c, d = min(tile[np.uint64(i + j + 128)], 0.0), min(tile[np.uint64(i + j + 192)], 0.0)
            lanes[LOSS_SQUARES, np.uint64(j)] += (a * a + b * b) + (c * c + d * d)
    for k in range(whole, count):
        a = min(tile[k], 0.0)
        lanes[LOSS_SQUARES, k % LANES] += a * a


def add_products(
    tile: FloatArray, count: int, pivot: float, market: FloatArray, begin: int, mean: float, lanes: FloatArray
) -> None:
    """Add products of the deviations with those of the market from its mean, whose bar `begin` is first."""
    whole = count - count % STEP
    for i in range(0, whole, STEP):
        k = begin + i
        for j in range(LANES):
            a = (tile[np.uint64(i + j)] - pivot) * (market[np.uint64(k + j)] - mean)
            b = (tile[np.uint64(i + j + 64)] - pivot) * (market[np.uint64(k + j + 64)] - mean)
            c = (tile[np.uint64(i + j + 128)] - pivot) * (market[np.uint64(k + j + 128)] - mean)
            d = (tile[np.uint64(i + j + 192)] - pivot) * (market[np.uint64(k + j + 192)] - mean)
            lanes[PRODUCTS, np.uint64(j)] += (a + b) + (c + d)
    for k in range(whole, count):
        lanes[PRODUCTS, k % LANES] += (tile[k] - pivot) * (market[begin + k] - mean)


def market_sums(market: FloatArray) -> tuple[float, float]:
    """Mean of the market's returns (cell 0 is none of them), and sum of the squared deviations from it."""
    count = market.shape[0] - 1
    if count < 1:
        return 0.0, 0.0
    returns = market[1:]
    mean = lane_sum(returns, count) / count
    return mean, lane_squares(returns, count, mean)


def are_equal(equity: FloatArray, valid: int, cash: float) -> bool:
    """Whether all returns are the same: their deviation is then 0, which rounding hides."""
    first = equity[0] / cash - 1.0
    for i in range(1, valid):  # noqa: SIM110 - numba knows no all() of a generator
        if equity[i] / equity[i - 1] - 1.0 != first:
            return False
    return True


def squared_deviations(sums: FloatArray, valid: int, equity: FloatArray, cash: float) -> float:
    """Sum of the squared deviations from the mean; 0 where all returns are the same."""
    squares = sums[SQUARES] - sums[TOTAL] * (sums[TOTAL] / valid)
    if not squares > RESOLUTION * valid and are_equal(equity, valid, cash):
        return 0.0
    return float(max(squares, 0.0))


def return_spread(
    sums: FloatArray, valid: int, equity: FloatArray, cash: float, risk_free: float, period: float
) -> tuple[float, float]:
    """Sharpe ratio, annual volatility."""
    if valid < 2:
        return nan, nan
    mean = sums[PIVOT] + sums[TOTAL] / valid
    deviation = math.sqrt(squared_deviations(sums, valid, equity, cash) / (valid - 1.0))
    return ratio(mean - risk_free, deviation) * math.sqrt(period), deviation * math.sqrt(period)


def return_shape(
    sums: FloatArray, valid: int, equity: FloatArray, cash: float, risk_free: float
) -> tuple[float, float, float]:
    """Skew, raw kurtosis, probabilistic Sharpe ratio (Bailey and Lopez de Prado 2012, equation 9)."""
    if valid < 2:
        return nan, nan, nan
    squares = squared_deviations(sums, valid, equity, cash)
    if squares == 0.0:
        return nan, nan, nan
    # from powers about the pivot to those about the mean, which is `shift` beside it
    shift = sums[TOTAL] / valid
    two, three, four = sums[SQUARES] / valid, sums[CUBES] / valid, sums[FOURTHS] / valid
    second = squares / valid
    third = three - 3.0 * shift * two + 2.0 * shift * shift * shift
    fourth = four - 4.0 * shift * three + 6.0 * shift * shift * two - 3.0 * (shift * shift) * (shift * shift)
    skewness = ratio(third, second * math.sqrt(second))
    peaked = ratio(fourth, second * second)
    sharpe = ratio(sums[PIVOT] + shift - risk_free, math.sqrt(squares / (valid - 1.0)))
    variance = 1.0 - skewness * sharpe + (peaked - 1.0) / 4.0 * sharpe * sharpe
    if not variance > 0.0:
        return skewness, peaked, nan
    score = sharpe * math.sqrt(valid - 1.0) / math.sqrt(variance)
    return skewness, peaked, 0.5 * (1.0 + math.erf(score / math.sqrt(2.0)))


def return_downside(
    sums: FloatArray, valid: int, equity: FloatArray, risk_free: float, period: float
) -> tuple[float, float, float]:
    """Sortino ratio, downside risk, omega ratio."""
    risk = math.sqrt(sums[LOSS_SQUARES] / valid) * math.sqrt(period)
    if equity.shape[0] < 2:
        return nan, risk, nan
    mean = sums[PIVOT] + sums[TOTAL] / valid - risk_free
    target_risk = math.sqrt(sums[SHORT_SQUARES] / valid) * math.sqrt(period)
    return ratio(mean * period, target_risk), risk, ratio(sums[EXCESS], sums[SHORTFALL])


def return_market(
    sums: FloatArray,
    valid: int,
    equity: FloatArray,
    market: FloatArray,
    held: tuple[float, float],
    cash: float,
    risk_free: float,
    period: float,
) -> tuple[float, float]:
    """Alpha and beta against the market's returns, of the bars after the first."""
    count = valid - 1
    if count < 2:
        return nan, nan
    total = sums[TOTAL] - (equity[0] / cash - 1.0 - sums[PIVOT])
    theirs, variance = held
    covariance = sums[PRODUCTS]
    if count < market.shape[0] - 1:  # ruined: the market of the bars until then
        theirs, variance = market_sums(market[:valid])
        covariance -= total * (theirs - held[0])
    if variance / count < 1e-30:
        return nan, nan
    slope = covariance / variance
    unexplained = (sums[PIVOT] + total / count - risk_free) - slope * (theirs - risk_free)
    return real_power(1.0 + unexplained, period) - 1.0, slope
