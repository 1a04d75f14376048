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
    REDUCED,
    REPLACED,
    TOO_SMALL,
)
from admf.simulation.settings import Settings

NAN = math.nan
DUST = 1e-12  # of the equity: less than that is rounding, and is not traded


class PlainPortfolio:
    """Holds several symbols that share cash.

    Parameters
    ----------
    settings
        Costs, lot size and initial cash; the other numbers of a simulation do not apply.
    band
        Distance from its target within which a weight is left alone.
    marks
        Last close before the first bar, a symbol; 0 where there is none.

    Attributes
    ----------
    orders
        Rows in the columns of `admf.simulation.portfolio.records`, appended as they happen.
    """

    def __init__(self, settings: Settings, band: float, marks: Iterable[float]) -> None:
        self.settings = settings
        self.band = band
        self.cash = settings.initial_cash
        self.marks = list(marks)
        self.units = [0.0] * len(self.marks)
        self.waiting: dict[int, tuple[float, int]] = {}  # symbol -> target, and the bar that decided it
        self.orders: list[tuple[float, ...]] = []
        self.bar = -1

    def on_bar(self, opens: list[float], closes: list[float], present: list[bool]) -> float:
        """Take one row of the joined calendar and return the equity at its close.

        Parameters
        ----------
        opens, closes
            Prices, a symbol.
        present
            Whether the symbol has a bar here; else its prices mean nothing.
        """
        self.bar += 1
        due = [symbol for symbol in range(len(present)) if present[symbol] and symbol in self.waiting]
        if due:
            self._fill(due, [o if here else m for o, m, here in zip(opens, self.marks, present, strict=True)])
        self.marks = [c if here else m for c, m, here in zip(closes, self.marks, present, strict=True)]
        return self._worth(self.marks)

    def decide(self, targets: Iterable[float]) -> None:
        """Take target weights, a symbol; NaN leaves it alone. They wait for the symbol's next bar."""
        value = self._worth(self.marks)
        for symbol, target in enumerate(targets):
            if math.isnan(target):
                continue
            held = self.units[symbol] * self.marks[symbol]
            same_side = held * target > 0.0 and value > 0.0
            drifted = abs(held / value - target) > self.band if same_side else held != 0.0 or target != 0.0
            if symbol in self.waiting:
                old, decided = self.waiting[symbol]
                if drifted and old == target:
                    continue
                del self.waiting[symbol]
                side = 1.0 if old * value >= held else -1.0
                self.orders.append(
                    (decided, -1, symbol, side, old, NAN, 0.0, NAN, NAN, 0.0, 0.0, 0.0, REPLACED)
                )
            if drifted:
                self.waiting[symbol] = (target, self.bar)

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
        for symbol in due:
            if self.units[symbol] > 0.0 and symbol in outs:
                self._sell(symbol, outs.pop(symbol), quotes[symbol], entry=False)
        for symbol in due:
            if mores.get(symbol, 0.0) < 0.0 and self.units[symbol] <= 0.0:
                self._sell(symbol, -mores[symbol], quotes[symbol], entry=True)
        covers = {symbol: units for symbol, units in outs.items() if self.units[symbol] < 0.0}
        if self._buy(covers, quotes, dust, entry=False):
            entries = {
                symbol: units for symbol, units in mores.items() if units > 0.0 and self.units[symbol] >= 0.0
            }
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
        target, decided = self.waiting[symbol]
        self.orders.append(
            (decided, self.bar, symbol, side, target, wanted, units, quote, price, *paid, status)
        )
