"""The metrics of a simulation, with empyrical's names and values.

Plain functions on arrays of returns per bar, and `compute_metrics`, which applies them to a result. What a
value means and which unit it has: `admf.simulation.metrics_glossary`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.measures import STREAMED
from admf.simulation.metrics_arrays import drawdown_of, drawdown_series, periods_per_year, power
from admf.simulation.metrics_benchmark import alpha, alpha_beta, beta, down_capture, up_capture
from admf.simulation.metrics_glossary import GLOSSARY
from admf.simulation.metrics_returns import (
    annual_return,
    calmar_ratio,
    cum_returns_final,
    omega_ratio,
    probabilistic_sharpe_ratio,
    psr,
    recovery_factor,
    sharpe_ratio,
    sortino_ratio,
    stability_of_timeseries,
)
from admf.simulation.metrics_risk import (
    annual_volatility,
    conditional_value_at_risk,
    downside_risk,
    kurtosis,
    longest_drawdown,
    max_drawdown,
    skew,
    tail_ratio,
    tails,
    ulcer_index,
    value_at_risk,
)
from admf.simulation.metrics_trades import (
    expectancy,
    exposure,
    kelly,
    max_consecutive_losses,
    payoff_ratio,
    profit_factor,
    turnover,
    win_rate,
)
from admf.simulation.records import is_fill

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from admf.simulation.result import SimulationResult

# What needs the returns in order of size, and so is no stream.
TAILS = ("value_at_risk", "conditional_value_at_risk", "tail_ratio")

__all__ = [
    "TAILS",
    "alpha",
    "alpha_beta",
    "annual_return",
    "annual_volatility",
    "bar_returns",
    "beta",
    "calmar_ratio",
    "compute_metrics",
    "conditional_value_at_risk",
    "cum_returns_final",
    "down_capture",
    "downside_risk",
    "drawdown_of",
    "drawdown_series",
    "expectancy",
    "exposure",
    "kelly",
    "kurtosis",
    "longest_drawdown",
    "max_consecutive_losses",
    "max_drawdown",
    "omega_ratio",
    "payoff_ratio",
    "periods_per_year",
    "probabilistic_sharpe_ratio",
    "profit_factor",
    "psr",
    "recovery_factor",
    "sharpe_ratio",
    "skew",
    "sortino_ratio",
    "stability_of_timeseries",
    "tail_ratio",
    "tails",
    "turnover",
    "ulcer_index",
    "up_capture",
    "value_at_risk",
    "win_rate",
]


def bar_returns(equity: ArrayLike, initial_cash: float) -> NDArray[np.float64]:
    """Turn an equity curve into returns per bar, the first one against the initial cash.

    Parameters
    ----------
    equity
        Value at the close of each bar, currency, shape (n,).
    initial_cash
        Value before the first bar, currency.

    Returns
    -------
    Fractions, shape (n,). Once the equity has fallen to 0 or below there is nothing left to earn a return on:
    the bars after that are NaN.
    """
    equity = np.asarray(equity, dtype=np.float64)
    before = np.empty_like(equity)
    before[:1] = initial_cash
    before[1:] = equity[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        returns: NDArray[np.float64] = equity / before
    returns -= 1.0
    ruined = before <= 0
    if ruined.any():
        returns[int(np.argmax(ruined)) :] = np.nan
    return returns


def compute_metrics(result: SimulationResult) -> dict[str, float]:
    """All metrics of a simulation.

    Parameters
    ----------
    result
        Of one simulation. Annual values use ``bars.periods_per_year``; the
        ratios take off the risk-free rate of a bar, ``(1 + annual) ** (1 / bars per year) - 1``. The
        benchmark is buy and hold of the same bars, close to close.

    Returns
    -------
    Metrics by name, in the order of the glossary. What is not defined is NaN, and so is what would be
    infinite (a ratio with nothing below the line), as JSON knows neither. Total, annual return and drawdown
    are those of the equity itself; after ruin (equity at 0 or below) no return exists, and what is made of
    returns is of the bars until then.
    """
    orders, trades = result.order_table, result.trade_table
    filled = is_fill(orders["status"])
    values = streamed_metrics(
        result.equity_values,
        market_returns(result.bars.close),
        result.position_values,
        trades["pnl"],
        trades["units"] * trades["entry_price"],
        trades["exit_bar"] - trades["entry_bar"],
        np.abs(orders["units"][filled]) * orders["price"][filled],
        result.initial_cash,
        risk_free_per_bar(result.risk_free_pct, result.bars.periods_per_year),
        result.bars.periods_per_year,
    )
    metrics = dict(zip(STREAMED, values.tolist(), strict=True))
    returns = bar_returns(result.equity_values, result.initial_cash)
    for name, value in zip(TAILS, tails(returns), strict=True):
        metrics[name] = value if math.isfinite(value) else math.nan
    return {name: metrics[name] for name in GLOSSARY}


def risk_free_per_bar(risk_free_pct: float, period: float) -> float:
    """Turn an annual rate in percent into the fraction of one bar."""
    return power(1.0 + risk_free_pct / 100.0, 1.0 / period) - 1.0


def market_returns(close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the returns of holding the symbol as `measures` take them: in cell 0 the whole, in i bar i's."""
    market = np.empty(close.size)
    market[0] = close[-1] / close[0] - 1.0
    np.divide(close[1:], close[:-1], out=market[1:])
    market[1:] -= 1.0
    return market


def streamed_metrics(
    equity: NDArray[np.float64],
    market: NDArray[np.float64],
    positions: NDArray[np.float64],
    pnl: NDArray[Any],
    paid: NDArray[Any],
    bars: NDArray[Any],
    traded: NDArray[Any],
    initial_cash: float,
    risk_free: float,
    period: float,
) -> NDArray[np.float64]:
    """Compute the metrics of `measures.STREAMED`, in its order, with the code that a sweep runs.

    Parameters
    ----------
    equity, positions
        Currency and units at each close, shape (bars,).
    market
        See `market_returns`.
    pnl, paid, bars
        Of each closed trade: profit, price paid, bars held.
    traded
        Value of each fill, in order.
    initial_cash, risk_free, period
        Currency, fraction a bar, bars a year.
    """
    from admf.simulation.compile import compile_kernel
    from admf.simulation.kernel import measures_source

    out = np.empty((1, len(STREAMED)))
    columns = (np.ascontiguousarray(column, dtype=np.float64) for column in (pnl, paid, bars, traded))
    numbers = (float(initial_cash), float(risk_free), float(period))
    run = compile_kernel(measures_source(STREAMED), "the metrics")
    run(out, equity, market, positions, *columns, *numbers)
    values: NDArray[np.float64] = out[0]
    return values
