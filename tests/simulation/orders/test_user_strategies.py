"""Strategies as a user writes them: percentages and ATRs become prices in the step."""

from __future__ import annotations

import pytest

import admf
from admf.indicators import ATR
from admf.strategies.orders import keep, limit_order, market_order, one_cancels_other, trailing_stop_order

from .conftest import frame_of, load
from .scripts import outcome_of


class TurnByAtr:
    """Buys when the price turns up by one and a half ATR from its low."""

    @staticmethod
    def indicators(p):
        return {"atr": ATR(2)}

    @staticmethod
    def on_bar(close, atr):
        return trailing_stop_order(1.0, 1.5 * atr) if close == 13.0 else keep()


class DipWithBracket:
    """Buys 5 % below the close, risks 10 % of the close and wants 20 %."""

    @staticmethod
    def on_bar(close, position):
        if position == 0.0 and close == 100.0:
            return limit_order(1.0, 0.95 * close, stop_loss=0.9 * close, take_profit=1.2 * close)
        return keep()


class TwoExits:
    """Takes half off at a price; or all of it, at the market, below another."""

    @staticmethod
    def on_bar(close, position, entry_price):
        if position == 0.0:
            return market_order(1.0)
        if close < 95.0:
            return market_order(0.0)
        half = limit_order(0.5, 1.1 * entry_price)
        return one_cancels_other(half, limit_order(0.0, 1.3 * entry_price))


def traded(strategy, rows):
    result = admf.simulate(load(frame_of(rows, "2020-01-01", "D")), strategy, initial_cash=1000)
    return result, [(row.bar, row.price, row.reason) for row in outcome_of(result).fills]


def test_a_trailing_order_by_atr():
    rows = [(10, 11, 9, 10), (10, 12, 10, 11), (11, 14, 11, 13), (13, 15, 10, 11), (11, 14, 10.5, 12)]
    # true ranges of 2 and 3: an ATR of 2.5; the low of 10 and 1.5 * 2.5
    assert traded(TurnByAtr, rows)[1] == [(4, 13.75, "signal")]


def test_a_bracket_by_percentages():
    rows = [(100, 101, 99, 100), (99, 100, 94, 97), (97, 121, 96, 119)]
    assert traded(DipWithBracket, rows)[1] == [(1, 95, "signal"), (2, 120, "take_profit")]


def test_two_exits():
    rows = [
        (100, 101, 99, 100),
        (100, 105, 99, 104),
        (104, 111, 103, 108),
        (94, 95, 93, 94),
        (93, 94, 92, 93),
    ]
    result, fills = traded(TwoExits, rows)
    # 10 units at 100. At 110 the equity is 1100: half of it is 5 units, so 5 are sold
    assert fills == [(1, 100, "signal"), (2, pytest.approx(110), "signal"), (4, 93, "signal")]
    assert result.position_values == pytest.approx([0, 10, 5, 5, 0])
    assert result.equity_values[-1] == pytest.approx(5 * 110 + 5 * 93)
