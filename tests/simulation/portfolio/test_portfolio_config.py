"""The keys of the YAML, the schedules, and what a result carries."""

import sys
import time
from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config import BacktestConfig, PortfolioConfig, RebalanceConfig, Section
from admf.errors import ConfigError, StrategyError, WorkflowCancelledError
from admf.indicators import IndicatorTable
from admf.market import Finding, load_bars
from admf.simulation.portfolio import check_portfolio, run_portfolio
from admf.simulation.portfolio.api import _simulate
from admf.simulation.portfolio.check import estimate_portfolio
from admf.simulation.portfolio.incidents import incidents_of
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.schedule import decision_rows
from admf.simulation.portfolio.support import _BESIDE, _KNOWN, unsupported
from admf.strategies.orders import limit_order


def test_a_config_and_the_call_are_the_same_road(some_bars):
    bars = some_bars(3)
    portfolio = {
        "allocation": {"name": "rank_momentum", "params": {"lookback": 10, "top": 2}},
        "rebalance": {"schedule": "weekly", "band": 0.02},
    }
    config = BacktestConfig(portfolio=portfolio, costs={"commission_bps": 5.0})
    called = admf.simulate_portfolio(
        bars,
        "rank_momentum",
        {"lookback": 10, "top": 2},
        rebalance={"schedule": "weekly", "band": 0.02},
        costs={"commission_bps": 5.0},
    )
    assert run_portfolio(bars, config).digest == called.digest
    assert BacktestConfig(**config.model_dump(mode="json")) == config


def test_every_field_is_titled_and_described():
    def fields(model):
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field
            if hasattr(field.annotation, "model_fields"):
                yield from fields(field.annotation)

    bare = [name for name, field in fields(PortfolioConfig) if not (field.title and field.description)]
    assert bare == []


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"rebalance": {"schedule": "hourly"}}, "every_n_bars"),
        ({"rebalance": {"schedule": "every_n_bars"}}, "is required by schedule every_n_bars"),
        ({"rebalance": {"schedule": "daily", "every_bars": 3}}, "goes with schedule every_n_bars alone"),
        ({"rebalance": {"bands": 0.1}}, "band"),
        ({"rebalance": {"band": 1.5}}, "band"),
    ],
)
def test_wrong_keys_are_refused(some_bars, keys, text):
    with pytest.raises(ConfigError, match=text):
        admf.simulate_portfolio(some_bars(2), **keys)


ONE_SYMBOL = "remove it, or run one workflow for each symbol, with a strategy in place of the portfolio"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"execution": {"repeat_signal": "reenter"}},
            "execution.repeat_signal: must be hold in a portfolio: what is held already is brought to its "
            "weight, not sold first\n    found: reenter\n    allowed: hold\n    hint: remove it",
        ),
        (
            {"execution": {"fill": "same_close"}},
            "execution.fill: must be next_open in a portfolio: what is decided at a close of all symbols is "
            "known only then, and goes to the market from their next opens on\n    found: same_close\n"
            "    allowed: next_open\n"
            "    hint: remove it",
        ),
        (
            {"sizing": {"method": "fixed_units", "units": 3.0}},
            "sizing.units: is not simulated in a portfolio\n    found: 3.0\n"
            f"    allowed: method, fraction, lot_size, min_value\n    hint: {ONE_SYMBOL}\n"
            "  sizing.method: must be cash_fraction in a portfolio: weights are shares of the equity\n"
            "    found: fixed_units\n    allowed: cash_fraction\n"
            "    hint: remove it; the allocation fixed_weights holds shares that you write",
        ),
    ],
)
def test_what_a_portfolio_does_not_simulate_is_refused(some_bars, keys, expected):
    with pytest.raises(ConfigError) as caught:
        admf.simulate_portfolio(some_bars(2), **keys)
    assert str(caught.value).split("\n", 1)[1] == f"  {expected}"


def test_every_key_is_honoured_or_refused():
    """A key that the single engine learns is refused until the portfolio honours it: nothing is ignored."""
    plain = BacktestConfig(portfolio={})
    sections = {name: each for name, each in plain if isinstance(each, Section) and name not in _BESIDE}
    known = {f"{name}.{key}" for name, keys in _KNOWN.items() for key in keys} | set(_BESIDE)
    every = [key for key in BacktestConfig.model_fields if key not in sections]
    every += [f"{name}.{key}" for name, each in sections.items() for key in type(each).model_fields]
    assert known < set(every)
    assert unsupported(plain) == []
    for path in every:
        if path in known:
            continue
        name, _, key = path.partition(".")
        value = sections[name].model_copy(update={key: "changed"}) if key else "changed"
        assert [each.path for each in unsupported(plain.model_copy(update={name: value}))] == [path]


