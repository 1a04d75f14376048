"""`rules` and `signals`: what conditions mean together, and what a config that is wrong is told."""

import inspect
import math
import textwrap

import numpy as np
import pytest

from admf.errors import ComponentError
from admf.indicators import BBANDS, RSI, SMA
from admf.market import load_bars
from admf.strategies import ParameterError, resolve_strategy
from admf.testing import check_strategy, decisions
from admf.testing.bars import example_bars

FLAT, LONG, SHORT = 0.0, 5.0, -5.0
NONE = math.nan
ALL = ("entry", "exit", "short_entry", "short_exit")


def decide(position, **given):
    """Decision of `signals` with exactly the events that are given, each true or false."""
    names = {"entry": "long_entry", "exit": "long_exit"}
    params = {names.get(event, event): event for event in given}
    bound = resolve_strategy("signals", params)
    values = {names.get(event, event): float(value) for event, value in given.items()}
    return bound.on_bar(*({**values, "position": position}[name] for name in bound.arguments))


@pytest.mark.parametrize(
    ("true", "flat", "long", "short"),
    [
        ((), NONE, NONE, NONE),
        (("entry",), 1.0, 1.0, 1.0),
        (("exit",), NONE, 0.0, NONE),
        (("short_entry",), -1.0, -1.0, -1.0),
        (("short_exit",), NONE, NONE, 0.0),
        (("entry", "exit"), 1.0, 0.0, 1.0),  # the exit counts while long, else the entry
        (("short_entry", "short_exit"), -1.0, -1.0, 0.0),
        (("entry", "short_entry"), NONE, NONE, NONE),  # a contradiction
        (("entry", "short_exit"), 1.0, 1.0, 1.0),  # turns round at once
        (("exit", "short_entry"), -1.0, -1.0, -1.0),
        (("exit", "short_exit"), NONE, 0.0, 0.0),
        (("entry", "exit", "short_entry"), NONE, 0.0, NONE),
        (ALL, NONE, 0.0, 0.0),
    ],
)
def test_what_events_mean_together(true, flat, long, short):
    given = {event: event in true for event in ALL}
    found = [decide(position, **given) for position in (FLAT, LONG, SHORT)]
    np.testing.assert_equal(found, [flat, long, short])


def test_the_two_modes_of_the_reference():
    # "long": in when flat, out on dn; "reverse": every signal is a target.
    assert decide(FLAT, entry=True, exit=False) == 1.0
    assert decide(LONG, entry=False, exit=True) == 0.0
    assert math.isnan(decide(FLAT, entry=False, exit=True))
    assert [decide(p, entry=True, short_entry=False) for p in (FLAT, LONG, SHORT)] == [1.0, 1.0, 1.0]
    assert [decide(p, entry=False, short_entry=True) for p in (FLAT, LONG, SHORT)] == [-1.0, -1.0, -1.0]


RULES = {
    "indicators": {
        "fast": "SMA(5)",
        "slow": SMA(15),
        "upper": "BBANDS(20, 2, 2).upperband",
        "rsi": "RSI(14)",
    },
    "entry": "crosses_above(fast, slow) and rsi < 70",
    "exit": "crosses_below(fast, slow) or close > upper or (bars_held > 20 and close < entry_price)",
    "short_entry": "rsi > 80",
    "short_exit": "rsi < 50",
}


def test_rules_are_bound():
    bound = resolve_strategy("rules", RULES)
    assert bound.params == RULES
    assert bound.indicators == {
        "fast": SMA(5), "slow": SMA(15), "upper": BBANDS(20, 2.0, 2.0).upperband, "rsi": RSI(14),
    }  # fmt: skip
    assert bound.arguments == (
        *("prev_fast", "prev_slow", "fast", "slow", "rsi", "close", "upper"),
        *("bars_held", "entry_price", "position"),
    )
    assert bound.needs_python is None
    assert inspect.getsource(bound.on_bar).startswith("def on_bar(prev_fast, prev_slow,")
    assert resolve_strategy("rules", RULES).on_bar is bound.on_bar  # the same source, one function


def test_rules_conform():
    check_strategy("rules", RULES)


def test_rules_say_what_a_hand_written_strategy_says():
    rules = {
        "indicators": {"fast_ma": "SMA(10)", "slow_ma": "SMA(20)"},
        "entry": "crosses_above(fast_ma, slow_ma)",
        "short_entry": "crosses_below(fast_ma, slow_ma)",
    }
    bars = example_bars(seed=2, count=400)
    by_hand = decisions(resolve_strategy("sma_cross", {"fast": 10, "slow": 20}), bars)
    np.testing.assert_array_equal(decisions(resolve_strategy("rules", rules), bars), by_hand)
    assert np.isfinite(by_hand).sum() > 5


def with_columns():
    frame = example_bars(seed=2, count=60).frame
    score = np.where(np.arange(60) % 7 == 0, 1.0, np.nan)
    frame["model score"] = score
    frame["out"] = (np.arange(60) % 5 == 4).astype(float)
    frame["target"] = np.linspace(-1, 1, 60)
    return load_bars(frame, symbol="X", timeframe="1d")


def test_signals_read_columns_and_nan_is_none():
    bars = with_columns()
    params = {"long_entry": "model score", "long_exit": "out"}
    decided = decisions(resolve_strategy("signals", params), bars)
    assert [bar for bar in range(60) if decided[bar] == 1.0][:3] == [0, 7, 14]  # at 14 both, while flat
    assert [bar for bar in range(60) if decided[bar] == 0.0][:3] == [4, 9, 19]
    check_strategy("signals", params, bars)


