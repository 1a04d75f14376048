"""Files, samples and sources of the user."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from admf.core.config import DataConfig
from admf.core.registry import registry_of
from admf.errors import ComponentError, DataError, TransientDataError
from admf.market import bytes_per_bar, estimate_rows, load_bars, load_market_data


def refusal(source: object, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_bars(source, **options)
    return str(caught.value)


def config_error(**keys: object) -> str:
    with pytest.raises(DataError) as caught:
        load_market_data(DataConfig(**keys))
    return str(caught.value)


def test_sample_prices():
    bars = load_bars("sample:SP500")
    assert (len(bars), bars.symbol, bars.timeframe, bars.source) == (5031, "SP500", "1d", "sample:SP500")
    assert [str(day.date()) for day in bars.index[[0, -1]]] == ["1999-01-04", "2018-12-31"]
    assert bars.close[0] == 1228.099976
    assert list(bars.extra) == ["Adj Close"]
    both = load_market_data(DataConfig(source="sample", symbols=["NASDAQ", "SP500"], start_date="2018-01-01"))
    assert list(both) == ["NASDAQ", "SP500"]
    assert both["SP500"].fingerprint == load_bars("sample:SP500", start="2018-01-01").fingerprint
    assert refusal("sample:SP50") == (
        "sample has no symbol 'SP50'; there is: SP500, NASDAQ\n  hint: did you mean 'SP500'?"
    )


@pytest.mark.parametrize(
    ("name", "bars", "timeframe", "warnings"),
    [
        ("arch_nasdaq", 5031, "1d", []),
        ("bokeh_AAPL_1d", 3270, "1d", ["suspected_split", "extreme_return"]),
        ("bt_BTCUSD_1mo", 156, "1mo", ["extreme_return"]),
        ("bt_EURUSD_1h", 5000, "1h", []),
        ("bt_GOOG_1d", 2148, "1d", []),
    ],
)
def test_reference_prices_pass(reference, name, bars, timeframe, warnings):
    loaded = load_bars(reference / "data" / f"{name}.parquet")
    assert (len(loaded), loaded.timeframe) == (bars, timeframe)
    assert [finding.kind for finding in loaded.findings if finding.severity == "warning"] == warnings


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_files_give_back_what_was_written(tmp_path, random_frame, ending):
    frame = random_frame(7).assign(signal=np.arange(200) % 2 == 0)
    path = tmp_path / f"ACME.{ending}"
    frame.to_parquet(path) if ending == "parquet" else frame.to_csv(path)
    bars = load_bars(path)
    assert bars.symbol == "ACME"
    assert bars.fingerprint == load_bars(frame).fingerprint


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_byte_order_mark(tmp_path, random_frame, separator):
    path = tmp_path / "prices.csv"
    random_frame(7).to_csv(path, sep=separator, encoding="utf-8-sig")
    assert load_bars(path).fingerprint == load_bars(random_frame(7)).fingerprint


def test_a_comma_for_the_point_is_told(tmp_path, random_frame):
    path = tmp_path / "prices.csv"
    random_frame(7, 3).round(2).to_csv(path, sep=";", decimal=",")
    assert "open is not a number in 3 rows: row 0 (2015-01-05): open '" in refusal(path)


def test_files_that_cannot_be_read(tmp_path, random_frame, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random_frame(1).to_csv("prices.csv")
    assert refusal("price.csv") == "price.csv does not exist\n  hint: did you mean 'prices.csv'?"
    assert refusal("gone/x.csv") == "gone/x.csv does not exist\n  hint: the folder gone does not exist either"
    assert refusal("prices.xlsx").startswith("prices.xlsx: kind of file is unknown\n")
    (tmp_path / "empty.csv").write_text("")
    assert refusal("empty.csv") == "empty.csv cannot be read as csv: the first line is empty"
    (tmp_path / "head.csv").write_text("date,open,high,low,close\n")
    assert refusal("head.csv") == "head.csv has no rows"
    (tmp_path / "ragged.csv").write_text("date,open\n2020-01-01,1\n2020-01-02,1,2,3\n")
    assert refusal("ragged.csv").startswith("ragged.csv cannot be read as csv: ")
    (tmp_path / "binary.csv").write_bytes(b"date,open\n\xff\xfe\x00\x01,1\n")
    assert refusal("binary.csv").startswith("binary.csv cannot be read as csv: ")
    for name in ("bad.csv.gz", "bad.parquet"):
        (tmp_path / name).write_bytes(b"PAR1 this is nothing")
        assert refusal(name).startswith(f"{name} cannot be read as ")
    (tmp_path / "folder.csv").mkdir()
    assert refusal("folder.csv").startswith("folder.csv is a folder, not a file\n")


def test_a_failing_file_system_may_pass(tmp_path, random_frame, monkeypatch):
    path = tmp_path / "prices.csv"
    random_frame(1).to_csv(path)

    def fail(*args: object, **options: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pd, "read_csv", fail)
    with pytest.raises(TransientDataError, match=r"prices.csv cannot be read now: .*Input/output error"):
        load_bars(path)


def test_a_header_that_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice.csv").write_text("date,close,close\n2020-01-01,1,2\n")
    assert refusal("twice.csv") == "twice.csv cannot be read as csv: column 'close' is there twice"
    (tmp_path / "short.csv").write_text("open,close\n2020-01-01,1,2\n2020-01-02,1,2\n")
    assert refusal("short.csv") == (
        "short.csv cannot be read as csv: rows have more fields than the header, which has 2"
    )


def test_a_row_without_a_symbol(random_frame):
    frame = random_frame(1).assign(symbol="A")
    frame.iloc[[4, 9], 5] = None
    assert refusal(frame) == "DataFrame: symbol is empty in 2 rows, the first is row 4"


def two_symbols(random_frame) -> pd.DataFrame:
    frames = [random_frame(seed, 40).assign(Symbol=symbol) for seed, symbol in ((1, "AAA"), (2, "BBB"))]
    return pd.concat(frames).sort_index(kind="stable").reset_index(names="date")


def test_one_file_with_a_symbol_column(tmp_path, random_frame):
    path = tmp_path / "all.parquet"
    two_symbols(random_frame).to_parquet(path)
    loaded = load_market_data(DataConfig(source="parquet", path=str(path), symbols=["BBB", "AAA"]))
    assert list(loaded) == ["BBB", "AAA"]
    assert loaded["AAA"].fingerprint == load_bars(random_frame(1, 40)).fingerprint
    assert load_bars(path, symbol="BBB").fingerprint == loaded["BBB"].fingerprint
    assert refusal(path) == "all.parquet holds 2 symbols: AAA, BBB\n  hint: say which with symbol"
    assert refusal(path, symbol="AAB") == (
        "all.parquet has no symbol 'AAB'; there is: AAA, BBB\n  hint: did you mean 'AAA'?"
    )


def test_rows_are_those_of_the_file_and_all_symbols_are_told(tmp_path, random_frame):
    frame = two_symbols(random_frame)
    frame.loc[[10, 11], "close"] = np.nan
    path = tmp_path / "all.csv"
    frame.to_csv(path, index=False)
    message = config_error(source="csv", path=str(path), symbols=["AAA", "BBB"])
    assert message == (
        "AAA (csv): refused, 1 error in the data\n"
        "  close is NaN in 1 row: row 10 (2015-01-12)\n"
        "BBB (csv): refused, 1 error in the data\n"
        "  close is NaN in 1 row: row 11 (2015-01-12)\n"
        "  hint: correct the source: nothing is repaired silently; "
        "rows are counted from 0, without the header"
    )


def test_a_file_a_symbol(tmp_path, random_frame):
    for seed, symbol in ((1, "BRK.B"), (2, "^GSPC")):
        random_frame(seed).to_csv(tmp_path / f"{symbol}.csv")
    template = str(tmp_path / "{symbol}.csv")
    loaded = load_market_data(DataConfig(source="csv", path=template, symbols=["BRK.B", "^GSPC"]))
    assert loaded["^GSPC"].fingerprint == load_bars(random_frame(2)).fingerprint


@pytest.mark.parametrize("symbol", ["../secret", "a/b", "..", "a\\b", "a\nb"])
def test_a_symbol_cannot_leave_its_folder(symbol):
    assert config_error(source="csv", path="data/{symbol}.csv", symbols=[symbol]) == (
        f"symbol {symbol!r} cannot be part of a file's name in 'data/{{symbol}}.csv'\n"
        "  hint: a symbol that is filled into a path has no slash; use one file with a symbol column"
    )


def test_several_symbols_need_a_column(tmp_path, random_frame):
    path = tmp_path / "one.csv"
    random_frame(1).to_csv(path, index_label="date")
    assert config_error(source="csv", path=str(path), symbols=["A", "B"]) == (
        "csv: several symbols need a symbol column; columns found: "
        "'date', 'open', 'high', 'low', 'close', 'volume'\n"
        "  hint: name it with columns: {symbol: NAME}, or use one file a symbol: path: data/{symbol}.csv"
    )


def test_rules_of_the_config_apply(tmp_path, random_frame):
    frame = random_frame(1).rename(columns={"close": "Px"}).tz_localize(None)
    frame.to_csv(tmp_path / "x.csv", index_label="when")
    keys = {"source": "csv", "path": str(tmp_path / "x.csv"), "symbols": ["X"]}
    names = {"timestamp": "when", "close": "Px"}
    rules = {"timezone": "America/New_York", "start_date": "2015-02-02", "end_date": "2015-02-27"}
    bars = load_market_data(DataConfig(**keys, **rules, columns=names, periods_per_year=250))["X"]
    assert [str(moment) for moment in bars.index[[0, -1]]] == [
        "2015-02-02 05:00:00+00:00",
        "2015-02-27 05:00:00+00:00",
    ]
    assert bars.periods_per_year == 250
    assert "too few bars: 20 found, at least 30 needed" in config_error(
        **keys, **rules, columns=names, min_bars=30
    )
    assert config_error(**keys, columns=names, start_date="2030-01-01") == (
        "X (csv): no bars from 2030-01-01; the data run from 2015-01-05 to 2015-10-09"
    )


@pytest.fixture
def own_source(random_frame):
    registry = registry_of("data_source")
    registry.add("test_own", lambda config: {"A": random_frame(1), "B": random_frame(2)})
    registry.add("test_wrong", lambda config: [1])
    yield
    registry.remove("test_own")
    registry.remove("test_wrong")


@pytest.mark.usefixtures("own_source")
def test_a_source_of_the_user(random_frame):
    loaded = load_market_data(DataConfig(source="test_own", symbols=["B"]))
    assert loaded["B"].fingerprint == load_bars(random_frame(2)).fingerprint
    assert list(load_market_data(DataConfig(source="test_own", symbols=[]))) == ["A", "B"]
    assert config_error(source="test_own", symbols=["C"]) == "test_own has no symbol 'C'; there is: A, B"
    assert config_error(source="test_wrong", symbols=["C"]) == (
        "source 'test_wrong' gave list\n"
        "  hint: a source returns a DataFrame, or a mapping of symbol to DataFrame"
    )


def test_an_unknown_source():
    with pytest.raises(
        ComponentError, match=r"no data_source is called 'nowhere'; there is: csv, parquet, sample, sql"
    ):
        load_market_data(DataConfig(source="nowhere", symbols=["A"]))


def test_every_symbol_that_is_not_there_is_told(tmp_path, random_frame):
    told = config_error(source="sample", symbols=["SP50", "SP500", "DAX"])
    assert told.startswith("sample has no symbol 'SP50'; there is: SP500, NASDAQ\nsample has no symbol 'DAX'")
    random_frame(1, 50).to_csv(tmp_path / "A.csv")
    told = config_error(source="csv", path=str(tmp_path / "{symbol}.csv"), symbols=["B", "A", "C"])
    assert told.count("does not exist") == 2
    random_frame(1, 50).assign(symbol="A").to_csv(tmp_path / "all.csv")
    told = config_error(source="csv", path=str(tmp_path / "all.csv"), symbols=["B", "A", "C"])
    assert told.count("csv has no symbol") == 2
    registry_of("data_source").add("empty_of_names", lambda config: {"A": random_frame(1, 50)})
    assert config_error(source="empty_of_names", symbols=["B", "C"]).count("has no symbol") == 2


def test_estimates(tmp_path, random_frame):
    frame = random_frame(1, 5000)
    for ending in ("csv", "csv.gz"):
        frame.to_csv(tmp_path / f"x.{ending}")
    frame.to_parquet(tmp_path / "x.parquet")

    def rows(source: str, name: str) -> int | None:
        return estimate_rows(DataConfig(source=source, path=str(tmp_path / name), symbols=["X"]))

    assert rows("parquet", "x.parquet") == 5000
    assert rows("csv", "x.csv.gz") == 5000
    assert rows("csv", "x.csv") == pytest.approx(5000, rel=0.02)
    assert estimate_rows(DataConfig(source="sample", symbols=["SP500", "NASDAQ"])) == 2 * 5031
    with pytest.raises(DataError, match=r"y.csv does not exist"):
        rows("csv", "y.csv")
    bars = load_bars(frame.assign(signal=1.0))
    assert bytes_per_bar(1) * len(bars) == bars.nbytes


def test_heavy_packages_are_imported_on_use_only():
    code = (
        "import sys, admf.market; assert 'pandas' not in sys.modules;"
        "admf.market.load_bars('sample:SP500');"
        "heavy = {'arch', 'sqlalchemy', 'exchange_calendars', 'scipy', 'numba', 'prefect'};"
        "heavy &= set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
