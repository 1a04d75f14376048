"""The table computes each distinct indicator once, keeps it read-only, and survives a damaged cache."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from admf.errors import ComponentError
from admf.indicators import BBANDS, MACD, RSI, SMA, IndicatorTable, custom
from admf.indicators.table import first_value
from admf.testing.bars import example_bars

BARS = example_bars(seed=1, count=200)


def test_each_distinct_one_is_computed_once():
    table = IndicatorTable(BARS)
    first = table.row(SMA(20))
    assert table.row(SMA(timeperiod=20.0)) is not None
    assert np.shares_memory(table.row(SMA(20)), first)
    assert (table.computed, table.hits) == (1, 2)
    table.rows([BBANDS(20).upperband, BBANDS(20).lowerband, BBANDS(20).middleband])
    assert (table.computed, table.hits) == (2, 4)


def test_rows_are_read_only():
    row = IndicatorTable(BARS).row(SMA(5))
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        row.flags.writeable = True


def test_a_row_is_that_of_its_output():
    import talib

    table = IndicatorTable(BARS)
    for output, expected in zip(("macd", "macdsignal", "macdhist"), talib.MACD(BARS.close), strict=True):
        np.testing.assert_array_equal(table.row(getattr(MACD(), output)), expected)


def test_many_threads_compute_once():
    calls = []
    gate = threading.Event()

    def counting(close):
        gate.wait(5)
        calls.append(len(close))
        return close

    # A function that captures is refused, so the spies are reached through the module's namespace.
    globals().update(_calls=calls, _gate=gate)
    spec = custom(slow_copy)
    table = IndicatorTable(BARS)
    with ThreadPoolExecutor(8) as pool:
        rows = [pool.submit(table.row, spec) for _ in range(8)]
        gate.set()
        assert len({id(row.result().base) for row in rows}) == 1
    assert calls.count(len(BARS)) == 1
    assert table.computed == 1
    assert table.hits == 7
    del counting


def slow_copy(close):
    _gate.wait(5)  # noqa: F821
    _calls.append(len(close))  # noqa: F821
    return close


def test_an_unknown_column_says_which_there_are():
    with pytest.raises(ComponentError) as caught:
        IndicatorTable(BARS).row(SMA(5, price="closs"))
    assert str(caught.value) == (
        "indicator input: the data of EXAMPLE has no column 'closs'; it has: open, high, low, close, volume\n"
        "  hint: did you mean close?"
    )


def test_an_output_must_be_chosen():
    with pytest.raises(ComponentError, match="BBANDS has 3 outputs and none is chosen: upperband"):
        IndicatorTable(BARS).row(BBANDS(20))


def test_a_failed_computation_is_tried_again():
    table = IndicatorTable(BARS)
    for _ in range(2):
        with pytest.raises(ComponentError):
            table.row(SMA(5, price="closs"))
    assert table.row(SMA(5)).shape == (len(BARS),)
    assert table.computed == 1


class TestDisk:
    def test_another_table_reads_what_one_computed(self, tmp_path):
        one, other = IndicatorTable(BARS, tmp_path), IndicatorTable(BARS, tmp_path)
        specs = [SMA(20), BBANDS(20).upperband, BBANDS(20).lowerband, SMA(5, price=RSI(3))]
        rows = one.rows(specs)
        assert (one.computed, one.loaded) == (4, 0)
        for row, again in zip(rows, other.rows(specs), strict=True):
            assert row.tobytes() == again.tobytes()
            assert not again.flags.writeable
        assert (other.computed, other.loaded) == (0, 4)

    def test_other_bars_have_other_files(self, tmp_path):
        IndicatorTable(BARS, tmp_path).row(SMA(20))
        other = IndicatorTable(example_bars(seed=2, count=200), tmp_path)
        other.row(SMA(20))
        assert other.loaded == 0

    @pytest.mark.parametrize("damage", ["flip", "cut", "empty", "pickle", "swap"])
    def test_a_damaged_file_is_computed_again(self, tmp_path, damage):
        one = IndicatorTable(BARS, tmp_path)
        good = one.row(SMA(20)).copy()
        (path,) = tmp_path.rglob("*.npy")
        content = path.read_bytes()
        if damage == "flip":
            path.write_bytes(content[:900] + bytes([content[900] ^ 1]) + content[901:])
        elif damage == "cut":
            path.write_bytes(content[: len(content) // 2])
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "pickle":
            np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        else:  # the file of another indicator under this one's name
            one.row(SMA(21))
            (other,) = set(tmp_path.rglob("*.npy")) - {path}
            path.write_bytes(other.read_bytes())
        again = IndicatorTable(BARS, tmp_path)
        np.testing.assert_array_equal(again.row(SMA(20)), good)
        assert (again.computed, again.loaded) == (1, 0)
        assert path.read_bytes() == content

    def test_users_functions_stay_in_memory(self, tmp_path):
        table = IndicatorTable(BARS, tmp_path)
        table.rows([custom(double), SMA(5, price=custom(double))])
        assert list(tmp_path.rglob("*")) == []

    def test_a_folder_that_cannot_be_written_is_no_error(self, tmp_path):
        blocker = tmp_path / "file"
        blocker.write_text("")
        table = IndicatorTable(BARS, blocker / "cache")
        assert table.row(SMA(3)).shape == (len(BARS),)


def double(close):
    return close * 2.0


@pytest.mark.parametrize("first", [0, 1, 1023, 1024, 3071, 3072, 4999, 5000])
def test_the_first_value_of_a_row(first):
    row = np.full(5000, np.nan)
    row[first:] = 1.0
    row[first + 2 : first + 3] = np.nan
    assert first_value(row) == first
