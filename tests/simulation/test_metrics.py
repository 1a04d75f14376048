"""Metrics that empyrical does not have, and `compute_metrics`: worked by hand."""

import json
import math
import time
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admf.errors import AdmfError
from admf.market import Bars
from admf.simulation import SimulationResult, metrics
from admf.simulation.metrics_glossary import GLOSSARY


def outcome(
    equity, *, close=None, positions=None, trades=(), orders=(), periods_per_year=252.0, risk_free_pct=0.0
):
    """Make a result; a trade is (entry_bar, exit_bar, units, entry, exit, pnl), an order (units, price)."""
    equity = np.asarray(equity, dtype=float)
    n = equity.size
    close = np.full(n, 10.0) if close is None else np.asarray(close, dtype=float)
    bars = Bars(
        "TEST",
        "1d",
        np.arange(n) * 86_400_000_000_000,
        *(close for _ in range(4)),
        volume=np.zeros(n),
        periods_per_year=periods_per_year,
    )
    columns = ("entry_bar", "exit_bar", "units", "entry_price", "exit_price", "pnl")
    table = np.array(trades, dtype=float).reshape(-1, len(columns)).T
    filled = np.array(orders, dtype=float).reshape(-1, 2).T
    return SimulationResult(
        bars,
        strategy="by hand",
        params={},
        initial_cash=100.0,
        risk_free_pct=risk_free_pct,
        equity_values=equity,
        position_values=np.zeros(n) if positions is None else np.asarray(positions, dtype=float),
        order_table={"units": filled[0], "price": filled[1], "status": np.zeros(filled.shape[1])},
        trade_table=dict(zip(columns, table, strict=True)),
        assumptions={},
    )


def test_bar_returns_start_from_the_initial_cash_and_end_with_ruin():
    assert metrics.bar_returns([110.0, 99.0], 100.0) == pytest.approx([0.1, -0.1])
    returns = metrics.bar_returns([50.0, -10.0, 20.0, 30.0], 100.0)
    assert returns[:2] == pytest.approx([-0.5, -1.2])
    assert np.isnan(returns[2:]).all()


def test_drawdowns_by_hand():
    returns = [0.1, -0.5, 1.0, -0.1, -0.1, 0.5]  # 1.1 .55 1.1 .99 .891 1.3365
    assert metrics.drawdown_series(returns) == pytest.approx([0, -0.5, 0, -0.1, -0.19, 0], abs=1e-12)
    assert metrics.longest_drawdown(returns) == 2
    assert metrics.ulcer_index(returns) == pytest.approx(math.sqrt((0.25 + 0.01 + 0.0361) / 6))
    assert metrics.recovery_factor(returns) == pytest.approx(0.3365 / 0.5)
    assert math.isnan(metrics.recovery_factor([0.1, 0.1]))
    assert metrics.longest_drawdown([-0.1, 0.0, 0.0]) == 3  # below the start, and never out again


def test_trade_metrics_by_hand():
    pnl = [100.0, -50.0, -25.0, 0.0, 50.0, -25.0]
    assert metrics.win_rate(pnl) == pytest.approx(2 / 6)
    assert metrics.profit_factor(pnl) == pytest.approx(1.5)
    assert metrics.expectancy(pnl) == pytest.approx(50 / 6)
    assert metrics.payoff_ratio(pnl) == pytest.approx(75 / (100 / 3))
    assert metrics.max_consecutive_losses(pnl) == 2
    assert metrics.profit_factor([1.0]) == math.inf
    for name in ("win_rate", "profit_factor", "expectancy", "payoff_ratio"):
        assert math.isnan(getattr(metrics, name)([])), name
    assert metrics.max_consecutive_losses([]) == 0
    assert math.isnan(metrics.kelly(0.5, math.nan))
    assert math.isnan(metrics.kelly(0.5, 0.0))
    assert metrics.exposure([0.0, 2.0, -1.0, 0.0]) == 0.5
    assert metrics.turnover(300.0, [100.0, 200.0], years=2.0) == 1.0


@given(st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=1, max_size=40))
def test_expectancy_is_what_win_rate_and_payoff_say(pnl):
    wins = [value for value in pnl if value > 0]
    losses = [value for value in pnl if value < 0]
    expected = metrics.win_rate(pnl) * (np.mean(wins) if wins else 0) + len(losses) / len(pnl) * (
        np.mean(losses) if losses else 0
    )
    assert metrics.expectancy(pnl) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    best = 0
    for start in range(len(pnl)):
        run = 0
        while start + run < len(pnl) and pnl[start + run] < 0:
            run += 1
        best = max(best, run)
    assert metrics.max_consecutive_losses(pnl) == best


