"""Columns and timestamps as people keep them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from admf.errors import DataError
from admf.market import load_bars

N = 12
PRICES = {"open": 1.5, "high": 2.0, "low": 1.0, "close": 1.5}


def prices(stamps: object, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"Date": stamps, **{name: [value] * N for name, value in PRICES.items()}, **more})


def days(form: str = "%Y-%m-%d") -> list[str]:
    return [day.strftime(form) for day in pd.date_range("2020-01-20", periods=N)]


def refusal(frame: pd.DataFrame, **options) -> str:
    with pytest.raises(DataError) as caught:
        load_bars(frame, symbol="ACME", **options)
    return str(caught.value)


def infos(bars) -> list[str]:
    return [finding.message for finding in bars.findings if finding.severity == "info"]


@pytest.mark.parametrize(
    "names",
    [
        ("Date", "Open", "High", "Low", "Close", "Volume"),
        ("timestamp", "OPEN", "HIGH", "LOW", "CLOSE", "VOL"),
        ("time", "o", "h", "l", "c", "v"),
        ("datetime", "open", "high", "low", "Last", "volume"),
        ("Open Time", "Open Price", "high_price", "low-price", "close.price", "Vol."),
    ],
)
def test_usual_spellings(names):
    columns = [days(), [1.5] * N, [2.0] * N, [1.0] * N, [1.25] * N, [7] * N]
    bars = load_bars(pd.DataFrame(dict(zip(names, columns, strict=True))))
    row = (bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0])
    assert row == (1.5, 2.0, 1.0, 1.25, 7.0)
    assert str(bars.index[0]) == "2020-01-20 00:00:00+00:00"
    assert not bars.extra


def test_close_wins_over_last_and_the_other_is_kept():
    bars = load_bars(prices(days(), Last=[1.9] * N))
    assert bars.close[0] == 1.5
    assert bars.extra["Last"][0] == 1.9
    assert load_bars(prices(days(), Last=[1.9] * N), columns={"close": "Last"}).close[0] == 1.9


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        (
            {"drop": "close"},
            None,
            "ACME (DataFrame): no column for close\n"
            "  columns found: 'Date', 'open', 'high', 'low'\n"
            "  hint: say which is which with `columns`, our name to the file's name: columns: {close: Last}",
        ),
        ({"add": "Close"}, None, "ACME (DataFrame): close is ambiguous: 'close' and 'Close'\n"),
        (
            {},
            {"clse": "close"},
            "ACME (DataFrame): columns: 'clse' is no name of ours, did you mean 'close'? "
            "(allowed: timestamp, symbol, open, high, low, close, volume, adj_close, split, dividend)\n",
        ),
        (
            {},
            {"close": "clos"},
            "ACME (DataFrame): columns: close is to be read from 'clos', which is not there; "
            "did you mean 'close'?\n",
        ),
        ({"drop": "Date"}, None, "ACME (DataFrame): no column for timestamp\n"),
        (
            {"rename": {"Date": "day", "open": "first"}},
            None,
            "ACME (DataFrame): no column for timestamp; no column for open\n",
        ),
    ],
)
def test_columns_that_cannot_be_told(change, columns, message):
    frame = prices(days())
    if "drop" in change:
        frame = frame.drop(columns=change["drop"])
    if "add" in change:
        frame[change["add"]] = 1.0
    frame = frame.rename(columns=change.get("rename", {}))
    assert refusal(frame, columns=columns).startswith(message)


def test_a_column_twice_and_columns_of_two_levels():
    frame = pd.concat([prices(days()), pd.DataFrame({"open": [1.0] * N})], axis=1)
    assert refusal(frame).startswith("ACME (DataFrame): column 'open' is there twice")
    frame = prices(days())
    frame.columns = pd.MultiIndex.from_product([frame.columns, ["AAPL"]])
    assert "the columns have 2 levels" in refusal(frame)


def test_other_columns():
    bars = load_bars(
        prices(
            days(),
            signal=[True, False] * 6,
            count=pd.array([1, None] * 6, dtype="Int64"),
            note=["a"] * N,
            broken=[1.0] * (N - 1) + ["x"],
            when=pd.Timestamp("2020-01-01"),
        )
    )
    assert list(bars.extra) == ["signal", "count"]
    assert bars.extra["signal"].tolist() == [1.0, 0.0] * 6
    assert np.isnan(bars.extra["count"][1])
    assert [f"{finding.severity}: {finding.message}" for finding in bars.findings][1:5] == [
        "info: the source has no volume; it is 0 in every bar",
        "info: column 'note' holds no numbers and is left out",
        "warning: column 'broken' is left out: it holds text in 1 row: row 11 (2020-01-31): 'x'",
        "info: column 'when' holds no numbers and is left out",
    ]


def test_decimals_are_numbers():
    frame = prices(days(), volume=[Decimal("12.5")] * N)
    frame["close"] = [Decimal("1.25")] * N
    bars = load_bars(frame)
    assert (bars.close[0], bars.volume[0]) == (1.25, 12.5)


@pytest.mark.parametrize(
    ("stamps", "first", "told"),
    [
        (days(), "2020-01-20 00:00", "timestamps carry no time zone and are taken as UTC"),
        (days("%Y-%m-%dT%H:%M:%SZ"), "2020-01-20 00:00", None),
        (days("%Y-%m-%d 00:00:00-05:00"), "2020-01-20 05:00", None),
        (days("%m/%d/%Y"), "2020-01-20 00:00", "timestamps are read as %m/%d/%Y"),
        (days("%d.%m.%Y"), "2020-01-20 00:00", "timestamps are read as %d.%m.%Y"),
        ([int(day) for day in days("%Y%m%d")], "2020-01-20 00:00", "read as dates, year month day"),
        ([1579478400 + 86400 * i for i in range(N)], "2020-01-20 00:00", "read as seconds since 1970"),
        ([1579478400.25 + 86400 * i for i in range(N)], "2020-01-20 00:00:00.25", "seconds since 1970"),
        ([(1579478400 + 86400 * i) * 10**3 for i in range(N)], "2020-01-20 00:00", "milliseconds"),
        ([(1579478400 + 86400 * i) * 10**6 for i in range(N)], "2020-01-20 00:00", "microseconds"),
        ([(1579478400 + 86400 * i) * 10**9 for i in range(N)], "2020-01-20 00:00", "nanoseconds"),
        ([dt.date(2020, 1, 20) + dt.timedelta(i) for i in range(N)], "2020-01-20 00:00", "taken as UTC"),
        (
            [dt.datetime(2020, 1, 20, tzinfo=dt.UTC) + dt.timedelta(i) for i in range(N)],
            "2020-01-20 00:00",
            None,
        ),
        (pd.date_range("2020-01-20", periods=N, tz="Asia/Tokyo"), "2020-01-19 15:00", None),
    ],
)
def test_forms_of_timestamps(stamps, first, told):
    bars = load_bars(prices(stamps))
    assert bars.index[0] == pd.Timestamp(first, tz="UTC")
    assert bars.timeframe == "1d"
    form = [message for message in infos(bars) if message.startswith("timestamps")]
    assert any(told in message for message in form) if told else not form


def test_timestamps_in_the_index():
    frame = prices(days()).set_index("Date")
    assert load_bars(frame).index[0] == pd.Timestamp("2020-01-20", tz="UTC")
    frame.index = pd.to_datetime(frame.index).as_unit("s").rename("session")
    assert load_bars(frame).index[0] == pd.Timestamp("2020-01-20", tz="UTC")


def test_naive_times_are_of_the_zone():
    bars = load_bars(prices(days()), timezone="America/New_York")
    assert str(bars.index[0]) == "2020-01-20 05:00:00+00:00"
    assert not any("time zone" in message for message in infos(bars))


MIDNIGHTS = pd.date_range("2020-01-20", periods=N, tz="UTC")


@pytest.mark.parametrize(
    "stamps",
    [MIDNIGHTS, days("%Y-%m-%dT00:00:00Z"), MIDNIGHTS.as_unit("s").asi8, list(MIDNIGHTS.to_pydatetime())],
)
def test_midnights_of_utc_are_dates_of_the_zone(stamps):
    bars = load_bars(prices(stamps), timezone="America/New_York")
    assert str(bars.index[0]) == "2020-01-20 05:00:00+00:00"
    assert any("are read as dates, the days of America/New_York" in message for message in infos(bars))
    tokyo = load_bars(prices(stamps), timezone="Asia/Tokyo")
    assert list(tokyo.index.tz_convert("Asia/Tokyo").strftime("%Y-%m-%d %H")) == [
        f"{day} 00" for day in days()
    ]


def test_hours_that_contain_midnight_stay_moments():
    frame = prices(pd.date_range("2020-01-20", periods=N, freq="12h", tz="UTC"))
    assert str(load_bars(frame, timezone="America/New_York").index[0]) == "2020-01-20 00:00:00+00:00"


def test_a_day_without_a_midnight_begins_when_its_clocks_do():
    frame = prices(pd.date_range("2018-11-01", periods=N))
    bars = load_bars(frame, timezone="America/Sao_Paulo")
    assert str(bars.index[3].tz_convert("America/Sao_Paulo")) == "2018-11-04 01:00:00-02:00"
    assert bars.timeframe == "1d"


@pytest.mark.parametrize(
    "stamps",
    [
        days("%Y-%m-%dT00:00:00+09:00"),
        days("%Y-%m-%d 00:00+0900"),
        [dt.datetime(2020, 1, 20 + i, tzinfo=dt.timezone(dt.timedelta(hours=9))) for i in range(N)],
        pd.date_range("2020-01-20", periods=N, tz="+09:00"),
        pd.date_range("2020-01-20", periods=N, tz="Asia/Tokyo"),
    ],
)
def test_dates_are_those_of_the_datas_zone(stamps):
    bars = load_bars(prices(stamps), start="2020-01-21", end="2020-01-22")
    assert [str(moment) for moment in bars.index] == [
        "2020-01-20 15:00:00+00:00",
        "2020-01-21 15:00:00+00:00",
    ]


def half_hours(start: str) -> pd.DataFrame:
    return prices(pd.date_range(start, periods=N, freq="30min"))


def test_local_times_of_a_clock_change():
    assert (
        "\n  local time does not exist in Europe/Berlin (change of clocks) in 2 rows: "
        "row 3: 2020-03-29 02:00:00; row 4: 2020-03-29 02:30:00\n"
    ) in refusal(half_hours("2020-03-29 00:30"), timezone="Europe/Berlin")
    assert (
        "\n  local time happened twice in Europe/Berlin (change of clocks) in 2 rows: "
        "row 3: 2020-10-25 02:00:00; row 4: 2020-10-25 02:30:00\n"
    ) in refusal(half_hours("2020-10-25 00:30"), timezone="Europe/Berlin")


def test_mixed_time_zones():
    stamps = days()
    stamps[3] = "2020-01-23T00:00:00+01:00"
    assert refusal(prices(stamps)) == (
        "ACME (DataFrame): refused, 1 error in the data\n"
        "  timestamps mix time zones: the first has no zone, others do not in 1 row: "
        "row 3: '2020-01-23T00:00:00+01:00'\n"
        "  hint: correct the source: nothing is repaired silently; "
        "rows are counted from 0, without the header"
    )
    zones = [pd.Timestamp(day, tz="UTC" if i < 10 else "Asia/Tokyo") for i, day in enumerate(days())]
    assert (
        "timestamps mix time zones: the first has UTC, others do not in 2 rows: "
        "row 10: '2020-01-30 00:00:00+09:00'; row 11: '2020-01-31 00:00:00+09:00'"
    ) in refusal(prices(zones))
    naive = [pd.Timestamp(day, tz="UTC" if i < 11 else None) for i, day in enumerate(days())]
    assert "the first has UTC, others do not in 1 row: row 11: '2020-01-31 00:00:00'" in refusal(
        prices(naive)
    )


def test_summer_and_winter_of_one_zone_are_no_mix_where_the_zone_is_named():
    stamps = pd.date_range("2020-03-25", periods=N, tz="Europe/Berlin").map(lambda moment: moment.isoformat())
    assert (
        "the first has +01:00, others do not "
        "(if it is one zone's summer and winter, name that with timezone) "
        "in 7 rows: row 5: '2020-03-30T00:00:00+02:00'"
    ) in refusal(prices(stamps))
    bars = load_bars(prices(stamps), timezone="Europe/Berlin")
    assert bars.index[5] == pd.Timestamp("2020-03-29 22:00", tz="UTC")
    assert "mix time zones" in refusal(prices(stamps), timezone="America/New_York")


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (
            [f"0{i % 9 + 1}/02/2003" for i in range(N)],
            "ACME (DataFrame): timestamps such as '01/02/2003' can be read as %m/%d/%Y and %d/%m/%Y\n"
            "  hint: write dates as 2020-01-31",
        ),
        (["x"] * N, "ACME (DataFrame): timestamps are in no form that is known: 'x', 'x', 'x'\n"),
        ([None] * N, "ACME (DataFrame): timestamps are in no form that is known: all are empty\n"),
        (range(N), "ACME (DataFrame): timestamps are numbers from 0 to 11, which are no time since 1970\n"),
        ([True] * N, "ACME (DataFrame): the timestamp column holds true and false"),
        (pd.period_range("2020-01", periods=N, freq="M"), "ACME (DataFrame): timestamps are periods\n"),
        (
            pd.date_range("1500-01-01", periods=N, unit="s"),
            "ACME (DataFrame): timestamps outside 1678 to 2261",
        ),
    ],
)
def test_timestamps_that_cannot_be_read(stamps, message):
    assert refusal(prices(stamps)).startswith(message)


def test_single_timestamps_that_cannot_be_read():
    stamps: list[str | None] = list(days())
    stamps[4], stamps[6] = "2020-13-45", None
    assert refusal(prices(stamps)).startswith(
        "ACME (DataFrame): refused, 1 error in the data\n"
        "  timestamp is missing or unreadable in 2 rows: row 4: '2020-13-45'; row 6: empty\n"
    )


def test_unknown_time_zone():
    assert refusal(prices(days()), timezone="Europe/Berln") == (
        "'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'?\n"
        "  hint: write the name of the IANA list, as America/New_York, or UTC"
    )
