"""The keys of the YAML, the schedules, and what a result carries."""

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config.models import BacktestConfig
from admf.errors import ConfigError
from admf.market import load_bars
from admf.simulation.portfolio import PortfolioConfig, check_portfolio, run_portfolio
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.schedule import decision_rows


def test_a_config_and_the_call_are_the_same_road(some_bars):
    bars = some_bars(3)
    config = PortfolioConfig(
        allocation={"name": "rank_momentum", "params": {"lookback": 10, "top": 2}},
        rebalance={"schedule": "weekly", "band": 0.02},
    )
    backtest = BacktestConfig(strategy={"name": "buy_and_hold"}, costs={"commission_bps": 5.0})
    called = admf.simulate_portfolio(
        bars,
        "rank_momentum",
        {"lookback": 10, "top": 2},
        rebalance={"schedule": "weekly", "band": 0.02},
        costs={"commission_bps": 5.0},
    )
    assert run_portfolio(bars, config, backtest).digest == called.digest
    assert PortfolioConfig(**config.model_dump(mode="json")) == config


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
        ({"execution": {"stop_loss_pct": 5.0}}, "execution.stop_loss_pct: is not simulated in a portfolio"),
        ({"execution": {"fill": "same_close"}}, "must be next_open"),
        ({"sizing": {"method": "fixed_units", "units": 3.0}}, "shares of the equity"),
    ],
)
def test_what_a_portfolio_does_not_simulate_is_refused(some_bars, keys, text):
    with pytest.raises(ConfigError, match=text):
        admf.simulate_portfolio(some_bars(2), **keys)


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
            "portfolio.allocation.params",
            "momentum: ",
        ),
    ],
)
def test_a_dry_run_says_what_would_fail(some_bars, allocation, path, text):
    backtest = BacktestConfig(strategy={"name": "buy_and_hold"})
    problems = check_portfolio(some_bars(2), PortfolioConfig(allocation=allocation), backtest)
    assert [problem.path for problem in problems] == ([path] if path else [])
    assert all(text in problem.message for problem in problems)


def test_a_dry_run_reads_the_bars_and_the_rest_of_the_config(some_bars, random_bars):
    backtest = BacktestConfig(
        strategy={"name": "buy_and_hold"},
        start_date="1990-01-01",
        end_date="1990-02-01",
        execution={"take_profit_pct": 3.0},
    )
    found = [problem.path for problem in check_portfolio(some_bars(2), PortfolioConfig(), backtest)]
    assert found == ["execution.take_profit_pct", "start_date"]
    mixed = {"A": random_bars(1), "B": random_bars(1, timeframe="1h")}
    plain = BacktestConfig(strategy={"name": "buy_and_hold"})
    assert [problem.path for problem in check_portfolio(mixed, PortfolioConfig(), plain)] == ["portfolio"]


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
