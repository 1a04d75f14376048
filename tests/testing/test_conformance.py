"""The checks that ship with the package catch what they are for."""

# ruff: noqa: RUF012, N805 - users write strategies like this

import itertools

import pytest

from admf.indicators import RSI, SMA, custom
from admf.strategies import Int
from admf.strategies.orders import keep, limit_order
from admf.testing import check_indicator, check_strategy
from admf.testing.bars import example_bars


class Good:
    parameters = {"period": Int(2, 50, default=10)}

    def indicators(p):
        return {"ma": SMA(p.period)}

    def initial_state(p):
        return (0,)

    def on_bar(close, ma, prev_ma, position, entry_price, bars_held, equity, state):
        if bars_held > 5 and close < entry_price:
            return 0.0, (state[0] + 1,)
        return (1.0 if close > ma else -1.0), (state[0] + 1,)


def test_a_good_one_passes():
    check_strategy(Good)
    check_strategy(Good, {"period": 3}, seed=5)
    check_indicator(RSI(14))
    check_indicator(custom(ratio))


def ratio(close, high):
    return close / high


def late(close):
    # Right on the prefixes that a table tries, wrong at one bar that they do not end at.
    result = close.copy()
    if len(close) > 399:
        result[348] = close[353]
    return result


def test_an_indicator_that_looks_ahead():
    with pytest.raises(AssertionError, match=r"late.* looks ahead"):
        check_indicator(custom(late))


_noise = itertools.count()


def restless(close):
    return close + float(next(_noise) // 8)


def test_an_indicator_that_differs_from_run_to_run():
    with pytest.raises(AssertionError, match=r"restless.*(differ|looks ahead)"):
        check_indicator(custom(restless))


class Remembers:
    seen = []

    def on_bar(close):
        Remembers.seen.append(close)
        return float(len(Remembers.seen) % 2)


class NoTarget:
    def on_bar(close):
        return "long"


class NoTuple:
    def initial_state(p):
        return (1,)

    def on_bar(close, state):
        return 1.0, [2]


class Grows:
    def initial_state(p):
        return (1,)

    def on_bar(close, state):
        return 1.0, (*state, 2)


class Raises:
    def on_bar(close):
        return 1.0 / 0.0


class Misspelt:
    def on_bar(clsoe):
        return 1.0


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (NoTarget, "'NoTarget' at bar 0: a target is a number from -1 to 1, or NaN; found 'long'"),
        (NoTuple, r"'NoTuple' at bar 0: with a state, on_bar returns \(target, state tuple\); found"),
        (Grows, "'Grows' at bar 0: the state has 2 values, and had 1 at first"),
        (Raises, "'Raises' at bar 0: on_bar raises ZeroDivisionError: float division by zero"),
        (Misspelt, r"strategy: strategy 'Misspelt': on_bar asks for 'clsoe'"),
    ],
)
def test_what_a_bad_strategy_is_told(strategy, message):
    with pytest.raises(AssertionError, match=message):
        check_strategy(strategy)


def test_memory_outside_the_state_is_found():
    # An odd number of bars, so that the second run begins on the other foot.
    with pytest.raises(AssertionError, match=r"'Remembers' is not pure: run again .* at bar 0 \(1.0\)"):
        check_strategy(Remembers, bars=example_bars(count=101))


def test_a_strategy_may_give_orders():
    class Dips:
        def on_bar(position, close, low):
            if position == 0.0:
                return limit_order(1.0, low, stop_loss=0.9 * close)
            return keep()

    check_strategy(Dips)


def test_an_order_is_judged_by_all_of_its_fields():
    count = itertools.count()

    class Restless:
        def on_bar(close):
            return limit_order(1.0, close - next(count))

    with pytest.raises(AssertionError, match="not pure"):
        check_strategy(Restless)