def days(first, count, freq="D"):
    index = pd.date_range(first, periods=count, freq=freq, tz="UTC")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 10.0), index=index)
    return join({"A": load_bars(frame.assign(volume=1.0), min_bars=1)})


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("daily", [f"2020-01-{day:02d}" for day in range(1, 32)]),
        ("weekly", ["2020-01-01", "2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"]),
        ("monthly", ["2020-01-01"]),
        ("every_n_bars", ["2020-01-01", "2020-01-11", "2020-01-21", "2020-01-31"]),
    ],
)
def test_schedules(schedule, expected):
    joined = days("2020-01-01", 31)
    rows = decision_rows(joined, 0, 31, schedule, 10)
    assert pd.to_datetime(joined.timestamps[rows]).strftime("%Y-%m-%d").tolist() == expected


def test_quarters_and_months():
    joined = days("2020-02-15", 200)
    stamps = pd.to_datetime(joined.timestamps)
    quarters = stamps[decision_rows(joined, 0, 200, "quarterly", 1)].strftime("%m-%d").tolist()
    assert quarters == ["02-15", "04-01", "07-01"]
    months = stamps[decision_rows(joined, 0, 200, "monthly", 1)].strftime("%m-%d").tolist()
    assert months == ["02-15", "03-01", "04-01", "05-01", "06-01", "07-01", "08-01", "09-01"]


def test_a_day_of_intraday_bars_decides_once():
    joined = days("2020-01-01", 72, "h")
    assert decision_rows(joined, 0, 72, "daily", 1).tolist() == [0, 24, 48]


def test_the_range_is_simulated_and_what_lies_before_is_history(some_bars):
    bars = some_bars(3)
    whole = join(bars)
    start, end = (str(np.datetime64(int(whole.timestamps[at]), "ns"))[:10] for at in (50, 99))
    result = admf.simulate_portfolio(bars, "inverse_volatility", {"lookback": 40}, start=start, end=end)
    assert len(result.equity) == 50
    assert result.index[0].strftime("%Y-%m-%d") == start
    assert np.isclose(result.target_values[0].sum(), 1.0)  # known at once: the bars before count


def test_rows_of_two_calendars_and_their_year(some_bars):
    week = days("2020-01-01", 700).bars["A"]
    weekdays = week.index.day_of_week < 5
    stocks = load_bars(week.frame[weekdays], timeframe="1d", min_bars=1, periods_per_year=252)
    coins = load_bars(week.frame, timeframe="1d", min_bars=1, periods_per_year=365)
    joined = join({"stock": stocks, "coin": coins})
    assert joined.periods_per_year == 365
    assert joined.present.sum(axis=0).tolist() == [int(weekdays.sum()), 700]
    assert join({"stock": stocks}).periods_per_year == 252


def test_a_rate_of_all_symbols_stands_where_bars_are_missing_here_and_there(some_bars):
    week = days("2020-01-01", 700).bars["A"]

    def loaded(kept, rate=252):
        return load_bars(week.frame[kept], timeframe="1d", min_bars=1, periods_per_year=rate)

    weekday = week.index.day_of_week < 5
    gaps = {"a": weekday & (np.arange(700) % 41 != 3), "b": weekday & (np.arange(700) % 47 != 5)}
    gappy = {name: loaded(kept) for name, kept in gaps.items()}
    joined = join(gappy)
    rows, longest = len(joined.timestamps), max(map(len, gappy.values()))
    assert longest < rows <= 1.03 * longest
    assert joined.periods_per_year == 252.0
    # another rate, or another calendar: scaled to the rows
    assert join({**gappy, "c": loaded(gaps["a"], 260)}).periods_per_year == 252.0 * rows / longest
    apart = {"a": loaded(np.arange(700) % 10 != 3), "b": loaded(np.arange(700) % 10 != 7)}
    assert join(apart).periods_per_year == pytest.approx(252.0 / 0.9, rel=0.01)


