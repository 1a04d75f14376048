"""The engine in plain Python, one bar at a time: the oracle of the compiled kernels, and their fallback.

Written on its own, to be read. It does the same float operations in the same order as
`admf.simulation.template`, so both give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from admf.simulation.records import (
    FILLED,
    LIMIT_ORDER,
    MARKET_ORDER,
    NOT_AFFORDABLE,
    SIGNAL,
    STOP_LOSS,
    STOP_MARKET_ORDER,
    TAKE_PROFIT,
    TOO_SMALL,
    TRAILING_STOP,
    UNFILLED,
)
from admf.simulation.settings import Settings

NAN = math.nan

# What an engine knows between two bars, besides its settings and the rows it has recorded.
MEMORY = (
    "bar",
    "cash",
    "position",
    "entry_price",
    "entry_fee",
    "entry_bar",
    "high_since",
    "low_since",
    "held",
    "pending",
    "stop",
    "goal",
    "blocked",
    "clamped",
    "previous_close",
)


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


class PlainEngine:
    """Simulates one symbol, one bar at a time.

    Parameters
    ----------
    settings
        Numbers of the simulation.

    Attributes
    ----------
    orders, trades
        Rows in the columns of `admf.simulation.records`, appended as they happen.
    clamped
        Decisions beyond -1 or 1 that were cut.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bar = -1  # position of the present bar, from the first simulated one
        self.cash = settings.initial_cash
        self.position = 0.0
        self.entry_price = NAN
        self.entry_fee = 0.0
        self.entry_bar = 0
        self.high_since = 0.0
        self.low_since = 0.0
        self.held = 0.0  # target that the position stands for
        self.pending: float | None = None
        self.stop = NAN
        self.goal = NAN
        self.blocked: float | None = None
        self.clamped = 0
        self.previous_close = NAN
        self.orders: list[tuple[float, ...]] = []
        self.trades: list[tuple[float, ...]] = []

    def on_bar(
        self, open: float, high: float, low: float, close: float, decide: Callable[[Account], float] | None
    ) -> float:
        """Take one bar and return the equity at its close.

        Parameters
        ----------
        open, high, low, close
            Prices.
        decide
            Asked for the target exposure at the close; None while the strategy warms up.
        """
        self.bar += 1
        if self.pending is not None:
            target, self.pending = self.pending, None
            if self.settings.fill == "next_open":
                self._carry_out(target, quote=open, bar=self.bar)
            else:
                self._carry_out(target, quote=self.previous_close, bar=self.bar - 1)
        if self.position != 0.0:
            self._check_levels(open, high, low)
        if self.position != 0.0:
            self.high_since = max(self.high_since, high)
            self.low_since = min(self.low_since, low)
        equity = self.cash + self.position * close
        if decide is not None:
            held = self.bar - self.entry_bar if self.position != 0.0 else 0
            self._take(decide(Account(self.position, self.entry_price, held, equity)))
        self.previous_close = close
        return equity

    def unfilled(self) -> tuple[float, ...] | None:
        """Give the row of the order of the last close, which nothing has filled; None where there is none."""
        if self.pending is None:
            return None
        target = self.pending
        side = 1.0 if target > self.held or (target == self.held and target > 0.0) else -1.0
        return (self.bar, -1, side, target, NAN, NAN, NAN, 0.0, 0.0, 0.0, SIGNAL, UNFILLED, MARKET_ORDER)

    def finish(self) -> None:
        """Record the order of the last close, which nothing fills."""
        row = self.unfilled()
        if row is not None:
            self.orders.append(row)

    # decisions

    def _take(self, target: float) -> None:
        if math.isnan(target):
            self.blocked = None
            return
        if abs(target) > 1.0:
            target = math.copysign(1.0, target)
            self.clamped += 1
        if self.settings.direction == "long_only":
            target = max(target, 0.0)
        elif self.settings.direction == "short_only":
            target = min(target, 0.0)
        if self.blocked is not None and target == self.blocked:
            return
        self.blocked = None
        again = self.settings.reenter and target != 0.0
        if target != self.held or again:
            self.pending = target

    # fills

    def _carry_out(self, target: float, quote: float, bar: int) -> None:
        same_side = self.position * target > 0.0
        if self.position == 0.0:
            if target != 0.0:
                self._enter(target, quote, bar)
        elif same_side and target != self.held:
            left = max(self._size(target, quote)[0], 0.0)
            if left >= abs(self.position):
                self._enter(target, quote, bar)
                return
            self._exit(left, target, quote, bar, SIGNAL)
            if left == 0.0:
                self._enter(target, quote, bar)  # less than a lot: this records the refusal
        else:
            self._exit(0.0, target, quote, bar, SIGNAL)
            if target != 0.0:
                self._enter(target, quote, bar)

    def _entry_prices(self, side: float, quote: float) -> tuple[float, float]:
        slipped = quote * (1.0 + side * self.settings.slippage)
        return slipped, slipped * (1.0 + side * self.settings.spread)

    def _fee(self, units: float, price: float) -> float:
        s = self.settings
        return units * price * s.commission + units * s.commission_per_unit + s.commission_fixed

    def _size(self, target: float, quote: float) -> tuple[float, float]:
        """Units of the position that the target asks for, and what one of them costs to enter."""
        s = self.settings
        slipped, price = self._entry_prices(math.copysign(1.0, target), quote)
        unit_cost = price + slipped * s.commission + s.commission_per_unit
        if s.method == "fixed_units":
            units = s.units * abs(target)
            return (units // s.lot_size * s.lot_size if s.lot_size else units), unit_cost
        budget = (self.cash + self.position * quote) * abs(target) * s.fraction - s.commission_fixed
        if s.lot_size:
            return budget // (unit_cost * s.lot_size) * s.lot_size, unit_cost
        return budget / unit_cost, unit_cost

    def _enter(self, target: float, quote: float, bar: int) -> None:
        s = self.settings
        side = math.copysign(1.0, target)
        slipped, price = self._entry_prices(side, quote)
        units, unit_cost = self._size(target, quote)
        more = units - abs(self.position)

        def record(units: float, fee: float, slippage: float, spread: float, status: int) -> None:
            self.orders.append(
                (
                    self._decided,
                    bar,
                    side,
                    target,
                    units,
                    quote,
                    price,
                    fee,
                    slippage,
                    spread,
                    SIGNAL,
                    status,
                    MARKET_ORDER,
                )
            )

        if units <= 0.0:
            record(0.0, 0.0, 0.0, 0.0, TOO_SMALL)
            return
        if s.method == "fixed_units" and more > 0.0:
            free = self.cash + self.position * quote - abs(self.position) * quote
            if more * unit_cost + s.commission_fixed > free:
                record(more, 0.0, 0.0, 0.0, NOT_AFFORDABLE)
                return
        self.held = target
        if more <= 0.0:
            return
        fee = self._fee(more, price)
        self.cash -= side * more * price
        self.cash -= fee
        if self.position == 0.0:
            self.entry_price, self.entry_fee, self.entry_bar = price, fee, bar
            self.high_since = self.low_since = price
        else:
            self.entry_price = (abs(self.position) * self.entry_price + more * price) / units
            self.entry_fee += fee
        self.position = side * units
        basis = self.previous_close if s.stop_basis == "signal_close" else self.entry_price
        self.stop = basis * (1.0 - side * s.stop_loss)
        self.goal = basis * (1.0 + side * s.take_profit)
        record(more, fee, more * abs(slipped - quote), more * abs(price - slipped), FILLED)

    def _exit(self, left: float, target: float, quote: float, bar: int, reason: int) -> None:
        """Close all but `left` units."""
        side = math.copysign(1.0, self.position)
        units = abs(self.position) - left
        price = quote * (1.0 - side * self.settings.slippage)
        fee = self._fee(units, price)
        share = self.entry_fee * (units / abs(self.position))
        self.cash += side * units * price
        self.cash -= fee
        pnl = side * units * (price - self.entry_price) - share - fee
        mae, mfe = self._excursions(price)
        self.trades.append(
            (
                self.entry_bar,
                bar,
                side,
                units,
                self.entry_price,
                price,
                pnl,
                share + fee,
                mae,
                mfe,
                reason,
                self.held,
                0.0,
            )
        )
        decided = self.bar if reason != SIGNAL else self._decided
        slippage = units * abs(price - quote)
        kind = (
            MARKET_ORDER if reason == SIGNAL else LIMIT_ORDER if reason == TAKE_PROFIT else STOP_MARKET_ORDER
        )
        self.orders.append(
            (decided, bar, -side, target, units, quote, price, fee, slippage, 0.0, reason, FILLED, kind)
        )
        if left > 0.0:
            self.position, self.entry_fee, self.held = side * left, self.entry_fee - share, target
        else:
            self.position, self.entry_fee, self.held = 0.0, 0.0, 0.0
            self.entry_price = NAN

    @property
    def _decided(self) -> int:
        return self.bar - 1  # a pending order is carried out on the bar after its decision

    def _excursions(self, exit_price: float) -> tuple[float, float]:
        top = max(self.high_since, exit_price)
        bottom = min(self.low_since, exit_price)
        worst, best = (bottom, top) if self.position > 0.0 else (top, bottom)
        entry = self.entry_price
        if self.position > 0.0:
            return min((worst - entry) / entry, 0.0), max((best - entry) / entry, 0.0)
        return min((entry - worst) / entry, 0.0), max((entry - best) / entry, 0.0)

    # stops

    def _check_levels(self, open: float, high: float, low: float) -> None:
        """Close where a level lies inside the bar; of a stop and a target, the stop (pessimistic)."""
        s = self.settings
        long = self.position > 0.0
        reason, level = STOP_LOSS, self.stop if s.stop_loss else (-math.inf if long else math.inf)
        if s.trailing_stop:
            best = self.high_since if long else self.low_since
            trail = best * (1.0 - s.trailing_stop) if long else best * (1.0 + s.trailing_stop)
            if (trail > level) if long else (trail < level):
                reason, level = TRAILING_STOP, trail
        if (low <= level) if long else (high >= level):
            quote = min(open, level) if long else max(open, level)
        elif s.take_profit and ((high >= self.goal) if long else (low <= self.goal)):
            reason, quote = TAKE_PROFIT, (max(open, self.goal) if long else min(open, self.goal))
        else:
            return
        self.high_since = max(self.high_since, open)
        self.low_since = min(self.low_since, open)
        if s.exit_memory:
            self.blocked = self.held
        self._exit(0.0, 0.0, quote, self.bar, reason)
