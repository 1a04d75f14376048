"""What the limits of risk guarantee, whatever prices, targets and costs are; both engines agree on all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import admf
from admf.simulation.portfolio.records import FILLED, OF_RULE, REDUCED, STATUSES
from admf.simulation.records import RISK
from admf.testing.bars import change_after


class Whims:
    """Random weights, the same for the same row."""

    def __init__(self, seed, shorts):
        self.seed, self.shorts = seed, shorts

    def weights(self, view):
        random = np.random.default_rng([self.seed, len(view.timestamps)])
        weights = random.dirichlet(np.ones(len(view.symbols) + 1))[:-1] * random.choice(
            [0.0, 1.0], p=[0.1, 0.9]
        )
        weights *= random.random(len(weights)) < 0.7
        return weights * random.choice([-1.0, 1.0], len(weights)) if self.shorts else weights


def maybe(*values):
    return st.sampled_from([None, None, *values])


RISK_KEYS = st.fixed_dictionaries(
    {
        "max_position_units": maybe(300.0, 1200.0),
        "max_position_value": maybe(20_000.0),
        "max_exposure_pct": maybe(25.0),
        "max_concentration_pct": maybe(15.0, 40.0),
        "max_leverage": maybe(0.4, 0.8),
        "max_open_positions": maybe(1, 2),
        "daily_loss_pct": maybe(0.5, 2.0),
        "max_drawdown_pct": maybe(3.0, 10.0),
    }
)
FREE = {"commission_bps": 0.0}
COSTLY = {"commission_bps": 7.0, "commission_fixed": 3.0, "slippage_bps": 5.0, "spread_bps": 8.0}


def limits(keys, reaction, drawdown):
    found = {key: value for key, value in keys.items() if value is not None}
    if "daily_loss_pct" in found:
        found["on_daily_loss"] = reaction
    if "max_drawdown_pct" in found:
        found["on_drawdown"] = drawdown
    return found


def hourly(bars):
    """The same prices in hours: several bars have one day."""
    start = min(each.timestamps[0] for each in bars.values())
    return {
        name: replace(each, timestamps=start + (each.timestamps - start) // 24, timeframe="1h")
        for name, each in bars.items()
    }


def wild(bars, seed, size):
    """The same bars with jumps."""
    random = np.random.default_rng(seed)
    found = {}
    for name, each in bars.items():
        jumps = np.exp(np.cumsum(random.normal(0.0, size, len(each))))
        prices = {field: getattr(each, field) * jumps for field in ("open", "high", "low", "close")}
        found[name] = replace(each, **prices)
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 5),
    gaps=st.booleans(),
    shorts=st.booleans(),
    costs=st.sampled_from([FREE, COSTLY]),
    lot_size=st.sampled_from([None, 1.0]),
    schedule=st.sampled_from(["daily", "every_n_bars", "on_change"]),
    jumps=st.sampled_from([0.0, 0.05, 0.4]),
    hours=st.booleans(),
    keys=RISK_KEYS,
    reaction=st.sampled_from(["block", "flatten"]),
    drawdown=st.sampled_from(["halt", "reduce"]),
)
def test_no_fill_leads_beyond_a_limit(
    both,
    some_bars,
    seed,
    count,
    gaps,
    shorts,
    costs,
    lot_size,
    schedule,
    jumps,
    hours,
    keys,
    reaction,
    drawdown,
):
    bars = some_bars(count, seed, 60, gaps)
    bars = wild(bars, seed, jumps) if jumps else bars
    bars = hourly(bars) if hours else bars
    risk = limits(keys, reaction, drawdown)
    result = both(
        bars,
        Whims(seed, shorts),
        rebalance={"schedule": schedule, "every_bars": 2 if schedule == "every_n_bars" else None},
        costs=costs,
        sizing={"lot_size": lot_size},
        risk=risk,
    )
    table, first = result.order_table, result.first
    held, cash = np.zeros(count), result.initial_cash
    bar, worth, quotes = -1, 0.0, np.zeros(count)
    for row in np.flatnonzero(np.isin(table["status"], (FILLED, REDUCED))).tolist():
        if table["bar"][row] != bar:
            bar = int(table["bar"][row])
            there = result.joined.present[first + bar]
            before = result.mark_values[bar - 1]
            quotes = np.where(there, np.nan_to_num(result.joined.open[first + bar]), before)
            worth = cash + held @ quotes
        at, units, side = int(table["symbol"][row]), table["units"][row], table["side"][row]
        grows = held[at] * side >= 0.0
        held[at] += side * units
        cash -= side * units * table["price"][row] + table["commission"][row]
        held[np.abs(held) * quotes < 1e-9 * abs(worth)] = 0.0
        if not grows:
            continue
        assert table["reason"][row] != RISK
        value, slack = np.abs(held) * quotes, 1e-9 * worth
        # equity at the quotes of the bar, before the costs of its fills
        assert value.sum() <= risk.get("max_leverage", np.inf) * worth + slack
        assert value[at] <= risk.get("max_concentration_pct", np.inf) / 100 * worth + slack
        assert value[at] <= risk.get("max_exposure_pct", np.inf) / 100 * worth + slack
        assert value[at] <= risk.get("max_position_value", np.inf) + slack
        assert abs(held[at]) <= risk.get("max_position_units", np.inf) * (1 + 1e-9)
        assert np.count_nonzero(held) <= risk.get("max_open_positions", np.inf)
    np.testing.assert_allclose(held, result.position_values[-1], rtol=1e-6, atol=1e-6 * np.abs(held).max())
    profit = result.equity_values[-1] - result.initial_cash
    assert result.attribution.pnl.sum() == pytest.approx(profit, rel=1e-9, abs=1e-4)
    # every row of a rule names one that is set, and has filled nothing
    named = {STATUSES[code].partition(": ")[2] for code in table["status"][table["status"] >= OF_RULE]}
    assert named <= {key.removesuffix("_pct") for key in risk}
    assert not table["units"][table["status"] >= OF_RULE].any()
    assert (table["wanted"][table["status"] >= OF_RULE] > 0.0).all()
    if "max_drawdown_pct" in risk and drawdown == "halt":
        equity = result.equity_values
        peak = np.maximum.accumulate(np.maximum(equity, result.initial_cash))
        low = np.flatnonzero(equity <= peak * (1 - risk["max_drawdown_pct"] / 100))
        if len(low):
            size = np.abs(result.position_values[low[0] :])
            assert (np.diff(size, axis=0) <= 0.0).all()  # nothing is opened or enlarged any more


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shorts=st.booleans(), costs=st.sampled_from([FREE, COSTLY]))
def test_limits_that_nothing_reaches_change_no_bit(both, some_bars, seed, shorts, costs):
    bars = wild(some_bars(4, seed, 60, True), seed, 0.3)
    run = {"rebalance": {"schedule": "daily"}, "costs": costs}
    far = {
        "max_position_units": 1e12,
        "max_position_value": 1e15,
        "max_exposure_pct": 1e9,
        "max_leverage": 1e9,
        "max_open_positions": 4,
        "allowed_symbols": ["S0", "S1", "S2", "S3"],
    }
    free = both(bars, Whims(seed, shorts), **run)
    assert both(bars, Whims(seed, shorts), risk=far, **run).digest == free.digest


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), last=st.integers(5, 50))
def test_later_bars_change_nothing_earlier(some_bars, seed, last):
    bars = wild(some_bars(3, seed, 60), seed, 0.05)
    risk = {
        "max_leverage": 0.8,
        "max_concentration_pct": 30,
        "daily_loss_pct": 2,
        "on_daily_loss": "flatten",
        "max_drawdown_pct": 10,
        "on_drawdown": "reduce",
    }
    run = {"rebalance": "daily", "risk": risk}
    whole = admf.simulate_portfolio(bars, Whims(seed, True), **run)
    changed = {name: change_after(each, last, seed) for name, each in bars.items()}
    other = admf.simulate_portfolio(changed, Whims(seed, True), **run)
    np.testing.assert_array_equal(whole.position_values[: last + 1], other.position_values[: last + 1])
    np.testing.assert_array_equal(whole.equity_values[: last + 1], other.equity_values[: last + 1])


@pytest.mark.parametrize(
    "risk",
    [
        {"max_exposure_pct": 50},
        {"max_position_value": 30_000},
        {"max_drawdown_pct": 10},
        {"max_drawdown_pct": 10, "on_drawdown": "reduce", "reduce_to_pct": 40},
        {"allowed_symbols": ["Y"]},
    ],
)
def test_one_symbol_is_the_single_engine(both, random_bars, risk):
    """Held from the first bar, so that a cut position is never ordered again."""
    bars = random_bars(12, 300)
    alone = admf.simulate(bars, "buy_and_hold", risk=risk)
    result = both({"X": bars}, "equal_weight", rebalance="on_change", risk=risk)
    np.testing.assert_allclose(result.equity_values, alone.equity_values, rtol=1e-12)
    np.testing.assert_allclose(result.position_values[:, 0], alone.position_values, rtol=1e-12)
