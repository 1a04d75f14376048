"""Stops, targets and trailing stops of each position, and what is assumed inside a bar: by hand, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import rows_of

N = NAN
BOUGHT = [(10, 10, 10, 10), (10, 10, 10, 10)]


def exits(out):
    return [(row.symbol, row.bar, row.quote, row.reason) for row in out.fills if row.reason != "signal"]


def test_each_position_has_its_levels(play):
    a, b = [*BOUGHT, (10, 10, 8, 9)], [(20, 20, 20, 20), (20, 20, 20, 20), (20, 23, 20, 22)]
    out = play({"A": a, "B": b}, {0: [0.5, -0.5]}, execution={"stop_loss_pct": 10})
    # long A is stopped at 9, short B at 22
    assert exits(out) == [("A", 2, 9, "stop_loss"), ("B", 2, pytest.approx(22), "stop_loss")]
    assert out.cash[-1] == pytest.approx(1000 - 50 - 25 * 2)


def test_a_gap_is_not_bridged(play):
    out = play({"A": [*BOUGHT, (7, 8, 7, 8)]}, {0: [0.5]}, execution={"stop_loss_pct": 10})
    assert exits(out) == [("A", 2, 7, "stop_loss")]


def test_targets_are_reached(play):
    out = play({"A": [*BOUGHT, (10, 12, 10, 10)]}, {0: [0.5]}, execution={"take_profit_pct": 15})
    assert exits(out) == [("A", 2, pytest.approx(11.5), "take_profit")]
    assert out.trades[0].mfe == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("intrabar", "bar", "reason"),
    [
        ("pessimistic", (10, 12, 8, 11), "stop_loss"),
        ("optimistic", (10, 12, 8, 9), "take_profit"),
        ("path", (10, 12, 8, 11), "stop_loss"),
        ("path", (10, 12, 8, 9), "take_profit"),
    ],
)
def test_stop_and_target_in_one_bar(play, intrabar, bar, reason):
    execution = {"stop_loss_pct": 10, "take_profit_pct": 10, "intrabar": intrabar}
    out = play({"A": [*BOUGHT, bar]}, {0: [0.5]}, execution=execution)
    assert [row[3] for row in exits(out)] == [reason]


def test_the_stop_of_what_is_bought_at_the_open_holds_in_that_bar(play):
    out = play({"A": [(10, 10, 10, 10), (10, 10, 8, 9)]}, {0: [0.5]}, execution={"stop_loss_pct": 10})
    assert exits(out) == [("A", 1, 9, "stop_loss")]
    assert out.trades[0].mae == pytest.approx(-0.1)


def test_the_levels_of_an_enlarged_position_follow_its_average(play):
    prices = [*BOUGHT, (20, 20, 20, 20), (20, 20, 14, 15)]
    out = play({"A": prices}, {0: [0.4], 1: [0.8]}, execution={"stop_loss_pct": 10})
    # 40 at 10; at 20 the worth is 1400, 0.8 of it 56 units: 16 more. Average (400 + 320) / 56
    assert out.positions[-1] == [56]
    again = play(
        {"A": [*prices[:3], (20, 20, 11, 12)]}, {0: [0.4], 1: [0.8]}, execution={"stop_loss_pct": 10}
    )
    assert exits(again) == [("A", 3, pytest.approx(720 / 56 * 0.9), "stop_loss")]


def test_levels_from_the_close_of_the_decision(play):
    prices = [(10, 10, 10, 10), (11, 11, 11, 11), (11, 11, 8.5, 9)]
    out = play({"A": prices}, {0: [0.5]}, execution={"stop_loss_pct": 10, "stop_basis": "signal_close"})
    assert exits(out) == [("A", 2, 9, "stop_loss")]


def test_a_trailing_stop_follows_the_best_price_of_the_bars_before(play):
    prices = [*BOUGHT, (10, 14, 10, 14), (14, 14, 12, 12)]
    out = play({"A": prices}, {0: [0.5]}, execution={"trailing_stop_pct": 10})
    # 14 in row 2; 12.6 in row 3
    assert exits(out) == [("A", 3, pytest.approx(12.6), "trailing_stop")]


def test_a_trailing_stop_by_the_range(play):
    # true ranges of 1 in rows 1 and 2: the ATR(2) known at row 3 is 1
    prices = [(10, 10, 10, 10), (10, 10.5, 9.5, 10), (10, 10.5, 9.5, 10), (10, 10, 10, 10), (10, 10, 7, 8)]
    out = play({"A": prices}, {2: [0.5]}, execution={"trailing_stop_atr": 2, "atr_bars": 2})
    assert exits(out) == [("A", 4, pytest.approx(8), "trailing_stop")]


def test_a_level_calls_off_what_works_for_its_side(play):
    prices = [(10, 10, 10, 10), (9, 9, 8.9, 8.9), (8.9, 8.9, 8.1, 8.1), (8.1, 8.1, 7, 7)]
    execution = {"order_type": "limit", "limit_offset_bps": 1000, "stop_loss_pct": 10}
    out = play({"A": prices}, {0: [0.45], 1: [0.8]}, execution=execution)
    # 50 bought at the open of 9, the limit; a limit of 8.01 for 0.8 works in row 2, where the stop of
    # 8.1 is hit; what would enlarge the position is called off with it
    assert exits(out) == [("A", 2, pytest.approx(8.1), "stop_loss")]
    assert rows_of(out, "decided", "bar", "status")[1] == (1, 2, "cancelled: position closed")
    assert out.positions[-1] == [0]


def test_an_entry_inside_the_bar_may_be_stopped_in_it(play):
    execution = {"order_type": "limit", "limit_offset_bps": 1000, "stop_loss_pct": 10}
    out = play({"A": [(10, 10, 10, 10), (10, 10, 8, 9.5)]}, {0: [0.5]}, execution=execution)
    # bought at 9; 8.1 lies further on the way down
    assert rows_of(out, "bar", "quote", "reason") == [(1, 9, "signal"), (1, pytest.approx(8.1), "stop_loss")]


def test_exits_inside_free_cash_for_the_symbols_after(play):
    a = [(10, 10, 10, 10), (9.5, 10, 9.5, 10), (10, 11, 10, 11)]
    b = [*BOUGHT, (10, 10, 9, 9)]
    execution = {"order_type": "limit", "limit_offset_bps": 500, "take_profit_pct": 10}
    out = play({"A": a, "B": b}, {0: [0.8, 0.0], 1: [N, 0.2]}, execution=execution)
    # A, 84.2 units, is sold at 10.45 in row 2, before B's limit of 9.5 is looked at: B is 0.2 of the worth
    assert exits(out) == [("A", 2, pytest.approx(10.45), "take_profit")]
    worth = 200 + 800 / 9.5 * 10.45
    assert out.positions[-1] == pytest.approx([0, 0.2 * worth / 9.5])


def test_a_trade_knows_its_reason_and_how_far_it_went(play):
    prices = [*BOUGHT, (10, 12, 9.5, 11), (11, 11, 11, 11)]
    out = play({"A": prices}, {0: [0.5], 2: [0.0]}, execution={"stop_loss_pct": 20})
    (trade,) = out.trades
    assert (trade.entry_bar, trade.exit_bar, trade.reason) == (1, 3, "signal")
    assert (trade.mae, trade.mfe) == pytest.approx((-0.05, 0.2))
