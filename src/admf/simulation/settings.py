"""What the engine computes with: the config's execution, sizing and cost sections as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from admf.core.config.models import CostsConfig, ExecutionConfig, SizingConfig

# Numbers of the settings in the order in which a kernel takes them, each with the feature that needs it.
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


@dataclass(frozen=True)
class Settings:
    """Settings of one simulation, in fractions (0.01 is 1 %) and currency.

    A cost of 0 and a stop of None are switched off; `features` tells which of the engine's parts are in use.

    Parameters
    ----------
    fill, direction, stop_basis, method
        As in the config.
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
        Positions are multiples of it; 0 is fractional.
    commission, slippage, spread
        Fractions of the traded value.
    commission_per_unit, commission_fixed
        Currency per unit and per fill.
    stop_loss, take_profit, trailing_stop
        Distances as fractions; 0 is none.
    """

    fill: Literal["next_open", "same_close"] = "next_open"
    direction: Literal["both", "long_only", "short_only"] = "both"
    stop_basis: Literal["entry_price", "signal_close"] = "entry_price"
    method: Literal["cash_fraction", "fixed_units"] = "cash_fraction"
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

    @classmethod
    def from_config(
        cls, execution: ExecutionConfig, sizing: SizingConfig, costs: CostsConfig, initial_cash: float
    ) -> Settings:
        """Turn the config's sections into numbers (percent and basis points become fractions)."""
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
        )

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
