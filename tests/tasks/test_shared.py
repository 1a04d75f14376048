"""Bars that a workflow shares with tasks of other processes, finer ones too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from admf.blocks import IndicatorLibrary
from admf.market import Bars
from admf.tasks import shared


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
