"""With the move, when the close leaves the Bollinger bands."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import BBANDS, Indicator
from admf.strategies.space import Float, Int, Parameter, Parameters


class BollingerBreakout:
    """Long when the close crosses above the upper band, short when it crosses below the lower one.

    A long ends when the close crosses below the middle band, a short when it crosses above it. Crossings are
    strict on both sides, each bar against its own band.

    Parameters
    ----------
    period
        Bars of the middle band, an average, and of the standard deviation.
    deviations
        Standard deviations between the middle band and each of the others.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "period": Int(2, 200, default=20),
        "deviations": Float(0.1, 10.0, default=2.0),
    }

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Bands around the simple average of the close; the standard deviation divides by the period."""
        bands = BBANDS(p.period, p.deviations, p.deviations)
        return {"upper": bands.upperband, "middle": bands.middleband, "lower": bands.lowerband}

    @staticmethod
    def on_bar(
        close: float, prev_close: float, upper: float, prev_upper: float, middle: float, prev_middle: float,
        lower: float, prev_lower: float, position: float,
    ) -> float:  # fmt: skip
        """Decide on crossings only."""
        if prev_close < prev_upper and close > upper:
            return 1.0
        if prev_close > prev_lower and close < lower:
            return -1.0
        if position > 0.0 and prev_close > prev_middle and close < middle:
            return 0.0
        if position < 0.0 and prev_close < prev_middle and close > middle:
            return 0.0
        return nan
