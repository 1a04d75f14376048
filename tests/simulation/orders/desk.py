"""The oracle's desk: it carries legs out at a touch, keeps position and cash, and writes the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .book import NAN, Leg, Order, Outcome, Position, Row, Trade
from .facts import Bar
from .pricing import Pricing, Size, Touch, in_lots, sections


class Desk:
    """What the account holds, what works in the market, and how a fill changes both."""

    def __init__(
        self,
        initial_cash: float = 100_000.0,
        periods_per_year: float = 252.0,
        symbol: str = "",
        **config: Mapping[str, Any] | None,
    ) -> None:
        self.config = sections(config)
        self.rules, self.pricing = self.config.execution, Pricing(self.config, periods_per_year)
        self.cash, self.symbol = initial_cash, symbol
        self.position = Position()
        self.queue: list[Order] = []
        self.order: Order | None = None
        self.forced: Leg | None = None  # rest of a level's exit, margin call, order of the risk rules
        self.blocked: float | None = None
        self.last_explicit: Order | None = None
        self.bar, self.facts = -1, None
        self.used: dict[int, float] = {}  # units traded, by bar
        self.previous: Bar | None = None
        self.last_equity = self.day_start = self.peak = initial_cash
        self.day: int | None = None
        self.bad_day: int | None = None
        self.bad_bar: int | None = None
        self.halted, self.reducing, self.margin_called = False, False, False
        self.stopped_at: int | None = None
        self.out = Outcome(
            costs=dict.fromkeys(
                ("commission", "slippage", "spread", "borrow", "funding", "margin_interest", "cash_interest"),
                0.0,
            )
        )

    @property
    def working(self) -> list[Leg]:
        return self.order.alive if self.order else []

    def attempt(self, leg: Leg, touch: Touch) -> None:
        """Carry a leg's target out as far as the market takes it; a leg that is done is not alive."""
        if leg.stages is None:
            leg.stages = self.plan(leg, touch)
        while leg.stages and leg.alive:
            left = leg.stages[0]
            before = len(self.out.fills)
            done = self.enter(leg, touch) if math.isnan(left) else self.reduce(leg, left, touch)
            if not done:
                leg.touched = True
                self.drop_rest(leg, before)
                return
            leg.stages.pop(0)
        leg.alive = False

    def drop_rest(self, leg: Leg, before: int) -> None:
        """Give up what the cap left of a leg, where the rule is so and a part has filled."""
        dropped = self.rules.partial_fill == "cancel" and leg.reason == "signal"
        if leg.alive and dropped and len(self.out.fills) > before:
            self.close_leg(leg, "cancelled: remainder")

    def plan(self, leg: Leg, touch: Touch) -> list[float]:
        held = self.position
        enter = [] if leg.target == 0.0 else [NAN]
        if held.units == 0.0:
            return enter
        if leg.target == held.held and not leg.again:
            return []
        if held.units * leg.target > 0.0 and leg.target != held.held:
            size = self.size(leg, touch)
            if (size.refusal and size.units > 0.0) or size.unknown:
                self.refuse(leg, touch, size.refusal)
                return []
            left = leg.want = max(size.units, 0.0)
            leg.sized_at = self.bar
            trade = left - abs(held.units)
            if leg.kind != "market" and trade * held.side * leg.side < 0.0:
                held.held = leg.target  # a limit to buy sells nothing
                return []
            if trade >= 0.0:
                return enter
            if left:
                return [left]
            leg.want = NAN
            return [0.0, NAN]  # less than a lot: the entry will be refused
        return [0.0, *enter]

    def size(self, leg: Leg, touch: Touch, tell: bool = True) -> Size:
        equity = self.cash + self.position.units * touch.quote
        results = [trade.pnl for trade in self.out.trades]
        size = self.pricing.size(leg.target, self.position.units, equity, results, touch)
        if size.cut and tell:
            self.record(leg, leg.side, size.lost, touch, f"cut: {size.cut}")
        return size

    def refuse(self, leg: Leg, touch: Touch, status: str | None) -> None:
        self.record(leg, math.copysign(1.0, leg.target), 0.0, touch, status or "")
        leg.alive = False

    def capped(self, units: float, touch: Touch) -> float:
        """What of the units the participation cap lets through on the fill's bar."""
        if not self.rules.max_participation_pct:
            return units
        cap = self.rules.max_participation_pct / 100.0 * touch.facts.volume
        free = cap - self.used.get(touch.bar, 0.0)
        free = free if free > 1e-12 * cap else 0.0  # what rounding leaves is not traded by itself
        if units <= free * (1.0 + 1e-12):
            return units
        return in_lots(free, self.config.sizing.lot_size)

    def enter(self, leg: Leg, touch: Touch) -> bool:
        """Enter or enlarge; whether nothing is left to do."""
        held, side = self.position, math.copysign(1.0, leg.target)
        if rule := self.block():
            self.refuse(leg, touch, rule)
            return False
        if math.isnan(leg.want):
            size = self.size(leg, touch)
            if size.refusal:
                self.refuse(leg, touch, size.refusal)
                return False
            leg.want, leg.sized_at = size.units, self.bar
        elif leg.sized_at < self.bar:
            self.cut_rest(leg, touch)
        more = leg.want - abs(held.units)
        if more <= 0.0:
            held.held = leg.target
            return True
        equity = self.cash + held.units * touch.quote
        if not self.pricing.affordable(side, held.units, more, equity, touch):
            self.record(leg, side, more, touch, "rejected: not affordable")
            leg.alive = False
            return False
        units = self.capped(more, touch)
        if units <= 0.0:
            return False
        whole = units == more
        slipped, price = self.pricing.prices(side, units, touch, entry=True)
        fee = self.pricing.fee(units, price, touch.maker)
        self.book(leg, side, units, touch, slipped, price, fee, whole)
        self.cash -= side * units * price
        self.cash -= fee
        if held.units == 0.0:
            self.position = held = Position(price=price, fee=fee, entry_bar=touch.bar, high=price, low=price)
            if self.rules.trailing_stop_pct:
                held.trail_fraction = self.rules.trailing_stop_pct / 100.0
            if self.rules.trailing_stop_atr and self.facts.atr > 0:
                held.trail = self.rules.trailing_stop_atr * self.facts.atr
            total = units
        else:
            total = leg.want if whole else abs(held.units) + units
            held.price = (abs(held.units) * held.price + units * price) / total
            held.fee += fee
        held.units, held.held = side * total, leg.target
        basis = leg.basis if self.rules.stop_basis == "signal_close" else held.price
        if not held.own_stop and self.rules.stop_loss_pct:
            held.stop = basis * (1.0 - side * (self.rules.stop_loss_pct / 100.0))
        if not held.own_goal and self.rules.take_profit_pct:
            held.goal = basis * (1.0 + side * (self.rules.take_profit_pct / 100.0))
        self.move_levels(leg)
        return whole

    def cut_rest(self, leg: Leg, touch: Touch) -> None:
        """Cut what a leg still wants to what account and limits bear now."""
        if self.capped(leg.want - abs(self.position.units), touch) <= 0.0:
            return
        equity = self.cash + self.position.units * touch.quote
        results = [trade.pnl for trade in self.out.trades]
        size = self.pricing.size(leg.target, self.position.units, equity, results, touch, at_most=leg.want)
        if size.cut:
            self.record(leg, leg.side, size.lost, touch, f"cut: {size.cut}")
        leg.want, leg.sized_at = min(leg.want, size.units), self.bar

    def reduce(self, leg: Leg, left: float, touch: Touch) -> bool:
        """Close all but `left` units; whether that is done."""
        held = self.position
        side, wanted = held.side, abs(held.units) - left
        if wanted <= 0.0:
            return True
        units = self.capped(wanted, touch)
        if units <= 0.0:
            return False
        whole = units == wanted
        slipped, price = self.pricing.prices(-side, units, touch, entry=False)
        fee = self.pricing.fee(units, price, touch.maker)
        part = units / abs(held.units)
        share, financing = held.fee * part, held.financing * part
        self.book(leg, -side, units, touch, slipped, price, fee, whole)
        self.cash += side * units * price
        self.cash -= fee
        pnl = side * units * (price - held.price) - share - fee - financing
        top, bottom = max(held.high, price), min(held.low, price)
        moves = [side * (extreme - held.price) / held.price for extreme in (top, bottom)]
        mae, mfe = min(*moves, 0.0), max(*moves, 0.0)
        self.out.trades.append(
            Trade(
                held.entry_bar, touch.bar, side, units, held.price, price, pnl, share + fee, mae, mfe,
                leg.reason, held.held, financing,
            )
        )  # fmt: skip
        held.fee -= share
        held.financing -= financing
        held.units = side * (left if whole else abs(held.units) - units)
        if whole:
            held.held = leg.target
        if held.units == 0.0:
            self.position = Position()
        return whole

    def book(
        self, leg: Leg, side: float, units: float, touch: Touch, slipped: float, price: float, fee: float,
        whole: bool,
    ) -> None:  # fmt: skip
        """Write a fill's row and count it."""
        leg.filled = True
        costs = {
            "commission": fee,
            "slippage": units * abs(slipped - touch.quote),
            "spread": units * abs(price - slipped),
        }
        for name, amount in costs.items():
            self.out.costs[name] += amount
        self.pricing.count_volume(units, price)
        self.used[touch.bar] = self.used.get(touch.bar, 0.0) + units
        status = "filled" if whole else "partly filled"
        kind, target = ("market", 0.0) if leg.closes_first else (leg.kind, leg.target)
        self.out.orders.append(
            Row(
                leg.decided, touch.bar, side, target, units, touch.quote, price, *costs.values(),
                leg.reason, status, kind,
            )
        )  # fmt: skip

    def record(self, leg: Leg, side: float, units: float, touch: Touch, status: str) -> None:
        """Write a row of something that did not fill."""
        price = self.pricing.prices(side, units, touch, entry=True)[1]
        self.out.orders.append(
            Row(
                leg.decided, touch.bar, side, leg.target, units, touch.quote, price, 0.0, 0.0, 0.0,
                leg.reason, status, leg.kind,
            )
        )  # fmt: skip

    def close_leg(self, leg: Leg, status: str, bar: int | None = None) -> None:
        """End a leg, with a row."""
        leg.alive = False
        self.out.orders.append(
            Row(
                leg.decided, self.bar if bar is None else bar, leg.side, leg.target, NAN, NAN, NAN,
                0.0, 0.0, 0.0, leg.reason, status, leg.kind,
            )
        )  # fmt: skip

    def move_levels(self, leg: Leg) -> None:
        held = self.position
        if held.units == 0.0:
            return
        if leg.stop_loss:
            held.stop, held.own_stop = leg.stop_loss, True
        if leg.take_profit:
            held.goal, held.own_goal = leg.take_profit, True
        if leg.trailing_stop:
            held.trail, held.trail_fraction = leg.trailing_stop, 0.0

    def block(self) -> str | None:
        """The rule that forbids an entry or an enlargement now."""
        cooldown, allowed = self.config.risk.cooldown_bars, self.config.risk.allowed_symbols
        if allowed and self.symbol not in allowed:
            return "blocked: allowed_symbols"
        if self.halted:
            return "blocked: max_drawdown"
        if self.bad_day == self.day or self.bad_bar == self.bar:
            return "blocked: daily_loss"
        if cooldown and self.stopped_at is not None and self.bar - self.stopped_at <= cooldown:
            return "blocked: cooldown"
        return None

    def finance(self) -> None:
        if self.previous is None:
            return
        costs, held, years = self.config.costs, self.position, self.facts.years
        close = self.previous.span.close
        value = held.units * close
        free = self.cash + min(value, 0.0)
        paid = {
            "borrow": max(-value, 0.0) * (costs.borrow_pct / 100.0) * years,
            "margin_interest": max(-self.cash, 0.0) * (costs.margin_rate_pct / 100.0) * years,
            "cash_interest": -max(free, 0.0) * (costs.cash_interest_pct / 100.0) * years,
            "funding": value * self.facts.funding
            if costs.funding_column
            else value * (costs.funding_pct / 100.0) * years,
        }
        paid["funding"] *= costs.funding_paid_multiple if paid["funding"] > 0 else 1.0
        for name, amount in paid.items():
            self.cash -= amount
            self.out.costs[name] += amount
        if held.units:
            held.financing += paid["borrow"] + paid["margin_interest"] + paid["funding"]
