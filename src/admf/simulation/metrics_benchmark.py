"""Metrics against a benchmark. Both series have one return per bar of the same bars, shape (n,).

A bar with a NaN in either is left out. Conventions: `admf.simulation.metrics_arrays`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from admf.errors import AdmfError
from admf.simulation.metrics_arrays import Period, as_returns, divide, dot, periods_per_year, power
from admf.simulation.metrics_returns import annual_return

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def _paired(returns: ArrayLike, benchmark: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ours, theirs = as_returns(returns), as_returns(benchmark)
    if ours.size != theirs.size:
        raise AdmfError(
            f"returns and benchmark must have one value per bar of the same bars; "
            f"found {ours.size} and {theirs.size} values"
        )
    missing = np.isnan(ours) | np.isnan(theirs)
    return (ours[~missing], theirs[~missing]) if missing.any() else (ours, theirs)


def beta(returns: ArrayLike, benchmark: ArrayLike) -> float:
    """Return per unit of the benchmark's return.

    ``cov(r, b) / var(b)``. Source: Sharpe (1964), as in empyrical. No unit.
    Below two bars, or a benchmark that stands still (variance under 1e-30): NaN.
    """
    return alpha_beta(returns, benchmark)[1]


def alpha(
    returns: ArrayLike, benchmark: ArrayLike, risk_free: float = 0.0, period: Period = "daily"
) -> float:
    """Annual return that the benchmark does not explain.

    ``(1 + mean((r - risk_free) - beta (b - risk_free))) ** bars per year - 1``; `risk_free` is per bar.
    Source: Jensen (1968), as in empyrical. A fraction per year.
    NaN where beta is.
    """
    return alpha_beta(returns, benchmark, risk_free, period)[0]


def alpha_beta(
    returns: ArrayLike, benchmark: ArrayLike, risk_free: float = 0.0, period: Period = "daily"
) -> tuple[float, float]:
    """`alpha` and `beta` in one pass."""
    ours, theirs = _paired(returns, benchmark)
    if ours.size < 2:
        return math.nan, math.nan
    mean = float(theirs.mean())
    deviation = theirs - mean
    variance = dot(deviation, deviation) / theirs.size
    if variance < 1e-30:
        return math.nan, math.nan
    slope = dot(deviation, ours) / ours.size / variance
    unexplained = (float(ours.mean()) - risk_free) - slope * (mean - risk_free)
    return power(1.0 + unexplained, periods_per_year(period)) - 1.0, slope


def up_capture(returns: ArrayLike, benchmark: ArrayLike, period: Period = "daily") -> float:
    """Annual return for the benchmark's, on the bars where the benchmark rose.

    ``annual_return(r[b > 0]) / annual_return(b[b > 0])``. Source: Morningstar, as in empyrical. No unit.
    The benchmark never rose: NaN.
    """
    ours, theirs = _paired(returns, benchmark)
    chosen = theirs > 0
    return divide(annual_return(ours[chosen], period), annual_return(theirs[chosen], period))


def down_capture(returns: ArrayLike, benchmark: ArrayLike, period: Period = "daily") -> float:
    """Annual return for the benchmark's, on the bars where the benchmark fell.

    ``annual_return(r[b < 0]) / annual_return(b[b < 0])``. Source: Morningstar, as in empyrical. No unit.
    The benchmark never fell: NaN.
    """
    ours, theirs = _paired(returns, benchmark)
    chosen = theirs < 0
    return divide(annual_return(ours[chosen], period), annual_return(theirs[chosen], period))
