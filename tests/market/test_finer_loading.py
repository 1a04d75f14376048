"""Finer bars beside the bars: read from the same source, adjusted alike, checked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine

import admf
from admf.core.config.models import DataConfig
from admf.errors import ConfigError, DataError
from admf.market import load_bars, load_market
from admf.market.provider import market_from_provider

# Two days of four hours, 400 and then 100 after a split of four for one.
HOURS = pd.DatetimeIndex([f"2020-01-0{day}T{hour}:00Z" for day in (1, 2) for hour in (10, 11, 12, 13)])
DAYS = pd.DatetimeIndex(["2020-01-01", "2020-01-02"], tz="UTC")


def prices(index: pd.DatetimeIndex, levels: list[float], **columns: Any) -> pd.DataFrame:
    close = np.array(levels)
    frame = pd.DataFrame({"open": close, "high": close + 2, "low": close - 2, "close": close}, index=index)
    return frame.assign(volume=100.0, **columns).rename_axis("time").reset_index()


DAILY = prices(DAYS, [400.0, 100.0])
HOURLY = prices(HOURS, [400.0] * 4 + [100.0] * 4)


def files(folder: Path, **more: Any) -> DataConfig:
    DAILY.to_csv(folder / "day.csv", index=False)
    HOURLY.to_csv(folder / "hour.csv", index=False)
    finer = {"path": str(folder / "hour.csv"), "timeframe": "1h", **more.pop("finer", {})}
    return DataConfig(source="csv", path=str(folder / "day.csv"), symbols=["X"], finer=finer, **more)


def test_finer_bars_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    market = load_market(files(tmp_path))
    assert list(market.bars) == list(market.finer) == ["X"]
    assert len(market.bars["X"]) == 2
    finer = market.finer["X"]
    assert (finer.symbol, finer.timeframe, len(finer)) == ("X", "1h", 8)
    assert finer.close.tolist() == [400.0] * 4 + [100.0] * 4
    assert not [finding for finding in finer.findings if finding.kind == "finer_missing"]


def test_without_the_key_there_are_none(tmp_path: Path) -> None:
    market = load_market(files(tmp_path).model_copy(update={"finer": None}))
    assert market.finer == {}


def test_finer_bars_come_from_a_table_of_the_same_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'prices.db'}"
    engine = create_engine(url)
    DAILY.to_sql("day", engine, index=False)
    HOURLY.to_sql("hour", engine, index=False)
    engine.dispose()
    expected = load_market(files(tmp_path)).finer["X"].fingerprint
    base = {"source": "sql", "url": url, "query": "SELECT * FROM day ORDER BY time", "symbols": ["X"]}
    for place in ({"table": "hour"}, {"query": "SELECT * FROM hour ORDER BY time"}):
        config = DataConfig(**base, finer={"timeframe": "1h", **place})
        assert load_market(config).finer["X"].fingerprint == expected


def test_finer_bars_are_adjusted_as_their_bars_are(tmp_path: Path) -> None:
    (tmp_path / "actions.csv").write_text(
        "symbol,date,kind,value\nX,2020-01-02,split,4\nX,2020-01-02,dividend,3\n"
    )
    config = files(tmp_path, adjustment="splits_and_dividends", actions=str(tmp_path / "actions.csv"))
    market = load_market(config)
    # 400 / 4 = 100, less the 3 % that the dividend is of it
    assert market.bars["X"].close.tolist() == [97.0, 100.0]
    assert market.finer["X"].close.tolist() == [97.0] * 4 + [100.0] * 4
    assert market.finer["X"].volume.tolist() == [400.0] * 4 + [100.0] * 4
    messages = [each.message for each in market.finer["X"].findings]
    assert "prices are adjusted as those of the bars of 1d" in messages

    DAILY.assign(adj_close=[40.0, 100.0]).to_csv(tmp_path / "day.csv", index=False)
    scaled = load_market(config.model_copy(update={"adjustment": "adjusted_close", "actions": None}))
    assert scaled.bars["X"].close.tolist() == [40.0, 100.0]
    assert scaled.finer["X"].close.tolist() == [40.0] * 4 + [100.0] * 4


def test_bars_that_finer_ones_do_not_cover_are_counted(tmp_path: Path) -> None:
    config = files(tmp_path)
    inside = HOURLY.assign(high=HOURLY["close"] + 1)
    such = "such a bar is taken as it is"
    short = "finer bars of 1h, but none that reach both its high and its low"
    for table, count, message in (
        (HOURLY.iloc[4:], 1, f"of 2 bars, 1 has no finer bars of 1h: {such}"),
        (inside, 2, f"of 2 bars, 2 have {short}: {such}"),
        (inside.iloc[:4], 2, f"of 2 bars, 1 has no finer bars of 1h and 1 has {short}: {such}"),
    ):
        table.to_csv(tmp_path / "hour.csv", index=False)
        market = load_market(config)
        (found,) = [each for each in market.finer["X"].findings if each.kind == "finer_missing"]
        assert (found.severity, found.count, found.message) == ("warning", count, message)
    # who simulates by hand reads the same, once
    for finer in (market.finer["X"], load_bars(inside.iloc[:4], symbol="X", timeframe="1h")):
        result = admf.simulate(market.bars["X"], "buy_and_hold", finer=finer)
        assert [each for each in result.warnings if "finer bars" in each] == [f"finer bars: {message}"]


def test_the_finer_file_may_have_names_of_its_own(tmp_path: Path) -> None:
    config = files(tmp_path, columns={"close": "close"}, finer={"columns": {"close": "Preis"}})
    HOURLY.rename(columns={"close": "Preis"}).to_csv(tmp_path / "hour.csv", index=False)
    assert len(load_market(config).finer["X"]) == 8


def test_what_is_wrong_with_finer_bars_is_said_of_them(tmp_path: Path) -> None:
    config = files(tmp_path)
    (tmp_path / "hour.csv").unlink()
    with pytest.raises(DataError) as caught:
        load_market(config)
    assert caught.value.message == f"finer bars: {tmp_path / 'hour.csv'} does not exist"

    HOURLY.assign(high=450.0).to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(DataError) as caught:
        load_market(config)
    assert caught.value.message == (
        "finer bars: X: the finer bar of 2020-01-01T10:00:00+00:00 has high 450, above the high 402 of its "
        "bar of 2020-01-01T00:00:00+00:00 (and 7 more such finer bars)"
    )
    same = config.model_copy(update={"finer": config.finer.model_copy(update={"timeframe": "1d"})})
    DAILY.to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(DataError) as caught:
        load_market(same)
    assert caught.value.message == (
        "finer bars: X: finer bars have timeframe 1d, which is not shorter than 1d, that of the bars"
    )


CSV = {"source": "csv", "path": "a.csv", "symbols": ["X"]}
SQL = {"source": "sql", "url": "sqlite://", "table": "t", "symbols": ["X"]}


@pytest.mark.parametrize(
    ("bars", "finer", "path", "message"),
    [
        ({}, {}, "finer", "does not go with source sample, which has daily bars alone"),
        (CSV, {}, "finer.path", "is required by source csv"),
        (CSV, {"path": "b.csv", "table": "t"}, "finer.table", "does not go with source csv"),
        (SQL, {}, "finer.table", "is required by source sql, unless there is a query"),
        (SQL, {"table": "t", "query": "q"}, "finer.query", "stands beside table"),
        (CSV, {"path": "b.csv", "timeframe": "hour"}, "finer.timeframe", "is not a timeframe"),
    ],
)
def test_keys_that_do_not_go_together_are_named(
    bars: dict[str, Any], finer: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        DataConfig(**bars, finer={"timeframe": "1h", **finer})
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (path, message)


def test_a_provider_is_asked_for_each_timeframe(tmp_path: Path) -> None:
    config = files(tmp_path)
    indexed = {"1d": DAILY.set_index("time"), "1h": HOURLY.set_index("time")}
    by_config = SimpleNamespace(load_bars=lambda config: indexed[config.timeframe])
    by_names = SimpleNamespace(load=lambda symbols, timeframe, start, end: indexed[timeframe])
    for provider in (by_config, by_names):
        market = market_from_provider(provider, config)
        assert len(market.bars["X"]) == 2
        assert len(market.finer["X"]) == 8
    with pytest.raises(DataError) as caught:
        market_from_provider(load_bars(DAILY, symbol="X"), config)
    assert caught.value.message == (
        "shared service 'market_data' gives bars of one timeframe, and data_config.finer asks for others"
    )
    alone = config.model_copy(update={"finer": None})
    assert market_from_provider(load_bars(DAILY, symbol="X"), alone).finer == {}
