"""The gate: for each fault, what a user reads; and that one wrong cell is always found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.errors import DataError
from admf.market import Bars, load_bars

HINT = (
    "\n  hint: correct the source: nothing is repaired silently; rows are counted from 0, without the header"
)


def plain(n: int = 12) -> pd.DataFrame:
    """Rising prices on business days from 2020-01-01: close 100, 101, ..."""
    close = 100.0 + np.arange(n)
    columns = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1000.0}
    return pd.DataFrame(columns, index=pd.bdate_range("2020-01-01", periods=n, tz="UTC"))


def with_cell(column: str, row: int | slice | list[int], value: object) -> pd.DataFrame:
    frame = plain()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


def refusal(frame: pd.DataFrame, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        load_bars(frame, symbol="ACME", **options)
    return caught.value


def warnings_of(frame: pd.DataFrame, **options) -> list[str]:
    bars = load_bars(frame, symbol="ACME", **options)
    return [finding.message for finding in bars.findings if finding.severity == "warning"]


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("close", [3, 5], np.nan, "close is NaN in 2 rows: row 3 (2020-01-06); row 5 (2020-01-08)"),
        ("volume", 0, np.nan, "volume is NaN in 1 row: row 0 (2020-01-01)"),
        ("high", 3, np.inf, "high is infinite in 1 row: row 3 (2020-01-06): high inf"),
        ("low", 3, -np.inf, "low is infinite in 1 row: row 3 (2020-01-06): low -inf"),
        ("volume", 3, np.inf, "volume is infinite in 1 row: row 3 (2020-01-06): volume inf"),
        ("open", 3, 0.0, "open is not positive in 1 row: row 3 (2020-01-06): open 0"),
        ("low", 3, -1.5, "low is not positive in 1 row: row 3 (2020-01-06): low -1.5"),
        ("high", 3, 50, "high is below low in 1 row: row 3 (2020-01-06): high 50, low 102"),
        (
            "open",
            4,
            200,
            "open is outside low to high in 1 row: row 4 (2020-01-07): open 200, high 105, low 103",
        ),
        (
            "close",
            4,
            2,
            "close is outside low to high in 1 row: row 4 (2020-01-07): close 2, high 105, low 103",
        ),
        ("volume", 4, -2, "volume is negative in 1 row: row 4 (2020-01-07): volume -2"),
        (
            "close",
            slice(0, 12),
            np.nan,
            "close is NaN in 12 rows: row 0 (2020-01-01); row 1 (2020-01-02); row 2 (2020-01-03); "
            "row 3 (2020-01-06); row 4 (2020-01-07); and 7 more",
        ),
    ],
)
def test_a_cell_that_cannot_be_right_is_refused(column, row, value, message):
    error = refusal(with_cell(column, row, value))
    assert str(error) == f"ACME (DataFrame): refused, 1 error in the data\n  {message}{HINT}"


def test_text_in_a_price_column():
    frame = plain().astype(object)
    frame.iloc[2, 3], frame.iloc[3, 3] = "n.a.", "1,234.5"
    assert str(refusal(frame)) == (
        "ACME (DataFrame): refused, 1 error in the data\n"
        "  close is not a number in 2 rows: row 2 (2020-01-03): close 'n.a.'; "
        "row 3 (2020-01-06): close '1,234.5'" + HINT
    )


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            [0, 1, 2, 3, 3, *range(4, 12)],
            "timestamp is there twice in 1 row: row 4 (2020-01-06): repeats row 3",
        ),
        (
            [0, 1, 3, 2, *range(4, 12)],
            "timestamp is earlier than the one before in 1 row: row 3 (2020-01-03)",
        ),
        (
            [3, 2, 1, 0],
            "timestamp is earlier than the one before (the file runs from newest to oldest: reverse it) in "
            "3 rows: row 1 (2020-01-03); row 2 (2020-01-02); row 3 (2020-01-01)",
        ),
    ],
)
def test_order_of_time(order, message):
    error = refusal(plain().iloc[order])
    assert str(error) == f"ACME (DataFrame): refused, 1 error in the data\n  {message}{HINT}"


def test_a_repeat_far_from_its_twin_is_found_too():
    error = refusal(plain().iloc[[0, 1, 2, 3, 0]])
    assert [finding.kind for finding in error.findings if finding.severity == "error"] == [
        "duplicate_timestamp",
        "unsorted",
    ]
    assert "row 4 (2020-01-01): repeats row 0" in str(error)


def test_too_few_bars():
    assert str(refusal(plain(1))) == (
        "ACME (DataFrame): refused, 1 error in the data\n  too few bars: 1 found, at least 2 needed" + HINT
    )
    assert "too few bars: 12 found, at least 13 needed" in str(refusal(plain(), min_bars=13))


def test_every_error_is_told_at_once():
    frame = with_cell("close", 3, np.nan)
    frame.iloc[7, 4] = -1
    frame.iloc[8, 1] = 1
    assert str(refusal(frame.iloc[[*range(12), 11]])) == (
        "ACME (DataFrame): refused, 4 errors in the data\n"
        "  close is NaN in 1 row: row 3 (2020-01-06)\n"
        "  volume is negative in 1 row: row 7 (2020-01-10): volume -1\n"
        "  high is below low in 1 row: row 8 (2020-01-13): high 1, low 107\n"
        "  timestamp is there twice in 1 row: row 12 (2020-01-16): repeats row 11" + HINT
    )


def test_rows_outside_the_range_are_not_judged_and_numbers_stay_those_of_the_source():
    frame = with_cell("close", [1, 9], np.nan)
    assert "close is NaN in 1 row: row 9 (2020-01-14)" in str(refusal(frame, start="2020-01-03"))
    assert len(load_bars(frame, start="2020-01-03", end="2020-01-13")) == 7


def test_rounding_is_tolerated_told_and_kept():
    bars = load_bars(with_cell("close", 3, 104.0 * (1 + 1e-10)))
    assert [finding.message for finding in bars.findings if finding.kind == "rounding"] == [
        "prices are out of order by less than a billionth (rounding) and kept as they are in 1 row: "
        "row 3 (2020-01-06)"
    ]
    assert bars.close[3] == 104.0 * (1 + 1e-10) > bars.high[3]
    assert "close is outside low to high" in str(refusal(with_cell("close", 3, 104.0 * (1 + 1e-8))))


def test_suspected_split():
    frame = plain()
    frame.iloc[6:] *= 0.5
    frame.iloc[9:] *= 3.0
    assert warnings_of(frame) == [
        "open against the close before looks like a split in 2 rows: row 6 (2020-01-09): "
        "open 52.75 after close 105, 2-for-1?; row 9 (2020-01-14): open 162.75 after close 54, "
        "reverse 3-for-1?",
        "close moves by more than 50 % in 1 row: row 9 (2020-01-14): +202.8%",
    ]


def test_extreme_return():
    frame = plain()
    frame.iloc[6:, :4] *= 0.3
    assert warnings_of(frame) == ["close moves by more than 50 % in 1 row: row 6 (2020-01-09): -69.7%"]


def test_runs_without_volume_or_movement():
    assert warnings_of(with_cell("volume", slice(4, 10), 0)) == [
        "volume is 0 for 5 bars or more, from each of these rows on, in 1 row: row 4 (2020-01-07): for 6 bars"
    ]
    short = with_cell("volume", slice(4, 8), 0)
    assert warnings_of(short) == []
    said = [each for each in load_bars(short, symbol="ACME").findings if each.kind == "zero_volume"]
    assert [(each.severity, each.count) for each in said] == [("info", 4)]
    assert said[0].message.startswith("volume is 0 in 4 rows: row 4 (2020-01-07); row 5 (2020-01-08)")
    frame = plain()
    frame.iloc[4:11, :4] = 104.0
    assert warnings_of(frame) == [
        "price does not change for 5 bars or more, from each of these rows on, in 1 row: "
        "row 5 (2020-01-08): for 6 bars"
    ]


@pytest.mark.parametrize(("stated", "length"), [("1h", "1 hour"), ("1w", "7 days")])
def test_timeframe_that_does_not_fit_is_refused(stated, length):
    assert str(refusal(plain(), timeframe=stated)) == (
        "ACME (DataFrame): refused, 1 error in the data\n"
        f"  timeframe is stated as {stated} ({length}), but the median interval between bars is 1 day, "
        "which fits 1d" + HINT
    )


def test_thin_trading_within_the_day_is_a_warning():
    frame = plain().set_axis(pd.date_range("2020-01-01", periods=12, freq="3min", tz="UTC"))
    assert warnings_of(frame, timeframe="1m") == [
        "timeframe is stated as 1m (1 minute), but the median interval between bars is 3 minutes, "
        "which fits 3m"
    ]
    assert "which fits 3m" in str(refusal(frame, timeframe="5m"))


def test_adjusted_close():
    frame = plain()
    assert str(refusal(frame, adjustment="adjusted_close")) == (
        "ACME (DataFrame): adjustment is adjusted_close, but there is no adjusted close; columns found: "
        "'open', 'high', 'low', 'close', 'volume'\n"
        "  hint: name it with columns: {adj_close: NAME}, or set adjustment: none"
    )
    frame["Adj Close"] = frame["close"] * np.where(np.arange(12) < 6, 0.5, 1.0)
    bars = load_bars(frame, adjustment="adjusted_close")
    np.testing.assert_allclose(bars.close, frame["Adj Close"], rtol=1e-15)
    np.testing.assert_allclose(bars.high[:6], frame["high"].iloc[:6] / 2, rtol=1e-15)
    np.testing.assert_array_equal(bars.volume, frame["volume"])
    assert [finding.message for finding in bars.findings if finding.kind == "adjusted"] == [
        "prices are scaled by adjusted close over close (6 of 12 bars change); volume is left as it is"
    ]
    frame.iloc[[1, 2], 5] = [np.nan, 0.0]
    assert (
        "adjusted close is not a positive number in 2 rows: row 1 (2020-01-02): adj_close nan; "
        "row 2 (2020-01-03): adj_close 0"
    ) in str(refusal(frame, adjustment="adjusted_close"))
    assert len(load_bars(frame)) == 12  # nobody asked for the column: NaN is allowed in it


def test_a_split_is_no_longer_suspected_once_adjusted():
    frame = plain()
    frame["Adj Close"] = frame["close"]
    frame.iloc[:6, :4] *= 2
    assert len(warnings_of(frame)) == 1
    assert warnings_of(frame, adjustment="adjusted_close") == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 80), timeframe=st.sampled_from(["1d", "1h", "5m", "1w"]))
def test_valid_random_bars_pass(random_frame, seed, n, timeframe):
    frame = random_frame(seed, n, timeframe)
    bars = load_bars(frame, timeframe=timeframe)
    assert isinstance(bars, Bars)
    pd.testing.assert_frame_equal(
        bars.frame, frame, check_names=False, check_freq=False, check_index_type=False
    )


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    row=st.integers(0, 59),
    column=st.sampled_from(["open", "high", "low", "close", "volume"]),
    value=st.sampled_from([np.nan, np.inf, -np.inf, -1.0]),
)
def test_one_corrupted_cell_is_found_where_it_is(random_frame, seed, row, column, value):
    frame = random_frame(seed, 60)
    frame.iloc[row, frame.columns.get_loc(column)] = value
    error = refusal(frame)
    found = [finding for finding in error.findings if finding.severity == "error"]
    assert [(finding.rows, finding.column, finding.count) for finding in found] == [((row,), column, 1)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 59), column=st.sampled_from(["open", "close"]))
def test_one_price_outside_its_bar_is_found_where_it_is(random_frame, seed, row, column):
    frame = random_frame(seed, 60)
    frame.iloc[row, frame.columns.get_loc(column)] = frame["high"].iloc[row] * 1.001
    errors = [finding for finding in refusal(frame).findings if finding.severity == "error"]
    assert [(finding.kind, finding.rows, finding.column) for finding in errors] == [
        ("outside_range", (row,), column)
    ]
