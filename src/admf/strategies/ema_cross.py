"""Crossing of two exponential moving averages."""

from __future__ import annotations

from typing import ClassVar

from admf.indicators import EMA, Indicator
from admf.strategies.sma_cross import SmaCross
from admf.strategies.space import Int, Parameter, Parameters


class EmaCross:
    """Long when the fast average crosses above the slow one, short when it crosses below.

    A crossing is strict on both sides: below one bar before, above now. The target stays until the next one.

    Parameters
    ----------
    fast
        Bars of the fast average.
    slow
        Bars of the slow average.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "fast": Int(2, 200, default=12),
        "slow": Int(3, 400, default=26),
    }
    constraints = ("fast < slow",)

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Both averages of the close."""
        return {"fast_ma": EMA(p.fast), "slow_ma": EMA(p.slow)}

    on_bar = staticmethod(SmaCross.on_bar)
