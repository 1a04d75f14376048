"""``play(rows, weights, **config)``: a story by hand, for the oracle and `admf.simulate_portfolio`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from .rows import Outcome
from .runner import Decisions, Prices, bars_of, by_engine, by_oracle


@pytest.fixture(params=["oracle", "engine"])
def play(request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """``play({"A": rows}, {0: [weight]}, cash=1000, band=0, freq="D", columns={"A": {...}}, **config)``.

    The direction of execution cuts weights before an engine hears of them: stories leave it alone.
    """

    def run(
        rows: Mapping[str, Prices],
        weights: Decisions,
        cash: float = 1000.0,
        band: float = 0.0,
        start: str = "2020-01-06",
        freq: str = "D",
        columns: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
        **config: Any,
    ) -> Outcome:
        bars = bars_of(rows, start, freq, columns or {})
        road = by_oracle if request.param == "oracle" else by_engine
        return road(bars, weights, cash, band, **config)

    return run
