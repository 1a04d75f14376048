"""The metrics of one simulation as loops over its equity: what a sweep streams and a single backtest shows.

Plain functions of arrays and numbers. `admf.simulation.kernel` writes them into compiled modules, the
sweep's and the single backtest's, so that both give the same bits; uncompiled they are the oracle. They
define as `admf.simulation.metrics` and its neighbours do, to which a test holds them; what is not defined, or
infinite, is NaN. Deviations are from the mean of a first pass, so that nothing cancels.

Arguments that recur: `equity` at each close, shape (n,); `returns` per bar, of which the first `valid` count
(after ruin there are none), and their sum `total`; `cash` at the start; `risk_free` a bar; `period` bars a
year; `book`, the sums over trades and fills in the cells below.
"""

from __future__ import annotations

import math
from math import nan
from typing import NamedTuple

import numpy as np

from admf.simulation.lanes import folded, lane_products, lane_squares, lane_sum
from admf.typing import FloatArray

# Cells of the book.
TRADES, WINS, LOSSES, GAIN, LOSS, PROFIT, RETURN, BEST, WORST, STREAK, LONGEST, BARS, TRADED, HELD = range(14)
BOOK_SIZE = 14


class Group(NamedTuple):
    """Metrics that are computed together.

    Parameters
    ----------
    function
        Name of the function of this module.
    arguments
        What it takes.
    metrics
        Names of what it returns, in order.
    """

    function: str
    arguments: tuple[str, ...]
    metrics: tuple[str, ...]


_RETURNS = ("returns", "valid")
_SUMMED = (*_RETURNS, "total")
GROUPS = (
    Group(
        "equity_growth",
        ("equity", "cash", "period"),
        ("final_equity", "cum_returns_final", "annual_return"),
    ),
    Group("market_growth", ("market",), ("buy_and_hold_return",)),
    Group(
        "equity_drawdown",
        ("equity", "cash", "period"),
        ("max_drawdown", "calmar_ratio", "recovery_factor"),
    ),
    Group("equity_under_water", ("equity", "cash"), ("longest_drawdown", "ulcer_index")),
    Group("return_spread", (*_SUMMED, "risk_free", "period"), ("sharpe_ratio", "annual_volatility")),
    Group("return_shape", (*_SUMMED, "risk_free"), ("skew", "kurtosis", "probabilistic_sharpe_ratio")),
    Group(
        "return_downside",
        (*_SUMMED, "risk_free", "period"),
        ("sortino_ratio", "downside_risk", "omega_ratio"),
    ),
    Group("equity_stability", ("equity",), ("stability_of_timeseries",)),
    Group("return_market", (*_RETURNS, "market", "risk_free", "period"), ("alpha", "beta")),
    Group(
        "book_trades",
        ("book",),
        (
            "trades",
            "win_rate",
            "profit_factor",
            "expectancy",
            "payoff_ratio",
            "kelly",
            "avg_trade",
            "best_trade",
            "worst_trade",
            "max_consecutive_losses",
            "avg_bars",
        ),
    ),
    Group("book_exposure", ("book", "equity"), ("exposure",)),
    Group("book_turnover", ("book", "equity", "period"), ("turnover",)),
)
STREAMED = tuple(name for group in GROUPS for name in group.metrics)


def finite(value: float) -> float:
    """Give the value; NaN where it is infinite, as JSON knows neither."""
    return value if value - value == 0.0 else nan


def ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN by 0."""
    return numerator / denominator if denominator != 0.0 else nan


def real_power(base: float, exponent: float) -> float:
    """Raise to a power; NaN of a negative base."""
    return base**exponent if base >= 0.0 else nan


def equity_returns(equity: FloatArray, returns: FloatArray, cash: float) -> tuple[int, float]:
    """Fill `returns`; give how many there are (none follow an equity of 0 or below), and their sum."""
    n = int(equity.shape[0])
    returns[0] = equity[0] / cash - 1.0
    lanes = np.zeros(64)  # see `admf.simulation.lanes`
    lanes[0] = returns[0]
    ruined = 1 if equity[0] <= 0.0 else 0  # counted, not searched for: that is quicker, and there are none
    whole = (n - 1) - (n - 1) % 64
    for i in range(0, whole, 64):
        for j in range(64):
            change = equity[np.uint64(i + j + 1)] / equity[np.uint64(i + j)] - 1.0
            returns[np.uint64(i + j + 1)] = change
            lanes[np.uint64(j)] += change
            ruined += equity[np.uint64(i + j + 1)] <= 0.0
    for i in range(whole, n - 1):
        returns[i + 1] = equity[i + 1] / equity[i] - 1.0
        lanes[i - whole] += returns[i + 1]
        ruined += equity[i + 1] <= 0.0
    if ruined > 0:
        for i in range(n):
            if equity[i] <= 0.0:
                return i + 1, lane_sum(returns, i + 1)
    return n, folded(lanes)


def are_equal(values: FloatArray, count: int) -> bool:
    """Whether the first `count` values are all the same: their deviation is then 0, which rounding hides."""
    for i in range(1, count):  # noqa: SIM110 - numba knows no all() of a generator
        if values[i] != values[0]:
            return False
    return True


def equity_growth(equity: FloatArray, cash: float, period: float) -> tuple[float, float, float]:
    """Give final equity, total return, annual return."""
    n = equity.shape[0]
    grown = equity[n - 1] / cash
    return equity[n - 1], grown - 1.0, real_power(grown, period / n) - 1.0


def market_growth(market: FloatArray) -> tuple[float]:
    """Buy and hold."""
    return (market[0],)


def equity_drawdown(equity: FloatArray, cash: float, period: float) -> tuple[float, float, float]:
    """Maximum drawdown, Calmar ratio, recovery factor."""
    n = equity.shape[0]
    peak = cash
    least = 1.0  # share of the peak: the drawdown is what it lacks
    guard = 1.0 + 1e-15
    whole = n - n % 8
    for i in range(0, whole, 8):
        # Eight bars at a time: lowest over highest is a bound, which most eights do not need more than.
        a, b, c, d = equity[i], equity[i + 1], equity[i + 2], equity[i + 3]
        e, f, g, h = equity[i + 4], equity[i + 5], equity[i + 6], equity[i + 7]
        top = max(max(max(a, b), max(c, d)), max(max(e, f), max(g, h)), peak)
        low = min(min(min(a, b), min(c, d)), min(min(e, f), min(g, h)))
        if low < top * guard:
            if top == peak:
                least = min(low / peak, least)
            else:
                for k in range(i, i + 8):
                    peak = max(equity[k], peak)
                    least = min(equity[k] / peak, least)
            guard = max(least * (1.0 + 1e-15), 0.0)
        peak = top
    for k in range(whole, n):
        peak = max(equity[k], peak)
        least = min(equity[k] / peak, least)
    deepest = least - 1.0
    grown = equity[n - 1] / cash
    return (
        deepest,
        ratio(real_power(grown, period / n) - 1.0, -deepest),
        ratio(grown - 1.0, -deepest),
    )


def equity_under_water(equity: FloatArray, cash: float) -> tuple[float, float]:
    """Longest drawdown in bars, ulcer index."""
    n = equity.shape[0]
    peak = cash
    run = 0
    longest = 0
    squares = 0.0
    for i in range(n):
        peak = equity[i] if equity[i] > peak else peak
        depth = equity[i] / peak - 1.0
        squares += depth * depth
        run = run + 1 if depth < 0.0 else 0
        longest = run if run > longest else longest
    return float(longest), math.sqrt(squares / n)


def return_spread(
    returns: FloatArray, valid: int, total: float, risk_free: float, period: float
) -> tuple[float, float]:
    """Sharpe ratio, annual volatility."""
    if valid < 2:
        return nan, nan
    if are_equal(returns, valid):
        return nan, 0.0
    mean = total / valid
    deviation = math.sqrt(lane_squares(returns, valid, mean) / (valid - 1.0))
    return ratio(mean - risk_free, deviation) * math.sqrt(period), deviation * math.sqrt(period)


def return_shape(
    returns: FloatArray, valid: int, total: float, risk_free: float
) -> tuple[float, float, float]:
    """Skew, raw kurtosis, probabilistic Sharpe ratio (Bailey and Lopez de Prado 2012, equation 9)."""
    if valid < 2 or are_equal(returns, valid):
        return nan, nan, nan
    mean = total / valid
    a = b = c = d = e = f = 0.0
    whole = valid - valid % 2
    for i in range(0, whole, 2):
        one = returns[i] - mean
        two = returns[i + 1] - mean
        a += one * one
        b += two * two
        c += one * one * one
        d += two * two * two
        e += (one * one) * (one * one)
        f += (two * two) * (two * two)
    for i in range(whole, valid):
        one = returns[i] - mean
        a += one * one
        c += one * one * one
        e += (one * one) * (one * one)
    second = (a + b) / valid
    skewness = ratio((c + d) / valid, second * math.sqrt(second))
    fourth = ratio((e + f) / valid, second * second)
    sharpe = ratio(mean - risk_free, math.sqrt((a + b) / (valid - 1.0)))
    variance = 1.0 - skewness * sharpe + (fourth - 1.0) / 4.0 * sharpe * sharpe
    if not variance > 0.0:
        return skewness, fourth, nan
    score = sharpe * math.sqrt(valid - 1.0) / math.sqrt(variance)
    return skewness, fourth, 0.5 * (1.0 + math.erf(score / math.sqrt(2.0)))


def return_downside(
    returns: FloatArray, valid: int, total: float, risk_free: float, period: float
) -> tuple[float, float, float]:
    """Sortino ratio, downside risk, omega ratio."""
    gains = losses = squares = below = 0.0
    for i in range(valid):
        excess = returns[i] - risk_free
        short = excess if excess < 0.0 else 0.0
        losses -= short
        squares += short * short
        gains += excess if excess > 0.0 else 0.0
        loss = returns[i] if returns[i] < 0.0 else 0.0
        below += loss * loss
    risk = math.sqrt(below / valid) * math.sqrt(period)
    if returns.shape[0] < 2:
        return nan, risk, nan
    mean = total / valid - risk_free
    target_risk = math.sqrt(squares / valid) * math.sqrt(period)
    return ratio(mean * period, target_risk), risk, ratio(gains, losses)


def equity_stability(equity: FloatArray) -> tuple[float]:
    """R squared of a line through the logarithm of the equity."""
    n = equity.shape[0]
    # taken against the middle one: a constant changes nothing, and the sums below cancel little
    base = equity[n // 2]
    middle = (n - 1.0) / 2.0
    total = squares = covariance = 0.0
    for i in range(n):
        if not min(equity[i], base) > 0.0:
            return (nan,)
        grown = math.log(equity[i] / base)
        total += grown
        squares += grown * grown
        covariance += (i - middle) * grown
    squares -= total * (total / n)
    times = n * (float(n) * n - 1.0) / 12.0
    if not squares > 0.0:
        return (nan,)
    found = ratio(covariance * covariance, times * squares)
    return (1.0 if found > 1.0 else found,)


def return_market(
    returns: FloatArray, valid: int, market: FloatArray, risk_free: float, period: float
) -> tuple[float, float]:
    """Alpha and beta against the market's returns: its cell 0 is the whole return, cell i that of bar i."""
    count = valid - 1
    if count < 2:
        return nan, nan
    earned, held = returns[1:valid], market[1:valid]
    ours, theirs = lane_sum(earned, count) / count, lane_sum(held, count) / count
    variance = lane_squares(held, count, theirs)
    covariance = lane_products(held, theirs, earned, ours)
    if variance / count < 1e-30:
        return nan, nan
    slope = covariance / variance
    unexplained = (ours - risk_free) - slope * (theirs - risk_free)
    return real_power(1.0 + unexplained, period) - 1.0, slope


