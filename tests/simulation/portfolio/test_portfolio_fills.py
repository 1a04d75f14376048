"""Fills by hand: the arithmetic stands beside what is asserted."""

import numpy as np
import pytest

FLAT = {"A": 0.5, "B": 0.5}


def fixed(weights):
    return {"allocation": "fixed_weights", "params": {"weights": weights}}


def test_the_first_purchase_and_the_mark(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (20, 25), (25, 30)]), "B": hand_bars([(5, 5), (4, 5), (5, 6)])}
    result = both(bars, **fixed(FLAT), rebalance="monthly", initial_cash=1000.0)
    # decided at the close of bar 0, filled at the open of bar 1: 0.5 x 1000 / 20 and 0.5 x 1000 / 4 units
    assert result.position_values.tolist() == [[0, 0], [25, 125], [25, 125]]
    assert result.cash_values.tolist() == [1000, 0, 0]
    # 25 x 25 + 125 x 5 = 1250, then 25 x 30 + 125 x 6 = 1500
    assert result.equity_values.tolist() == [1000, 1250, 1500]
    assert result.weights.iloc[-1].tolist() == [0.5, 0.5]


def test_sells_come_first_and_pay_for_the_buys(both, hand_bars):
    # the buyer is the first column, and is served after the seller all the same
    bars = {
        "A": hand_bars([(10, 10), (10, 10), (10, 9), (5, 5)]),
        "B": hand_bars([(10, 10), (10, 10), (10, 11), (15, 15)]),
    }
    result = both(
        bars, **fixed(FLAT), rebalance={"schedule": "every_n_bars", "every_bars": 2}, initial_cash=1000.0
    )
    # bar 1: 50 units of each at 10. Bar 2 decides, bar 3 opens at 5 and 15: equity 50 x 5 + 50 x 15 = 1000,
    # 500 of each is 100 units of A and 33 1/3 of B: B sells 16 2/3 for 250, A buys 50 for 250
    orders = result.orders[result.orders.bar == 3]
    assert orders.symbol.tolist() == ["B", "A"]
    assert orders.side.tolist() == ["sell", "buy"]
    assert orders.units.tolist() == pytest.approx([50 - 500 / 15, 50])
    assert result.cash_values[-1] == pytest.approx(0, abs=1e-10)
    assert result.position_values[-1].tolist() == pytest.approx([100, 500 / 15])


def test_buys_are_scaled_alike_to_the_cash(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10)]), "B": hand_bars([(20, 20), (20, 20)])}
    result = both(
        bars,
        **fixed({"A": 0.75, "B": 0.25}),
        initial_cash=1010.0,
        costs={"commission_bps": 100.0},
    )
    # wanted: 757.5 and 252.5 for 1 % more: 1020.1 in all, but 1010 is there: everything times 1 / 1.01
    assert result.orders.wanted.tolist() == pytest.approx([75.75, 12.625])
    assert result.orders.units.tolist() == pytest.approx([75.0, 12.5])
    assert result.orders.commission.tolist() == pytest.approx([7.5, 2.5])
    assert result.orders.status.tolist() == ["filled in part: cash"] * 2
    assert result.cash_values[-1] == pytest.approx(0, abs=1e-9)
    assert result.equity_values[-1] == pytest.approx(1000)


def test_a_weight_within_the_band_is_left_alone(both, hand_bars):
    rows_a = [(10, 10), (10, 10), (11, 11), (11, 11), (14, 14), (14, 14)]
    bars = {"A": hand_bars(rows_a), "B": hand_bars([(10, 10)] * 6)}
    result = both(bars, **fixed(FLAT), rebalance={"schedule": "daily", "band": 0.05}, initial_cash=1000.0)
    # 50 units each. At 11: 550 of 1050 is 0.524, off by 0.024: nothing. At 14: 700 of 1200 is 0.583, off by
    # 0.083, and B 0.417: both go back to 600, that is 600 / 14 and 60 units, at the open of bar 5
    assert result.orders.bar.tolist() == [1, 1, 5, 5]
    assert result.position_values[4].tolist() == [50, 50]
    assert result.position_values[5].tolist() == pytest.approx([600 / 14, 60])


def test_the_band_never_keeps_a_position_from_opening_or_closing(both, hand_bars):
    bars = {name: hand_bars([(10, 10)] * 5) for name in "AB"}

    def weights(view):
        return np.array([0.03, 0.5]) if len(view.timestamps) < 3 else np.array([0.0, 0.5])

    result = both(bars, weights, rebalance={"schedule": "daily", "band": 0.1}, initial_cash=1000.0)
    assert result.position_values[:, 0].tolist() == [0, 3, 3, 0, 0]


