"""Splits and dividends: prices adjusted backward, by hand, from columns and from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine

import admf
from admf.core.config.models import DataConfig
from admf.errors import ConfigError, DataError
from admf.market import Bars, load_bars, load_market_data
from admf.market.findings import Finding

DAYS = pd.DatetimeIndex(["2020-08-27", "2020-08-28", "2020-08-31", "2020-09-01", "2020-09-02"])
# Four for one on 31 August, as prices fall from 400 to 100; a dividend of 1 on 2 September.
CLOSE = np.array([396.0, 400.0, 102.0, 100.0, 99.0])
VOLUME = [10.0, 20.0, 80.0, 40.0, 40.0]


def frame(**columns: Any) -> pd.DataFrame:
    prices = {"open": CLOSE - 1, "high": CLOSE + 2, "low": CLOSE - 2, "close": CLOSE, "volume": VOLUME}
    return pd.DataFrame({**prices, **columns}, index=DAYS.rename("date"))


SPLIT = [0.0, 0.0, 4.0, 0.0, 0.0]
DIVIDEND = [0.0, 0.0, 0.0, 0.0, 1.0]


def adjusted(bars: Bars) -> Finding:
    (found,) = [finding for finding in bars.findings if finding.kind == "adjusted"]
    return found


def test_a_split_divides_the_prices_before_it_and_multiplies_the_volume() -> None:
    bars = load_bars(frame(split=SPLIT), symbol="AAPL", adjustment="splits")
    assert bars.close.tolist() == [99.0, 100.0, 102.0, 100.0, 99.0]
    assert bars.open.tolist() == [98.75, 99.75, 101.0, 99.0, 98.0]
    assert bars.high.tolist() == [99.5, 100.5, 104.0, 102.0, 101.0]
    assert bars.low.tolist() == [98.5, 99.5, 100.0, 98.0, 97.0]
    assert bars.volume.tolist() == [40.0, 80.0, 80.0, 40.0, 40.0]
    assert bars.extra["split"].tolist() == SPLIT
    assert adjusted(bars).message == (
        "prices are adjusted backward for 1 split (4 on 2020-08-31); volume too for splits, other columns "
        "are left as they are"
    )
    assert adjusted(bars).count == 2


def test_a_dividend_takes_its_share_of_the_close_before_from_the_prices_before() -> None:
    bars = load_bars(frame(dividend=DIVIDEND), symbol="AAPL", adjustment="dividends")
    # 1 - 1 / 100 on every bar before 2 September
    assert bars.close.tolist() == [396 * 0.99, 400 * 0.99, 102 * 0.99, 100 * 0.99, 99.0]
    assert bars.volume.tolist() == VOLUME
    assert adjusted(bars).message == (
        "prices are adjusted backward for 1 dividend (1 on 2020-09-02); volume is left as it is, other "
        "columns are left as they are"
    )


def test_both_together_and_a_dividend_of_the_split_s_own_day() -> None:
    # A dividend of 2 on the split's day is paid on the new units, worth 400 / 4 = 100 the evening before.
    both = frame(split=SPLIT, dividend=[0.0, 0.0, 2.0, 0.0, 1.0])
    bars = load_bars(both, symbol="AAPL", adjustment="splits_and_dividends")
    factor = 0.98 * 0.99
    expected = [396 / 4 * factor, 400 / 4 * factor, 102 * 0.99, 100 * 0.99, 99.0]
    np.testing.assert_allclose(bars.close, expected, rtol=1e-15)
    assert bars.volume.tolist() == [40.0, 80.0, 80.0, 40.0, 40.0]
    assert adjusted(bars).message == (
        "prices are adjusted backward for 1 split (4 on 2020-08-31) and 2 dividends (2 on 2020-08-31, 1 on "
        "2020-09-02); volume too for splits, other columns are left as they are"
    )


def test_returns_over_an_ex_date_are_those_of_a_holder() -> None:
    both = frame(split=SPLIT, dividend=DIVIDEND)
    bars = load_bars(both, symbol="AAPL", adjustment="splits_and_dividends")
    # Over the split 4 units of 102 for one of 400; on the dividend's day the price before is 1 lower.
    assert bars.close[2] / bars.close[1] == pytest.approx(4 * 102 / 400, rel=1e-15)
    assert bars.close[4] / bars.close[3] == pytest.approx(99 / (100 - 1), rel=1e-15)


def test_nothing_is_adjusted_unless_asked() -> None:
    bars = load_bars(frame(split=SPLIT, dividend=DIVIDEND), symbol="AAPL")
    assert bars.close.tolist() == CLOSE.tolist()
    assert bars.volume.tolist() == VOLUME
    assert sorted(bars.extra) == ["dividend", "split"]
    assert not [finding for finding in bars.findings if finding.kind == "adjusted"]


def test_several_splits_multiply_and_none_is_said() -> None:
    bars = load_bars(frame(split=[3.0, 2.0, 4.0, np.nan, 1.0]), symbol="AAPL", adjustment="splits")
    # The split of the first bar has no bar before it.
    assert bars.close.tolist() == [396 / 8, 400 / 4, 102.0, 100.0, 99.0]
    none = load_bars(frame(split=1.0), symbol="AAPL", adjustment="splits")
    assert none.close.tolist() == CLOSE.tolist()
    assert adjusted(none).message.startswith("prices are adjusted backward for no split; ")


def test_usual_names_of_columns_are_known_and_others_are_named() -> None:
    for names in (("Stock Splits", "Dividends"), ("splitFactor", "divCash")):
        table = frame(**dict(zip(names, (SPLIT, DIVIDEND), strict=True)))
        bars = load_bars(table, symbol="AAPL", adjustment="splits_and_dividends")
        assert bars.close[0] == pytest.approx(99 * 0.99, rel=1e-15)
    table = frame(ratio=SPLIT, paid=DIVIDEND)
    names = {"split": "ratio", "dividend": "paid"}
    bars = load_bars(table, symbol="AAPL", adjustment="splits_and_dividends", columns=names)
    assert bars.close[0] == pytest.approx(99 * 0.99, rel=1e-15)


def test_a_split_that_the_prices_do_not_show_is_doubtful() -> None:
    already = frame(split=[0.0, 0.0, 0.0, 2.0, 0.0])
    bars = load_bars(already, symbol="AAPL", adjustment="splits")
    (found,) = [finding for finding in bars.findings if finding.kind == "doubtful_split"]
    assert found.severity == "warning"
    assert found.message == (
        "split that the prices do not show (are they adjusted already?) in 1 row: row 3 (2020-09-01): ratio "
        "2, open 99 after close 102"
    )


FILE = """symbol,date,kind,value
AAPL,2020-08-31,split,4
MSFT,2020-08-31,dividend,0.5
AAPL,2020-09-02,dividend,1
AAPL,1999-01-01,split,2
"""


def written(folder: Path, text: str = FILE) -> Path:
    path = folder / "actions.csv"
    path.write_text(text)
    return path


def test_a_file_of_actions_gives_what_columns_give(tmp_path: Path) -> None:
    both = frame(split=SPLIT, dividend=DIVIDEND)
    for adjustment in ("splits", "dividends", "splits_and_dividends"):
        columns = load_bars(both, symbol="AAPL", adjustment=adjustment)
        file = load_bars(both, symbol="AAPL", adjustment=adjustment, actions=written(tmp_path))
        assert file.fingerprint == columns.fingerprint
    # What is of other symbols, or outside of the loaded range, does not count.
    other = load_bars(frame(), symbol="XYZ", adjustment="splits", actions=written(tmp_path))
    assert other.close.tolist() == CLOSE.tolist()
    late = load_bars(
        frame(), symbol="AAPL", adjustment="splits", actions=written(tmp_path), start="2020-09-01"
    )
    assert late.close.tolist() == [100.0, 99.0]


def test_dividends_of_one_date_add_up(tmp_path: Path) -> None:
    two = "symbol,date,kind,value\nAAPL,2020-09-02,dividend,0.25\nAAPL,2020-09-02,dividend,2\n"
    bars = load_bars(frame(), symbol="AAPL", adjustment="dividends", actions=written(tmp_path, two))
    one = load_bars(frame(dividend=[0, 0, 0, 0, 2.25]), symbol="AAPL", adjustment="dividends")
    assert bars.fingerprint != load_bars(frame(), symbol="AAPL").fingerprint
    assert bars.close.tolist() == one.close.tolist() == [*(CLOSE[:4] * (1 - 2.25 / 100)), 99.0]
    assert "2 dividends (0.25 on 2020-09-02, 2 on 2020-09-02)" in adjusted(bars).message
    assert not [each for each in bars.findings if each.kind == "equal_dividends"]
    twice = written(tmp_path, two.replace("0.25", "2"))
    bars = load_bars(frame(), symbol="AAPL", adjustment="dividends", actions=twice)
    (found,) = [each for each in bars.findings if each.kind == "equal_dividends"]
    assert (found.severity, found.message) == (
        "warning",
        "actions.csv, row 0 and actions.csv, row 1: equal dividends of 2020-09-02 are added up (4): is one "
        "there twice?",
    )


def test_a_dividend_column_that_repeats_through_the_day_is_refused() -> None:
    index = pd.date_range("2020-09-02 10:00", periods=3, freq="h", tz="UTC")
    table = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0), index=index)
    with pytest.raises(DataError) as caught:
        load_bars(table.assign(dividend=1.0), symbol="AAPL", adjustment="dividends")
    assert str(caught.value) == (
        "AAPL (DataFrame): column 'dividend', row 1: 2020-09-02 has a second dividend\n"
        "  hint: a column holds a dividend on one bar of its date, all that is paid on it added up"
    )


SYMBOLS = ["0700", "NA", "1e5", "TRUE"]


def test_symbols_are_text_in_files_of_actions_and_of_prices(tmp_path: Path) -> None:
    rows = pd.DataFrame({"symbol": SYMBOLS, "date": "2020-08-31", "kind": "split", "value": 4.0})
    rows.to_csv(tmp_path / "actions.csv", index=False)
    rows.assign(date=pd.Timestamp("2020-08-31")).to_parquet(tmp_path / "actions.parquet")
    table = pd.concat([frame().assign(code=symbol) for symbol in SYMBOLS])
    table.to_csv(tmp_path / "prices.csv")
    table.rename(columns={"code": "Ticker"}).to_csv(tmp_path / "usual.csv")
    for actions in ("actions.csv", "actions.parquet"):
        for prices, columns in (("prices.csv", {"symbol": "code"}), ("usual.csv", {})):
            config = DataConfig(
                source="csv",
                path=str(tmp_path / prices),
                columns=columns,
                symbols=SYMBOLS,
                adjustment="splits",
                actions=str(tmp_path / actions),
            )
            market = load_market_data(config)
            assert list(market) == SYMBOLS
            for bars in market.values():
                assert bars.close.tolist() == [99.0, 100.0, 102.0, 100.0, 99.0]
                assert not [each for each in bars.findings if each.kind == "no_actions"]
    found = load_bars(
        tmp_path / "usual.csv", symbol="NA", adjustment="splits", actions=tmp_path / "actions.csv"
    )
    assert found.close.tolist() == [99.0, 100.0, 102.0, 100.0, 99.0]


def test_a_price_file_with_a_row_without_symbol_is_still_refused(tmp_path: Path) -> None:
    frame().assign(symbol=["NA", "NA", None, "NA", ""]).to_csv(tmp_path / "prices.csv")
    with pytest.raises(DataError) as caught:
        load_bars(tmp_path / "prices.csv")
    assert caught.value.message == "prices.csv: symbol is empty in 2 rows, the first is row 2"


def test_a_file_that_says_nothing_of_a_loaded_symbol_is_told(tmp_path: Path) -> None:
    bars = load_bars(frame(), symbol="AAPl", adjustment="splits", actions=written(tmp_path))
    (found,) = [each for each in bars.findings if each.kind == "no_actions"]
    assert (found.severity, found.message) == (
        "warning",
        "actions.csv has no row for AAPl, so nothing is adjusted; it has rows for AAPL, MSFT",
    )
    assert f"data: {found.message}" in admf.simulate(bars, "buy_and_hold").warnings
    # MSFT has rows, if no split
    bars = load_bars(frame(), symbol="MSFT", adjustment="splits", actions=written(tmp_path))
    assert not [each for each in bars.findings if each.kind == "no_actions"]


def test_an_intraday_action_counts_from_the_first_bar_of_its_local_day(tmp_path: Path) -> None:
    index = pd.date_range("2020-08-30 20:00", periods=12, freq="h", tz="America/New_York")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 400.0), index=index)
    bars.iloc[4:] = 100.0
    found = load_bars(
        bars, symbol="AAPL", timezone="America/New_York", adjustment="splits", actions=written(tmp_path)
    )
    assert found.close.tolist() == [100.0] * 12


def test_every_source_adjusts(tmp_path: Path) -> None:
    table = frame(split=SPLIT, dividend=DIVIDEND).reset_index().assign(symbol="AAPL")
    table.to_csv(tmp_path / "prices.csv", index=False)
    table.to_parquet(tmp_path / "prices.parquet")
    url = f"sqlite:///{tmp_path / 'prices.db'}"
    engine = create_engine(url)
    table.to_sql("prices", engine, index=False)
    engine.dispose()
    expected = load_bars(
        frame(split=SPLIT, dividend=DIVIDEND), symbol="AAPL", adjustment="splits_and_dividends"
    )
    for place in (
        {"source": "csv", "path": str(tmp_path / "prices.csv")},
        {"source": "parquet", "path": str(tmp_path / "prices.parquet")},
        {"source": "sql", "url": url, "table": "prices"},
    ):
        for actions in (None, str(written(tmp_path))):
            config = DataConfig(**place, symbols=["AAPL"], adjustment="splits_and_dividends", actions=actions)
            bars = load_market_data(config)["AAPL"]
            assert bars.fingerprint == expected.fingerprint, place


def test_the_assumption_card_says_it() -> None:
    bars = load_bars(frame(split=SPLIT), symbol="AAPL", adjustment="splits")
    assert (
        "adjusted backward for 1 split (4 on 2020-08-31)"
        in admf.simulate(bars, "buy_and_hold").assumptions["data"]
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,splt,4\n",
            "actions.csv, row 0: kind 'splt' is unknown (allowed: split, dividend)",
            "did you mean 'split'?",
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,merger,4\n",
            "actions.csv, row 0: kind 'merger' is unknown (allowed: split, dividend)",
            None,
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,split,0\n",
            "actions.csv, row 0: the ratio of a split must be a number above 0; found 0",
            None,
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,split,4\nAAPL,2020-09-02,dividend,-1.5\n",
            "actions.csv, row 1: the dividend must be a number above 0; found -1.5",
            None,
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,split,4:1\n",
            "actions.csv, row 0: the ratio of a split must be a number above 0; found '4:1'",
            None,
        ),
        (
            "symbol,date,kind,value\nAAPL,31/08/2020,split,4\n",
            "actions.csv, row 0: '31/08/2020' is no date",
            "write it as 2020-08-31",
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-30,split,4\n",
            "AAPL (DataFrame): actions.csv, row 0: split of 2020-08-30, but no bar has that date; the bars "
            "around it are of 2020-08-28 and 2020-08-31",
            "the date is the ex-date: the first day of trading on the new terms",
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,split,4\nAAPL,2020-08-31,split,4\n",
            "AAPL (DataFrame): actions.csv, row 1: 2020-08-31 has a second split",
            "write one split with the product of the ratios",
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-09-02,dividend,90\nAAPL,2020-09-02,dividend,10.5\n",
            "AAPL (DataFrame): actions.csv, row 0 and actions.csv, row 1: the dividends of 2020-09-02 add up "
            "to 100.5, which is not less than the price before, 100",
            "a dividend is in currency per unit",
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-08-31,split,4\n,2020-09-02,dividend,1\n",
            "actions.csv, row 1: symbol is empty",
            None,
        ),
        (
            "symbol,date,kind,value\nAAPL,2020-09-02,dividend,100\n",
            "AAPL (DataFrame): actions.csv, row 0: the dividend 100 of 2020-09-02 is not less than the price "
            "before, 100",
            "a dividend is in currency per unit",
        ),
        (
            "symbol,date,what,value\nAAPL,2020-08-31,split,4\n",
            "actions.csv: no column for kind; columns found: 'symbol', 'date', 'what', 'value'",
            "a file of actions has the columns symbol, date, kind, value",
        ),
    ],
)
def test_a_row_that_is_no_action_is_named(tmp_path: Path, text: str, message: str, hint: str | None) -> None:
    with pytest.raises(DataError) as caught:
        load_bars(frame(), symbol="AAPL", adjustment="splits_and_dividends", actions=written(tmp_path, text))
    assert caught.value.message == message
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("table", "adjustment", "message"),
    [
        (
            frame(split=SPLIT),
            "splits_and_dividends",
            "AAPL (DataFrame): adjustment is splits_and_dividends, but there is no column for dividend; "
            "columns of numbers besides prices: 'split'",
        ),
        (
            frame(),
            "splits",
            "AAPL (DataFrame): adjustment is splits, but there is no column for split; columns of numbers "
            "besides prices: none",
        ),
        (
            frame(split=[0, 0, -4, 0, 0]),
            "splits",
            "AAPL (DataFrame): column 'split', row 2: the ratio of a split must be a number above 0; "
            "found -4.0",
        ),
        (
            frame(dividend=[0, 0, 0, 102, 0]),
            "dividends",
            "AAPL (DataFrame): column 'dividend', row 3: the dividend 102 of 2020-09-01 is not less than "
            "the price before, 102",
        ),
        (
            frame(**{"stock splits": SPLIT, "split ratio": SPLIT}),
            "splits",
            "AAPL (DataFrame): the column for split is ambiguous: 'stock splits' and 'split ratio'",
        ),
    ],
)
def test_columns_that_are_no_actions_are_named(table: pd.DataFrame, adjustment: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_bars(table, symbol="AAPL", adjustment=adjustment)
    assert caught.value.message == message


def test_actions_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="actions are given, but adjustment is none"):
        load_bars(frame(), symbol="AAPL", actions=written(tmp_path))
    with pytest.raises(ConfigError) as caught:
        DataConfig(source="csv", path="prices.csv", symbols=["AAPL"], actions="actions.csv")
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == ("actions", "is not read with adjustment none")
    assert problem.hint == "write adjustment: splits, dividends or splits_and_dividends"


@pytest.mark.parametrize("seed", range(10))
def test_adjusted_returns_are_those_of_a_holder_on_random_actions(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 60
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, n)))
    split = np.where(random.random(n) < 0.1, random.choice([0.1, 0.5, 1.5, 2.0, 7.0], n), 0.0)
    dividend = np.where(random.random(n) < 0.2, random.uniform(0.1, 2.0, n), 0.0)
    close = close / np.cumprod(np.where(split > 0, split, 1.0))
    dividend *= close / 100
    index = pd.bdate_range("2020-01-01", periods=n, tz="UTC")
    table = pd.DataFrame(
        {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6}, index=index
    )
    bars = load_bars(
        table.assign(split=split, dividend=dividend), symbol="X", adjustment="splits_and_dividends"
    )
    for t in range(1, n):
        # Who holds a unit has `ratio` of them on the ex-date; the price before less the dividend is where it
        # would have opened.
        ratio = split[t] if split[t] > 0 else 1.0
        fair = close[t] / (close[t - 1] / ratio - dividend[t])
        assert bars.close[t] / bars.close[t - 1] == pytest.approx(fair, rel=1e-12)
    assert bars.close[-1] == close[-1]
    assert (bars.low <= bars.close).all()
    assert (bars.close <= bars.high).all()
