"""The winners of the past."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from admf.simulation.portfolio.view import View
from admf.strategies.space import Bool, Int, Parameter
from admf.typing import FloatArray


class RankMomentum:
    """``1 / top`` for each of the symbols with the highest return over the lookback.

    Cross-sectional momentum (Jegadeesh and Titman 1993), long side. Ranked by the return of a symbol's own
    bars; of equal ones the first in the order of the symbols. Places that are not filled stay in cash.

    Parameters
    ----------
    lookback
        Bars over which the return is measured.
    skip
        Latest bars that are left out of it.
    top
        How many symbols are held.
    only_positive
        Whether a symbol must have risen.
    """

    parameters: ClassVar[dict[str, Parameter]] = {
        "lookback": Int(1, 100_000, default=120),
        "skip": Int(0, 100_000, default=0),
        "top": Int(1, 10_000, default=3),
        "only_positive": Bool(default=False),
    }

    def __init__(self, lookback: int, skip: int, top: int, only_positive: bool) -> None:
        self.lookback = lookback
        self.skip = skip
        self.top = top
        self.only_positive = only_positive

    def weights(self, view: View) -> FloatArray:
        """Rank and take the first."""
        weights = np.zeros(len(view.symbols))
        known = view.with_history(self.lookback + self.skip + 1)
        if len(known):
            closes = view.own_closes(known, self.lookback + self.skip + 1)
            rise = closes[self.lookback] / closes[0] - 1.0
            best = np.argsort(-rise, kind="stable")[: self.top]
            if self.only_positive:
                best = best[rise[best] > 0.0]
            weights[known[best]] = 1.0 / self.top
        return weights
