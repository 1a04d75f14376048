"""Weights by inverse volatility."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from admf.simulation.portfolio.view import View
from admf.strategies.space import Int, Parameter
from admf.typing import FloatArray


class InverseVolatility:
    """``(1 / s_i) / sum(1 / s_j)``, s the standard deviation (ddof 1) of the returns of a symbol's own bars.

    Also called naive risk parity: with equal correlations every symbol contributes the same risk. A symbol
    without enough bars, or whose price did not move, gets 0.

    Parameters
    ----------
    lookback
        Returns that the volatility is measured on.
    """

    parameters: ClassVar[dict[str, Parameter]] = {"lookback": Int(2, 100_000, default=60)}

    def __init__(self, lookback: int) -> None:
        self.lookback = lookback

    def weights(self, view: View) -> FloatArray:
        """Measure and divide."""
        weights = np.zeros(len(view.symbols))
        known = view.with_history(self.lookback + 1)
        if len(known):
            volatility = view.own_returns(known, self.lookback).std(axis=0, ddof=1)
            known, volatility = known[volatility > 0.0], volatility[volatility > 0.0]
            inverse = 1.0 / volatility
            weights[known] = inverse / inverse.sum()
        return weights
