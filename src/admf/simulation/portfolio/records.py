"""The table of orders that both engines fill: its columns, and the codes in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from admf.simulation.records import BLOCKS, CUTS

# The position in the tuple is the code in the table.
STATUSES = (
    "filled",
    "filled in part: cash",
    "rejected: less than one lot",
    "rejected: not affordable",
    "replaced by a later decision",
    "unfilled: no bar since",
    *(f"blocked: {rule}" for rule in BLOCKS),
    *(f"cut: {rule}" for rule in CUTS),
)

FILLED, REDUCED, TOO_SMALL, NOT_AFFORDABLE, REPLACED, UNFILLED = range(6)
# First of those with a rule: the status is this and the rule's code less 1.
OF_RULE = 6

# One row a fill, refusal, or order that ended otherwise. A change of side is two rows. Bars are rows of the
# joined calendar from the first simulated one; `bar` is -1 where nothing could fill. symbol: its position.
# side: +1 buys, -1 sells. target: weight that was decided. wanted: units asked for; units: units filled.
# quote: the open, before slippage and spread. commission, slippage, spread: paid, in currency. A row of what
# risk blocks or cuts off has these units in `wanted`; the row of what is filled beside it wants the rest.
# reason: a code of `admf.simulation.records.REASONS`, signal or risk.
ORDER_COLUMNS = (
    "decided_bar",
    "bar",
    "symbol",
    "side",
    "target",
    "wanted",
    "units",
    "quote",
    "price",
    "commission",
    "slippage",
    "spread",
    "status",
    "reason",
)


def cut_short(orders: Mapping[str, np.ndarray[Any, Any]]) -> NDArray[np.bool_]:
    """Tell which orders got less than they asked for, by more than costs take where all is invested."""
    short: NDArray[np.bool_] = orders["units"] < 0.98 * orders["wanted"]
    return short
