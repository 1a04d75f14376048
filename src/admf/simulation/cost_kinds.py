"""What a simulation pays, kind by kind, and how that is shown."""

from __future__ import annotations

from collections.abc import Mapping

# Keys of `SimulationResult.costs` and what they are for; the first three are those of the fills.
COST_KINDS = {
    "commission": "to the broker",
    "slippage": "worse prices at the fills",
    "spread": "between bid and ask, at entry",
    "borrow": "for shares that were sold short",
    "funding": "between long and short positions",
    "margin_interest": "on borrowed cash",
    "cash_interest": "on free cash",
}
_ALWAYS = ("commission", "slippage", "spread")


def shown_costs(costs: Mapping[str, float]) -> dict[str, float]:
    """Choose what is shown of costs: those of fills always, others where there are any, the total last."""
    shown = {kind: costs[kind] for kind in COST_KINDS if kind in costs and (kind in _ALWAYS or costs[kind])}
    others = {kind: value for kind, value in costs.items() if kind not in COST_KINDS}
    return shown | others
