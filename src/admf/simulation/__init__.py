"""The simulation of one strategy on one symbol: compiled, with a plain twin that says the same."""

from __future__ import annotations

from admf.simulation.api import run_backtest, simulate
from admf.simulation.check import check_backtest, estimate
from admf.simulation.result import SimulationResult
from admf.simulation.sweeps import SweepResult, sweep

__all__ = [
    "SimulationResult",
    "SweepResult",
    "check_backtest",
    "estimate",
    "run_backtest",
    "simulate",
    "sweep",
]
