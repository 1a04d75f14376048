"""What is decided, what is on its way, and when it arrives: by hand, 1000 in cash, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN

N = NAN


def flat(price, count):
    return [(price, price, price, price)] * count


def rows_of(out, *names):
    return [tuple(getattr(row, name) for name in names) for row in out.orders]


def test_two_symbols_share_the_cash(play):
    out = play({"A": [(10, 10, 10, 10), (10, 12, 10, 12)], "B": flat(20, 2)}, {0: [0.6, 0.4]})
    # 600 / 10 = 60 units, 400 / 20 = 20 units; A closes at 12
    assert out.positions == [[0, 0], [60, 20]]
    assert out.equity == [1000, 60 * 12 + 20 * 20]
    assert out.cash == [1000, 0]


def test_within_the_band_nothing_is_ordered(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 11, 10, 11), (11, 11, 11, 11)]
    out = play({"A": prices}, {0: [0.5], 2: [0.5]}, band=0.03)
    # 50 units at 11 are 550 of 1050: 0.5238, and 0.0238 off
    assert out.positions[-1] == [50]
    assert rows_of(out, "status") == [("filled",)]


def test_beyond_the_band_the_weight_is_restored(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 12, 10, 12), (12, 12, 12, 12)]
    out = play({"A": prices}, {0: [0.5], 2: [0.5]}, band=0.03)
    # 50 units at 12 are 600 of 1100: 0.545; 550 / 12 = 45.8333 units are wanted
    assert out.positions[-1][0] == pytest.approx(550 / 12)


def test_the_same_weight_again_leaves_the_order_on_its_way(play):
    out = play(
        {"A": flat(10, 4), "B": [(10, 10, 10, 10), None, None, (10, 10, 10, 10)]}, {0: [0, 0.5], 1: [N, 0.5]}
    )
    assert rows_of(out, "symbol", "decided", "bar", "status") == [("B", 0, 3, "filled")]


def test_another_weight_replaces_the_order_on_its_way(play):
    out = play(
        {"A": flat(10, 4), "B": [(10, 10, 10, 10), None, None, (10, 10, 10, 10)]}, {0: [0, 0.5], 1: [N, 0.25]}
    )
    # it never reached the market: bar -1
    assert rows_of(out, "symbol", "decided", "bar", "status", "units") == [
        ("B", 0, -1, "replaced by a later decision", 0),
        ("B", 1, 3, "filled", 25),
    ]


def test_what_has_come_back_into_the_band_is_not_ordered_any_more(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 6, 6), (6, 6, 6, 6)]
    b = [(10, 10, 10, 10), (10, 12, 10, 12), None, None, (12, 12, 12, 12)]
    out = play({"A": a, "B": b}, {0: [0.5, 0.3], 1: [N, 0.45], 3: [N, 0.45]}, band=0.05)
    # row 1: B is 30 x 12 = 360 of 1060, 0.34: 0.45 is ordered, and B has no bar. Row 3: A has fallen by 200,
    # B is 360 of 860: 0.419, within 0.05 of 0.45. What was on its way is called back.
    assert rows_of(out, "symbol", "bar", "status") == [
        ("A", 1, "filled"), ("B", 1, "filled"), ("B", -1, "replaced by a later decision"),
    ]  # fmt: skip


def test_latency_counts_bars_of_the_symbol(play):
    a = [(10, 10, 10, 10), (11, 11, 11, 11), (12, 12, 12, 12), (13, 13, 13, 13), (14, 14, 14, 14)]
    b = [a[0], a[1], None, a[3], a[4]]
    out = play({"A": a, "B": b}, {0: [0.4, 0.4]}, execution={"latency_bars": 1})
    # given after own bar 0, at work from own bar 2 on: row 2 of A, row 3 of B
    assert rows_of(out, "symbol", "bar", "quote") == [("A", 2, 12), ("B", 3, 13)]
    # sized there: 400 / 12 units, then 400 / 13
    assert out.positions[-1] == pytest.approx([400 / 12, 0.4 * (1000 + 400 / 12) / 13])


def test_orders_on_the_way_do_not_overtake_each_other(play):
    out = play({"A": flat(10, 6)}, {0: [0.5], 1: [0.8]}, execution={"latency_bars": 2})
    # the second is given while the first travels; both arrive, one bar after the other
    assert rows_of(out, "decided", "bar", "status", "units") == [(0, 3, "filled", 50), (1, 4, "filled", 30)]


def test_an_order_that_arrives_replaces_the_one_at_work(play):
    prices = [(10, 10, 10, 10), (10, 10, 9.9, 10), (10, 10, 9.9, 10), (10, 10, 9.4, 10)]
    execution = {"order_type": "limit", "limit_offset_bps": 500}
    out = play({"A": prices}, {0: [0.5], 1: [0.6]}, execution=execution)
    # limits at 9.5: not touched in rows 1 and 2; row 2 is where the second one arrives
    assert rows_of(out, "decided", "bar", "status", "kind") == [
        (0, 2, "replaced by a later decision", "limit"),
        (1, 3, "filled", "limit"),
    ]
    assert out.positions[-1][0] == pytest.approx(600 / 9.5)  # at the touch all is cash: 1000 x 0.6


def test_the_last_orders_are_unfilled(play):
    out = play({"A": flat(10, 3), "B": flat(10, 3)}, {0: [0.5, 0], 2: [0.2, 0.3]})
    assert rows_of(out, "symbol", "bar", "status") == [
        ("A", 1, "filled"),
        ("A", -1, "unfilled: last bar"),
        ("B", -1, "unfilled: last bar"),
    ]


def test_after_a_stop_the_same_side_waits_for_another_decision(play):
    prices = [
        (10, 10, 10, 10),
        (10, 10, 10, 10),
        (10, 10, 8, 9),
        (9, 9, 9, 9),
        (9, 9, 9, 9),
        (9, 9, 9, 9),
        (9, 9, 9, 9),
    ]
    weights = {0: [0.5], 2: [0.5], 3: [0.4], 4: [0.0], 5: [0.5]}
    out = play({"A": prices}, weights, execution={"stop_loss_pct": 10})
    # stopped at 9 in row 2; the weights of rows 2 and 3 are not ordered; 0 in row 4 clears it
    assert rows_of(out, "bar", "side", "quote", "reason", "status") == [
        (1, 1, 10, "signal", "filled"), (2, -1, 9, "stop_loss", "filled"), (6, 1, 9, "signal", "filled"),
    ]  # fmt: skip
    assert out.positions[-1][0] == pytest.approx(0.5 * 950 / 9)


def test_after_a_stop_the_other_side_may_come_at_once(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 8, 9), (9, 9, 9, 9), (9, 9, 9, 9)]
    out = play({"A": prices}, {0: [0.5], 2: [-0.5], 3: [0.5]}, execution={"stop_loss_pct": 10})
    # short in row 3, which clears the memory: long again in row 4
    assert [round(units, 6) for (units,) in out.positions] == [
        0,
        50,
        0,
        round(-475 / 9, 6),
        round(475 / 9, 6),
    ]


def test_immediate_reentry(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 8, 9), (9, 9, 9, 9)]
    execution = {"stop_loss_pct": 10, "reentry_after_stop": "immediate"}
    out = play({"A": prices}, {0: [0.5], 2: [0.5]}, execution=execution)
    assert out.positions[-1][0] == pytest.approx(475 / 9)


def test_what_was_said_of_one_symbol_does_not_bar_another(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 8, 9), (9, 9, 9, 9)]
    out = play({"A": a, "B": flat(10, 4)}, {0: [0.5, 0], 2: [0.5, 0.5]}, execution={"stop_loss_pct": 10})
    assert out.positions[-1] == pytest.approx([0, 47.5])  # half of 950 at 10


def test_the_fraction_scales_every_weight(play):
    out = play({"A": flat(10, 2), "B": flat(10, 2)}, {0: [0.6, 0.4]}, sizing={"fraction": 0.5})
    assert out.positions[-1] == pytest.approx([30, 20])
    assert rows_of(out, "target") == [(pytest.approx(0.3),), (pytest.approx(0.2),)]
