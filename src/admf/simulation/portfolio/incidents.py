"""Orders of a portfolio that were refused, blocked, or cut: by risk, margin, cash or volume."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation.incidents import Incident, kind_of
from admf.simulation.portfolio.records import PARTLY_FILLED, REDUCED, STATUSES, cut_short, is_fill
from admf.simulation.records import LIQUIDATION, MARGIN_CALL, REASONS, RISK, TYPES

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult

_CUT_BY = {REDUCED: "cash", PARTLY_FILLED: "volume"}


def incidents_of(result: PortfolioResult) -> Iterator[Incident]:
    """Give the incidents of a portfolio in the order in which they happened.

    A position that a margin call, liquidation or limit of losses closes or reduces counts as cut.
    """
    table = result.order_table
    status, wanted, units = table["status"], table["wanted"], table["units"]
    kinds = np.array([kind_of(name) for name in STATUSES])
    forced = np.isin(table["reason"], (MARGIN_CALL, LIQUIDATION, RISK)) & is_fill(status)
    short = cut_short(table) | (status == PARTLY_FILLED)
    for row in np.flatnonzero((kinds[status] != "") | forced | short).tolist():
        kind, _, rule = STATUSES[int(status[row])].partition(": ")
        lost = float(wanted[row] - units[row])
        if forced[row]:
            kind, rule, lost = "cut", REASONS[int(table["reason"][row])].replace("_", " "), float(units[row])
        elif short[row]:
            kind, rule = "cut", _CUT_BY[int(status[row])]
        bar = int(table["bar"][row])
        yield Incident(
            kind=kind,
            rule=rule,
            time=result.index[bar].isoformat(),
            bar=bar,
            side="buy" if table["side"][row] > 0 else "sell",
            target=float(table["target"][row]),
            units=None if math.isnan(lost) else lost,
            type=TYPES[int(table["type"][row])],
            symbol=result.symbols[int(table["symbol"][row])],
        )
