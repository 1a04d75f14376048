"""Gaps against exchange calendars."""

from __future__ import annotations

import pandas as pd
import pytest

from admf.errors import DataError
from admf.market import load_bars


def flat(index: pd.DatetimeIndex | list[pd.Timestamp]) -> pd.DataFrame:
    columns = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0 + pd.Series(range(len(index))) * 1e-9}
    frame = pd.DataFrame(columns).set_axis(pd.DatetimeIndex(index))
    return frame.assign(high=2.0)


def warnings_of(index, **options) -> list[str]:
    bars = load_bars(flat(index), symbol="ACME", **options)
    return [finding.message for finding in bars.findings if finding.severity == "warning"]


def test_the_sample_prices_have_every_session_of_new_york():
    bars = load_bars("sample:SP500", calendar="XNYS")
    assert [finding for finding in bars.findings if finding.severity == "warning"] == []


def test_days():
    days = pd.bdate_range("2020-01-01", periods=12, tz="UTC").delete([4, 5])
    assert warnings_of(days, calendar="XNYS") == [
        "bar on a day that is no session of XNYS in 1 row: row 0 (2020-01-01)",
        "2 XNYS sessions have no bar: 2020-01-07, 2020-01-08",
    ]
    assert warnings_of(days, calendar="24/7") == [
        "6 24/7 sessions have no bar: 2020-01-04, 2020-01-05, 2020-01-07, 2020-01-08, 2020-01-11 and 1 more"
    ]


def test_days_are_those_of_the_zone():
    days = pd.bdate_range("2020-01-06", periods=12, tz="Asia/Tokyo").delete(5)  # 13 January is a holiday
    assert warnings_of(days, calendar="XTKS") == []
    assert any("no session" in message for message in warnings_of(days.tz_convert("UTC"), calendar="XTKS"))


def test_hours():
    first = pd.date_range("2020-01-06 14:30", periods=7, freq="h", tz="UTC")
    second = pd.date_range("2020-01-07 16:30", periods=6, freq="h", tz="UTC")
    third = pd.date_range("2020-01-09 14:30", periods=7, freq="h", tz="UTC")
    assert warnings_of([*first, *second, *third], calendar="XNYS", timeframe="1h") == [
        "bar outside the trading hours of XNYS in 1 row: row 12 (2020-01-07 21:30 UTC)",
        "gap against calendar XNYS in 2 rows: "
        "row 7 (2020-01-07 16:30 UTC): 2.5 hours of trading time after the bar before; "
        "row 13 (2020-01-09 14:30 UTC): 6.5 hours of trading time after the bar before",
    ]


def test_nights_weekends_half_days_and_lunch_are_no_gaps():
    import exchange_calendars

    for name in ("XNYS", "XHKG"):
        calendar = exchange_calendars.get_calendar(name, start="2020-11-02", end="2021-01-29")
        index = calendar.trading_index("2020-11-20", "2021-01-04", "30min", intervals=False, closed="left")
        assert warnings_of(index, calendar=name, timeframe="30m") == []
        for hole in range(40, 60):  # first, middle and last bars of sessions
            (message,) = warnings_of(index.delete(hole), calendar=name, timeframe="30m")
            assert message.startswith(f"gap against calendar {name} in 1 row: row {hole} ")


def test_one_bar_missing_beside_a_part_of_a_bar():
    """New York's six and a half hours end with half a bar."""
    days = pd.bdate_range("2020-01-06", periods=4, tz="America/New_York")
    hours = [day + pd.Timedelta(minutes=570 + 60 * hour) for day in days for hour in range(7)]
    for hole in range(7, 21):
        holed = pd.DatetimeIndex(hours).delete(hole)
        (message,) = warnings_of(holed, calendar="XNYS", timeframe="1h")
        assert message.startswith(f"gap against calendar XNYS in 1 row: row {hole} ")


def test_weeks_and_months():
    weeks = pd.date_range("2020-01-03", periods=12, freq="W-FRI", tz="UTC").delete([5, 6])
    assert warnings_of(weeks, calendar="XNYS") == [
        "weeks without a bar (calendar XNYS) in 1 row: row 5 (2020-02-21): comes 3 weeks after the bar before"
    ]
    months = pd.date_range("2020-01-31", periods=12, freq="ME", tz="UTC")
    assert warnings_of(months, calendar="XNYS") == []
    assert warnings_of(months.delete(3), calendar="XNYS") == [
        "months without a bar (calendar XNYS) in 1 row: row 3 (2020-05-31): "
        "comes 2 months after the bar before"
    ]


@pytest.mark.parametrize(
    ("name", "near"), [("xnys", "XNYS"), ("XNYZ", "XNYS"), ("NYSEE", "NYSE"), ("24-7", "24/7")]
)
def test_unknown_calendar(name, near):
    with pytest.raises(DataError) as caught:
        warnings_of(pd.bdate_range("2020-01-01", periods=12), calendar=name)
    assert str(caught.value) == (
        f"{name!r} is no exchange calendar; did you mean {near!r}?\n"
        "  hint: names are those of the package exchange_calendars, as XNYS, XLON, CME, 24/5, 24/7"
    )


def test_a_calendar_that_does_not_reach_so_far():
    assert warnings_of(pd.bdate_range("1930-01-01", periods=12), calendar="XHKG") == [
        "calendar XHKG has no records for 1930-01-01 to 1930-01-16: gaps are not judged"
    ]


def test_no_calendar_is_told(random_bars):
    assert "no calendar is given: gaps are not judged" in [each.message for each in random_bars(1).findings]
