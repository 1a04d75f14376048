"""Leverage, margin calls, liquidation, shares to borrow and least values: by hand, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import flat, rows_of

N = NAN
TWICE = {"sizing": {"fraction": 2}}


def test_leverage_buys_on_credit(play):
    out = play({"A": flat(10, 2), "B": flat(10, 2)}, {0: [0.5, 0.5]}, margin={"leverage": 2}, **TWICE)
    assert out.positions[-1] == pytest.approx([100, 100])
    assert out.cash[-1] == pytest.approx(-1000)


def test_credit_has_an_end(play):
    prices = {"A": [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 10, 10)], "B": flat(10, 3)}
    out = play(
        prices, {0: [0.5, 0.5], 1: [N, N]}, margin={"leverage": 2}, costs={"slippage_bps": 100}, **TWICE
    )
    # 200 units at 10.1 are 2020; there are 1000 and 1000 of credit
    units = 100 * 2000 / 2020
    assert out.positions[-1] == pytest.approx([units, units])
    assert rows_of(out, "status") == [("filled in part: cash",)] * 2


def test_liquidation_inside_the_bar(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 5, 8)]
    out = play({"A": prices}, {0: [1.0]}, margin={"leverage": 2, "maintenance_pct": 25}, **TWICE)
    # 200 units, cash -1000: equity 200 p - 1000 is a quarter of 200 p at p = 1000 / 150
    assert rows_of(out, "bar", "quote", "reason")[-1] == (2, pytest.approx(1000 / 150), "liquidation")
    assert out.equity[-1] == pytest.approx(200 * 1000 / 150 - 1000)


def test_the_level_of_liquidation_sees_the_whole_account(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 5, 9)]
    b = [(10, 10, 10, 10), (10, 10, 10, 10), (12, 12, 12, 12)]
    out = play({"A": a, "B": b}, {0: [0.5, 0.5]}, margin={"leverage": 2, "maintenance_pct": 25}, **TWICE)
    # 100 of each, cash -1000; B is 1200 at its open: 100 p + 200 = (100 p + 1200) / 4 at p = 4 / 3
    assert out.positions[-1] == pytest.approx([100, 100])
    worse = play(
        {"A": a, "B": [*b[:2], (8, 8, 8, 8)]},
        {0: [0.5, 0.5]},
        margin={"leverage": 2, "maintenance_pct": 25},
        **TWICE,
    )
    # B is 800: 100 p - 200 = 25 p + 200 at p = 400 / 75: A alone is sold there
    assert rows_of(worse, "symbol", "bar", "quote", "reason")[-1] == (
        "A",
        2,
        pytest.approx(400 / 75),
        "liquidation",
    )
    assert worse.positions[-1] == pytest.approx([0, 100])


def test_shorts_are_liquidated_on_the_way_up(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 16, 10, 11)]
    out = play({"A": prices}, {0: [-1.0]}, margin={"leverage": 2, "maintenance_pct": 25}, **TWICE)
    # 200 short, cash 3000: 3000 - 200 p = 50 p at 12
    assert rows_of(out, "bar", "quote", "reason")[-1] == (2, pytest.approx(12), "liquidation")


def test_what_a_close_finds_too_low_is_closed_at_the_next_opens(play):
    # both fall in one bar, each seen with the other at its open: neither level is reached inside
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 6, 6), (6, 6, 6, 6), (6, 6, 6, 6)]
    b = [*a[:3], None, (5, 5, 5, 5)]
    out = play(
        {"A": a, "B": b},
        {0: [0.5, 0.5], 2: [0.5, 0.5]},
        margin={"leverage": 2, "maintenance_pct": 25},
        **TWICE,
    )
    # equity 200 of 1200 is below a quarter; A goes at 6, B at its next open of 5; neither comes back
    assert rows_of(out, "symbol", "bar", "decided", "quote", "reason")[2:] == [
        ("A", 3, 2, 6, "liquidation"), ("B", 4, 2, 5, "liquidation"),
    ]  # fmt: skip
    assert out.equity[-1] == pytest.approx(100)


def test_a_margin_call_reduces_all_alike(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 6.5, 6.5), (7, 7, 7, 7)]
    margin = {"leverage": 2, "maintenance_pct": 25, "on_margin_call": "reduce"}
    out = play({"A": a, "B": a}, {0: [0.6, 0.4]}, margin=margin, **TWICE)
    # 120 and 80 at 6.5: 1300 and equity 300: below 325. 600 / 1300 of each stays
    left = 600 / 1300
    assert out.positions[-1] == pytest.approx([120 * left, 80 * left])
    assert rows_of(out, "bar", "decided", "target", "reason", "kind")[-2:] == [
        (3, 2, pytest.approx(1.2), "margin_call", "market"),
        (3, 2, pytest.approx(0.8), "margin_call", "market"),
    ]  # fmt: skip


def test_a_margin_call_in_lots_within_the_volume(play):
    a = [(10, 10, 10, 10, 9000), (10, 10, 10, 10, 9000), (10, 10, 6.5, 6.5, 9000), (7, 7, 7, 7, 500)]
    margin = {"leverage": 2, "maintenance_pct": 25, "on_margin_call": "reduce"}
    sizing = {"fraction": 2, "lot_size": 10}
    out = play({"A": a}, {0: [1.0]}, margin=margin, sizing=sizing, execution={"max_participation_pct": 10})
    # 200 x 600 / 1300 = 92.3: 9 lots may stay, 110 units go; 10 % of 500 lets 50 through
    assert out.positions[-1] == [150]
    assert rows_of(out, "wanted", "units", "status")[-1] == (110, 50, "filled in part: volume")


def test_no_shares_to_borrow(play):
    out = play({"A": flat(10, 2), "B": flat(10, 2)}, {0: [-0.5, 0.5]}, margin={"locates": "none"})
    assert rows_of(out, "symbol", "status") == [("A", "rejected: no shares to borrow"), ("B", "filled")]


def test_as_many_shares_as_the_column_says(play):
    columns = {"A": {"free": [0, 20, 0]}, "B": {"free": [0, N, 100]}}
    margin = {"locates": "column", "locate_column": "free"}
    out = play(
        {"A": flat(10, 3), "B": flat(10, 3)}, {0: [-0.5, -0.4], 1: [N, -0.3]}, columns=columns, margin=margin
    )
    assert out.positions == [[0, 0], [-20, 0], [-20, -30]]


def test_less_than_the_least_value_is_rejected(play):
    out = play({"A": flat(10, 3), "B": flat(10, 3)}, {0: [0.05, 0.5], 1: [N, 0.53]}, sizing={"min_value": 60})
    # 50 of A; 30 more of B; what closes is never too small
    assert rows_of(out, "symbol", "bar", "wanted", "status") == [
        ("A", 1, 5, "rejected: below the minimum notional"), ("B", 1, 50, "filled"),
        ("B", 2, pytest.approx(3), "rejected: below the minimum notional"),
    ]  # fmt: skip
    closed = play({"A": flat(10, 4)}, {0: [0.07], 1: [0.03], 2: [0.0]}, sizing={"min_value": 60})
    assert [units for (units,) in closed.positions] == pytest.approx([0, 7, 3, 0])


def test_the_rest_of_an_order_is_not_held_against_the_least_value(play):
    prices = [(10, 10, 10, 10, volume) for volume in (1, 300, 300, 300)]
    out = play({"A": prices}, {0: [0.62]}, sizing={"min_value": 100}, execution={"max_participation_pct": 10})
    # 30, 30 and the last 2
    assert [each[0] for each in out.positions] == pytest.approx([0, 30, 60, 62])


def test_what_is_too_small_takes_nobodys_place(play):
    prices = {name: flat(10, 2) for name in "ABC"}
    out = play(prices, {0: [0.05, 0.3, 0.3]}, sizing={"min_value": 60}, risk={"max_open_positions": 2})
    assert rows_of(out, "symbol", "status") == [
        ("A", "rejected: below the minimum notional"),
        ("B", "filled"),
        ("C", "filled"),
    ]


def test_what_the_leverage_leaves_is_too_small(play):
    prices = {name: flat(10, 2) for name in "AB"}
    out = play(prices, {0: [0.1, 0.9]}, sizing={"min_value": 60}, risk={"max_leverage": 0.5})
    # half of each is left: 50 of A, 450 of B
    assert sorted(rows_of(out, "symbol", "wanted", "status")) == [
        ("A", pytest.approx(5), "cut: max_leverage"),
        ("A", pytest.approx(5), "rejected: below the minimum notional"),
        ("B", pytest.approx(45), "cut: max_leverage"),
        ("B", pytest.approx(45), "filled"),
    ]
