"""The cap on the share of a bar's volume, what it leaves, and halted bars: by hand, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import flat, rows_of

N = NAN
CAP = {"max_participation_pct": 10}


def with_volume(price, *volumes):
    return [(price, price, price, price, volume) for volume in volumes]


def test_the_rest_is_carried_in_units(play):
    prices = [(10, 10, 10, 10, 300), (10, 10, 10, 10, 300), (20, 20, 20, 20, 300), (20, 20, 20, 20, 300)]
    out = play({"A": prices}, {0: [0.7]}, execution=CAP)
    # 70 units are wanted at 10. 30 a bar: after row 1 the rest is 40 units, though at 20 0.7 of the equity of
    # 1300 is 45.5 units: 15.5 more, not 40
    assert rows_of(out, "bar", "wanted", "units", "status") == [
        (1, 70, 30, "filled in part: volume"), (2, pytest.approx(15.5), pytest.approx(15.5), "filled"),
    ]  # fmt: skip


def test_a_rest_is_not_more_than_its_first_size(play):
    prices = [(10, 10, 10, 10, 300), (10, 10, 10, 10, 300), (5, 5, 5, 5, 300), (5, 5, 5, 5, 300)]
    out = play({"A": prices}, {0: [0.5]}, execution=CAP)
    # 50 units first; at 5 half of 850 would be 85: 20 more are bought, not 55
    assert out.positions == [[0], [30], [50], [50]]


def test_the_same_weight_again_does_not_restart_the_rest(play):
    prices = with_volume(10, 300, 300, 300, 300)
    out = play({"A": prices}, {0: [0.7], 1: [0.7]}, execution=CAP)
    assert [row.decided for row in out.orders] == [0, 0, 0]
    assert out.positions == [[0], [30], [60], [70]]


def test_the_rest_is_cancelled(play):
    prices = with_volume(10, 300, 300, 300)
    out = play({"A": prices}, {0: [0.7]}, execution=CAP | {"partial_fill": "cancel"})
    assert rows_of(out, "bar", "status") == [(1, "filled in part: volume"), (1, "cancelled: remainder")]
    assert out.positions[-1] == [30]


def test_each_symbol_has_its_own_volume(play):
    out = play(
        {"A": with_volume(10, 1, 200, 200), "B": with_volume(10, 1, 400, 400)}, {0: [0.5, 0.5]}, execution=CAP
    )
    assert out.positions == [[0, 0], [20, 40], [40, 50]]


def test_a_change_of_side_opens_only_when_it_has_closed_whole(play):
    prices = with_volume(10, 500, 500, 300, 300, 300)
    out = play({"A": prices}, {0: [0.5], 1: [-0.5]}, execution=CAP)
    # 50 sold at 30 a bar: 30, then 20 and 10 of the short, then 30, in all 40 of 50 short
    assert out.positions == [[0], [50], [20], [-10], [-40]]
    assert rows_of(out, "bar", "side", "wanted", "units", "status")[:-1] == [
        (1, 1, 50, 50, "filled"),
        (2, -1, 50, 30, "filled in part: volume"),
        (3, -1, 20, 20, "filled"),
        (3, -1, 50, 10, "filled in part: volume"),
        (4, -1, 40, 30, "filled in part: volume"),
    ]
    assert rows_of(out, "bar", "status")[-1] == (-1, "unfilled: last bar")


def test_whole_lots_of_the_volume(play):
    out = play({"A": with_volume(10, 1, 257, 257)}, {0: [0.5]}, execution=CAP, sizing={"lot_size": 10})
    # 25.7 units are 2 lots
    assert out.positions == [[0], [20], [40]]


def test_a_stop_leaves_a_rest_that_goes_first(play):
    prices = [
        (10, 10, 10, 10, 500),
        (10, 10, 10, 10, 500),
        (10, 10, 9, 9, 300),
        (8, 8, 8, 8, 100),
        (8, 8, 8, 8, 500),
    ]
    execution = CAP | {"stop_loss_pct": 10, "partial_fill": "cancel"}
    out = play({"A": prices}, {0: [0.5], 2: [-0.2]}, execution=execution)
    # 30 of 50 are sold at the stop of 9, 10 at the next open, the last 10 a bar later: a stop's rest is never
    # dropped. The short of 0.2 waits for that: worth is 500 + 270 + 80 + 80 = 930, 23.25 units at 8
    assert rows_of(out, "bar", "units", "quote", "reason", "kind") == [
        (1, 50, 10, "signal", "market"),
        (2, 30, 9, "stop_loss", "stop_market"),
        (3, 10, 8, "stop_loss", "market"),
        (4, 10, 8, "stop_loss", "market"),
        (4, pytest.approx(23.25), 8, "signal", "market"),
    ]


def test_a_bar_without_volume_is_halted(play):
    out = play({"A": with_volume(10, 300, 0, 1000), "B": flat(10, 3)}, {0: [0.5, 0.5]}, execution=CAP)
    assert out.positions == [[0, 0], [0, 50], [50, 50]]


def test_a_halted_symbol_keeps_its_order_and_its_value_counts(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (30, 30, 30, 30), (20, 20, 20, 20)]
    b = flat(10, 4)
    columns = {"A": {"halt": [0, 0, 1, 0]}, "B": {"halt": [0, 0, 0, 0]}}
    out = play(
        {"A": a, "B": b}, {0: [0.5, 0], 1: [0, 0.5]}, columns=columns, execution={"halted_column": "halt"}
    )
    # A is halted in row 2: nothing is sold, and it is worth 30 there: 0.5 of 500 + 1500 would be 1000, 100
    # units of B, for which there is cash of 500
    assert out.positions == [[0, 0], [50, 0], [50, 50], [0, 50]]
    assert rows_of(out, "bar", "symbol", "wanted", "units", "status")[1] == (
        2,
        "B",
        100,
        50,
        "filled in part: cash",
    )


def test_levels_rest_on_a_halted_bar(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (8, 8, 8, 8), (8.5, 8.5, 8.5, 8.5)]
    execution = {"halted_column": "halt", "stop_loss_pct": 10}
    out = play({"A": a}, {0: [0.5]}, columns={"A": {"halt": [0, 0, 1, 0]}}, execution=execution)
    # the first price after the halt
    assert rows_of(out, "bar", "quote", "reason") == [(1, 10, "signal"), (3, 8.5, "stop_loss")]


def test_both_fills_of_a_bar_share_its_volume(play):
    prices = [*with_volume(10, 500, 500), (10, 11, 10, 11, 600)]
    out = play({"A": prices}, {0: [0.5], 1: [0.3]}, execution=CAP | {"take_profit_pct": 10})
    # 20 are sold at the open, and the target takes the rest of 30 of 60
    assert rows_of(out, "bar", "units", "quote", "reason") == [
        (1, 50, 10, "signal"), (2, 20, 10, "signal"), (2, 30, pytest.approx(11), "take_profit"),
    ]  # fmt: skip
    short = play(
        {"A": [*prices[:2], (10, 11, 10, 11, 400)]},
        {0: [0.5], 1: [0.3]},
        execution=CAP | {"take_profit_pct": 10},
    )
    assert short.fills[-1].units == 20
    assert short.others[-1].status == "unfilled: last bar"


def test_an_order_of_the_other_side_follows_the_rest_of_a_stop(play):
    rows = [(10, 10, 10, 10, 9000), (10, 10, 10, 10, 9000), (10, 11, 10, 11, 300), (11, 11, 11, 11, 9000)]
    execution = CAP | {"stop_loss_pct": 10, "order_type": "limit"}
    out = play({"A": rows}, {0: [-0.5], 2: [0.5]}, execution=execution)
    # short 50; 30 are bought back at the stop of 11, 20 at the next open; there 0.5 of 950 is bought as well
    assert rows_of(out, "bar", "side", "units", "reason", "kind") == [
        (1, -1, 50, "signal", "limit"),
        (2, 1, 30, "stop_loss", "stop_market"),
        (3, 1, 20, "stop_loss", "market"),
        (3, 1, pytest.approx(475 / 11), "signal", "limit"),
    ]


def test_an_order_that_is_decided_during_the_rest_of_a_stop_is_not_lost(play):
    rows = [
        (10, 10, 10, 10, 9000),
        (10, 10, 9.9, 10, 9000),
        (10, 11, 10, 11, 300),
        None,
        (11, 12, 11, 12, 9000),
    ]
    execution = CAP | {"stop_loss_pct": 10, "order_type": "stop_market", "stop_offset_bps": 100}
    out = play({"A": rows, "B": flat(10, 5)}, {0: [-0.5, 0], 2: [0.0, N], 3: [0.5, N]}, execution=execution)
    # 50.5 short at 9.9, stopped at 10.89; the rest goes in row 4 at 11. 0 is called back; 0.5 is decided in
    # row 3, where A has no bar, and arrives in row 4: its stop of 11.11 is hit there
    assert rows_of(out, "decided", "bar", "side", "status", "reason", "kind") == [
        (0, 1, -1, "filled", "signal", "stop_market"),
        (2, 2, 1, "filled in part: volume", "stop_loss", "stop_market"),
        (2, -1, 1, "replaced by a later decision", "signal", "market"),
        (2, 4, 1, "filled", "stop_loss", "market"),
        (3, 4, 1, "filled", "signal", "stop_market"),
    ]


def test_whether_an_order_opens_is_told_when_it_arrives(play):
    execution = {"order_type": "stop_market", "stop_offset_bps": 100, "latency_bars": 1}
    rows = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 9.8, 9.8), (9.8, 9.8, 9.8, 9.8)]
    out = play({"A": rows}, {0: [-0.5], 1: [-0.2]}, execution=execution)
    # when -0.2 is decided nothing is held; when it arrives, in row 3, 50.5 are short, at the stop of 9.9 of
    # the first order: it reduces, at market. 505.05 - 0.2 x (1000 + 50.5 x 0.1) are bought back
    worth = 1000 + 500 / 9.9 * 0.1
    assert rows_of(out, "decided", "bar", "side", "units", "kind") == [
        (0, 2, -1, pytest.approx(500 / 9.9), "stop_market"),
        (1, 3, 1, pytest.approx(500 / 9.9 - 0.2 * worth / 9.8), "market"),
    ]


@pytest.mark.parametrize("force", ["ioc", "fok"])
def test_what_closes_goes_on_before_an_entry_is_tried_once(play, force):
    prices = with_volume(10, 500, 500, 300, 900)
    out = play({"A": prices}, {0: [-0.5], 1: [0.5]}, execution=CAP | {"time_in_force": force})
    # 50 short: 30 are bought back in row 2, 20 in row 3, where the entry of 50 is tried: 90 may be traded
    assert rows_of(out, "bar", "side", "target", "units", "status") == [
        (1, -1, -0.5, 50, "filled"),
        (2, 1, 0.0, 30, "filled in part: volume"),
        (3, 1, 0.0, 20, "filled"),
        (3, 1, 0.5, 50, "filled"),
    ]
