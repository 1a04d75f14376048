"""Orders of a portfolio that were refused, blocked, or cut: by risk, or because the cash did not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation.incidents import Incident
from admf.simulation.portfolio.records import (
    FILLED,
    NOT_AFFORDABLE,
    OF_RULE,
    REDUCED,
    STATUSES,
    TOO_SMALL,
    cut_short,
)
from admf.simulation.records import REASONS, RISK

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult


def incidents_of(result: PortfolioResult) -> Iterator[Incident]:
    """Give the incidents of a portfolio in the order in which they happened.

    A position that risk closes or reduces counts as cut.
    """
    table = result.order_table
    status, wanted, units = table["status"], table["wanted"], table["units"]
    refused = np.isin(status, (TOO_SMALL, NOT_AFFORDABLE)) | (status >= OF_RULE)
    forced = (table["reason"] == RISK) & np.isin(status, (FILLED, REDUCED))
    for row in np.flatnonzero(refused | forced | ((status == REDUCED) & cut_short(table))).tolist():
        kind, _, rule = STATUSES[int(status[row])].partition(": ")
        lost = float(wanted[row] - units[row])
        if forced[row]:
            kind, rule, lost = "cut", REASONS[RISK], float(units[row])
        elif int(status[row]) == REDUCED:
            kind, rule = "cut", "cash"
        bar = int(table["bar"][row])
        yield Incident(
            kind=kind,
            rule=rule,
            time=result.index[bar].isoformat(),
            bar=bar,
            side="buy" if table["side"][row] > 0 else "sell",
            target=float(table["target"][row]),
            units=lost,
            type="market",
            symbol=result.symbols[int(table["symbol"][row])],
        )