def book_trade(book: FloatArray, pnl: float, paid: float, bars: float) -> None:
    """Enter a closed trade: its profit, the price paid, and how many bars it lasted."""
    earned = pnl / paid
    if book[TRADES] == 0.0 or earned > book[BEST]:
        book[BEST] = earned
    if book[TRADES] == 0.0 or earned < book[WORST]:
        book[WORST] = earned
    book[TRADES] += 1.0
    book[PROFIT] += pnl
    book[RETURN] += earned
    book[BARS] += bars
    if pnl > 0.0:
        book[WINS] += 1.0
        book[GAIN] += pnl
    if pnl < 0.0:
        book[LOSSES] += 1.0
        book[LOSS] -= pnl
        book[STREAK] += 1.0
        if book[STREAK] > book[LONGEST]:
            book[LONGEST] = book[STREAK]
    else:
        book[STREAK] = 0.0


def book_trades(
    book: FloatArray,
) -> tuple[float, float, float, float, float, float, float, float, float, float, float]:
    """Statistics of the closed trades, in the order of `GROUPS`."""
    count = book[TRADES]
    if count == 0.0:
        return 0.0, nan, nan, nan, nan, nan, nan, nan, nan, 0.0, nan
    won = book[WINS] / count
    payoff = nan
    if book[WINS] > 0.0 and book[LOSSES] > 0.0:
        payoff = (book[GAIN] / book[WINS]) / (book[LOSS] / book[LOSSES])
    return (
        count,
        won,
        ratio(book[GAIN], book[LOSS]),
        book[PROFIT] / count,
        payoff,
        won - ratio(1.0 - won, payoff),
        book[RETURN] / count,
        book[BEST],
        book[WORST],
        book[LONGEST],
        book[BARS] / count,
    )


def book_exposure(book: FloatArray, equity: FloatArray) -> tuple[float]:
    """Share of bars with a position."""
    return (book[HELD] / equity.shape[0],)


def book_turnover(book: FloatArray, equity: FloatArray, period: float) -> tuple[float]:
    """Value traded in a year for the mean equity."""
    n = equity.shape[0]
    mean = lane_sum(equity, n) / n
    return (book[TRADED] / mean / (n / period) if mean > 0.0 else nan,)
