"""What a session says after a bar: orders, fills, and how things stand."""

from __future__ import annotations

from typing import Any, NamedTuple

from admf.simulation.records import ORDER_COLUMNS, REASONS, STATUSES, TYPES


class Order(NamedTuple):
    """An order that waits: its side, the target exposure that it is for, and its type."""

    decided_bar: int
    side: str
    target: float
    type: str


class Fill(NamedTuple):
    """A fill, or what became of an order: a row of `SimulationResult.orders`. Bars count from the first."""

    decided_bar: int
    bar: int
    side: str
    target: float
    units: float
    quote: float
    price: float
    commission: float
    slippage: float
    spread: float
    reason: str
    status: str
    type: str


class SessionUpdate(NamedTuple):
    """What one bar brought, and how things stand at its close.

    Parameters
    ----------
    bar
        Its number, from 0 at the first that was simulated.
    timestamp
        UTC nanoseconds.
    orders
        That work after this bar or are on their way to the market, in the order in which they get there: a
        rest that a stop or a limit of risk is still to close, one order or two of which one cancels the
        other, and with latency those of the decisions that have not arrived.
    fills
        What was filled on this bar, or with fill same_close at the close before, in order.
    refused
        Orders, or parts of them, that were not filled, with the reason as their status: rejected, blocked,
        cut, cancelled or expired.
    asked
        Whether the strategy was asked; not while it warms up.
    position, entry_price, cash, equity
        Signed units, average price paid (NaN when flat), currency.
    target
        Exposure that the position stands for.
    state
        The strategy's own; None where it keeps none.
    """

    bar: int
    timestamp: int
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    refused: tuple[Fill, ...]
    asked: bool
    position: float
    entry_price: float
    cash: float
    equity: float
    target: float
    state: tuple[Any, ...] | None


def order_of(row: tuple[float, ...]) -> Order:
    """Name the parts of an open order's row in the order table."""
    named = dict(zip(ORDER_COLUMNS, row, strict=True))
    side = "buy" if named["side"] > 0 else "sell"
    return Order(int(named["decided_bar"]), side, named["target"], TYPES[int(named["type"])])


def fill_of(row: tuple[float, ...]) -> Fill:
    """Name the parts of a row in the order table."""
    named: dict[str, Any] = dict(zip(ORDER_COLUMNS, row, strict=True))
    named |= {name: int(named[name]) for name in ("decided_bar", "bar")}
    named["side"] = "buy" if named["side"] > 0 else "sell"
    named["reason"], named["status"] = REASONS[int(named["reason"])], STATUSES[int(named["status"])]
    named["type"] = TYPES[int(named["type"])]
    return Fill(**named)
