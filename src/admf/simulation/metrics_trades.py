"""Metrics of closed trades and of the position held.

`pnl` is the profit of each closed trade in currency, net of its commissions, shape (trades,). A trade that
made exactly nothing is neither a win nor a loss, and counts as a trade. Without a closed trade everything is
NaN, except counts, which are 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation.metrics_arrays import as_returns, divide
from admf.simulation.metrics_risk import longest_run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def win_rate(pnl: ArrayLike) -> float:
    """Share of trades that made a profit: ``count(pnl > 0) / count``. A fraction."""
    pnl = as_returns(pnl)
    return float((pnl > 0).mean()) if pnl.size else math.nan


def profit_factor(pnl: ArrayLike) -> float:
    """Gross profit for gross loss: ``sum(pnl > 0) / abs(sum(pnl < 0))``. No unit; infinite without a loss."""
    pnl = as_returns(pnl)
    return divide(float(np.maximum(pnl, 0.0).sum()), 0.0 - float(np.minimum(pnl, 0.0).sum()))


def expectancy(pnl: ArrayLike) -> float:
    """Mean profit of a trade: ``mean(pnl)``, win rate x average win - loss rate x average loss. Currency."""
    pnl = as_returns(pnl)
    return float(pnl.mean()) if pnl.size else math.nan


def payoff_ratio(pnl: ArrayLike) -> float:
    """Average win for average loss: ``mean(pnl > 0) / abs(mean(pnl < 0))``. No unit; NaN without both."""
    pnl = as_returns(pnl)
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    return divide(float(wins.mean()), -float(losses.mean())) if wins.size and losses.size else math.nan


def kelly(win_rate: float, payoff_ratio: float) -> float:
    """Share of the capital that makes it grow fastest, for bets of this kind.

    ``win_rate - (1 - win_rate) / payoff_ratio``. Source: Kelly (1956). A fraction; negative where the bet
    should not be made. NaN where either is NaN or the payoff ratio is 0.
    """
    return win_rate - (1.0 - win_rate) / payoff_ratio if payoff_ratio else math.nan


def max_consecutive_losses(pnl: ArrayLike) -> float:
    """Most trades with a loss in a row, in the order given: ``longest run of pnl < 0``. A count."""
    return longest_run(as_returns(pnl) < 0)


def exposure(positions: ArrayLike) -> float:
    """Share of bars with a position at the close: ``count(position != 0) / n``. A fraction; NaN for none."""
    positions = as_returns(positions)
    return float(np.count_nonzero(positions)) / positions.size if positions.size else math.nan


def turnover(traded_value: float, equity: ArrayLike, years: float) -> float:
    """Value bought and sold in a year for the mean equity.

    ``traded_value / mean(equity) / years``; 2.0 is one full purchase and sale a year. Per year.
    NaN without a bar or where the mean equity is not above 0.
    """
    equity = as_returns(equity)
    if not equity.size or not years > 0:
        return math.nan
    mean = float(equity.mean())
    return traded_value / mean / years if mean > 0 else math.nan
