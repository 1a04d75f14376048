"""Orders of several symbols that fill at one moment, the opens or the closes of a row, share the cash."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .account import DUST, Account
from .holding import Holding, too_little
from .rows import Order
from .single import Span, Touch


@dataclass(eq=False)
class Plan:
    """What an order wants to do at the moment: close `out` units, open or enlarge by `more`.

    entry: where its entry meets the market; None: it does not, now. out_rest, rest: what volume leaves.
    """

    holding: Holding
    order: Order
    close: Touch
    entry: Touch | None
    out: float = 0.0
    out_rest: float = 0.0
    more: float = 0.0
    asked: float = 0.0  # `more` before the volume cuts it
    rest: float = 0.0
    killed: bool = False
    filled: bool = False

    @property
    def side(self) -> float:
        return math.copysign(1.0, self.order.target)

    @property
    def units(self) -> float:
        return self.holding.units

    @property
    def quote(self) -> float:
        return self.close.quote

    @property
    def opposed(self) -> bool:
        return self.units * self.order.target < 0.0


class Moment:
    """The orders that are due at one moment of a row, and the quotes there."""

    def __init__(self, account: Account, quotes: list[float], at_close: bool) -> None:
        self.account, self.quotes, self.at_close = account, quotes, at_close
        self.worth = account.worth(quotes)
        self.dust = DUST * max(self.worth, 0.0)

    def trade(self) -> None:
        due = [plan for each in self.account.holdings if (plan := self.due(each))]
        plans = [plan for plan in due if self.size(plan)]
        self.judge(plans)
        for plan in plans:
            plan.order.judged = plan.order.judged or plan.more > 0.0
            self.cap(plan)
        self.carry_out(plans)
        for plan in due:
            self.settle(plan)

    # what is due

    def due(self, holding: Holding) -> Plan | None:
        if not holding.trades_now or holding.forced or not holding.working:
            return None
        order, facts = holding.order, holding.facts
        quote = self.quotes[self.account.holdings.index(holding)]
        market = Touch(quote, holding.bar, facts)
        if order.closes_first and holding.units * order.target >= 0.0:
            order.closes_first = False
        of_session = order.tif in ("at_the_open", "at_the_close")  # then all of it waits for that moment
        if self.at_close:
            tries = order.tif == "at_the_close" and facts.last_of_session
        else:
            tries = order.tif not in ("at_the_open", "at_the_close")
            tries = tries or (order.tif == "at_the_open" and facts.first_of_session)
        entry, moment = None, tries
        if order.closes_first and not self.at_close and abs(holding.units) > holding.room * (1.0 + 1e-12):
            tries = False  # what closes is not whole yet: nothing is seen of the entry's prices
        if tries:
            entry = (
                market if order.kind == "market" else holding.touch(order, Span(*[quote] * 4), at_open=True)
            )
        # at a close, as on one symbol, what its price does not let in closes nothing either
        close_only = order.closes_first and not self.at_close and (moment or not of_session)
        if not close_only and not (tries and (entry is not None or not self.at_close)):
            return None
        return Plan(holding, order, market, entry)

    # sizes

    def size(self, plan: Plan) -> bool:
        """How much the order closes and opens, as far as the volume goes; whether it does anything."""
        holding, order, account = plan.holding, plan.order, self.account
        if plan.entry is None and not order.closes_first:
            return False
        quote, held, size = plan.quote, plan.units, abs(plan.units)
        now = account.in_lots(abs(order.target) * self.worth / quote) if self.worth > 0.0 else 0.0
        first = math.isnan(order.want)
        want = now if first else abs(order.want)
        if held * order.target > 0.0 and want > 0.0:
            out, more = max(size - want, 0.0), max(min(want, now) - size, 0.0)
        else:
            out, more = size, min(want, now)
        if order.kind != "market" and out > 0.0 and not order.closes_first:
            holding.position.held = order.target  # a limit to buy sells nothing
            order.alive = False
            return False
        if not (out == size or out * quote > self.dust):
            out = 0.0
        room = holding.room
        plan.out = holding.capped(out)
        plan.out_rest = out - plan.out
        whole = plan.out_rest == 0.0
        if plan.entry is None or (plan.opposed and not whole):
            return True  # its entry is a weight still
        if order.tif == "fok" and out + more > room * (1.0 + 1e-12):
            plan.killed = True
            plan.out = 0.0 if not order.closes_first else plan.out
            return True
        order.want = plan.side * want
        if not whole:
            return True
        if more * quote > self.dust:
            plan.more = more
        elif first and order.target != 0.0 and held == 0.0:
            holding.tell(order, plan.side, 0.0, quote, too_little(self.worth))
        return True

    # limits

    def judge(self, plans: list[Plan]) -> None:
        """Reject, block or cut what opens or enlarges, if all else goes as planned."""
        account = self.account
        entries = []
        for plan in plans:
            if plan.order.reason == "risk":
                plan.more = 0.0  # risk never enlarges
            if plan.more > 0.0:
                plan.more = plan.holding.obtainable(plan.order, plan.more, plan.entry)
            if plan.more > 0.0 and plan.holding.large_enough(plan.order, plan.more, plan.entry):
                entries.append(plan)
            else:
                plan.more = 0.0
        outs = {plan.holding: plan.out for plan in plans}
        kept = {each: abs(each.units) - outs.get(each, 0.0) for each in account.holdings}
        changes = {plan.holding for plan in entries if plan.units != 0.0}
        open_ = {each for each in account.holdings if kept[each] > 0.0 or each in changes}
        asked = 0.0
        for plan in entries:
            holding, quote = plan.holding, plan.quote
            open_.add(holding)
            rule = account.forbids(holding, len(open_))
            left = 0.0
            if rule is None:
                total = kept[holding] + plan.more
                most, rule = account.within(total, quote, self.worth)
                if (total - most) * quote > self.dust:
                    left = account.in_lots(max(most - kept[holding], 0.0))
                else:
                    left, rule = plan.more, None
            self.leave(plan, left, rule)
            asked += plan.more * quote
            if plan.more == 0.0 and kept[holding] == 0.0:
                open_.remove(holding)
        gross = sum(kept[each] * quote for each, quote in zip(account.holdings, self.quotes, strict=True))
        room = max(self.worth, 0.0) * (account.config.risk.max_leverage or math.inf) - gross
        if self.worth > 0.0 and asked - min(asked, max(room, 0.0)) > self.dust:
            for plan in entries:
                if plan.more > 0.0:
                    units = account.in_lots(plan.more * (max(room, 0.0) / asked))
                    self.leave(plan, units, "cut: max_leverage")
        for plan in entries:  # what the limits leave may be too small
            if plan.more > 0.0 and not plan.holding.large_enough(plan.order, plan.more, plan.entry):
                plan.more = 0.0

    def leave(self, plan: Plan, units: float, rule: str | None) -> None:
        """Leave so many units of an entry, and tell what a rule takes."""
        if rule is not None:
            plan.holding.tell(plan.order, plan.side, plan.more - units, plan.quote, rule)
            plan.more = units if units * plan.quote > self.dust else 0.0

    def cap(self, plan: Plan) -> None:
        """What the volume leaves of an entry."""
        plan.asked = plan.more
        plan.more = plan.holding.capped(plan.asked, plan.holding.room - plan.out)
        plan.rest = plan.asked - plan.more

    def granted(self, plan: Plan, held: dict[Holding, float]) -> float:
        """Units of an entry that open positions and leverage grant as things stand; tells what they take."""
        account, holding, more = self.account, plan.holding, plan.more
        rule = self.refusal(plan, held)
        if rule is None:
            return more
        left = 0.0
        if rule == "cut: max_leverage":
            left = account.in_lots(max(self.most(plan, held) - abs(held[holding]), 0.0))
        holding.tell(plan.order, plan.side, more - left, plan.quote, rule)
        return left

    def most(self, plan: Plan, held: dict[Holding, float]) -> float:
        """The largest position that the leverage leaves beside the others."""
        limit = self.account.config.risk.max_leverage
        if limit is None:
            return math.inf
        pairs = zip(self.account.holdings, self.quotes, strict=True)
        gross = sum(abs(held[each]) * quote for each, quote in pairs if each is not plan.holding)
        return max(max(self.worth, 0.0) * limit - gross, 0.0) / plan.quote

    def refusal(self, plan: Plan, held: dict[Holding, float]) -> str | None:
        most_open = self.account.config.risk.max_open_positions or math.inf
        if 1 + sum(1 for each, units in held.items() if each is not plan.holding and units) > most_open:
            return "blocked: max_open_positions"
        total = abs(held[plan.holding]) + plan.more
        return "cut: max_leverage" if (total - self.most(plan, held)) * plan.quote > self.dust else None

    # fills

    def held(self) -> dict[Holding, float]:
        return {each: each.units for each in self.account.holdings}

    def carry_out(self, plans: list[Plan]) -> None:
        """Sales, then purchases as far as the cash goes: first those that close, then those that open."""
        for plan in plans:
            if plan.units > 0.0 and plan.out > 0.0:
                self.fill(plan, plan.out, plan.out, entry=False)  # what reduces asks for no cash
                plan.out = 0.0
        late = []
        for plan in plans:
            if plan.more > 0.0 and plan.side < 0.0 and plan.units <= 0.0:
                if self.refusal(plan, self.held()):
                    late.append(plan)  # what is bought back first may make room for it
                else:
                    self.sell_short(plan, plan.more)
        for plan in plans:
            if plan.units < 0.0 and plan.out > 0.0:
                self.fill(plan, plan.out, plan.out, entry=False)
        for plan in late:
            units = self.granted(plan, self.held())
            if units > 0.0:
                self.sell_short(plan, units)
        held = self.held()
        entries = []
        for plan in plans:
            if plan.more > 0.0 and plan.side > 0.0 and plan.units >= 0.0:
                units = self.granted(plan, held)
                held[plan.holding] += units
                if units > 0.0:
                    entries.append((plan, units))
        self.buy(entries)

    def sell_short(self, plan: Plan, units: float) -> None:
        holding = plan.holding
        if not holding.can_sell(units, plan.entry, self.worth, entry=True):
            holding.tell(plan.order, -1.0, units, plan.quote, "rejected: not affordable")
            plan.rest = plan.out_rest = 0.0
            return
        self.fill(plan, units, units, entry=True)

    def fill(self, plan: Plan, units: float, wanted: float, entry: bool) -> None:
        """Fill so many units of those that the cash was asked for; the row wants what volume left out too."""
        holding, status = plan.holding, "filled in part: cash" if units < wanted else ""
        plan.filled = True
        if entry:
            holding.enter(plan.order, units, plan.entry, wanted + plan.rest, status)
        else:
            holding.reduce(plan.order, units, plan.close, wanted + plan.out_rest, status)

    def buy(self, wanted: list[tuple[Plan, float]]) -> None:
        """Open and enlarge long positions, all scaled alike where the cash does not suffice."""
        account = self.account
        means = account.cash + account.credit(self.worth)
        need = fixed = 0.0
        for plan, units in wanted:
            need += units * plan.holding.pricing.cost_to_buy(units, plan.entry, True)
            fixed += plan.holding.pricing.fixed
        scale = 1.0
        if wanted and need + fixed > means + self.dust:
            scale = max((means - fixed) / need, 0.0)
        for plan, asked in wanted:
            units = asked if scale == 1.0 else account.in_lots(asked * scale)
            if units > 0.0:
                self.fill(plan, units, asked, entry=True)
            else:
                plan.holding.tell(plan.order, 1.0, asked, plan.quote, "rejected: not affordable")
                plan.rest = plan.out_rest = 0.0

    # what becomes of the orders

    def settle(self, plan: Plan) -> None:
        """An order is done, is carried for what volume left of it, or was good for this moment alone."""
        holding, order = plan.holding, plan.order
        if not order.alive:
            return
        if plan.entry is None and not order.closes_first:
            self.give_up(plan)  # not touched
            return
        if plan.opposed and plan.out_rest == 0.0:
            order.alive = False  # the cash did not suffice, and what it cuts off is not ordered again
            return
        if order.closes_first:
            if plan.opposed:
                holding.carry(order, plan.filled)
                return
            order.closes_first = False
            if plan.entry is None:
                self.give_up(plan)
                return
        if plan.killed:
            holding.end(order, "cancelled: fill or kill")
        elif plan.rest > 0.0 or plan.out_rest > 0.0:
            if plan.rest > 0.0:
                order.want = plan.side * (abs(plan.units) + plan.rest)
            order.touched = True
            holding.carry(order, plan.filled)
            self.give_up(plan)
        else:
            order.alive = False
            if plan.units * order.target > 0.0:
                holding.position.held = order.target

    def give_up(self, plan: Plan) -> None:
        """End an order that is tried at one moment only, if it still lives."""
        order = plan.order
        why = {
            "ioc": "cancelled: immediate or cancel",
            "fok": "cancelled: fill or kill",
            "at_the_open": "expired",
        }
        if order.alive and order.tif in why:
            plan.holding.end(order, why[order.tif])
