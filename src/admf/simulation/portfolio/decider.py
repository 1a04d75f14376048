"""Asks an allocation for its weights at the rows of a schedule, and tells the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from admf.errors import WorkflowCancelledError
from admf.simulation.portfolio.allocation import Allocation, ask
from admf.simulation.portfolio.view import Viewer
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from admf.core.config.portfolio import RebalanceConfig
    from admf.simulation.portfolio.desk.engine import Desk
    from admf.simulation.portfolio.engine import Engine


def schedule_of(when: RebalanceConfig, allocation: Allocation) -> str:
    """Name the schedule: that of the config, else the one that the allocation asks for, else monthly."""
    return str(when.schedule or getattr(allocation, "default_schedule", "monthly"))


class Decider:
    """Asks an allocation at the rows of a schedule.

    Parameters
    ----------
    name, allocation
        Whom to ask.
    viewer
        Makes what it may see.
    schedule
        With ``on_change`` only the symbols whose target changes are decided on.
    direction
        Weights of the other side count as 0.
    stopped
        Asked before every decision: True ends the work.
    most
        What the absolute weights may add to.
    """

    def __init__(
        self,
        name: str,
        allocation: Allocation,
        viewer: Viewer,
        schedule: str,
        direction: str,
        stopped: Callable[[], bool] | None = None,
        most: float = 1.0,
    ) -> None:
        self._name = name
        self._allocation = allocation
        self._viewer = viewer
        self._on_change = schedule == "on_change"
        self._direction = direction
        self._stopped = stopped
        self._most = most
        self._held: FloatArray | None = None

    def at(self, row: int, holdings: FloatArray | None = None) -> FloatArray:
        """Decide at the close of a row: weights, NaN for symbols that are left alone, shape (symbols,)."""
        if self._stopped is not None and self._stopped():
            raise WorkflowCancelledError(f"the portfolio was stopped at bar {row}")
        view = self._viewer.at(row, holdings)
        held = np.zeros(len(view.symbols)) if self._held is None else self._held
        weights = self._allowed(ask(self._name, self._allocation, view, held, self._most))
        if self._on_change:
            weights = np.where(weights == held, np.nan, weights)
        self._held = np.where(np.isnan(weights), held, weights)
        return weights

    def _allowed(self, weights: FloatArray) -> FloatArray:
        """Cut weights to what may be held."""
        if self._direction == "long_only":
            return np.where(weights < 0.0, 0.0, weights)
        if self._direction == "short_only":
            return np.where(weights > 0.0, 0.0, weights)
        return weights

    def decide(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Decide at all rows; those where nothing is decided are left out."""
        found = [(row, self.at(row)) for row in rows.tolist()]
        kept = [(row, weights) for row, weights in found if not np.isnan(weights).all()]
        width = len(found[0][1])
        targets = np.array([weights for _, weights in kept]).reshape(-1, width)
        return np.array([row for row, _ in kept], dtype=np.int64), targets


def one_by_one(
    engine: Engine | Desk, decider: Decider, rows: IntArray, last: int, fraction: float
) -> tuple[IntArray, FloatArray]:
    """Simulate from decision to decision, as the allocation wants to see what is held."""
    decided: list[FloatArray] = []
    before, targets = np.empty(0, dtype=np.int64), np.empty((0, 0))
    for row in rows.tolist():
        engine.run(row + 1, before, targets)
        decided.append(decider.at(row, engine.holdings()) * fraction)
        before, targets = np.array([row]), decided[-1][None, :]
    engine.run(last, before, targets)
    return rows, np.array(decided)
