"""Allocations: each against its formula, and all against the conformance check."""

import numpy as np
import pytest

import admf
from admf.core.registry import registry_of
from admf.errors import AdmfError, ComponentError, ConfigError, DataError
from admf.simulation.portfolio.allocation import resolve_allocation
from admf.simulation.portfolio.allocations.minimum_variance import least_variance, shrunk_covariance
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.sleeves import aggregate
from admf.simulation.portfolio.view import Viewer
from admf.testing import check_allocation

PARAMS = {
    "fixed_weights": {"weights": {"A": 0.5, "D": -0.25}},
    "per_strategy": {"strategies": {"A": {"name": "momentum", "capital": 0.5}, "D": "sma_cross"}},
    "ensemble": {"members": ["momentum", {"name": "rsi_reversion", "weight": 2.0}]},
}


def weights_at(name, params, bars, row):
    joined = join(bars)
    return resolve_allocation(name, params)[1].weights(Viewer(joined, 10.0).at(row))


@pytest.mark.parametrize("name", [entry.name for entry in registry_of("allocation").entries()])
def test_built_in_ones_conform(name):
    check_allocation(name, PARAMS.get(name))


def test_the_check_catches_what_it_is_for(some_bars):
    bars = some_bars(2, n=60)
    with pytest.raises(AssertionError, match="looks ahead"):
        check_allocation(lambda view: tomorrow(view), bars=bars)
    random = np.random.default_rng(1)
    with pytest.raises(AssertionError, match="not pure"):
        check_allocation(lambda view: random.dirichlet(np.ones(2)), bars=bars)
    with pytest.raises(ComponentError, match=r"add to 1\.5"):
        admf.simulate_portfolio(bars, lambda view: np.array([0.75, 0.75]))


def tomorrow(view):
    """Peeks through the array that the view was cut from."""
    whole = view.closes.base
    row = min(len(view.closes), len(whole) - 1)
    return np.where(whole[row] > view.closes[-1], 0.5, 0.0)


