"""Against the move, when the relative strength index leaves its usual range."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import RSI, Indicator
from admf.strategies.space import Float, Int, Parameter, Parameters


class RsiReversion:
    """Long when the RSI falls below `oversold`, short when it rises above `overbought`.

    It decides on the bar that crosses the level, strictly on both sides, and not on every bar beyond it. The
    target stays until the other level is crossed; with the execution's direction ``long_only``, that exits.

    Parameters
    ----------
    period
        Bars of the RSI.
    oversold
        Level below which it goes long.
    overbought
        Level above which it goes short.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "period": Int(2, 200, default=14),
        "oversold": Float(0.0, 100.0, default=30.0),
        "overbought": Float(0.0, 100.0, default=70.0),
    }
    constraints = ("oversold < overbought",)

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Wilder's RSI of the close, in 0 to 100."""
        return {"rsi": RSI(p.period)}

    @staticmethod
    def on_bar(rsi: float, prev_rsi: float, oversold: float, overbought: float) -> float:
        """Decide where a level is crossed."""
        if prev_rsi > oversold and rsi < oversold:
            return 1.0
        if prev_rsi < overbought and rsi > overbought:
            return -1.0
        return nan
