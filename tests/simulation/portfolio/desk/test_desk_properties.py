"""Random bars, weights and settings: the engine does what the oracle does, and the books always balance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .cases import many_settings, random_bars, random_finer, random_weights, settings_of
from .compare import assert_same, check_books
from .runner import by_engine, by_oracle

CASH = 1000.0
STORIES = {
    "seed": st.integers(0, 100_000),
    "count": st.integers(1, 4),
    "length": st.integers(10, 50),
    "freq": st.sampled_from(["D", "D", "h", "finer"]),
    "shorts": st.booleans(),
    # not 0: the same weight again where the price is that of the fill drifts by rounding alone
    "band": st.sampled_from([1e-6, 1e-6, 0.04]),
    "wild": st.booleans(),
}
QUICK = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
PLAIN_COSTS = {
    "commission_bps": 7.0, "commission_per_unit": 0.01, "commission_fixed": 1.0, "slippage_bps": 5.0,
    "spread_bps": 8.0,
}  # fmt: skip
LIMITS = [
    {}, {"max_leverage": 0.6}, {"max_open_positions": 2}, {"max_concentration_pct": 30.0},
    {"daily_loss_pct": 1.0, "on_daily_loss": "flatten"}, {"max_drawdown_pct": 4.0, "on_drawdown": "reduce"},
    {"max_drawdown_pct": 8.0},
]  # fmt: skip


def story(seed, count, length, freq, shorts, wild):
    """Bars, weights, finer bars."""
    bars = random_bars(seed, count, length, "h" if freq == "h" else "D", wild)
    rows = len({int(stamp) for each in bars.values() for stamp in each.timestamps})
    finer = random_finer(seed, bars) if freq == "finer" else None
    return bars, random_weights(seed, count, rows, shorts), finer


@given(config=settings_of(), **STORIES)
@QUICK
def test_the_oracle_keeps_its_books(config, seed, count, length, freq, shorts, band, wild):
    bars, weights, finer = story(seed, count, length, freq, shorts, wild)
    out = by_oracle(bars, weights, CASH, band, 0, finer, **config)
    check_books(out, bars, CASH, config)


@given(
    costs=st.sampled_from([{}, PLAIN_COSTS]),
    risk=st.sampled_from(LIMITS),
    sizing=st.sampled_from([{}, {"lot_size": 1.0}, {"fraction": 0.7}]),
    **STORIES,
)
@QUICK
def test_at_market_with_plain_costs_the_oracle_is_the_engine(
    costs, risk, sizing, seed, count, length, freq, shorts, band, wild
):
    bars, weights, finer = story(seed, count, length, freq, shorts, wild)
    config = {"costs": costs, "risk": risk, "sizing": sizing}
    found = by_engine(bars, weights, 10 * CASH, band, 0, finer, **config)
    check_books(found, bars, 10 * CASH, config)
    assert_same(found, by_oracle(bars, weights, 10 * CASH, band, 0, finer, **config))


@given(config=settings_of(), late_start=st.booleans(), **STORIES)
@QUICK
def test_the_engine_is_the_oracle(config, late_start, seed, count, length, freq, shorts, band, wild):
    bars, weights, finer = story(seed, count, length, freq, shorts, wild)
    first = max(weights) // 3 if late_start and weights else 0
    compare(bars, weights, band, first, finer, config)


@pytest.mark.parametrize("seed", range(40))
def test_the_engine_is_the_oracle_in_many_settings_at_once(seed):
    compare_many(seed)


@pytest.mark.slow
@pytest.mark.search
@pytest.mark.parametrize("seed", range(1000, 2000))
def test_the_engine_is_the_oracle_in_many_settings_at_length(seed):
    if seed in OPEN:
        pytest.xfail(OPEN[seed])
    compare_many(seed)


#: What the search has found, and the engine does otherwise: rows that tell more than one thing of a refusal.
OPEN = {
    1187: "fill or kill: a second row tells that nothing was left",
    1767: "inside a bar, a cut of less than a lot has a row",
    1979: "inside a bar, a cut of less than a lot has a row",
}


def compare_many(seed):
    random = np.random.default_rng([seed, 7])
    config = many_settings(seed)
    freq, shorts, wild = str(random.choice(["D", "h", "finer"])), random.random() < 0.6, random.random() < 0.5
    count, length, band = random.integers(2, 5), random.integers(15, 60), float(random.choice([1e-6, 0.03]))
    bars, weights, finer = story(seed, int(count), int(length), freq, shorts, wild)
    first = max(weights) // 3 if weights and random.random() < 0.2 else 0
    compare(bars, weights, band, first, finer, config)


def compare(bars, weights, band, first, finer, config):
    found = by_engine(bars, weights, CASH, band, first, finer, **config)
    check_books(found, bars, CASH, config, first)
    assert_same(found, by_oracle(bars, weights, CASH, band, first, finer, **config))
