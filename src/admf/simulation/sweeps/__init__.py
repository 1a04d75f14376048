"""Many trials of one strategy on the same bars: compiled, in threads, with streamed metrics."""

from __future__ import annotations

from admf.simulation.sweeps.api import sweep
from admf.simulation.sweeps.result import SweepResult

__all__ = ["SweepResult", "sweep"]
