"""With the sign of the return over the last bars."""

from __future__ import annotations

from math import nan
from typing import ClassVar

from admf.indicators import ROCP, Indicator
from admf.strategies.space import Int, Parameter, Parameters


class Momentum:
    """Long when the return over `period` bars turns positive, short when it turns negative.

    It decides on the bar where the sign changes, strictly on both sides; the target stays until the
    next one.

    Parameters
    ----------
    period
        Bars over which the return is measured.
    """

    parameters: ClassVar[dict[str, Parameter]] = {"period": Int(1, 500, default=60)}

    @staticmethod
    def indicators(p: Parameters) -> dict[str, Indicator]:
        """Return of the close over the period, as a fraction."""
        return {"change": ROCP(p.period)}

    @staticmethod
    def on_bar(change: float, prev_change: float) -> float:
        """Decide where the sign changes."""
        if prev_change < 0.0 and change > 0.0:
            return 1.0
        if prev_change > 0.0 and change < 0.0:
            return -1.0
        return nan
