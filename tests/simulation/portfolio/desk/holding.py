"""One symbol of the account: what is held, what works for it, and what happens inside its bars."""

from __future__ import annotations

import math

from .account import DUST, Account, SharedPricing
from .rows import NAN, Order, Row, Trade
from .single import Bar, Leg, OneSymbol, Position, Touch


class Holding:
    """A symbol. Own bars count from 0; facts are None on a row where it has no bar."""

    def __init__(self, account: Account, symbol: str, mark: float) -> None:
        self.account, self.symbol, self.mark = account, symbol, mark
        self.config, self.rules = account.config, account.config.execution
        self.pricing = SharedPricing(account)
        self.position = Position()
        self.travelling: list[Order] = []
        self.order: Order | None = None  # that works
        self.forced: Leg | None = None  # what the volume left of a level's exit, or a liquidation to come
        self.barred = 0.0  # side that a level has closed, and that was not decided otherwise since
        self.own_bar, self.stopped_at = -1, -math.inf
        self.facts: Bar | None = None
        self.used = 0.0  # of the bar's volume
        self.called = 1.0  # share of the position that a margin call leaves

    # Inside a bar the rules are those of one symbol, word for word: which of levels and orders the pieces of
    # the bar touch, in which order, and at what price. They end in `attempt` and `leave`, which are ours.
    inside, along = OneSymbol.inside, OneSymbol.along
    level_touched, check_levels, check_fresh_levels = (
        OneSymbol.level_touched, OneSymbol.check_levels, OneSymbol.check_fresh_levels,
    )  # fmt: skip
    touches, check_legs, touch = OneSymbol.touches, OneSymbol.check_legs, OneSymbol.touch

    @property
    def bar(self) -> int:
        return self.account.row

    @property
    def units(self) -> float:
        return self.position.units

    @property
    def working(self) -> list[Order]:
        return [self.order] if self.order and self.order.alive else []

    @property
    def pending(self) -> list[Order]:
        """Orders that work or travel, the newest last."""
        return [*self.working, *self.travelling]

    @property
    def halted(self) -> bool:
        no_volume = bool(self.rules.max_participation_pct) and self.facts.volume == 0
        return bool(self.facts.halted or no_volume)

    @property
    def trades_now(self) -> bool:
        return self.facts is not None and not self.halted

    def market(self) -> Touch:
        return Touch(self.facts.span.open, self.bar, self.facts)

    @property
    def room(self) -> float:
        """What the participation cap leaves of this bar's volume."""
        share = self.rules.max_participation_pct
        if not share:
            return math.inf
        cap = share / 100.0 * self.facts.volume
        left = cap - self.used
        return left if left > 1e-12 * cap else 0.0  # what rounding leaves is not traded

    def capped(self, units: float, room: float | None = None) -> float:
        room = self.room if room is None else room
        return units if units <= room * (1.0 + 1e-12) else self.account.in_lots(room)

    # a new bar

    def begin(self, facts: Bar | None) -> None:
        self.facts, self.used = facts, 0.0
        if facts is None:
            return
        self.pricing.facts = facts
        self.own_bar += 1

    def finance(self) -> float:
        """Borrowing and funding of what was held since the last close: what it costs; trades remember it."""
        costs, held, years = self.config.costs, self.position, self.facts.years
        if not held.units:
            return 0.0
        value = held.units * self.mark
        borrow = max(-value, 0.0) * (costs.borrow_pct / 100.0) * years
        rate = self.facts.funding if costs.funding_column else costs.funding_pct / 100.0 * years
        funding = value * rate * (costs.funding_paid_multiple if value * rate > 0 else 1.0)
        self.account.out.financing["borrow"] += borrow
        self.account.out.financing["funding"] += funding
        held.financing += borrow + funding
        return borrow + funding

    def arrive(self) -> None:
        """Orders that reach the market at this bar; each replaces what works."""
        for order in [each for each in self.travelling if each.arrives <= self.own_bar]:
            self.travelling.remove(order)
            for old in self.working:
                self.end(old, "replaced by a later decision")
            if self.rules.latency_bars and order.reason == "signal" and not self.drifted(order.target):
                continue  # what has become needless on its way only calls off what works
            self.order = order
            self.dress(order)
        for order in self.working:
            order.age += 1
        held = self.position
        if held.units and math.isnan(held.trail) and self.rules.trailing_stop_atr and self.facts.atr > 0:
            held.trail = self.rules.trailing_stop_atr * self.facts.atr

    def drifted(self, target: float) -> bool:
        """Whether the weight that is held is further from the target than the band."""
        equity, held = self.account.equity, self.units * self.mark
        if held * target > 0.0 and equity > 0.0:
            return abs(held / equity - target) > self.account.band
        return held != 0.0 or target != 0.0

    def judge(self, order: Order) -> None:
        """Tell the side of an order, and whether it reduces what is held, by the last close."""
        equity = self.account.equity
        aim, held = order.target * equity, self.units * self.mark
        order.side = 1.0 if aim >= held else -1.0
        order.reduces = aim == 0.0 or equity <= 0.0 or (held * aim > 0.0 and abs(aim) < abs(held))

    def dress(self, order: Order) -> None:
        """Give an order that opens or enlarges what it meets the type of the execution section.

        Its prices are off the close of its decision; what it meets is what the last close has left.
        """
        self.judge(order)
        if order.reason == "risk" or order.reduces:
            return
        rules, basis, side = self.rules, order.basis, order.side
        order.kind, order.tif, order.expire = (
            rules.order_type,
            rules.time_in_force,
            rules.cancel_after_bars or 0,
        )
        order.closes_first = (order.kind, order.tif) != ("market", "gtc")
        order.stop = basis * (1.0 + side * rules.stop_offset_bps / 1e4)
        if order.kind == "stop_limit":
            order.limit = order.stop * (1.0 + side * rules.limit_offset_bps / 1e4)
        else:
            order.limit = basis * (1.0 - side * rules.limit_offset_bps / 1e4)
        order.trail, order.trail_is_fraction = (rules.trail_offset_bps or 0.0) / 1e4, True

    # fills

    def reduce(self, leg: Leg, units: float, touch: Touch, wanted: float, status: str = "") -> None:
        """Close so many units."""
        held = self.position
        side = held.side
        slipped, price = self.pricing.prices(-side, units, touch, entry=False)
        fee = self.pricing.fee(units, price, touch.maker)
        self.account.cash += side * units * price - fee
        self._book(leg, -side, wanted, units, touch, slipped, price, fee, status)
        part = units / abs(held.units)
        share, financing = held.fee * part, held.financing * part
        pnl = side * units * (price - held.price) - share - fee - financing
        moves = [
            side * (end - held.price) / held.price for end in (max(held.high, price), min(held.low, price))
        ]
        self.account.out.trades.append(
            Trade(
                held.entry_bar, self.bar, self.symbol, side, units, held.price, price, pnl, share + fee,
                min(*moves, 0.0), max(*moves, 0.0), leg.reason, financing,
            )
        )  # fmt: skip
        held.fee -= share
        held.financing -= financing
        if units == abs(held.units):
            self.position = Position()
        else:
            held.units -= side * units

    def enter(self, order: Order, units: float, touch: Touch, wanted: float, status: str = "") -> None:
        """Open or enlarge by so many units; the levels follow the average price."""
        held, side = self.position, math.copysign(1.0, order.target)
        slipped, price = self.pricing.prices(side, units, touch, entry=True)
        fee = self.pricing.fee(units, price, touch.maker)
        self.account.cash -= side * units * price + fee
        self._book(order, side, wanted, units, touch, slipped, price, fee, status)
        if held.units == 0.0:
            self.position = held = Position(price=price, fee=fee, entry_bar=self.bar, high=price, low=price)
            if self.rules.trailing_stop_pct:
                held.trail_fraction = self.rules.trailing_stop_pct / 100.0
            if self.rules.trailing_stop_atr and self.facts.atr > 0:
                held.trail = self.rules.trailing_stop_atr * self.facts.atr
        else:
            size = abs(held.units)
            held.price = (size * held.price + units * price) / (size + units)
            held.fee += fee
        held.units += side * units
        held.held = order.target
        basis = order.basis if self.rules.stop_basis == "signal_close" else held.price
        if self.rules.stop_loss_pct:
            held.stop = basis * (1.0 - side * self.rules.stop_loss_pct / 100.0)
        if self.rules.take_profit_pct:
            held.goal = basis * (1.0 + side * self.rules.take_profit_pct / 100.0)

    def _book(
        self, leg: Leg, side: float, wanted: float, units: float, touch: Touch, slipped: float, price: float,
        fee: float, status: str,
    ) -> None:  # fmt: skip
        self.pricing.count_volume(units, price)
        self.used += units
        leg.filled = True
        kind, target = leg.kind, leg.target
        if leg.closes_first and side * self.units < 0.0:
            kind, target = "market", 0.0
        slippage, spread = units * abs(slipped - touch.quote), units * abs(price - slipped)
        status = status or ("filled" if units == wanted else "filled in part: volume")
        self.account.out.orders.append(
            Row(
                leg.decided, self.bar, self.symbol, side, target, wanted, units, touch.quote, price, fee,
                slippage, spread, status, leg.reason, kind,
            )
        )  # fmt: skip

    # rows of what does not fill

    def tell(self, leg: Leg, side: float, wanted: float, quote: float, status: str) -> None:
        """Write that something was refused, blocked or cut."""
        self.account.out.orders.append(
            Row(
                leg.decided, self.bar, self.symbol, side, leg.target, wanted, 0.0, quote, quote,
                0.0, 0.0, 0.0, status, leg.reason, leg.kind,
            )
        )  # fmt: skip

    def end(self, leg: Leg, status: str, bar: int | None = None) -> None:
        """End an order, with a row."""
        leg.alive = False
        self.account.out.orders.append(
            Row(
                leg.decided, self.bar if bar is None else bar, self.symbol, leg.side, leg.target, NAN, 0.0,
                NAN, NAN, 0.0, 0.0, 0.0, status, leg.reason, leg.kind,
            )
        )  # fmt: skip

    def end_all(self, travelling_only: bool = False, but: Order | None = None) -> None:
        """Replace what is pending."""
        for order in self.travelling:
            if order is not but:
                self.end(order, "replaced by a later decision", bar=-1)
        self.travelling = [order for order in self.travelling if order is but]
        if not travelling_only:
            for order in self.working:
                self.end(order, "replaced by a later decision")

    def carry(self, order: Order, filled: bool) -> None:
        """Keep what the volume left of an order for the next bars, or drop it."""
        if filled and self.rules.partial_fill == "cancel" and order.reason == "signal":
            self.end(order, "cancelled: remainder")

    # exits

    def force_out(self, touch: Touch) -> None:
        """Carry out what is forced, as far as the volume goes."""
        wanted = abs(self.units)
        units = self.capped(wanted)
        if units > 0.0:
            self.reduce(self.forced, units, touch, wanted)
        if self.units == 0.0:
            self.forced = None

    def leave(self, reason: str, quote: float) -> None:
        """Exit at a level; what was to close or enlarge the position ends with it."""
        self.remember(reason)
        side = -self.position.side
        kind = "limit" if reason == "take_profit" else "stop_market"
        self.forced = Leg(0.0, kind, reason=reason, decided=self.bar, side=side)
        self.force_out(Touch(quote, self.bar, self.facts))
        if self.forced:
            self.forced.kind = "market"

    def liquidate_next(self) -> None:
        """Close the position at the next open."""
        self.remember("liquidation")
        self.forced = Leg(0.0, reason="liquidation", decided=self.bar, side=-self.position.side)

    def remember(self, reason: str) -> None:
        side = self.position.side
        if self.rules.reentry_after_stop == "on_new_signal":
            self.barred = side
        if reason != "take_profit":
            self.stopped_at = self.own_bar
        for order in self.working:
            if order.target * side >= 0.0:
                self.end(order, "cancelled: position closed")

    def stop_level(self) -> tuple[str, float]:
        """The tightest of stop, trailing stops and liquidation: its reason and price."""
        held, side = self.position, self.position.side
        best = held.high if side > 0 else held.low
        levels = [("stop_loss", held.stop), ("trailing_stop", best - side * held.trail)]
        if held.trail_fraction:
            levels.append(("trailing_stop", best * (1.0 - side * held.trail_fraction)))
        levels.append(("liquidation", self.ruin()))
        reason, level = "stop_loss", -side * math.inf
        for name, price in levels:
            if side * (price - level) > 0.0:
                reason, level = name, price
        return reason, level

    def ruin(self) -> float:
        """Price of this symbol at which the account's equity is its maintenance margin; NaN without."""
        margin, account = self.config.margin, self.account
        if not margin.maintenance_pct or margin.on_margin_call != "liquidate":
            return NAN
        part, quotes = margin.maintenance_pct / 100.0, account.opens
        mine = quotes[account.holdings.index(self)]
        others = account.worth(quotes) - self.units * mine  # cash, and what the others are worth
        # others + units p = part (gross of the others + |units| p)
        price = (part * account.gross(quotes, but=self) - others) / (self.units - part * abs(self.units))
        return price if price > 0.0 else NAN

    # an order inside the bar

    def attempt(self, order: Order, touch: Touch) -> None:
        """Carry out an order that is touched inside the bar: it opens or enlarges, at the touch."""
        account, side, quote = self.account, math.copysign(1.0, order.target), touch.quote
        quotes = account.opens
        quotes[account.holdings.index(self)] = quote
        worth = account.worth(quotes)
        dust = DUST * max(worth, 0.0)
        first, size = math.isnan(order.want), abs(self.units)
        if not first and self.capped(math.inf) <= 0.0:
            return
        want = account.in_lots(abs(order.target) * worth / quote) if worth > 0.0 else 0.0
        more = (want if first else min(want, abs(order.want))) - size
        order.alive = False  # done, unless the volume leaves a rest
        others = sum(1 for each in account.holdings if each is not self and each.units)
        rule = account.forbids(self, others + 1)
        if more * quote <= dust:
            if first and size == 0.0:
                self.tell(order, side, 0.0, quote, rule or too_little(worth))
            self.position.held = order.target  # a limit to buy sells nothing
            return
        if rule:
            self.tell(order, side, more, quote, rule)
            return
        total, rule = account.within(size + more, quote, worth)
        levered = account.levered(self, total, quotes, worth)
        if levered < total:
            total, rule = levered, "cut: max_leverage"
        if (size + more - total) * quote > dust:
            left = account.in_lots(max(total - size, 0.0))
            self.tell(order, side, more - left, quote, rule)
            more = left if left * quote > dust else 0.0
            if more == size == 0.0:
                self.tell(order, side, 0.0, quote, "rejected: less than one lot")
        if more > 0.0:
            more = self.obtainable(order, more, touch)
        if more <= 0.0 or not self.large_enough(order, more, touch):
            return
        order.judged = True
        units, status = self.capped(more), ""
        rest = more - units
        if side > 0.0 and units > 0.0:
            fixed, means = self.pricing.fixed, account.cash + account.credit(worth)
            each = self.pricing.cost_to_buy(units, touch, entry=True)
            if units * each + fixed > means + dust:
                units, status = account.in_lots(max((means - fixed) / each, 0.0)), "filled in part: cash"
                if units <= 0.0:
                    self.tell(order, side, more, quote, "rejected: not affordable")
                    return
        if side < 0.0 and units > 0.0 and not self.can_sell(units, touch, worth, entry=True):
            self.tell(order, side, more, quote, "rejected: not affordable")
            return
        if units > 0.0:
            self.enter(order, units, touch, more, status)
        if rest > 0.0:
            order.alive = True
            order.want = side * (abs(self.units) + rest)
            order.touched = True
            self.carry(order, units > 0.0)

    def try_leg(self, order: Order, touch: Touch) -> None:
        self.attempt(order, touch)

    def can_sell(self, units: float, touch: Touch, worth: float, entry: bool) -> bool:
        """Whether a sale brings more than its fee, or the account has it."""
        price = self.pricing.prices(-1.0, units, touch, entry)[1]
        fee, means = (
            self.pricing.fee(units, price, touch.maker),
            self.account.cash + self.account.credit(worth),
        )
        return fee <= units * price or means + units * price - fee >= 0.0

    def obtainable(self, order: Order, more: float, touch: Touch) -> float:
        """What of the units can be had at all: at a price above 0, and borrowed; a rejection is told."""
        side, margin = math.copysign(1.0, order.target), self.config.margin
        free = math.inf
        if side < 0.0 and margin.locates != "all":
            free = touch.facts.locate if margin.locates == "column" and touch.facts.locate > 0 else 0.0
            free = self.account.in_lots(free) if more > free else free
        if not self.pricing.prices(side, 0.0, touch, entry=True)[1] > 0.0:
            self.tell(order, side, more, touch.quote, "rejected: no valid price")
            return 0.0
        if free <= 0.0:
            self.tell(order, side, more, touch.quote, "rejected: no shares to borrow")
        return min(more, free)

    def large_enough(self, order: Order, more: float, touch: Touch) -> bool:
        """Whether an entry is worth the least value, asked when it is first tried; if not it is told."""
        least, side = self.config.sizing.min_value, math.copysign(1.0, order.target)
        if least and not order.judged and more * self.pricing.prices(side, 0.0, touch, entry=True)[1] < least:
            self.tell(order, side, more, touch.quote, "rejected: below the minimum notional")
            return False
        return True


def too_little(worth: float) -> str:
    return "rejected: less than one lot" if worth > 0.0 else "rejected: not affordable"
