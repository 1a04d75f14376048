"""Metrics against numbers of others: pins of other libraries' tests, a real series, papers."""

import json
import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from admf.simulation import metrics


@pytest.fixture(scope="module")
def stats(reference):
    return reference / "stats"


@pytest.fixture(scope="module")
def goog(stats):
    """Daily returns of GOOG, of the S&P 500 on its days, and what two libraries computed from them."""
    data = stats.parent / "data"
    returns = pd.read_parquet(data / "bt_GOOG_1d.parquet")["Close"].pct_change().dropna()
    index = pd.read_parquet(data / "skfolio_sp500_index.parquet")["SP500"].pct_change()
    expected = json.loads((stats / "metrics_real_series.json").read_text())["GOOG"]
    return returns.to_numpy(), index.reindex(returns.index).to_numpy(), expected


def test_every_pin_of_empyricals_own_tests(stats):
    pins = json.loads((stats / "metric_pins.json").read_text())
    vectors = {
        name: np.array([np.nan if value is None else value for value in vector], dtype=float)
        for name, vector in pins["vectors"].items()
    }
    assert len(pins["pins"]) == 27
    for pin in pins["pins"]:
        value = getattr(metrics, pin["fn"])(vectors[pin["vector"]], **pin["kwargs"])
        expected = float(pin["computed"])
        assert value == pytest.approx(expected, rel=1e-8, abs=1e-8, nan_ok=True), pin


def test_pins_of_pypbo(stats):
    sharpe, sortino, omega = json.loads((stats / "metric_pins.json").read_text())["other"]
    # pypbo divides by n - 1 in neither ratio and does not annualise; its thresholds are per bar
    value = metrics.sharpe_ratio(sharpe["x"], risk_free=sharpe["bench"], period=1)
    assert value == pytest.approx(sharpe["expected"], abs=1e-6)
    value = metrics.sortino_ratio(sortino["x"], required_return=sortino["target"], period=1)
    assert value == pytest.approx(sortino["expected"], abs=1e-6)
    value = metrics.omega_ratio(omega["x"], required_return=omega["target"], period=1)
    assert value == pytest.approx(omega["expected"], abs=1e-8)


def test_empyricals_values_on_a_real_series(goog):
    returns, index, expected = goog
    names = [name.removeprefix("empyrical.") for name in expected if name.startswith("empyrical.")]
    assert len(names) == 17
    for name in names:
        against = (index,) if name in ("alpha", "beta", "up_capture", "down_capture") else ()
        value = getattr(metrics, name)(returns, *against)
        assert value == pytest.approx(expected[f"empyrical.{name}"], rel=1e-9), name
    assert metrics.skew(returns) == pytest.approx(expected["skew_pop"], rel=1e-9)
    assert metrics.kurtosis(returns) == pytest.approx(expected["kurt_raw_pop"], rel=1e-9)
    assert metrics.probabilistic_sharpe_ratio(returns) == pytest.approx(expected["psr_vs0"], rel=1e-9)


