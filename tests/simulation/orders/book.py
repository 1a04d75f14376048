"""What the oracle keeps: legs and orders, the position, and the rows that it writes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

NAN = math.nan
FILLS = ("filled", "partly filled")


@dataclass
class Leg:
    """One order of a decision; the names are those of the functions that make it. 0: not given."""

    target: float
    kind: str = "market"
    limit: float = 0.0
    stop: float = 0.0
    trail: float = 0.0
    tif: str = "gtc"
    expire: int = 0
    stop_loss: float = 0.0
    take_profit: float = 0.0
    trailing_stop: float = 0.0
    # while it works
    reason: str = "signal"
    decided: int = -1
    basis: float = NAN  # close of the decision bar
    side: float = 0.0
    trail_is_fraction: bool = False
    again: bool = False  # closes what is held for the same target, and opens it anew
    closes_first: bool = False  # what closes goes at the market, whatever the type of the entry
    best: float = NAN  # of a trailing order
    triggered: bool = False  # of a stop limit
    touched: bool = False  # and the market did not take it: a stop goes on as a market order
    stages: list[float] | None = None  # exits to so many units, then NAN for an entry; None: not tried
    want: float = NAN  # units of the whole position, sized at the first attempt, and cut at later ones
    sized_at: int = -1
    alive: bool = True
    filled: bool = False


@dataclass(eq=False)
class Order:
    """A decision as it waits in the queue and then works. legs: its one leg, or the two of an OCO."""

    decided: int
    close: float
    legs: list[Leg]
    explicit: tuple[Leg, ...] | None = None
    only_moves: bool = False  # for what is held: it moves levels and never trades
    age: int = 0

    @property
    def alive(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.alive]


@dataclass
class Position:
    """What is held. stop, goal: prices, NaN without. trail: a distance in price units, NaN without."""

    units: float = 0.0
    price: float = NAN
    fee: float = 0.0
    financing: float = 0.0
    entry_bar: int = 0
    high: float = 0.0
    low: float = 0.0
    held: float = 0.0
    stop: float = NAN
    goal: float = NAN
    own_stop: bool = False  # given by a decision, not by the percentages
    own_goal: bool = False
    trail: float = NAN
    trail_fraction: float = 0.0

    @property
    def side(self) -> float:
        return math.copysign(1.0, self.units)


@dataclass(frozen=True)
class Row:
    """One row of the order table."""

    decided: int
    bar: int
    side: float
    target: float
    units: float
    quote: float
    price: float
    commission: float
    slippage: float
    spread: float
    reason: str
    status: str
    kind: str


@dataclass(frozen=True)
class Trade:
    """One row of the trade table."""

    entry_bar: int
    exit_bar: int
    side: float
    units: float
    entry_price: float
    exit_price: float
    pnl: float
    commission: float
    mae: float
    mfe: float
    reason: str
    target: float
    financing: float


@dataclass
class Outcome:
    """All that a simulation gives."""

    equity: list[float] = field(default_factory=list)
    positions: list[float] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)

    @property
    def fills(self) -> list[Row]:
        return [row for row in self.orders if row.status in FILLS]

    @property
    def others(self) -> list[Row]:
        """What did not fill, sorted: of what ends in one bar, no order is told."""
        rows = [row for row in self.orders if row.status not in FILLS]
        return sorted(rows, key=lambda row: (row.bar, row.decided, row.status, row.kind, row.target))