def test_costs_by_hand(both, hand_bars):
    costs = {
        "commission_bps": 10.0,
        "commission_per_unit": 0.01,
        "commission_fixed": 1.0,
        "slippage_bps": 20.0,
        "spread_bps": 50.0,
    }
    bars = {"A": hand_bars([(100, 100), (100, 100), (100, 100), (110, 110)])}

    def weights(view):
        return np.array([0.5 if len(view.timestamps) < 3 else 0.0])

    result = both(bars, weights, rebalance="on_change", initial_cash=10_000.0, costs=costs)
    buy = result.order_table
    # bought: 50 units (half of 10,000 at 100), at 100 x 1.002 x 1.005
    price = 100 * 1.002 * 1.005
    fee = 50 * price * 0.001 + 50 * 0.01 + 1
    assert buy["units"][0] == 50
    assert buy["price"][0] == pytest.approx(price, rel=1e-15)
    assert buy["commission"][0] == pytest.approx(fee, rel=1e-15)
    assert buy["slippage"][0] == pytest.approx(50 * 0.2)
    assert buy["spread"][0] == pytest.approx(50 * 100.2 * 0.005)
    # sold at 110 less slippage, no spread
    out = 110 * 0.998
    out_fee = 50 * out * 0.001 + 50 * 0.01 + 1
    last = {name: column[-1] for name, column in buy.items()}
    assert last["side"] == -1
    assert last["price"] == pytest.approx(out, rel=1e-15)
    assert last["commission"] == pytest.approx(out_fee, rel=1e-15)
    assert result.equity_values[-1] == pytest.approx(
        10_000 - 50 * price - fee + 50 * out - out_fee, rel=1e-14
    )
    # at quotes 50 x 10 was made; the rest is what it cost
    assert result.attribution.price_pnl["A"] == pytest.approx(500)
    assert result.attribution.pnl["A"] == pytest.approx(result.equity_values[-1] - 10_000)
    assert result.costs["total"] == pytest.approx(
        sum(result.costs[name] for name in ("commission", "slippage", "spread"))
    )


def test_a_symbol_without_a_bar_waits_for_its_next_one_at_its_last_close(both, hand_bars):
    days = ["2020-01-06", "2020-01-07", "2020-01-08", "2020-01-09"]
    bars = {
        "A": hand_bars([(10, 10), (10, 12), (12, 12), (12, 15)], days),
        "B": hand_bars([(10, 10), (20, 25)], [days[0], days[2]]),
    }
    result = both(bars, **fixed(FLAT), rebalance="monthly", initial_cash=1000.0)
    # day 1: A buys 50 at 10; B has no bar. Day 2: equity at the opens is 500 + 50 x 12 = 1100, half buys
    # 27.5 of B at 20, but only 500 is there: 25. Day 3: B has no bar and stays at 25.
    assert result.order_table["bar"].tolist() == [1, 2]
    assert result.order_table["decided_bar"].tolist() == [0, 0]
    assert result.position_values.tolist() == [[0, 0], [50, 0], [50, 25], [50, 25]]
    assert result.equity_values.tolist() == [1000, 500 + 600, 600 + 625, 750 + 625]
    assert np.isnan(result.joined.close[3, 1])


def test_a_later_decision_replaces_an_order_that_waits(both, hand_bars):
    days = ["2020-01-06", "2020-01-07", "2020-01-08", "2020-01-09"]
    bars = {
        "A": hand_bars([(10, 10)] * 4, days),
        "B": hand_bars([(10, 10), (10, 10)], [days[0], days[3]]),
    }

    def weights(view):
        return np.array([0.5, [0.5, 0.5, 0.25, 0.25][len(view.timestamps) - 1]])

    result = both(bars, weights, rebalance="daily", initial_cash=1000.0)
    b = result.orders[result.orders.symbol == "B"]
    # the same target again on day 1 leaves it waiting; another one on day 2 replaces it
    assert b.status.tolist() == ["replaced by a later decision", "filled"]
    assert b.decided_bar.tolist() == [0, 2]
    assert b.bar.tolist() == [-1, 3]
    assert result.position_values[3].tolist() == [50, 25]


def test_a_symbol_that_ends_cannot_be_sold_and_gets_no_weight_once_stale(both, hand_bars):
    bars = {"A": hand_bars([(10, 10)] * 30), "B": hand_bars([(10, 10)] * 5)}
    result = both(bars, "equal_weight", rebalance="daily", initial_cash=1000.0)
    assert result.position_values[-1].tolist() == [50, 50]
    assert any("B has no bar after 2020-01-10" in text for text in result.warnings)
    # ten days after its last bar (bar 4) B counts no more: A's target is 1, for which there is no cash left
    assert result.target_values[14].tolist() == [0.5, 0.5]
    assert result.target_values[15].tolist() == [1.0, 0.0]
    assert result.orders.status.iloc[-1] == "unfilled: last bar"


def test_a_symbol_before_its_first_bar_gets_nothing(both, hand_bars):
    bars = {"A": hand_bars([(10, 10)] * 6), "B": hand_bars([(10, 10)] * 3, "2020-01-09")}
    result = both(bars, "equal_weight", rebalance="daily", initial_cash=1000.0)
    assert result.position_values.tolist() == [[0, 0], [100, 0], [100, 0], [100, 0], [50, 50], [50, 50]]


