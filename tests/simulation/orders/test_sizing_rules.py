"""How large a position is, under every method, margin and limit of units, by hand."""

from __future__ import annotations

import math
import statistics

import pytest

from .book import NAN, Leg

N = NAN
START = (100, 101, 99, 100)


def units(out):
    return [row.units for row in out.fills]


def statuses(out):
    return [row.status for row in out.orders]


@pytest.mark.parametrize(
    ("sizing", "target", "expected"),
    [
        ({"method": "cash_fraction", "fraction": 0.4}, 1.0, 4),
        ({"method": "cash_fraction"}, -0.25, 2.5),
        ({"method": "fixed_units", "units": 6}, 1.0, 6),
        ({"method": "fixed_units", "units": 6}, -0.5, 3),
        ({"method": "fixed_value", "value": 700}, 1.0, 7),
        ({"method": "fixed_value", "value": 700}, 0.5, 3.5),
        ({"method": "fixed_value", "value": 4000}, 1.0, 10),  # no more than there is
        ({"method": "fixed_value", "value": 777, "lot_size": 1}, 1.0, 7),
        ({"method": "fixed_value", "value": 777, "lot_size": 2}, 1.0, 6),
        (
            {"method": "fixed_units", "units": 0.3, "lot_size": 0.1},
            1.0,
            0.3,
        ),  # three lots, not 2.9999999999999996
        ({"method": "fixed_units", "units": 0.29999, "lot_size": 0.1}, 1.0, 0.2),
        ({"method": "fixed_value", "value": 30, "lot_size": 0.1}, 1.0, 0.3),
        ({"method": "fixed_value", "value": 29.999, "lot_size": 0.1}, 1.0, 0.2),
        ({"method": "cash_fraction", "lot_size": 1e-5}, 1.0, 10),  # a million lots
        ({"method": "cash_fraction", "min_value": 250}, 0.25, 2.5),
    ],
)
def test_units_of_an_entry(play, sizing, target, expected):
    out = play([START, START], [target, N], sizing=sizing)
    assert units(out) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("sizing", "target", "status"),
    [
        ({"method": "fixed_units", "units": 11}, 1.0, "rejected: not affordable"),
        ({"method": "fixed_value", "value": 90, "lot_size": 1}, 1.0, "rejected: less than one lot"),
        ({"method": "cash_fraction", "min_value": 251}, 0.25, "rejected: below the minimum notional"),
        (
            {"method": "fixed_units", "units": 2, "min_value": 300},
            1.0,
            "rejected: below the minimum notional",
        ),
    ],
)
def test_refusals(play, sizing, target, status):
    out = play([START, START], [target, N], sizing=sizing)
    assert (units(out), statuses(out)) == ([], [status])


def test_an_enlargement_below_the_minimum_is_refused(play):
    out = play([START] * 3, [0.5, 0.6, N], sizing={"min_value": 200})
    assert units(out) == pytest.approx([5])
    assert statuses(out) == ["filled", "rejected: below the minimum notional"]
    assert out.positions == pytest.approx([0, 5, 5])


CLOSES = [100, 102, 101, 103, 103, 105]
MOVING = [(c, c + 1, c - 1, c) for c in CLOSES]


def test_volatility_target(play):
    sizing = {"method": "volatility_target", "target_volatility_pct": 10, "volatility_bars": 2}
    out = play(MOVING, [1.0, N, 1.0, N, N, N], sizing=sizing)
    # one close is no volatility; at the fill on bar 3 the returns to 102 and to 101 are known
    sigma = statistics.stdev([math.log(102 / 100), math.log(101 / 102)])
    share = 0.10 / (sigma * math.sqrt(365))
    assert share < 1
    assert statuses(out) == ["rejected: no volatility yet", "filled"]
    assert units(out) == pytest.approx([1000 * share / 103])


def test_volatility_target_is_bounded_by_the_leverage(play):
    sizing = {"method": "volatility_target", "target_volatility_pct": 900, "volatility_bars": 2}
    out = play(MOVING, [N, N, 1.0, N, N, N], sizing=sizing, margin={"leverage": 3})
    assert units(out) == pytest.approx([3000 / 103])


def test_atr_risk(play):
    rows = [(10, 11, 9, 10), (10, 12, 10, 11), (11, 14, 11, 13), (13, 15, 13, 15)]
    sizing = {"method": "atr_risk", "risk_pct": 1, "atr_multiple": 2}
    out = play(rows, [N, N, 1.0, N], sizing=sizing, execution={"atr_bars": 2})
    # true ranges 2 and 3: an ATR of 2.5; 1 % of 1000 is lost by a move of 2 * 2.5
    assert units(out) == pytest.approx([10 / 5])
    out = play(rows, [N, N, 1.0, N], sizing=sizing | {"risk_pct": 90}, execution={"atr_bars": 2})
    assert units(out) == pytest.approx([1000 / 13])  # 900 / 5 = 180 would cost 2340
    out = play(rows, [1.0, N, N, N], sizing=sizing, execution={"atr_bars": 2})
    assert statuses(out) == ["rejected: no volatility yet"]


def test_fractional_kelly(play):
    # four trades of all the money: 100 -> 120, 100 -> 120, 100 -> 90, 100 -> 120
    bars, decisions = [START], []
    for end in (120, 120, 90, 120):
        bars += [START, (end, end, end, end)]
        decisions += [1.0, 0.0]
    sizing = {"method": "kelly", "kelly_fraction": 0.5, "kelly_trades": 4}
    out = play([*bars, START], [*decisions, 1.0, N], sizing=sizing)
    results = [trade.pnl for trade in out.trades]
    # 1000 -> 1200 -> 1440 -> 1296 -> 1555.2
    assert results == pytest.approx([200, 240, -144, 259.2])
    win = (200 + 240 + 259.2) / 3
    kelly = 0.75 - 0.25 / (win / 144)
    assert units(out)[-1] == pytest.approx(1555.2 * 0.5 * kelly / 100)


