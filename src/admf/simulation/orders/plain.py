"""The order engine in plain Python, one bar at a time: for sessions, and the oracle of the kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from admf.simulation.orders import layout
from admf.simulation.orders.bar import begin_bar, begin_run
from admf.simulation.orders.decide import take_order, take_target, write_pending
from admf.simulation.records import ORDER_COLUMNS

Row = tuple[float, ...]
_NO_FINER: Sequence[Sequence[float]] = ()


class Account(NamedTuple):
    """What a strategy may know of its own position, at a close.

    Parameters
    ----------
    position
        Signed units.
    entry_price
        Average price paid; NaN when flat.
    bars_held
        Bars since the entry fill; 0 on the bar of the fill, and when flat.
    equity
        Cash plus position at the close.
    """

    position: float
    entry_price: float
    bars_held: int
    equity: float


class OrderEngine:
    """Simulates one symbol, one bar at a time.

    Parameters
    ----------
    numbers
        `Settings.order_numbers`.
    fine
        Finer bars, rows of open, high, low, close.

    Attributes
    ----------
    orders, trades
        Rows in the columns of `admf.simulation.records`, appended as they happen.
    memory
        All that the engine knows between two bars, besides settings and rows.
    """

    def __init__(self, numbers: Sequence[float], fine: Sequence[Sequence[float]] = _NO_FINER) -> None:
        self._numbers = list(numbers)
        self._fine = fine
        self._box = [[0.0] * layout.BOX_WIDTH for _ in range(layout.BOX_ROWS)]
        self.memory = [0.0] * layout.STATE_SIZE
        self.orders: list[Row] = []
        self.trades: list[Row] = []
        begin_run(self.memory, self._numbers)

    def on_bar(self, facts: Sequence[float], decide: Callable[[Account], Any] | None) -> float:
        """Take one bar and return the equity at its close.

        Parameters
        ----------
        facts
            Of the bar, see `admf.simulation.facts`.
        decide
            Asked at the close for a target exposure or a decision with orders; None while the strategy
            warms up.
        """
        s = self.memory
        begin_bar(s, self._numbers, self._box, facts, self._fine)
        if decide is not None:
            answer = decide(self.account)
            if isinstance(answer, tuple):
                take_order(s, self._numbers, facts, answer)
            else:
                take_target(s, self._numbers, facts, answer)
        self._take_rows()
        return s[layout.S_EQUITY]

    def _take_rows(self) -> None:
        for row in self._box[: int(self.memory[layout.S_ROWS])]:
            (self.orders if row[0] == layout.IS_ORDER else self.trades).append(
                tuple(row[1 : 1 + len(ORDER_COLUMNS)])
            )

    def unfilled(self) -> list[Row]:
        """Give a row for each order that works or is on its way."""
        write_pending(self.memory, self._numbers, self._box)
        return [
            tuple(row[1 : 1 + len(ORDER_COLUMNS)]) for row in self._box[: int(self.memory[layout.S_ROWS])]
        ]

    def finish(self) -> None:
        """Record the orders that nothing fills."""
        self.orders += self.unfilled()

    @property
    def account(self) -> Account:
        """What a strategy may know."""
        s = self.memory
        position = s[layout.S_POS]
        held = int(s[layout.S_BAR] - s[layout.S_ENTRY_BAR]) if position != 0.0 else 0
        return Account(position, s[layout.S_ENTRY], held, s[layout.S_EQUITY])

    @property
    def position(self) -> float:
        """Signed units."""
        return self.memory[layout.S_POS]

    @property
    def ending(self) -> Row:
        """Cash, position, entry price, entry bar, target and number of cut decisions."""
        s = self.memory
        return (
            s[layout.S_CASH],
            s[layout.S_POS],
            s[layout.S_ENTRY],
            s[layout.S_ENTRY_BAR],
            s[layout.S_HELD],
            s[layout.S_CLAMPED],
        )

    @property
    def financing(self) -> Row:
        """Borrow, funding, margin interest and cash interest that were paid; negative where received."""
        s = self.memory
        return tuple(
            s[at]
            for at in (layout.S_BORROW, layout.S_FUNDING, layout.S_MARGIN_INTEREST, layout.S_CASH_INTEREST)
        )
