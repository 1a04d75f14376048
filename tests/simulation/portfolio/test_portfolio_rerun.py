"""The pessimistic rerun of a portfolio, and finer bars, through the public call."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.errors import DataError
from admf.simulation.pessimistic import differing_assumptions, rerun_facts
from admf.simulation.portfolio import run_portfolio
from admf.simulation.portfolio.check import estimate_portfolio


def test_the_rerun_costs_twice_and_comes_a_bar_later(hand_bars):
    """Prices go up by one a bar: a purchase a bar later, at twice the slippage, costs more."""
    prices = [(price, price) for price in (10, 11, 12, 13)]
    bars = {"A": hand_bars(prices), "B": hand_bars(prices)}
    result = admf.simulate_portfolio(
        bars, rebalance="monthly", costs={"slippage_bps": 100}, initial_cash=1000.0, pessimistic_rerun=True
    )
    worse = result.pessimistic
    assert result.orders.price.tolist() == pytest.approx([11 * 1.01] * 2)
    assert worse.orders.price.tolist() == pytest.approx([12 * 1.02] * 2)
    assert worse.pessimistic is None
    differing = differing_assumptions(result, worse)
    assert differing["costs"] == "slippage 200 bps at every fill"
    assert "1 bar after" in differing["fill"]
    assert not {"open positions", "engine"} & set(differing)
    facts = rerun_facts(result)["pessimistic"]
    assert (facts["digest"], facts["costs"], facts["trades"]) == (worse.digest, worse.costs, 0)
    plain = admf.simulate_portfolio(
        bars, rebalance="monthly", costs={"slippage_bps": 100}, initial_cash=1000.0
    )
    assert plain.pessimistic is None
    assert plain.digest == result.digest


def test_columns_of_every_symbol_are_doubled_in_the_rerun(hand_bars):
    bars = {
        name: replace(hand_bars([(10, 10)] * 4), extra={"spread": np.full(4, spread)})
        for name, spread in (("A", 0.2), ("B", 0.4))
    }
    result = admf.simulate_portfolio(
        bars, rebalance="monthly", costs={"spread_column": "spread"}, pessimistic_rerun=True
    )
    costs = pd.Series({name: result.orders.set_index("symbol").price[name] - 10 for name in bars})
    worse = pd.Series({name: result.pessimistic.orders.set_index("symbol").price[name] - 10 for name in bars})
    np.testing.assert_allclose(worse, 2 * costs)
    assert costs["B"] == pytest.approx(2 * costs["A"])


def test_the_rerun_pays_double_funding_and_receives_it_once(hand_bars):
    rates = {"A": [0, 0, 0, 0.01, -0.02], "B": [0, 0, 0, 0.03, -0.04]}
    bars = {
        name: replace(hand_bars([(10, 10)] * 5), extra={"rate": np.array(rate)})
        for name, rate in rates.items()
    }
    result = admf.simulate_portfolio(
        bars,
        "fixed_weights",
        {"weights": {"A": 0.5, "B": -0.5}},
        initial_cash=1000.0,
        costs={"funding_column": "rate"},
        pessimistic_rerun=True,
    )
    np.testing.assert_allclose(result.carry_values[3:], [[5, -15], [-10, 20]])
    np.testing.assert_allclose(result.pessimistic.carry_values[3:], [[10, -15], [-10, 40]])


def test_a_workflow_asks_for_it_too(some_bars):
    bars = some_bars(2)
    config = BacktestConfig(portfolio={}, costs={"commission_bps": 5.0}, pessimistic_rerun=True)
    result = run_portfolio(bars, config)
    assert result.pessimistic.costs["total"] > result.costs["total"] > 0
    once = estimate_portfolio(bars, config.model_copy(update={"pessimistic_rerun": False}))
    twice = estimate_portfolio(bars, config)
    assert twice.seconds > once.seconds
    assert twice.bytes > once.bytes


def test_finer_bars_decide_what_comes_first_in_their_symbol(random_bars):
    """A bar with stop and target: the finer bars of A say that the target came first; of B there are none."""
    index = pd.date_range("2020-01-06", periods=3, freq="D", tz="UTC")
    frame = pd.DataFrame(
        {"open": 100.0, "high": [100.0, 100, 120], "low": [100.0, 100, 80], "close": 100.0, "volume": 1e6},
        index=index,
    )
    hours = pd.date_range("2020-01-06", periods=72, freq="h", tz="UTC")
    fine = pd.DataFrame(
        {"open": 100.0, "high": 100.0, "low": 100.0, "close": 100.0, "volume": 1e4}, index=hours
    )
    fine.iloc[50, 1], fine.iloc[60, 2] = 120.0, 80.0
    bars = {name: admf.load_bars(frame, symbol=name, timeframe="1d", min_bars=1) for name in "AB"}
    finer = {"A": admf.load_bars(fine, symbol="A", timeframe="1h", min_bars=1)}
    result = admf.simulate_portfolio(
        bars,
        rebalance="monthly",
        execution={"stop_loss_pct": 10, "take_profit_pct": 10},
        finer=finer,
    )
    ends = dict(zip(result.trades.symbol, result.trades.exit_reason, strict=True))
    assert ends == {"A": "take_profit", "B": "stop_loss"}
    assert "bars of 1h (of A) decide it" in result.assumptions["inside a bar"]


def test_an_estimate_knows_the_desk(some_bars):
    bars = some_bars(4, n=300)
    plain = BacktestConfig(portfolio={})
    stops = BacktestConfig(portfolio={}, execution={"stop_loss_pct": 5})
    fast, desk = estimate_portfolio(bars, plain), estimate_portfolio(bars, stops)
    assert 0 < desk.seconds < fast.seconds  # so few bars are not compiled
    assert estimate_portfolio(bars, plain, finer=True).seconds == desk.seconds


def test_finer_bars_of_no_symbol_are_refused(some_bars):
    bars = some_bars(2)
    with pytest.raises(DataError, match="finer bars of S7: no symbol of the portfolio"):
        admf.simulate_portfolio(bars, finer={"S7": bars["S0"]})


def test_strategies_see_plain_costs_and_the_portfolio_pays_all(some_bars):
    bars = some_bars(2, 3)
    members = {"members": [{"name": "sma_cross", "params": {"fast": 5, "slow": 20}}]}
    plain = admf.simulate_portfolio(bars, "ensemble", members, costs={"commission_bps": 5})
    dear = {"commission_bps": 5, "borrow_pct": 9, "margin_rate_pct": 5, "impact": 0.1}
    paid = admf.simulate_portfolio(bars, "ensemble", members, costs=dear)
    np.testing.assert_array_equal(paid.target_values, plain.target_values)
    assert paid.costs["borrow"] > 0
    assert not [text for text in paid.warnings if "not compiled" in text]
    gained = paid.equity_values[-1] - paid.initial_cash
    assert paid.attribution_by_strategy.pnl.sum() == pytest.approx(gained, abs=1e-6)
