"""The tables that the portfolio's engines fill: columns, and the codes in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from admf.simulation import records as one_symbol
from admf.simulation.records import BLOCKS, CUTS

# The position in the tuple is the code in the table.
STATUSES = (
    "filled",
    "filled in part: cash",
    "rejected: less than one lot",
    "rejected: not affordable",
    "replaced by a later decision",
    "unfilled: last bar",
    *(f"blocked: {rule}" for rule in BLOCKS),
    *(f"cut: {rule}" for rule in CUTS),
    "filled in part: volume",
    "cancelled: immediate or cancel",
    "cancelled: fill or kill",
    "cancelled: remainder",
    "cancelled: position closed",
    "expired",
    "rejected: no shares to borrow",
    "rejected: below the minimum notional",
    "rejected: no valid price",
)

FILLED, REDUCED, TOO_SMALL, NOT_AFFORDABLE, REPLACED, UNFILLED = range(6)
# First of those with a rule: the status is this and the rule's code less 1.
OF_RULE = 6
PARTLY_FILLED = OF_RULE + len(BLOCKS) + len(CUTS)
IMMEDIATE_OR_CANCEL, FILL_OR_KILL, REMAINDER, POSITION_CLOSED, EXPIRED = range(
    PARTLY_FILLED + 1, PARTLY_FILLED + 6
)
NO_LOCATE, BELOW_MINIMUM, NO_PRICE = range(PARTLY_FILLED + 6, PARTLY_FILLED + 9)

# What the codes of `admf.simulation.records.STATUSES` are here, by position. Two of them cannot come about in
# a portfolio (bracket orders, sizing by volatility): their code is one that no status has.
_NONE = len(STATUSES)
TO_PORTFOLIO: NDArray[np.int64] = np.full(len(one_symbol.STATUSES), _NONE, dtype=np.int64)
for _theirs, _here in (
    (one_symbol.FILLED, FILLED),
    (one_symbol.TOO_SMALL, TOO_SMALL),
    (one_symbol.NOT_AFFORDABLE, NOT_AFFORDABLE),
    (one_symbol.UNFILLED, UNFILLED),
    (one_symbol.PARTLY_FILLED, PARTLY_FILLED),
    (one_symbol.REPLACED, REPLACED),
    (one_symbol.IMMEDIATE_OR_CANCEL, IMMEDIATE_OR_CANCEL),
    (one_symbol.FILL_OR_KILL, FILL_OR_KILL),
    (one_symbol.REMAINDER, REMAINDER),
    (one_symbol.POSITION_CLOSED, POSITION_CLOSED),
    (one_symbol.EXPIRED, EXPIRED),
    (one_symbol.NO_LOCATE, NO_LOCATE),
    (one_symbol.BELOW_MINIMUM, BELOW_MINIMUM),
    (one_symbol.NO_PRICE, NO_PRICE),
    *((one_symbol.BLOCKED_BY + rule, OF_RULE + rule) for rule in range(len(BLOCKS) + len(CUTS))),
):
    TO_PORTFOLIO[_theirs] = _here
TO_PORTFOLIO.flags.writeable = False

# One row a fill, refusal, or order that ended otherwise. A change of side is two rows. Bars are rows of the
# joined calendar from the first simulated one; `bar` is -1 where nothing could fill. symbol: its position.
# side: +1 buys, -1 sells. target: weight that was decided. wanted: units asked for; units: units filled.
# quote: the price before slippage and spread. commission, slippage, spread: paid, in currency. A row of what
# risk blocks or cuts off has these units in `wanted`; the row of what is filled beside it wants the rest.
# reason: a code of `admf.simulation.records.REASONS`; type: one of its `TYPES`.
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
    "type",
)

# One row a closed position, or closed part of one: what a trade of one symbol says, and its symbol. It stands
# for no one target. mae, mfe: NaN where no engine watched.
_BARS, _REST = one_symbol.TRADE_COLUMNS[:2], one_symbol.TRADE_COLUMNS[2:]
TRADE_COLUMNS = (*_BARS, "symbol", *(name for name in _REST if name != "target"))

TOLERATED = 0.005  # part of an order that may be cut by the cash and is not told


def is_fill(status: Any) -> Any:
    """Tell which statuses are those of fills, whole or in part."""
    return (status == FILLED) | (status == REDUCED) | (status == PARTLY_FILLED)


def cut_short(orders: Mapping[str, np.ndarray[Any, Any]]) -> NDArray[np.bool_]:
    """Tell which fills the cash has cut by more than the costs of their bar explain.

    Where all is invested, the costs of a bar's fills, sales too, are taken from its purchases: that is no
    news. More than `TOLERATED` of what was wanted beyond it is. False where the cash cut nothing.
    """
    status, bars, wanted = orders["status"], orders["bar"], orders["wanted"]
    filled, reduced = is_fill(status), status == REDUCED
    costs = (orders["commission"] + orders["slippage"] + orders["spread"])[filled]
    value = (wanted * orders["quote"])[reduced]
    size = int(bars.max(initial=0)) + 1
    paid = np.bincount(bars[filled], costs, size)[bars[reduced]]
    asked = np.bincount(bars[reduced], value, size)[bars[reduced]]
    short = np.zeros(len(status), dtype=np.bool_)
    short[reduced] = orders["units"][reduced] < wanted[reduced] * (1.0 - TOLERATED - paid / asked)
    return short
