"""What the oracle writes: rows of orders and trades, and the outcome of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .single import Leg

NAN = math.nan
FILLS = ("filled", "filled in part: cash", "filled in part: volume")


@dataclass(eq=False)
class Order(Leg):
    """A decision on its way to the market, or at work there; target is a weight.

    given: the symbol's own bar after which it was given. arrives: its own bar at which it begins to work.
    want: units of the position that it ends in, signed, once it was sized; NaN before. judged: whether its
    entry was held against the least value once. reduces: whether it closes or reduces what it meets.
    """

    given: int = -1
    arrives: int = 0
    age: int = 0
    judged: bool = False
    reduces: bool = False


@dataclass(frozen=True)
class Row:
    """One row of the order table; bars are rows of the joined calendar from the first simulated one."""

    decided: int
    bar: int
    symbol: str
    side: float
    target: float
    wanted: float
    units: float
    quote: float
    price: float
    commission: float
    slippage: float
    spread: float
    status: str
    reason: str
    kind: str


@dataclass(frozen=True)
class Trade:
    """One row of the trade table; pnl is net of both commissions and of financing."""

    entry_bar: int
    exit_bar: int
    symbol: str
    side: float
    units: float
    entry_price: float
    exit_price: float
    pnl: float
    commission: float
    mae: float
    mfe: float
    reason: str
    financing: float


@dataclass
class Outcome:
    """All that a simulation gives; positions, marks and carry: a list of symbols a row."""

    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    marks: list[list[float]] = field(default_factory=list)
    carry: list[list[float]] = field(default_factory=list)
    interest: list[float] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    financing: dict[str, float] = field(default_factory=dict)

    @property
    def fills(self) -> list[Row]:
        return [row for row in self.orders if row.status in FILLS]

    @property
    def others(self) -> list[Row]:
        return [row for row in self.orders if row.status not in FILLS]
