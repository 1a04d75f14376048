"""What the metrics share: reading returns, annualising, dividing, drawdowns.

Conventions of every metric of this package. Returns are simple returns per bar, as fractions (0.01 is 1 %),
shape ``(n,)``. NaN is a bar without a return: it is left out, and counts as zero growth where returns are
compounded. A value that is not defined is NaN; no function warns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from admf.errors import AdmfError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Period: TypeAlias = "str | float"
PERIODS: dict[str, float] = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0, "quarterly": 4.0, "yearly": 1.0}


def as_returns(values: ArrayLike) -> NDArray[np.float64]:
    """Read values as a one-dimensional float64 array, without a copy where they are one."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise AdmfError(
            f"metrics take one series of returns, shape (n,); found shape {array.shape}",
            hint="pass one column at a time",
        )
    return array


def without_nan(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values that are not NaN (the same array where none is)."""
    missing = np.isnan(returns)
    return returns[~missing] if missing.any() else returns


def above(returns: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Take a threshold off all values; off 0, the same array (memory is what metrics of long series cost)."""
    return returns - threshold if threshold else returns


def periods_per_year(period: Period) -> float:
    """Bars in a year: daily 252, weekly 52, monthly 12, quarterly 4, yearly 1, or the number itself."""
    if isinstance(period, str):
        if period not in PERIODS:
            raise AdmfError(
                f"unknown period {period!r}",
                hint=f"allowed: {', '.join(PERIODS)}, or a number of bars per year",
            )
        return PERIODS[period]
    if not period > 0:
        raise AdmfError(f"bars per year must be above 0; found {period!r}")
    return float(period)


def divide(numerator: float, denominator: float) -> float:
    """Divide as IEEE 754 does: x/0 is infinite, 0/0 is NaN, neither raises nor warns."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def dot(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Sum of products. Not by BLAS, whose sums change with its number of threads, and so would the digest."""
    return float(np.einsum("i,i", one, two))


def power(base: float, exponent: float) -> float:
    """Raise to a power; NaN where the result is not real (a negative base, a broken exponent)."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return float(np.float64(base) ** np.float64(exponent))


def drawdown_of(equity: NDArray[np.float64], initial_cash: float) -> NDArray[np.float64]:
    """Loss of an equity curve against its highest value so far, the initial cash included.

    Parameters
    ----------
    equity
        Currency, shape (n,).
    initial_cash
        Currency.

    Returns
    -------
    Fractions <= 0, shape (n,); below -1 where the equity is below 0.
    """
    peak = np.maximum.accumulate(equity)
    np.maximum(peak, initial_cash, out=peak)
    drawdown: NDArray[np.float64] = equity / peak
    drawdown -= 1.0
    return drawdown


def drawdown_series(returns: ArrayLike) -> NDArray[np.float64]:
    """Loss against the highest value so far, the value before the first bar included.

    ``value[t] / max(1, value[0..t]) - 1`` with ``value = cumprod(1 + returns)``.

    Parameters
    ----------
    returns
        Returns per bar, shape (n,). NaN counts as 0.

    Returns
    -------
    Fractions <= 0, shape (n,).
    """
    returns = as_returns(returns)
    value = np.where(np.isnan(returns), 0.0, returns)
    value += 1.0
    np.cumprod(value, out=value)
    return drawdown_of(value, 1.0)