def test_a_column_of_targets():
    bars = with_columns()
    bound = resolve_strategy("signals", {"target": "target"})
    np.testing.assert_array_equal(decisions(bound, bars), bars.extra["target"])
    assert bound.columns == {"target": "target"}


def test_rules_read_columns():
    bars = with_columns()
    rules = {"columns": {"score": "model score"}, "entry": "score > 0.5", "exit": "bars_held >= 2"}
    decided = decisions(resolve_strategy("rules", rules), bars)
    assert [bar for bar in range(60) if decided[bar] == 1.0][:3] == [0, 7, 14]
    assert [bar for bar in range(60) if decided[bar] == 0.0][:3] == [3, 10, 17]


def test_a_missing_column_says_which_there_are():
    with pytest.raises(
        AssertionError, match="the data of X has no column 'scroe'; it has: open, high, low, close"
    ):
        decisions(resolve_strategy("signals", {"target": "scroe"}), with_columns())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {},
            """
            strategy 'rules': 1 problem in its parameters
              entry: is missing: rules need an entry or a short_entry""",
        ),
        (
            {"entyr": "close > 1", "short_exit": "close > 2"},
            """
            strategy 'rules': 3 problems in its parameters
              entyr: is no parameter of rules
                allowed: indicators, columns, entry, exit, short_entry, short_exit
                hint: did you mean entry?
              entry: is missing: rules need an entry or a short_entry
              short_exit: has nothing to end: there is no short_entry""",
        ),
        (
            {"shrt": "close > 1", "entry": "close"},
            """
            strategy 'rules': 2 problems in its parameters
              shrt: is no parameter of rules
                allowed: indicators, columns, entry, exit, short_entry, short_exit
              entry: column 1: a condition (true or false) is expected here; compare it with something
                close
                ^""",
        ),
        (
            {"indicatrs": {"ma": "SMA(3)"}, "entry": "close > ma"},
            """
            strategy 'rules': 1 problem in its parameters
              indicatrs: is no parameter of rules
                allowed: indicators, columns, entry, exit, short_entry, short_exit
                hint: did you mean indicators?""",
        ),
        (
            {"indicators": {"ma": "SMA(0)", "rsi": "RSI"}, "entry": "close > ma"},
            """
            strategy 'rules': 2 problems in its parameters
              indicators.ma: column 1: SMA: timeperiod is out of range; found 0, allowed 1 to 100000
                SMA(0)
                ^
              indicators.rsi: column 1: RSI must be called, as in RSI(20)
                RSI
                ^""",
        ),
        (
            {"indicators": {"ma": "SMA(3)"}, "entry": "close > mb", "exit": "close"},
            """
            strategy 'rules': 2 problems in its parameters
              entry: column 9: there is no 'mb'; there is: open, high, low, close, volume, ma, position, \
entry_price, bars_held, equity; and prev_NAME, the value one bar before
                close > mb
                        ^
              exit: column 1: a condition (true or false) is expected here; compare it with something
                close
                ^""",
        ),
        (
            {"indicators": ["SMA(3)"], "columns": {"a": 3}, "entry": "close > 1"},
            """
            strategy 'rules': 2 problems in its parameters
              indicators: must be a mapping of names; found ['SMA(3)']
              columns.a: must be the name of a column; found 3""",
        ),
        (
            {"indicators": {"a": "SMA(3)"}, "columns": {"a": "b", "open": "c"}, "entry": "a > 1"},
            """
            strategy 'rules': 2 problems in its parameters
              columns.open: is a name that is taken, as are open, high, low, close, volume, position, \
entry_price, bars_held, equity, state, p, self, nan, abs, min, max, on_bar, and those beginning with \
prev_ or _
              columns.a: is the name of an indicator too; rename one of them""",
        ),
        (
            {"entry": True},
            """
            strategy 'rules': 1 problem in its parameters
              entry: column 1: a condition is expected; found True""",
        ),
    ],
)
def test_rules_that_are_wrong(params, message):
    with pytest.raises(ParameterError) as caught:
        resolve_strategy("rules", params)
    assert str(caught.value) == textwrap.dedent(message).strip()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "long_entry: is missing: signals need a target, long_entry or short_entry"),
        ({"long_exit": "a"}, "long_entry: is missing: signals need a target, long_entry or short_entry"),
        ({"target": "a", "long_exit": "b"}, "target: stands alone; found it with long_exit"),
        ({"long_entry": 3}, "long_entry: must be the name of a column; found 3"),
        (
            {"entry": "up"},
            "entry: is no parameter of signals\n"
            "    allowed: target, long_entry, long_exit, short_entry, short_exit\n"
            "    hint: did you mean long_entry?",
        ),
    ],
)
def test_signals_that_are_wrong(params, message):
    with pytest.raises(ParameterError) as caught:
        resolve_strategy("signals", params)
    head = "strategy 'signals': 1 problem in its parameters\n  "
    assert str(caught.value) == head + message


def test_a_hostile_condition_runs_nothing(tmp_path):
    marker = tmp_path / "ran"
    for text in (
        f"__import__('os').system('touch {marker}') > 1",
        f"open('{marker}', 'w') > 1",
        "().__class__.__bases__ > 1",
        "(lambda: 1)() > 0",
        "close > 1\nimport os",
        "close > [x for x in (1,)][0]",
    ):
        with pytest.raises(ComponentError):
            resolve_strategy("rules", {"entry": text})
    assert not marker.exists()