def test_whole_lots(both, hand_bars):
    bars = {"A": hand_bars([(30, 30)] * 3), "B": hand_bars([(700, 700)] * 3)}
    result = both(bars, **fixed(FLAT), rebalance="monthly", initial_cash=1000.0, sizing={"lot_size": 1.0})
    # 500 / 30 = 16.7 and 500 / 700 = 0.7
    assert result.position_values[-1].tolist() == [16, 0]
    assert sorted(result.orders.status) == ["filled", "rejected: less than one lot"]
    assert result.cash_values[-1] == 1000 - 480


@pytest.mark.parametrize(("cash", "lots"), [(60.0, 3), (59.99, 2), (200_000.0, 10_000), (100_000.2, 5_000)])
def test_lots_are_not_lost_to_rounding(both, hand_bars, cash, lots):
    bars = {"A": hand_bars([(100, 100)] * 3), "B": hand_bars([(100, 100)] * 3)}
    result = both(bars, **fixed(FLAT), rebalance="monthly", initial_cash=cash, sizing={"lot_size": 0.1})
    # 30 / 100 = 0.3, whose lots of 0.1 are 2.9999999999999996 in binary
    assert result.position_values[-1].tolist() == [lots * 0.1] * 2
    assert result.orders.status.tolist() == ["filled"] * 2
    assert result.cash_values[-1] >= -1e-12 * cash
    assert result.cash_values[-1] == pytest.approx(cash - 2 * lots * 10, abs=1e-9)


def test_lots_are_sold_to_the_last(both, hand_bars):
    bars = {"A": hand_bars([(100, 100), (100, 100), (50, 50), (50, 50), (50, 50)])}

    def weights(view):
        return np.array([0.3, 0.3, 0.3, 0.0, np.nan])[len(view.timestamps) - 1 : len(view.timestamps)]

    result = both(bars, weights, rebalance="daily", initial_cash=100.0, sizing={"lot_size": 0.1})
    # 3 lots; at 50 the equity is 85, of which 30 % are 0.51 units: 5 lots
    assert result.position_values[:, 0].tolist() == pytest.approx([0, 0.3, 0.5, 0.5, 0])
    assert result.position_values[-1, 0] == 0.0


def test_short_and_change_of_side(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (8, 8), (8, 8), (16, 16)])}

    def weights(view):
        return np.array([-0.5, np.nan, 0.5, np.nan, np.nan])[len(view.timestamps) - 1 : len(view.timestamps)]

    result = both(bars, weights, rebalance="daily", initial_cash=1000.0)
    # short 50 at 10: cash 1500. At 8: 1500 - 400 = 1100. Then 550 / 8 = 68.75 long: 118.75 bought at 8
    assert result.position_values[:, 0].tolist() == [0, -50, -50, 68.75, 68.75]
    assert result.cash_values.tolist() == [1000, 1500, 1500, 550, 550]
    assert result.equity_values.tolist() == [1000, 1000, 1100, 1100, 550 + 68.75 * 16]
    assert result.trades[["side", "units", "pnl"]].values.tolist() == [["short", 50.0, 100.0]]
    flat = both(bars, weights, rebalance="daily", execution={"direction": "long_only"}, initial_cash=1000.0)
    assert flat.position_values[:3, 0].tolist() == [0, 0, 0]


def test_a_sale_that_cannot_pay_its_own_fee_still_closes(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (10, 10), (0.001, 0.001)]), "B": hand_bars([(1, 1)] * 4)}

    def weights(view):
        return np.array([1.0, 0.0]) if len(view.timestamps) < 3 else np.array([0.0, 0.0])

    result = both(bars, weights, rebalance="on_change", initial_cash=100.0, costs={"commission_fixed": 5.0})
    # 9.5 units bought for 95 + 5; they bring 0.0095 later, and the fee is 5: what closes asks for no cash
    assert result.position_values[-1, 0] == 0.0
    assert result.orders.status.iloc[-1] == "filled"
    assert result.cash_values[-1] == pytest.approx(9.5 * 0.001 - 5.0)


def test_average_cost_of_trades(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (20, 20), (20, 20), (40, 40)])}
    steps = {0: 0.25, 2: 0.5, 3: 0.25}

    def weights(view):
        return np.array([steps.get(len(view.timestamps) - 1, np.nan)])

    result = both(bars, weights, rebalance="daily", initial_cash=1000.0)
    # 25 at 10; equity at 20 is 1250, half is 31.25 units: 6.25 more at 20; average (250 + 125) / 31.25 = 12.
    # At 40 the equity is 625 + 1250 = 1875: a quarter is 11.71875 units, 19.53125 are sold for 28 more each
    assert result.trades.units.tolist() == [19.53125]
    assert result.trades.entry_price.tolist() == [12.0]
    assert result.trades.pnl.tolist() == [19.53125 * 28]
    assert result.trades.entry_bar.tolist() == [1]