def test_quantstats_values_on_a_real_series(goog):
    """Its values, each under the definition it has there; where that is not ours the line says what it is."""
    returns, _, expected = goog
    n = returns.size
    series = pd.Series(returns)
    moving = returns[returns != 0]  # quantstats' win rate leaves bars of exactly 0 out; our trades keep them
    wins, payoff = metrics.win_rate(moving), metrics.payoff_ratio(returns)
    normal = NormalDist(returns.mean(), returns.std(ddof=1))
    deepest = metrics.max_drawdown(returns)
    values = {
        "sharpe": metrics.sharpe_ratio(returns),
        "sortino": metrics.sortino_ratio(returns),
        "max_drawdown": deepest,
        "cagr": metrics.annual_return(returns),
        "volatility": metrics.annual_volatility(returns),
        "calmar": metrics.calmar_ratio(returns),
        "omega": metrics.omega_ratio(returns),
        "win_rate": wins,
        "payoff_ratio": payoff,
        "profit_factor": metrics.profit_factor(returns),
        "gain_to_pain_ratio": metrics.omega_ratio(returns) - 1.0,
        "kelly_criterion": metrics.kelly(wins, payoff),
        # divides by n - 1 where Martin's index is a mean over n
        "ulcer_index": metrics.ulcer_index(returns) * math.sqrt(n / (n - 1)),
        # the plain sum of returns, where ours compounds
        "recovery_factor": returns.sum() / -deepest,
        # sample-corrected skew and kurtosis, where Bailey and Lopez de Prado take the population's
        "probabilistic_sharpe_ratio": metrics.psr(
            metrics.sharpe_ratio(returns, period=1), n, series.skew(), series.kurt() + 3.0
        ),
        # of a fitted normal distribution, where empyrical's and ours are historical
        "var": normal.inv_cdf(0.05),
        "cvar": normal.mean - normal.stdev * NormalDist().pdf(NormalDist().inv_cdf(0.05)) / 0.05,
    }
    elsewhere = {"serenity_index", "smart_sharpe"}  # no such metric here
    theirs = {name.removeprefix("quantstats.") for name in expected if name.startswith("quantstats.")}
    assert theirs == set(values) | elsewhere
    for name, value in values.items():
        assert value == pytest.approx(expected[f"quantstats.{name}"], rel=1e-9), name


def test_formulas_of_the_papers(stats):
    rows = {row["id"]: row for row in json.loads((stats / "formulas.json").read_text())}
    for name in ("psr.hf24", "psr.hf24_normal"):
        row = rows[name]
        given = row["inputs"]
        value = metrics.psr(
            given["sr_annual"] / math.sqrt(given["q"]),
            given["T"],
            given["skew"],
            given["kurt"],
            given["bench"],
        )
        assert value == pytest.approx(row["expected"], abs=row["abs_tol"]), name
    bets = [row for name, row in rows.items() if name.startswith("kelly.")]
    assert len(bets) == 4
    for row in bets:
        value = metrics.kelly(row["inputs"]["p"], row["inputs"]["b"])
        assert value == pytest.approx(row["expected"], abs=row["abs_tol"]), row
    # the deflated Sharpe ratio is this formula with a benchmark above 0: the raw kurtosis is the right one
    best = rows["dsr.n100"]["inputs"]
    value = metrics.psr(
        best["sr_annual"] / math.sqrt(best["q"]),
        best["T"],
        best["skew"],
        best["kurt"],
        rows["dsr.sr0"]["computed"],
    )
    assert value == pytest.approx(rows["dsr.n100"]["expected"], abs=rows["dsr.n100"]["abs_tol"])


def test_trade_metrics_of_backtestingpys_trades(stats):
    """The statistics it printed, from the trades it listed: SMA 10/20 on GOOG at 0.2 % commission."""
    folder = stats.parent / "engine_backtestingpy"
    files = sorted(folder.glob("GOOG_1d__sma_10_20__comm20bp.trades.csv"))
    if not files:
        pytest.skip("no trades of the canonical run among the reference cases")
    trades = pd.read_csv(files[0])
    cases = json.loads((stats.parent / "canonical" / "backtestingpy_goog_sma.json").read_text())["cases"]
    expected = next(
        case["stats"]
        for case in cases
        if (case["n1"], case["n2"], case["finalize_trades"]) == (10, 20, False)
        and case.get("commission") == 0.002
    )
    pnl = trades["PnL"].to_numpy()
    assert pnl.size == expected["# Trades"]
    assert metrics.win_rate(pnl) * 100 == pytest.approx(expected["Win Rate [%]"], rel=1e-9)
    value = metrics.kelly(metrics.win_rate(pnl), metrics.payoff_ratio(pnl))
    assert value == pytest.approx(expected["Kelly Criterion"], rel=1e-8)
