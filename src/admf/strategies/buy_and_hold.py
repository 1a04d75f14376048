"""Buy once and hold: what every other strategy is measured against."""

from __future__ import annotations

from math import nan


class BuyAndHold:
    """Long from the first bar on. It decides only while flat, so that a repeated signal trades nothing."""

    @staticmethod
    def on_bar(position: float) -> float:
        """Ask for a long position until there is one."""
        return 1.0 if position == 0.0 else nan
