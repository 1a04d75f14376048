"""What all symbols share: the cash, the volume traded in the month, the rows, and what risk may allow."""

from __future__ import annotations

import math
from types import SimpleNamespace

from .rows import Outcome
from .single import Pricing, Touch, in_lots

DUST = 1e-12  # of the worth: less than that is rounding


class Account:
    """The account. Its holdings are set by the oracle, in the order of the symbols."""

    def __init__(self, config: SimpleNamespace, cash: float) -> None:
        self.config, self.cash = config, cash
        self.traded = 0.0  # in this calendar month, by all symbols: for the tiers
        self.holdings: list = []  # of `Holding`
        self.out = Outcome()
        self.row = -1
        # what risk keeps an eye on
        self.equity = self.peak = self.day_equity = cash
        self.day: int | None = None
        self.lost_day: int | None = None
        self.halted, self.scale = False, 1.0
        self.aims: dict[int, float] = {}

    def worth(self, quotes: list[float]) -> float:
        value = self.cash
        for holding, quote in zip(self.holdings, quotes, strict=True):
            value += holding.units * quote
        return value

    def gross(self, quotes: list[float], but: object = None) -> float:
        pairs = zip(self.holdings, quotes, strict=True)
        return sum(abs(holding.units) * quote for holding, quote in pairs if holding is not but)

    def credit(self, worth: float) -> float:
        """What may be borrowed beyond the cash."""
        return (self.config.margin.leverage - 1.0) * max(worth, 0.0)

    @property
    def marks(self) -> list[float]:
        return [holding.mark for holding in self.holdings]

    @property
    def opens(self) -> list[float]:
        """Quotes of the row: the open where there is a bar, else the last close."""
        return [each.facts.span.open if each.facts else each.mark for each in self.holdings]

    @property
    def closes(self) -> list[float]:
        return [each.facts.span.close if each.facts else each.mark for each in self.holdings]

    def in_lots(self, units: float) -> float:
        return in_lots(units, self.config.sizing.lot_size)

    # limits

    def forbids(self, holding: object, open_positions: int) -> str | None:
        """The rule that forbids an entry or enlargement now."""
        risk = self.config.risk
        if risk.allowed_symbols and holding.symbol not in risk.allowed_symbols:
            return "blocked: allowed_symbols"
        if self.halted:
            return "blocked: max_drawdown"
        if self.lost_day == self.day:
            return "blocked: daily_loss"
        if risk.cooldown_bars and holding.own_bar - holding.stopped_at <= risk.cooldown_bars:
            return "blocked: cooldown"
        if open_positions > (risk.max_open_positions or math.inf):
            return "blocked: max_open_positions"
        return None

    def within(self, units: float, quote: float, worth: float) -> tuple[float, str | None]:
        """A position cut to the limits of one position; the rule that cut it last."""
        risk, share = self.config.risk, max(worth, 0.0) / quote / 100.0
        rule = None
        for name, most in (
            ("max_position_units", risk.max_position_units),
            ("max_position_value", risk.max_position_value and risk.max_position_value / quote),
            ("max_exposure", risk.max_exposure_pct and risk.max_exposure_pct * share),
            ("max_concentration", risk.max_concentration_pct and risk.max_concentration_pct * share),
        ):  # fmt: skip
            if most is not None and units > most:
                units, rule = most, f"cut: {name}"
        return units, rule

    def levered(self, holding: object, units: float, quotes: list[float], worth: float) -> float:
        """The most units that the leverage of all positions leaves this one, of those wanted."""
        limit = self.config.risk.max_leverage
        if limit is None:
            return units
        room = max(worth, 0.0) * limit - self.gross(quotes, but=holding)
        return min(units, max(room, 0.0) / quotes[self.holdings.index(holding)])


class SharedPricing(Pricing):
    """Prices and fees of one symbol; the month's volume is the account's."""

    def __init__(self, account: Account) -> None:
        self.account = account
        super().__init__(account.config, 252.0)

    @property
    def traded(self) -> float:
        return self.account.traded

    @traded.setter
    def traded(self, value: float) -> None:
        self.account.traded = value

    def cost_to_buy(self, units: float, at: Touch, entry: bool) -> float:
        """What a unit takes of the cash, at the highest rate that its fill may get."""
        price = self.prices(1.0, units, at, entry)[1]
        return price + price * self.rate(None) + self.config.costs.commission_per_unit
