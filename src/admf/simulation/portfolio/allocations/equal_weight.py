"""Equal weights."""

from __future__ import annotations

import numpy as np

from admf.simulation.portfolio.view import View
from admf.typing import FloatArray


class EqualWeight:
    """``1 / n`` for each of the n symbols that are traded now."""

    def weights(self, view: View) -> FloatArray:
        """Split the capital evenly."""
        count = int(np.count_nonzero(view.eligible))
        return np.where(view.eligible, 1.0 / count if count else 0.0, 0.0)
