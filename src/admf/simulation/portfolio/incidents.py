"""Orders of a portfolio that were refused, or cut because the cash did not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation.incidents import Incident
from admf.simulation.portfolio.records import NOT_AFFORDABLE, REDUCED, STATUSES, TOO_SMALL, cut_short

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult


def incidents_of(result: PortfolioResult) -> Iterator[Incident]:
    """Give the incidents of a portfolio in the order in which they happened."""
    table = result.order_table
    status, wanted, units = table["status"], table["wanted"], table["units"]
    refused = np.isin(status, (TOO_SMALL, NOT_AFFORDABLE))
    for row in np.flatnonzero(refused | ((status == REDUCED) & cut_short(table))).tolist():
        cut = int(status[row]) == REDUCED
        rule = "cash" if cut else STATUSES[int(status[row])].partition(": ")[2]
        bar = int(table["bar"][row])
        yield Incident(
            kind="cut" if cut else "rejected",
            rule=rule,
            time=result.index[bar].isoformat(),
            bar=bar,
            side="buy" if table["side"][row] > 0 else "sell",
            target=float(table["target"][row]),
            units=float(wanted[row] - units[row]),
            type="market",
            symbol=result.symbols[int(table["symbol"][row])],
        )
