"""Indicators written in a config."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admf.errors import ComponentError
from admf.indicators import ATR, BBANDS, CORREL, EMA, MA, RSI, SMA, parse_indicator
from admf.indicators.text import FormulaError


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("SMA(20)", SMA(20)),
        (" SMA( timeperiod = 20 )\n", SMA(20)),
        ("SMA()", SMA(30)),
        ("BBANDS(20, 2, 2.5).upperband", BBANDS(20, 2.0, 2.5).upperband),
        ("RSI(timeperiod=14, price=close)", RSI(14)),
        ("SMA(20, price=volume)", SMA(20, price="volume")),
        ("SMA(20, price='model_score')", SMA(20, price="model_score")),
        ("EMA(9, price=RSI(14))", EMA(9, price=RSI(14))),
        ("EMA(9, price=BBANDS(20).lowerband)", EMA(9, price=BBANDS(20).lowerband)),
        ("BBANDS(20, -2, +2).lowerband", BBANDS(20, -2.0, 2.0).lowerband),
        ("MA(20, matype=EMA)", MA(20, "EMA")),
        ("CORREL(10, price0=close, price1=volume)", CORREL(10, price0="close", price1="volume")),
        ("ATR(14)", ATR(14)),
        ("SMA(2e1)", SMA(20)),
    ],
)
def test_it_is_read(text, spec):
    assert parse_indicator(text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: an indicator is expected; found ''"),
        (20, "column 1: an indicator is expected; found 20"),
        ("SMA", "column 1: SMA must be called, as in SMA(20)\n    SMA\n    ^"),
        (
            "SAM(20)",
            "column 1: no indicator is called 'SAM'; admf knows TA-Lib's 201 functions by their names\n"
            "    SAM(20)\n    ^\n  hint: did you mean SUM?",
        ),
        ("SMA(20", "column 4: an indicator is not well-formed: '(' was never closed\n    SMA(20\n       ^"),
        (
            "EMA(9, price=RSI(0))",
            "column 14: RSI: timeperiod is out of range; found 0, allowed 2 to 100000\n"
            "    EMA(9, price=RSI(0))\n                 ^",
        ),
        (
            "BBANDS(20)",
            "column 1: BBANDS has 3 outputs and none is chosen: upperband, middleband, lowerband\n"
            "    BBANDS(20)\n    ^\n  hint: write BBANDS(...).upperband",
        ),
        (
            "BBANDS(20).uperband",
            "column 1: BBANDS has no output 'uperband'; it has: upperband, middleband, lowerband\n"
            "    BBANDS(20).uperband\n    ^",
        ),
        (
            "SMA(20).key",
            "column 1: SMA has one output and no name for it; it has no 'key'\n    SMA(20).key\n    ^",
        ),
        (
            "SMA([20])",
            "column 5: an indicator holds '[', which has no meaning here\n    SMA([20])\n        ^\n"
            "  hint: lists are not known; the bar before is prev_NAME",
        ),
        (
            "SMA(10 + 10)",
            "column 5: a number, a column or an indicator is expected\n    SMA(10 + 10)\n        ^",
        ),
        ("SMA(True)", "column 5: a number, a column or an indicator is expected\n    SMA(True)\n        ^"),
        (
            "SMA(*close)",
            "column 5: a number, a column or an indicator is expected\n    SMA(*close)\n        ^",
        ),
        ("20", "column 1: an indicator such as SMA(20) is expected\n    20\n    ^"),
        (
            "SMA(0x10)",
            "column 5: an indicator holds a number that is not well-formed\n    SMA(0x10)\n        ^",
        ),
        (
            "__import__(os)",
            "column 1: no indicator is called '__import__'; "
            "admf knows TA-Lib's 201 functions by their names\n"
            "    __import__(os)\n    ^\n  hint: list them with: admf components indicator",
        ),
        (f"SMA({'9' * 3000})", "column 1: an indicator of 3005 characters; at most 2000 are allowed"),
    ],
)
def test_what_a_user_is_told(text, message):
    with pytest.raises(FormulaError) as caught:
        parse_indicator(text)
    assert str(caught.value) == message


def test_deep_nesting_is_our_error():
    with pytest.raises(ComponentError, match="more than 40 open parentheses"):
        parse_indicator("EMA(price=" * 100 + "close" + ")" * 100)


WORDS = st.sampled_from(
    [
        *("SMA", "BBANDS", "upperband", "close", "price", "20", "2.5", "1_0", "1if", "'x'", "é", " ", "\n"),
        *("if", "for", "lambda", "not", "True", "None"),
        *"(),.=-*+:[{@\\#",
    ]
)


@given(
    st.text(max_size=60)
    | st.lists(WORDS, max_size=25).map("".join)
    | st.lists(WORDS, max_size=25).map(" ".join)
)
def test_any_text_gives_a_spec_or_our_error(text):
    try:
        spec = parse_indicator(text)
    except FormulaError as error:
        column = error.column
    else:
        assert parse_indicator(spec.key) == spec
        return
    assert 1 <= column <= len(text) + 1
