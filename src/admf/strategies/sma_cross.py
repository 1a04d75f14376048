"""Crossing of two simple moving averages."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import SMA, Indicator
from admf.strategies.space import Int, Parameter, Parameters


class SmaCross:
    """Long when the fast average crosses above the slow one, short when it crosses below.

    A crossing is strict on both sides: below one bar before, above now. The target stays until the next one.
    For long positions alone, set the execution's direction to ``long_only``.

    Parameters
    ----------
    fast
        Bars of the fast average.
    slow
        Bars of the slow average.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "fast": Int(2, 200, default=10),
        "slow": Int(3, 400, default=20),
    }
    constraints = ("fast < slow",)

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Both averages of the close."""
        return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}

    @staticmethod
    def on_bar(fast_ma: float, slow_ma: float, prev_fast_ma: float, prev_slow_ma: float) -> float:
        """Decide on crossings only."""
        if prev_fast_ma < prev_slow_ma and fast_ma > slow_ma:
            return 1.0
        if prev_fast_ma > prev_slow_ma and fast_ma < slow_ma:
            return -1.0
        return nan
