"""Orders that were refused, blocked or cut, each with the rule that did it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from admf.simulation.records import LIQUIDATION, MARGIN_CALL, REASONS, RISK, STATUSES, TYPES, is_fill

if TYPE_CHECKING:
    from admf.simulation.result import SimulationResult

# The first word of a status that is an incident.
KINDS = ("rejected", "blocked", "cut")


class Incident(NamedTuple):
    """What happened to one order.

    Parameters
    ----------
    kind
        rejected, blocked or cut.
    rule
        What did it: "not affordable", "cooldown", "max_exposure", "liquidation"...
    time
        Of the bar, ISO text in UTC.
    bar
        Its number, from 0 at the first that was simulated.
    side
        buy or sell.
    target
        Exposure that was asked for.
    units
        Units that were refused, or cut off; None where the order was not sized.
    type
        Type of the order.
    symbol
        Of a portfolio's order; None where there is only one.
    """

    kind: str
    rule: str
    time: str
    bar: int
    side: str
    target: float
    units: float | None
    type: str
    symbol: str | None = None


def incidents_of(result: SimulationResult) -> Iterator[Incident]:
    """Give the incidents of a simulation in the order in which they happened.

    A position that is closed or reduced by a margin call, liquidation or limit counts as cut.
    """
    table, index = result.order_table, result.bars.index
    kinds = np.array([kind_of(name) for name in STATUSES])
    forced = np.isin(table["reason"], (MARGIN_CALL, LIQUIDATION, RISK)) & is_fill(table["status"])
    for row in np.flatnonzero((kinds[table["status"].astype(np.int64)] != "") | forced).tolist():
        bar = int(table["bar"][row])
        units = float(table["units"][row])
        kind, _, rule = STATUSES[int(table["status"][row])].partition(": ")
        if forced[row]:
            kind, rule = "cut", REASONS[int(table["reason"][row])].replace("_", " ")
        yield Incident(
            kind=kind,
            rule=rule,
            time=index[bar].isoformat(),
            bar=bar,
            side="buy" if table["side"][row] > 0 else "sell",
            target=float(table["target"][row]),
            units=None if math.isnan(units) else units,
            type=TYPES[int(table["type"][row])],
        )


def kind_of(status: str) -> str:
    """Give the kind of incident that a status is; empty where it is none."""
    first = status.split(":")[0]
    return first if first in KINDS else ""
