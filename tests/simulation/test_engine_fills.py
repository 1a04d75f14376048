"""Fills, costs and sizes, each against arithmetic done by hand."""

from __future__ import annotations

import numpy as np
import pytest

NAN = float("nan")
# open, high, low, close
RISING = [(10, 11, 9, 10), (20, 22, 18, 21), (30, 33, 27, 31), (40, 44, 36, 41)]
FALLING = [(40, 44, 36, 41), (30, 33, 27, 31), (20, 22, 18, 21), (10, 11, 9, 10)]


def test_a_decision_is_filled_at_the_next_open(follow):
    result = follow(RISING, [1, NAN, NAN, NAN])
    # 1000 / 20 = 50 units at the open of bar 1, marked at closes 21, 31, 41
    np.testing.assert_array_equal(result.position_values, [0, 50, 50, 50])
    np.testing.assert_array_equal(result.equity_values, [1000, 1050, 1550, 2050])
    assert len(result.trades) == 0
    assert "long 50 units" in result.assumptions["open position"]


def test_same_close_fills_at_the_close_of_the_decision(follow):
    result = follow(RISING, [1, NAN, 0, NAN], execution={"fill": "same_close"})
    # 1000 / 10 = 100 units at close 10 of bar 0; sold at close 31 of bar 2: seen on the bar after each
    np.testing.assert_array_equal(result.position_values, [0, 100, 100, 0])
    np.testing.assert_array_equal(result.equity_values, [1000, 2100, 3100, 3100])
    trade = result.trades.iloc[0]
    assert (trade.entry_bar, trade.exit_bar, trade.entry_price, trade.exit_price) == (0, 2, 10, 31)
    assert trade.pnl == 100 * (31 - 10)


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_an_order_on_the_last_bar_never_fills(follow, fill):
    result = follow(RISING, [NAN, NAN, NAN, 1], execution={"fill": fill})
    np.testing.assert_array_equal(result.equity_values, [1000] * 4)
    (order,) = result.orders.itertuples()
    assert (order.decided_bar, order.bar, order.side, order.status) == (3, -1, "buy", "unfilled: last bar")
    assert str(order.time) == "NaT"
    assert "the order decided on the last bar was not filled" in result.warnings


def test_long_trade(follow):
    result = follow(RISING, [1, NAN, 0, NAN])
    trade = result.trades.iloc[0]
    assert (trade.side, trade.units, trade.entry_bar, trade.exit_bar, trade.bars) == ("long", 50, 1, 3, 2)
    assert trade.pnl == 50 * (40 - 20)
    assert trade["return"] == 1.0
    # while held: lows 18, 27; highs 22, 33; exit at 40 (bar 3's own range is after the exit)
    assert trade.mae == (18 - 20) / 20
    assert trade.mfe == (40 - 20) / 20
    assert trade.exit_reason == "signal"
    assert str(trade.entry_time.date()) == "2020-01-02"


def test_short_trade(follow):
    result = follow(FALLING, [-1, NAN, 0, NAN])
    # 1000 / 30 units sold at 30, bought back at 10
    units = 1000 / 30
    trade = result.trades.iloc[0]
    assert (trade.side, trade.units) == ("short", units)
    assert trade.pnl == pytest.approx(units * 20, rel=1e-15)
    assert trade.mae == (30 - 33) / 30
    assert trade.mfe == (30 - 10) / 30
    np.testing.assert_allclose(
        result.equity_values, [1000, 1000 - units * 1, 1000 + units * 9, 1000 + units * 20], rtol=1e-15
    )


def test_reversal_closes_first_and_sizes_from_what_is_left(follow):
    result = follow(RISING, [1, -1, NAN, NAN], costs={"commission_bps": 100.0})
    # buy: u * 20 * 1.01 = 1000; sell all at 30 for 1 %; the short is sized from the cash that leaves
    bought = 1000 / 20.2
    cash = bought * 30 * 0.99
    sold = cash / 30.3
    np.testing.assert_allclose(result.position_values, [0, bought, -sold, -sold], rtol=1e-14)
    assert result.equity_values[2] == pytest.approx(cash + sold * 30 * 0.99 - sold * 31, rel=1e-14)
    assert list(result.orders.side) == ["buy", "sell", "sell"]
    assert list(result.orders.bar) == [1, 2, 2]


def test_percentage_commission(follow):
    result = follow(RISING, [1, NAN, 0, NAN], costs={"commission_bps": 100.0})
    units = 1000 / (20 * 1.01)
    paid_in, paid_out = units * 20 * 0.01, units * 40 * 0.01
    trade = result.trades.iloc[0]
    assert trade.units == pytest.approx(units, rel=1e-15)
    assert trade.commission == pytest.approx(paid_in + paid_out, rel=1e-14)
    assert trade.pnl == pytest.approx(units * 20 - paid_in - paid_out, rel=1e-14)
    assert result.equity_values[1] == pytest.approx(units * 21, rel=1e-13)  # all cash is spent
    assert result.costs["commission"] == pytest.approx(paid_in + paid_out, rel=1e-14)
    assert result.costs["total"] == result.costs["commission"]


def test_commission_per_unit(follow):
    result = follow(RISING, [1, NAN, 0, NAN], costs={"commission_per_unit": 0.5})
    units = 1000 / 20.5
    assert result.trades.units[0] == pytest.approx(units, rel=1e-15)
    assert result.trades.commission[0] == pytest.approx(2 * units * 0.5, rel=1e-14)
    assert result.equity_values[-1] == pytest.approx(units * (40 - 0.5), rel=1e-14)


