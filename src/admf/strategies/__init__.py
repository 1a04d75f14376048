"""Strategies: a parameter space, the indicators needed, a step on scalars. See `admf.strategies.bind`."""

from __future__ import annotations

from admf.core.registry import registry_of
from admf.strategies.bind import BoundStrategy, ParameterError, resolve_strategy
from admf.strategies.space import Bool, Choice, Float, Int, Parameters

__all__ = [
    "Bool",
    "BoundStrategy",
    "Choice",
    "Float",
    "Int",
    "ParameterError",
    "Parameters",
    "resolve_strategy",
]

_HERE = "admf.strategies"
_strategies = registry_of("strategy")
_strategies.add(
    "sma_cross", f"{_HERE}.sma_cross:SmaCross", aliases=("MovingAverageCrossover", "TrendStrategy"),
    summary="Long and short on crossings of two simple moving averages.",
)  # fmt: skip
