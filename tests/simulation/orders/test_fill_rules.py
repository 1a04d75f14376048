"""Participation, latency, what happens inside a bar, finer bars and halts, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import admf

from .book import NAN, Leg, Outcome

N = NAN
START = (100, 101, 99, 100)


def fills(out: Outcome) -> list[tuple]:
    return [(row.bar, row.side, pytest.approx(row.units), row.price) for row in out.fills]


def prices(out: Outcome) -> list[tuple]:
    return [(row.bar, row.price, row.reason) for row in out.fills]


def hourly(rows: list[tuple], start: str = "2020-01-02") -> admf.market.Bars:
    """Finer bars of the second daily bar."""
    index = pd.date_range(start, periods=len(rows), freq="h", tz="UTC")
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=index, dtype=float)
    return admf.load_bars(frame.assign(volume=10.0), symbol="HAND", timeframe="1h", min_bars=1)


# participation


def test_what_the_cap_leaves_is_carried(play):
    rows = [START, (100, 101, 99, 100, 40), (102, 103, 101, 102, 30), (104, 105, 103, 104, 90), START]
    out = play(rows, [1.0, N, N, N, N], execution={"max_participation_pct": 10})
    # 10 units wanted at 100: 4 and 3; at 104 the cash of 1000 - 400 - 306 buys no 3 any more
    last = (1000 - 400 - 306) / 104
    assert fills(out) == [(1, 1, 4, 100), (2, 1, 3, 102), (3, 1, pytest.approx(last), 104)]
    assert [row.status for row in out.orders] == ["partly filled", "partly filled", "filled"]
    assert out.equity[-1] == pytest.approx((7 + last) * 100)


def test_what_is_carried_stays_within_the_limits(play):
    rows = [START, (100, 101, 99, 100, 40), (200, 200, 200, 200, 40), START]
    out = play(
        rows, [1.0, N, N, N], cash=2000.0, execution={"max_participation_pct": 10},
        risk={"max_position_value": 1000},
    )  # fmt: skip
    # 20 wanted, cut to 10 at 100; of the 6 that are carried one more is allowed at 200: 5 x 200
    assert fills(out) == [(1, 1, 4, 100), (2, 1, 1, 200)]
    assert [(row.status, row.units) for row in out.orders] == [
        ("cut: max_position_value", 10), ("partly filled", 4), ("cut: max_position_value", 5), ("filled", 1),
    ]  # fmt: skip


def test_what_the_cap_leaves_is_cancelled(play):
    rows = [START, (100, 101, 99, 100, 40), (102, 103, 101, 102, 30)]
    execution = {"max_participation_pct": 10, "partial_fill": "cancel"}
    out = play(rows, [1.0, N, N], execution=execution)
    assert fills(out) == [(1, 1, 4, 100)]
    assert [row.status for row in out.orders] == ["partly filled", "cancelled: remainder"]


def test_an_exit_is_capped_and_carried(play):
    rows = [START, START, (100, 101, 99, 100, 60), (101, 101, 101, 101, 500)]
    out = play(rows, [1.0, 0.0, N, N], execution={"max_participation_pct": 10})
    assert fills(out) == [(1, 1, 10, 100), (2, -1, 6, 100), (3, -1, 4, 101)]
    assert out.positions == pytest.approx([0, 10, 4, 0])
    assert [trade.units for trade in out.trades] == pytest.approx([6, 4])


def test_a_stop_is_capped_and_its_rest_goes_at_the_next_opens(play):
    execution = {"max_participation_pct": 10, "partial_fill": "cancel"}
    rows = [START, START, (100, 101, 94, 96, 60), (93, 94, 92, 93, 30), (91, 92, 90, 91)]
    out = play(rows, [Leg(1.0, stop_loss=95), N, N, N, N], execution=execution)
    assert fills(out)[1:] == [(2, -1, 6, 95), (3, -1, 3, 93), (4, -1, 1, 91)]
    assert {row.reason for row in out.fills[1:]} == {"stop_loss"}


def test_all_fills_of_a_bar_share_the_cap(play):
    rows = [START, START, (100, 101, 94, 96, 150), (96, 97, 95, 96, 80)]
    # 10 units turned at 100: 10 sold, 5 sold short in the same bar, 5 more later
    out = play(rows, [1.0, -1.0, N, N], execution={"max_participation_pct": 10})
    assert fills(out)[1:] == [(2, -1, 10, 100), (2, -1, 5, 100), (3, -1, 5, 96)]


def test_the_cap_lets_whole_lots_through(play):
    rows = [START, (100, 101, 99, 100, 45), START]
    out = play(rows, [1.0, N, N], execution={"max_participation_pct": 10}, sizing={"lot_size": 2})
    assert fills(out) == [(1, 1, 4, 100), (2, 1, 6, 100)]


def test_lots_of_the_volume_are_not_lost_to_rounding(play):
    # 10 % of 3 is 0.30000000000000004, of which 0.1 are lots: 8 lots are 3, 3 and 2
    bar = (100, 101, 99, 100, 3)
    rows = [START, bar, bar, bar, bar, bar, START, START]
    out = play(
        rows, [1.0, N, N, N, N, N, 0.0, N], cash=80.0,
        execution={"max_participation_pct": 10}, sizing={"lot_size": 0.1},
    )  # fmt: skip
    assert fills(out) == [(1, 1, 0.3, 100), (2, 1, 0.3, 100), (3, 1, 0.2, 100), (7, -1, 0.8, 100)]
    assert out.positions[-1] == 0.0


def test_all_is_sold_of_a_position_that_is_not_a_whole_number_of_lots(play):
    # a lot a bar adds up to 0.7999999999999999, and 0.9 are wanted when the exit is decided
    bar = (100, 101, 99, 100, 1)
    rows = [START, *[bar] * 8, START, START]
    out = play(
        rows, [1.0, *[N] * 7, 0.0, N, N], cash=90.0,
        execution={"max_participation_pct": 10}, sizing={"lot_size": 0.1},
    )  # fmt: skip
    assert out.positions[8] != 8 * 0.1
    assert fills(out)[-1] == (9, -1, 0.8, 100)
    assert out.positions[-1] == 0.0


def test_lots_that_add_up_to_what_is_wanted_are_not_traded_again(play):
    # six lots, one a bar, are 0.6; 6 x 0.1 is 0.6000000000000001
    bar = (100, 101, 99, 100, 1)
    out = play(
        [START, *[bar] * 6, START, START], [1.0, *[N] * 5, 0.6, N, N],
        execution={"max_participation_pct": 10}, costs={"commission_fixed": 1.0},
        sizing={"method": "fixed_units", "units": 1.0, "lot_size": 0.1},
    )  # fmt: skip
    assert [row.bar for row in out.fills] == [1, 2, 3, 4, 5, 6]
    assert out.positions[-1] == pytest.approx(0.6)
    assert out.equity[-1] == pytest.approx(1000 - 6)


def test_a_bar_without_volume_fills_nothing(play):
    rows = [START, (100, 101, 90, 95, 0), START]
    out = play(rows, [Leg(1.0, "limit", limit=99.5), N, N], execution={"max_participation_pct": 50})
    assert fills(out) == [(2, 1, pytest.approx(1000 / 99.5), 99.5)]


# latency


@pytest.mark.parametrize(("latency", "bar", "price"), [(0, 1, 101), (1, 2, 102), (2, 3, 103)])
def test_latency(play, latency, bar, price):
    rows = [(100 + i, 101 + i, 99 + i, 100 + i) for i in range(5)]
    out = play(rows, [1.0, N, N, N, N], execution={"latency_bars": latency})
    assert prices(out) == [(bar, price, "signal")]
    assert out.orders[0].decided == 0


def test_latency_keeps_the_order_of_decisions(play):
    rows = [(100 + i, 101 + i, 99 + i, 100 + i) for i in range(6)]
    out = play(rows, [1.0, 0.0, -1.0, N, N, N], execution={"latency_bars": 2})
    assert [(row.bar, row.side, row.price) for row in out.fills] == [(3, 1, 103), (4, -1, 104), (5, -1, 105)]


def test_levels_have_no_latency(play):
    rows = [START, START, START, (100, 101, 94, 96)]
    out = play(rows, [Leg(1.0, stop_loss=95), N, N, N], execution={"latency_bars": 1})
    assert prices(out) == [(2, 100, "signal"), (3, 95, "stop_loss")]


# inside the bar

BOTH = [(100, 111, 94, close) for close in (101, 99)]  # rising: low first; falling: high first
RISING, FALLING = BOTH


@pytest.mark.parametrize(
    ("intrabar", "bar", "price"),
    [
        ("pessimistic", RISING, 95), ("pessimistic", FALLING, 95),
        ("optimistic", RISING, 110), ("optimistic", FALLING, 110),
        ("path", RISING, 95), ("path", FALLING, 110),
    ],
)  # fmt: skip
def test_stop_and_target_in_one_bar(play, intrabar, bar, price):
    out = play(
        [START, START, bar], [Leg(1.0, stop_loss=95, take_profit=110), N, N], execution={"intrabar": intrabar}
    )
    assert out.fills[1].price == price


@pytest.mark.parametrize(
    ("intrabar", "bar", "exit_price"),
    [
        # a stop at 104 brought it in on the way up; stop-loss at 99, target at 109
        ("pessimistic", (100, 110, 98, 108), 99),  # the low may have come after
        ("pessimistic", (100, 110, 99.5, 108), 109),  # the target is certain
        ("optimistic", (100, 110, 98, 108), 109),
        ("optimistic", (100, 108, 98, 107), None),  # the low may have come before
        ("path", (100, 110, 98, 108), 109),  # low, high, close
        ("path", (100, 110, 98, 99.5), 109),  # high, low, close
        ("path", (100, 108, 98, 99), 99),
        ("path", (100, 108, 98, 101), None),
    ],
)
def test_levels_in_the_bar_of_a_stop_entry(play, intrabar, bar, exit_price):
    order = Leg(1.0, "stop_market", stop=104, stop_loss=99, take_profit=109)
    out = play([START, bar], [order, N], execution={"intrabar": intrabar})
    assert [row.price for row in out.fills] == [104, *([exit_price] if exit_price else [])]


@pytest.mark.parametrize(
    ("intrabar", "bar", "exit_price"),
    [
        # a limit at 97 brought it in on the way down; stop-loss at 95, target at 103
        ("pessimistic", (100, 104, 94, 100), 95),
        ("pessimistic", (100, 104, 96, 100), None),  # the high may have come before
        ("optimistic", (100, 104, 94, 100), 103),
        ("optimistic", (100, 102, 94, 100), 95),  # the stop is certain
        ("path", (100, 104, 96, 101), 103),  # low, high, close
        ("path", (100, 104, 96, 99), None),  # high, low, close
        ("path", (100, 104, 94, 101), 95),
    ],
)
def test_levels_in_the_bar_of_a_limit_entry(play, intrabar, bar, exit_price):
    order = Leg(1.0, "limit", limit=97, stop_loss=95, take_profit=103)
    out = play([START, bar], [order, N], execution={"intrabar": intrabar})
    assert [row.price for row in out.fills] == [97, *([exit_price] if exit_price else [])]


def test_what_was_before_the_entry_moves_no_trailing_stop(play):
    rows = [START, (100, 110, 94, 96), (96, 97, 93.5, 94), (93, 93.5, 90, 91)]
    out = play(rows, [Leg(1.0, "limit", limit=95, trailing_stop=4), N, N, N])
    # best: 95, the close of 96, 97 after bar 2: stops 92 and 93; never 110 - 4
    assert prices(out) == [(1, 95, "signal"), (3, 93, "trailing_stop")]


def test_the_path_trails_inside_a_bar(play):
    bar = (100, 108, 99, 103)  # low 99, high 108, then down to 103: through 108 - 4
    rows = [START, START, bar]
    for intrabar, expected in (("path", [(2, 104, "trailing_stop")]), ("pessimistic", [])):
        out = play(rows, [Leg(1.0, trailing_stop=4), N, N], execution={"intrabar": intrabar})
        assert prices(out)[1:] == expected


def test_finer_bars_say_what_came_first(play):
    order = Leg(1.0, stop_loss=95, take_profit=110)
    rows = [START, (100, 111, 94, 100), START]
    # the pessimistic daily bar says 95; its hours say that the high came first
    finer = hourly([(100, 105, 99, 104), (104, 111, 103, 106), (106, 107, 94, 100)])
    out = play(rows, [order, N, N], finer=finer)
    assert prices(out) == [(1, 100, "signal"), (1, 110, "take_profit")]
    finer = hourly([(100, 105, 94, 104), (104, 111, 103, 106), (106, 107, 99, 100)])
    assert prices(play(rows, [order, N, N], finer=finer))[1] == (1, 95, "stop_loss")


def test_finer_bars_gap(play):
    rows = [START, (100, 104, 90, 93), START]
    finer = hourly([(100, 104, 98, 99), (92, 94, 90, 93)])
    out = play(rows, [Leg(1.0, stop_loss=95), N, N], finer=finer)
    assert prices(out)[1] == (1, 92, "stop_loss")
    # a limit is filled at the better open of an hour
    out = play(rows, [Leg(1.0, "limit", limit=95), N, N], finer=finer)
    assert prices(out) == [(1, 92, "signal")]


def test_a_bar_without_finer_bars_is_taken_as_it_is(play):
    rows = [START, START, (100, 111, 94, 100)]
    finer = hourly([(100, 101, 99, 100)])
    out = play(rows, [Leg(1.0, stop_loss=95, take_profit=110), N, N], finer=finer)
    assert prices(out)[1] == (2, 95, "stop_loss")


@pytest.mark.parametrize("inside", [(100, 100.5, 99.5, 100), (100, 111, 99.5, 100), (100, 100.5, 94, 100)])
def test_finer_bars_that_leave_out_the_high_or_the_low_of_their_bar_hide_no_stop(play, inside):
    rows = [START, (100, 111, 94, 100), START]
    out = play(rows, [Leg(1.0, stop_loss=95), N, N], finer=hourly([inside]))
    assert prices(out)[1] == (1, 95, "stop_loss")


# halts


@pytest.mark.parametrize(
    ("execution", "columns"),
    [({"halted_column": "halt"}, {"halt": [0, 1, 0, 0]}), ({"halt_on_zero_volume": True}, {})],
)
def test_nothing_happens_on_a_halted_bar(play, execution, columns):
    rows = [START, (90, 91, 80, 85, 0 if not columns else 1000), (102, 103, 101, 102), START]
    out = play(rows, [1.0, N, N, N], execution=execution, columns=columns)
    assert prices(out) == [(2, 102, "signal")]


def test_levels_wait_for_the_end_of_a_halt(play):
    rows = [START, START, (92, 93, 90, 91), (89, 90, 88, 89)]
    out = play(
        rows, [Leg(1.0, stop_loss=95), N, N, N], execution={"halted_column": "halt"},
        columns={"halt": [0, 0, 1, 0]},
    )  # fmt: skip
    assert prices(out)[1] == (3, 89, "stop_loss")
    assert out.equity[2] == pytest.approx(910)


def test_a_day_order_ends_with_its_day_halted_or_not(play):
    rows = [START, START, (100, 101, 94, 96), START]
    out = play(
        rows, [Leg(1.0, "limit", limit=95, tif="day"), N, N, N], execution={"halted_column": "halt"},
        columns={"halt": [0, 1, 0, 0]},
    )  # fmt: skip
    assert [(row.bar, row.status) for row in out.orders] == [(1, "expired")]
