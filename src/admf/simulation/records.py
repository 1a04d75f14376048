"""The two tables that an engine fills: columns and codes, shared by the kernel, its twin and the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from admf.typing import FloatArray

# Why an order was given, and what became of it. The position in the tuple is the code in the tables.
REASONS = ("signal", "stop_loss", "take_profit", "trailing_stop")
STATUSES = ("filled", "rejected: less than one lot", "rejected: not affordable", "unfilled: last bar")

SIGNAL, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP = range(4)
FILLED, TOO_SMALL, NOT_AFFORDABLE, UNFILLED = range(4)

# One row a fill or refusal. Bars count from the first simulated bar; `bar` is -1 where nothing could fill.
# side: +1 buys, -1 sells. quote: price before slippage and spread. commission, slippage, spread: paid.
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
)

# One row a closed trade, or closed part of one. side: +1 long, -1 short. pnl: net of both commissions.
# target: the exposure that it stood for. As many columns as an order has: one function fills both tables.
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
)

_INTEGERS = frozenset({"decided_bar", "bar", "entry_bar", "exit_bar", "reason", "status"})


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
