"""Parameters: what each kind accepts."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admf.errors import StrategyError
from admf.strategies import Bool, Choice, Float, Int, Parameters


@pytest.mark.parametrize(
    ("space", "value", "accepted"),
    [
        (Int(1, 5), 5, 5),
        (Int(1, 5), np.int64(5), 5),
        (Float(0.0, 1.0), 1, 1.0),
        (Float(0.0, 1.0), np.float64(0.5), 0.5),
        (Float(0, 5), np.int32(3), 3.0),
        (Bool(), True, True),
        (Bool(), np.bool_(False), False),
        (Choice(("a", "b")), "b", "b"),
        (Choice([1, 2.5]), 2.5, 2.5),
        (Choice((True, 2)), True, True),
    ],
)
def test_accepted(space, value, accepted):
    found = space.accept(value)
    assert found == accepted
    assert type(found) is type(accepted)


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (Int(1, 5), 6, "must be from 1 to 5; found 6"),
        (Int(1, 5), 2.0, "must be a whole number; found 2.0"),
        (Int(0, 5), True, "must be a whole number; found True"),
        (Int(0, 5), "3", "must be a whole number; found '3'"),
        (Float(0.5, 1), 0.1, "must be from 0.5 to 1; found 0.1"),
        (Float(0, 1), float("nan"), "must be a finite number; found nan"),
        (Float(0, 1), True, "must be a finite number; found True"),
        (Bool(), 1, "must be true or false; found 1"),
        (Choice(("a", "b")), "c", "must be one of 'a', 'b'; found 'c'"),
        (Choice((1, 2)), True, "must be one of 1, 2; found True"),
    ],
)
def test_refused(space, value, message):
    with pytest.raises(ValueError) as caught:
        space.accept(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(5, 1), "Int: low 5 is above high 1"),
        (lambda: Int(1, 5, default=6), "Int: default must be from 1 to 5; found 6"),
        (lambda: Int(1, 5, step=0), "Int: step must be above 0; found 0"),
        (lambda: Int(1.5, 5), "Int: low must be a whole number; found 1.5"),
        (lambda: Float(0, float("inf")), "Float: high must be a finite number; found inf"),
        (lambda: Bool(1), "Bool: default must be true or false; found 1"),
        (lambda: Choice(()), "Choice: values must be a list of at least one value; found ()"),
        (lambda: Choice("abc"), "Choice: values must be a list of at least one value; found 'abc'"),
        (lambda: Choice(("a",), "b"), "Choice: default must be one of 'a'; found 'b'"),
        (lambda: Choice(([],)), "Choice: a value must be a number, text or bool; found []"),
    ],
)
def test_a_space_is_checked_where_it_is_written(make, message):
    with pytest.raises(StrategyError) as caught:
        make()
    assert str(caught.value) == message


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.lists(st.integers()))
def test_any_value_is_accepted_in_range_or_refused(value):
    for space in (Int(-5, 5), Float(-5, 5)):
        try:
            found = space.accept(value)
        except ValueError:
            continue
        assert -5 <= found <= 5


def test_parameters_cannot_be_changed():
    p = Parameters({"fast": 5})
    assert (p.fast, p["fast"], dict(p)) == (5, 5, {"fast": 5})
    with pytest.raises(AttributeError, match="cannot be changed"):
        p.fast = 6
    with pytest.raises(AttributeError, match=r"no parameter 'fats'; there is: fast; did you mean fast\?"):
        _ = p.fats
    assert dict(pickle.loads(pickle.dumps(p))) == {"fast": 5}
