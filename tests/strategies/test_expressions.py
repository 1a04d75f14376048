"""Rule expressions: what is read, what it means, what is refused, and that nothing else can happen."""

import math
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.indicators.text import FormulaError
from admf.strategies.expressions import Names, parse_expression

NUMBERS = ["close", "fast", "slow", "rsi", "position"]
NAMES = Names(NUMBERS, ["flag"], ["close", "fast", "slow", "rsi"])
VALUES = {
    "close": 10.0,
    "prev_close": 9.0,
    "fast": 3.0,
    "prev_fast": 1.0,
    "slow": 2.0,
    "prev_slow": 2.0,
    "rsi": math.nan,
    "prev_rsi": 5.0,
    "position": 0.0,
    "flag": True,
}


def run(expression, values):
    lines, result = expression.source(count(1))
    source = "\n".join(
        [f"def f({', '.join(values)}):", *(f"    {line}" for line in lines), f"    return {result}"]
    )
    scope = {"nan": math.nan}
    exec(source, scope)
    return scope["f"](**values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("close > 9", True),
        ("close > 9 and fast < slow", False),
        ("close > 9 and (fast < slow or not fast == 2)", True),
        ("1 < fast < 3", False),
        ("1 < fast <= 3 < close", True),
        ("-close + 2 * fast - slow / 4 == -4.5", True),
        ("crosses_above(fast, slow)", True),
        ("crosses_above(fast, 1)", False),  # 1 was not strictly above it one bar before
        ("crosses_above(fast, 1.5)", True),
        ("crosses_below(slow, fast)", True),
        ("crosses_below(close - 8, fast)", False),
        ("crosses_above(2 * fast, slow + 1)", True),
        ("prev_close < close", True),
        ("min(close, fast, slow) == 2 and max(close, fast) == 10 and abs(-fast) == 3", True),
        ("rsi > 0 or rsi <= 0 or rsi == rsi", False),
        ("rsi != rsi", True),
        ("not rsi > 0", True),
        ("close / position > 0 or close / position < 0", False),
        ("1 / (close / position) != 0", True),
        ("flag and close > 1", True),
        ("  close >\n 9 ", True),
    ],
)
def test_meaning(text, expected):
    expression = parse_expression(text, NAMES)
    assert expression.evaluate(VALUES) is expected
    assert run(expression, VALUES) is expected


def test_names_in_order_of_appearance():
    expression = parse_expression("crosses_above(fast, 30) and rsi < 70 and fast > 1", NAMES)
    assert expression.names == ("prev_fast", "fast", "rsi")


def said(column, message, text, hint=None):
    lines = [f"column {column}: {message}", f"    {text}", f"    {' ' * (column - 1)}^"]
    return "\n".join(lines + ([f"  hint: {hint}"] if hint else []))


NO_CONDITION = "a condition (true or false) is expected here; compare it with something"
THERE = "there is: close, fast, slow, rsi, position, flag; and prev_NAME, the value one bar before"


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("fast > slw", 8, f"there is no 'slw'; {THERE}", "did you mean slow?"),
        ("prev_position > 1", 1, f"there is no 'prev_position'; {THERE}", "did you mean position?"),
        ("close", 1, NO_CONDITION, None),
        ("close and fast", 1, NO_CONDITION, None),
        ("fast > (slow > 1)", 9, "a number is expected here, not a condition", None),
        ("flag > 1", 1, "flag is true or false, not a number", None),
        ("close = 3", 7, "a condition holds a single =", "to compare, write =="),
        ("close > 3 & fast > 1", 11, "a condition holds '&', which has no meaning here", "write and"),
        ("close ** 2 > 1", 1, "of arithmetic, + - * / are allowed", None),
        ("close // 2 > 1", 1, "of arithmetic, + - * / are allowed", None),
        ("(close > 1", 1, "a condition is not well-formed: '(' was never closed", None),
        ("close > 'a'", 9, "a number is expected; found 'a'", None),
        ("close > True", 9, "a number is expected; found True", None),
        ("close.real > 1", 1, "a number or a name is expected here", None),
        ("close is 3", 1, "to compare, write one of < <= > >= == !=", None),
        ("close in fast", 1, "to compare, write one of < <= > >= == !=", None),
        (
            "SMA(20) > 3",
            1,
            "there is no function 'SMA'; there is: abs, min, max, crosses_above, crosses_below",
            "give an indicator a name under `indicators`, and use that name here",
        ),
        (
            "cross_above(fast, slow)",
            1,
            "there is no function 'cross_above'; there is: abs, min, max, crosses_above, crosses_below",
            "did you mean crosses_above?",
        ),
        (
            "crosses_above(position, 1)",
            15,
            "the value of position one bar before is not known, so it cannot cross",
            None,
        ),
        ("crosses_above(fast)", 1, "crosses_above takes 2 values; found 1", None),
        ("crosses_above(fast > 1, 1)", 15, "a number is expected here, not a condition", None),
        ("min() > 1", 1, "min takes at least 1 value; found 0", None),
        ("min(*fast) > 1", 1, "min takes its values by position", None),
        ("close > 1e999", 9, "this number is too large", None),
        ("close > 1_000", 9, "a condition holds a number that is not well-formed", None),
        ("close > fast if flag else slow", 1, "a condition (true or false) is expected here; compare it with "
         "something", None),
    ],
)  # fmt: skip
def test_what_a_user_is_told(text, column, message, hint):
    with pytest.raises(FormulaError) as caught:
        parse_expression(text, NAMES)
    assert str(caught.value) == said(column, message, text, hint)
    assert caught.value.column == column