def test_a_result_says_under_which_assumptions_it_holds(some_bars):
    result = admf.simulate_portfolio(
        some_bars(3),
        rebalance={"schedule": "weekly", "band": 0.02},
        costs={"commission_bps": 5.0, "spread_bps": 2.0},
        sizing={"lot_size": 1.0},
    )
    card = result.assumptions
    assert card["rebalancing"] == (
        "weekly, decided at the close of the first bar of the period, weights within 0.02 of their target "
        "left alone"
    )
    assert card["costs"].startswith("commission 5 bps of the value, each side; spread 2 bps")
    assert "lots of 1" in card["sizing"]
    assert "3 symbols" in card["calendar"]
    assert all(isinstance(text, str) and text for text in card.values())
    assert repr(result).startswith("<PortfolioResult equal_weight on 3 symbols: 120 bars")
    assert list(result.orders.columns[:6]) == ["decided_time", "time", "decided_bar", "bar", "symbol", "side"]
    assert result.attribution_by_strategy.empty
    assert (result.weights.sum(axis=1) <= 1 + 1e-9).all()
    assert result.metrics["final_equity"] == result.equity_values[-1]


@pytest.mark.parametrize(
    ("allocation", "path", "text"),
    [
        ({"name": "equal_weight"}, None, None),
        ({"name": "equal"}, "portfolio.allocation.name", "no allocation is called 'equal'"),
        (
            {"name": "rank_momentum", "params": {"top": 0}},
            "portfolio.allocation.params.top",
            "must be from 1",
        ),
        (
            {"name": "ensemble", "params": {"members": [{"name": "momentum", "params": {"x": 1}}]}},
            "portfolio.allocation.params.members.0.params.x",
            "is no parameter of this strategy",
        ),
    ],
)
def test_a_dry_run_says_what_would_fail(some_bars, allocation, path, text):
    config = BacktestConfig(portfolio={"allocation": allocation})
    problems = check_portfolio(config, bars=some_bars(2))
    assert [problem.path for problem in problems] == ([path] if path else [])
    assert all(text in problem.message for problem in problems)


@pytest.mark.parametrize(
    ("allocation", "path", "text"),
    [
        (
            {"name": "per_strategy", "params": {"strategies": {"S0": "sma_cros"}}},
            "portfolio.allocation.params.strategies.S0",
            "no strategy is called 'sma_cros'",
        ),
        (
            {"name": "per_strategy", "params": {"strategies": {"S0": {"name": "sma_cros"}}}},
            "portfolio.allocation.params.strategies.S0.name",
            "no strategy is called 'sma_cros'",
        ),
        (
            {"name": "per_strategy", "params": {"strategies": {"S7": "sma_cross"}}},
            "portfolio.allocation.params.strategies.S7",
            "is no symbol of the portfolio",
        ),
        (
            {"name": "per_strategy", "params": {"strategies": {"S0": {"name": "momentum", "capital": 1}}}},
            None,
            None,
        ),
        (
            {
                "name": "per_strategy",
                "params": {"strategies": {"S0": {"name": "momentum", "capital": 1}, "S1": "momentum"}},
            },
            "portfolio.allocation.params.strategies",
            "add to 1 at most, with some left for S1",
        ),
        (
            {"name": "fixed_weights", "params": {"weights": {"S0": 0.7, "S1": 0.7}}},
            "portfolio.allocation.params.weights",
            "the absolute weights add to more than 1",
        ),
        (
            {"name": "ensemble", "params": {"members": ["momentum"], "capital": {"S0": 0.5, "S5": 0.5}}},
            "portfolio.allocation.params.capital.S5",
            "is no symbol of the portfolio",
        ),
        ({"name": "ensemble"}, "portfolio.allocation.params.members", "is required by allocation ensemble"),
    ],
)
def test_names_are_checked_before_there_are_bars(allocation, path, text):
    problems = check_portfolio(BacktestConfig(portfolio={"allocation": allocation}), ["S0", "S1"])
    assert [problem.path for problem in problems] == ([path] if path else [])
    assert all(text in problem.message for problem in problems)


class Leaps:
    """A strategy that cannot be compiled."""

    @staticmethod
    def on_bar(close):
        time.sleep(0)
        return 1.0 if close > 0 else 0.0


def test_the_work_stops_when_told(some_bars):
    def run(after, **keys):
        asked = []

        def stopped():
            asked.append(1)
            return len(asked) > after

        with pytest.raises(WorkflowCancelledError, match=r"was stopped (at bar|before)"):
            run_portfolio(some_bars(2), BacktestConfig(portfolio=keys), stopped=stopped)
        return len(asked)

    daily = {"rebalance": {"schedule": "daily"}}
    assert run(0, **daily) == 1
    assert run(30, **daily) == 31
    strategies = {"name": "ensemble", "params": {"members": ["momentum", "sma_cross"]}}
    assert run(0, allocation=strategies) == 1
    assert run(3, allocation=strategies) == 4  # before the fourth strategy
    assert run(4, allocation=strategies) == 5  # at the first decision


