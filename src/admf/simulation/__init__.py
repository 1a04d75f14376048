"""The simulation of one strategy on one symbol: compiled, with a plain twin that says the same."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# Lazy: the dry run needs a small part of this floor, and must be quick. Name -> module that holds it.
_HOME = {
    "SimulationResult": "result",
    "SweepResult": "sweeps",
    "check_backtest": "check",
    "estimate": "check",
    "run_backtest": "api",
    "simulate": "api",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
