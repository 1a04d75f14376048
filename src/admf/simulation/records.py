"""The two tables that an engine fills: columns and codes, shared by the kernel, its twin and the result."""

from __future__ import annotations

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
