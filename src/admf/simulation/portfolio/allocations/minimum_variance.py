"""The mix of least variance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from admf.simulation.portfolio.view import View
from admf.strategies.space import Float, Int, Parameter
from admf.typing import FloatArray


class MinimumVariance:
    """Long-only weights that add to 1 and have the least variance (Markowitz 1952).

    The sample covariance S over common bars is shrunk towards its diagonal, ``(1 - d) S + d diag(S)``, which
    makes it positive definite for any number of symbols and bars (as Ledoit and Wolf 2004, with a given d).
    Least variance is then a non-negative least squares problem, ``min |L'x - L^-1 1|``, L the Cholesky
    factor, solved by the active-set method of Lawson and Hanson (1974): exact and the same every time. A
    symbol without enough bars, or whose price did not move, gets 0.

    Parameters
    ----------
    lookback
        Returns that the covariance is measured on.
    shrinkage
        d, from above 0 (the sample) to 1 (inverse variances).
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "lookback": Int(2, 100_000, default=120),
        "shrinkage": Float(0.001, 1.0, default=0.1),
    }

    def __init__(self, lookback: int, shrinkage: float) -> None:
        self.lookback = lookback
        self.shrinkage = shrinkage

    def weights(self, view: View) -> FloatArray:
        """Measure and solve."""
        weights = np.zeros(len(view.symbols))
        known = view.with_history(self.lookback + 1)
        known = known[view.own_returns(known, self.lookback).std(axis=0) > 0.0] if len(known) else known
        if not len(known):
            return weights
        returns = view.common_returns(known, self.lookback)
        if len(returns) < 2:  # calendars without common bars say nothing about covariances
            returns = view.own_returns(known, self.lookback)
        weights[known] = least_variance(shrunk_covariance(returns, self.shrinkage))
        return weights


def shrunk_covariance(returns: FloatArray, shrinkage: float) -> FloatArray:
    """Covariance (ddof 1) of returns of shape (bars, symbols), shrunk towards its diagonal."""
    centred = returns - returns.mean(axis=0)
    # Not a matrix product: its last bits depend on the number of threads of the BLAS library.
    covariance: FloatArray = np.einsum("ti,tj->ij", centred, centred) / (len(returns) - 1)
    diagonal = np.diag(covariance).copy()
    covariance *= 1.0 - shrinkage
    np.fill_diagonal(covariance, np.maximum(diagonal, 1e-9 * diagonal.max() or 1.0))
    return covariance


def least_variance(covariance: FloatArray) -> FloatArray:
    """Weights of shape (symbols,), not negative, adding to 1, that minimise ``w' C w``."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    scale = np.sqrt(np.diag(covariance))  # correlations are better conditioned than covariances
    factor = np.linalg.cholesky(covariance / np.outer(scale, scale))
    solution, _ = nnls(factor.T, solve_triangular(factor, 1.0 / scale, lower=True))
    mix = solution / scale
    weights: FloatArray = mix / mix.sum()
    return weights
