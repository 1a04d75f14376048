"""Bars cannot be changed, keep their fingerprint wherever they go, and are cut where one says."""

from __future__ import annotations

import datetime as dt
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.errors import DataError
from admf.market import Bars, load_bars


def owned(n: int = 5) -> dict[str, np.ndarray]:
    price = np.linspace(10.0, 11.0, n)
    stamps = np.arange(n, dtype=np.int64) * 86_400 * 10**9
    return {"timestamps": stamps, **dict.fromkeys(("open", "high", "low", "close", "volume"), price)}


def test_a_write_raises(random_bars):
    bars = random_bars(1)
    for array in (
        bars.timestamps,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        *bars.extra.values(),
    ):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        with pytest.raises(ValueError, match="cannot set WRITEABLE"):
            array.flags.writeable = True
    with pytest.raises(AttributeError):
        bars.close = bars.open
    with pytest.raises(TypeError):
        bars.extra["mine"] = bars.open


def test_arrays_that_others_can_write_are_copied(random_frame):
    frame = random_frame(3)
    bars = load_bars(frame)
    before = bars.close.copy()
    frame["close"] = 1.0
    frame.loc[:, "open"] = 1.0
    np.testing.assert_array_equal(bars.close, before)

    arrays = owned()
    hidden = arrays["close"].view()
    hidden.flags.writeable = False  # read-only, but its owner is not
    bars = Bars("X", "1d", **{**arrays, "close": hidden})
    arrays["close"][0] = 99.0
    assert bars.close[0] == 10.0


def test_slices_share_memory(random_bars):
    bars = random_bars(1)
    part = bars.slice(10, 20)
    assert np.shares_memory(part.close, bars.close)
    assert len(part) == 10
    assert part.index[0] == bars.index[10]
    with pytest.raises(ValueError, match="read-only"):
        part.close[0] = 1


def test_columns_of_different_length_are_refused():
    arrays = owned()
    arrays["close"] = arrays["close"][:-1]
    with pytest.raises(DataError, match=r"bars of X: timestamps have shape \(5,\), but {'close': \(4,\)}"):
        Bars("X", "1d", **arrays)


def test_frame_is_a_copy(random_bars):
    bars = random_bars(2)
    frame = bars.frame
    frame.iloc[:, :] = 0.0
    assert bars.close[0] > 0
    assert str(frame.index.tz) == "UTC"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_saved_bars_come_back_the_same(tmp_path_factory, random_frame, seed, n):
    frame = random_frame(seed, n)
    signal = np.where(np.arange(n) % 3 == 0, np.nan, 1.5)
    bars = load_bars(frame.assign(signal=signal), symbol="S", timeframe="1d", min_bars=1)
    folder = tmp_path_factory.mktemp("bars") / "saved"
    assert bars.save(folder) == folder
    again = Bars.load(folder)
    assert again.fingerprint == bars.fingerprint
    assert again.findings == bars.findings
    assert (again.symbol, again.timeframe, again.timezone, again.source, again.periods_per_year) == (
        bars.symbol,
        bars.timeframe,
        bars.timezone,
        bars.source,
        bars.periods_per_year,
    )
    pd.testing.assert_frame_equal(again.frame, bars.frame)
    with pytest.raises(ValueError, match="read-only"):
        again.close[0] = 1
    owner = again.close
    while not isinstance(owner, np.memmap):  # None, and an error, if the array was read into memory
        owner = owner.base


