"""Bars that a workflow shares with tasks of other processes, finer ones too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from admf.blocks import IndicatorLibrary
from admf.market import Bars, load_bars
from admf.tasks import shared
from admf.tasks.simulate import simulate


def test_another_process_finds_bars_and_finer_bars(
    tmp_path: Path, random_bars: Callable[..., Bars], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_published", {})
    monkeypatch.setattr(shared, "_opened", {})
    bars = {symbol: replace(random_bars(seed), symbol=symbol) for seed, symbol in enumerate(("B", "A"))}
    finer = {symbol: replace(random_bars(7, timeframe="1h"), symbol=symbol) for symbol in bars}
    for name, market in (
        ("both", shared.SharedMarket.of(bars, IndicatorLibrary(directory=None), finer)),
        ("bars alone", shared.SharedMarket.of(bars, IndicatorLibrary(directory=None))),
    ):
        folder = tmp_path / name
        shared.publish(folder, market, to_disk=True)
        assert shared.find(str(folder), None) is market
        shared._published.clear()  # what another process knows
        found = shared.find(str(folder), None)
        assert list(found.bars) == list(found.tables) == ["B", "A"]
        for here, there in ((market.bars, found.bars), (market.finer, found.finer)):
            assert {key: each.fingerprint for key, each in here.items()} == {
                key: each.fingerprint for key, each in there.items()
            }
        assert shared.find(str(folder), None) is found


def test_the_simulation_of_a_workflow_uses_the_finer_bars(tmp_path: Path) -> None:
    # A day from 100 down to 90 and up to 110: a stop at 95 and a target at 105. The hours went up first.
    def bars(rows: list[tuple[float, ...]], moments: list[str], timeframe: str) -> Bars:
        frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=pd.DatetimeIndex(moments))
        return load_bars(frame, symbol="X", timeframe=timeframe)

    days = ["2020-01-01", "2020-01-02", "2020-01-03"]
    daily = bars([(100, 100, 100, 100), (100, 110, 90, 100), (100, 100, 100, 100)], days, "1d")
    hours = ["2020-01-02T10:00", "2020-01-02T11:00"]
    hourly = bars([(100, 110, 100, 100), (100, 100, 90, 100)], hours, "1h")
    config = {
        "strategy": {"name": "buy_and_hold"},
        "execution": {"stop_loss_pct": 5.0, "take_profit_pct": 5.0},
    }
    reasons = []
    for finer in (None, {"X": hourly}):
        shared.publish(
            tmp_path,
            shared.SharedMarket.of({"X": daily}, IndicatorLibrary(directory=None), finer),
            to_disk=False,
        )
        result = simulate.fn(str(tmp_path), None, "X", config, [])
        reasons.append(result.trades["exit_reason"].tolist())
        shared.withdraw(tmp_path)
    assert reasons == [["stop_loss"], ["take_profit"]]
    assert "bars of 1h decide it" in result.assumptions["inside a bar"]
    assert [each for each in result.warnings if each.startswith("finer bars: ")] == []
