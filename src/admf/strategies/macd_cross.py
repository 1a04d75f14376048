"""Crossing of the MACD line and its signal line."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import MACD, Indicator
from admf.strategies.space import Int, Parameter, Parameters


class MacdCross:
    """Long when the MACD line crosses above its signal line, short when it crosses below.

    A crossing is strict on both sides. The target stays until the next one.

    Parameters
    ----------
    fast
        Bars of the fast average.
    slow
        Bars of the slow average.
    signal
        Bars of the average of the MACD line that is its signal line.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "fast": Int(2, 200, default=12),
        "slow": Int(3, 400, default=26),
        "signal": Int(1, 100, default=9),
    }
    constraints = ("fast < slow",)

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Both lines, from the close."""
        macd = MACD(p.fast, p.slow, p.signal)
        return {"line": macd.macd, "signal_line": macd.macdsignal}

    @staticmethod
    def on_bar(line: float, signal_line: float, prev_line: float, prev_signal_line: float) -> float:
        """Decide on crossings only."""
        if prev_line < prev_signal_line and line > signal_line:
            return 1.0
        if prev_line > prev_signal_line and line < signal_line:
            return -1.0
        return nan
