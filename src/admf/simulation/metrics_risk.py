"""Metrics of risk: spread, drawdown, tails, shape. Conventions: `admf.simulation.metrics_arrays`."""

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
    drawdown_series,
    periods_per_year,
    without_nan,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether all values are equal: their deviation is then 0, which rounding hides."""
    return bool(values.size) and bool(values[0] == values[-1]) and bool(values.max() == values.min())


def annual_volatility(returns: ArrayLike, period: Period = "daily") -> float:
    """Deviation of the returns around their mean, per year.

    ``std(r, ddof=1) * sqrt(bars per year)``. Source: empyrical. A fraction per year.
    Below two returns: NaN.
    """
    valid = without_nan(as_returns(returns))
    return float(valid.std(ddof=1)) * math.sqrt(periods_per_year(period)) if valid.size > 1 else math.nan


def downside_risk(returns: ArrayLike, required_return: float = 0.0, period: Period = "daily") -> float:
    """Root mean square of the shortfalls below a required return, per year.

    ``sqrt(mean(min(r - required, 0)^2)) * sqrt(bars per year)``, the mean over **all** bars;
    `required_return` is a return per bar. A fraction per year.
    Source: Sortino and Price (1994), as in empyrical.
    No return: NaN.
    """
    valid = without_nan(as_returns(returns))
    if not valid.size:
        return math.nan
    shortfall = np.minimum(above(valid, required_return), 0.0)
    return math.sqrt(dot(shortfall, shortfall) / valid.size) * math.sqrt(periods_per_year(period))


def max_drawdown(returns: ArrayLike) -> float:
    """Deepest loss against the highest value before it.

    ``min(drawdown_series)``; the value before the first bar counts as a high. Source: empyrical.
    A fraction <= 0 (below -1 where the value fell below zero). NaN returns count as 0; no bar: NaN.
    """
    series = drawdown_series(returns)
    return float(series.min()) if series.size else math.nan


def longest_drawdown(returns: ArrayLike) -> float:
    """Bars of the longest stretch below an earlier high, the one that is still open at the end included.

    ``longest run of drawdown_series < 0``. NaN returns count as 0; no bar: NaN.
    """
    series = drawdown_series(returns)
    return longest_run(series < 0) if series.size else math.nan


def longest_run(flags: NDArray[np.bool_]) -> float:
    """Length of the longest unbroken run of True."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return float((edges[1::2] - edges[::2]).max()) if edges.size else 0.0


def ulcer_index(returns: ArrayLike) -> float:
    """Root mean square of the drawdowns.

    ``sqrt(mean(drawdown_series^2))``, the mean over all n bars (some tools divide by n - 1).
    Source: Martin and McCann (1989). A fraction >= 0. NaN returns count as 0; no bar: NaN.
    """
    series = drawdown_series(returns)
    return math.sqrt(dot(series, series) / series.size) if series.size else math.nan


def value_at_risk(returns: ArrayLike, cutoff: float = 0.05) -> float:
    """Return per bar that is undercut by the worst `cutoff` share of the bars.

    Historical: ``quantile(r, cutoff)``, interpolated linearly. A fraction, negative for a loss.
    Source: empyrical.
    No bar, or any NaN among the returns: NaN.
    """
    returns = as_returns(returns)
    return float(np.percentile(returns, 100.0 * cutoff)) if returns.size else math.nan


def conditional_value_at_risk(returns: ArrayLike, cutoff: float = 0.05) -> float:
    """Mean return per bar of the worst `cutoff` share of the bars (expected shortfall).

    ``mean(lowest int((n - 1) * cutoff) + 1 of r)``. Source: empyrical. A fraction, negative for a loss.
    NaN returns are left out; none left: NaN.
    """
    valid = without_nan(as_returns(returns))
    if not valid.size:
        return math.nan
    last = int((valid.size - 1) * cutoff)
    return float(np.partition(valid, last)[: last + 1].mean())


def tail_ratio(returns: ArrayLike) -> float:
    """Size of the good tail for the size of the bad one.

    ``abs(quantile 95 %) / abs(quantile 5 %)``. Source: empyrical. No unit.
    NaN returns are left out; none left: NaN. Infinite where the bad tail is 0.
    """
    valid = without_nan(as_returns(returns))
    if not valid.size:
        return math.nan
    low, high = np.percentile(valid, [5.0, 95.0])
    return divide(abs(float(high)), abs(float(low)))


def tails(returns: NDArray[np.float64]) -> tuple[float, float, float]:
    """Compute value at risk, conditional value at risk (both 5 %) and tail ratio with one partition.

    The same values as the three functions; selecting is what costs on a million bars.
    """
    valid = without_nan(returns)
    n = valid.size
    if n < 2:
        return value_at_risk(returns), conditional_value_at_risk(returns), tail_ratio(returns)
    last = int((n - 1) * 0.05)
    upper = int((n - 1) * 0.95)
    ordered = np.partition(valid, [last, last + 1, upper, min(upper + 1, n - 1)])
    low = _between(ordered, (n - 1) * 0.05)
    high = _between(ordered, (n - 1) * 0.95)
    shortfall = float(ordered[: last + 1].mean())
    return low if n == returns.size else math.nan, shortfall, divide(abs(high), abs(low))


def _between(ordered: NDArray[np.float64], position: float) -> float:
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (position - below))


def skew(returns: ArrayLike) -> float:
    """Skewness of the population: ``m3 / m2 ** 1.5`` with central moments (ddof 0).

    Negative where the losses have the long tail. NaN returns are left out. Constant returns: NaN.
    """
    return moments(returns)[0]


def kurtosis(returns: ArrayLike) -> float:
    """Kurtosis of the population, **raw**: ``m4 / m2 ** 2`` with central moments (ddof 0); normal is 3.

    NaN returns are left out. Constant returns: NaN.
    """
    return moments(returns)[1]


def moments(returns: ArrayLike) -> tuple[float, float]:
    """Compute skew and kurtosis in one pass."""
    valid = without_nan(as_returns(returns))
    if valid.size < 2 or is_constant(valid):
        return math.nan, math.nan
    deviation = valid - valid.mean()
    squared = deviation * deviation
    n = valid.size
    second = float(squared.mean())
    return (
        divide(dot(squared, deviation) / n, second**1.5),
        divide(dot(squared, squared) / n, second * second),
    )
