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


def paid_costs(costs: Mapping[str, float]) -> dict[str, float]:
    """Choose what is shown of the costs that were paid, currency.

    Parameters
    ----------
    costs
        `SimulationResult.costs`: above 0 where paid, below where received, and the ``total`` of both.

    Returns
    -------
    dict
        Costs of the fills always, others where there are any; then their ``total``. What was received is no
        part of it: interest would hide what trading costs.
    """
    kinds = (*COST_KINDS, *(kind for kind in costs if kind not in COST_KINDS and kind != "total"))
    shown = {kind: costs[kind] for kind in kinds if kind in costs and (costs[kind] > 0 or kind in _ALWAYS)}
    return {**shown, "total": sum(shown.values())} if shown else {}


def received(costs: Mapping[str, float]) -> dict[str, float]:
    """Choose what was received among the costs, interest or funding: above 0, currency."""
    return {kind: -value for kind, value in costs.items() if value < 0 and kind != "total"}


def kind_title(kind: str) -> str:
    """Write the name of a kind of costs for people."""
    return kind.replace("_", " ")
