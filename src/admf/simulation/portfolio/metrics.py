"""The metrics of a portfolio: the names, units and formulas of `admf.simulation.metrics`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation import metrics as m
from admf.simulation.metrics_arrays import divide, power
from admf.simulation.metrics_glossary import GLOSSARY
from admf.simulation.metrics_risk import longest_run, moments
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult


def portfolio_metrics(result: PortfolioResult) -> dict[str, float]:
    """Metrics by name, in the order of the glossary; what is not defined, or infinite, is NaN.

    Annual values count the rows of the joined calendar in a year. The benchmark is `PortfolioResult.bars`:
    the symbols held evenly. Trades are closed parts of positions at average cost. Exposure is the share of
    bars with any position.
    """
    equity, period = result.equity_values, result.periods_per_year
    traded = float(np.sum(np.abs(result.fills.units) * result.fills.price))
    found = {
        "final_equity": float(equity[-1]),
        **_equity_metrics(equity, result.initial_cash, period),
        **_return_metrics(result, period),
        **_trade_metrics(result),
        "exposure": m.exposure(np.any(result.position_values != 0.0, axis=1)),
        "turnover": m.turnover(traded, equity, equity.size / period),
    }
    return {name: found[name] if math.isfinite(found[name]) else math.nan for name in GLOSSARY}


def _equity_metrics(equity: FloatArray, initial_cash: float, period: float) -> dict[str, float]:
    growth = float(equity[-1]) / initial_cash
    annual = power(growth, period / equity.size) - 1.0
    drawdown = m.drawdown_of(equity, initial_cash)
    deepest = float(drawdown.min())
    loss = -deepest if deepest < 0 else math.nan
    return {
        "cum_returns_final": growth - 1.0,
        "annual_return": annual,
        "max_drawdown": deepest,
        "longest_drawdown": longest_run(drawdown < 0),
        "ulcer_index": math.sqrt(float(np.mean(drawdown * drawdown))),
        "calmar_ratio": divide(annual, loss),
        "recovery_factor": divide(growth - 1.0, loss),
    }


def _return_metrics(result: PortfolioResult, period: float) -> dict[str, float]:
    returns = m.bar_returns(result.equity_values, result.initial_cash)
    risk_free = power(1.0 + result.risk_free_pct / 100.0, 1.0 / period) - 1.0
    market = result.bars.close
    alpha, beta = m.alpha_beta(returns[1:], market[1:] / market[:-1] - 1.0, risk_free, period)
    sharpe = m.sharpe_ratio(returns, risk_free, period)
    skewness, raw_kurtosis = moments(returns)
    observations = returns.size - int(np.count_nonzero(np.isnan(returns)))
    shortfall, expected_shortfall, good_to_bad = m.tails(returns)
    return {
        "buy_and_hold_return": float(market[-1] / market[0]) - 1.0,
        "sharpe_ratio": sharpe,
        "probabilistic_sharpe_ratio": m.psr(sharpe / math.sqrt(period), observations, skewness, raw_kurtosis),
        "sortino_ratio": m.sortino_ratio(returns, risk_free, period),
        "omega_ratio": m.omega_ratio(returns, risk_free, 0.0, period),
        "stability_of_timeseries": m.stability_of_timeseries(returns),
        "alpha": alpha,
        "beta": beta,
        "annual_volatility": m.annual_volatility(returns, period),
        "downside_risk": m.downside_risk(returns, 0.0, period),
        "value_at_risk": shortfall,
        "conditional_value_at_risk": expected_shortfall,
        "tail_ratio": good_to_bad,
        "skew": skewness,
        "kurtosis": raw_kurtosis,
    }


def _trade_metrics(result: PortfolioResult) -> dict[str, float]:
    trades = result.trade_table
    pnl = trades["pnl"]
    gains = pnl / (trades["units"] * trades["entry_price"])
    wins, payoff = m.win_rate(pnl), m.payoff_ratio(pnl)
    return {
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
    }