@pytest.mark.parametrize("text", [None, 3, True, "", "   ", ["close > 1"]])
def test_no_text_is_refused(text):
    with pytest.raises(FormulaError, match="column 1: a condition is expected; found"):
        parse_expression(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "close" + ")" * 500 + " > 1",
        "not " * 450 + "close > 1",
        "-" * 1500 + "close > 1",
        "close > 1 and " * 300,
    ],
)
def test_size_is_limited(text):
    with pytest.raises(FormulaError, match=r"more than 40 open|too large from here|at most 2000 are allowed"):
        parse_expression(text, NAMES)


WORDS = st.sampled_from(
    [
        *NUMBERS,
        *("prev_close", "flag", "1", "2.5", "1e3", "and", "or", "not", "crosses_above", "min", "abs", " "),
        *("lambda", "if", "else", "in", "is", "__class__", "open", "'x'", "é", "\n"),
        *"()<>=,.+-*/!&:[]{}@\\#",
        *("<=", ">=", "==", "!="),
    ]
)


@settings(max_examples=300)
@given(
    st.text(max_size=80)
    | st.lists(WORDS, max_size=30).map(" ".join)
    | st.lists(WORDS, max_size=30).map("".join)
)
def test_any_text_is_read_or_refused_by_us(text):
    try:
        expression = parse_expression(text, NAMES)
    except FormulaError as error:
        column = error.column
    else:
        assert parse_expression(expression.text, NAMES).text == expression.text
        return
    assert 1 <= column <= len(text) + 1


number = st.recursive(
    st.sampled_from([*NUMBERS, "prev_close", "0", "1", "2.5", "1e-3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda a: f"(-{a})"),
        inner.map(lambda a: f"abs({a})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    ),
    max_leaves=5,
)
dated = st.sampled_from(["close", "fast", "slow - 1", "2 * rsi", "3"])
condition = st.recursive(
    st.one_of(
        st.just("flag"),
        st.tuples(number, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number).map(" ".join),
        st.tuples(number, number, number).map(lambda t: f"{t[0]} < {t[1]} <= {t[2]}"),
        st.tuples(st.sampled_from(["above", "below"]), dated, dated).map(
            lambda t: f"crosses_{t[0]}({t[1]}, {t[2]})"
        ),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        inner.map(lambda a: f"(not {a})"),
    ),
    max_leaves=5,
)
value = st.floats(-10, 10) | st.sampled_from([0.0, 1.0, math.nan])


@settings(max_examples=200)
@given(condition, st.fixed_dictionaries({name: value for name in VALUES if name != "flag"}), st.booleans())
def test_written_source_says_what_the_tree_says(text, values, flag):
    values["flag"] = flag
    expression = parse_expression(text, NAMES)
    assert run(expression, values) == expression.evaluate(values)
    again = parse_expression(expression.text, NAMES)
    assert (again.text, again.evaluate(values)) == (expression.text, expression.evaluate(values))
