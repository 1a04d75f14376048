"""admf: a coordinator for trading research on Prefect."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Lazy, so that `import admf` and the light commands stay quick: name -> module that holds it.
_EXPORTS = {
    "SimulationSession": "admf.simulation.session",
    "load_bars": "admf.market",
    "simulate": "admf.simulation",
    "simulate_portfolio": "admf.simulation.portfolio",
    "sweep": "admf.simulation",
}

__all__ = ["SimulationSession", "__version__", "load_bars", "simulate", "simulate_portfolio", "sweep"]


def __dir__() -> list[str]:
    return __all__  # so that a notebook completes names that are not loaded yet


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'admf' has no attribute {name!r}")
