"""Lengths of bars, inferred and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from admf.core.config.models import DataConfig
from admf.errors import DataError
from admf.market import load_bars, load_market
from admf.market.timeframes import infer_timeframe, periods_per_year, rate_warnings, split_timeframe


def stamps(*args: object, **options: object) -> np.ndarray:
    return np.array(pd.date_range(*args, **options).as_unit("ns").asi8)


@pytest.mark.parametrize(
    ("freq", "timeframe"),
    [
        ("B", "1d"),
        ("D", "1d"),
        ("W", "1w"),
        ("ME", "1mo"),
        ("BME", "1mo"),
        ("QE", "3mo"),
        ("h", "1h"),
        ("4h", "4h"),
        ("5min", "5m"),
        ("90min", "90m"),
        ("30s", "30s"),
        ("3D", None),
        ("250ms", None),
    ],
)
def test_inferred(freq, timeframe):
    assert infer_timeframe(stamps("2020-01-01", periods=60, freq=freq)) == timeframe


def test_a_single_bar_has_no_timeframe():
    assert infer_timeframe(stamps("2020-01-01", periods=1)) is None
    frame = pd.DataFrame(
        dict.fromkeys(("open", "high", "low", "close"), 1.0), index=pd.DatetimeIndex(["2020"])
    )
    with pytest.raises(DataError, match="no timeframe fits the intervals between bars"):
        load_bars(frame, min_bars=1)


@pytest.mark.parametrize("text", ["", "d", "0d", "1x", "1.5h", "-1d", "1 d", "10000d", "1D"])
def test_what_is_no_timeframe(text):
    with pytest.raises(DataError) as caught:
        split_timeframe(text)
    assert str(caught.value) == (
        f"{text!r} is not a timeframe\n"
        "  hint: write a whole number and one of s, m, h, d, w, mo: 30s, 5m, 1h, 1d, 1w, 1mo"
    )


@pytest.mark.parametrize(
    ("freq", "timeframe", "expected"),
    [
        ("B", "1d", 252),
        ("D", "1d", 365),
        ("2B", "2d", 126),
        ("W", "1w", 52),
        ("ME", "1mo", 12),
        ("QE", "3mo", 4),
        ("h", "1h", 24 * 365),
    ],
)
def test_periods_per_year(freq, timeframe, expected):
    assert periods_per_year(stamps("2020-01-01", periods=300, freq=freq), timeframe) == expected


def test_periods_per_year_of_a_session():
    """Seven hourly bars on business days."""
    days = pd.bdate_range("2020-01-01", periods=50, tz="America/New_York")
    hours = [day + pd.Timedelta(minutes=570 + 60 * hour) for day in days for hour in range(7)]
    times = np.array(pd.DatetimeIndex(hours).as_unit("ns").asi8)
    assert periods_per_year(times, "1h", "America/New_York") == 7 * 252


def test_a_lone_weekend_session_is_no_seven_day_market():
    days = stamps("2020-01-01", periods=100, freq="B")
    saturday = stamps("2020-02-01", periods=1)
    assert periods_per_year(np.sort(np.concatenate([days, saturday])), "1d") == 252


def test_currencies_that_open_on_sunday_are_no_seven_day_market(reference):
    assert load_bars(reference / "data" / "bt_EURUSD_1h.parquet").periods_per_year == 24 * 252


def test_the_users_figure_wins(random_frame):
    assert load_bars(random_frame(1), periods_per_year=260).periods_per_year == 260


@pytest.mark.parametrize(
    ("freq", "timeframe", "found"),
    [("B", "1d", 261), ("D", "1d", None), ("W", "1w", None), ("ME", "1mo", None), ("h", "1h", None)],
)
def test_a_rate_that_is_not_that_of_the_data_is_told(freq, timeframe, found):
    times = stamps("2020-01-01", "2022-12-31", freq=freq)
    used = periods_per_year(times, timeframe)
    told = rate_warnings(times, used)
    if found is None:
        assert told == []
    else:
        assert told == [
            "annual figures use 252 bars a year, and the data have 261 in a calendar year: "
            "data_config.periods_per_year: 261 makes them agree (in Python, of load_bars)"
        ]
    assert rate_warnings(times, found or used) == []


def test_too_short_a_time_tells_no_rate():
    assert rate_warnings(stamps("2020-01-01", "2020-11-30", freq="B"), 252) == []
    assert rate_warnings(stamps("2020-01-01", periods=0), 252) == []


def test_missing_bars_may_be_why_there_are_few():
    (told,) = rate_warnings(stamps("2020-01-01", "2022-12-31", freq="B")[::2], 252)
    assert "the data have 131 in a calendar year" in told
    assert told.endswith("if bars are missing, a calendar names them")


def test_exchange_days_have_the_rate_that_is_used():
    (bars,) = load_market(DataConfig()).bars.values()
    assert rate_warnings(bars.timestamps, bars.periods_per_year) == []
