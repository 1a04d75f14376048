"""The assumption card says in words what a run assumes; warnings count what was not filled as ordered."""

# ruff: noqa: E501 - texts stand in one piece, as a user sees them

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.simulation import records
from admf.simulation.assumptions import assumption_card, warnings_of
from admf.simulation.settings import Settings
from admf.strategies.orders import limit_order


def settings_of(**sections: Any) -> Settings:
    c = BacktestConfig(strategy={"name": "x"}, **sections)
    return Settings.from_config(c.execution, c.sizing, c.costs, c.initial_cash, c.margin, c.risk)


@pytest.fixture(scope="module")
def card(by_hand):
    bars = by_hand([(1, 1, 1, 1)] * 3)

    def make(own_orders: bool = False, finer: Any = None, **sections: Any) -> dict[str, str]:
        settings = settings_of(**sections)
        ending = (0.0, 0.0, math.nan, 0.0, 0.0)
        return assumption_card(settings, bars, 0, ending, None, own_orders=own_orders, finer=finer)

    return make


def test_the_card_of_basic_settings(card):
    found = card()
    del found["data"]
    assert found == {
        "fill": "a decision made at a close is filled at the next bar's open",
        "orders": "a target is an order at market",
        "last bar": "an order decided on the last bar is never filled",
        "inside a bar": "nothing happens inside a bar: no stop or target is set",
        "stops": "none",
        "re-entry": "no stop is set",
        "repeated signal": "is held",
        "costs": "none: every fill at the quoted price, free of charge",
        "sizing": "100 % of the equity for a full position, costs included, in fractional units",
        "direction": "long and short",
        "borrowing": "no leverage at entry; no borrow cost, no margin call and no interest on cash",
        "volume": "orders fill whole, whatever the bar's volume",
        "trades": "a position, or the part of one, that a fill closed, at the average price of its entry",
        "halted bars": "none: every bar is traded",
        "risk": "no limits",
        "warm-up": "the strategy is asked from bar 0 (2020-01-01T00:00:00+00:00) on",
        "open position": "none at the end",
        "bars per year": found["bars per year"],
        "engine": "compiled",
    }


LEVEL = "a level that the bar's range touches is filled at the level, or at the open where the bar opens beyond it; "

WORDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an order that waits": (
        {"execution": {"order_type": "limit"}},
        "fill",
        "an order that is given at a close works from the next bar's open on",
    ),
    "late": (
        {"execution": {"latency_bars": 1}},
        "fill",
        "a decision reaches the market 1 bar after the open of the next bar",
    ),
    "limit": (
        {"execution": {"order_type": "limit", "limit_offset_bps": 5, "cancel_after_bars": 3}},
        "orders",
        "an entry is a limit order 5 bps below the close of its decision (a sale: above); what closes or reduces "
        "goes at market until it is done; the order of an entry works until it is filled or replaced; it expires "
        "after 3 bars",
    ),
    "stop": (
        {"execution": {"order_type": "stop_market", "stop_offset_bps": 20, "time_in_force": "day"}},
        "orders",
        "an entry is a stop order 20 bps above the close of its decision (a sale: below); what closes or reduces "
        "goes at market until it is done; the order of an entry works until the end of the session",
    ),
    "stop-limit": (
        {"execution": {"order_type": "stop_limit", "stop_offset_bps": 20, "limit_offset_bps": 1}},
        "orders",
        "an entry is a stop-limit order: stop 20 bps above the close of its decision, limit 1 bps above the stop "
        "(a sale: both below); what closes or reduces goes at market until it is done; the order of an entry works "
        "until it is filled or replaced",
    ),
    "trailing": (
        {
            "execution": {
                "order_type": "trailing_stop_market",
                "trail_offset_bps": 100,
                "cancel_after_bars": 1,
            }
        },
        "orders",
        "an entry is a trailing stop order, 100 bps from the best price since the close of its decision; what "
        "closes or reduces goes at market until it is done; the order of an entry works until it is filled or "
        "replaced; it expires after 1 bar",
    ),
    "market, once": (
        {"execution": {"time_in_force": "fok"}},
        "orders",
        "a target is an order at market; what closes or reduces goes at market until it is done; an entry is "
        "tried once, as a whole: what the first bar's open does not fill whole is cancelled",
    ),
    "at a close": (
        {"execution": {"time_in_force": "at_the_close"}},
        "fill",
        "what closes or reduces is filled at the next bar's open; an entry waits from there on for the close of a "
        "session",
    ),
    "at an open, late": (
        {"execution": {"time_in_force": "at_the_open", "latency_bars": 2, "order_type": "limit"}},
        "fill",
        "what closes or reduces is filled 2 bars after the open of the next bar; an entry waits from there on for "
        "the open of a session",
    ),
    "liquidation is remembered": (
        {"margin": {"maintenance_pct": 25}},
        "re-entry",
        "after a liquidation, not before the strategy has decided otherwise once",
    ),
    "no volume, no trade": (
        {"execution": {"max_participation_pct": 10}},
        "halted bars",
        "bars without volume: nothing fills there, and no level is looked at (0 of 3 bars)",
    ),
    "stops pay": (
        {"execution": {"stop_loss_pct": 5}, "costs": {"maker_bps": 1, "taker_bps": 4}},
        "stops",
        "stop-loss 5 % from the average entry price; each is filled as a taker, with slippage, targets too",
    ),
    "stops slip": (
        {"execution": {"stop_loss_pct": 5}, "costs": {"slippage_bps": 1}},
        "stops",
        "stop-loss 5 % from the average entry price; each is filled with slippage, targets too",
    ),
    "limits do not slip": (
        {"execution": {"order_type": "limit"}, "costs": {"slippage_bps": 1}},
        "costs",
        "slippage 1 bps at every fill, but for a limit order that rested and is hit",
    ),
    "pessimistic": (
        {"execution": {"stop_loss_pct": 5}},
        "inside a bar",
        LEVEL + "of a stop and a target in one bar the stop is taken (pessimistic)",
    ),
    "optimistic": (
        {"execution": {"order_type": "limit", "intrabar": "optimistic"}},
        "inside a bar",
        LEVEL
        + "of a stop and a target in one bar the target is taken (optimistic), of several orders the one "
        "with the better outcome",
    ),
    "path": (
        {"execution": {"trailing_stop_atr": 3, "intrabar": "path"}},
        "inside a bar",
        LEVEL
        + "prices run open, low, high, close in a bar that rises, open, high, low, close in one that falls, "
        "and what comes first on the way is taken",
    ),
    "atr": (
        {"execution": {"trailing_stop_atr": 3, "atr_bars": 10}},
        "stops",
        "trailing stop 3 x ATR(10), as known before the entry, from the best price of the bars before",
    ),
    "fees": (
        {
            "costs": {
                "commission_tiers": [{"above": 0, "bps": 10}, {"above": 1e6, "bps": 8}],
                "maker_bps": 1,
                "taker_bps": 4,
                "commission_min": 1,
                "commission_max": 50,
                "commission_max_pct": 0.5,
            }
        },
        "costs",
        "commission by the value traded in the calendar month: 10 bps from 0 on, 8 bps from 1,000,000 on; "
        "1 bps where a resting limit is hit (maker), 4 bps elsewhere, at stops and targets of a position too "
        "(taker); commission of a fill at least 1; "
        "commission of a fill at most 50; commission of a fill at most 0.5 % of its value",
    ),
    "slippage": (
        {"costs": {"slippage_volatility": 0.1, "impact": 0.5, "adv_bars": 30, "spread_fixed": 0.02}},
        "costs",
        "slippage 0.1 x the volatility of the last 20 bars; market impact 0.5 x the volatility of the last 20 "
        "bars x sqrt(units / mean volume of the last 30 bars); slippage is at most 90 % in all; spread 0.02 in the price, paid at entry",
    ),
    "spread column": (
        {"costs": {"spread_column": "spread"}},
        "costs",
        "spread as in column spread, paid at entry",
    ),
    "financing": (
        {"costs": {"borrow_pct": 2, "cash_interest_pct": 1, "funding_pct": -4}},
        "borrowing",
        "no leverage at entry; no margin call; shares to sell short can always be borrowed; short positions pay "
        "2 % a year; borrowed cash is free of charge; free cash earns 1 % a year; short positions pay 4 % a year "
        "of funding to long ones",
    ),
    "margin": (
        {
            "margin": {"leverage": 2, "maintenance_pct": 25, "locates": "column", "locate_column": "shares"},
            "costs": {"margin_rate_pct": 6, "funding_column": "rate", "funding_paid_multiple": 2},
        },
        "borrowing",
        "a position's value is up to 2 x the equity at entry; margin call at equity below 25 % of the position's "
        "value: the position is liquidated at the price where that happens, inside the bar; shares that can be "
        "borrowed are those of column shares; no borrow cost; borrowed cash pays 6 % a year; no interest on "
        "cash; long positions pay the funding of column rate to short ones; funding that is paid counts 2 x",
    ),
    "no shares": (
        {"margin": {"locates": "none", "maintenance_pct": 30, "on_margin_call": "reduce"}},
        "borrowing",
        "no leverage at entry; margin call at equity below 30 % of the position's value: the position is reduced "
        "to the leverage at the next open; no shares can be borrowed: short entries are rejected; no borrow "
        "cost; borrowed cash is free of charge; no interest on cash",
    ),
    "cap": (
        {"execution": {"max_participation_pct": 10}},
        "volume",
        "the fills of a bar take at most 10 % of its volume; the rest is carried to the next bars",
    ),
    "cap, rest cancelled": (
        {"execution": {"max_participation_pct": 2.5, "partial_fill": "cancel"}},
        "volume",
        "the fills of a bar take at most 2.5 % of its volume; the rest of an order is cancelled, but that of a "
        "stop, target or limit of risk is carried to the next bars",
    ),
    "halts": (
        {"execution": {"halt_on_zero_volume": True, "halted_column": "stopped"}},
        "halted bars",
        "bars without volume and bars where column stopped is not 0: nothing fills there, and no level is "
        "looked at (0 of 3 bars)",
    ),
    "value": (
        {"sizing": {"method": "fixed_value", "value": 25000, "lot_size": 1, "min_value": 1000}},
        "sizing",
        "25,000 of value for a full position, costs included, at most 1 x the equity, in lots of 1; an entry or "
        "enlargement of less than 1,000 is rejected",
    ),
    "volatility": (
        {
            "sizing": {"method": "volatility_target", "target_volatility_pct": 15, "volatility_bars": 60},
            "margin": {"leverage": 3},
        },
        "sizing",
        "a full position has a volatility of 15 % of the equity a year, by the last 60 bars, at most 3 x the "
        "equity, in fractional units",
    ),
    "atr risk": (
        {"sizing": {"method": "atr_risk", "risk_pct": 1}},
        "sizing",
        "a full position loses 1 % of the equity by a move of 2 x ATR(14), at most 1 x the equity, in "
        "fractional units",
    ),
    "kelly": (
        {"sizing": {"method": "kelly", "fraction": 0.2}},
        "sizing",
        "0.5 of the Kelly bet by the closed trades so far, 20 % of the equity before there are 20, at most 1 x "
        "the equity, in fractional units",
    ),
    "cuts": (
        {
            "risk": {
                "allowed_symbols": ["A", "B"],
                "max_position_units": 500,
                "max_position_value": 20000,
                "max_exposure_pct": 50,
                "max_concentration_pct": 20,
                "max_leverage": 1.5,
                "max_open_positions": 1,
            }
        },
        "risk",
        "only A, B may be traded; a position is cut to 500 units, 20,000 of value, 50 % of the equity, 20 % of "
        "the equity in one symbol; all positions are cut to 1.5 x the equity; at most 1 open position",
    ),
    "losses": (
        {"risk": {"daily_loss_pct": 2, "max_drawdown_pct": 20, "cooldown_bars": 5}},
        "risk",
        "after a loss of 2 % in a bar no entry that is decided at its close; at a drawdown of 20 % the position is closed, and "
        "trading ends; no entry for 5 bars after a stop-loss, trailing stop or liquidation",
    ),
    "losses, softer": (
        {
            "risk": {
                "daily_loss_pct": 2,
                "on_daily_loss": "flatten",
                "max_drawdown_pct": 20,
                "on_drawdown": "reduce",
            }
        },
        "risk",
        "after a loss of 2 % in a bar the position is closed, and no entry that is decided at its close; at a drawdown of 20 % "
        "positions are 50 % of their size until the next new high",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_each_setting_is_said(card, case):
    sections, line, text = WORDS[case]
    assert card(**sections)[line] == text


def test_orders_of_the_strategy_and_finer_bars_are_said(card, by_hand):
    found = card(own_orders=True, finer=by_hand([(1, 1, 1, 1)] * 2))
    assert found["orders"] == "as the strategy gives them"
    assert found["re-entry"] == (
        "at once after a stop, target or trailing exit: an order that the strategy gives is taken as it comes"
    )
    assert found["stops"] == "those that the strategy gives with its orders"
    assert found["fill"] == "an order that is given at a close works from the next bar's open on"
    assert card(own_orders=True, execution={"fill": "same_close"})["fill"] == (
        "a decision made at a close is filled at that close (optimistic: it is known only then); an order with a "
        "price works from the next bar on"
    )
    assert found["inside a bar"] == (
        LEVEL
        + "of a stop and a target in one bar the stop is taken (pessimistic), of several orders the one "
        "with the worse outcome; bars of 1d decide it where they reach its high and its low, each in this "
        "way"
    )


def test_a_loss_of_a_day_blocks_the_rest_of_it_on_shorter_bars(by_hand):
    bars = replace(by_hand([(1, 1, 1, 1)] * 3), timeframe="1h")
    ending = (0.0, 0.0, math.nan, 0.0, 0.0)
    found = assumption_card(
        settings_of(risk={"daily_loss_pct": 2}), bars, 0, ending, "it keeps things in self"
    )
    assert found["risk"] == "after a loss of 2 % in a day no entry on that day"
    assert found["engine"] == "plain Python (same numbers, slower)"


def orders_of(*rows: tuple[int, str, str]) -> dict[str, Any]:
    """Order table of rows of bar, reason and status."""
    table = {
        "decided_bar": np.array([bar for bar, _, _ in rows], dtype=np.int64),
        "bar": np.array([bar for bar, _, _ in rows], dtype=np.int64),
        "reason": np.array([records.REASONS.index(reason) for _, reason, _ in rows], dtype=np.int64),
        "status": np.array([records.STATUSES.index(status) for _, _, status in rows], dtype=np.int64),
    }
    table["bar"][[status == "unfilled: last bar" for _, _, status in rows]] = -1
    return table


EQUITY = np.full(10, 100.0)


def test_what_was_not_filled_as_ordered_is_counted_rule_by_rule():
    orders = orders_of(
        (0, "signal", "filled"),
        (1, "signal", "partly filled"),
        (1, "signal", "partly filled"),
        (1, "signal", "cancelled: remainder"),
        (2, "signal", "cancelled: replaced"),
        (2, "signal", "cancelled: replaced"),
        (3, "signal", "expired"),
        (4, "signal", "blocked: cooldown"),
        (4, "signal", "blocked: daily_loss"),
        (5, "signal", "cut: max_exposure"),
        (5, "signal", "rejected: no shares to borrow"),
        (6, "liquidation", "filled"),
        (7, "risk", "filled"),
        (8, "risk", "filled"),
        (8, "margin_call", "filled"),
    )
    assert warnings_of(Settings(), EQUITY, orders, 0) == [
        "1 order was rejected: 1 no shares to borrow",
        "2 orders were blocked by risk: 1 daily_loss, 1 cooldown",
        "1 order was cut by risk: 1 max_exposure",
        "3 orders were cancelled: 2 replaced, 1 remainder",
        "1 order expired before all was filled",
        "2 fills were in part: the bar's volume did not suffice",
        "the position was liquidated below the maintenance margin once",
        "the position was reduced on a margin call once",
        "the position was closed or reduced by a risk limit 2 times",
    ]


def test_orders_that_the_last_bar_left_open_are_told_apart():
    (last,) = warnings_of(
        Settings(), EQUITY, orders_of((0, "signal", "filled"), (9, "signal", "unfilled: last bar")), 0
    )
    assert last == "the order decided on the last bar was not filled"
    (older,) = warnings_of(
        Settings(), EQUITY, orders_of((0, "signal", "filled"), (5, "signal", "unfilled: last bar")), 0
    )
    assert older == "the order decided on bar 5 was not filled by the last bar"
    pair = [(9, "signal", "unfilled: last bar")] * 2
    (both,) = warnings_of(Settings(), EQUITY, orders_of((0, "signal", "filled"), *pair), 0)
    assert both == "2 orders were not filled by the last bar"


def test_fills_before_the_volatility_is_known_are_counted():
    orders = orders_of(
        (1, "signal", "filled"), (2, "signal", "filled"), (5, "signal", "filled"), (2, "signal", "expired")
    )
    sigma = np.array([np.nan] * 3 + [0.01] * 7)
    settings = settings_of(costs={"impact": 1})
    assert warnings_of(settings, EQUITY, orders, 0, sigma) == [
        "1 order expired before all was filled",
        "2 fills were without volatility slippage or impact: too few bars before",
    ]
    assert warnings_of(Settings(), EQUITY, orders, 0, sigma) == ["1 order expired before all was filled"]


def test_optimism_and_ruin_are_said():
    orders = orders_of((0, "signal", "filled"))
    ruined = np.array([100.0, -1.0])
    assert warnings_of(settings_of(execution={"intrabar": "optimistic"}), ruined, orders, 0) == [
        "optimistic: what is better is taken to have come first inside a bar",
        "the equity fell to zero or below on bar 1: no margin call is simulated",
    ]
    called = settings_of(margin={"maintenance_pct": 25})
    assert warnings_of(called, ruined, orders, 0) == ["the equity fell to zero or below on bar 1"]


def test_a_result_has_the_whole_card(by_hand):
    result = admf.simulate(by_hand([(10, 10, 10, 10)] * 5), "buy_and_hold")
    assert {"orders", "halted bars", "risk", "borrowing", "volume"} <= set(result.assumptions)


class Limits:
    @staticmethod
    def on_bar(close):
        return limit_order(1.0, 0.5 * close)


def test_a_strategy_that_gives_orders_is_said_to(by_hand):
    bars = by_hand([(10, 10, 10, 10)] * 5)
    result = admf.simulate(bars, Limits)
    assert result.assumptions["orders"] == "as the strategy gives them"
    assert result.assumptions["engine"] == (
        "plain Python (same numbers; for so few bars quicker than to compile)"
    )
    session = admf.SimulationSession(Limits, timeframe="1d")
    for at in range(5):
        session.on_bar(
            {"timestamp": int(bars.timestamps[at]), "open": 10, "high": 10, "low": 10, "close": 10}
        )
    assert session.result().assumptions["orders"] == result.assumptions["orders"]


def test_fills_before_the_volatility_is_known_are_said_of_a_simulation(by_hand):
    result = admf.simulate(by_hand([(10, 10, 10, 10)] * 5), "buy_and_hold", costs={"impact": 1})
    assert "1 fill was without volatility slippage or impact: too few bars before" in result.warnings
