"""Bars by hand, and a run that holds the compiled loop and its plain twin against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config.models import BacktestConfig
from admf.market import Bars
from admf.simulation.portfolio import PortfolioResult
from admf.simulation.portfolio.engine import run_plain
from admf.simulation.portfolio.ground import Ground
from admf.simulation.portfolio.records import ORDER_COLUMNS, TRADE_COLUMNS
from admf.simulation.settings import Settings


def make_bars(prices: Sequence[tuple[float, float]], days: Sequence[str] | str = "2020-01-06") -> Bars:
    """Daily bars from (open, close); `days` are their dates, or the first of consecutive ones."""
    index = (
        pd.date_range(days, periods=len(prices), freq="D", tz="UTC")
        if isinstance(days, str)
        else pd.DatetimeIndex(list(days), tz="UTC")
    )
    table = np.array(prices, dtype=float)
    frame = pd.DataFrame({"open": table[:, 0], "close": table[:, 1], "volume": 1000.0}, index=index)
    frame["high"], frame["low"] = table.max(axis=1), table.min(axis=1)
    return admf.load_bars(frame, timeframe="1d", min_bars=1)


def simulate_both(
    bars: Mapping[str, Bars],
    allocation: Any,
    params: dict | None = None,
    *,
    rebalance: Any = None,
    **settings: Any,
) -> PortfolioResult:
    """The public `simulate_portfolio`, after making sure that the plain twin gives the same bits."""
    result = admf.simulate_portfolio(bars, allocation, params, rebalance=rebalance, **settings)
    sections = {key: settings[key] for key in ("execution", "sizing", "costs", "risk") if key in settings}
    config = BacktestConfig(
        strategy={"name": "x"}, initial_cash=settings.get("initial_cash", 100_000.0), **sections
    )
    numbers = Settings.from_config(
        config.execution, config.sizing, config.costs, config.initial_cash, risk=config.risk
    )
    band = rebalance.get("band", 0.0) if isinstance(rebalance, dict) else 0.0
    rows = result.decision_bars + result.first
    ground = Ground(result.joined, numbers, band, result.first, result.last, {}, {})
    plain = run_plain(ground, rows, result.target_values)
    np.testing.assert_array_equal(result.equity_values, plain.equity)
    np.testing.assert_array_equal(result.cash_values, plain.cash)
    np.testing.assert_array_equal(result.position_values, plain.positions)
    for at, name in enumerate(ORDER_COLUMNS):
        np.testing.assert_array_equal(result.order_table[name], plain.orders[:, at], err_msg=name)
    assert plain.trades is not None
    order = np.lexsort((plain.trades[:, 2], plain.trades[:, 1]))
    for at, name in enumerate(TRADE_COLUMNS):
        made = result.trade_table[name][
            np.lexsort((result.trade_table["symbol"], result.trade_table["exit_bar"]))
        ]
        np.testing.assert_array_equal(made, plain.trades[order, at], err_msg=name)
    return result


@pytest.fixture(scope="session")
def both() -> Callable[..., PortfolioResult]:
    """``both(bars, allocation, params, rebalance=..., **settings)``: by both engines, bit-equal."""
    return simulate_both


@pytest.fixture(scope="session")
def hand_bars() -> Callable[..., Bars]:
    """``hand_bars([(open, close), ...], days)``."""
    return make_bars


@pytest.fixture(scope="session")
def some_bars(random_bars: Callable[..., Bars]) -> Callable[..., dict[str, Bars]]:
    """``some_bars(count, seed, n)``: symbols of one calendar; with ``gaps`` each misses some of its days."""

    def make(count: int, seed: int = 0, n: int = 120, gaps: bool = False) -> dict[str, Bars]:
        found = {f"S{i}": random_bars(1000 * seed + i, n) for i in range(count)}
        if not gaps:
            return found
        random = np.random.default_rng(seed)
        return {
            name: thinned(bars, random.random(len(bars)) < 0.8, int(random.integers(0, n // 2)))
            for name, bars in found.items()
        }

    return make


def thinned(bars: Bars, keep: np.ndarray, start: int) -> Bars:
    """The same symbol with fewer bars: a later start, and only those to keep."""
    keep = keep & (np.arange(len(bars)) >= start)
    keep[-1] = True
    columns = ("timestamps", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[keep] for name in columns}, extra={})
