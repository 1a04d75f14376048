"""What the sections of execution, costs, sizing, margin and risk refuse, with the message a user sees."""

# ruff: noqa: E501 - messages stand in one piece, as a user sees them
from __future__ import annotations

from typing import Any

import pytest

from admf.core.config import BacktestConfig, CostsConfig, MarginConfig, RiskConfig, SizingConfig
from admf.core.config.execution import ExecutionConfig
from admf.errors import ConfigError


def problems(**sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        BacktestConfig(**{"strategy": {"name": "x"}, **sections})
    return str(caught.value)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    # execution
    "limit offset of a market order": (
        {"execution": {"limit_offset_bps": 5}},
        "execution.limit_offset_bps: does not go with order_type market\n    found: 5\n"
        "    hint: remove it, or write order_type: limit or stop_limit",
    ),
    "stop offset of a limit order": (
        {"execution": {"order_type": "limit", "stop_offset_bps": 5}},
        "execution.stop_offset_bps: does not go with order_type limit\n    found: 5\n"
        "    hint: remove it, or write order_type: stop_market or stop_limit",
    ),
    "trail offset of a stop order": (
        {"execution": {"order_type": "stop_market", "trail_offset_bps": 5}},
        "execution.trail_offset_bps: does not go with order_type stop_market\n    found: 5\n"
        "    hint: remove it, or write order_type: trailing_stop_market",
    ),
    "trailing order without a trail": (
        {"execution": {"order_type": "trailing_stop_market"}},
        "execution.trail_offset_bps: is required by order_type trailing_stop_market\n"
        "    hint: Trail offset (bps): Distance of a trailing_stop_market order from the best price since it was given.",
    ),
    "no trail": (
        {"execution": {"order_type": "trailing_stop_market", "trail_offset_bps": 0}},
        "execution.trail_offset_bps: must be greater than 0\n    found: 0",
    ),
    "limit at the close that is over": (
        {"execution": {"fill": "same_close", "order_type": "limit"}},
        'execution.order_type: does not go with fill same_close: the bar is over\n    found: "limit"\n'
        "    allowed: market\n    hint: write fill: next_open",
    ),
    "at the open of a bar that is over": (
        {"execution": {"fill": "same_close", "time_in_force": "at_the_open"}},
        'execution.time_in_force: does not go with fill same_close: the bar is over\n    found: "at_the_open"\n'
        "    allowed: gtc\n    hint: write fill: next_open, or remove it",
    ),
    "a cap on the volume of a bar that is over": (
        {"execution": {"fill": "same_close", "max_participation_pct": 5}},
        "execution.max_participation_pct: does not go with fill same_close: the bar is over\n    found: 5\n"
        "    hint: write fill: next_open, or remove it",
    ),
    "the spread of the bar after the fill": (
        {"execution": {"fill": "same_close"}, "costs": {"spread_column": "ask_less_bid"}},
        "costs.spread_column: does not go with fill same_close: the fill would be told of the bar after it\n"
        '    found: "ask_less_bid"\n    hint: write execution.fill: next_open, or remove it',
    ),
    "ioc that works": (
        {"execution": {"time_in_force": "ioc", "cancel_after_bars": 3}},
        "execution.cancel_after_bars: does not go with time_in_force ioc: such an order is tried once\n"
        "    found: 3\n    hint: remove it, or write time_in_force: gtc",
    ),
    "two trailing stops": (
        {"execution": {"trailing_stop_pct": 5, "trailing_stop_atr": 3}},
        "execution.trailing_stop_atr: stands beside trailing_stop_pct\n    found: 3\n"
        "    hint: keep one of trailing_stop_pct and trailing_stop_atr",
    ),
    "partial fills without a cap": (
        {"execution": {"partial_fill": "cancel"}},
        'execution.partial_fill: needs max_participation_pct\n    found: "cancel"\n'
        "    hint: write max_participation_pct, or remove it: without a cap every fill is whole",
    ),
    "bars of no atr": (
        {"execution": {"atr_bars": 20, "trailing_stop_pct": 5}},
        "execution.atr_bars: needs execution.trailing_stop_atr or sizing.method atr_risk\n    found: 20\n"
        "    hint: write one of them, or remove it: nothing else is measured by it",
    ),
    "too much latency": (
        {"execution": {"latency_bars": 11}},
        "execution.latency_bars: must be at most 10\n    found: 11",
    ),
    "a whole bar and more": (
        {"execution": {"max_participation_pct": 101}},
        "execution.max_participation_pct: must be at most 100\n    found: 101",
    ),
    # costs
    "first tier above something": (
        {"costs": {"commission_tiers": [{"above": 5, "bps": 10}]}},
        "costs.commission_tiers.0.above: must be 0 in the first tier\n    found: 5\n    hint: every trade needs a rate",
    ),
    "tiers out of order": (
        {"costs": {"commission_tiers": [{"above": 0, "bps": 10}, {"above": 5, "bps": 8}, {"above": 5, "bps": 6}]}},
        "costs.commission_tiers.2.above: must be greater than in the tier before\n    found: 5\n    hint: order the tiers",
    ),
    "too many tiers": (
        {"costs": {"commission_tiers": [{"above": at, "bps": 1} for at in range(9)]}},
        "costs.commission_tiers: has too many entries\n    found: a list of 9\n    allowed: at most 8",
    ),
    "tier without a rate": (
        {"costs": {"commission_tiers": [{"above": 0}]}},
        "costs.commission_tiers.0.bps: is required\n    hint: Commission (bps): Of the traded value.",
    ),
    "tiers and a rate": (
        {"costs": {"commission_bps": 1, "commission_tiers": [{"above": 0, "bps": 10}]}},
        'costs.commission_tiers: stands beside commission_bps\n    found: a list of 1\n'
        "    hint: keep one of commission_bps and commission_tiers",
    ),
    "volume of no tiers": (
        {"costs": {"tier_volume": "units"}},
        'costs.tier_volume: needs commission_tiers\n    found: "units"\n    hint: write commission_tiers, or remove it',
    ),
    "maker alone": (
        {"costs": {"maker_bps": 1}},
        "costs.taker_bps: is required beside maker_bps\n"
        "    hint: Taker fee (bps): Of every other fill, at stops and targets of a position too, on top of other commissions.",
    ),
    "taker alone": (
        {"costs": {"taker_bps": 1}},
        "costs.maker_bps: is required beside taker_bps\n    hint: Maker fee (bps): Of a fill at the limit of an "
        "order that rested there, on top of other commissions; not of the target of a position.",
    ),
    "maximum below the minimum": (
        {"costs": {"commission_min": 2, "commission_max": 1}},
        "costs.commission_max: is less than commission_min\n    found: 1\n    allowed: at least 2",
    ),
    "two spreads": (
        {"costs": {"spread_bps": 2, "spread_column": "spread"}},
        'costs.spread_column: stands beside spread_bps\n    found: "spread"\n'
        "    hint: keep one of spread_bps, spread_fixed and spread_column",
    ),
    "two fundings": (
        {"costs": {"funding_pct": -2, "funding_column": "rate"}},
        'costs.funding_column: stands beside funding_pct\n    found: "rate"\n'
        "    hint: keep one of funding_pct and funding_column",
    ),
    "a multiple of no funding": (
        {"costs": {"funding_paid_multiple": 2}},
        "costs.funding_paid_multiple: needs funding_pct or funding_column\n    found: 2\n"
        "    hint: write one of them, or remove it",
    ),
    "bars of no volatility": (
        {"costs": {"volatility_bars": 60}, "sizing": {"method": "volatility_target", "target_volatility_pct": 9}},
        "costs.volatility_bars: needs slippage_volatility or impact\n    found: 60\n"
        "    hint: write slippage_volatility or impact, or remove it: no other cost is measured by it",
    ),
    "bars of no mean volume": (
        {"costs": {"adv_bars": 60, "slippage_volatility": 1}},
        "costs.adv_bars: needs impact\n    found: 60\n"
        "    hint: write impact, or remove it: no other cost is measured by it",
    ),
    # sizing
    "less than a lot": (
        {"sizing": {"method": "fixed_units", "units": 50, "lot_size": 100}},
        "sizing.units: is less than one lot: no position could be opened\n    found: 50\n"
        "    allowed: at least 100, which is lot_size\n    hint: raise it, or lower lot_size",
    ),
    "no value": (
        {"sizing": {"method": "fixed_value"}},
        "sizing.value: is required by method fixed_value\n"
        "    hint: Value: Currency value of a full position (fixed_value).",
    ),
    "value of another method": (
        {"sizing": {"value": 1000}},
        "sizing.value: does not go with method cash_fraction\n    found: 1000\n"
        "    hint: remove it, or write method: fixed_value",
    ),
    "no target volatility": (
        {"sizing": {"method": "volatility_target"}},
        "sizing.target_volatility_pct: is required by method volatility_target\n    hint: Target volatility (%): "
        "Annual volatility that a full position brings to the equity (volatility_target).",
    ),
    "no risk": (
        {"sizing": {"method": "atr_risk"}},
        "sizing.risk_pct: is required by method atr_risk\n"
        "    hint: Risk (%): Of the equity, lost by a move of atr_multiple ATR (atr_risk).",
    ),
    "kelly of another method": (
        {"sizing": {"kelly_trades": 5}},
        "sizing.kelly_trades: does not go with method cash_fraction\n    found: 5\n"
        "    hint: remove it, or write method: kelly",
    ),
    "more than the account": (
        {"sizing": {"fraction": 1.5}},
        "sizing.fraction: is more than the account may borrow\n    found: 1.5\n"
        "    allowed: at most 1, which is margin.leverage\n    hint: raise margin.leverage, or lower it",
    ),
    "two volatilities": (
        {
            "sizing": {"method": "volatility_target", "target_volatility_pct": 10, "volatility_bars": 60},
            "costs": {"impact": 1, "volatility_bars": 30},
        },
        "costs.volatility_bars: differs from sizing.volatility_bars: one volatility is measured\n    found: 30\n"
        "    allowed: 60\n    hint: give both the same value",
    ),
    # margin
    "called at once": (
        {"margin": {"leverage": 4, "maintenance_pct": 25}},
        "margin.maintenance_pct: is not below the initial margin: a full position would be called at once\n"
        "    found: 25\n    allowed: less than 25, which is 100 / leverage",
    ),
    "no call": (
        {"margin": {"on_margin_call": "reduce"}},
        'margin.on_margin_call: needs maintenance_pct\n    found: "reduce"\n'
        "    hint: write maintenance_pct, or remove it: without it there is no margin call",
    ),
    "no column of locates": (
        {"margin": {"locates": "column"}},
        "margin.locate_column: is required by locates column\n    hint: Column of shares to borrow: "
        "Data column with the units that can be borrowed.",
    ),
    "column of no locates": (
        {"margin": {"locate_column": "shares"}},
        'margin.locate_column: does not go with locates all\n    found: "shares"\n'
        "    hint: remove it, or write locates: column",
    ),
    "no loan": ({"margin": {"leverage": 0.5}}, "margin.leverage: must be at least 1\n    found: 0.5"),
    # risk
    "flatten on no limit": (
        {"risk": {"on_daily_loss": "flatten"}},
        'risk.on_daily_loss: needs daily_loss_pct\n    found: "flatten"\n    hint: write daily_loss_pct, or remove it',
    ),
    "reduce on no limit": (
        {"risk": {"on_drawdown": "reduce"}},
        'risk.on_drawdown: needs max_drawdown_pct\n    found: "reduce"\n    hint: write max_drawdown_pct, or remove it',
    ),
    "reduce to, without reducing": (
        {"risk": {"max_drawdown_pct": 20, "reduce_to_pct": 30}},
        "risk.reduce_to_pct: does not go with on_drawdown halt\n    found: 30\n"
        "    hint: write on_drawdown: reduce, or remove it",
    ),
    "symbol twice": (
        {"risk": {"allowed_symbols": ["A", "A"]}},
        'risk.allowed_symbols.1: is there twice\n    found: "A"',
    ),
    "no symbol": (
        {"risk": {"allowed_symbols": [" "]}},
        'risk.allowed_symbols.0: must not be empty\n    found: " "',
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_combination_says_where_and_what(fault: str) -> None:
    sections, expected = FAULTS[fault]
    assert problems(**sections) == f"BacktestConfig has 1 problem\n  {expected}"


def test_a_commission_rate_beside_maker_and_taker_is_two_problems() -> None:
    assert problems(costs={"commission_bps": 5, "maker_bps": 1, "taker_bps": 2}) == (
        "BacktestConfig has 2 problems\n"
        "  costs.taker_bps: stands beside commission_bps\n    found: 2\n"
        "    hint: keep commission_bps, or maker_bps and taker_bps\n"
        "  costs.maker_bps: stands beside commission_bps\n    found: 1\n"
        "    hint: keep commission_bps, or maker_bps and taker_bps"
    )


def test_combinations_are_judged_although_another_key_is_wrong() -> None:
    text = problems(
        costs={"commission_tiers": [{"above": 1, "bps": "x"}], "maker_bps": 1, "borrow_pct": "much"},
        sizing={"method": "kelly", "kelly_fraction": 2, "units": 3},
    )
    assert {line.split(":")[0].strip() for line in text.splitlines()[1:] if line.startswith("  ")} >= {
        "costs.commission_tiers.0.bps",
        "costs.borrow_pct",
        "costs.taker_bps",
        "sizing.kelly_fraction",
        "sizing.units",
    }


def test_all_keys_together() -> None:
    config = BacktestConfig(
        strategy={"name": "x"},
        execution=ExecutionConfig(
            order_type="stop_limit",
            limit_offset_bps=5,
            stop_offset_bps=10,
            time_in_force="day",
            cancel_after_bars=3,
            trailing_stop_atr=3,
            max_participation_pct=10,
            partial_fill="cancel",
            latency_bars=1,
            intrabar="path",
            halt_on_zero_volume=True,
            halted_column="halted",
        ),
        costs=CostsConfig(
            commission_tiers=[{"above": 0, "bps": 10}, {"above": 1e6, "bps": 8}],
            tier_volume="units",
            commission_min=1,
            commission_max=50,
            commission_max_pct=1,
            maker_bps=0,
            taker_bps=2,
            slippage_volatility=0.1,
            impact=0.5,
            spread_fixed=0.01,
            borrow_pct=2,
            margin_rate_pct=5,
            cash_interest_pct=1,
            funding_pct=-3,
            funding_paid_multiple=1.5,
        ),
        sizing=SizingConfig(method="atr_risk", risk_pct=1, atr_multiple=3, lot_size=1, min_value=100),
        margin=MarginConfig(
            leverage=2, maintenance_pct=25, on_margin_call="reduce", locates="column", locate_column="shares"
        ),
        risk=RiskConfig(
            max_position_units=100,
            max_position_value=1e5,
            max_exposure_pct=150,
            max_leverage=2,
            max_concentration_pct=20,
            daily_loss_pct=2,
            on_daily_loss="flatten",
            max_drawdown_pct=20,
            on_drawdown="reduce",
            reduce_to_pct=30,
            cooldown_bars=5,
            max_open_positions=3,
            allowed_symbols=["A"],
        ),
        pessimistic_rerun=True,
    )
    assert BacktestConfig.model_validate(config.model_dump(mode="json")) == config