def test_a_view_ends_at_its_row_and_cannot_be_written(some_bars):
    view = Viewer(join(some_bars(2, n=30)), 10.0).at(9)
    assert len(view.closes) == len(view.timestamps) == 10
    for array in (view.closes, view.timestamps, view.eligible, view.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_inverse_volatility(some_bars):
    bars = some_bars(3, n=50)
    found = weights_at("inverse_volatility", {"lookback": 20}, bars, 40)
    spread = [np.std(np.diff(b.close[20:41]) / b.close[20:40], ddof=1) for b in bars.values()]
    expected = (1 / np.array(spread)) / sum(1 / np.array(spread))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert weights_at("inverse_volatility", {"lookback": 20}, bars, 19).tolist() == [0, 0, 0]


def test_inverse_volatility_counts_a_symbols_own_bars(some_bars):
    bars = some_bars(3, seed=4, n=80, gaps=True)
    found = weights_at("inverse_volatility", {"lookback": 10}, bars, len(join(bars).timestamps) - 1)
    spread = [np.std(np.diff(b.close[-11:]) / b.close[-11:-1], ddof=1) for b in bars.values()]
    np.testing.assert_allclose(found, (1 / np.array(spread)) / sum(1 / np.array(spread)), rtol=1e-12)


def test_minimum_variance_is_the_optimum():
    random = np.random.default_rng(3)
    returns = random.normal(0, 0.01, (30, 8)) @ (np.eye(8) + random.normal(0, 0.4, (8, 8)))
    covariance = shrunk_covariance(returns, 0.1)
    best = least_variance(covariance)
    assert best.min() >= 0.0
    assert best.sum() == pytest.approx(1.0, rel=1e-12)
    # Karush-Kuhn-Tucker: the gradient is the same where a weight is held, and not lower where none is
    gradient = covariance @ best
    held = best > 1e-12
    assert 0 < held.sum() < 8
    np.testing.assert_allclose(gradient[held], gradient[held][0], rtol=1e-8)
    assert (gradient[~held] >= gradient[held][0] * (1 - 1e-8)).all()


def test_minimum_variance_of_two():
    # by hand: w = (s2^2 - c) / (s1^2 + s2^2 - 2 c) = (0.04 - 0.006) / (0.01 + 0.04 - 0.012)
    found = least_variance(np.array([[0.01, 0.006], [0.006, 0.04]]))
    np.testing.assert_allclose(found, [0.034 / 0.038, 0.004 / 0.038], rtol=1e-12)


def test_minimum_variance_is_well_behaved_with_more_symbols_than_bars(some_bars):
    found = weights_at("minimum_variance", {"lookback": 5}, some_bars(12, n=30), 20)
    assert found.sum() == pytest.approx(1.0)
    assert found.min() >= 0.0


def test_shrinkage_of_one_is_inverse_variance(some_bars):
    bars = some_bars(3, n=50)
    found = weights_at("minimum_variance", {"lookback": 20, "shrinkage": 1.0}, bars, 40)
    variance = np.array([np.var(np.diff(b.close[20:41]) / b.close[20:40], ddof=1) for b in bars.values()])
    np.testing.assert_allclose(found, (1 / variance) / (1 / variance).sum(), rtol=1e-10)


def test_rank_momentum(hand_bars):
    bars = {
        name: hand_bars([(10, 10), (10, 10), (10, last), (10, 100)])
        for name, last in (("A", 11.0), ("B", 13.0), ("C", 12.0), ("D", 9.0))
    }
    # skip leaves the last bar out; from bar 0 to bar 2 the order is B, C, A, D
    params = {"lookback": 2, "skip": 1, "top": 2}
    assert weights_at("rank_momentum", params, bars, 3).tolist() == [0, 0.5, 0.5, 0]
    params |= {"top": 4, "only_positive": True}
    assert weights_at("rank_momentum", params, bars, 3).tolist() == [0.25, 0.25, 0.25, 0]
    assert weights_at("rank_momentum", params, bars, 2).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("aggregation", "signals", "expected", "parts"),
    [
        ("weighted", [1.0, 1.0, -1.0], (1 + 1 - 2) / 4, [0, 0, 0]),
        ("weighted", [1.0, 0.5, 0.0], 1.5 / 4, [1 / 1.5, 0.5 / 1.5, 0]),
        ("majority", [1.0, 1.0, -1.0], 0.0, [0, 0, 0]),  # 2 of 4 is not more than half
        ("majority", [1.0, 0.0, 0.5], 1.0, [1 / 3, 0, 2 / 3]),
        ("majority", [0.0, -1.0, -1.0], -1.0, [0, 1 / 3, 2 / 3]),
        ("unanimous", [1.0, 0.5, 1.0], 1.0, [0.25, 0.25, 0.5]),
        ("unanimous", [-1.0, -1.0, -0.1], -1.0, [0.25, 0.25, 0.5]),
        ("unanimous", [1.0, 1.0, 0.0], 0.0, [0, 0, 0]),
    ],
)
def test_signals_put_together(aggregation, signals, expected, parts):
    # three members on one symbol, with weights 1, 1 and 2
    found, shares = aggregate(np.array([[signals]]), np.array([[1.0, 1.0, 2.0]]), aggregation)
    assert found.tolist() == [[expected]]
    np.testing.assert_allclose(shares[0, 0], parts)


def test_the_profit_of_strategies_adds_to_that_of_symbols(both, some_bars):
    bars = some_bars(3, seed=2, n=250, gaps=True)
    for aggregation in ("weighted", "majority", "unanimous"):
        result = both(
            bars,
            "ensemble",
            {"members": ["momentum", "rsi_reversion", "sma_cross"], "aggregation": aggregation},
            costs={"commission_bps": 5.0, "slippage_bps": 2.0, "spread_bps": 3.0},
        )
        assert len(result.fills.bar) > 3
        total = result.equity_values[-1] - result.initial_cash
        grouped = result.attribution_by_strategy.groupby("symbol").sum().loc[list(bars)]
        np.testing.assert_allclose(grouped, result.attribution, rtol=1e-9, atol=1e-9)
        assert result.attribution.pnl.sum() == pytest.approx(total, rel=1e-9)
        assert (result.attribution_by_strategy.pnl.groupby("strategy").sum() != 0).sum() > 1


def test_attribution_by_hand(both, hand_bars):
    # A is made by its strategy alone, B by its own; half of the capital each
    bars = {
        "A": hand_bars([(10, 10), (10, 12), (12, 12)]),
        "B": hand_bars([(10, 10), (10, 9), (9, 8)]),
    }
    result = both(
        bars,
        "per_strategy",
        {"strategies": {name: {"name": "buy_and_hold", "label": f"hold {name}"} for name in bars}},
        initial_cash=1000.0,
    )
    # 50 units each: A makes 50 x 2, B loses 50 x 2
    table = result.attribution_by_strategy.pnl
    assert table["A"].to_dict() == pytest.approx({"hold A": 100.0, "hold B": 0.0})
    assert table["B"].to_dict() == pytest.approx({"hold A": 0.0, "hold B": -100.0})


