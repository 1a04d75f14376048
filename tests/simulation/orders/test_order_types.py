"""Every order type, bracket and OCO, by hand. 1000 in cash, no costs: an entry at p buys 1000 / p units."""

from __future__ import annotations

import pytest

from .book import NAN, Leg, Outcome

N = NAN
START = (100, 101, 99, 100)


def fills(out: Outcome) -> list[tuple]:
    return [(row.bar, row.side, row.price, row.reason) for row in out.fills]


def statuses(out: Outcome) -> list[str]:
    return [row.status for row in out.orders if row.status != "filled"]


def test_market_fills_at_the_next_open(play):
    out = play([START, (102, 104, 101, 103), (103, 103, 103, 103)], [Leg(1.0), N, Leg(0.0)])
    assert fills(out) == [(1, 1, 102, "signal")]
    assert out.equity == pytest.approx([1000, 1000 / 102 * 103, 1000 / 102 * 103])
    assert statuses(out) == ["unfilled: last bar"]


def test_limit_waits_and_fills_at_its_price(play):
    rows = [START, (100, 101, 96, 97), (97, 98, 94, 96), (96, 97, 95, 97)]
    out = play(rows, [Leg(1.0, "limit", limit=95), N, N, N])
    assert fills(out) == [(2, 1, 95, "signal")]
    assert out.orders[0].kind == "limit"
    assert out.equity[-1] == pytest.approx(1000 / 95 * 97)


def test_limit_fills_at_a_better_open(play):
    out = play([START, (93, 96, 92, 94)], [Leg(1.0, "limit", limit=95), N])
    assert fills(out) == [(1, 1, 93, "signal")]


def test_limit_that_closes(play):
    rows = [START, (100, 104, 99, 103), (103, 111, 102, 105), START]
    out = play(rows, [Leg(1.0), Leg(0.0, "limit", limit=110), N, N])
    assert fills(out) == [(1, 1, 100, "signal"), (2, -1, 110, "signal")]
    assert out.equity[-1] == pytest.approx(1000 / 100 * 110)


def test_limit_that_reverses(play):
    rows = [START, (100, 104, 99, 103), (103, 111, 102, 105), (105, 106, 100, 102)]
    out = play(rows, [Leg(1.0), Leg(-1.0, "limit", limit=110), N, N])
    # 10 units bought at 100 and sold at 110: 1100, and 10 units sold short at 110
    assert fills(out) == [(1, 1, 100, "signal"), (2, -1, 110, "signal"), (2, -1, 110, "signal")]
    assert out.positions == pytest.approx([0, 10, -10, -10])
    assert out.equity[-1] == pytest.approx(1100 + 10 * (110 - 102))


@pytest.mark.parametrize(
    ("bar", "price"), [((100, 106, 99, 104), 105), ((107, 108, 106, 107), 107), ((100, 104.9, 99, 104), None)]
)
def test_stop_market(play, bar, price):
    out = play([START, bar], [Leg(1.0, "stop_market", stop=105), N])
    assert fills(out) == ([(1, 1, price, "signal")] if price else [])


def test_stop_market_sells(play):
    out = play([START, (100, 101, 94, 96), (96, 97, 95, 96)], [Leg(-1.0, "stop_market", stop=95), N, N])
    assert fills(out) == [(1, -1, 95, "signal")]
    assert out.equity[-1] == pytest.approx(1000 - 1000 / 95 * 1)


@pytest.mark.parametrize(
    ("bars", "fill"),
    [
        # touched on the way up: at the stop, which the limit allows
        ([(100, 106, 99, 104)], (1, 105)),
        # opened above stop and limit, came back to the limit
        ([(108, 109, 105.5, 107)], (1, 106)),
        # did not come back: the limit rests, and is reached a bar later
        ([(108, 109, 107, 108), (107, 108, 105, 107)], (2, 106)),
        # a bar later it opens below the limit
        ([(108, 109, 107, 108), (104, 108, 103, 107)], (2, 104)),
        # never touched: below the limit, but the stop comes first
        ([(100, 104, 99, 104), (104, 104.5, 100, 101)], None),
    ],
)
def test_stop_limit(play, bars, fill):
    out = play([START, *bars], [Leg(1.0, "stop_limit", stop=105, limit=106), *[N] * len(bars)])
    assert [(row.bar, row.price) for row in out.fills] == ([fill] if fill else [])


def test_stop_limit_below_its_stop_does_not_fill_on_the_way(play):
    # touched at 105 on the way; whether 103 came before or after it nobody knows, so it rests
    out = play(
        [START, (100, 106, 99, 104), (104, 105, 102, 104)],
        [Leg(1.0, "stop_limit", stop=105, limit=103), N, N],
    )
    assert fills(out) == [(2, 1, 103, "signal")]


