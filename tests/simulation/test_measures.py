"""The streamed metrics: compiled as plain, like the functions on arrays, and exact on long series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.simulation import measures, metrics
from admf.simulation.metrics import market_returns, streamed_metrics
from admf.simulation.metrics_risk import longest_run

CASH, RISK_FREE, PERIOD = 1000.0, 1e-4, 252.0


def compiled(equity, close, positions, trades=((), (), ()), traded=(), risk_free=RISK_FREE):
    market = market_returns(close)
    columns = (np.array(column, dtype=float) for column in (*trades, traded))
    values = streamed_metrics(equity, market, positions, *columns, CASH, risk_free, PERIOD)
    return dict(zip(measures.STREAMED, values.tolist(), strict=True))


def plain(equity, close, positions, trades=((), (), ()), traded=(), risk_free=RISK_FREE):
    """The same functions, not compiled."""
    book = np.zeros(measures.BOOK_SIZE)
    for pnl, paid, bars in zip(*trades, strict=True):
        measures.book_trade(book, pnl, paid, bars)
    for value in traded:
        book[measures.TRADED] += value
    book[measures.HELD] = np.count_nonzero(positions)
    market = market_returns(close)
    held = measures.market_sums(market)
    highs, lows = np.empty((2, -(-equity.size // measures.BLOCK)))
    sums = np.empty(measures.SUMS)
    valid = measures.return_sums(equity, market, held, CASH, risk_free, True, True, True, highs, lows, sums)
    known = {
        "equity": equity, "highs": highs, "lows": lows, "sums": sums, "valid": valid, "market": market,
        "held": held, "book": book, "cash": CASH, "risk_free": risk_free, "period": PERIOD,
    }  # fmt: skip
    found = {}
    for group in measures.GROUPS:
        values = getattr(measures, group.function)(*(known[name] for name in group.arguments))
        found |= dict(zip(group.metrics, map(measures.finite, values), strict=True))
    return found


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 1500),
    ruin=st.booleans(),
    risk_free=st.sampled_from([0.0, RISK_FREE]),
)
@settings(max_examples=60, deadline=None)
def test_compiled_as_plain(seed, n, ruin, risk_free):
    random = np.random.default_rng(seed)
    equity = CASH * np.exp(np.cumsum(random.normal(0, 0.05, n) * (random.random(n) < 0.7)))
    if ruin:
        equity[n // 2 :] -= 900.0
    close = np.exp(np.cumsum(random.normal(0, 0.02, n)))
    positions = np.where(random.random(n) < 0.5, 1.0, 0.0)
    count = int(random.integers(0, 8))
    trades = (random.normal(0, 10, count), random.uniform(50, 500, count), random.integers(0, 9, count))
    case = (equity, close, positions, trades, random.uniform(1, 9, 2 * count))
    with np.errstate(all="ignore"):
        ours, expected = compiled(*case, risk_free), plain(*case, risk_free)
    for name in measures.STREAMED:
        if name in (
            "probabilistic_sharpe_ratio",
            "stability_of_timeseries",
        ):  # erf and log1p of two libraries
            assert ours[name] == pytest.approx(expected[name], rel=1e-9, nan_ok=True), name
        else:
            np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)


def test_on_a_real_series_as_the_functions_on_arrays(reference):
    import pandas as pd

    close = pd.read_parquet(reference / "data" / "bt_GOOG_1d.parquet")["Close"].to_numpy()
    equity = CASH * close / close[0]
    found = compiled(equity, close, np.ones(close.size))
    returns = metrics.bar_returns(equity, CASH)
    expected = {
        "cum_returns_final": metrics.cum_returns_final(returns),
        "annual_return": metrics.annual_return(returns),
        "max_drawdown": metrics.max_drawdown(returns),
        "calmar_ratio": metrics.calmar_ratio(returns),
        "recovery_factor": metrics.recovery_factor(returns),
        "longest_drawdown": metrics.longest_drawdown(returns),
        "ulcer_index": metrics.ulcer_index(returns),
        "sharpe_ratio": metrics.sharpe_ratio(returns, RISK_FREE),
        "annual_volatility": metrics.annual_volatility(returns),
        "skew": metrics.skew(returns),
        "kurtosis": metrics.kurtosis(returns),
        "probabilistic_sharpe_ratio": metrics.probabilistic_sharpe_ratio(returns, RISK_FREE),
        "sortino_ratio": metrics.sortino_ratio(returns, RISK_FREE),
        "downside_risk": metrics.downside_risk(returns),
        "omega_ratio": metrics.omega_ratio(returns, RISK_FREE),
        "stability_of_timeseries": metrics.stability_of_timeseries(returns),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize(("drift", "noise"), [(1e-7, 1e-3), (1e-4, 1e-8), (-1e-6, 1e-4)])
def test_a_million_bars_lose_no_digits(drift, noise):
    """Against sums in extended precision, also where the mean is ten thousand times the deviation."""
    random = np.random.default_rng(3)
    equity = CASH * np.exp(np.cumsum(random.normal(drift, noise, 1_000_000)))
    found = compiled(equity, equity, np.ones(equity.size))
    returns = metrics.bar_returns(equity, CASH).astype(np.longdouble)
    mean = returns.sum() / returns.size
    deviation = np.sqrt(((returns - mean) ** 2).sum() / (returns.size - 1))
    assert found["annual_volatility"] == pytest.approx(float(deviation) * math.sqrt(252), rel=1e-10)
    sharpe = float((mean - RISK_FREE) / deviation) * math.sqrt(252)
    assert found["sharpe_ratio"] == pytest.approx(sharpe, rel=1e-9, abs=1e-9)


def walk(n, seed=0, deviation=0.01):
    return CASH * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, deviation, n)))


@pytest.mark.parametrize(
    "equity",
    [
        walk(5000),
        walk(5000, deviation=0.2),  # too far apart for the series of the logarithm
        np.repeat(walk(100), 50),  # flat most of the time
        np.maximum.accumulate(walk(3000)),  # never under water
        np.concatenate(
            [walk(1000), [2 * CASH], np.linspace(1.9, 1.0, 2000) * CASH]
        ),  # under water to the end
        CASH * 1.0001 ** np.arange(3000.0) * np.exp(np.random.default_rng(1).normal(0, 1e-7, 3000)),
    ],
    ids=["walk", "wild", "steps", "rising", "falling", "steady"],
)
def test_blocks_and_tiles_are_as_the_functions_on_arrays(equity):
    compare_with_arrays(equity)


@settings(max_examples=300, deadline=None)
@given(
    n=st.integers(3, 300), seed=st.integers(0, 10_000), still=st.sampled_from([0.0, 0.9]), top=st.booleans()
)
def test_blocks_of_any_length(n, seed, still, top):
    random = np.random.default_rng(seed)
    steps = random.normal(0.0, 0.02, n) * (random.random(n) >= still)
    steps[0] = 0.01  # something happens
    equity = CASH * np.exp(np.cumsum(steps))
    if top:
        equity[-1] = 1.1 * equity.max()  # what was under water comes up with the last bar
    compare_with_arrays(equity)


def compare_with_arrays(equity):
    found = compiled(equity, walk(equity.size, 5), np.ones(equity.size))
    returns = metrics.bar_returns(equity, CASH)
    drawdown = metrics.drawdown_of(equity, CASH)
    expected = {
        "max_drawdown": drawdown.min(),
        "longest_drawdown": metrics.longest_drawdown(returns),
        "ulcer_index": math.sqrt(np.mean(drawdown**2)),
        "annual_volatility": metrics.annual_volatility(returns),
        "sharpe_ratio": metrics.sharpe_ratio(returns, RISK_FREE),
        "skew": metrics.skew(returns),
        "kurtosis": metrics.kurtosis(returns),
        "sortino_ratio": metrics.sortino_ratio(returns, RISK_FREE),
        "downside_risk": metrics.downside_risk(returns),
        "omega_ratio": metrics.omega_ratio(returns, RISK_FREE),
        "stability_of_timeseries": metrics.stability_of_timeseries(returns),
    }
    assert found["max_drawdown"] == drawdown.min()  # to the bit, whatever is passed over
    for name, value in expected.items():
        value = value if math.isfinite(value) else math.nan
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=200, deadline=None)
@given(n=st.integers(3, 400), seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_the_deepest_drawdown_of_an_equity_below_zero(n, seed, share):
    """Below 0 a value is lower against a low peak than against a high one."""
    random = np.random.default_rng(seed)
    equity = CASH * np.exp(np.cumsum(random.normal(0.0, 0.05, n)))
    begin = int(share * (n - 1))
    equity[begin:] -= random.uniform(0.5, 3.0) * CASH * random.random(n - begin)
    drawdown = equity / np.maximum.accumulate(np.maximum(equity, CASH)) - 1.0
    found = compiled(equity, walk(n, 5), np.ones(n))
    assert found["max_drawdown"] == min(drawdown.min(), 0.0)


@pytest.mark.parametrize("bar", [0, 1, 63, 64, 1024, 1025, 2999])
def test_no_return_follows_ruin(bar):
    equity = walk(3000)
    equity[bar:] = -1.0
    close = walk(3000, 5)
    found = compiled(equity, close, np.ones(3000))
    until = metrics.bar_returns(equity, CASH)[: bar + 1]
    held = close[1 : bar + 1] / close[:bar] - 1.0
    assert found["downside_risk"] == pytest.approx(metrics.downside_risk(until), rel=1e-9)
    if bar > 1:
        assert found["annual_volatility"] == pytest.approx(metrics.annual_volatility(until), rel=1e-9)
        assert found["beta"] == pytest.approx(metrics.beta(until[1:], held), rel=1e-9)
    assert math.isnan(found["stability_of_timeseries"])
    peak = np.maximum(np.maximum.accumulate(equity), CASH)
    assert found["longest_drawdown"] == longest_run(equity < peak)