def test_a_strategy_that_is_not_compiled_stops_within_its_bars(some_bars):
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > 50

    members = {"members": [Leaps]}
    universe = {"allocation": {"name": "ensemble"}}
    with pytest.raises(WorkflowCancelledError, match="stopped at bar 49 of 120"):
        _simulate(
            some_bars(2), "ensemble", members, RebalanceConfig(), BacktestConfig(portfolio=universe), (),
            stopped=stopped,
        )  # fmt: skip


class Patient:
    """A strategy that gives orders."""

    @staticmethod
    def on_bar(close):
        return limit_order(1.0, 0.99 * close)


def test_strategies_that_give_orders_are_refused(some_bars, monkeypatch):
    module = ModuleType("patient")
    module.Patient = Patient
    monkeypatch.setitem(sys.modules, "patient", module)
    allocation = {"name": "per_strategy", "params": {"strategies": {"S0": "patient:Patient"}}}
    (problem,) = check_portfolio(
        BacktestConfig(portfolio={"allocation": allocation}), ["S0"], allow_modules=["patient"]
    )
    assert problem.path == "portfolio.allocation.params.strategies.S0"
    said = "gives orders of its own; a portfolio fills targets at the opens"
    assert said in problem.message
    with pytest.raises(StrategyError, match=said):
        admf.simulate_portfolio(some_bars(1), "ensemble", {"members": [Patient]})


def test_shared_indicators_change_nothing_and_are_used(some_bars):
    bars = some_bars(2)
    tables = {symbol: IndicatorTable(each) for symbol, each in bars.items()}
    allocation = {"name": "ensemble", "params": {"members": ["sma_cross", "momentum"]}}
    for dates in ({}, {"start_date": "2015-03-02", "end_date": "2015-05-29"}):
        config = BacktestConfig(portfolio={"allocation": allocation}, **dates)
        alone = run_portfolio(bars, config)
        assert run_portfolio(bars, config, tables=tables).digest == alone.digest
    assert tables["S0"].computed > 0
    assert tables["S0"].hits > 0


def test_what_is_odd_about_the_data_is_a_warning(some_bars):
    bars = some_bars(2)
    finding = Finding("gaps", "warning", "3 sessions are missing")
    bars["S1"] = replace(bars["S1"], findings=(finding,))
    assert "data of S1: 3 sessions are missing" in admf.simulate_portfolio(bars).warnings


def test_results_name_all_parameters(some_bars):
    result = admf.simulate_portfolio(some_bars(2), "rank_momentum", {"top": 1})
    assert result.params == {"lookback": 120, "skip": 0, "top": 1, "only_positive": False}


def test_an_estimate_grows_with_symbols_and_strategies(some_bars):
    def cost(count, **allocation):
        config = BacktestConfig(portfolio={"allocation": allocation})
        return estimate_portfolio(some_bars(count), config)

    small, large = cost(2, name="equal_weight"), cost(8, name="equal_weight")
    assert small.seconds < large.seconds < 60
    assert 1e8 < small.bytes < large.bytes
    followed = cost(2, name="ensemble", params={"members": ["sma_cross", "momentum"]})
    assert followed.seconds > small.seconds + 4


def test_a_dry_run_reads_the_bars_and_the_rest_of_the_config(some_bars, random_bars):
    config = BacktestConfig(
        portfolio={},
        start_date="1990-01-01",
        end_date="1990-02-01",
        execution={"repeat_signal": "reenter"},
    )
    found = [problem.path for problem in check_portfolio(config, bars=some_bars(2))]
    assert found == ["execution.repeat_signal", "start_date"]
    mixed = {"A": random_bars(1), "B": random_bars(1, timeframe="1h")}
    plain = BacktestConfig(portfolio={})
    assert [problem.path for problem in check_portfolio(plain, bars=mixed)] == ["portfolio"]


@pytest.mark.parametrize(
    ("allocation", "path"),
    [
        ({"name": "equal"}, "portfolio.allocation.name"),
        ({"name": "rank_momentum", "params": {"top": 0}}, "portfolio.allocation.params.top"),
    ],
)
def test_what_a_wrong_allocation_leaves_to_judge_is_judged(some_bars, allocation, path):
    config = BacktestConfig(
        portfolio={"allocation": allocation},
        start_date="1990-01-01",
        end_date="1990-02-01",
        costs={"spread_column": "spread"},
        risk={"allowed_symbols": ["S9"]},
    )
    found = [problem.path for problem in check_portfolio(config, bars=some_bars(1))]
    assert found == [path, "risk.allowed_symbols", "costs.spread_column", "start_date"]


