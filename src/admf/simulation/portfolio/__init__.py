"""Many symbols that share cash: allocations give target weights, one engine carries them out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from admf.simulation.portfolio.api import run_portfolio, simulate_portfolio
    from admf.simulation.portfolio.check import check_portfolio
    from admf.simulation.portfolio.result import PortfolioResult
    from admf.simulation.portfolio.view import View

# Lazy: the list of allocations is read where nothing is simulated.
_EXPORTS = {
    "PortfolioResult": "admf.simulation.portfolio.result",
    "View": "admf.simulation.portfolio.view",
    "check_portfolio": "admf.simulation.portfolio.check",
    "run_portfolio": "admf.simulation.portfolio.api",
    "simulate_portfolio": "admf.simulation.portfolio.api",
}

__all__ = [
    "PortfolioResult",
    "View",
    "check_portfolio",
    "run_portfolio",
    "simulate_portfolio",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
