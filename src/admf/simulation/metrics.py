"""The metrics of a simulation, with empyrical's names and values.

Plain functions on arrays of returns per bar, and `compute_metrics`, which applies them to a result. What a
value means and which unit it has: `admf.simulation.metrics_glossary`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.metrics_arrays import divide, dot, drawdown_of, drawdown_series, periods_per_year, power
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
    longest_run,
    max_drawdown,
    moments,
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
from admf.simulation.records import FILLED

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from admf.simulation.result import SimulationResult

__all__ = [
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
    bars, equity = result.bars, result.equity_values
    period = bars.periods_per_year
    returns = bar_returns(equity, result.initial_cash)
    risk_free = power(1.0 + result.risk_free_pct / 100.0, 1.0 / period) - 1.0
    filled = result.order_table["status"] == FILLED
    traded = dot(np.abs(result.order_table["units"][filled]), result.order_table["price"][filled])
    metrics = {
        "final_equity": float(equity[-1]),
        **_equity_metrics(equity, result.initial_cash, period),
        **_return_metrics(returns, bars.close, period, risk_free),
        **_trade_metrics(result.trade_table),
        "exposure": exposure(result.position_values),
        "turnover": turnover(traded, equity, equity.size / period),
    }
    return {name: metrics[name] if math.isfinite(metrics[name]) else math.nan for name in GLOSSARY}


def _equity_metrics(equity: NDArray[np.float64], initial_cash: float, period: float) -> dict[str, float]:
    growth = float(equity[-1]) / initial_cash
    total, annual = growth - 1.0, power(growth, period / equity.size) - 1.0
    drawdown = drawdown_of(equity, initial_cash)
    deepest = float(drawdown.min())
    loss = -deepest if deepest < 0 else math.nan
    return {
        "cum_returns_final": total,
        "annual_return": annual,
        "max_drawdown": deepest,
        "longest_drawdown": longest_run(drawdown < 0),
        "ulcer_index": math.sqrt(dot(drawdown, drawdown) / equity.size),
        "calmar_ratio": divide(annual, loss),
        "recovery_factor": divide(total, loss),
    }


def _return_metrics(
    returns: NDArray[np.float64], close: NDArray[np.float64], period: float, risk_free: float
) -> dict[str, float]:
    # What several metrics need is computed once; a test holds them to the plain functions.
    sharpe = sharpe_ratio(returns, risk_free, period)
    skewness, raw_kurtosis = moments(returns)
    observations = returns.size - int(np.count_nonzero(np.isnan(returns)))
    per_bar = sharpe / math.sqrt(period)
    shortfall, expected_shortfall, good_to_bad = tails(returns)
    market = close[1:] / close[:-1] - 1.0
    unexplained, slope = alpha_beta(returns[1:], market, risk_free, period)
    return {
        "buy_and_hold_return": float(close[-1] / close[0]) - 1.0,
        "sharpe_ratio": sharpe,
        "probabilistic_sharpe_ratio": psr(per_bar, observations, skewness, raw_kurtosis),
        "sortino_ratio": sortino_ratio(returns, risk_free, period),
        "omega_ratio": omega_ratio(returns, risk_free, 0.0, period),
        "stability_of_timeseries": stability_of_timeseries(returns),
        "alpha": unexplained,
        "beta": slope,
        "annual_volatility": annual_volatility(returns, period),
        "downside_risk": downside_risk(returns, 0.0, period),
        "value_at_risk": shortfall,
        "conditional_value_at_risk": expected_shortfall,
        "tail_ratio": good_to_bad,
        "skew": skewness,
        "kurtosis": raw_kurtosis,
    }


def _trade_metrics(trades: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    pnl = trades["pnl"].astype(np.float64)
    returns = pnl / (trades["units"] * trades["entry_price"])
    wins, payoff = win_rate(pnl), payoff_ratio(pnl)
    return {
        "trades": float(pnl.size),
        "win_rate": wins,
        "profit_factor": profit_factor(pnl),
        "expectancy": expectancy(pnl),
        "payoff_ratio": payoff,
        "kelly": kelly(wins, payoff),
        "avg_trade": expectancy(returns),
        "best_trade": float(returns.max()) if returns.size else math.nan,
        "worst_trade": float(returns.min()) if returns.size else math.nan,
        "max_consecutive_losses": max_consecutive_losses(pnl),
        "avg_bars": expectancy(trades["exit_bar"] - trades["entry_bar"]),
    }
