"""Stops, targets and trailing stops inside a bar, against arithmetic done by hand."""

from __future__ import annotations

import numpy as np
import pytest

NAN = float("nan")
FLAT = (100, 101, 99, 100)
STOPS = {"stop_loss_pct": 10.0, "take_profit_pct": 20.0}


def held(follow, bar, side=1, before=(FLAT, FLAT), after=(FLAT,), **settings):
    """Enter at 100 on bar 1, then meet `bar`; return the result."""
    rows = [*before, bar, *after]
    settings.setdefault("execution", STOPS)
    return follow(rows, [side, *[NAN] * (len(rows) - 1)], **settings)


def test_stop_loss_is_filled_at_its_level(follow):
    result = held(follow, (95, 96, 85, 88))
    (trade,) = result.trades.itertuples()
    assert (trade.exit_bar, trade.exit_price, trade.exit_reason) == (2, 100 * (1 - 0.1), "stop_loss")
    assert result.equity_values[-1] == pytest.approx(900)
    # of the exit's bar only open and exit price count: 96 and 85 do not
    assert trade.mae == pytest.approx(-0.1)
    assert trade.mfe == pytest.approx(0.01)


def test_a_touch_is_enough_and_a_miss_is_not(follow):
    assert len(held(follow, (95, 96, 90, 91)).trades) == 1
    assert len(held(follow, (95, 96, 90.0001, 91)).trades) == 0


def test_a_gap_through_the_stop_fills_at_the_open(follow):
    (trade,) = held(follow, (80, 85, 75, 82)).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (80, "stop_loss")
    assert trade.mae == pytest.approx(-0.2)


def test_take_profit_is_filled_at_its_level(follow):
    (trade,) = held(follow, (110, 125, 108, 123)).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (100 * 1.2, "take_profit")
    assert trade.mfe == pytest.approx(0.2)


def test_a_gap_through_the_target_fills_at_the_open(follow):
    (trade,) = held(follow, (130, 135, 125, 131)).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (130, "take_profit")


def test_both_in_one_bar_is_the_stop(follow):
    (trade,) = held(follow, (100, 130, 85, 110)).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (90, "stop_loss")


def test_short_mirrored(follow):
    cases = {
        (105, 112, 104, 108): (100 * 1.1, "stop_loss"),
        (120, 125, 115, 118): (120, "stop_loss"),
        (90, 92, 75, 78): (80, "take_profit"),
        (70, 75, 65, 68): (70, "take_profit"),
        (100, 115, 70, 90): (100 * 1.1, "stop_loss"),
    }
    for bar, (price, reason) in cases.items():
        (trade,) = held(follow, bar, side=-1).trades.itertuples()
        assert (trade.side, trade.exit_price, trade.exit_reason) == ("short", pytest.approx(price), reason)
        assert trade.pnl == pytest.approx(10 * (100 - price))


def test_the_entry_bar_is_checked_too(follow):
    result = follow([FLAT, (100, 101, 89, 95), FLAT], [1, NAN, NAN], execution=STOPS)
    (trade,) = result.trades.itertuples()
    assert (trade.entry_bar, trade.exit_bar, trade.exit_price) == (1, 1, 90)
    assert (trade.mae, trade.mfe) == (pytest.approx(-0.1), 0)
    np.testing.assert_allclose(result.equity_values, [1000, 900, 900])


def test_levels_from_the_entry_price_or_the_decision_close(follow):
    rows = [FLAT, (110, 112, 98, 105), FLAT]
    # from the entry at 110 the stop is 99, from the close of the decision, 100, it is 90
    (trade,) = follow(rows, [1, NAN, NAN], execution=STOPS).trades.itertuples()
    assert trade.exit_price == pytest.approx(99)
    result = follow(rows, [1, NAN, NAN], execution=STOPS | {"stop_basis": "signal_close"})
    assert len(result.trades) == 0