def test_fingerprint_is_of_the_content(random_frame):
    frame = random_frame(5)
    bars = load_bars(frame, symbol="A")
    assert load_bars(frame, symbol="B").fingerprint == bars.fingerprint
    assert bars.slice().fingerprint == bars.fingerprint
    changed = frame.copy()
    changed.iloc[7, 4] += 1
    others = [
        load_bars(changed),
        load_bars(frame.shift(freq="1h")),
        load_bars(frame.assign(signal=1.0)),
        load_bars(frame.assign(other=1.0)),
        bars.slice(1),
    ]
    assert len({bars.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_fingerprint_does_not_depend_on_how_a_nan_is_written(random_frame):
    frame = random_frame(5, 3)
    one, two = np.array([np.nan, 0.0, 1.0]), np.array([-np.nan, -0.0, 1.0])
    assert load_bars(frame.assign(s=one)).fingerprint == load_bars(frame.assign(s=two)).fingerprint


def test_pickled_bars_stay_read_only(random_bars):
    bars = random_bars(4)
    again = pickle.loads(pickle.dumps(bars))
    assert again.fingerprint == bars.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        again.close[0] = 1


def test_saving_twice_is_once_and_other_bars_do_not_overwrite(tmp_path, random_bars):
    bars = random_bars(1)
    folder = bars.save(tmp_path / "deep" / "cache")
    stamp = (folder / "close.npy").stat().st_mtime_ns
    bars.save(folder)
    assert (folder / "close.npy").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="holds other bars than those of RANDOM"):
        random_bars(2).save(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["cache"]  # no temporary folder is left


def truncate(folder):
    path = folder / "close.npy"
    path.write_bytes(path.read_bytes()[:-8])


def flip(folder):
    data = bytearray((folder / "close.npy").read_bytes())
    data[-1] ^= 1
    (folder / "close.npy").write_bytes(data)


def other_type(folder):
    np.save(folder / "close.npy", np.zeros(200, dtype=np.float32))


def pickled(folder):
    np.save(folder / "close.npy", np.array([{}] * 200), allow_pickle=True)


def meta_text(text):
    return lambda folder: (folder / "meta.json").write_text(text)


def longer_meta(folder):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "bars": 201}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "are damaged"),
        (flip, "are damaged: the content does not have the fingerprint that meta.json names"),
        (other_type, r"are damaged: close.npy has float32 \(200,\), not float64 \(200,\)"),
        (pickled, "are damaged"),
        (longer_meta, r"are damaged: timestamps.npy has int64 \(200,\), not int64 \(201,\)"),
        (meta_text("{"), "are damaged"),
        (meta_text("[]"), "are damaged: meta.json is not of format 1"),
        (meta_text('{"format": 1}'), "are damaged"),
        (lambda folder: (folder / "low.npy").unlink(), "holds no saved bars: low.npy is missing"),
        (lambda folder: (folder / "meta.json").unlink(), "holds no saved bars: meta.json is missing"),
    ],
)
def test_a_damaged_folder_is_an_error(tmp_path, random_bars, damage, message):
    folder = random_bars(1).save(tmp_path / "saved")
    damage(folder)
    with pytest.raises(DataError, match=message):
        Bars.load(folder)


@pytest.mark.parametrize(
    ("moment", "left", "right"),
    [
        ("2020-01-02", 1, 2),
        (dt.date(2020, 1, 2), 1, 2),
        ("2020-01-02T00:00:00", 1, 2),
        (dt.datetime(2020, 1, 2, 12), 2, 2),
        (dt.datetime(2020, 1, 2, tzinfo=dt.UTC), 1, 2),
        (pd.Timestamp("2020-01-01T23:00:00-02:00"), 2, 2),
        ("2019-01-01", 0, 0),
        ("2021-01-01", 4, 4),
    ],
)
def test_position_of(moment, left, right):
    index = pd.date_range("2020-01-01", periods=4, tz="UTC")
    bars = load_bars(pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 1.0), index=index))
    assert (bars.position_of(moment), bars.position_of(moment, "right")) == (left, right)


def test_a_day_is_a_day_of_the_bars_zone():
    index = pd.date_range("2020-03-07 09:30", periods=8, freq="12h")  # New York's clocks change on the 8th
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 1.0), index=index)
    bars = load_bars(frame, timezone="America/New_York", start="2020-03-08", end="2020-03-08")
    assert [str(moment) for moment in bars.index] == [
        "2020-03-08 13:30:00+00:00",
        "2020-03-09 01:30:00+00:00",
    ]
    assert bars.timezone == "America/New_York"


@pytest.mark.parametrize("moment", ["soon", "2020-02-30", "", dt.datetime(2020, 3, 8, 2, 30)])
def test_what_is_no_moment(random_frame, moment):
    bars = load_bars(random_frame(1).tz_localize(None), timezone="America/New_York")
    with pytest.raises(DataError, match="is not a moment in time zone America/New_York"):
        bars.position_of(moment)


def test_loaded_bars_can_be_loaded_again(random_bars):
    bars = random_bars(1)
    assert load_bars(bars) is bars
    assert len(load_bars(bars, start=bars.index[5], end=bars.index[9])) == 5
    assert load_bars(bars, symbol="NEW").symbol == "NEW"
    assert load_bars(bars, periods_per_year=10).periods_per_year == 10
    with pytest.raises(DataError, match="RANDOM: timeframe is stated as 1h, the bars were loaded as 1d"):
        load_bars(bars, timeframe="1h")
    with pytest.raises(DataError, match="RANDOM: bars that are loaded cannot be adjusted"):
        load_bars(bars, adjustment="adjusted_close")
    with pytest.raises(DataError, match="RANDOM: too few bars from 2030-01-01: 0 found, at least 2 needed"):
        load_bars(bars, start="2030-01-01")