def test_trailing_stop_market_buys_on_the_turn(play):
    rows = [START, (100, 102, 98, 99), (99, 100.5, 97, 98), (98, 101, 97.5, 100)]
    out = play(rows, [Leg(1.0, "trailing_stop_market", trail=3), N, N, N])
    # best 100, 98, 97 before bars 1, 2, 3: stops at 103, 101, 100
    assert fills(out) == [(3, 1, 100, "signal")]


def test_trailing_stop_market_sells_on_the_turn(play):
    rows = [START, START, (100, 110, 100, 109), (109, 109, 106, 107)]
    out = play(rows, [Leg(1.0), Leg(0.0, "trailing_stop_market", trail=3), N, N])
    # best 100 at the decision: 97 holds in bar 2; its high of 110 makes it 107
    assert fills(out) == [(1, 1, 100, "signal"), (3, -1, 107, "signal")]


def test_trailing_stop_market_in_percent_of_the_best(play):
    rows = [START, (100, 102, 98, 99), (99, 102, 97, 101)]
    execution = {"order_type": "trailing_stop_market", "trail_offset_bps": 300}
    out = play(rows, [1.0, N, N], execution=execution)
    # 100 * 1.03 holds in bar 1, its low of 98 gives 98 * 1.03 = 100.94
    assert fills(out) == [(2, 1, pytest.approx(98 * 1.03), "signal")]


def test_bracket_stops_or_takes_profit(play):
    bracket = Leg(1.0, stop_loss=95, take_profit=108)
    rows = [START, START, (100, 108.5, 99, 107), START]
    out = play(rows, [bracket, N, N, N])
    assert fills(out) == [(1, 1, 100, "signal"), (2, -1, 108, "take_profit")]
    rows[2] = (100, 101, 94, 96)
    assert fills(play(rows, [bracket, N, N, N]))[1] == (2, -1, 95, "stop_loss")
    rows[2] = (100, 109, 94, 96)  # both: the worse
    assert fills(play(rows, [bracket, N, N, N]))[1] == (2, -1, 95, "stop_loss")
    rows[2] = (93, 94, 92, 93)  # gapped over
    assert fills(play(rows, [bracket, N, N, N]))[1] == (2, -1, 93, "stop_loss")


def test_bracket_of_a_limit_order(play):
    bracket = Leg(-1.0, "limit", limit=105, stop_loss=110, take_profit=100)
    rows = [START, (100, 106, 99, 104), (104, 105, 99.5, 101)]
    out = play(rows, [bracket, N, N])
    # the low of bar 1 came before or after the entry: not certain, so no profit is taken on it
    assert fills(out) == [(1, -1, 105, "signal"), (2, 1, 100, "take_profit")]
    assert out.trades[0].pnl == pytest.approx(1000 / 105 * 5)


def test_levels_of_an_order_go_before_the_percentages(play):
    rows = [START, START, (100, 101, 94, 96), (96, 97, 89, 90)]
    out = play(rows, [Leg(1.0, stop_loss=90), N, N, N], execution={"stop_loss_pct": 5})
    assert fills(out)[1] == (3, -1, 90, "stop_loss")


def test_levels_can_be_moved(play):
    rows = [START, START, (100, 104, 99, 103), (103, 104, 100, 101), (101, 102, 100, 101)]
    moved = Leg(1.0, stop_loss=101)
    out = play(rows, [Leg(1.0, stop_loss=90, take_profit=120), N, moved, N, N])
    assert fills(out) == [(1, 1, 100, "signal"), (3, -1, 101, "stop_loss")]


def test_trailing_stop_of_an_order(play):
    rows = [START, (100, 106, 99, 105), (105, 106, 102.5, 103), (103, 104, 102, 102)]
    out = play(rows, [Leg(1.0, trailing_stop=4), N, N, N])
    # best 100 in bar 1 (96), 106 after it: 102
    assert fills(out)[1] == (3, -1, 102, "trailing_stop")


def test_trailing_stop_by_atr(play):
    rows = [(10, 11, 9, 10), (10, 12, 10, 11), (11, 14, 11, 13), (13, 15, 13, 15), (15, 15, 10.5, 11)]
    out = play(rows, [N, N, 1.0, N, N], execution={"trailing_stop_atr": 1.5, "atr_bars": 2})
    # true ranges of bars 1 and 2: 2 and 3, so the ATR of two bars is 2.5 and the distance 3.75, for good:
    # entry at 13, best 15 after bar 3
    assert fills(out) == [(3, 1, 13, "signal"), (4, -1, 15 - 1.5 * 2.5, "trailing_stop")]


def test_trailing_stop_by_an_atr_that_comes_after_the_entry(play):
    rows = [(10, 11, 9, 10)] * 4 + [(10, 10, 5, 5)]
    out = play(rows, [1.0, N, N, N, N], execution={"trailing_stop_atr": 1.5, "atr_bars": 2})
    # the ATR of two bars is there from bar 2 on, and known on bar 3: 2; best 11, so the stop is at 11 - 3
    assert fills(out) == [(1, 1, 10, "signal"), (4, -1, 11 - 1.5 * 2, "trailing_stop")]


