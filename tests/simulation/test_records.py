"""Codes and columns of the tables: what an order was, and what became of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from admf.simulation import records
from admf.simulation.records import REASONS, STATUSES, TYPES


def test_codes_are_positions_of_their_words():
    named = {
        "rejected: less than one lot": records.TOO_SMALL,
        "partly filled": records.PARTLY_FILLED,
        "cancelled: replaced": records.REPLACED,
        "cancelled: one cancels other": records.ONE_CANCELS_OTHER,
        "cancelled: immediate or cancel": records.IMMEDIATE_OR_CANCEL,
        "cancelled: fill or kill": records.FILL_OR_KILL,
        "cancelled: remainder": records.REMAINDER,
        "cancelled: position closed": records.POSITION_CLOSED,
        "expired": records.EXPIRED,
        "rejected: no shares to borrow": records.NO_LOCATE,
        "rejected: below the minimum notional": records.BELOW_MINIMUM,
        "rejected: no volatility yet": records.NO_VOLATILITY,
        "blocked: allowed_symbols": records.BLOCKED_BY + 1 - 1,
        "cut: max_concentration": records.CUT_BY + 10 - 1,
        "rejected: no valid price": records.NO_PRICE,
    }
    assert {word: STATUSES[code] for word, code in named.items()} == {word: word for word in named}
    assert REASONS[records.MARGIN_CALL] == "margin_call"
    assert REASONS[records.LIQUIDATION] == "liquidation"
    assert REASONS[records.RISK] == "risk"
    assert len(set(STATUSES)) == len(STATUSES)


def test_what_is_a_fill():
    codes = np.arange(len(STATUSES))
    assert [STATUSES[code] for code in codes[records.is_fill(codes)]] == ["filled", "partly filled"]


@pytest.mark.parametrize("bar", [(100, 100, 89, 95), (100, 111, 100, 105), (100, 108, 100, 100)])
def test_types_of_signals_and_levels(follow, bar):
    """A stop rests as a stop order, a target as a limit order, a signal is carried out at market."""
    rows = [(100, 100, 100, 100)] * 2 + [bar] + [(98, 98, 98, 98)] * 2
    result = follow(
        rows,
        [1, math.nan, math.nan, 0, 1],
        execution={
            "stop_loss_pct": 10,
            "take_profit_pct": 10,
            "trailing_stop_pct": 5,
            "reentry_after_stop": "immediate",
        },
    )
    found = [tuple(row) for row in result.orders[["reason", "type"]].to_numpy()]
    expected = {
        (100, 100, 89, 95): ("trailing_stop", "stop_market"),  # 95 is above the stop at 90
        (100, 111, 100, 105): ("take_profit", "limit"),
        (100, 108, 100, 100): ("trailing_stop", "stop_market"),  # opens below 102.6 on the bar after
    }[bar]
    assert found[0] == ("signal", "market")
    assert found[1] == expected
    assert set(TYPES) >= {kind for _, kind in found}
    assert result.orders["status"].iloc[-1] == "unfilled: last bar"
    assert (result.trades["financing"] == 0).all()
