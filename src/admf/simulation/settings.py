"""What the engines compute with: the sections of the config as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from admf.core.config.models import CostsConfig, ExecutionConfig, MarginConfig, RiskConfig, SizingConfig
from admf.simulation.codes import CODES, ORDER_NUMBERS

__all__ = ["CODES", "NUMBERS", "OFF", "ORDER_NUMBERS", "Settings"]

# Numbers of the basic engine in the order in which a kernel takes them, each with the feature that needs it.
NUMBERS = (
    ("initial_cash", "always"),
    ("fraction", "cash_fraction"),
    ("units", "fixed_units"),
    ("lot_size", "lots"),
    ("commission", "commission"),
    ("commission_per_unit", "commission_per_unit"),
    ("commission_fixed", "commission_fixed"),
    ("slippage", "slippage"),
    ("spread", "spread"),
    ("stop_loss", "stop_loss"),
    ("take_profit", "take_profit"),
    ("trailing_stop", "trailing_stop"),
)


OFF = math.inf  # of a limit that is switched off


@dataclass(frozen=True)
class Settings:
    """Settings of one simulation, in fractions (0.01 is 1 %) and currency.

    A cost or distance of 0, and a limit of infinity, are switched off. `features` tells which parts of the
    basic engine are in use, `order_features` which of the order engine's: without any, the basic one does.

    Parameters
    ----------
    fill, direction, stop_basis, method, order_type, time_in_force, partial_fill, intrabar, tier_volume
        As in the config; so are on_margin_call, locates, on_daily_loss and on_drawdown.
    reenter
        A decision for what is held already closes and opens again.
    exit_memory
        After a stop, no re-entry before the strategy has decided otherwise once.
    initial_cash
        Currency.
    fraction
        Share of the equity that a full position uses (cash_fraction).
    units
        Units of a full position (fixed_units).
    lot_size
        Positions are multiples of it, see `admf.simulation.lots.in_lots`; 0 is fractional.
    commission, slippage, spread
        Fractions of the traded value.
    commission_per_unit, commission_fixed
        Currency per unit and per fill.
    stop_loss, take_profit, trailing_stop
        Distances as fractions; 0 is none.
    trailing_stop_atr
        Distance as a multiple of the ATR; 0 is none.
    limit_offset, stop_offset, trail_offset
        Of an order's prices from the close, as fractions.
    cancel_after_bars
        Bars that an order works at most; 0 is no such limit.
    max_participation
        Fraction of a bar's volume that its fills take at most; 0 is no cap.
    latency_bars
        Bars between a decision and its arrival.
    volatility_bars, adv_bars, atr_bars
        Bars of the volatility, mean volume and ATR; 0 where none is needed.
    halt_on_zero_volume, halted_column, spread_column, funding_column, locate_column
        Where the facts of a bar come from; "" is no column.
    commission_min, commission_max, commission_max_fraction
        Currency per fill, and a fraction of its value.
    maker, taker
        Fractions of the traded value, on top of the other commissions.
    tiers
        Pairs of the month's traded volume and the commission rate from there on.
    slippage_volatility, impact
        Multiples in the slippage; see `CostsConfig`.
    spread_fixed
        Price units.
    borrow, margin_rate, cash_interest, funding
        Annual rates as fractions.
    funding_paid_multiple
        Of the funding that is paid, not of what is received.
    value, min_value
        Currency.
    target_volatility, risk_per_trade
        Annual volatility, and loss by `atr_multiple` ATR, as fractions of the equity.
    atr_multiple, kelly_fraction, kelly_trades
        As in the config.
    leverage, maintenance
        A multiple of the equity, a fraction of the position's value.
    max_position_units, max_position_value, max_exposure, max_leverage, max_concentration
        Units, currency, fractions and multiples of the equity.
    daily_loss, max_drawdown, reduce_to
        Fractions.
    cooldown_bars, max_open_positions
        As in the config.
    allowed_symbols
        Symbols that may be traded; all where it is empty.
    symbol_blocked, periods_per_year
        Facts of the bars, see `for_bars`.
    """

    fill: Literal["next_open", "same_close"] = "next_open"
    direction: Literal["both", "long_only", "short_only"] = "both"
    stop_basis: Literal["entry_price", "signal_close"] = "entry_price"
    method: Literal[
        "cash_fraction", "fixed_units", "fixed_value", "volatility_target", "atr_risk", "kelly"
    ] = "cash_fraction"
    reenter: bool = False
    exit_memory: bool = True
    initial_cash: float = 100_000.0
    fraction: float = 1.0
    units: float = 0.0
    lot_size: float = 0.0
    commission: float = 0.0
    commission_per_unit: float = 0.0
    commission_fixed: float = 0.0
    slippage: float = 0.0
    spread: float = 0.0
    stop_loss: float = 0.0
    take_profit: float = 0.0
    trailing_stop: float = 0.0
    trailing_stop_atr: float = 0.0
    order_type: Literal["market", "limit", "stop_market", "stop_limit", "trailing_stop_market"] = "market"
    limit_offset: float = 0.0
    stop_offset: float = 0.0
    trail_offset: float = 0.0
    time_in_force: Literal["gtc", "day", "ioc", "fok", "at_the_open", "at_the_close"] = "gtc"
    cancel_after_bars: int = 0
    max_participation: float = 0.0
    partial_fill: Literal["carry", "cancel"] = "carry"
    latency_bars: int = 0
    intrabar: Literal["pessimistic", "optimistic", "path"] = "pessimistic"
    volatility_bars: int = 0
    adv_bars: int = 0
    atr_bars: int = 0
    halt_on_zero_volume: bool = False
    halted_column: str = ""
    spread_column: str = ""
    funding_column: str = ""
    locate_column: str = ""
    commission_min: float = 0.0
    commission_max: float = OFF
    commission_max_fraction: float = OFF
    maker: float = 0.0
    taker: float = 0.0
    tiers: tuple[tuple[float, float], ...] = ()
    tier_volume: Literal["value", "units"] = "value"
    slippage_volatility: float = 0.0
    impact: float = 0.0
    spread_fixed: float = 0.0
    borrow: float = 0.0
    margin_rate: float = 0.0
    cash_interest: float = 0.0
    funding: float = 0.0
    funding_paid_multiple: float = 1.0
    value: float = 0.0
    target_volatility: float = 0.0
    risk_per_trade: float = 0.0
    atr_multiple: float = 2.0
    kelly_fraction: float = 0.5
    kelly_trades: int = 20
    min_value: float = 0.0
    leverage: float = 1.0
    maintenance: float = 0.0
    on_margin_call: Literal["liquidate", "reduce"] = "liquidate"
    locates: Literal["all", "none", "column"] = "all"
    max_position_units: float = OFF
    max_position_value: float = OFF
    max_exposure: float = OFF
    max_leverage: float = OFF
    max_concentration: float = OFF
    daily_loss: float = OFF
    on_daily_loss: Literal["block", "flatten"] = "block"
    max_drawdown: float = OFF
    on_drawdown: Literal["halt", "reduce"] = "halt"
    reduce_to: float = 0.5
    cooldown_bars: int = 0
    max_open_positions: float = OFF
    allowed_symbols: tuple[str, ...] = ()
    symbol_blocked: bool = False
    periods_per_year: float = 252.0

    @classmethod
    def from_config(
        cls,
        execution: ExecutionConfig,
        sizing: SizingConfig,
        costs: CostsConfig,
        initial_cash: float,
        margin: MarginConfig | None = None,
        risk: RiskConfig | None = None,
    ) -> Settings:
        """Turn the config's sections into numbers (percent and basis points become fractions)."""
        margin, risk = margin or MarginConfig(), risk or RiskConfig()
        by_volatility = costs.slippage_volatility > 0 or costs.impact > 0
        by_atr = execution.trailing_stop_atr is not None or sizing.method == "atr_risk"
        volatility_bars = costs.volatility_bars if by_volatility else 0
        return cls(
            fill=execution.fill,
            direction=execution.direction,
            stop_basis=execution.stop_basis,
            method=sizing.method,
            reenter=execution.repeat_signal == "reenter",
            exit_memory=execution.reentry_after_stop == "on_new_signal",
            initial_cash=float(initial_cash),
            fraction=float(sizing.fraction),
            units=float(sizing.units or 0.0),
            lot_size=float(sizing.lot_size or 0.0),
            commission=costs.commission_bps / 1e4,
            commission_per_unit=float(costs.commission_per_unit),
            commission_fixed=float(costs.commission_fixed),
            slippage=costs.slippage_bps / 1e4,
            spread=costs.spread_bps / 1e4,
            stop_loss=(execution.stop_loss_pct or 0.0) / 100.0,
            take_profit=(execution.take_profit_pct or 0.0) / 100.0,
            trailing_stop=(execution.trailing_stop_pct or 0.0) / 100.0,
            trailing_stop_atr=float(execution.trailing_stop_atr or 0.0),
            order_type=execution.order_type,
            limit_offset=execution.limit_offset_bps / 1e4,
            stop_offset=execution.stop_offset_bps / 1e4,
            trail_offset=(execution.trail_offset_bps or 0.0) / 1e4,
            time_in_force=execution.time_in_force,
            cancel_after_bars=execution.cancel_after_bars or 0,
            max_participation=(execution.max_participation_pct or 0.0) / 100.0,
            partial_fill=execution.partial_fill,
            latency_bars=execution.latency_bars,
            intrabar=execution.intrabar,
            volatility_bars=sizing.volatility_bars
            if sizing.method == "volatility_target"
            else volatility_bars,
            adv_bars=costs.adv_bars if costs.impact > 0 else 0,
            atr_bars=execution.atr_bars if by_atr else 0,
            halt_on_zero_volume=execution.halt_on_zero_volume,
            halted_column=execution.halted_column or "",
            spread_column=costs.spread_column or "",
            funding_column=costs.funding_column or "",
            locate_column=margin.locate_column or "",
            commission_min=float(costs.commission_min),
            commission_max=_limit(costs.commission_max),
            commission_max_fraction=_limit(costs.commission_max_pct, 100.0),
            maker=(costs.maker_bps or 0.0) / 1e4,
            taker=(costs.taker_bps or 0.0) / 1e4,
            tiers=tuple((float(tier.above), tier.bps / 1e4) for tier in costs.commission_tiers),
            tier_volume=costs.tier_volume,
            slippage_volatility=float(costs.slippage_volatility),
            impact=float(costs.impact),
            spread_fixed=float(costs.spread_fixed),
            borrow=costs.borrow_pct / 100.0,
            margin_rate=costs.margin_rate_pct / 100.0,
            cash_interest=costs.cash_interest_pct / 100.0,
            funding=costs.funding_pct / 100.0,
            funding_paid_multiple=float(costs.funding_paid_multiple),
            value=float(sizing.value or 0.0),
            target_volatility=(sizing.target_volatility_pct or 0.0) / 100.0,
            risk_per_trade=(sizing.risk_pct or 0.0) / 100.0,
            atr_multiple=float(sizing.atr_multiple),
            kelly_fraction=float(sizing.kelly_fraction),
            kelly_trades=sizing.kelly_trades,
            min_value=float(sizing.min_value or 0.0),
            leverage=float(margin.leverage),
            maintenance=(margin.maintenance_pct or 0.0) / 100.0,
            on_margin_call=margin.on_margin_call,
            locates=margin.locates,
            max_position_units=_limit(risk.max_position_units),
            max_position_value=_limit(risk.max_position_value),
            max_exposure=_limit(risk.max_exposure_pct, 100.0),
            max_leverage=_limit(risk.max_leverage),
            max_concentration=_limit(risk.max_concentration_pct, 100.0),
            daily_loss=_limit(risk.daily_loss_pct, 100.0),
            on_daily_loss=risk.on_daily_loss,
            max_drawdown=_limit(risk.max_drawdown_pct, 100.0),
            on_drawdown=risk.on_drawdown,
            reduce_to=risk.reduce_to_pct / 100.0,
            cooldown_bars=risk.cooldown_bars,
            max_open_positions=_limit(risk.max_open_positions),
            allowed_symbols=tuple(risk.allowed_symbols),
        )

    def for_bars(self, symbol: str, periods_per_year: float) -> Settings:
        """Add what the order engine knows of the bars: whether the symbol may be traded, bars a year."""
        blocked = bool(self.allowed_symbols) and symbol not in self.allowed_symbols
        return replace(self, symbol_blocked=blocked, periods_per_year=float(periods_per_year))

    @property
    def detailed(self) -> bool:
        """Whether these settings need the order engine: something beyond the basic one's is in use."""
        return bool(self.order_features())

    def order_features(self) -> frozenset[str]:
        """Names of the order engine's parts that these settings use; its kernel is generated from them.

        Finer bars ("finer") are no setting: who has them adds the name.
        """
        on = {
            "orders": self.order_type != "market"
            or self.time_in_force != "gtc"
            or self.cancel_after_bars > 0
            or self.trailing_stop_atr > 0,
            "volume": self.max_participation > 0,
            "latency": self.latency_bars > 0,
            "path": self.intrabar != "pessimistic",
            "halts": self.halt_on_zero_volume or bool(self.halted_column),
            "fees": self.commission_min > 0
            or self.commission_max < OFF
            or self.commission_max_fraction < OFF
            or self.maker > 0
            or self.taker > 0
            or bool(self.tiers),
            "spread_price": self.spread_fixed > 0 or bool(self.spread_column),
            "impact": self.slippage_volatility > 0 or self.impact > 0,
            "financing": self.borrow > 0
            or self.margin_rate > 0
            or self.cash_interest > 0
            or self.funding != 0
            or bool(self.funding_column),
            "sizing": self.method not in ("cash_fraction", "fixed_units") or self.min_value > 0,
            "leverage": self.leverage > 1 or self.maintenance > 0 or self.locates != "all",
            "risk": bool(self.allowed_symbols)
            or self.cooldown_bars > 0
            or min(
                self.max_position_units,
                self.max_position_value,
                self.max_exposure,
                self.max_leverage,
                self.max_concentration,
                self.daily_loss,
                self.max_drawdown,
                self.max_open_positions,
            )
            < OFF,
        }
        return frozenset(name for name, used in on.items() if used)

    def order_numbers(self) -> tuple[float, ...]:
        """Numbers that the order engine takes, in the order of `ORDER_NUMBERS`.

        A choice is the position of its word in `CODES`. Tiers that are not there begin at infinity.
        """
        above = {f"tier_above_{at}": low for at, (low, _) in enumerate(self.tiers, 1)}
        rates = {f"tier_rate_{at}": rate for at, (_, rate) in enumerate(self.tiers, 1)}
        known: dict[str, float] = {**above, **rates, "tiers": len(self.tiers)}
        return tuple(float(known[name] if name in known else self._number(name)) for name in ORDER_NUMBERS)

    def _number(self, name: str) -> float:
        if name.startswith("tier_above_"):
            return OFF
        if name.startswith("tier_rate_"):
            return 0.0
        value: Any = getattr(self, name)
        return CODES[name].index(value) if name in CODES else value

    @property
    def features(self) -> frozenset[str]:
        """Names of the engine's parts that these settings use; the kernel is generated from them.

        Two settings with the same features share one compiled kernel: numbers are its arguments.
        """
        on = {
            "always": True,
            self.fill: True,
            self.direction: True,
            self.method: True,
            "lots": self.lot_size > 0,
            "reenter": self.reenter,
            "commission": self.commission > 0,
            "commission_per_unit": self.commission_per_unit > 0,
            "commission_fixed": self.commission_fixed > 0,
            "slippage": self.slippage > 0,
            "spread": self.spread > 0,
            "stop_loss": self.stop_loss > 0,
            "take_profit": self.take_profit > 0,
            "trailing_stop": self.trailing_stop > 0,
        }
        fixed_levels = self.stop_loss > 0 or self.take_profit > 0
        any_stop = fixed_levels or self.trailing_stop > 0
        on["stops"] = any_stop
        on["exit_memory"] = any_stop and self.exit_memory
        on["signal_close"] = fixed_levels and self.stop_basis == "signal_close"
        return frozenset(name for name, used in on.items() if used)

    def numbers(self) -> tuple[float, ...]:
        """Numbers that the kernel of these features takes, in the order of `NUMBERS`."""
        features = self.features
        return tuple(getattr(self, name) for name, feature in NUMBERS if feature in features)


def _limit(value: float | None, unit: float = 1.0) -> float:
    """Give a limit of the config as a number; infinity where there is none."""
    return OFF if value is None else value / unit
