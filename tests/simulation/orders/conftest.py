"""``play(rows, decisions, **config)``: a story told by hand, for the oracle and for `admf.simulate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

import admf
from admf.market import Bars

from .book import Outcome
from .oracle import Decision
from .scripts import by_oracle, by_simulate, written


def frame_of(
    rows: Sequence[Sequence[float]], start: str, freq: str, **columns: Sequence[float]
) -> pd.DataFrame:
    """Bars from rows of open, high, low, close and, if given, volume (else 1000)."""
    table = np.array([[*row, 1000.0][:5] for row in rows], dtype=float)
    index = pd.date_range(start, periods=len(rows), freq=freq, tz="UTC")
    frame = pd.DataFrame(table, columns=["open", "high", "low", "close", "volume"], index=index)
    return frame.assign(**{name: np.array(values, dtype=float) for name, values in columns.items()})


def load(frame: pd.DataFrame, timeframe: str | None = None) -> Bars:
    return admf.load_bars(frame, symbol="HAND", timeframe=timeframe, min_bars=1)


@pytest.fixture(params=["oracle", "simulate"])
def play(request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """``play(rows, decisions, cash=1000, freq="D", columns={...}, finer=[...], **config)``."""

    def run(
        rows: Sequence[Sequence[float]],
        decisions: Sequence[Decision],
        cash: float = 1000.0,
        start: str = "2020-01-01",
        freq: str = "D",
        columns: Mapping[str, Sequence[float]] | None = None,
        finer: Bars | None = None,
        **config: Any,
    ) -> Outcome:
        plain = all(isinstance(each, int | float) for each in decisions)
        bars = load(written(frame_of(rows, start, freq, **(columns or {})), decisions, plain))
        if request.param == "oracle":
            return by_oracle(bars, decisions, cash, finer, **config)
        return by_simulate(bars, plain, cash, finer, **config)

    return run