def test_a_strategy_without_enough_bars_does_not_trade_and_is_named(some_bars, hand_bars):
    bars = {"A": some_bars(1, n=60)["S0"], "B": some_bars(2, n=60)["S1"].slice(50)}
    result = admf.simulate_portfolio(bars, "ensemble", {"members": [{"name": "sma_cross"}]})
    assert any("sma_cross does not trade B" in text for text in result.warnings)
    assert set(result.orders.symbol) <= {"A"}


@pytest.mark.parametrize(
    ("allocation", "params", "error", "text"),
    [
        ("equal_wait", None, ComponentError, "did you mean 'equal_weight'"),
        ("equal_weight", {"lookback": 3}, ConfigError, "lookback: is no parameter of this allocation"),
        ("ensemble", {"member": []}, ConfigError, r"did you mean members\?(.|\n)*is required by allocation"),
        ("ensemble", None, ConfigError, r"hint: write for example members: \[\{name: sma_cross, params: "),
        ("ensemble", {"members": ["momentum"], "capital": {"S0": 1.5}}, ConfigError, "add to 1 at most"),
        ("inverse_volatility", {"lookback": 1}, AdmfError, "lookback: must be from 2"),
        ("rank_momentum", {"look": 1}, ConfigError, "is no parameter of this allocation"),
        ("fixed_weights", {"weights": {"S0": 0.8, "S1": -0.4}}, ConfigError, "add to more than 1"),
        ("fixed_weights", {"weights": {"S9": 0.8}}, ConfigError, "is no symbol of the portfolio"),
        ("fixed_weights", {"weights": {"S0": "all"}}, ConfigError, "must be a number"),
        ("per_strategy", {"strategies": {"S0": {"name": "momentum", "capital": 2}}}, ConfigError, "capital"),
        ("per_strategy", {"strategies": {"S0": {"nam": "momentum"}}}, ConfigError, "is no known key"),
        ("ensemble", {"members": "momentum"}, ConfigError, "must be a list"),
        ("ensemble", {"members": ["momentum"], "aggregation": "loudest"}, ConfigError, "unanimous"),
        ("ensemble", {"members": ["momentom"]}, AdmfError, "did you mean 'momentum'"),
        ("json:loads", None, ComponentError, "may not be imported"),
        (lambda view: np.array([1.0]), None, ComponentError, "must be 2 numbers"),
        (lambda view: 1 / 0, None, ComponentError, "ZeroDivisionError"),
        (object(), None, ComponentError, "no method weights"),
    ],
)
def test_wrong_allocations_say_so(some_bars, allocation, params, error, text):
    with pytest.raises(error, match=text):
        admf.simulate_portfolio(some_bars(2, n=40), allocation, params)


def test_bars_that_cannot_be_joined(some_bars, random_bars):
    with pytest.raises(DataError, match="at least one symbol"):
        admf.simulate_portfolio({})
    with pytest.raises(DataError, match="one timeframe; found: A 1d, B 1h"):
        admf.simulate_portfolio({"A": random_bars(1), "B": random_bars(1, timeframe="1h")})
    with pytest.raises(ConfigError, match="no bar of any symbol"):
        admf.simulate_portfolio(some_bars(2), start="1990-01-01", end="1991-01-01")


def test_an_allocation_of_a_users_module(some_bars, tmp_path, monkeypatch):
    (tmp_path / "my_allocations.py").write_text(
        "import numpy as np\n"
        "from admf.strategies import Float\n"
        "class First:\n"
        "    parameters = {'share': Float(0.0, 1.0, default=0.5)}\n"
        "    def __init__(self, share):\n"
        "        self.share = share\n"
        "    def weights(self, view):\n"
        "        return self.share * (np.arange(len(view.symbols)) == 0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"rebalance": "weekly", "allow_modules": ["my_allocations"]}
    result = admf.simulate_portfolio(some_bars(2), "my_allocations:First", {"share": 0.25}, **settings)
    assert result.target_values[0].tolist() == [0.25, 0.0]
    assert result.allocation == "First"
    with pytest.raises(ConfigError, match="share: must be from 0 to 1"):
        admf.simulate_portfolio(some_bars(2), "my_allocations:First", {"share": 2.0}, **settings)
    with pytest.raises(ComponentError, match="did you mean 'First'"):
        admf.simulate_portfolio(some_bars(2), "my_allocations:Frist", **settings)
