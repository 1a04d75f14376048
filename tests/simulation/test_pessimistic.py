"""The pessimistic rerun: what is changed, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.core.config.costs import CommissionTier
from admf.simulation.pessimistic import pessimistic_bars, pessimistic_settings, with_rerun


def config_of(**sections: Any) -> BacktestConfig:
    return BacktestConfig(strategy={"name": "x"}, pessimistic_rerun=True, **sections)


def changed(config: BacktestConfig) -> dict[str, Any]:
    """Keys of execution and costs that the rerun changes, with their new values."""
    worse = pessimistic_settings(config)
    assert not worse.pessimistic_rerun
    for name, value in config:
        if name not in ("execution", "costs", "pessimistic_rerun"):
            assert getattr(worse, name) == value
    return {
        key: after
        for name in ("execution", "costs")
        for key, after in getattr(worse, name)
        if after != getattr(getattr(config, name), key)
    }


def test_all_costs_are_doubled():
    costs = {
        "commission_per_unit": 0.01,
        "commission_fixed": 1,
        "commission_min": 2,
        "commission_max": 40,
        "commission_max_pct": 3,
        "commission_tiers": [{"above": 0, "bps": 10}, {"above": 1000, "bps": 8}],
        "maker_bps": 0.5,
        "taker_bps": 2,
        "slippage_bps": 5,
        "slippage_volatility": 0.1,
        "impact": 0.5,
        "spread_fixed": 0.02,
        "borrow_pct": 3,
        "margin_rate_pct": 6,
        "cash_interest_pct": 1,
        "funding_pct": 4,
    }
    assert changed(config_of(costs=costs)) == {
        "latency_bars": 1,
        "commission_per_unit": 0.02,
        "commission_fixed": 2,
        "commission_min": 4,
        "commission_max": 80,
        "commission_max_pct": 6,
        "commission_tiers": [CommissionTier(above=0, bps=20), CommissionTier(above=1000, bps=16)],
        "maker_bps": 1,
        "taker_bps": 4,
        "slippage_bps": 10,
        "slippage_volatility": 0.2,
        "impact": 1,
        "spread_fixed": 0.04,
        "borrow_pct": 6,
        "margin_rate_pct": 12,
        "funding_paid_multiple": 2,
    }
    assert changed(config_of(costs={"commission_bps": 5, "spread_bps": 3})) == {
        "latency_bars": 1,
        "commission_bps": 10,
        "spread_bps": 6,
    }


def test_no_cost_reaches_the_whole_value():
    found = changed(config_of(costs={"slippage_bps": 6000, "commission_max_pct": 60, "borrow_pct": 600}))
    assert found == {
        "latency_bars": 1,
        "slippage_bps": 9999,
        "commission_max_pct": None,
        "borrow_pct": 1000,
    }


def test_what_is_received_is_not_doubled():
    assert changed(config_of(costs={"cash_interest_pct": 2})) == {"latency_bars": 1}
    # funding is paid by one side and received by the other: its rate stays
    for costs in ({"funding_pct": -4}, {"funding_column": "rate"}):
        assert changed(config_of(costs=costs)) == {"latency_bars": 1, "funding_paid_multiple": 2}
    assert changed(config_of(costs={"funding_pct": 4, "funding_paid_multiple": 3})) == {
        "latency_bars": 1,
        "funding_paid_multiple": 6,
    }


def test_the_rerun_pays_double_funding_and_receives_it_once(by_hand):
    """10 units are short at 10 from bar 1 or 2 on; the rate of bar 4 is theirs to pay."""
    bars = by_hand([(10, 10, 10, 10)] * 6, [-1, np.nan, np.nan, np.nan, np.nan, np.nan])
    bars = replace(bars, extra={**bars.extra, "rate": np.array([0, 0, 0, 0.01, -0.02, 0.03])})
    result = admf.simulate(
        bars,
        "signals",
        {"target": "target"},
        costs={"funding_column": "rate"},
        sizing={"method": "fixed_units", "units": 10},
        pessimistic_rerun=True,
    )
    assert result.financing["funding"] == pytest.approx(-1 + 2 - 3)  # short: received, paid, received
    assert result.pessimistic.financing["funding"] == pytest.approx(-1 + 2 * 2 - 3)


def test_inside_a_bar_the_worse_comes_first_and_decisions_come_a_bar_later():
    assert changed(config_of(execution={"intrabar": "optimistic", "latency_bars": 2})) == {
        "intrabar": "pessimistic",
        "latency_bars": 3,
    }
    assert changed(config_of(execution={"latency_bars": 10})) == {}, "ten bars are the most there can be"


def test_a_fill_at_the_close_of_its_decision_waits_for_the_next_open():
    # close of bar t, then open of bar t + 1: no latency comes on top
    assert changed(config_of(execution={"fill": "same_close"})) == {"fill": "next_open"}


def test_a_column_with_the_spread_is_doubled_under_a_new_name(by_hand):
    bars = replace(by_hand([(1, 1, 1, 1)] * 3), extra={"spread": np.array([0.1, 0.2, np.nan])})
    config = config_of(costs={"spread_column": "spread"})
    assert changed(config) == {"latency_bars": 1, "spread_column": "spread x 2"}
    worse = pessimistic_bars(bars, config)
    np.testing.assert_array_equal(worse.extra["spread x 2"], [0.2, 0.4, np.nan])
    np.testing.assert_array_equal(worse.extra["spread"], bars.extra["spread"])
    assert pessimistic_bars(bars, config_of()) is bars


def test_the_rerun_is_beside_the_result_only_where_it_is_asked_for(follow):
    result = follow([(10, 10, 10, 10)] * 3, [1, 1, 1])
    asked = []

    def simulate(bars, config):
        asked.append((bars, config))
        return result

    plain = BacktestConfig(strategy={"name": "x"})
    assert with_rerun(result, result.bars, plain, simulate) is result
    assert asked == []
    both = with_rerun(result, result.bars, config_of(), simulate)
    assert both.pessimistic is result
    assert both.digest == result.digest
    assert asked == [(result.bars, pessimistic_settings(config_of()))]


def test_simulate_gives_both_results(by_hand):
    """The price goes up by one a bar: a purchase a bar later, at twice the slippage, costs more."""
    bars = by_hand([(price, price, price, price) for price in (10, 11, 12, 13)], [1, np.nan, np.nan, np.nan])
    result = admf.simulate(
        bars,
        "signals",
        {"target": "target"},
        costs={"slippage_bps": 100},
        initial_cash=1000,
        pessimistic_rerun=True,
    )
    worse = result.pessimistic
    assert result.orders["price"].tolist() == [11 * 1.01]
    assert worse.orders["price"].tolist() == [12 * 1.02]
    assert worse.pessimistic is None
    np.testing.assert_allclose(result.equity_values[-1], 1000 / (11 * 1.01) * 13)
    np.testing.assert_allclose(worse.equity_values[-1], 1000 / (12 * 1.02) * 13)
    assert worse.assumptions["costs"] == "slippage 200 bps at every fill"
    plain = admf.simulate(
        bars, "signals", {"target": "target"}, costs={"slippage_bps": 100}, initial_cash=1000
    )
    assert plain.pessimistic is None
    assert plain.digest == result.digest


def test_a_column_with_the_spread_is_doubled_in_the_rerun(by_hand):
    bars = replace(by_hand([(10, 10, 10, 10)] * 4), extra={"spread": np.array([0.0, 0.5, 0.5, 0.5])})
    result = admf.simulate(bars, "buy_and_hold", costs={"spread_column": "spread"}, pessimistic_rerun=True)
    assert result.orders["price"].tolist() == [10.5]
    assert result.pessimistic.orders["price"].tolist() == [11.0]
