"""Finer bars: which lie in which bar, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from admf.errors import DataError
from admf.market import Bars, load_bars
from admf.market.finer import finer_spans
from admf.simulation.facts import FACTS, FactNeeds, facts_of


def made(moments: Any, timeframe: str, zone: str = "UTC", low: float = 9.0, high: float = 11.0) -> Bars:
    index = pd.DatetimeIndex(moments)
    frame = pd.DataFrame({"open": 10.0, "high": high, "low": low, "close": 10.0}, index=index)
    return load_bars(frame, symbol="X", timeframe=timeframe, timezone=zone, min_bars=1)


def spans(bars: Bars, finer: Bars) -> list[tuple[int, int]]:
    begin, end = finer_spans(bars, finer)
    return list(zip(begin.tolist(), end.tolist(), strict=True))


def test_a_finer_bar_lies_in_the_bar_in_whose_time_it_begins() -> None:
    bars = made(["2020-01-01T10:00Z", "2020-01-01T11:00Z", "2020-01-01T14:00Z"], "1h")
    moments = ["09:30", "10:00", "10:30", "11:30", "12:30", "13:30", "14:59"]
    finer = made([f"2020-01-01T{moment}Z" for moment in moments], "30m")
    # 09:30 is before all bars, 12:30 and 13:30 in a gap: in no bar's time.
    assert spans(bars, finer) == [(1, 3), (3, 4), (6, 7)]


def test_a_bar_without_finer_bars_has_an_empty_span() -> None:
    bars = made(["2020-01-01", "2020-01-02", "2020-01-03"], "1d")
    finer = made(["2020-01-01T10:00Z", "2020-01-03T10:00Z"], "1h")
    assert spans(bars, finer) == [(0, 1), (1, 1), (1, 2)]
    facts = facts_of(bars, FactNeeds(), finer=finer)
    at = FACTS.index("fine_from")
    assert facts.rows[:, at : at + 2].tolist() == [[0, 1], [1, 1], [1, 2]]
    assert facts.fine.tolist() == [[10.0, 11.0, 9.0, 10.0]] * 2
    assert not facts.fine.flags.writeable


def test_finer_bars_that_do_not_reach_the_range_of_their_bar_do_not_count() -> None:
    bars = made(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"], "1d")
    moments = [f"2020-01-0{day}T{hour}:00Z" for day in (1, 2, 3, 4) for hour in (10, 11)]
    frame = pd.DataFrame({"open": 10.0, "high": 10.5, "low": 9.5, "close": 10.0}, index=moments)
    frame["high"] = [11, 10.5, 11, 10.5, 10.5, 10.5, 11 * (1 - 5e-10), 10.5]
    frame["low"] = [9.5, 9, 9.5, 9.5, 9.5, 9, 9.5, 9 * (1 + 5e-10)]
    finer = load_bars(frame.set_index(pd.DatetimeIndex(moments)), symbol="X", timeframe="1h")
    # the second day lacks its low, the third its high
    assert spans(bars, finer) == [(0, 2), (2, 2), (4, 4), (6, 8)]


def test_no_finer_bars_at_all_are_empty_spans() -> None:
    bars = made(["2020-01-01", "2020-01-02"], "1d")
    assert spans(bars, made(["2020-01-01T10:00Z"], "1h").slice(0, 0)) == [(0, 0), (0, 0)]


def test_a_day_is_one_of_the_wall_clock() -> None:
    # New York's 2020-11-01 has 25 hours: its last one begins 24 hours after midnight.
    zone = "America/New_York"
    days = pd.date_range("2020-10-31", periods=2, freq="D", tz=zone)
    hours = pd.date_range("2020-10-31", periods=72, freq="h", tz=zone)
    assert spans(made(days, "1d", zone), made(hours, "1h", zone)) == [(0, 24), (24, 49)]
    # And 2020-03-08 has 23.
    days = pd.date_range("2020-03-08", periods=1, freq="D", tz=zone)
    hours = pd.date_range("2020-03-08", periods=48, freq="h", tz=zone)
    assert spans(made(days, "1d", zone), made(hours, "1h", zone)) == [(0, 23)]


def test_weeks_and_months_are_those_of_the_calendar() -> None:
    days = made(pd.date_range("2020-01-27", periods=40, freq="D", tz="UTC"), "1d")
    assert spans(made(["2020-01-27"], "1w"), days) == [(0, 7)]
    assert spans(made(["2020-02-01"], "1mo"), days) == [(5, 34)]  # February 2020 has 29 days


@pytest.mark.parametrize(
    ("finer", "message"),
    [
        (
            made(["2020-01-01"], "1d"),
            "X: finer bars have timeframe 1d, which is not shorter than 1d, that of the bars",
        ),
        (
            replace(made(["2020-01-01"], "1h"), symbol="Y"),
            "the finer bars are of Y, the bars of X",
        ),
        (
            made(["2020-01-01T00:00Z", "2020-01-01T01:00Z", "2020-01-01T02:00Z"], "1h", high=11.5),
            "X: the finer bar of 2020-01-01T00:00:00+00:00 has high 11.5, above the high 11 of its bar of "
            "2020-01-01T00:00:00+00:00 (and 2 more such finer bars)",
        ),
        (
            made(["2019-12-31T00:00Z", "2020-01-01T01:00Z"], "1h", low=8.5),
            "X: the finer bar of 2020-01-01T01:00:00+00:00 has low 8.5, below the low 9 of its bar of "
            "2020-01-01T00:00:00+00:00",
        ),
    ],
)
def test_finer_bars_that_cannot_be_parts_are_refused(finer: Bars, message: str) -> None:
    bars = made(["2020-01-01"], "1d")
    with pytest.raises(DataError) as caught:
        finer_spans(bars, finer)
    assert caught.value.message == message


def test_a_billionth_is_rounding() -> None:
    bars = made(["2020-01-01"], "1d")
    inside = made(["2020-01-01T01:00Z"], "1h", high=11.0 * (1 + 5e-10), low=9.0 * (1 - 5e-10))
    assert spans(bars, inside) == [(0, 1)]
    beyond = made(["2020-01-01T01:00Z"], "1h", high=11.0 * (1 + 5e-9))
    with pytest.raises(DataError, match="above the high"):
        finer_spans(bars, beyond)


def test_spans_of_random_bars_hold_exactly_the_finer_bars_of_their_time() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        hours = np.sort(random.choice(200, 60, replace=False)) * 3600 * 10**9
        quarters = np.sort(random.choice(900, 300, replace=False)) * 900 * 10**9
        bars = made(pd.to_datetime(hours, utc=True), "1h")
        finer = made(pd.to_datetime(quarters, utc=True), "15m")
        for stamp, (begin, end) in zip(hours, spans(bars, finer), strict=True):
            wanted = np.flatnonzero((quarters >= stamp) & (quarters < stamp + 3600 * 10**9))
            assert list(range(begin, end)) == wanted.tolist()