def test_errors_say_what_is_allowed():
    with pytest.raises(AdmfError, match="unknown period 'hourly'") as caught:
        metrics.annual_return([0.1], "hourly")
    assert "daily, weekly, monthly" in str(caught.value)
    with pytest.raises(AdmfError, match="above 0; found 0"):
        metrics.annual_return([0.1], 0)
    with pytest.raises(AdmfError, match=r"shape \(1, 2\)"):
        metrics.sharpe_ratio([[0.1, 0.2]])
    with pytest.raises(AdmfError, match="found 2 and 3 values"):
        metrics.beta([0.1, 0.2], [0.1, 0.2, 0.3])


def test_a_result_by_hand():
    result = outcome(
        [110.0, 99.0, 99.0, 120.0],
        positions=[1.0, 1.0, 0.0, 2.0],
        close=[10.0, 9.0, 9.0, 12.0],
        trades=[(0, 2, 1.0, 10.0, 9.0, -1.0)],
        orders=[(1.0, 10.0), (1.0, 9.0), (2.0, 12.0)],
        periods_per_year=4.0,
    )
    values = metrics.compute_metrics(result)
    assert list(values) == list(GLOSSARY)
    assert values["final_equity"] == 120.0
    assert values["cum_returns_final"] == pytest.approx(0.2)
    assert values["annual_return"] == pytest.approx(0.2)  # four bars are the year
    assert values["buy_and_hold_return"] == pytest.approx(0.2)
    assert values["max_drawdown"] == pytest.approx(-0.1)
    assert values["longest_drawdown"] == 2
    assert values["exposure"] == 0.75
    assert values["trades"] == 1
    assert values["worst_trade"] == values["best_trade"] == -0.1
    assert values["turnover"] == pytest.approx((10.0 + 9.0 + 24.0) / 107.0)
    assert math.isnan(values["payoff_ratio"])
    assert values["profit_factor"] == 0.0


def test_a_result_agrees_with_the_plain_functions():
    rng = np.random.default_rng(5)
    returns = rng.standard_t(4, 800) * 0.01
    close = 50 * np.cumprod(1 + rng.normal(0, 0.01, 800))
    result = outcome(100 * np.cumprod(1 + returns), close=close, risk_free_pct=3.0, periods_per_year=365.25)
    values = metrics.compute_metrics(result)
    rate = 1.03 ** (1 / 365.25) - 1
    period = 365.25
    market = close[1:] / close[:-1] - 1
    plain = {
        "cum_returns_final": metrics.cum_returns_final(returns),
        "annual_return": metrics.annual_return(returns, period),
        "annual_volatility": metrics.annual_volatility(returns, period),
        "sharpe_ratio": metrics.sharpe_ratio(returns, rate, period),
        "sortino_ratio": metrics.sortino_ratio(returns, rate, period),
        "probabilistic_sharpe_ratio": metrics.probabilistic_sharpe_ratio(returns, rate, 0.0, period),
        "omega_ratio": metrics.omega_ratio(returns, rate, 0.0, period),
        "stability_of_timeseries": metrics.stability_of_timeseries(returns),
        "downside_risk": metrics.downside_risk(returns, 0.0, period),
        "max_drawdown": metrics.max_drawdown(returns),
        "longest_drawdown": metrics.longest_drawdown(returns),
        "ulcer_index": metrics.ulcer_index(returns),
        "calmar_ratio": metrics.calmar_ratio(returns, period),
        "recovery_factor": metrics.recovery_factor(returns),
        "value_at_risk": metrics.value_at_risk(returns),
        "conditional_value_at_risk": metrics.conditional_value_at_risk(returns),
        "tail_ratio": metrics.tail_ratio(returns),
        "skew": metrics.skew(returns),
        "kurtosis": metrics.kurtosis(returns),
        "alpha": metrics.alpha(returns[1:], market, rate, period),
        "beta": metrics.beta(returns[1:], market),
    }
    for name, value in plain.items():
        assert values[name] == pytest.approx(value, rel=1e-9), name


