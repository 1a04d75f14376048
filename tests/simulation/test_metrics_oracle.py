"""Metrics against empyrical on random returns: constants, zeros, gaps, ruin, empty."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from admf.simulation import metrics

empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is a development extra")

# Bars from 1e-6 to 0.9, and exact zeros. Not smaller: there the two differ by the rounding of 1 + r.
sizes = st.floats(1e-6, 0.9).flatmap(lambda size: st.sampled_from([size, -size]))
values = st.one_of(sizes, st.just(0.0), st.just(np.nan), st.sampled_from([0.01, -0.01]))
random_returns = st.integers(0, 60).flatmap(lambda n: arrays(np.float64, n, elements=values))
constant_returns = st.tuples(sizes | st.just(0.0), st.integers(0, 40)).map(
    lambda pair: np.full(pair[1], pair[0])
)
returns_of_any_kind = random_returns | constant_returns
periods = st.sampled_from(["daily", "weekly", "monthly", "quarterly", "yearly"])


def oracle(name, *args, **kwargs):
    """Ask empyrical, without its warnings; None where it divides by zero or fits a line to nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return float(getattr(empyrical, name)(*args, **kwargs))
        except (ZeroDivisionError, ValueError):
            return None


def agree(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("name", ["cum_returns_final", "max_drawdown", "value_at_risk", "tail_ratio"])
@given(returns=returns_of_any_kind)
def test_values_without_a_period(name, returns):
    agree(getattr(metrics, name)(returns), oracle(name, returns))


@given(returns=returns_of_any_kind, cutoff=st.sampled_from([0.01, 0.05, 0.5]))
def test_tails(returns, cutoff):
    agree(metrics.value_at_risk(returns, cutoff), oracle("value_at_risk", returns, cutoff))
    agree(
        metrics.conditional_value_at_risk(returns, cutoff),
        oracle("conditional_value_at_risk", returns, cutoff),
    )
    shared = metrics.tails(returns)
    single = (
        metrics.value_at_risk(returns),
        metrics.conditional_value_at_risk(returns),
        metrics.tail_ratio(returns),
    )
    assert shared == pytest.approx(single, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("name", ["annual_return", "annual_volatility", "calmar_ratio"])
@given(returns=returns_of_any_kind, period=periods)
def test_values_with_a_period(name, returns, period):
    agree(getattr(metrics, name)(returns, period), oracle(name, returns, period=period))


@given(returns=returns_of_any_kind, period=periods, threshold=st.sampled_from([0.0, 0.0004, -0.01]))
def test_ratios_with_a_threshold(returns, period, threshold):
    agree(
        metrics.sharpe_ratio(returns, threshold, period),
        oracle("sharpe_ratio", returns, risk_free=threshold, period=period),
    )
    agree(
        metrics.downside_risk(returns, threshold, period),
        oracle("downside_risk", returns, required_return=threshold, period=period),
    )
    agree(
        metrics.sortino_ratio(returns, threshold, period),
        oracle("sortino_ratio", returns, required_return=threshold, period=period),
    )


@given(
    returns=returns_of_any_kind,
    risk_free=st.sampled_from([0.0, 0.0004]),
    required=st.sampled_from([0.0, 0.1, -0.5, -1.0, -2.0, 10.0]),
    period=st.sampled_from([1.0, 12.0, 252.0]),
)
def test_omega(returns, risk_free, required, period):
    agree(
        metrics.omega_ratio(returns, risk_free, required, period),
        oracle("omega_ratio", returns, risk_free, required, annualization=period),
    )


@given(returns=returns_of_any_kind)
def test_stability(returns):
    ours, theirs = metrics.stability_of_timeseries(returns), oracle("stability_of_timeseries", returns)
    growth = np.log1p(returns[~np.isnan(returns)]).cumsum()
    if theirs is None or growth.size < 2 or np.ptp(growth) < 1e-12:
        assert np.isnan(ours) or 0.0 <= ours <= 1.0  # a flat line: whatever its rounding is correlated with
    else:
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-8)


@given(
    pairs=st.integers(0, 60).flatmap(
        lambda n: st.tuples(arrays(np.float64, n, elements=values), arrays(np.float64, n, elements=values))
    ),
    period=st.sampled_from(["daily", "monthly"]),
)
def test_against_a_benchmark(pairs, period):
    returns, benchmark = pairs
    both = ~(np.isnan(returns) | np.isnan(benchmark))
    if both.sum() > 1 and np.var(benchmark[both]) > 1e-12:
        agree(metrics.beta(returns, benchmark), oracle("beta", returns, benchmark))
        unexplained = oracle("alpha", returns, benchmark, risk_free=0.0001, period=period)
        if abs(unexplained) < 1e6:
            ours = metrics.alpha(returns, benchmark, 0.0001, period)
            assert ours == pytest.approx(unexplained, rel=1e-6, abs=1e-8)
    for name in ("up_capture", "down_capture"):
        theirs = oracle(name, returns, benchmark, period=period)
        if theirs is None or not abs(theirs) < 1e6:
            continue
        assert getattr(metrics, name)(returns, benchmark, period) == pytest.approx(theirs, rel=1e-6, abs=1e-8)
