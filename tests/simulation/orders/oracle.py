"""An order engine in plain objects, written from the description of its rules alone, to judge the real one.

A simulation takes a list of bars with their facts and one decision per bar: a number (a target), NaN, one
`Leg`, or two of them of which one cancels the other. The order of what happens in a bar is that of `on_bar`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

from .book import NAN, Leg, Order, Outcome
from .desk import Desk
from .facts import Bar, Span
from .pricing import Touch, in_lots

Decision = float | Leg | tuple[Leg, Leg]


class Oracle(Desk):
    """One symbol, bar by bar."""

    def run(self, bars: Sequence[Bar], decisions: Sequence[Decision]) -> Outcome:
        for bar, decision in zip(bars, decisions, strict=True):
            self.on_bar(bar, decision)
        for leg in [*([self.forced] if self.forced else []), *self.working]:
            self.close_leg(leg, "unfilled: last bar", bar=-1)
        for order in self.queue:
            for leg in order.alive:
                leg.decided, leg.side = order.decided, self.side_of(leg)
                reenters = (
                    order.explicit is None and self.rules.repeat_signal == "reenter" and leg.target != 0.0
                )
                if not order.only_moves and (leg.target != self.coming or reenters):
                    self.close_leg(leg, "unfilled: last bar", bar=-1)
        self.out.costs["total"] = sum(self.out.costs.values())
        return self.out

    def on_bar(self, bar: Bar, decision: Decision) -> None:
        self.bar += 1
        self.facts = self.pricing.facts = bar
        if self.queue and self.queue[0].decided == self.bar - 1 - self.rules.latency_bars:
            self.accept(self.queue.pop(0))
        if self.order:
            self.order.age += 1
        if self.rules.fill == "same_close" and self.previous:
            for leg in self.working:
                if leg.alive and self.fills_at_the_close_before(leg):
                    self.try_leg(leg, self.market())
        self.finance()
        if self.previous is None or bar.day != self.previous.day:
            self.day_start = self.last_equity
        if self.previous is not None and bar.month != self.previous.month:
            self.pricing.traded = 0.0
        self.day = bar.day
        held = self.position
        if held.units and math.isnan(held.trail) and self.rules.trailing_stop_atr and bar.atr > 0:
            held.trail = self.rules.trailing_stop_atr * bar.atr
        halted = bool(bar.halted or (self.rules.max_participation_pct and bar.volume == 0))
        if not halted:
            self.at_the_open()
            for span in bar.parts(self.rules.intrabar):
                self.inside(span)
        self.at_the_close(halted)
        equity = self.cash + self.position.units * bar.span.close
        self.out.equity.append(equity)
        self.out.positions.append(self.position.units)
        self.call_margin(equity)
        if not self.watch_risk(equity):
            self.decide(decision)
        self.previous, self.last_equity = bar, equity

    # 2. a decision reaches the market

    def accept(self, order: Order) -> None:
        for leg in self.working:
            self.close_leg(leg, "cancelled: replaced")
        held = self.coming
        for leg in order.legs:
            leg.decided, leg.basis, leg.best = order.decided, order.close, order.close
            leg.again = order.explicit is None and self.rules.repeat_signal == "reenter" and held != 0.0
            leg.side = self.side_of(leg)
            if order.only_moves or (leg.target == held and not leg.again):
                leg.alive = False
                if order.explicit is not None and leg.target == held:
                    self.move_levels(leg)
                continue
            if order.explicit is None:
                self.dress(leg, held)
            if not self.is_valid(leg):
                self.close_leg(leg, "rejected: no valid price")
        self.order = order if order.alive else None

    def is_valid(self, leg: Leg) -> bool:
        """Whether it has the prices that its type needs."""
        needed = {"limit": [leg.limit], "stop_market": [leg.stop], "stop_limit": [leg.limit, leg.stop]}
        needed["trailing_stop_market"] = [leg.trail]
        return all(price > 0.0 for price in needed.get(leg.kind, []))

    def fills_at_the_close_before(self, leg: Leg) -> bool:
        resting = leg.kind != "market" or leg.tif in ("at_the_open", "at_the_close")
        return self.rules.fill == "same_close" and not resting

    @property
    def coming(self) -> float:
        """The target that is held, or will be once what is forced is done."""
        return self.forced.target if self.forced else self.position.held

    def side_of(self, leg: Leg) -> float:
        held = self.coming
        return math.copysign(1.0, leg.target if leg.target == held else leg.target - held)

    def dress(self, leg: Leg, held: float) -> None:
        """Give a plain target the type of the execution section, where it enters or enlarges."""
        rules = self.rules
        if leg.target == 0.0 or (leg.target * held > 0 and abs(leg.target) < abs(held)):
            return
        leg.kind, leg.tif, leg.expire = rules.order_type, rules.time_in_force, rules.cancel_after_bars or 0
        leg.closes_first = (leg.kind, leg.tif) != ("market", "gtc")
        limit, stop = rules.limit_offset_bps / 1e4, rules.stop_offset_bps / 1e4
        leg.stop = leg.basis * (1.0 + leg.side * stop)
        if leg.kind == "stop_limit":
            leg.limit = leg.stop * (1.0 + leg.side * limit)
        else:
            leg.limit = leg.basis * (1.0 - leg.side * limit)
        leg.trail, leg.trail_is_fraction = rules.trail_offset_bps / 1e4, True

    # 4. at the open

    def at_the_open(self) -> None:
        quote = self.facts.span.open
        if self.forced:
            self.attempt(self.forced, Touch(quote, self.bar, self.facts))
            if self.forced and not self.forced.alive:
                self.forced = None
        self.meet_margin()
        for leg in self.working:
            if not leg.alive or self.forced:  # what is forced goes first, whole
                continue
            if self.previous and self.fills_at_the_close_before(leg):
                continue
            if leg.closes_first and not self.close_first(leg):
                continue
            if leg.tif == "at_the_close" or (leg.tif == "at_the_open" and not self.facts.first_of_session):
                continue
            touch = self.touch(leg, Span(quote, quote, quote, quote), at_open=True)
            if touch and (leg.tif != "fok" or self.fills_whole(leg, touch)):
                self.try_leg(leg, touch)
            if leg.alive and leg.tif in ("ioc", "fok", "at_the_open"):
                why = {"ioc": "cancelled: immediate or cancel", "fok": "cancelled: fill or kill"}
                self.close_leg(leg, why.get(leg.tif, "expired"))

    def close_first(self, leg: Leg) -> bool:
        """Close at the market what a resting entry reverses; whether that is done."""
        if self.position.units * leg.target < 0.0 or leg.target == self.position.held != 0.0:
            before = len(self.out.fills)
            if not self.reduce(leg, 0.0, self.market()):
                self.drop_rest(leg, before)
                return False
        leg.closes_first = False
        return True

    def fills_whole(self, leg: Leg, touch: Touch) -> bool:
        """Whether the cap leaves no rest, sized with the account as it stands."""
        held = abs(self.position.units)
        want = max(self.size(leg, touch, tell=False).units, 0.0) if leg.target else 0.0
        same = self.position.units * leg.target > 0.0 and not leg.again
        need = abs(want - held) if same else held + want
        return self.capped(need, touch) >= need

    # 5. inside the bar

    def inside(self, span: Span) -> None:
        before, came = self.position.units, None
        if span.monotone:
            came = self.along(span)
        else:
            if before and not self.forced:
                self.check_levels(span)
            if not self.forced:
                came = self.check_legs(span, self.touches(span))
        held = self.position
        if held.units:
            # of an entry inside the piece, only what came after it counts: its end, and where the price went
            fresh = came if came and held.units * before <= 0.0 else 0.0
            held.high = max(held.high, span.close if fresh < 0 else span.high)
            held.low = min(held.low, span.close if fresh > 0 else span.low)
        for leg in self.working:
            leg.best = min(leg.best, span.low) if leg.side > 0 else max(leg.best, span.high)

    def along(self, span: Span) -> float | None:
        """A straight piece: levels and legs in the order in which the price reaches them."""
        came, entered = None, False
        level = self.level_touched(span, span) if self.position.units and not self.forced else None
        touches = [] if self.forced else self.touches(span)
        events: list[tuple[float, int]] = [
            (abs(touch.quote - span.open), at) for at, (_, touch) in enumerate(touches)
        ]
        if level:
            events.append((abs(level[1] - span.open), -1))
        for _, at in sorted(events):
            if self.forced:
                break
            if at < 0:
                if self.position.units and not entered:
                    self.check_levels(span)
            else:
                found = self.check_legs(span, [touches[at]])
                entered = entered or found is not None
                came = found if found is not None else came
        return came

    def stop_level(self) -> tuple[str, float]:
        """The tightest of stop, trailing stops and liquidation: its reason and price."""
        held, margin = self.position, self.config.margin
        side = held.side
        best = held.high if side > 0 else held.low
        levels = [("stop_loss", held.stop)]
        if not math.isnan(held.trail):
            levels.append(("trailing_stop", best - side * held.trail))
        if held.trail_fraction:
            levels.append(("trailing_stop", best * (1.0 - side * held.trail_fraction)))
        if margin.maintenance_pct and margin.on_margin_call == "liquidate":
            part = margin.maintenance_pct / 100.0
            price = -self.cash / (held.units * (1.0 - side * part))
            levels.append(("liquidation", price if price > 0.0 else NAN))
        reason, level = "stop_loss", -side * math.inf
        for name, price in levels:
            if side * (price - level) > 0.0:
                reason, level = name, price
        return reason, level

    def level_touched(self, for_stop: Span, for_goal: Span) -> tuple[str, float] | None:
        """The level that the piece touches: its reason and the price there. Both pieces open alike."""
        long, open_ = self.position.units > 0, for_stop.open
        reason, stop = self.stop_level()
        goal = self.position.goal
        if math.isnan(goal):
            goal = math.inf if long else -math.inf
        stopped = for_stop.low <= stop if long else for_stop.high >= stop
        reached = for_goal.high >= goal if long else for_goal.low <= goal
        if stopped and reached and self.rules.intrabar != "pessimistic":
            stopped = open_ <= stop if long else open_ >= stop
        if stopped:
            return reason, min(open_, stop) if long else max(open_, stop)
        if reached:
            return "take_profit", max(open_, goal) if long else min(open_, goal)
        return None

    def check_levels(self, for_stop: Span, for_goal: Span | None = None) -> None:
        held = self.position
        if touched := self.level_touched(for_stop, for_goal or for_stop):
            held.high, held.low = max(held.high, for_stop.open), min(held.low, for_stop.open)
            self.leave(*touched)

    def leave(self, reason: str, quote: float) -> None:
        """Exit at a level; what was to close, reduce or enlarge the position ends with it."""
        held = self.position
        if self.rules.reentry_after_stop == "on_new_signal":
            self.blocked = held.held
        if reason != "take_profit":
            self.stopped_at = self.bar
        kind = "limit" if reason == "take_profit" else "stop_market"
        self.forced = Leg(0.0, kind, reason=reason, decided=self.bar, side=-held.side, stages=[0.0])
        for leg in self.working:
            if leg.target * held.side >= 0.0:
                self.close_leg(leg, "cancelled: position closed")
        self.attempt(self.forced, Touch(quote, self.bar, self.facts))
        if self.forced.alive:
            self.force(0.0, reason, [0.0])
        else:
            self.forced = None

    def touches(self, span: Span) -> list[tuple[Leg, Touch]]:
        """Working legs that the piece touches; where both are, the first is the one that the rule prefers."""
        legs = [leg for leg in self.working if not leg.closes_first]
        legs = [leg for leg in legs if leg.tif in ("gtc", "day") and leg.kind != "market"]
        touched = [(leg, touch) for leg in legs if (touch := self.touch(leg, span))]
        if len(touched) == 2 and not span.monotone:
            first, second = (leg.side * (span.close - touch.quote) for leg, touch in touched)
            if second > first if self.rules.intrabar == "optimistic" else second < first:
                touched.reverse()
        return touched

    def check_legs(self, span: Span, touched: list[tuple[Leg, Touch]]) -> float | None:
        """Fill what is touched; the direction from which the price came into an entry, else None."""
        came = None
        for leg, touch in touched:
            if not leg.alive or self.forced:
                continue
            held, before = self.position, self.position.units
            if before:  # the piece's open was seen before
                held.high, held.low = max(held.high, span.open), min(held.low, span.open)
            self.try_leg(leg, touch)
            now = self.position.units
            if now and (now * before <= 0 or abs(now) > abs(before)):
                came = touch.came
                if touch.came == 0.0:
                    self.check_levels(span)  # filled at the open of the piece
                else:
                    if now * before <= 0:
                        fresh = self.position
                        fresh.high, fresh.low = max(fresh.high, touch.quote), min(fresh.low, touch.quote)
                    self.check_fresh_levels(span, touch)
        return came

    def check_fresh_levels(self, span: Span, touch: Touch) -> None:
        """Exit in the piece of the entry, as far as the rule allows to say so.

        Certain is the price of the entry and what lies further on the way that the price came.
        """
        quote, up = touch.quote, touch.came > 0
        whole = Span(quote, span.high, span.low, span.close)
        certain = Span(quote, span.high if up else quote, quote if up else span.low, span.close)
        pessimistic = not span.monotone and self.rules.intrabar == "pessimistic"
        optimistic = not span.monotone and self.rules.intrabar == "optimistic"
        self.check_levels(whole if pessimistic else certain, whole if optimistic else certain)

    def touch(self, leg: Leg, span: Span, at_open: bool = False) -> Touch | None:
        """Where a leg meets the market inside a piece, or at the open (a piece of that one price)."""
        buy, side = leg.side > 0, leg.side

        def touched(quote: float, came: float, limit: float | None = None, maker: bool = False) -> Touch:
            return Touch(quote, self.bar, self.facts, came, limit, maker)

        if leg.kind == "market":
            return touched(span.open, 0.0) if leg.tif == "at_the_close" else self.market()
        if leg.touched and leg.kind in ("stop_market", "trailing_stop_market"):
            return touched(span.open, 0.0)
        gap = False
        if "stop" in leg.kind and not leg.triggered:
            stop = leg.stop
            if leg.kind == "trailing_stop_market":
                away = leg.best * leg.trail if leg.trail_is_fraction else leg.trail
                stop = leg.best + side * away
            if not (span.high >= stop if buy else span.low <= stop):
                return None
            gap = span.open >= stop if buy else span.open <= stop
            quote, came = (span.open, 0.0) if gap else (stop, side)
            if leg.kind != "stop_limit":
                return touched(quote, came)
            leg.triggered = True
            if quote <= leg.limit if buy else quote >= leg.limit:
                return touched(quote, came, limit=leg.limit)
            if not gap:
                return None  # triggered on the way: it rests from the next piece on
        elif span.open <= leg.limit if buy else span.open >= leg.limit:
            return touched(span.open, 0.0, limit=leg.limit)
        if not at_open and (span.low <= leg.limit if buy else span.high >= leg.limit):
            return touched(leg.limit, -side, maker=True)
        return None

    def market(self) -> Touch:
        """Where a market order fills: at this open, or at the close before it."""
        if self.rules.fill == "same_close" and self.previous:
            return Touch(self.previous.span.close, self.bar - 1, self.previous)
        return Touch(self.facts.span.open, self.bar, self.facts)

    # 6. at the close

    def at_the_close(self, halted: bool) -> None:
        """Leg by leg: fill what is for the close, then let it expire."""
        close, last = self.facts.span.close, self.facts.last_of_session
        for leg in self.working:
            if not leg.alive:
                continue
            if leg.tif == "at_the_close" and last and not halted:
                touch = self.touch(leg, Span(close, close, close, close), at_open=True)
                if touch and not self.forced:
                    self.try_leg(leg, touch)
            of_the_day = leg.tif in ("day", "at_the_close") and last
            if leg.alive and (of_the_day or (leg.expire and self.order.age >= leg.expire)):
                self.close_leg(leg, "expired")

    # 8. and 9. margin and risk at the close

    def call_margin(self, equity: float) -> None:
        """Note at a close that the margin is too small; the next open that trades reduces the position."""
        margin, value = self.config.margin, abs(self.position.units) * self.facts.span.close
        if margin.maintenance_pct and margin.on_margin_call == "reduce":
            self.margin_called = equity < margin.maintenance_pct / 100.0 * value

    def meet_margin(self) -> None:
        held = self.position
        if not self.margin_called or held.units == 0.0 or self.previous is None:
            return
        left = max(self.last_equity, 0.0) * self.config.margin.leverage / self.previous.span.close
        left = in_lots(left, self.config.sizing.lot_size)
        touch = Touch(self.facts.span.open, self.bar, self.facts)
        left = max(left, abs(held.units) - self.capped(abs(held.units) - left, touch))
        leg = Leg(held.held, reason="margin_call", decided=self.bar - 1, side=-held.side)
        self.reduce(leg, left, touch)

    def force(self, target: float, reason: str, stages: list[float] | None) -> None:
        side = -self.position.side
        self.forced = Leg(target, reason=reason, decided=self.bar, basis=self.facts.span.close, side=side)
        self.forced.stages = stages
        for leg in self.working:
            self.close_leg(leg, "cancelled: replaced")

    def watch_risk(self, equity: float) -> bool:
        """Whether the account acts, whatever the strategy says now."""
        risk, held = self.config.risk, self.position
        flatten = reduced = False
        least = self.day_start * (1.0 - (risk.daily_loss_pct or 0.0) / 100.0)
        if risk.daily_loss_pct and self.bad_day != self.facts.day and equity <= least:
            self.bad_day = self.facts.day
            if self.facts.first_of_session and self.facts.last_of_session:
                self.bad_bar = self.bar + 1
            flatten = risk.on_daily_loss == "flatten"
        if equity > self.peak:
            self.peak, self.reducing = equity, False
        elif risk.max_drawdown_pct and equity <= self.peak * (1.0 - risk.max_drawdown_pct / 100.0):
            if risk.on_drawdown == "halt":
                flatten = flatten or not self.halted
                self.halted = True
            elif not self.reducing:
                self.reducing = reduced = True
                if held.units and not self.forced:
                    self.force(held.held * (risk.reduce_to_pct / 100.0), "risk", None)
        if flatten and held.units:
            self.force(0.0, "risk", [0.0])
        return bool(held.units) and (flatten or (reduced and self.rules.fill == "same_close"))

    # 10. the strategy decides

    def decide(self, decision: Decision) -> None:
        if isinstance(decision, int | float):
            legs, explicit = [Leg(float(decision))], None
        else:
            explicit = (decision,) if isinstance(decision, Leg) else decision
            legs = [copy.copy(leg) for leg in explicit]
        if math.isnan(legs[0].target):
            self.blocked = None
            return
        wish = NAN
        for leg in legs:
            leg.target = min(max(leg.target, -1.0), 1.0)
            if self.rules.direction == "long_only":
                leg.target = max(leg.target, 0.0)
            elif self.rules.direction == "short_only":
                leg.target = min(leg.target, 0.0)
            wish = leg.target if leg is legs[0] else wish
            if self.reducing:
                leg.target *= self.config.risk.reduce_to_pct / 100.0
        target = legs[0].target
        if explicit is None and self.blocked is not None and self.blocked in (target, wish):
            return
        self.blocked = None
        if explicit is None:
            again = self.rules.repeat_signal == "reenter" and target != 0.0
            new = target != self.intended or again
        else:
            last = self.last_explicit
            at_work = last is not None and (last in self.queue or (last is self.order and last.alive))
            new = not (at_work and last.explicit == explicit)
        idle = not self.queue and not self.working
        only_moves = explicit is not None and len(legs) == 1 and idle and target == self.coming
        names_levels = legs[0].stop_loss or legs[0].take_profit or legs[0].trailing_stop
        if new and (names_levels or not only_moves):
            order = Order(self.bar, self.facts.span.close, legs, explicit, only_moves)
            self.queue.append(order)
            if explicit is not None:
                self.last_explicit = order

    @property
    def intended(self) -> float:
        if self.queue:
            return self.queue[-1].legs[0].target
        if self.order and self.order.alive:
            return self.order.alive[0].target
        return self.coming

    def try_leg(self, leg: Leg, touch: Touch) -> None:
        self.attempt(leg, touch)
        if leg.filled:
            for other in self.working:
                if other is not leg:
                    self.close_leg(other, "cancelled: one cancels other")
