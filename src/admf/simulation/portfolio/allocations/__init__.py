"""The built-in allocations, one file each: see `admf.simulation.portfolio.allocation`."""

from __future__ import annotations

from admf.core.registry import registry_of

_HERE = "admf.simulation.portfolio.allocations"
for _name, _class, _summary in (
    ("equal_weight", "EqualWeight", "The same weight for every symbol."),
    ("fixed_weights", "FixedWeights", "Weights that are written in the config."),
    ("inverse_volatility", "InverseVolatility", "Weights in inverse proportion to volatility."),
    ("minimum_variance", "MinimumVariance", "The long-only mix of least variance, covariances shrunk."),
    ("rank_momentum", "RankMomentum", "Equal weights for the symbols with the highest past return."),
    ("per_strategy", "PerStrategy", "One strategy a symbol, each with its share of the capital."),
    ("ensemble", "Ensemble", "Several strategies on every symbol, whose signals are put together."),
):
    registry_of("allocation").add(_name, f"{_HERE}.{_name}:{_class}", summary=_summary)