def test_slippage_applies_to_stops(follow):
    (trade,) = held(follow, (95, 96, 85, 88), costs={"slippage_bps": 100.0}).trades.itertuples()
    # the entry at 100 slips to 101: the stop lies at 90.9, and the sale there slips to 89.991
    assert trade.exit_price == pytest.approx(101 * 0.9 * 0.99)


TRAIL = {"trailing_stop_pct": 10.0}


def test_trailing_stop_knows_only_the_bars_before(follow):
    # bar 2 runs up to 150 and back to 108 within itself: its own high does not count for it
    calm = held(follow, (110, 150, 108, 148), execution=TRAIL, after=((148, 149, 140, 147),))
    assert len(calm.trades) == 0
    # on bar 3 the level is 150 * 0.9 = 135
    (trade,) = held(
        follow, (110, 150, 108, 148), execution=TRAIL, after=((148, 149, 130, 133),)
    ).trades.itertuples()
    assert (trade.exit_bar, trade.exit_price, trade.exit_reason) == (3, pytest.approx(135), "trailing_stop")
    assert trade.mfe == pytest.approx(0.5)


def test_trailing_stop_starts_from_the_fill(follow):
    (trade,) = held(follow, (95, 96, 85, 88), execution=TRAIL).trades.itertuples()
    # the highest before bar 2 is bar 1's 101
    assert trade.exit_price == pytest.approx(101 * 0.9)


def test_trailing_stop_short(follow):
    (trade,) = held(
        follow, (90, 91, 60, 62), side=-1, execution=TRAIL, after=((62, 70, 61, 65),)
    ).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (pytest.approx(66), "trailing_stop")


def test_the_tighter_of_stop_and_trailing_stop_counts(follow):
    execution = {"stop_loss_pct": 5.0, "trailing_stop_pct": 10.0}
    # at first the stop, 95, lies above the trail, 101 * 0.9
    (trade,) = held(follow, (98, 99, 80, 85), execution=execution).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (95, "stop_loss")
    # after a high of 150 the trail, 135, lies above it
    (trade,) = held(
        follow, (110, 150, 108, 148), execution=execution, after=((148, 149, 80, 90),)
    ).trades.itertuples()
    assert (trade.exit_price, trade.exit_reason) == (pytest.approx(135), "trailing_stop")


STOPPED = [FLAT, FLAT, (95, 96, 85, 95), FLAT, FLAT, FLAT]
ONE = {"stop_loss_pct": 10.0}


def test_after_a_stop_no_entry_until_the_strategy_decides_otherwise(follow):
    result = follow(STOPPED, [1, 1, 1, 1, 1, 1], execution=ONE)
    assert list(result.orders.bar) == [1, 2]
    assert result.position_values[-1] == 0
    # flat in between lifts it
    result = follow(STOPPED, [1, 1, 1, 0, 1, 1], execution=ONE)
    assert list(result.orders.bar) == [1, 2, 5]
    # and so does no decision
    result = follow(STOPPED, [1, 1, 1, NAN, 1, 1], execution=ONE)
    assert list(result.orders.bar) == [1, 2, 5]
    # the other side is a new decision at once
    result = follow(STOPPED, [1, 1, -1, 1, NAN, NAN], execution=ONE)
    assert list(result.orders.bar) == [1, 2, 3, 4, 4]


def test_immediate_reentry(follow):
    result = follow(STOPPED, [1, 1, 1, 1, 1, 1], execution=ONE | {"reentry_after_stop": "immediate"})
    assert list(result.orders.bar) == [1, 2, 3]
    assert result.trades.exit_reason[0] == "stop_loss"


def test_the_card_says_how_stops_work(follow):
    card = held(follow, FLAT).assumptions
    assert "the stop is taken (pessimistic)" in card["inside a bar"]
    assert card["stops"] == (
        "stop-loss 10 % from the average entry price; take-profit 20 % from the average entry price"
    )
    assert "not before the strategy has decided otherwise once" in card["re-entry"]
