"""Choices of the settings as codes, and the order in which the order engine takes its numbers."""

from __future__ import annotations

from admf.core.config.costs import MOST_TIERS
from admf.simulation.records import TYPES
from admf.strategies.orders import TIMES_IN_FORCE

# Choices of the settings; their positions in these tuples are the codes in `ORDER_NUMBERS`.
FILLS = ("next_open", "same_close")
DIRECTIONS = ("both", "long_only", "short_only")
STOP_BASES = ("entry_price", "signal_close")
INTRABAR = ("pessimistic", "optimistic", "path")
PARTIAL_FILLS = ("carry", "cancel")
TIER_VOLUMES = ("value", "units")
METHODS = ("cash_fraction", "fixed_units", "fixed_value", "volatility_target", "atr_risk", "kelly")
ON_MARGIN_CALL = ("liquidate", "reduce")
LOCATES = ("all", "none", "column")
ON_DAILY_LOSS = ("block", "flatten")
ON_DRAWDOWN = ("halt", "reduce")

# Those that the order engine asks for, as numbers of its settings.
SAME_CLOSE = float(FILLS.index("same_close"))
SIGNAL_CLOSE = float(STOP_BASES.index("signal_close"))
PESSIMISTIC, OPTIMISTIC, PATH = (float(at) for at in range(len(INTRABAR)))
CANCEL_REST = float(PARTIAL_FILLS.index("cancel"))
BY_VALUE = float(TIER_VOLUMES.index("value"))
LIQUIDATE, REDUCE_TO_LEVERAGE = (float(at) for at in range(len(ON_MARGIN_CALL)))
FLATTEN = float(ON_DAILY_LOSS.index("flatten"))
HALT = float(ON_DRAWDOWN.index("halt"))

CODES = {
    "fill": FILLS,
    "direction": DIRECTIONS,
    "stop_basis": STOP_BASES,
    "order_type": TYPES,
    "time_in_force": TIMES_IN_FORCE,
    "intrabar": INTRABAR,
    "partial_fill": PARTIAL_FILLS,
    "tier_volume": TIER_VOLUMES,
    "method": METHODS,
    "on_margin_call": ON_MARGIN_CALL,
    "locates": LOCATES,
    "on_daily_loss": ON_DAILY_LOSS,
    "on_drawdown": ON_DRAWDOWN,
}

# Numbers of the order engine, in the order of `Settings.order_numbers`: all of them, in use or not. What is
# off has a number that changes nothing: 0 for what is added and for distances, 1 for a multiple, infinity for
# what is a limit.
ORDER_NUMBERS: tuple[str, ...] = (
    "initial_cash",
    "periods_per_year",
    *("fill", "direction", "stop_basis", "reenter", "exit_memory"),
    *("stop_loss", "take_profit", "trailing_stop", "trailing_stop_atr"),
    *("order_type", "limit_offset", "stop_offset", "trail_offset", "time_in_force", "cancel_after_bars"),
    *("max_participation", "partial_fill", "latency_bars", "intrabar"),
    *("commission", "commission_per_unit", "commission_fixed"),
    *("commission_min", "commission_max", "commission_max_fraction", "maker", "taker"),
    *("tiers", "tier_volume"),
    *(f"tier_above_{at}" for at in range(1, MOST_TIERS + 1)),
    *(f"tier_rate_{at}" for at in range(1, MOST_TIERS + 1)),
    *("slippage", "slippage_volatility", "impact", "spread", "spread_fixed"),
    *("borrow", "margin_rate", "cash_interest", "funding", "funding_paid_multiple"),
    *("method", "fraction", "units", "lot_size", "value", "target_volatility"),
    *("risk_per_trade", "atr_multiple", "kelly_fraction", "kelly_trades", "min_value"),
    *("leverage", "maintenance", "on_margin_call", "locates"),
    *("symbol_blocked", "max_position_units", "max_position_value", "max_exposure", "max_leverage"),
    *("max_concentration", "daily_loss", "on_daily_loss", "max_drawdown", "on_drawdown", "reduce_to"),
    *("cooldown_bars", "max_open_positions"),
)
