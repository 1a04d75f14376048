"""Results to report: of the engine, and made of arrays for what an engine rarely gives."""

import numpy as np
import pytest

from admf.market import Bars
from admf.simulation import SimulationResult
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS


def _make(
    equity, *, close=None, positions=None, trades=0, symbol="TEST", strategy="by hand", warnings=(), seed=0
):
    """A result with this equity; trades are drawn at random within the bars."""
    equity = np.asarray(equity, dtype=float)
    n = equity.size
    rng = np.random.default_rng(seed)
    close = np.linspace(50.0, 60.0, n) if close is None else np.asarray(close, dtype=float)
    bars = Bars(
        symbol,
        "1d",
        np.datetime64("2001-02-03", "ns").astype(np.int64) + np.arange(n) * 3_600_000_000_000,
        *(close for _ in range(4)),
        volume=np.zeros(n),
        periods_per_year=252.0 * 24,
    )
    starts = np.sort(rng.integers(0, max(n - 1, 1), trades))
    ends = np.minimum(starts + rng.integers(0, 5, trades), n - 1)
    units = np.full(trades, 2.0)
    side = rng.choice([-1.0, 1.0], trades)
    pnl = side * units * (close[ends] - close[starts]) + rng.normal(0, 1, trades)
    table = {
        "entry_bar": starts,
        "exit_bar": ends,
        "side": side,
        "units": units,
        "entry_price": close[starts],
        "exit_price": close[ends],
        "pnl": pnl,
        "commission": np.full(trades, 0.5),
        "mae": -rng.random(trades),
        "mfe": rng.random(trades),
        "reason": rng.integers(0, 4, trades),
        "target": np.sign(side),
        "financing": np.zeros(trades),
    }
    assert tuple(table) == TRADE_COLUMNS
    return SimulationResult(
        bars,
        strategy=strategy,
        params={"window": 20},
        initial_cash=100.0,
        risk_free_pct=0.0,
        equity_values=equity,
        position_values=np.zeros(n) if positions is None else np.asarray(positions, dtype=float),
        order_table={name: np.zeros(0) for name in ORDER_COLUMNS},
        trade_table=table,
        assumptions={"fill": "a decision made at a close is filled at the next bar's open"},
        warnings=list(warnings),
    )


@pytest.fixture(scope="session")
def make_result():
    """``make_result(equity, close=None, trades=0, ...)``."""
    return _make


@pytest.fixture(scope="session")
def result(make_result):
    """Two thousand hourly bars with 60 trades."""
    rng = np.random.default_rng(3)
    return make_result(
        100 * np.cumprod(1 + rng.normal(0.0002, 0.01, 2000)),
        close=50 * np.cumprod(1 + rng.normal(0, 0.01, 2000)),
        trades=60,
    )
