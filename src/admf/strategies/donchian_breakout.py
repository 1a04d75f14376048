"""With the move, when the close leaves the range of the bars before."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import MAX, MIN, Indicator
from admf.strategies.space import Int, Parameter, Parameters


class DonchianBreakout:
    """Long when the close is above the highest high of the `entry` bars before, short below their lowest low.

    A long ends when the close is below the lowest low of the `exit` bars before, a short above their highest
    high. The present bar is in none of these ranges.

    Parameters
    ----------
    entry
        Bars of the range whose leaving opens a position.
    exit
        Bars of the range whose leaving ends one.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "entry": Int(2, 400, default=20),
        "exit": Int(2, 400, default=10),
    }
    constraints = ("exit <= entry",)

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Ranges that end with the present bar; `on_bar` asks for those of one bar before."""
        return {
            "entry_high": MAX(p.entry, price="high"),
            "entry_low": MIN(p.entry, price="low"),
            "exit_high": MAX(p.exit, price="high"),
            "exit_low": MIN(p.exit, price="low"),
        }

    @staticmethod
    def on_bar(
        close: float, prev_entry_high: float, prev_entry_low: float, prev_exit_high: float,
        prev_exit_low: float, position: float,
    ) -> float:  # fmt: skip
        """Decide on every bar outside the ranges."""
        if close > prev_entry_high:
            return 1.0
        if close < prev_entry_low:
            return -1.0
        if position > 0.0 and close < prev_exit_low:
            return 0.0
        if position < 0.0 and close > prev_exit_high:
            return 0.0
        return nan
