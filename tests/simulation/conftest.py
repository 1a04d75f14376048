"""Bars by hand, and a run that holds the compiled kernel and the plain engine against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config.models import BacktestConfig
from admf.indicators import IndicatorTable
from admf.market import Bars
from admf.simulation import SimulationResult
from admf.simulation.api import settings_of, simulated_range
from admf.simulation.engine import Ground, run_plain
from admf.simulation.inputs import gather
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS
from admf.strategies import resolve_strategy


def make_bars(rows: Sequence[Sequence[float]], targets: Sequence[float] | None = None) -> Bars:
    """Daily bars from rows of open, high, low, close; `targets` becomes the column ``target``."""
    index = pd.date_range("2020-01-01", periods=len(rows), freq="D", tz="UTC")
    frame = pd.DataFrame(np.array(rows, dtype=float), columns=["open", "high", "low", "close"], index=index)
    frame["volume"] = 1000.0
    if targets is not None:
        frame["target"] = np.array(targets, dtype=float)
    return admf.load_bars(frame, min_bars=1)


def simulate_both(bars: Bars, strategy: Any, params: dict | None = None, **settings: Any) -> SimulationResult:
    """The public `simulate`, after making sure that the plain engine gives the same bits."""
    result = admf.simulate(bars, strategy, params, **settings)
    assert result.compiled, result.warnings
    renamed = {"start": "start_date", "end": "end_date"}
    config = BacktestConfig(
        strategy={"name": "x"}, **{renamed.get(key, key): value for key, value in settings.items()}
    )
    bound = resolve_strategy(strategy, params)
    table = IndicatorTable(bars)
    inputs = gather(bars, bound, table)
    ground = Ground(bars, *simulated_range(bars, config), table)
    plain = run_plain(bound, inputs, settings_of(config), ground)
    np.testing.assert_array_equal(result.equity_values, plain.equity)
    np.testing.assert_array_equal(result.position_values, plain.positions)
    for names, table, rows in (
        (ORDER_COLUMNS, result.order_table, plain.orders),
        (TRADE_COLUMNS, result.trade_table, plain.trades),
    ):
        for at, name in enumerate(names):
            np.testing.assert_array_equal(table[name], rows[:, at], err_msg=name)
    return result


@pytest.fixture(scope="session")
def by_hand() -> Callable[..., Bars]:
    """``by_hand(rows, targets=None)``: bars from rows of open, high, low, close."""
    return make_bars


@pytest.fixture(scope="session")
def both() -> Callable[..., SimulationResult]:
    """``both(bars, strategy, params, **settings)``: simulated by both engines, bit-equal."""
    return simulate_both


@pytest.fixture(scope="session")
def follow() -> Callable[..., SimulationResult]:
    """``follow(rows, targets, **settings)``: trades targets on rows of open, high, low, close."""

    def run(rows: Sequence[Sequence[float]], targets: Sequence[float], **settings: Any) -> SimulationResult:
        settings.setdefault("initial_cash", 1000.0)
        return simulate_both(make_bars(rows, targets), "signals", {"target": "target"}, **settings)

    return run
