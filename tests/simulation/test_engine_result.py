"""The result's tables, digest and card; the dry run."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config.models import BacktestConfig
from admf.simulation import check_backtest, estimate, run_backtest
from admf.strategies import resolve_strategy

SETTINGS = {
    "execution": {"stop_loss_pct": 3.0},
    "sizing": {"fraction": 0.5},
    "costs": {"commission_bps": 5.0, "slippage_bps": 2.0},
}


@pytest.fixture(scope="module")
def bars(random_bars):
    return random_bars(11, n=300)


@pytest.fixture(scope="module")
def result(bars):
    return admf.simulate(bars, "sma_cross", {"fast": 3, "slow": 9}, **SETTINGS)


def test_three_lines(result, bars):
    assert list(result.trades.columns) == [
        "entry_time", "exit_time", "entry_bar", "exit_bar", "side", "units", "entry_price", "exit_price",
        "pnl", "commission", "financing", "return", "mae", "mfe", "bars", "exit_reason",
        "exit_decided_bar",
    ]  # fmt: skip
    assert isinstance(result.equity, pd.Series)
    assert result.equity.index.equals(bars.index)
    assert result.positions.index.equals(bars.index)
    assert result.metrics["final_equity"] == result.equity.iloc[-1]
    assert re.fullmatch("[0-9a-f]{64}", result.digest)
    assert "sma_cross on RANDOM: 300 bars" in repr(result)
    trade = result.trades.iloc[0]
    assert trade.entry_time == bars.index[trade.entry_bar]
    assert trade["return"] == trade.pnl / (trade.units * trade.entry_price)


def test_costs_are_those_of_the_orders(result):
    filled = result.orders[result.orders.status == "filled"]
    assert result.costs["commission"] == pytest.approx(filled.commission.sum())
    assert result.costs["slippage"] == pytest.approx(
        (filled.units * (filled.price - filled.quote).abs()).sum()
    )
    assert result.costs["total"] == pytest.approx(filled[["commission", "slippage", "spread"]].sum().sum())


def test_bars_a_year_that_are_not_those_of_the_data_are_told_by_every_engine(random_bars, random_frame):
    weekdays = random_bars(11, n=400)
    session = admf.SimulationSession("buy_and_hold", history=weekdays.slice(0, 0))
    for bar in random_frame(11, n=400).reset_index(names="timestamp").to_dict("records"):
        session.on_bar(bar)
    results = [
        admf.simulate(weekdays, "buy_and_hold"),
        admf.simulate_portfolio({"A": weekdays}),
        admf.sweep(weekdays, "momentum", {"period": [5]}),
        session.result(),
    ]
    for each in results:
        (told,) = (text for text in each.warnings if "in a calendar year" in text)
        assert "use 252 bars a year, and the data have 262 in a calendar year" in told
    agreed = replace(weekdays, periods_per_year=262.0)
    assert not [text for text in admf.simulate(agreed, "buy_and_hold").warnings if "calendar year" in text]


def test_nothing_in_it_can_be_written(result):
    with pytest.raises(ValueError, match="read-only"):
        result.equity_values[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        result.trade_table["pnl"][0] = 1.0


def test_digest_is_the_same_for_the_same_and_another_for_another(result, bars):
    again = admf.simulate(bars, "sma_cross", {"fast": 3, "slow": 9}, **SETTINGS)
    assert again.digest == result.digest
    for change in ({"costs": {"commission_bps": 5.0}}, {"initial_cash": 100_001.0}, {"risk_free_pct": 1.0}):
        other = admf.simulate(bars, "sma_cross", {"fast": 3, "slow": 9}, **(SETTINGS | change))
        assert other.digest != result.digest


def test_digest_of_a_known_simulation_does_not_move(follow):
    rows = [(10, 11, 9, 10), (20, 22, 18, 21), (30, 33, 27, 31), (40, 44, 36, 41)]
    runs = {follow(rows, [1, -1, 0, float("nan")]).digest for _ in range(2)}
    assert len(runs) == 1


def test_it_travels_between_processes(result):
    copy = pickle.loads(pickle.dumps(result))
    assert copy.digest == result.digest
    assert copy.assumptions == result.assumptions


def test_run_backtest_is_the_same_road(result, bars):
    config = BacktestConfig(strategy={"name": "sma_cross", "params": {"fast": 3, "slow": 9}}, **SETTINGS)
    assert run_backtest(bars, config).digest == result.digest


def test_the_card_states_everything(result):
    card = result.assumptions
    assert card["fill"] == "a decision made at a close is filled at the next bar's open"
    assert card["costs"] == "commission 5 bps of the value, each side; slippage 2 bps at every fill"
    assert card["sizing"] == "50 % of the equity for a full position, costs included, in fractional units"
    assert card["direction"] == "long and short"
    assert card["bars per year"] == "252"
    assert card["engine"] == "compiled"
    assert "not adjusted" in card["data"]
    assert set(card) == {
        "fill", "last bar", "inside a bar", "stops", "re-entry", "repeated signal", "costs", "sizing",
        "direction", "borrowing", "volume", "warm-up", "open position", "data", "bars per year", "engine",
        "halted bars",
        "orders",
        "risk", "trades",
    }  # fmt: skip


def test_metrics_of_a_result_without_trades_are_there(follow):
    result = follow([(10, 11, 9, 10)] * 3, [float("nan")] * 3)
    assert result.metrics["final_equity"] == 1000
    assert np.isnan(result.metrics["win_rate"])


def config_of(name="sma_cross", params=None, **more):
    return BacktestConfig(strategy={"name": name, "params": params or {}}, **more)


def test_dry_run_finds_nothing_wrong(bars):
    assert check_backtest(bars, config_of()) == []
    assert check_backtest(None, config_of()) == []


def test_dry_run_lists_what_is_wrong(bars):
    (unknown,) = check_backtest(None, config_of("sma_crss"))
    assert unknown.path == "strategy.name"
    assert "sma_cross" in f"{unknown.message} {unknown.hint}"
    problems = check_backtest(bars, config_of(params={"fast": 0, "slw": 3}))
    assert [problem.path for problem in problems] == ["strategy.params.slw", "strategy.params.fast"]
    (column,) = check_backtest(bars, config_of("signals", {"long_entry": "absent"}))
    assert "absent" in column.message
    (dates,) = check_backtest(bars, config_of(end_date="1999-01-01"))
    assert dates.path == "end_date"
    (few,) = check_backtest(bars.slice(0, 15), config_of())
    assert "not complete on any of the 15 bars" in few.message
    (late,) = check_backtest(bars.slice(0, 21), config_of())
    assert "complete from bar 20 on: too late to trade" in late.message


def test_dry_run_does_not_load_the_compiler():
    import subprocess
    import sys

    script = (
        "import sys, admf.simulation as s; from admf.core.config.models import BacktestConfig as B;"
        "s.check_backtest(None, B(strategy={'name': 'sma_cross'})); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_estimate_grows_with_the_bars():
    strategy = resolve_strategy("sma_cross")
    small, large = estimate(1_000, strategy), estimate(10_000_000, strategy)
    assert 0 < small.seconds < large.seconds < 60
    assert small.bytes < large.bytes < 4e9


def test_estimate_knows_which_engine_runs_and_the_rerun():
    strategy = resolve_strategy("sma_cross")
    basic, stops = config_of(), config_of(execution={"stop_loss_pct": 5})
    for count in (1_000, 1_000_000):
        assert (
            estimate(count, strategy) == estimate(count, strategy, basic) == estimate(count, strategy, stops)
        )
    detailed = config_of(execution={"latency_bars": 1})
    few, many = estimate(5_000, strategy, detailed), estimate(50_000, strategy, detailed)
    assert few.seconds < 1 < 10 < many.seconds < 40  # plain Python for few bars; compiled, once, for many
    assert estimate(50_000, strategy, basic, finer=True) == many
    for each in (basic, detailed):
        twice = each.model_copy(update={"pessimistic_rerun": True})
        for count in (5_000, 50_000):
            once, both = estimate(count, strategy, each), estimate(count, strategy, twice)
            assert both.seconds > once.seconds
            assert both.bytes > once.bytes
    rerun = estimate(50_000, strategy, detailed.model_copy(update={"pessimistic_rerun": True}))
    assert 1.9 < rerun.seconds / many.seconds < 2
