"""The two tables that an engine fills: columns and codes, shared by the kernel, its twin and the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from admf.simulation.risk import RULES
from admf.strategies.orders import ORDER_TYPES
from admf.typing import FloatArray

# Why an order was given, and what became of it. The position in the tuple is the code in the tables.
REASONS = (
    "signal",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "margin_call",
    "liquidation",
    "risk",
)
# Rules of risk that block an order, and that cut one; their codes count from 1 through both.
BLOCKS, CUTS = RULES[1:6], RULES[6:]
STATUSES = (
    "filled",
    "rejected: less than one lot",
    "rejected: not affordable",
    "unfilled: last bar",
    "partly filled",
    "cancelled: replaced",
    "cancelled: one cancels other",
    "cancelled: immediate or cancel",
    "cancelled: fill or kill",
    "cancelled: remainder",
    "cancelled: position closed",
    "expired",
    "rejected: no shares to borrow",
    "rejected: below the minimum notional",
    "rejected: no volatility yet",
    *(f"blocked: {rule}" for rule in BLOCKS),
    *(f"cut: {rule}" for rule in CUTS),
    "rejected: no valid price",
)

SIGNAL, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, MARGIN_CALL, LIQUIDATION, RISK = range(7)
FILLED, TOO_SMALL, NOT_AFFORDABLE, UNFILLED, PARTLY_FILLED = range(5)
REPLACED, ONE_CANCELS_OTHER, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, REMAINDER, POSITION_CLOSED = range(5, 11)
EXPIRED, NO_LOCATE, BELOW_MINIMUM, NO_VOLATILITY = range(11, 15)
# First of those with a rule: the status is this and the rule's code less 1.
BLOCKED_BY = CUT_BY = 15
NO_PRICE = CUT_BY + len(BLOCKS) + len(CUTS)

# Order types by their code: those of the orders that a strategy may give.
TYPES = ORDER_TYPES
MARKET_ORDER, LIMIT_ORDER, STOP_MARKET_ORDER = range(3)

# One row a fill, a refusal, or the end of what did not fill: then price and quote are NaN. Bars count from
# the first simulated bar; `bar` is -1 where nothing could fill. side: +1 buys, -1 sells. quote: price before
# slippage and spread. commission, slippage, spread: paid. type: of the order; of a level, what it rests as.
ORDER_COLUMNS = (
    "decided_bar",
    "bar",
    "side",
    "target",
    "units",
    "quote",
    "price",
    "commission",
    "slippage",
    "spread",
    "reason",
    "status",
    "type",
)

# One row a closed trade, or closed part of one, at average cost. side: +1 long, -1 short. pnl: net of both
# commissions and of what its financing cost (borrowing, funding; above 0 is paid). mae, mfe: worst and best
# return against the entry price while it was held. reason: of the order that closed it. target: the exposure
# that it stood for. As many columns as an order has: one function fills both tables.
TRADE_COLUMNS = (
    "entry_bar",
    "exit_bar",
    "side",
    "units",
    "entry_price",
    "exit_price",
    "pnl",
    "commission",
    "mae",
    "mfe",
    "reason",
    "target",
    "financing",
)

_INTEGERS = frozenset({"decided_bar", "bar", "entry_bar", "exit_bar", "symbol", "reason", "status", "type"})


# What holding a position costs, and cash brings: totals of a run, above 0 where paid.
FINANCING = ("borrow", "funding", "margin_interest", "cash_interest")


def is_fill(status: Any) -> Any:
    """Tell which statuses are those of fills, whole or in part."""
    return (status == FILLED) | (status == PARTLY_FILLED)


def columns_of(names: tuple[str, ...], rows: FloatArray) -> dict[str, Any]:
    """Take a table apart: name to read-only array, bars and codes as int64."""
    return {
        name: read_only(rows[:, at].astype(np.int64 if name in _INTEGERS else np.float64, order="C"))
        for at, name in enumerate(names)
    }


def read_only(array: Any) -> Any:
    """Make an array read-only and give it back."""
    array.flags.writeable = False
    return array
