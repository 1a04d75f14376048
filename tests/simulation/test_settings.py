"""The config as numbers: units, codes, and what counts as in use."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from admf.core.config import BacktestConfig
from admf.simulation.settings import CODES, NUMBERS, ORDER_NUMBERS, Settings


def config_of(**sections: Any) -> BacktestConfig:
    return BacktestConfig(strategy={"name": "x"}, **sections)


def settings_of(**sections: Any) -> Settings:
    c = config_of(**sections)
    return Settings.from_config(c.execution, c.sizing, c.costs, c.initial_cash, c.margin, c.risk)


def numbers_of(settings: Settings) -> dict[str, float]:
    return dict(zip(ORDER_NUMBERS, settings.order_numbers(), strict=True))


def test_every_number_has_a_place_and_every_choice_a_code():
    assert len(set(ORDER_NUMBERS)) == len(ORDER_NUMBERS)
    assert {name for name, _ in NUMBERS} <= set(ORDER_NUMBERS)
    assert set(CODES) <= set(ORDER_NUMBERS)
    numbers = Settings().order_numbers()
    assert len(numbers) == len(ORDER_NUMBERS)
    assert all(type(number) is float and not math.isnan(number) for number in numbers)
    tiers = {f"tier_{part}_{at}" for part in ("above", "rate") for at in range(1, 9)}
    texts = {field.name for field in fields(Settings) if "column" in field.name}
    not_numbers = {"allowed_symbols", "halt_on_zero_volume", "volatility_bars", "adv_bars", "atr_bars"}
    assert {field.name for field in fields(Settings)} == (set(ORDER_NUMBERS) - tiers) | texts | not_numbers


def test_percent_and_basis_points_become_fractions():
    numbers = numbers_of(
        settings_of(
            execution={
                "order_type": "stop_limit",
                "limit_offset_bps": 5,
                "stop_offset_bps": 10,
                "time_in_force": "at_the_close",
                "cancel_after_bars": 4,
                "trailing_stop_atr": 2.5,
                "max_participation_pct": 10,
                "partial_fill": "cancel",
                "latency_bars": 2,
                "intrabar": "path",
            },
            costs={
                "commission_tiers": [{"above": 0, "bps": 10}, {"above": 1000, "bps": 8}],
                "tier_volume": "units",
                "commission_min": 1,
                "commission_max": 50,
                "commission_max_pct": 2,
                "maker_bps": 1,
                "taker_bps": 4,
                "slippage_volatility": 0.1,
                "impact": 0.5,
                "spread_fixed": 0.02,
                "borrow_pct": 3,
                "margin_rate_pct": 5,
                "cash_interest_pct": 1,
                "funding_pct": -2,
                "funding_paid_multiple": 2,
            },
            sizing={"method": "atr_risk", "risk_pct": 1, "atr_multiple": 3, "min_value": 100},
            margin={"leverage": 2, "maintenance_pct": 25, "on_margin_call": "reduce", "locates": "none"},
            risk={
                "max_exposure_pct": 150,
                "daily_loss_pct": 2,
                "on_daily_loss": "flatten",
                "max_drawdown_pct": 20,
                "on_drawdown": "reduce",
                "reduce_to_pct": 40,
                "cooldown_bars": 3,
                "max_open_positions": 2,
                "allowed_symbols": ["A"],
            },
        ).for_bars("B", 252.0)
    )
    expected = {
        "order_type": 3.0,
        "limit_offset": 0.0005,
        "stop_offset": 0.001,
        "time_in_force": 5.0,
        "cancel_after_bars": 4.0,
        "trailing_stop_atr": 2.5,
        "max_participation": 0.1,
        "partial_fill": 1.0,
        "latency_bars": 2.0,
        "intrabar": 2.0,
        "tiers": 2.0,
        "tier_above_1": 0.0,
        "tier_rate_1": 0.001,
        "tier_above_2": 1000.0,
        "tier_rate_2": 0.0008,
        "tier_above_3": math.inf,
        "tier_rate_3": 0.0,
        "tier_volume": 1.0,
        "commission_min": 1.0,
        "commission_max": 50.0,
        "commission_max_fraction": 0.02,
        "maker": 0.0001,
        "taker": 0.0004,
        "slippage_volatility": 0.1,
        "impact": 0.5,
        "spread_fixed": 0.02,
        "borrow": 0.03,
        "margin_rate": 0.05,
        "cash_interest": 0.01,
        "funding": -0.02,
        "funding_paid_multiple": 2.0,
        "method": 4.0,
        "risk_per_trade": 0.01,
        "atr_multiple": 3.0,
        "min_value": 100.0,
        "leverage": 2.0,
        "maintenance": 0.25,
        "on_margin_call": 1.0,
        "locates": 1.0,
        "max_exposure": 1.5,
        "max_leverage": math.inf,
        "daily_loss": 0.02,
        "on_daily_loss": 1.0,
        "max_drawdown": 0.2,
        "on_drawdown": 1.0,
        "reduce_to": 0.4,
        "cooldown_bars": 3.0,
        "max_open_positions": 2.0,
        "symbol_blocked": 1.0,
        "periods_per_year": 252.0,
    }
    assert {name: numbers[name] for name in expected} == expected
    assert (
        numbers_of(settings_of(risk={"allowed_symbols": ["A"]}).for_bars("A", 252.0))["symbol_blocked"] == 0
    )


def test_bars_that_nothing_needs_are_not_measured():
    plain = settings_of(execution={"trailing_stop_pct": 2}, costs={"slippage_bps": 3})
    assert (plain.volatility_bars, plain.adv_bars, plain.atr_bars) == (0, 0, 0)
    assert not plain.detailed
    costly = settings_of(costs={"slippage_volatility": 1, "volatility_bars": 30})
    assert (costly.volatility_bars, costly.adv_bars) == (30, 0)
    costly = settings_of(
        costs={"impact": 1, "adv_bars": 40}, execution={"trailing_stop_atr": 1, "atr_bars": 7}
    )
    assert (costly.volatility_bars, costly.adv_bars, costly.atr_bars) == (20, 40, 7)
    sized = settings_of(
        sizing={"method": "volatility_target", "target_volatility_pct": 10, "volatility_bars": 60}
    )
    assert (sized.volatility_bars, sized.target_volatility) == (60, 0.1)
    assert settings_of(sizing={"method": "atr_risk", "risk_pct": 1}).atr_bars == 14


ONE_TIER = [{"above": 0, "bps": 1}]

# A setting, and the parts of the order engine that it uses.
BEYOND: dict[str, tuple[dict[str, Any], set[str]]] = {
    "order type": ({"execution": {"order_type": "limit"}}, {"orders"}),
    "time in force": ({"execution": {"time_in_force": "day"}}, {"orders"}),
    "expiry": ({"execution": {"cancel_after_bars": 1}}, {"orders"}),
    "atr stop": ({"execution": {"trailing_stop_atr": 1}}, {"orders"}),
    "cap": ({"execution": {"max_participation_pct": 5}}, {"volume"}),
    "latency": ({"execution": {"latency_bars": 1}}, {"latency"}),
    "optimistic": ({"execution": {"intrabar": "optimistic"}}, {"path"}),
    "halts": ({"execution": {"halted_column": "h"}}, {"halts"}),
    "no volume": ({"execution": {"halt_on_zero_volume": True}}, {"halts"}),
    "minimum": ({"costs": {"commission_min": 1}}, {"fees"}),
    "maximum": ({"costs": {"commission_max_pct": 1}}, {"fees"}),
    "maker": ({"costs": {"maker_bps": 0, "taker_bps": 1}}, {"fees"}),
    "tiers": ({"costs": {"commission_tiers": ONE_TIER}}, {"fees"}),
    "spread": ({"costs": {"spread_column": "s"}}, {"spread_price"}),
    "impact": ({"costs": {"impact": 1}}, {"impact"}),
    "funding": ({"costs": {"funding_pct": -1}}, {"financing"}),
    "method": ({"sizing": {"method": "fixed_value", "value": 1}}, {"sizing"}),
    "notional": ({"sizing": {"min_value": 1}}, {"sizing"}),
    "leverage": ({"margin": {"leverage": 2}}, {"leverage"}),
    "locates": ({"margin": {"locates": "none"}}, {"leverage"}),
    "risk": ({"risk": {"max_leverage": 1}}, {"risk"}),
    "symbols": ({"risk": {"allowed_symbols": ["A"]}}, {"risk"}),
    "rerun": ({"pessimistic_rerun": True}, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_what_is_beyond_the_basic_settings(case: str):
    sections, features = BEYOND[case]
    settings = settings_of(**sections)
    assert settings.order_features() == features
    assert settings.detailed == bool(features)


def test_basic_settings_use_the_basic_engine():
    sections: dict[str, Any] = {
        "execution": {
            "fill": "same_close",
            "stop_loss_pct": 5,
            "take_profit_pct": 10,
            "trailing_stop_pct": 3,
        },
        "sizing": {"method": "fixed_units", "units": 3, "lot_size": 1},
        "costs": {"commission_bps": 1, "commission_fixed": 1, "slippage_bps": 1, "spread_bps": 1},
    }
    assert not settings_of(**sections).detailed