def test_kelly_of_a_loser_trades_no_more(play):
    rows = [START, START, (90, 90, 90, 90), START]
    sizing = {"method": "kelly", "kelly_trades": 1}
    out = play(rows, [1.0, 0.0, 1.0, N], sizing=sizing)
    assert statuses(out) == ["filled", "filled", "rejected: less than one lot"]


def test_kelly_uses_the_fraction_before_it_knows_enough(play):
    out = play([START, START], [1.0, N], sizing={"method": "kelly", "fraction": 0.3})
    assert units(out) == pytest.approx([3])


# margin


def test_leverage(play):
    rows = [START, START, (110, 110, 110, 110)]
    out = play(rows, [1.0, N, N], sizing={"fraction": 2.5}, margin={"leverage": 4})
    assert units(out) == pytest.approx([25])
    assert out.equity[-1] == pytest.approx(1000 + 25 * 10)


def test_initial_margin_of_fixed_units(play):
    sizing = {"method": "fixed_units", "units": 21}
    assert statuses(play([START, START], [1.0, N], sizing=sizing, margin={"leverage": 2})) == [
        "rejected: not affordable"
    ]
    sizing = {"method": "fixed_units", "units": 20}
    assert units(play([START, START], [1.0, N], sizing=sizing, margin={"leverage": 2})) == [20]


def test_initial_margin_bounds_a_value(play):
    sizing = {"method": "fixed_value", "value": 9000}
    assert units(play([START, START], [1.0, N], sizing=sizing, margin={"leverage": 2})) == pytest.approx([20])


def test_liquidation_of_a_long(play):
    rows = [START, START, (90, 91, 80, 82), START]
    margin = {"leverage": 5, "maintenance_pct": 10}
    out = play(rows, [1.0, N, N, N], sizing={"fraction": 4}, margin=margin)
    # 40 units for 4000, of which 3000 are borrowed: equity is a tenth of the value at 3000 / (40 * 0.9)
    price = 3000 / 36
    assert 40 * price - 3000 == pytest.approx(0.1 * 40 * price)
    assert [(row.bar, row.reason) for row in out.fills] == [(1, "signal"), (2, "liquidation")]
    assert out.fills[1].price == pytest.approx(price)
    assert out.equity[-1] == pytest.approx(40 * price - 3000)


def test_liquidation_at_a_worse_open(play):
    rows = [START, START, (70, 71, 69, 70)]
    margin = {"leverage": 5, "maintenance_pct": 10}
    out = play(rows, [1.0, N, N], sizing={"fraction": 4}, margin=margin)
    assert out.fills[1].price == 70
    assert out.equity[-1] == pytest.approx(40 * 70 - 3000)  # the account owes


def test_liquidation_of_a_short(play):
    rows = [START, START, (110, 125, 109, 120)]
    margin = {"leverage": 5, "maintenance_pct": 10}
    out = play(rows, [-1.0, N, N], sizing={"fraction": 4}, margin=margin)
    # 1000 and the proceeds of 4000 against 40 units: 5000 / (40 * 1.1)
    assert out.fills[1].price == pytest.approx(5000 / 44)
    assert out.fills[1].reason == "liquidation"


def test_a_tighter_stop_comes_before_the_liquidation(play):
    rows = [START, START, (90, 91, 80, 82)]
    margin = {"leverage": 5, "maintenance_pct": 10}
    out = play(rows, [Leg(1.0, stop_loss=88), N, N], sizing={"fraction": 4}, margin=margin)
    assert (out.fills[1].price, out.fills[1].reason) == (88, "stop_loss")


def test_a_margin_call_reduces_to_the_leverage(play):
    rows = [START, START, (90, 91, 82, 82), (84, 85, 83, 84)]
    margin = {"leverage": 4, "maintenance_pct": 10, "on_margin_call": "reduce"}
    out = play(rows, [1.0, N, N, N], sizing={"fraction": 4}, margin=margin)
    # 40 units, 3000 borrowed: at 82 the equity of 280 is below 328; 280 * 4 / 82 units are kept
    kept = 280 * 4 / 82
    assert [(row.bar, row.price, row.reason) for row in out.fills] == [
        (1, 100, "signal"), (3, 84, "margin_call"),
    ]  # fmt: skip
    assert out.positions == pytest.approx([0, 40, 40, kept])
    assert out.equity[-1] == pytest.approx(40 * 84 - 3000)


def test_no_shares_to_borrow(play):
    out = play([START] * 3, [-1.0, 1.0, N], margin={"locates": "none"})
    assert statuses(out) == ["rejected: no shares to borrow", "filled"]
    assert out.positions == pytest.approx([0, 0, 10])


def test_as_many_shares_to_borrow_as_a_column_says(play):
    margin = {"locates": "column", "locate_column": "shares"}
    for shares, expected in ((4.5, [4.5]), (50, [10]), (0, []), (N, [])):
        out = play([START, START], [-1.0, N], margin=margin, columns={"shares": [0, shares]})
        assert units(out) == pytest.approx(expected)
        if not expected:
            assert statuses(out) == ["rejected: no shares to borrow"]
