"""How long an order works, by hand. A session is a day; hourly bars below start at 22:00, two in a day."""

from __future__ import annotations

import pytest

from .book import NAN, Leg, Outcome

N = NAN
START = (100, 101, 99, 100)
DIP = (100, 101, 94, 96)


def filled(out: Outcome) -> list[tuple]:
    return [(row.bar, row.price) for row in out.fills]


def ended(out: Outcome) -> list[tuple]:
    return [(row.bar, row.status) for row in out.orders if "filled" not in row.status]


def test_gtc_works_on(play):
    out = play([START] * 4 + [DIP], [Leg(1.0, "limit", limit=95), N, N, N, N])
    assert filled(out) == [(4, 95)]


def test_day_ends_with_the_daily_bar(play):
    order = Leg(1.0, "limit", limit=95, tif="day")
    assert filled(play([START, DIP], [order, N])) == [(1, 95)]
    out = play([START, START, DIP], [order, N, N])
    assert (filled(out), ended(out)) == ([], [(1, "expired")])


def test_day_ends_with_the_session(play):
    rows = [START, START, START, DIP, DIP]  # 21, 22 and 23 o'clock, then the next day
    order = Leg(1.0, "limit", limit=95, tif="day")
    out = play(rows, [order, N, N, N, N], start="2020-01-01 21:00", freq="h")
    assert (filled(out), ended(out)) == ([], [(2, "expired")])
    rows[2] = DIP
    out = play(rows, [order, N, N, N, N], start="2020-01-01 21:00", freq="h")
    assert filled(out) == [(2, 95)]


def test_immediate_or_cancel(play):
    order = Leg(1.0, "limit", limit=95, tif="ioc")
    out = play([START, DIP], [order, N])
    assert (filled(out), ended(out)) == ([], [(1, "cancelled: immediate or cancel")])
    assert filled(play([START, (94, 96, 93, 95)], [order, N])) == [(1, 94)]


def test_immediate_or_cancel_takes_a_part(play):
    # 10 % of a volume of 50 are 5 units of the 10 that are wanted
    rows = [START, (100, 101, 99, 100, 50), START]
    out = play(rows, [Leg(1.0, tif="ioc"), N, N], execution={"max_participation_pct": 10})
    assert [(row.units, row.status) for row in out.fills] == [(pytest.approx(5), "partly filled")]
    assert ended(out) == [(1, "cancelled: immediate or cancel")]
    assert out.positions == pytest.approx([0, 5, 5])


def test_fill_or_kill(play):
    rows = [START, (100, 101, 99, 100, 50), START]
    order = Leg(1.0, tif="fok")
    out = play(rows, [order, N, N], execution={"max_participation_pct": 10})
    assert (filled(out), ended(out)) == ([], [(1, "cancelled: fill or kill")])
    out = play(rows, [order, N, N], execution={"max_participation_pct": 20})
    assert [(row.units, row.price, row.status) for row in out.fills] == [(pytest.approx(10), 100, "filled")]


def test_at_the_open_waits_for_a_session(play):
    rows = [START, START, (98, 99, 97, 98), START]  # 22 and 23 o'clock, then the next day
    out = play(rows, [Leg(1.0, tif="at_the_open"), N, N, N], start="2020-01-01 22:00", freq="h")
    assert filled(out) == [(2, 98)]


def test_at_the_open_ends_unfilled(play):
    order = Leg(1.0, "limit", limit=95, tif="at_the_open")
    out = play([START, DIP, DIP], [order, N, N])
    assert (filled(out), ended(out)) == ([], [(1, "expired")])
    assert filled(play([START, (94, 96, 93, 95)], [order, N])) == [(1, 94)]


def test_at_the_close_of_the_day(play):
    out = play([START, (102, 105, 101, 104), START], [Leg(1.0, tif="at_the_close"), N, N])
    assert filled(out) == [(1, 104)]
    assert out.equity == pytest.approx([1000, 1000, 1000 / 104 * 100])


def test_at_the_close_of_the_session(play):
    rows = [START, (101, 102, 100, 101), (101, 103, 101, 103), START]  # 21, 22, 23 o'clock, next day
    out = play(rows, [Leg(1.0, tif="at_the_close"), N, N, N], start="2020-01-01 21:00", freq="h")
    assert filled(out) == [(2, 103)]


def test_limit_at_the_close(play):
    order = Leg(1.0, "limit", limit=97, tif="at_the_close")
    assert filled(play([START, DIP], [order, N])) == [(1, 96)]
    out = play([START, START, DIP], [order, N, N])
    assert (filled(out), ended(out)) == ([], [(1, "expired")])


def test_cancel_after_bars(play):
    order = Leg(1.0, "limit", limit=95, expire=2)
    assert filled(play([START, START, DIP], [order, N, N])) == [(2, 95)]
    out = play([START, START, START, DIP], [order, N, N, N])
    assert (filled(out), ended(out)) == ([], [(2, "expired")])


def test_plain_targets_with_a_time_in_force(play):
    execution = {"order_type": "limit", "limit_offset_bps": 500, "time_in_force": "day"}
    out = play([START, START, DIP, DIP], [1.0, N, N, N], execution=execution)
    assert (filled(out), ended(out)) == ([], [(1, "expired")])
    # the strategy that asks again gives a new order from the new close: 100 * 0.95, then 96 * 0.95
    rows = [START, START, (96, 97, 95.5, 96), (96, 97, 91, 92)]
    out = play(rows, [1.0, 1.0, 1.0, N], execution=execution)
    assert filled(out) == [(3, pytest.approx(91.2))]


def test_an_expired_order_can_be_given_again(play):
    order = Leg(1.0, "limit", limit=95, expire=1)
    out = play([START, START, DIP], [order, order, N])
    assert filled(out) == [(2, 95)]
    assert ended(out) == [(1, "expired")]
