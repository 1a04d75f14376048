"""Prices, fees and sizes of the oracle: what one fill costs and how large a position may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from .facts import Bar

DEFAULTS: dict[str, dict[str, Any]] = {
    "execution": {
        "fill": "next_open", "direction": "both", "stop_loss_pct": None, "take_profit_pct": None,
        "trailing_stop_pct": None, "trailing_stop_atr": None, "stop_basis": "entry_price",
        "repeat_signal": "hold", "reentry_after_stop": "on_new_signal", "order_type": "market",
        "limit_offset_bps": 0.0, "stop_offset_bps": 0.0, "trail_offset_bps": 0.0, "time_in_force": "gtc",
        "cancel_after_bars": None, "atr_bars": 14, "max_participation_pct": None, "partial_fill": "carry",
        "latency_bars": 0, "intrabar": "pessimistic", "halt_on_zero_volume": False, "halted_column": None,
    },
    "costs": {
        "commission_bps": 0.0, "commission_per_unit": 0.0, "commission_fixed": 0.0, "slippage_bps": 0.0,
        "spread_bps": 0.0, "commission_min": 0.0, "commission_max": None, "commission_max_pct": None,
        "maker_bps": None, "taker_bps": None, "commission_tiers": None, "tier_volume": "value",
        "spread_fixed": 0.0, "spread_column": None, "slippage_volatility": 0.0, "volatility_bars": 20,
        "impact": 0.0, "adv_bars": 20, "borrow_pct": 0.0, "margin_rate_pct": 0.0, "cash_interest_pct": 0.0,
        "funding_pct": 0.0, "funding_column": None, "funding_paid_multiple": 1.0,
    },
    "sizing": {
        "method": "cash_fraction", "fraction": 1.0, "units": 0.0, "lot_size": None, "value": None,
        "target_volatility_pct": None, "volatility_bars": 20, "risk_pct": None, "atr_multiple": 2.0,
        "kelly_fraction": 0.5, "kelly_trades": 20, "min_value": None,
    },
    "margin": {
        "leverage": 1.0, "maintenance_pct": None, "on_margin_call": "liquidate", "locates": "all",
        "locate_column": None,
    },
    "risk": {
        "max_position_units": None, "max_position_value": None, "max_exposure_pct": None,
        "max_leverage": None, "daily_loss_pct": None, "on_daily_loss": "block", "max_drawdown_pct": None,
        "on_drawdown": "halt", "reduce_to_pct": 50.0, "cooldown_bars": 0, "max_concentration_pct": None,
        "max_open_positions": None, "allowed_symbols": [],
    },
}  # fmt: skip


def sections(given: Mapping[str, Mapping[str, Any] | None]) -> SimpleNamespace:
    """The sections of a config with their defaults; an unknown key is a mistake in the test."""
    for name, section in given.items():
        assert not set(section or {}) - set(DEFAULTS[name]), (name, section)
    return SimpleNamespace(
        **{name: SimpleNamespace(**(keys | dict(given.get(name) or {}))) for name, keys in DEFAULTS.items()}
    )


def in_lots(units: float, lot: float | None) -> float:
    """Whole lots of the units; rounding, at most a share of 1e-12, makes no lot less."""
    if not lot:
        return units
    return max(math.floor(units / lot), math.floor(units * (1.0 + 1e-12) / lot)) * lot


@dataclass(frozen=True)
class Touch:
    """Where an order meets the market.

    came: the direction from which the price came to it inside a bar; 0 at an open or close.
    limit: the fill is never worse. maker: it is a resting limit, filled at its price.
    """

    quote: float
    bar: int
    facts: Bar
    came: float = 0.0
    limit: float | None = None
    maker: bool = False


@dataclass
class Size:
    """Units of the wanted position. refusal: why there is none. cut: the rule that took `lost` units.

    unknown: no size can be told, so what is held stays.
    """

    units: float = 0.0
    refusal: str | None = None
    unknown: bool = False
    cut: str | None = None
    lost: float = 0.0


class Pricing:
    """Prices and fees under the costs section; sizes under sizing, margin and risk."""

    def __init__(self, config: SimpleNamespace, periods_per_year: float) -> None:
        self.config, self.periods_per_year = config, periods_per_year
        self.traded = 0.0  # in this calendar month, for the tiers
        self.facts: Bar  # of the present bar: volatility, average volume and ATR as known at its open

    # prices

    def slippage(self, units: float) -> float:
        costs = self.config.costs
        sigma = 0.0 if math.isnan(self.facts.sigma) else self.facts.sigma
        total = costs.slippage_bps / 1e4
        if costs.slippage_volatility:
            total += costs.slippage_volatility * sigma
        if costs.impact and self.facts.adv > 0:
            total += costs.impact * sigma * math.sqrt(max(units, 0.0) / self.facts.adv)
        if sigma > 0.0 and (costs.slippage_volatility or costs.impact):
            total = min(total, 0.9)
        return total

    def prices(self, side: float, units: float, at: Touch, entry: bool) -> tuple[float, float]:
        """The quote after slippage, and after the spread too, which only an entry pays."""
        if at.maker:
            return at.quote, at.quote
        costs = self.config.costs
        slipped = at.quote * (1.0 + side * self.slippage(units))
        price = slipped
        if entry and (costs.spread_fixed or costs.spread_column):
            price = slipped + side * (at.facts.spread if costs.spread_column else costs.spread_fixed)
        elif entry:
            price = slipped * (1.0 + side * (costs.spread_bps / 1e4))
        if at.limit is not None:
            better = min if side > 0 else max
            slipped, price = better(slipped, at.limit), better(price, at.limit)
        return slipped, price

    # fees

    def rate(self, maker: float | None) -> float:
        """Commission as a fraction of the value; maker None: the worse of maker and taker."""
        costs = self.config.costs
        rate = costs.commission_bps / 1e4
        if costs.commission_tiers:
            reached = [tier["bps"] for tier in costs.commission_tiers if self.traded >= tier["above"]]
            rate = reached[-1] / 1e4
        if costs.maker_bps is not None:
            worst = max(costs.maker_bps, costs.taker_bps)
            rate += (worst if maker is None else costs.maker_bps if maker else costs.taker_bps) / 1e4
        return rate

    def fee(self, units: float, price: float, maker: bool) -> float:
        costs = self.config.costs
        fee = units * price * self.rate(maker) + units * costs.commission_per_unit + costs.commission_fixed
        fee = max(fee, costs.commission_min)
        if costs.commission_max:
            fee = min(fee, costs.commission_max)
        if costs.commission_max_pct:
            fee = min(fee, units * price * (costs.commission_max_pct / 100.0))
        return fee

    def count_volume(self, units: float, price: float) -> None:
        self.traded += units * price if self.config.costs.tier_volume == "value" else units

    # sizes

    def unit_cost(self, side: float, units: float, at: Touch) -> float:
        """What a unit takes, with its commission at the highest rate that the fill may get."""
        costs = self.config.costs
        slipped, price = self.prices(side, units, at, entry=True)
        by_price = price > slipped and bool(costs.spread_fixed or costs.spread_column)
        return price + (price if by_price else slipped) * self.rate(None) + costs.commission_per_unit

    @property
    def fixed(self) -> float:
        return max(self.config.costs.commission_fixed, self.config.costs.commission_min)

    def affordable(self, side: float, position: float, more: float, equity: float, at: Touch) -> bool:
        """Whether fixed units are within the means; what other methods want always is."""
        if self.config.sizing.method != "fixed_units":
            return True
        free = equity * self.config.margin.leverage - abs(position) * at.quote
        return more * self.unit_cost(side, more, at) + self.fixed <= free * (1.0 + 1e-12)

    def size(
        self,
        target: float,
        position: float,
        equity: float,
        results: list[float],
        at: Touch,
        at_most: float = math.inf,
    ) -> Size:
        """Units of the whole position that the target asks for; equity is at the quote."""
        sizing, margin = self.config.sizing, self.config.margin
        side = math.copysign(1.0, target)
        held = abs(position) if position * target > 0 else 0.0
        fixed = self.fixed
        most = equity * margin.leverage

        def unit_cost(units: float) -> float:
            return self.unit_cost(side, units, at)

        if not (self.prices(side, 0.0, at, entry=True)[1] > 0.0 and unit_cost(0.0) > 0.0):
            return Size(refusal="rejected: no valid price", unknown=True)
        if sizing.method == "fixed_units":
            units = sizing.units * abs(target)
        elif sizing.method == "atr_risk":
            if not self.facts.atr > 0:
                return Size(refusal="rejected: no volatility yet", unknown=True)
            units = equity * abs(target) * (sizing.risk_pct / 100.0)
            units /= sizing.atr_multiple * self.facts.atr
            units = min(units, (most - fixed) / unit_cost(min(units, (most - fixed) / unit_cost(0.0))))
        else:
            share = self._share(results)
            if share is None:
                return Size(refusal="rejected: no volatility yet", unknown=True)
            budget = sizing.value if sizing.method == "fixed_value" else equity
            budget = min(budget * abs(target) * share, most) - fixed
            units = budget / unit_cost(budget / unit_cost(0.0))

        lot = sizing.lot_size
        wanted = units = min(in_lots(units, lot), at_most)
        size = Size()
        for rule, allowed in self._limits(at.quote, equity):
            if allowed < units:
                size.cut, size.lost = rule, size.lost + units - allowed
                units = allowed
        if size.lost <= 1e-12 * wanted:
            size.cut, units = None, wanted  # a limit that takes what rounding has added takes nothing
        if size.cut:
            units = in_lots(units, lot)
        if side < 0 and units > held and margin.locates != "all":
            free = at.facts.locate if margin.locates == "column" and at.facts.locate > 0 else 0.0
            if free == 0.0:
                size.refusal, size.unknown = "rejected: no shares to borrow", True
                return size
            if units - held > free:
                units = in_lots(held + free, lot)
        if abs(units - held) <= 1e-12 * units:
            units = held  # that much is rounding, and no trade
        size.units = units
        more = units - held
        price = self.prices(side, 0.0, at, entry=True)[1]
        if units <= 0.0:
            size.refusal = "rejected: less than one lot"
        elif more > 0.0 and sizing.min_value and more * price < sizing.min_value:
            size.refusal = "rejected: below the minimum notional"
        return size

    def _share(self, results: list[float]) -> float | None:
        """Share of the equity for a full position; None: not known yet."""
        sizing, leverage = self.config.sizing, self.config.margin.leverage
        if sizing.method == "fixed_value":
            return 1.0
        if sizing.method == "volatility_target":
            sigma = self.facts.sigma
            if not sigma > 0:
                return None
            yearly = sigma * math.sqrt(self.periods_per_year)
            return min(sizing.target_volatility_pct / 100.0 / yearly, leverage)
        if sizing.method == "kelly" and len(results) >= sizing.kelly_trades:
            wins = [pnl for pnl in results if pnl > 0]
            losses = [-pnl for pnl in results if pnl <= 0]
            won = len(wins) / len(results)
            if not wins:
                kelly = 0.0
            elif not sum(losses):
                kelly = won
            else:
                kelly = won - (1.0 - won) / ((sum(wins) / len(wins)) / (sum(losses) / len(losses)))
            return min(max(sizing.kelly_fraction * kelly, 0.0), leverage)
        return sizing.fraction

    def _limits(self, quote: float, equity: float) -> list[tuple[str, float]]:
        """Units that the risk section allows, rule by rule."""
        risk = self.config.risk
        allowed = [
            ("max_position_units", risk.max_position_units, 1.0),
            ("max_position_value", risk.max_position_value, 1.0 / quote),
            ("max_exposure", risk.max_exposure_pct, equity / 100.0 / quote),
            ("max_leverage", risk.max_leverage, equity / quote),
        ]
        return [(rule, limit * factor) for rule, limit, factor in allowed if limit is not None]