def test_symbols_that_a_stop_closed_for_good_are_told(hand_bars):
    """A falls through its stop; equal_weight never decides otherwise, so it is never bought again."""
    bars = {
        "A": hand_bars([(10, 10), (10, 10), (8, 8), (8, 8), (8, 8), (8, 8)]),
        "B": hand_bars([(10, 10)] * 6),
    }

    def told(reentry):
        result = admf.simulate_portfolio(
            bars,
            rebalance="daily",
            execution={"stop_loss_pct": 5, "reentry_after_stop": reentry},
        )
        return [text for text in result.warnings if "stayed out of the market" in text]

    assert told("on_new_signal") == [
        "1 symbol (A) stayed out of the market after a stop or target: 4 later weights were not ordered, as "
        "none was 0 or of the other side in between (execution.reentry_after_stop: immediate orders them)"
    ]
    assert told("immediate") == []


def test_an_order_that_several_bars_fill_is_told_as_so_many_fills(random_bars):
    """One limit order: two of its three bars fill some of it, and then it expires."""
    execution = {"order_type": "limit", "cancel_after_bars": 3, "max_participation_pct": 0.1}
    result = admf.simulate_portfolio({"A": random_bars(5, 12)}, rebalance="quarterly", execution=execution)
    orders = result.orders
    assert orders["decided_bar"].nunique() == 1
    assert orders["status"].tolist() == ["filled in part: volume"] * 2 + ["expired"]
    assert result.warnings[:2] == [
        "2 fills were in part: the bar's volume did not suffice",
        "1 order expired before all was filled",
    ]


def test_the_benchmark_is_the_same_money_in_every_symbol(hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 20)]), "B": hand_bars([(50, 50), (50, 25)])}
    bars["C"] = hand_bars([(7, 7)], "2020-01-07")  # listed later: not in it
    result = admf.simulate_portfolio(bars)
    assert result.bars.close.tolist() == [1.0, (2.0 + 0.5) / 2]
    assert result.metrics["buy_and_hold_return"] == 0.25
    assert result.bars.symbol == "3 symbols"


def test_the_reports_of_a_simulation_take_a_portfolio(some_bars):
    from admf.reports import equity_svg, summary_markdown

    result = admf.simulate_portfolio(some_bars(3), costs={"commission_bps": 5.0})
    text = summary_markdown(result)
    assert text.startswith("### equal\\_weight on 3 symbols, 2015-01-05 to 2015-06-19")
    assert "| Sharpe ratio |" in text
    assert equity_svg(result).startswith("<svg")


def test_refused_and_cut_orders_are_incidents_with_their_symbol(hand_bars):
    bars = {"A": hand_bars([(10, 10)] * 4), "B": hand_bars([(600, 600)] * 4)}
    bars["C"] = hand_bars([(10, 10), (10, 10), (20, 20)], ["2020-01-06", "2020-01-07", "2020-01-08"])
    result = admf.simulate_portfolio(
        bars,
        "fixed_weights",
        {"weights": {"A": 0.5, "B": 0.5}},
        initial_cash=1000.0,
        sizing={"lot_size": 1.0},
        rebalance={"schedule": "every_n_bars", "every_bars": 3},
    )
    found = list(incidents_of(result))
    assert [(each.kind, each.rule, each.symbol) for each in found] == [("rejected", "less than one lot", "B")]
    assert (found[0].bar, found[0].side, found[0].target, found[0].units) == (1, "buy", 0.5, 0.0)
    assert found[0].time.startswith("2020-01-07")


def test_a_dry_run_looks_for_the_columns_of_every_strategy(some_bars):
    members = [{"name": "signals", "params": {"target": "signal"}}, "momentum"]
    config = BacktestConfig(portfolio={"allocation": {"name": "ensemble", "params": {"members": members}}})
    bars = some_bars(2)
    column = np.sign(np.arange(len(bars["S0"])) % 7 - 3.0)
    bars["S0"] = replace(bars["S0"], extra={"signal": column})
    (problem,) = check_portfolio(config, bars=bars)
    assert problem.path == "portfolio.allocation.params.members.0"
    assert "has no column 'signal'" in problem.message
    bars["S1"] = replace(bars["S1"], extra={"signal": column})
    assert check_portfolio(config, bars=bars) == []
    assert set(run_portfolio(bars, config).orders.symbol) == {"S0", "S1"}
