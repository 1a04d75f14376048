"""The portfolio in plain Python, one bar at a time: the oracle of the compiled loop.

Written on its own, to be read. It does the same float operations in the same order as
`admf.simulation.portfolio.loop`, so both give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from admf.simulation.portfolio.records import (
    FILLED,
    NOT_AFFORDABLE,
    OF_RULE,
    REDUCED,
    REPLACED,
    TOO_SMALL,
)
from admf.simulation.records import RISK, SIGNAL
from admf.simulation.risk import RULES, blocked_by, has_lost, share_within, units_within
from admf.simulation.settings import OFF, Settings

NAN = math.nan
DUST = 1e-12  # of the equity: less than that is rounding, and is not traded


class PlainPortfolio:
    """Holds several symbols that share cash.

    Parameters
    ----------
    settings
        Costs, lot size, initial cash and limits; the other numbers of a simulation do not apply.
    band
        Distance from its target within which a weight is left alone.
    marks
        Last close before the first bar, a symbol; 0 where there is none.
    allowed
        Whether each symbol may be traded; None: all may.
    later
        1 where each bar is a day by itself: its loss blocks the orders of the next one then.

    Attributes
    ----------
    orders
        Rows in the columns of `admf.simulation.portfolio.records`, appended as they happen.
    """

    def __init__(
        self,
        settings: Settings,
        band: float,
        marks: Iterable[float],
        allowed: list[bool] | None = None,
        later: int = 0,
    ) -> None:
        self.settings = settings
        self.band = band
        self.cash = settings.initial_cash
        self.marks = list(marks)
        self.units = [0.0] * len(self.marks)
        self.waiting: dict[int, tuple[float, int, int]] = {}  # symbol -> target, bar that decided it, reason
        self.orders: list[tuple[float, ...]] = []
        self.bar = -1
        # what risk keeps an eye on
        self.allowed = allowed or [True] * len(self.marks)
        self.aims: dict[int, float] = {}  # symbol -> weight that the allocation wants
        self.equity = self.peak = self.day_equity = self.cash
        self.day: int | None = None
        self.later = later
        self.lost_day: int | None = None
        self.halted = False
        self.scale = 1.0

    def on_bar(self, opens: list[float], closes: list[float], present: list[bool], day: int = 0) -> float:
        """Take one row of the joined calendar and return the equity at its close.

        Parameters
        ----------
        opens, closes
            Prices, a symbol.
        present
            Whether the symbol has a bar here; else its prices mean nothing.
        day
            Its number, local.
        """
        self.bar += 1
        if day != self.day:
            self.day, self.day_equity = day, self.equity
        due = [symbol for symbol in range(len(present)) if present[symbol] and symbol in self.waiting]
        if due:
            self._fill(due, [o if here else m for o, m, here in zip(opens, self.marks, present, strict=True)])
        self.marks = [c if here else m for c, m, here in zip(closes, self.marks, present, strict=True)]
        self.equity = self._worth(self.marks)
        self._judge()
        return self.equity

    def decide(self, targets: Iterable[float]) -> None:
        """Take target weights, a symbol; NaN leaves it alone. They wait for the symbol's next bar.

        What risk closes is closed first: until then nothing is decided on that symbol.
        """
        for symbol, target in enumerate(targets):
            if not math.isnan(target) and not self._closes(symbol):
                self.aims[symbol] = target
                self._order(symbol, target * self.scale, SIGNAL)

    def _order(self, symbol: int, target: float, reason: int) -> None:
        value = self.equity
        held = self.units[symbol] * self.marks[symbol]
        same_side = held * target > 0.0 and value > 0.0
        drifted = abs(held / value - target) > self.band if same_side else held != 0.0 or target != 0.0
        if symbol in self.waiting:
            old, decided, why = self.waiting[symbol]
            if drifted and old == target:
                self.waiting[symbol] = old, decided, max(why, reason)  # risk's it is, if it wants the same
                return
            del self.waiting[symbol]
            side = 1.0 if old * value >= held else -1.0
            self.orders.append(
                (decided, -1, symbol, side, old, NAN, 0.0, NAN, NAN, 0.0, 0.0, 0.0, REPLACED, why)
            )
        if drifted:
            self.waiting[symbol] = (target, self.bar, reason)

    # losses

    def _judge(self) -> None:
        """Look at the losses of the day and since the peak, and give the orders that follow."""
        s = self.settings
        if self.equity > self.peak:
            self.peak = self.equity
            if self.scale != 1.0:
                self.scale = 1.0
                self._order_again(self.aims, SIGNAL)
        flat = reduce = False
        # where a bar is a day, what is decided at its close is of the next
        blocked = (self.day or 0) + self.later
        if self.lost_day != blocked and has_lost(self.equity, self.day_equity, s.daily_loss):
            self.lost_day = blocked
            flat = s.on_daily_loss == "flatten"
        if not self.halted and has_lost(self.equity, self.peak, s.max_drawdown):
            if s.on_drawdown == "halt":
                self.halted = flat = True
            elif self.scale == 1.0:
                self.scale = s.reduce_to
                reduce = True
        if flat:
            self._order_again(dict.fromkeys(range(len(self.units)), 0.0), RISK)
        elif reduce:
            self._order_again({symbol: aim * self.scale for symbol, aim in self.aims.items()}, RISK)

    def _order_again(self, targets: dict[int, float], reason: int) -> None:
        """Order what is held or waits anew; only what is held is closed or reduced by risk."""
        for symbol, target in sorted(targets.items()):
            held = self.units[symbol] != 0.0
            if (held or symbol in self.waiting) and not self._closes(symbol):
                self._order(symbol, target, reason if held else SIGNAL)

    def _closes(self, symbol: int) -> bool:
        """Tell whether an order of risk to close the position waits."""
        target, _, reason = self.waiting.get(symbol, (NAN, 0, SIGNAL))
        return target == 0.0 and reason == RISK

    def _worth(self, prices: list[float]) -> float:
        worth = self.cash
        for units, price in zip(self.units, prices, strict=True):
            worth += units * price
        return worth

    # fills

    def _fill(self, due: list[int], quotes: list[float]) -> None:
        """Carry out the waiting orders of these symbols: sells, then buys as far as the cash goes."""
        worth = self._worth(quotes)
        dust = DUST * worth if worth > 0.0 else 0.0
        outs: dict[int, float] = {}  # units by which a position shrinks
        mores: dict[int, float] = {}  # units, signed, by which one is opened or grows
        for symbol in due:
            self._plan(symbol, quotes[symbol], worth, dust, outs, mores)
        self._limit(due, quotes, worth, dust, outs, mores)
        for symbol in due:
            if self.units[symbol] > 0.0 and symbol in outs:
                self._sell(symbol, outs.pop(symbol), quotes[symbol], entry=False)
        late = []
        for symbol in due:
            if mores.get(symbol, 0.0) < 0.0 and self.units[symbol] <= 0.0:
                if self._granted(symbol, -mores[symbol], self.units, quotes, worth, dust)[1] != 0:
                    late.append(symbol)  # what is bought back first may make room for it
                else:
                    self._sell(symbol, -mores[symbol], quotes[symbol], entry=True)
        covers = {symbol: units for symbol, units in outs.items() if self.units[symbol] < 0.0}
        paid = self._buy(covers, quotes, dust, entry=False)
        for symbol in late:
            units = self._at_most(symbol, mores[symbol], self.units, quotes, worth, dust)
            if units > 0.0:
                self._sell(symbol, units, quotes[symbol], entry=True)
        if paid:
            held = list(self.units)
            entries = {}
            for symbol in due:
                if mores.get(symbol, 0.0) > 0.0 and held[symbol] >= 0.0:
                    units = self._at_most(symbol, mores[symbol], held, quotes, worth, dust)
                    held[symbol] += units
                    if units > 0.0:
                        entries[symbol] = units
            self._buy(entries, quotes, dust, entry=True)
        for symbol in due:
            del self.waiting[symbol]

    def _plan(
        self,
        symbol: int,
        quote: float,
        worth: float,
        dust: float,
        outs: dict[int, float],
        mores: dict[int, float],
    ) -> None:
        target = self.waiting[symbol][0]
        lot = self.settings.lot_size
        held, size = self.units[symbol], abs(self.units[symbol])
        want = target * worth / quote if worth > 0.0 else 0.0
        if lot > 0.0:
            want = math.copysign(float(math.floor(abs(want) / lot)) * lot, want)
        if want * held > 0.0:
            change = abs(want) - size
            out, more = max(-change, 0.0), max(change, 0.0)
        else:
            out, more = size, abs(want)
        if out > 0.0 and (out == size or out * quote > dust):
            outs[symbol] = out
        if more * quote > dust:
            mores[symbol] = math.copysign(more, want)
        elif target != 0.0 and held == 0.0:
            status = TOO_SMALL if worth > 0.0 else NOT_AFFORDABLE
            self._record(symbol, math.copysign(1.0, target), 0.0, 0.0, quote, quote, status)

    def _limit(
        self,
        due: list[int],
        quotes: list[float],
        worth: float,
        dust: float,
        outs: dict[int, float],
        mores: dict[int, float],
    ) -> None:
        """Block, or cut to the limits, what opens or enlarges positions, if all else goes as planned."""
        s = self.settings
        kept = [abs(units) - outs.get(symbol, 0.0) for symbol, units in enumerate(self.units)]
        # a change of side stays one position
        open_ = {i for i, units in enumerate(kept) if units > 0.0 or (self.units[i] != 0.0 and i in mores)}
        asked = 0.0
        for symbol in due:
            if self.waiting[symbol][2] == RISK:
                mores.pop(symbol, None)  # risk never enlarges
            if symbol not in mores:
                continue
            open_.add(symbol)
            quote, side, more = quotes[symbol], math.copysign(1.0, mores[symbol]), abs(mores[symbol])
            rule = blocked_by(
                self.allowed[symbol],
                self.halted,
                self.lost_day == self.day,
                False,
                float(len(open_)),
                s.max_open_positions,
            )
            left = 0.0
            if rule == 0:
                total = kept[symbol] + more
                units, rule = units_within(
                    total,
                    quote,
                    worth,
                    0.0,
                    s.max_position_units,
                    s.max_position_value,
                    s.max_exposure,
                    OFF,
                    s.max_concentration,
                )
                if (total - units) * quote > dust:
                    left = self._lots(max(units - kept[symbol], 0.0))
                else:
                    left, rule = more, 0
            asked += self._left(symbol, left, rule, side, mores, quote, dust)
            if symbol not in mores and kept[symbol] == 0.0:
                open_.remove(symbol)
        gross = 0.0
        for units, quote in zip(kept, quotes, strict=True):
            gross += units * quote
        share = share_within(asked, gross, worth, s.max_leverage)
        if asked - share * asked > dust:
            for symbol in [each for each in due if each in mores]:
                side = math.copysign(1.0, mores[symbol])
                left = self._lots(abs(mores[symbol]) * share)
                self._left(symbol, left, RULES.index("max_leverage"), side, mores, quotes[symbol], dust)

    def _left(
        self,
        symbol: int,
        units: float,
        rule: int,
        side: float,
        mores: dict[int, float],
        quote: float,
        dust: float,
    ) -> float:
        """Leave so many units of an enlargement, record what a rule takes, and give their value."""
        if rule != 0:
            lost = abs(mores[symbol]) - units
            self._record(symbol, side, lost, 0.0, quote, quote, OF_RULE + rule - 1)
            if not units * quote > dust:
                del mores[symbol]
                return 0.0
            mores[symbol] = math.copysign(units, side)
        return units * quote

    def _lots(self, units: float) -> float:
        lot = self.settings.lot_size
        return float(math.floor(units / lot)) * lot if lot > 0.0 else units

    def _granted(
        self,
        symbol: int,
        units: float,
        held: list[float],
        quotes: list[float],
        worth: float,
        dust: float,
    ) -> tuple[float, int]:
        """Units that a position may grow by as things stand, and the rule that takes the rest."""
        s = self.settings
        count, gross = 1.0, 0.0
        for other, (there, quote) in enumerate(zip(held, quotes, strict=True)):
            if other != symbol:
                count += 1.0 if there != 0.0 else 0.0
                gross += abs(there) * quote
        rule = blocked_by(True, False, False, False, count, s.max_open_positions)
        if rule != 0:
            return 0.0, rule
        size = abs(held[symbol])
        most, rule = units_within(
            size + units, quotes[symbol], worth, gross, OFF, OFF, OFF, s.max_leverage, OFF
        )
        if (size + units - most) * quotes[symbol] <= dust:
            return units, 0
        return self._lots(max(most - size, 0.0)), rule

    def _at_most(
        self,
        symbol: int,
        more: float,
        held: list[float],
        quotes: list[float],
        worth: float,
        dust: float,
    ) -> float:
        """Give the units that are granted, and record what a rule takes."""
        units, rule = self._granted(symbol, abs(more), held, quotes, worth, dust)
        if rule != 0:
            side, quote = math.copysign(1.0, more), quotes[symbol]
            self._record(symbol, side, abs(more) - units, 0.0, quote, quote, OF_RULE + rule - 1)
        return units

    def _sell(self, symbol: int, units: float, quote: float, *, entry: bool) -> None:
        s = self.settings
        slipped = quote * (1.0 - s.slippage)
        price = slipped * (1.0 - s.spread) if entry else slipped
        fee = self._fee(units, price)
        if self.cash + units * price - fee < 0.0:
            self._record(symbol, -1.0, units, 0.0, quote, price, NOT_AFFORDABLE)
            return
        self.cash += units * price
        self.cash -= fee
        self.units[symbol] -= units
        paid = (fee, units * abs(slipped - quote), units * abs(price - slipped))
        self._record(symbol, -1.0, units, units, quote, price, FILLED, paid)

    def _buy(self, wanted: dict[int, float], quotes: list[float], dust: float, *, entry: bool) -> bool:
        """Buy, all scaled alike where the cash does not suffice; tell whether it did."""
        s = self.settings
        count, total = 0.0, 0.0
        prices: dict[int, tuple[float, float]] = {}
        for symbol in sorted(wanted):
            slipped = quotes[symbol] * (1.0 + s.slippage)
            price = slipped * (1.0 + s.spread) if entry else slipped
            prices[symbol] = slipped, price
            count += 1.0
            total += wanted[symbol] * (price + price * s.commission + s.commission_per_unit)
        scale = 1.0
        # Nothing wanted needs nothing, also where a fee has left the cash a little below zero.
        if count > 0.0 and total + count * s.commission_fixed > self.cash + dust:
            scale = max((self.cash - count * s.commission_fixed) / total, 0.0)
        for symbol, (slipped, price) in prices.items():
            asked, quote = wanted[symbol], quotes[symbol]
            units = asked
            if scale < 1.0:
                units = asked * scale
                if s.lot_size > 0.0:
                    units = float(math.floor(units / s.lot_size)) * s.lot_size
            if units <= 0.0:
                self._record(symbol, 1.0, asked, 0.0, quote, price, NOT_AFFORDABLE)
                continue
            fee = self._fee(units, price)
            self.cash -= units * price
            self.cash -= fee
            self.units[symbol] += units
            paid = (fee, units * abs(slipped - quote), units * abs(price - slipped))
            status = FILLED if units == asked else REDUCED
            self._record(symbol, 1.0, asked, units, quote, price, status, paid)
        return scale == 1.0

    def _fee(self, units: float, price: float) -> float:
        s = self.settings
        return units * price * s.commission + units * s.commission_per_unit + s.commission_fixed

    def _record(
        self,
        symbol: int,
        side: float,
        wanted: float,
        units: float,
        quote: float,
        price: float,
        status: int,
        paid: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        target, decided, reason = self.waiting[symbol]
        self.orders.append(
            (decided, self.bar, symbol, side, target, wanted, units, quote, price, *paid, status, reason)
        )
