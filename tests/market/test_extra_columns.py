"""Columns that costs and halts are read from reach the bars from every source, as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import create_engine

import admf
from admf.core.config.models import DataConfig
from admf.market import load_bars, load_market_data
from admf.market.provider import bars_from_provider
from admf.simulation.facts import FactNeeds, facts_of

NEEDS = FactNeeds(
    spread_column="Spread", halted_column="halted", funding_column="rate", locate_column="shares"
)
FRAME = pd.DataFrame(
    {
        **dict.fromkeys(("open", "high", "low", "close"), (10.0, 11.0, 12.0, 11.0)),
        "volume": [100, 0, 100, 100],
        "Spread": [0.01, 0.02, 0.01, 0.03],
        "halted": [False, True, False, False],
        "rate": [0.0001, -0.0001, 0.0, 0.0],
        "shares": [1000, np.nan, 500, 0],
    },
    index=pd.date_range("2020-01-01", periods=4, freq="D", name="date"),
)


def test_the_columns_come_through_every_source(tmp_path: Path) -> None:
    table = FRAME.reset_index()
    table.to_csv(tmp_path / "prices.csv", index=False)
    table.to_parquet(tmp_path / "prices.parquet")
    url = f"sqlite:///{tmp_path / 'prices.db'}"
    engine = create_engine(url)
    table.to_sql("prices", engine, index=False)
    engine.dispose()
    places = (
        {"source": "csv", "path": str(tmp_path / "prices.csv")},
        {"source": "parquet", "path": str(tmp_path / "prices.parquet")},
        {"source": "sql", "url": url, "table": "prices"},
        {"source": "sql", "url": url, "query": "SELECT * FROM prices"},
    )
    frame = load_bars(FRAME, symbol="X")
    loaded = [load_market_data(DataConfig(**place, symbols=["X"]))["X"] for place in places]
    named = DataConfig(symbols=["X"])
    loaded += [bars_from_provider(given, named)["X"] for given in (FRAME, frame, {"X": FRAME})]
    frame.save(tmp_path / "bars")
    loaded.append(type(frame).load(tmp_path / "bars"))
    for bars in (frame, *loaded):
        assert bars.fingerprint == frame.fingerprint
        rows = facts_of(bars, NEEDS).rows
        assert rows[:, 5].tolist() == [0.01, 0.02, 0.01, 0.03]
        assert rows[:, 14].tolist() == [0.0, 1.0, 0.0, 0.0]
        assert rows[:, 16].tolist() == [0.0001, -0.0001, 0.0, 0.0]
        np.testing.assert_array_equal(rows[:, 15], [1000, np.nan, 500, 0])


def test_a_result_says_how_many_bars_were_halted() -> None:
    bars = load_bars(FRAME, symbol="X")
    marked = admf.simulate(bars, "buy_and_hold", execution={"halted_column": "halted"})
    assert marked.assumptions["halted bars"].endswith(" (1 of 4 bars)")
    both = {"halted_column": "halted", "halt_on_zero_volume": True}
    assert (
        admf.simulate(bars, "buy_and_hold", execution=both)
        .assumptions["halted bars"]
        .endswith(" (1 of 4 bars)")
    )
    assert "(" not in admf.simulate(bars, "buy_and_hold").assumptions["halted bars"]
