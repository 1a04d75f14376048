"""Users' functions: how they are described, checked for look-ahead, and refused."""

import numpy as np
import pandas as pd
import pytest

from admf.errors import ComponentError, StrategyError
from admf.indicators import SMA, IndicatorTable, custom
from admf.market import load_bars
from admf.testing.bars import example_bars

BARS = example_bars(seed=3, count=240)


def distance(close, days):
    return close - pd.Series(close).rolling(days).mean().to_numpy()


def weighted(high, volume, scale=2.0):
    return np.cumsum(high * volume) * scale


def row_of(function, *params):
    return IndicatorTable(BARS).row(custom(function, *params))


def test_it_computes_and_is_shared():
    table = IndicatorTable(BARS)
    row = table.row(custom(distance, 20))
    np.testing.assert_array_equal(row, distance(BARS.close, 20))
    assert not row.flags.writeable
    table.row(custom(distance, days=20))
    assert (table.computed, table.hits) == (1, 1)


def test_arguments_split_into_columns_and_parameters():
    spec = custom(distance, 20)
    assert spec.inputs == (("close", "close"),)
    assert spec.params == (("days", 20),)
    assert custom(distance, 20) == custom(distance, days=20) != custom(distance, 21)
    assert custom(weighted).params == (("scale", 2.0),)
    assert custom(weighted, 3.0).params == (("scale", 3.0),)
    assert custom(weighted).key.startswith(f"{__name__}:weighted#")


def test_other_columns_of_the_file():
    frame = BARS.frame.assign(score=np.arange(len(BARS), dtype=float))
    bars = load_bars(frame, symbol="X", timeframe="1d")
    spec = custom(add, 1.0)
    assert spec.inputs == (("close", "close"), ("score", "score"))
    np.testing.assert_array_equal(IndicatorTable(bars).row(spec), bars.close + bars.extra["score"] + 1.0)
    assert IndicatorTable(bars).row(SMA(2, price="score"))[5] == 4.5


def add(close, score, offset):
    return close + score + offset


def centred(close):
    return pd.Series(close).rolling(5, center=True).mean().to_numpy()


def standardised(close):
    return (close - close.mean()) / close.std()


def tomorrow(close):
    return np.append(close[1:], np.nan)


def backfilled(close):
    return pd.Series(np.where(np.arange(len(close)) % 7 == 0, close, np.nan)).bfill().to_numpy()


def peeks_late(close):
    return np.where(np.arange(len(close)) < len(close) - 3, close, 0.0)


def peeks_every_seventh(close):
    row = np.zeros(len(close))
    row[:-1:7] = close[1::7]
    return row


@pytest.mark.parametrize(
    "function", [peeks_every_seventh, centred, standardised, tomorrow, backfilled, peeks_late]
)
def test_looking_ahead_is_refused(function):
    with pytest.raises(
        StrategyError, match=rf"custom indicator .*{function.__name__} looks ahead: its value at"
    ):
        row_of(function)


def test_the_message_says_which_bar():
    with pytest.raises(StrategyError) as caught:
        row_of(tomorrow)
    n, half = len(BARS), len(BARS) // 2
    assert str(caught.value) == (
        f"custom indicator {__name__}:tomorrow looks ahead: its value at bar {half - 1} is "
        f"{float(BARS.close[half])} with all {n} bars, and nan with only the first {half}\n"
        "  hint: a value may depend on its own bar and earlier ones alone: no shift(-1), no centred window, "
        "no mean or maximum of the whole series"
    )


def writes(close):
    close[0] = 0.0
    return close


def unlocks(close):
    close.flags.writeable = True
    close[0] = 0.0
    return close


def too_short(close):
    return close[:-1]


def a_number(close):
    return 3.0


def texts(close):
    return np.full(len(close), "a")


def fails(close):
    raise KeyError("no")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            writes,
            r"writes fails on the first 240 bars \(.*test_custom.py, line \d+\): ValueError.*\n.*on a copy",
        ),
        (unlocks, "unlocks changed its inputs"),
        (too_short, r"too_short must return one number a bar, shape \(240,\); found shape \(239,\)"),
        (a_number, r"a_number must return one number a bar, shape \(240,\); found float"),
        (texts, "texts must return numbers; found dtype <U1"),
        (fails, r"fails fails on the first 240 bars \(.*test_custom.py, line \d+\): KeyError: 'no'"),
    ],
)
def test_what_is_refused(function, message):
    close = BARS.close.copy()
    with pytest.raises(StrategyError, match=message):
        row_of(function)
    np.testing.assert_array_equal(BARS.close, close)


def test_ints_and_bools_become_numbers():
    assert row_of(rising).dtype == np.float64
    assert set(row_of(rising)) == {0.0, 1.0}


def rising(close):
    return np.append(False, close[1:] > close[:-1])


def nothing():
    return None


def spread(close, *more):
    return close


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: custom(SMA), "custom() takes a plain function; found <indicator SMA"),
        (lambda: custom(nothing), ":nothing reads no column of the bars"),
        (lambda: custom(spread), ":spread has *args or **kwargs; name its columns and parameters"),
        (lambda: custom(distance, day=3), ":distance has no parameter 'day'; its arguments are: close, days"),
        (lambda: custom(distance, 3, 4), ":distance takes at most 1 parameter values; found 2"),
        (lambda: custom(distance, [3]), ": parameter days must be a number, text or bool; found [3]"),
        (lambda: custom(distance, float("inf")), ": parameter days must be finite; found inf"),
    ],
)
def test_what_a_user_is_told(make, message):
    with pytest.raises(ComponentError) as caught:
        make()
    assert message in str(caught.value)


def test_captured_variables_are_refused():
    period = 3

    def captures(close):
        return close * period

    with pytest.raises(ComponentError, match=r"captures variables .*: period\n.*custom\(function, value\)"):
        custom(captures)


def test_same_name_other_source_is_another_indicator():
    def make(body):
        scope = {"__name__": "typed_at_a_prompt"}
        exec(f"def f(close):\n    return close * {body}\n", scope)
        return custom(scope["f"])

    assert make("2.0") == make("2.0") != make("3.0")
