"""Whole lots: what rounding alone has taken off a count is no lot less, in any engine, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admf.simulation.kernel import lots_text
from admf.simulation.lots import NOTHING, in_lots

NAN = math.nan
MADE: dict = {"_njit": lambda **_: lambda function: function, "_OPTIONS": {}}
exec(lots_text(frozenset({"lots"})), MADE)
FLAT = [(100, 100, 100, 100)] * 4


@pytest.mark.parametrize(
    ("units", "lot_size", "lots"),
    [
        (0.3, 0.1, 3),  # 0.3 / 0.1 is 2.9999999999999996
        (0.29999, 0.1, 2),
        (0.3 - 1e-11, 0.1, 2),  # that is less, and no rounding
        (0.1 + 0.2, 0.1, 3),
        (4.35, 0.01, 435),  # 434.99999999999994
        (1.1 * 3, 1.1, 3),
        (100_000.0, 0.1, 1_000_000),
        (99_999.99999, 0.1, 999_999),
        (0.7 * 1e6, 0.7, 1_000_000),
        (7.0, 1.0, 7),
        (6.999999, 1.0, 6),
        (0.999999, 1.0, 0),
        (1.0 - 1e-15, 1.0, 1),
        (0.5, 1.0, 0),
        (0.0, 0.1, 0),
        (5000.0, 1000.0, 5),
        (1e15, 1.0, 1e15),
    ],
)
def test_a_count_of_lots(units, lot_size, lots):
    assert in_lots(units, lot_size) == lots * lot_size
    assert math.isnan(in_lots(NAN, lot_size))


def test_without_lots_nothing_is_cut():
    assert in_lots(0.29999, 0.0) == 0.29999


SIZES = st.floats(1e-6, 1e9)


@given(units=SIZES, lot_size=SIZES)
def test_lots_never_take_more_than_rounding_and_leave_less_than_one(units, lot_size):
    cut = in_lots(units, lot_size)
    assert cut <= units * (1.0 + 2 * NOTHING)
    assert units - cut < lot_size * (1.0 + 2 * NOTHING)
    assert in_lots(cut, lot_size) == cut


@given(count=st.integers(0, 10**9), digits=st.integers(0, 8), lot=st.integers(1, 9999))
def test_decimal_lots_are_counted_as_decimals(count, digits, lot):
    lot_size = lot / 10**digits
    assert in_lots(count * lot / 10**digits, lot_size) == count * lot_size


@given(units=SIZES, lot_size=SIZES)
def test_the_text_in_a_kernel_is_the_same_function(units, lot_size):
    assert MADE["_in_lots"](units, lot_size) == in_lots(units, lot_size)


@pytest.mark.parametrize(
    ("sizing", "cash", "lots"),
    [
        ({"method": "fixed_units", "units": 0.3, "lot_size": 0.1}, 1000.0, 3),
        ({"method": "fixed_units", "units": 0.29999, "lot_size": 0.1}, 1000.0, 2),
        ({"method": "fixed_units", "units": 0.3, "lot_size": 0.1}, 30.0, 3),  # all the cash
        ({"lot_size": 0.1}, 30.0, 3),
        ({"lot_size": 0.1}, 29.999, 2),
        ({"lot_size": 0.1}, 10_000_000.0, 1_000_000),
        ({"lot_size": 1.0}, 1000.0, 10),
        ({"lot_size": 1.0}, 999.99, 9),
    ],
)
def test_an_entry_in_lots(follow, sizing, cash, lots):
    result = follow(FLAT, [1, NAN, 0, NAN], sizing=sizing, initial_cash=cash)
    assert result.position_values[1] == lots * sizing["lot_size"]
    assert list(result.orders.status) == ["filled", "filled"]
    assert result.position_values[-1] == 0.0
    assert result.equity_values[-1] == pytest.approx(cash, rel=1e-15)


def test_a_target_that_differs_by_rounding_is_no_trade(follow):
    sizing = {"method": "fixed_units", "units": 5.0}
    result = follow(FLAT, [0.3, 0.1 + 0.2, NAN, NAN], sizing=sizing, costs={"commission_fixed": 1.0})
    assert len(result.orders) == 1
    assert result.equity_values[-1] == 999.0


def test_a_resize_in_lots(follow):
    rows = FLAT + FLAT[:2]
    result = follow(rows, [1, 0.5, 0.5, 1, 0, NAN], sizing={"lot_size": 0.1}, initial_cash=60.0)
    # 60 buys 6 lots, half of it 3
    assert result.position_values.tolist() == [0, 6 * 0.1, 3 * 0.1, 3 * 0.1, 6 * 0.1, 0]
    assert (result.equity_values - result.position_values * 100).min() >= -1e-12 * 60
