"""Metrics of growth, and of growth against its risk. Conventions: `admf.simulation.metrics_arrays`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation.metrics_arrays import (
    Period,
    above,
    as_returns,
    divide,
    dot,
    periods_per_year,
    power,
    without_nan,
)
from admf.simulation.metrics_risk import downside_risk, is_constant, kurtosis, max_drawdown, skew

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def cum_returns_final(returns: ArrayLike) -> float:
    """Total return.

    ``prod(1 + r) - 1``. Source: empyrical. A fraction.
    NaN returns count as 0; no return at all gives NaN.
    """
    returns = as_returns(returns)
    return float(np.prod(1.0 + without_nan(returns))) - 1.0 if returns.size else math.nan


def annual_return(returns: ArrayLike, period: Period = "daily") -> float:
    """Compound annual growth rate.

    ``prod(1 + r) ** (bars per year / n) - 1``. Source: empyrical. A fraction per year.
    NaN returns count as 0 and their bars as time. No return, or a final value below 0, gives NaN.
    """
    returns = as_returns(returns)
    if not returns.size:
        return math.nan
    years = returns.size / periods_per_year(period)
    # not cum_returns_final + 1: near a total loss that would round the little that is left away
    return power(float(np.prod(1.0 + without_nan(returns))), 1.0 / years) - 1.0


def sharpe_ratio(returns: ArrayLike, risk_free: float = 0.0, period: Period = "daily") -> float:
    """Mean excess return for its standard deviation, per year.

    ``mean(x) / std(x, ddof=1) * sqrt(bars per year)``, x = r - risk_free; `risk_free` is a return per bar.
    Source: Sharpe (1994), as in empyrical.
    Below two returns: NaN. Constant returns: infinite with the sign of the mean, NaN for a mean of 0.
    """
    excess = above(without_nan(as_returns(returns)), risk_free)
    if excess.size < 2:
        return math.nan
    deviation = 0.0 if is_constant(excess) else float(excess.std(ddof=1))
    return divide(float(excess.mean()), deviation) * math.sqrt(periods_per_year(period))


def sortino_ratio(returns: ArrayLike, required_return: float = 0.0, period: Period = "daily") -> float:
    """Mean return above the required one for the downside risk, per year.

    ``mean(x) * bars per year / (sqrt(mean(min(x, 0)^2)) * sqrt(bars per year))`` with x the returns less the
    required one; `required_return` is a return per bar.
    Source: Sortino and Price (1994), as in empyrical.
    Below two bars: NaN. No bar below `required_return`: infinite, or NaN for a mean of 0.
    """
    returns = as_returns(returns)
    valid = without_nan(returns)
    if returns.size < 2 or not valid.size:
        return math.nan
    excess = float(above(valid, required_return).mean()) * periods_per_year(period)
    return divide(excess, downside_risk(valid, required_return, period))


def calmar_ratio(returns: ArrayLike, period: Period = "daily") -> float:
    """Annual return for the deepest drawdown.

    ``annual_return / abs(max_drawdown)``. Source: Young (1991), as in empyrical. No unit.
    No drawdown, or no return: NaN.
    """
    deepest = max_drawdown(returns)
    if not deepest < 0:
        return math.nan
    ratio = divide(annual_return(returns, period), -deepest)
    return math.nan if math.isinf(ratio) else ratio


def omega_ratio(
    returns: ArrayLike, risk_free: float = 0.0, required_return: float = 0.0, period: Period = "daily"
) -> float:
    """Sum of returns above a threshold for the sum of shortfalls below it.

    ``sum(max(x, 0)) / sum(max(-x, 0))``, x = r - risk_free - threshold; `required_return` is **annual** and
    becomes ``threshold = (1 + required_return) ** (1 / bars per year) - 1``; `risk_free` is per bar.
    Source: Keating and Shadwick (2002), as in empyrical. No unit.
    Below two bars, no shortfall, or a required return of -100 % or less: NaN.
    """
    returns = as_returns(returns)
    years = periods_per_year(period)
    if returns.size < 2 or (years != 1.0 and required_return <= -1.0):
        return math.nan
    threshold = required_return if years == 1.0 else power(1.0 + required_return, 1.0 / years) - 1.0
    excess = above(without_nan(returns), risk_free + threshold)
    shortfall = 0.0 - float(np.minimum(excess, 0.0).sum())
    return divide(float(np.maximum(excess, 0.0).sum()), shortfall) if shortfall > 0 else math.nan


def stability_of_timeseries(returns: ArrayLike) -> float:
    """R squared of a straight line through the cumulative log returns.

    ``corr(bar number, cumsum(log(1 + r))) ** 2``; 1 is growth at a constant rate. Source: empyrical.
    A fraction.
    Below two returns, or a return of -100 % or less, or a flat line: NaN.
    """
    valid = without_nan(as_returns(returns))
    if valid.size < 2:
        return math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.log1p(valid)
    np.cumsum(growth, out=growth)
    if not math.isfinite(growth[-1]) or is_constant(growth):
        return math.nan
    growth -= growth.mean()
    n = valid.size
    time = np.arange(n, dtype=np.float64) - (n - 1) / 2.0
    covariance = dot(time, growth)
    squares = n * (float(n) * n - 1.0) / 12.0
    return min(divide(covariance * covariance, squares * dot(growth, growth)), 1.0)


def psr(
    sharpe: float, observations: int, skewness: float, raw_kurtosis: float, benchmark: float = 0.0
) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`, from moments.

    ``Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))``.
    Source: Bailey and Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, equation 9.

    Parameters
    ----------
    sharpe, benchmark
        Sharpe ratios **per bar**, not annual.
    observations
        Number of returns.
    skewness, raw_kurtosis
        Of the returns; the kurtosis of a normal distribution is 3 here.

    Returns
    -------
    A probability; NaN below two observations, for NaN moments, or a variance that is not positive.
    """
    variance = 1.0 - skewness * sharpe + (raw_kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if observations < 2 or not variance > 0 or not math.isfinite(sharpe):
        return math.nan
    score = (sharpe - benchmark) * math.sqrt(observations - 1.0) / math.sqrt(variance)
    return 0.5 * (1.0 + math.erf(score / math.sqrt(2.0)))


def probabilistic_sharpe_ratio(
    returns: ArrayLike, risk_free: float = 0.0, benchmark_sharpe: float = 0.0, period: Period = "daily"
) -> float:
    """Probability that the true Sharpe ratio is above a benchmark, given the sample's length, skew and tails.

    ``Phi((SR - SR*) * sqrt(n - 1) / sqrt(1 - skew * SR + (kurtosis - 1) / 4 * SR^2))``, as `psr`, with the
    returns' Sharpe ratio per bar (ddof 1), skew and kurtosis (both of the population).
    `benchmark_sharpe` is annual, `risk_free` per bar.
    NaN returns are left out. Below two returns, or constant returns: NaN.
    """
    excess = above(without_nan(as_returns(returns)), risk_free)
    benchmark = benchmark_sharpe / math.sqrt(periods_per_year(period))
    sharpe = sharpe_ratio(excess, period="yearly")
    return psr(sharpe, excess.size, skew(excess), kurtosis(excess), benchmark)


def recovery_factor(returns: ArrayLike) -> float:
    """Total return for the deepest drawdown.

    ``cum_returns_final / abs(max_drawdown)``: how often the profit would pay for the worst loss. No unit.
    The total is compounded; some tools divide the plain sum of returns instead.
    No drawdown, or no return: NaN.
    """
    deepest = max_drawdown(returns)
    return divide(cum_returns_final(returns), -deepest) if deepest < 0 else math.nan