def test_the_formulas_of_the_page_give_the_values():
    """docs/metrics.md: those that are said in words, or that no docstring of a function of their own has."""
    rng = np.random.default_rng(4)
    r = rng.normal(0.001, 0.02, 300)
    trades = [(4, 9, 2.0, 10.0, 12.0, 3.5), (20, 21, 1.0, 10.0, 8.0, -2.5), (30, 45, 4.0, 20.0, 21.0, 3.0)]
    equity, close = 100.0 * np.cumprod(1.0 + r), np.linspace(10.0, 13.0, 300)
    values = metrics.compute_metrics(
        outcome(equity, close=close, positions=np.arange(300) < 60, trades=trades, risk_free_pct=2.0)
    )
    x = r - (1.02 ** (1 / 252) - 1.0)
    sharpe, deviation = x.mean() / x.std(ddof=1), x - x.mean()
    skew = (deviation**3).mean() / (deviation**2).mean() ** 1.5
    kurtosis = (deviation**4).mean() / (deviation**2).mean() ** 2
    below = equity / np.maximum(np.maximum.accumulate(equity), 100.0) - 1.0 < 0.0
    score = sharpe * math.sqrt(299) / math.sqrt(1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2)
    pnl = np.array([3.5, -2.5, 3.0])
    returns = pnl / np.array([20.0, 10.0, 80.0])
    expected = {
        "probabilistic_sharpe_ratio": NormalDist().cdf(score),
        "stability_of_timeseries": np.corrcoef(np.arange(300), np.cumsum(np.log(1.0 + r)))[0, 1] ** 2,
        "longest_drawdown": max(map(len, "".join("x" if each else " " for each in below).split())),
        "kelly": 2 / 3 - (1 - 2 / 3) / (3.25 / 2.5),
        "expectancy": pnl.mean(),
        "avg_bars": (5 + 1 + 15) / 3,
        "avg_trade": returns.mean(),
        "best_trade": returns.max(),
        "worst_trade": returns.min(),
        "max_consecutive_losses": 1.0,
        "exposure": 60 / 300,
        "buy_and_hold_return": 0.3,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize(
    ("equity", "defined"),
    [
        ([100.0], {"cum_returns_final": 0.0, "max_drawdown": 0.0}),
        ([100.0] * 50, {"cum_returns_final": 0.0, "annual_volatility": 0.0}),
        (
            [100.0, 40.0, -20.0, -30.0],
            {"cum_returns_final": -1.3, "max_drawdown": -1.3, "final_equity": -30.0},
        ),
    ],
    ids=["one bar", "no trade", "ruin"],
)
def test_what_is_undefined_is_nan_and_nothing_warns(equity, defined):
    values = metrics.compute_metrics(outcome(equity, close=np.linspace(10, 11, len(equity))))
    for name, value in defined.items():
        assert values[name] == pytest.approx(value), name
    for name in ("win_rate", "payoff_ratio", "profit_factor", "avg_bars"):
        assert math.isnan(values[name]), name
    assert not any(math.isinf(value) for value in values.values())
    json.dumps(
        {name: None if math.isnan(value) else value for name, value in values.items()}, allow_nan=False
    )


def test_a_million_bars_take_a_moment():
    rng = np.random.default_rng(1)
    result = outcome(
        100 * np.cumprod(1 + rng.normal(0, 0.001, 1_000_000)),
        close=100 * np.cumprod(1 + rng.normal(0, 0.001, 1_000_000)),
    )
    took = []
    for _ in range(3):
        start = time.perf_counter()
        metrics.compute_metrics(result)
        took.append(time.perf_counter() - start)
    assert min(took) < 1.0  # measured: 0.05 s on an idle machine; a loop in Python would take seconds


def test_the_glossary_writes_values_with_their_units():
    assert GLOSSARY["annual_return"].format(0.1234) == "12.34 %"
    assert GLOSSARY["sharpe_ratio"].format(1.234) == "1.23"
    assert GLOSSARY["final_equity"].format(1234567.891) == "1,234,567.89"
    assert GLOSSARY["trades"].format(1234.0) == "1,234"
    assert GLOSSARY["avg_bars"].format(12.34) == "12.3 bars"
    assert GLOSSARY["kelly"].format(math.nan) == "\N{EN DASH}"
    for name, info in GLOSSARY.items():
        assert info.unit in ("percent", "ratio", "currency", "bars", "count"), name
        assert info.explanation.endswith("."), name
