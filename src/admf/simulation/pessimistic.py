"""The pessimistic rerun: the same simulation under worse assumptions, to show how much hangs on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from admf.core.config.models import BacktestConfig, CostsConfig
    from admf.market import Bars
    from admf.simulation.figures_data import Reported
    from admf.simulation.portfolio.result import PortfolioResult
    from admf.simulation.result import SimulationResult

MOST_LATENCY = 10
# Costs that are doubled as they are; so are the limits of a commission, which would else cut the doubled one.
_DOUBLED = (
    "commission_bps",
    "commission_per_unit",
    "commission_fixed",
    "commission_min",
    "commission_max",
    "maker_bps",
    "taker_bps",
    "slippage_bps",
    "slippage_volatility",
    "impact",
    "spread_bps",
    "spread_fixed",
    "borrow_pct",
    "margin_rate_pct",
)
# No cost may reach the whole value: a config takes less than these, and so does the engine.
_MOST = {"bps": 9999.0, "pct": 1000.0}


def pessimistic_settings(config: BacktestConfig) -> BacktestConfig:
    """Give the config of the pessimistic rerun.

    What a bar leaves open goes the worse way; all costs are doubled (commission with its tiers and limits,
    slippage, market impact, spread, borrow and margin rates, and the funding that is paid); a decision comes
    one bar later, at most 10 bars late. A fill at the close of the decision itself (same_close) becomes one
    at the next bar's open: that is its later bar. What is received stays: interest on cash, and funding.

    A column of data with the spread is not doubled here: see `pessimistic_bars`.
    """
    execution = config.execution
    late = execution.latency_bars
    if execution.fill == "next_open":
        late = min(late + 1, MOST_LATENCY)
    changed = execution.model_copy(
        update={"fill": "next_open", "latency_bars": late, "intrabar": "pessimistic"}
    )
    costs = _doubled(config.costs)
    return config.model_copy(update={"execution": changed, "costs": costs, "pessimistic_rerun": False})


def _doubled(costs: CostsConfig) -> CostsConfig:
    update: dict[str, Any] = {key: _twice(key, value) for key in _DOUBLED if (value := getattr(costs, key))}
    if costs.commission_max_pct is not None:
        double = 2.0 * costs.commission_max_pct
        update["commission_max_pct"] = double if double < 100.0 else None
    update["commission_tiers"] = [
        tier.model_copy(update={"bps": _twice("bps", tier.bps)}) for tier in costs.commission_tiers
    ]
    if costs.funding_pct or costs.funding_column is not None:  # the rate itself is received too
        update["funding_paid_multiple"] = 2.0 * costs.funding_paid_multiple
    if costs.spread_column is not None:
        update["spread_column"] = _column(costs.spread_column)
    return costs.model_copy(update=update)


def _twice(key: str, value: float) -> float:
    return min(2.0 * value, _MOST.get(key.rpartition("_")[2], math.inf))


def _column(name: str) -> str:
    return f"{name} x 2"


def pessimistic_bars(bars: Bars, config: BacktestConfig) -> Bars:
    """Add the doubled spread that `pessimistic_settings` names: the strategy goes on reading its own column.

    Parameters
    ----------
    bars
        What the simulation runs on.
    config
        Of the simulation itself, not of the rerun.
    """
    spread = config.costs.spread_column
    if spread is None or spread not in bars.extra:
        return bars
    return replace(bars, extra={**bars.extra, _column(spread): 2.0 * bars.extra[spread]})


def with_rerun(
    result: SimulationResult,
    bars: Bars,
    config: BacktestConfig,
    simulate: Callable[[Bars, BacktestConfig], SimulationResult],
) -> SimulationResult:
    """Put the pessimistic rerun beside a result, where its config asks for one."""
    if not config.pessimistic_rerun:
        return result
    worse = simulate(pessimistic_bars(bars, config), pessimistic_settings(config))
    return replace(result, pessimistic=worse)


_OUTCOMES = ("open position", "open positions", "engine")


def differing_assumptions(result: Reported, worse: Reported) -> dict[str, str]:
    """Give the lines of the rerun's assumption card that are not those of the result.

    Lines that tell an outcome (open positions, engine) are left out.
    """
    return {
        name: text
        for name, text in worse.assumptions.items()
        if text != result.assumptions.get(name) and name not in _OUTCOMES
    }


def rerun_facts(result: SimulationResult | PortfolioResult) -> dict[str, Any]:
    """Give what a workflow's result says of the rerun, under ``pessimistic``; empty where there is none."""
    worse = result.pessimistic
    if worse is None:
        return {}
    facts = {
        "metrics": worse.metrics,
        "costs": worse.costs,
        "trades": len(worse.trade_table["pnl"]),
        "assumptions": differing_assumptions(result, worse),
        "warnings": worse.warnings,
        "digest": worse.digest,
    }
    return {"pessimistic": facts}