@pytest.mark.parametrize(
    "leg",
    [
        Leg(1.0, "limit", limit=0.0),
        Leg(1.0, "stop_market", stop=-5.0),
        Leg(1.0, "stop_limit", limit=float("nan"), stop=101.0),
        Leg(1.0, "trailing_stop_market", trail=0.0),
    ],
)
def test_an_order_without_the_price_it_needs_is_refused(play, leg):
    out = play([START] * 3, [leg, N, N])
    assert [(row.bar, row.status) for row in out.orders] == [(1, "rejected: no valid price")]


def test_one_cancels_other(play):
    pair = (Leg(1.0, "stop_market", stop=105), Leg(-1.0, "stop_market", stop=95))
    rows = [START, (100, 106, 99, 104), (104, 105, 94, 95)]
    out = play(rows, [pair, N, N])
    assert fills(out) == [(1, 1, 105, "signal")]
    assert statuses(out) == ["cancelled: one cancels other"]


def test_one_cancels_other_as_an_exit(play):
    pair = (Leg(0.0, "limit", limit=110), Leg(0.0, "stop_market", stop=95))
    rows = [START, START, (100, 102, 94, 95), (95, 111, 94, 110)]
    out = play(rows, [Leg(1.0), pair, N, N])
    assert fills(out) == [(1, 1, 100, "signal"), (2, -1, 95, "signal")]
    assert out.equity[-1] == pytest.approx(950)


@pytest.mark.parametrize(
    ("intrabar", "close", "price"),
    [
        # marks at 101: buy -4, sell -6; at 97: buy -8, sell -2
        ("pessimistic", 101, 95), ("pessimistic", 97, 105),
        ("optimistic", 101, 105), ("optimistic", 97, 95),
        # a rising bar goes to its low first
        ("path", 101, 95), ("path", 97, 105),
    ],
)  # fmt: skip
def test_both_legs_in_one_bar(play, intrabar, close, price):
    pair = (Leg(1.0, "stop_market", stop=105), Leg(-1.0, "stop_market", stop=95))
    out = play([START, (100, 106, 94, close)], [pair, N], execution={"intrabar": intrabar})
    assert fills(out) == [(1, 1 if price == 105 else -1, price, "signal")]


@pytest.mark.parametrize(
    ("execution", "fill"),
    [
        ({"order_type": "limit", "limit_offset_bps": 200}, (2, 98)),  # 100 * 0.98
        ({"order_type": "stop_market", "stop_offset_bps": 300}, (3, 103)),  # 100 * 1.03
        ({"order_type": "stop_limit", "stop_offset_bps": 300, "limit_offset_bps": 100}, (3, 103)),
        ({"order_type": "market"}, (1, 101)),
    ],
)
def test_plain_targets_with_an_order_type(play, execution, fill):
    rows = [START, (101, 102, 98.5, 99), (99, 100, 97, 98), (98, 104, 98, 103)]
    out = play(rows, [1.0, N, N, N], execution=execution)
    assert [(row.bar, row.price) for row in out.fills] == [pytest.approx(fill)]


def test_what_a_plain_target_closes_goes_at_the_market(play):
    rows = [START, (99, 101, 97, 100), (102, 103, 101, 102), (102, 105, 101, 104), START]
    out = play(rows, [1.0, -1.0, N, N, N], execution={"order_type": "limit", "limit_offset_bps": 200})
    # bought at 98; the reversal closes at the open of 102, and sells short at 100 * 1.02, marketable there
    assert fills(out) == [(1, 1, 98, "signal"), (2, -1, 102, "signal"), (2, -1, 102, "signal")]


def test_a_new_decision_replaces_the_working_order(play):
    rows = [START, START, START, (100, 101, 89, 90)]
    out = play(rows, [Leg(1.0, "limit", limit=95), Leg(1.0, "limit", limit=90), N, N])
    assert fills(out) == [(3, 1, 90, "signal")]
    assert statuses(out) == ["cancelled: replaced"]


def test_the_same_decision_again_is_the_same_order(play):
    rows = [START, START, START, (100, 101, 94, 96)]
    out = play(rows, [Leg(1.0, "limit", limit=95)] * 4)
    assert fills(out) == [(3, 1, 95, "signal")]
    assert statuses(out) == []
    assert out.orders[0].decided == 0


def test_a_target_of_zero_withdraws_an_entry(play):
    rows = [START, START, START, (100, 101, 94, 96)]
    out = play(rows, [1.0, 0.0, N, N], execution={"order_type": "limit", "limit_offset_bps": 500})
    assert fills(out) == []
    assert statuses(out) == ["cancelled: replaced"]


def test_a_stopped_position_takes_its_exit_order_with_it(play):
    rows = [START, START, (100, 101, 94, 96), (96, 111, 95, 110)]
    out = play(rows, [Leg(1.0, stop_loss=95), Leg(0.0, "limit", limit=110), N, N])
    assert fills(out)[1] == (2, -1, 95, "stop_loss")
    assert statuses(out) == ["cancelled: position closed"]
