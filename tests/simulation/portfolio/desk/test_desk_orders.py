"""Order types and times in force of a portfolio's entries: by hand, 1000 in cash, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import flat, rows_of

N = NAN
LIMIT = {"order_type": "limit", "limit_offset_bps": 500}


def test_a_limit_is_sized_where_it_is_touched(play):
    a = [(10, 10, 10, 10), (10, 10, 9, 9.8), (9.8, 9.8, 9.8, 9.8)]
    b = [(20, 20, 20, 20), (22, 22, 22, 22), (22, 22, 22, 22)]
    out = play({"A": a, "B": b}, {0: [0.5, 0.5]}, execution=LIMIT)
    # A at 9.5 inside row 1: all is cash there, 500 / 9.5. B's limit of 19 is never touched.
    assert rows_of(out, "symbol", "bar", "units", "status", "kind") == [
        ("A", 1, pytest.approx(500 / 9.5), "filled", "limit"),
        ("B", -1, 0, "unfilled: last bar", "limit"),
    ]
    assert out.positions[-1] == pytest.approx([500 / 9.5, 0])


def test_a_limit_inside_the_bar_sees_the_others_at_their_opens(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 9.5, 10), (10, 10, 10, 10)]
    b = [(10, 10, 10, 10), (10, 10, 9.5, 10), (12, 20, 12, 20), (20, 20, 20, 20)]
    out = play({"A": a, "B": b}, {0: [0, 0.5], 1: [0.5, N]}, execution=LIMIT)
    # B: 500 / 9.5 = 52.63 units at 9.5 in row 1. A in row 2 at 9.5: 500 + 52.63 x 12 = 1131.58, half of it is
    # 565.79, for which there is cash of 500: 500 / 9.5 units
    assert out.positions[2] == pytest.approx([500 / 9.5, 500 / 9.5])
    second = out.fills[1]
    assert (second.status, second.wanted) == ("filled in part: cash", pytest.approx(565.7894736842105 / 9.5))


def test_a_limit_opens_better(play):
    out = play({"A": [(10, 10, 10, 10), (9, 9, 9, 9)]}, {0: [0.9]}, execution=LIMIT)
    assert rows_of(out, "quote", "units") == [(9, 100)]


def test_what_reduces_goes_at_market(play):
    prices = [(10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9), (9, 9, 9, 9)]
    out = play({"A": prices}, {0: [0.9], 1: [0.45], 2: [0.0]}, execution=LIMIT)
    assert rows_of(out, "bar", "side", "units", "kind") == [
        (1, 1, 100, "limit"), (2, -1, 50, "market"), (3, -1, 50, "market"),
    ]  # fmt: skip


def test_a_change_of_side_closes_at_market_and_then_works(play):
    prices = [(10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9), (9, 10, 9, 9), (9, 9, 9, 9)]
    out = play({"A": prices}, {0: [0.9], 1: [-0.5]}, execution=LIMIT)
    # sold at the open of row 2; the sale short rests at 9.45 and is hit in row 3: 500 / 9.45 units
    assert rows_of(out, "bar", "side", "target", "units", "quote", "kind") == [
        (1, 1, 0.9, 100, 9, "limit"), (2, -1, 0.0, 100, 9, "market"),
        (3, -1, -0.5, pytest.approx(500 / 9.45), pytest.approx(9.45), "limit"),
    ]  # fmt: skip
    assert out.cash[-1] == pytest.approx(1500)


def test_a_stop_to_buy_that_would_have_to_sell_does_nothing(play):
    prices = [(10, 10, 10, 10), (10.1, 10.1, 10.1, 10.1), (20, 20, 9, 10), (10, 10, 10, 10)]
    execution = {"order_type": "stop_market", "stop_offset_bps": 100}
    out = play({"A": prices}, {0: [0.5], 1: [0.52]}, execution=execution)
    # 49.5 units at the stop of 10.1. A stop for 0.52 at 10.201 is opened beyond, at 20: there 49.5 units are
    # more than 0.52 of the equity, and a stop to buy sells nothing
    assert rows_of(out, "bar", "quote", "units", "status") == [(1, 10.1, pytest.approx(500 / 10.1), "filled")]


def test_a_stop_buys_on_the_way_up(play):
    execution = {"order_type": "stop_market", "stop_offset_bps": 500}
    out = play({"A": [(10, 10, 10, 10), (10, 11, 10, 11)]}, {0: [0.5]}, execution=execution)
    assert rows_of(out, "quote", "units", "kind") == [(10.5, pytest.approx(500 / 10.5), "stop_market")]
    assert out.equity[-1] == pytest.approx(500 + 500 / 10.5 * 11)


def test_a_stop_limit_rests_after_its_stop(play):
    execution = {"order_type": "stop_limit", "stop_offset_bps": 500, "limit_offset_bps": 100}
    # stop 10.5, limit 10.605: opened above both; the bar after comes back
    prices = [(10, 10, 10, 10), (11, 12, 11, 12), (12, 12, 10, 12)]
    out = play({"A": prices}, {0: [0.5]}, execution=execution)
    assert rows_of(out, "bar", "quote") == [(2, pytest.approx(10.605))]


def test_a_trailing_order_follows_the_low(play):
    execution = {"order_type": "trailing_stop_market", "trail_offset_bps": 500}
    # from 10: 10.5; after a low of 8: 8.4
    prices = [(10, 10, 10, 10), (10, 10, 8, 8), (8, 9, 8, 9)]
    out = play({"A": prices}, {0: [0.5]}, execution=execution)
    assert rows_of(out, "bar", "quote") == [(2, pytest.approx(8.4))]


def test_good_for_the_day(play):
    # hourly from 22:00: row 2 is a new day
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 9, 9)]
    out = play(
        {"A": prices},
        {0: [0.5]},
        execution=LIMIT | {"time_in_force": "day"},
        freq="h",
        start="2020-01-06 22:00",
    )
    assert rows_of(out, "bar", "status") == [(1, "expired")]


def test_it_expires_after_bars_of_its_own(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), None, (10, 10, 10, 10), (10, 10, 9, 9)]
    out = play({"A": a, "B": flat(10, 5)}, {0: [0.5, 0]}, execution=LIMIT | {"cancel_after_bars": 2})
    assert rows_of(out, "symbol", "bar", "status") == [("A", 3, "expired")]


def test_immediate_or_cancel(play):
    prices = [(10, 10, 10, 10), (10, 10, 9, 9), (9, 9, 9, 9)]
    out = play({"A": prices}, {0: [0.5]}, execution=LIMIT | {"time_in_force": "ioc"})
    # at the open of row 1 the limit is not touched, and later does not count
    assert rows_of(out, "bar", "status") == [(1, "cancelled: immediate or cancel")]


@pytest.mark.parametrize(("volume", "fills"), [(500, True), (400, False)])
def test_fill_or_kill(play, volume, fills):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10, volume), (10, 10, 10, 10)]
    execution = {"time_in_force": "fok", "max_participation_pct": 10}
    out = play({"A": prices}, {0: [0.5]}, execution=execution)
    # 50 units are wanted: 10 % of 500 is enough
    assert rows_of(out, "bar", "status") == [(1, "filled" if fills else "cancelled: fill or kill")]


def test_at_the_open_of_a_session(play):
    # hourly from 22:00: rows 0 and 1 are of the first day, row 2 opens the next one
    prices = [(10, 10, 10, 10), (11, 11, 11, 11), (12, 12, 12, 12), (13, 13, 13, 13)]
    run = {"freq": "h", "start": "2020-01-06 22:00", "execution": {"time_in_force": "at_the_open"}}
    out = play({"A": prices}, {0: [0.6]}, **run)
    assert rows_of(out, "bar", "quote", "units") == [(2, 12, 50)]


def test_at_the_close_of_a_session_all_together(play):
    a = [*flat(10, 3), (10, 12, 10, 12), (12, 12, 12, 12)]
    b = [*flat(10, 3), (10, 10, 8, 8), (8, 8, 8, 8)]
    run = {"freq": "h", "start": "2020-01-06 20:00", "execution": {"time_in_force": "at_the_close"}}
    out = play({"A": a, "B": b}, {0: [0.6, 0.4]}, **run)
    # the close of row 3 (23:00): worth 1000, 600 / 12 and 400 / 8
    assert rows_of(out, "bar", "quote", "units") == [(3, 12, 50), (3, 8, 50)]
    assert out.cash[3] == pytest.approx(0)


def test_a_change_of_side_at_the_close_does_all_at_the_close(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (11, 12, 11, 12), (12, 12, 12, 12)]
    out = play({"A": prices}, {0: [0.5], 1: [-0.6]}, execution={"time_in_force": "at_the_close"})
    # daily bars are sessions: bought at the close of row 1, where -0.6 is decided; sold at the close of row 2
    # at 12, as on one symbol, and short there: 0.6 x 1100 / 12
    assert rows_of(out, "bar", "side", "quote", "units", "target") == [
        (1, 1, 10, 50, 0.5), (2, -1, 12, 50, 0.0), (2, -1, 12, pytest.approx(55.0), -0.6),
    ]  # fmt: skip
