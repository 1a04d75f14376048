"""The portfolio with orders in plain objects, written from the description of its rules alone.

A run takes bars of each symbol and a decision a row: a weight a symbol, NaN to leave it alone. Where the
rules of a portfolio are silent those of one symbol hold, and `Holding` takes them over from its oracle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from admf.market import Bars

from .account import Account
from .decisions import decide, judge_losses, watch_margin
from .holding import Holding
from .rows import NAN, Outcome
from .single import YEAR_NS, Bar, Leg, bars_with_facts, sections
from .together import Moment


class Oracle:
    """Many symbols that share cash, row by row.

    Parameters
    ----------
    bars
        Symbol -> its bars.
    cash
        At the start.
    band
        Distance from its target within which a weight is left alone.
    start
        First simulated row; what comes before is known.
    finer
        Symbol -> bars of a finer timeframe, which decide what happens inside its bars.
    config
        Sections of the config by name: execution, costs, sizing, margin, risk.
    """

    def __init__(
        self, bars: Mapping[str, Bars], cash: float, band: float = 0.0, start: int = 0,
        finer: Mapping[str, Bars] | None = None, **config: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.account = account = Account(sections(config), cash)
        account.band = band
        self.start = start
        self.stamps = sorted({int(stamp) for each in bars.values() for stamp in each.timestamps})
        self.row_of = {stamp: row for row, stamp in enumerate(self.stamps)}
        given = [config.get(name) or {} for name in ("execution", "costs", "sizing", "margin")]
        self.facts: list[dict[int, Bar]] = []
        for symbol, each in bars.items():
            facts = bars_with_facts(each, *given, finer=(finer or {}).get(symbol))
            rows = dict(zip(map(int, each.timestamps), facts, strict=True))
            before = [bar for stamp, bar in rows.items() if self.row_of[stamp] < start]
            account.holdings.append(Holding(account, symbol, before[-1].span.close if before else 0.0))
            self.facts.append(rows)
        zones = {each.timezone for each in bars.values()}
        self.zone = ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
        self.daily = all(each.timeframe.endswith(("d", "w", "mo")) for each in bars.values())
        self.month: int | None = None
        account.out.financing = dict.fromkeys(("borrow", "funding", "margin_interest", "cash_interest"), 0.0)

    def run(self, decisions: Sequence[Sequence[float] | None]) -> Outcome:
        """Simulate; decisions: one a row of the whole calendar, None where nothing is decided."""
        account, fraction = self.account, self.account.config.sizing.fraction
        for at in range(self.start, len(self.stamps)):
            self.on_row(self.stamps[at])
            weights = decisions[at]
            if weights is not None:
                seen = [holding.mark > 0.0 for holding in account.holdings]
                known = [w if here or w != w else 0.0 for w, here in zip(weights, seen, strict=True)]
                decide(account, [self.of_side(weight) * fraction for weight in known])
        for holding in account.holdings:
            forced = [holding.forced] if holding.forced else []
            for order in [*forced, *holding.pending]:
                holding.end(order, "unfilled: last bar", bar=-1)
        return account.out

    def of_side(self, weight: float) -> float:
        """The weight, or 0 where its side is not traded."""
        direction = self.account.config.execution.direction
        wrong = {"long_only": weight < 0.0, "short_only": weight > 0.0}.get(direction, False)
        return 0.0 if wrong else weight

    def on_row(self, stamp: int) -> None:
        account, holdings = self.account, self.account.holdings
        account.row += 1
        for holding, rows in zip(holdings, self.facts, strict=True):
            holding.begin(rows.get(stamp))
        present = [holding for holding in holdings if holding.facts]
        self.begin_day(stamp)
        self.finance(stamp)
        for holding in present:
            holding.arrive()
        trading = [holding for holding in present if not holding.halted]
        for holding in trading:
            if holding.forced:
                holding.force_out(holding.market())
        for holding in trading:
            self.meet_margin_call(holding)
        Moment(account, account.opens, at_close=False).trade()
        for holding in trading:
            for span in holding.facts.parts(holding.rules.intrabar):
                holding.inside(span)
        Moment(account, account.closes, at_close=True).trade()
        for holding in present:
            self.expire(holding)
        self.mark()
        watch_margin(account)
        judge_losses(account, int(self.daily))

    def begin_day(self, stamp: int) -> None:
        account = self.account
        local = pd.Timestamp(stamp, tz="UTC").tz_convert(self.zone)
        day = self.row_of[stamp] if self.daily else local.toordinal()
        if day != account.day:
            account.day, account.day_equity = day, account.equity
        if (month := local.year * 12 + local.month) != self.month:
            self.month, account.traded = month, 0.0

    def finance(self, stamp: int) -> None:
        """Everything is paid on what was there at the last close."""
        account, costs, held = self.account, self.account.config.costs, 0.0
        shorts = sum(min(holding.units, 0.0) * holding.mark for holding in account.holdings)
        carry = [holding.finance() if holding.facts else 0.0 for holding in account.holdings]
        if account.row:
            years = (stamp - self.stamps[self.row_of[stamp] - 1]) / YEAR_NS
            borrowed, free = max(-account.cash, 0.0), max(account.cash + shorts, 0.0)
            paid = borrowed * (costs.margin_rate_pct / 100.0) * years
            received = free * (costs.cash_interest_pct / 100.0) * years
            account.out.financing["margin_interest"] += paid
            account.out.financing["cash_interest"] -= received
            held = paid - received
        account.cash -= sum(carry) + held
        account.out.carry.append(carry)
        account.out.interest.append(held)

    def meet_margin_call(self, holding: Holding) -> None:
        """Reduce, at the open, what the last close found too large."""
        if not holding.units or holding.called >= 1.0:
            return
        size = abs(holding.units)
        wanted = size - self.account.in_lots(size * holding.called)
        units = holding.capped(wanted)
        if units > 0.0:
            leg = Leg(holding.position.held, reason="margin_call", decided=holding.bar - 1)
            holding.reduce(leg, units, holding.market(), wanted)

    def expire(self, holding: Holding) -> None:
        last = holding.facts.last_of_session
        for order in holding.working:
            of_the_day = order.tif in ("day", "at_the_close") and last
            if of_the_day or (order.expire and order.age >= order.expire):
                holding.end(order, "expired")

    def mark(self) -> None:
        account = self.account
        for holding in account.holdings:
            if holding.facts:
                holding.mark = holding.facts.span.close
        account.equity = account.worth(account.marks)
        account.out.equity.append(account.equity)
        account.out.cash.append(account.cash)
        account.out.positions.append([holding.units for holding in account.holdings])
        account.out.marks.append(account.marks)


__all__ = ["NAN", "Oracle"]
