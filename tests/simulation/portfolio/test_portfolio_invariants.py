"""What holds for every portfolio, whatever its prices, targets and costs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import admf
from admf.testing.bars import change_after

COSTS = st.fixed_dictionaries(
    {
        "commission_bps": st.sampled_from([0.0, 7.0]),
        "commission_per_unit": st.sampled_from([0.0, 0.01]),
        "commission_fixed": st.sampled_from([0.0, 3.0]),
        "slippage_bps": st.sampled_from([0.0, 5.0]),
        "spread_bps": st.sampled_from([0.0, 8.0]),
    }
)


class Whims:
    """Random weights, some of them left alone, the same for the same row."""

    def __init__(self, seed, shorts):
        self.seed, self.shorts = seed, shorts

    def weights(self, view):
        random = np.random.default_rng([self.seed, len(view.timestamps)])
        weights = random.dirichlet(np.ones(len(view.symbols) + 1))[:-1] * random.choice([0.0, 0.5, 1.0])
        weights *= random.random(len(weights)) < 0.8
        if self.shorts:
            weights *= random.choice([-1.0, 1.0], len(weights))
        # what is left alone counts with its last target: only where all the others are small enough
        if np.abs(weights).sum() < 0.2 and random.random() < 0.3:
            weights[:] = np.nan
        return weights


def sales_bring_money(shorts, costs):
    """What closes asks for no cash: shorts, and fees of units and fills, may cost more than there is."""
    return not shorts and costs["commission_per_unit"] == costs["commission_fixed"] == 0.0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 5),
    gaps=st.booleans(),
    shorts=st.booleans(),
    costs=COSTS,
    lot_size=st.sampled_from([None, 1.0]),
    band=st.sampled_from([0.0, 0.03]),
    schedule=st.sampled_from(["daily", "weekly", "on_change"]),
)
@example(  # a fee leaves the cash a little below zero, and then nothing is wanted
    seed=5,
    count=5,
    gaps=True,
    shorts=True,
    costs={
        "commission_bps": 0.0,
        "commission_per_unit": 0.01,
        "commission_fixed": 0.0,
        "slippage_bps": 0.0,
        "spread_bps": 0.0,
    },
    lot_size=None,
    band=0.0,
    schedule="daily",
)
def test_accounts_balance(both, some_bars, seed, count, gaps, shorts, costs, lot_size, band, schedule):
    bars = some_bars(count, seed, 60, gaps)
    result = both(
        bars,
        Whims(seed, shorts),
        rebalance={"schedule": schedule, "band": band},
        costs=costs,
        sizing={"lot_size": lot_size},
    )
    equity, cash, positions = result.equity_values, result.cash_values, result.position_values
    # cash and positions are the equity
    np.testing.assert_allclose(cash + (positions * result.mark_values).sum(axis=1), equity, rtol=1e-12)
    if sales_bring_money(shorts, costs):
        assert cash.min() >= -1e-9
    # the parts of the profit add to it
    profit = equity[-1] - result.initial_cash
    scale = 1e-9 * max(abs(profit), result.initial_cash)
    assert abs(result.attribution.pnl.sum() - profit) <= scale
    assert abs(result.fills.commission.sum() - result.costs["commission"]) <= scale
    assert min(result.costs.values()) >= 0.0
    # nothing is traded where there is no bar, and every fill is at that bar's open, costs apart
    fills = result.fills
    at = result.first + fills.bar, fills.symbol
    assert result.joined.present[at].all()
    np.testing.assert_array_equal(fills.quote, result.joined.open[at])
    # positions are what was filled
    held = np.zeros_like(positions)
    np.add.at(held, (fills.bar, fills.symbol), fills.units)
    size = np.abs(fills.units).max(initial=1.0)
    np.testing.assert_allclose(held.cumsum(axis=0), positions, rtol=1e-9, atol=1e-9 * size)
    # realised and unrealised profit is all there is
    trades = result.trade_table
    cost = np.zeros(count)
    np.add.at(cost, fills.symbol, -fills.units * fills.price - fills.commission)
    total = (cost + positions[-1] * result.mark_values[-1]).sum()
    assert abs(total - profit) <= scale
    if not positions[-1].any():
        assert abs(trades["pnl"].sum() - profit) <= scale


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 5))
def test_after_a_rebalancing_the_weights_are_the_targets(both, some_bars, seed, count):
    bars = some_bars(count, seed, 60)
    result = both(bars, Whims(seed, False), rebalance="weekly")
    opens = result.joined.open[result.first : result.last]
    for bar, target in zip(result.decision_bars, result.target_values, strict=True):
        if bar + 1 < len(opens) and not np.isnan(target).any():
            value = result.position_values[bar + 1] * opens[bar + 1]
            worth = value.sum() + result.cash_values[bar + 1]
            np.testing.assert_allclose(value / worth, target, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), last=st.integers(5, 100), gaps=st.booleans())
def test_later_bars_change_nothing_earlier(some_bars, seed, last, gaps):
    bars = some_bars(4, seed, 120, gaps)
    run = {"rebalance": "weekly", "costs": {"commission_bps": 5.0}}
    whole = admf.simulate_portfolio(bars, "inverse_volatility", {"lookback": 10}, **run)
    moment = whole.joined.timestamps[min(last, len(whole.joined.timestamps) - 2)]
    changed = {
        name: change_after(each, max(int(np.searchsorted(each.timestamps, moment, "right")) - 1, 0), seed)
        for name, each in bars.items()
    }
    other = admf.simulate_portfolio(changed, "inverse_volatility", {"lookback": 10}, **run)
    before = int(np.searchsorted(whole.joined.timestamps, moment, "right"))
    np.testing.assert_array_equal(whole.equity_values[:before], other.equity_values[:before])
    np.testing.assert_array_equal(whole.position_values[:before], other.position_values[:before])
    cut = admf.simulate_portfolio(
        {name: each for name, each in _until(bars, moment).items() if len(each)},
        "inverse_volatility",
        {"lookback": 10},
        **run,
    )
    shared = [list(whole.symbols).index(name) for name in cut.symbols]
    np.testing.assert_array_equal(cut.position_values, whole.position_values[:before][:, shared])


def _until(bars, moment):
    return {
        name: each.slice(0, int(np.searchsorted(each.timestamps, moment, "right")))
        for name, each in bars.items()
    }


COSTLY = {"commission_bps": 10.0, "slippage_bps": 5.0, "commission_fixed": 2.0}


@pytest.mark.parametrize(("costs", "lot_size"), [({}, None), (COSTLY, None), (COSTLY, 1.0)])
def test_one_symbol_with_all_the_weight_is_buy_and_hold(both, random_bars, costs, lot_size):
    bars = random_bars(5, 300)
    alone = admf.simulate(bars, "buy_and_hold", costs=costs, sizing={"lot_size": lot_size})
    result = both(
        {"X": bars}, "equal_weight", rebalance="on_change", costs=costs, sizing={"lot_size": lot_size}
    )
    np.testing.assert_allclose(result.equity_values, alone.equity_values, rtol=1e-12)
    np.testing.assert_allclose(result.position_values[:, 0], alone.position_values, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["sma_cross", "momentum"])
def test_one_strategy_on_one_symbol_is_the_single_engine(both, random_bars, strategy):
    bars = random_bars(6, 300)
    settings = {"execution": {"direction": "long_only"}, "costs": {"commission_bps": 10.0}}
    alone = admf.simulate(bars, strategy, **settings)
    result = both({"X": bars}, "per_strategy", {"strategies": {"X": strategy}}, **settings)
    np.testing.assert_allclose(result.equity_values, alone.equity_values, rtol=1e-12)
    # every metric: the same formulas on the same trades, and holding the one symbol is the benchmark
    assert list(result.metrics) == list(alone.metrics)
    for name, value in alone.metrics.items():
        assert result.metrics[name] == pytest.approx(value, rel=1e-8, nan_ok=True), name
    free = admf.simulate(bars, strategy)
    both_sides = both({"X": bars}, "per_strategy", {"strategies": {"X": strategy}})
    np.testing.assert_allclose(both_sides.equity_values, free.equity_values, rtol=1e-11)


def test_the_same_again(some_bars):
    bars = some_bars(4)
    first, second = (admf.simulate_portfolio(bars, "rank_momentum", {"lookback": 20}) for _ in range(2))
    assert first.digest == second.digest
    assert first.digest != admf.simulate_portfolio(bars, "rank_momentum", {"lookback": 21}).digest


def test_an_allocation_that_sees_its_holdings(some_bars):
    seen = []

    class Keep:
        """A quarter in each of two; what has grown keeps its weight."""

        uses_holdings = True

        def weights(self, view):
            seen.append(view.holdings.copy())
            grown = np.maximum(view.holdings, 0.25)
            return grown if grown.sum() <= 1.0 else np.full(2, np.nan)

    bars = some_bars(2)
    result = admf.simulate_portfolio(bars, Keep(), rebalance="weekly")
    held = result.weights.to_numpy()[result.decision_bars]
    np.testing.assert_allclose(np.array(seen), held, rtol=1e-12)
    blind = admf.simulate_portfolio(bars, lambda view: np.array([0.3, 0.4]), rebalance="weekly")

    class Sees:
        uses_holdings = True

        def weights(self, view):
            return np.array([0.3, 0.4])

    assert admf.simulate_portfolio(bars, Sees(), rebalance="weekly").digest == blind.digest


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    costs=COSTS,
    lot_size=st.sampled_from([None, 1.0]),
    shorts=st.booleans(),
)
def test_wild_prices_ruin_and_all(both, some_bars, seed, costs, lot_size, shorts):
    """Shorts may lose more than there is: nothing raises, cash stays, and both engines agree."""
    random = np.random.default_rng(seed)
    bars = {}
    for name, each in some_bars(3, seed, 40).items():
        jumps = np.exp(np.cumsum(random.normal(0.0, 0.6, len(each))))
        bars[name] = replace(
            each, **{field: getattr(each, field) * jumps for field in ("open", "high", "low", "close")}
        )
    result = both(bars, Whims(seed, shorts), rebalance="daily", costs=costs, sizing={"lot_size": lot_size})
    equity = result.equity_values
    held = (result.position_values * result.mark_values).sum(axis=1)
    scale = np.abs(result.position_values * result.mark_values).sum(axis=1) + np.abs(equity)
    assert (np.abs(result.cash_values + held - equity) <= 1e-11 * scale).all()
    if sales_bring_money(shorts, costs):
        assert result.cash_values.min() >= -1e-9 * scale.max()
    profit = equity[-1] - result.initial_cash
    assert abs(result.attribution.pnl.sum() - profit) <= 1e-9 * scale.max()
    assert set(result.metrics)
    assert np.isfinite(result.fills.units).all()
    if sales_bring_money(shorts, costs):
        assert equity.min() > 0.0
