"""The 990 cells of the GOOG grid, by another implementation of the same conventions, in one sweep."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import admf
from admf.indicators import custom
from admf.strategies.sma_cross import SmaCross


def rolling_mean(close, length):
    return pd.Series(close).rolling(length).mean().to_numpy()


class PandasCross(SmaCross):
    """The built-in crossover on averages that round as the grid's do.

    The prices are cents, so that on some bars both averages are equal in decimal arithmetic, but not in
    binary: which side the last bit falls on, and so whether there is a crossing, is up to how each average
    rounds its sums. TA-Lib's running sum and the grid's compensated one differ on such a bar in two cells. No
    way of rounding is right there, so the engine does not choose one: the averages are the user's.
    """

    @staticmethod
    def indicators(p):
        return {"fast_ma": custom(rolling_mean, p.fast), "slow_ma": custom(rolling_mean, p.slow)}


@pytest.fixture(scope="module")
def grid(reference):
    return pd.read_parquet(reference / "optim" / "sma_grid_bt_GOOG_1d.parquet")


@pytest.fixture(scope="module")
def bars(reference):
    return admf.load_bars(reference / "data" / "bt_GOOG_1d.parquet")


def table_of(strategy, reference, bars, grid):
    size = json.loads((reference / "engine_backtestingpy" / "cases.json").read_text())["size_default"]
    metrics = ["final_equity", "sharpe_ratio", "annual_volatility", "max_drawdown", "trades"]
    result = admf.sweep(
        bars,
        strategy,
        grid[["fast", "slow"]],
        execution={"repeat_signal": "reenter"},
        sizing={"fraction": size, "lot_size": 1.0},
        costs={"commission_bps": 20.0},
        initial_cash=10_000.0,
        metrics=metrics,
    )
    assert result.compiled
    assert result.complete
    return result.table


def sharpe_without_first_bar(table, n):
    """Sharpe ratio of the bars after the first, on which nothing can be held: as the grid has it."""
    deviation = table["annual_volatility"] / np.sqrt(252.0)
    total = n * table["sharpe_ratio"] * deviation / np.sqrt(252.0)
    squares = (n - 1) * deviation**2 + total**2 / n
    m = n - 1
    return total / m / np.sqrt((squares - total**2 / m) / (m - 1)) * np.sqrt(252.0)


def test_every_cell(reference, bars, grid):
    table = table_of(PandasCross, reference, bars, grid)
    np.testing.assert_allclose(table["final_equity"], grid["equity_final"], rtol=1e-10)
    np.testing.assert_array_equal(table["trades"], grid["n_closed"])
    np.testing.assert_allclose(table["max_drawdown"], grid["max_dd"], rtol=1e-10)
    sharpe = sharpe_without_first_bar(table, len(bars))
    np.testing.assert_allclose(sharpe, grid["sharpe252"], rtol=1e-10, atol=1e-12)


def test_built_in_averages_round_two_cells_otherwise(reference, bars, grid):
    table = table_of("sma_cross", reference, bars, grid)
    differs = np.abs(table["final_equity"].to_numpy() / grid["equity_final"] - 1) > 1e-10
    assert grid.loc[differs, ["fast", "slow"]].to_numpy().tolist() == [[12, 26], [24, 32]]
