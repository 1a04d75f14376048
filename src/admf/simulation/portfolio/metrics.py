"""The metrics of a portfolio: those of `admf.simulation.metrics` that need no single symbol."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation import metrics as m
from admf.simulation.metrics_arrays import divide, power

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult


def portfolio_metrics(result: PortfolioResult) -> dict[str, float]:
    """Metrics by their names in the glossary; what is not defined is NaN.

    Annual values count the rows of the joined calendar in a year. Trades are closed parts of positions at
    average cost. Exposure is the share of bars with any position. There is no benchmark, so alpha, beta and
    buy-and-hold are absent.
    """
    equity, initial, period = result.equity_values, result.initial_cash, result.periods_per_year
    returns = m.bar_returns(equity, initial)
    risk_free = power(1.0 + result.risk_free_pct / 100.0, 1.0 / period) - 1.0
    growth = float(equity[-1]) / initial
    annual = power(growth, period / equity.size) - 1.0
    drawdown = m.drawdown_of(equity, initial)
    deepest = float(drawdown.min())
    trades, fills = result.trade_table, result.fills
    pnl = trades["pnl"]
    gains = pnl / (trades["units"] * trades["entry_price"])
    wins, payoff = m.win_rate(pnl), m.payoff_ratio(pnl)
    shortfall, expected_shortfall, good_to_bad = m.tails(returns)
    traded = float(np.sum(np.abs(fills.units) * fills.price))
    found = {
        "final_equity": float(equity[-1]),
        "cum_returns_final": growth - 1.0,
        "annual_return": annual,
        "annual_volatility": m.annual_volatility(returns, period),
        "sharpe_ratio": m.sharpe_ratio(returns, risk_free, period),
        "sortino_ratio": m.sortino_ratio(returns, risk_free, period),
        "calmar_ratio": divide(annual, -deepest) if deepest < 0 else math.nan,
        "omega_ratio": m.omega_ratio(returns, risk_free, 0.0, period),
        "max_drawdown": deepest,
        "longest_drawdown": _longest(drawdown),
        "value_at_risk": shortfall,
        "conditional_value_at_risk": expected_shortfall,
        "tail_ratio": good_to_bad,
        "skew": m.skew(returns),
        "kurtosis": m.kurtosis(returns),
        "stability_of_timeseries": m.stability_of_timeseries(returns),
        "trades": float(pnl.size),
        "win_rate": wins,
        "profit_factor": m.profit_factor(pnl),
        "expectancy": m.expectancy(pnl),
        "payoff_ratio": payoff,
        "kelly": m.kelly(wins, payoff),
        "avg_trade": m.expectancy(gains),
        "best_trade": float(gains.max()) if gains.size else math.nan,
        "worst_trade": float(gains.min()) if gains.size else math.nan,
        "max_consecutive_losses": m.max_consecutive_losses(pnl),
        "avg_bars": m.expectancy(trades["exit_bar"] - trades["entry_bar"]),
        "exposure": m.exposure(np.any(result.position_values != 0.0, axis=1)),
        "turnover": m.turnover(traded, equity, equity.size / period),
    }
    return {name: value if math.isfinite(value) else math.nan for name, value in found.items()}


def _longest(drawdown: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    from admf.simulation.metrics_risk import longest_run

    return float(longest_run(drawdown < 0))