def test_fixed_commission(follow):
    result = follow(RISING, [1, NAN, 0, NAN], costs={"commission_fixed": 10.0})
    # (1000 - 10) / 20 = 49.5 units; 10 again at the exit
    assert result.trades.units[0] == 49.5
    assert result.trades.commission[0] == 20
    assert result.equity_values[-1] == 49.5 * 40 - 10


def test_slippage_is_paid_at_every_fill_on_both_sides(follow):
    result = follow([*RISING, (50, 55, 45, 51)], [1, -1, 0, NAN, NAN], costs={"slippage_bps": 100.0})
    long, short = result.trades.itertuples()
    assert long.entry_price == pytest.approx(20 * 1.01, rel=1e-15)
    assert long.exit_price == pytest.approx(30 * 0.99, rel=1e-15)
    assert short.entry_price == pytest.approx(30 * 0.99, rel=1e-15)
    assert short.exit_price == pytest.approx(40 * 1.01, rel=1e-15)
    paid = long.units * (0.2 + 0.3) + short.units * (0.3 + 0.4)
    assert result.costs["slippage"] == pytest.approx(paid, rel=1e-12)
    assert result.costs["total"] == pytest.approx(paid, rel=1e-12)


def test_spread_is_paid_at_entry_alone(follow):
    result = follow([*RISING, (50, 55, 45, 51)], [1, -1, 0, NAN, NAN], costs={"spread_bps": 200.0})
    long, short = result.trades.itertuples()
    assert (long.entry_price, long.exit_price) == (20 * 1.02, 30)
    assert (short.entry_price, short.exit_price) == (30 * 0.98, 40)
    assert result.costs["spread"] == pytest.approx(long.units * 0.4 + short.units * 0.6, rel=1e-12)


def test_all_costs_together(follow):
    costs = {
        "commission_bps": 10.0,
        "commission_per_unit": 0.01,
        "commission_fixed": 2.0,
        "slippage_bps": 20.0,
        "spread_bps": 30.0,
    }
    result = follow(RISING, [1, NAN, 0, NAN], costs=costs, sizing={"lot_size": 1.0})
    slipped = 20 * 1.002
    entry = slipped * 1.003
    units = np.floor((1000 - 2) / (entry + slipped * 0.001 + 0.01))
    assert units == 49
    exit = 40 * 0.998
    fee_in = units * entry * 0.001 + units * 0.01 + 2
    fee_out = units * exit * 0.001 + units * 0.01 + 2
    assert result.trades.commission[0] == pytest.approx(fee_in + fee_out, rel=1e-14)
    assert result.equity_values[-1] == pytest.approx(
        1000 + units * (exit - entry) - fee_in - fee_out, rel=1e-14
    )
    assert result.costs["slippage"] == pytest.approx(units * (20 * 0.002 + 40 * 0.002), rel=1e-12)
    assert result.costs["spread"] == pytest.approx(units * slipped * 0.003, rel=1e-12)


def test_cash_fraction(follow):
    result = follow(RISING, [0.5, NAN, NAN, NAN], sizing={"fraction": 0.5})
    # half of the target's half: 250 / 20
    assert result.position_values[1] == 12.5


def test_whole_units(follow):
    result = follow([(10, 11, 9, 10), (30, 33, 27, 31)], [1, NAN], sizing={"lot_size": 1.0})
    assert result.position_values[1] == 33  # 1000 // 30


def test_lots_of_ten(follow):
    result = follow([(10, 11, 9, 10), (30, 33, 27, 31)], [1, NAN], sizing={"lot_size": 10.0})
    assert result.position_values[1] == 30


def test_an_order_smaller_than_a_lot_is_rejected(follow):
    result = follow([(10, 11, 9, 10), (30, 33, 27, 31)], [1, NAN], sizing={"lot_size": 40.0})
    np.testing.assert_array_equal(result.position_values, [0, 0])
    assert list(result.orders.status) == ["rejected: less than one lot"]
    assert [each for each in result.warnings if not each.startswith("data:")] == [
        "1 order was rejected: the budget did not buy one lot of 40",
        "zero trades: no order was filled",
    ]


def test_fixed_units(follow):
    result = follow(RISING, [0.5, NAN, 0, NAN], sizing={"method": "fixed_units", "units": 20.0})
    np.testing.assert_array_equal(result.position_values, [0, 10, 10, 0])
    assert result.trades.pnl[0] == 10 * (40 - 20)


@pytest.mark.parametrize("side", [1, -1])
def test_fixed_units_that_cash_does_not_buy_are_rejected(follow, side):
    # 51 * 20 = 1020 > 1000; at the next open, 30, even less so
    result = follow(RISING, [side, side, NAN, NAN], sizing={"method": "fixed_units", "units": 51.0})
    np.testing.assert_array_equal(result.position_values, [0] * 4)
    assert list(result.orders.status) == ["rejected: not affordable"] * 2
    assert list(result.orders.units) == [51, 51]
    assert "2 orders were rejected: not affordable" in result.warnings


def test_fixed_units_with_costs_at_the_edge_of_the_cash(follow):
    costs = {"commission_bps": 100.0, "commission_fixed": 10.0}
    # 49 * 20 * 1.01 + 10 = 999.8 is affordable, 50 * 20.2 + 10 = 1020 is not
    yes = follow(RISING, [1, NAN, NAN, NAN], sizing={"method": "fixed_units", "units": 49.0}, costs=costs)
    no = follow(RISING, [1, NAN, NAN, NAN], sizing={"method": "fixed_units", "units": 50.0}, costs=costs)
    assert (yes.position_values[1], no.position_values[1]) == (49, 0)
