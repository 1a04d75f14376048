"""Resizing, repeated signals, direction, cut decisions, warm-up and range, by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import admf
from admf.errors import ConfigError, DataError, StrategyError
from admf.indicators import SMA

NAN = float("nan")
RISING = [(10, 11, 9, 10), (20, 22, 18, 21), (30, 33, 27, 31), (40, 44, 36, 41)]


def test_increase_averages_the_entry_price(follow):
    result = follow(RISING, [0.5, 1, NAN, NAN])
    # 500 / 20 = 25 units; at 30 the equity is 500 + 25 * 30 = 1250: 1250 / 30 units in all
    more = 1250 / 30 - 25
    np.testing.assert_allclose(result.position_values, [0, 25, 1250 / 30, 1250 / 30], rtol=1e-15)
    average = (25 * 20 + more * 30) / (1250 / 30)
    assert f"at {average:.10g}" in result.assumptions["open position"]
    assert result.equity_values[-1] == pytest.approx(1250 / 30 * 41, rel=1e-14)


def test_reduction_closes_a_part_with_its_share_of_the_commission(follow):
    result = follow(RISING, [1, 0.5, 0, NAN], costs={"commission_bps": 100.0})
    bought = 1000 / 20.2
    paid_in = bought * 20 * 0.01
    # at 30: equity bought * 30, half of it in position: kept = bought * 15 / 30.3
    kept = bought * 15 / 30.3
    out = bought - kept
    first, second = result.trades.itertuples()
    assert first.units == pytest.approx(out, rel=1e-13)
    assert (first.entry_bar, first.exit_bar, second.entry_bar, second.exit_bar) == (1, 2, 1, 3)
    assert first.commission == pytest.approx(paid_in * out / bought + out * 30 * 0.01, rel=1e-12)
    assert first.pnl == pytest.approx(out * 10 - first.commission, rel=1e-12)
    assert second.commission == pytest.approx(paid_in * kept / bought + kept * 40 * 0.01, rel=1e-12)
    assert first.pnl + second.pnl == pytest.approx(result.equity_values[-1] - 1000, rel=1e-12)


def test_resizing_a_short(follow):
    rows = [(40, 44, 36, 41), (30, 33, 27, 31), (20, 22, 18, 21), (25, 26, 24, 25), (25, 26, 24, 25)]
    result = follow(rows, [-0.5, -1, -0.25, NAN, NAN])
    # 500 / 30 short; at 20 the equity is 1000 + 500 / 30 * 10: that is now short
    at_20 = (1000 + 500 / 30 * 10) / 20
    # at 25 it has lost 5 a unit; a quarter of that
    equity = 1000 + 500 / 30 * 10 - at_20 * 5
    np.testing.assert_allclose(
        result.position_values, [0, -500 / 30, -at_20, -equity / 100, -equity / 100], rtol=1e-13
    )
    entry = (500 / 30 * 30 + (at_20 - 500 / 30) * 20) / at_20
    (trade,) = result.trades.itertuples()
    assert trade.entry_price == pytest.approx(entry, rel=1e-13)
    assert trade.pnl == pytest.approx((at_20 - equity / 100) * (entry - 25), rel=1e-12)


def test_resizing_below_a_lot_closes(follow):
    result = follow(RISING, [1, 0.1, NAN, NAN], sizing={"lot_size": 20.0})
    # 40 units; a tenth of 1400 / 30 is less than a lot of 20
    np.testing.assert_array_equal(result.position_values, [0, 40, 0, 0])
    assert list(result.orders.status) == ["filled", "filled", "rejected: less than one lot"]


def test_resizing_within_a_lot_does_nothing(follow):
    result = follow(
        RISING, [1, 0.9, NAN, NAN], sizing={"method": "fixed_units", "units": 25.0, "lot_size": 20.0}
    )
    np.testing.assert_array_equal(result.position_values, [0, 20, 20, 20])
    assert len(result.orders) == 1


def test_an_increase_that_cash_does_not_buy_is_rejected(follow):
    result = follow(RISING, [0.5, 1, NAN, NAN], sizing={"method": "fixed_units", "units": 60.0})
    # 30 at 20 leaves 400; 30 more at 30 would cost 900
    np.testing.assert_array_equal(result.position_values, [0, 30, 30, 30])
    assert list(result.orders.status) == ["filled", "rejected: not affordable"]


def test_stop_follows_the_average_price_on_an_increase(follow):
    rows = [(100, 101, 99, 100), (100, 101, 99, 100), (120, 121, 119, 120), (119, 119, 100, 105)]
    result = follow(rows, [0.5, 1, NAN, NAN], execution={"stop_loss_pct": 5.0})
    # 5 at 100; equity 1100 at 120: 1100 / 120 units in all
    units = 1100 / 120
    average = (500 + (units - 5) * 120) / units
    assert result.trades.exit_price[0] == pytest.approx(average * 0.95, rel=1e-14)


def test_repeated_signal(follow):
    assert len(follow(RISING, [1, 1, NAN, NAN]).orders) == 1
    result = follow(RISING, [1, 1, NAN, NAN], execution={"repeat_signal": "reenter"})
    assert list(result.orders.side) == ["buy", "sell", "buy"]
    assert result.trades.pnl[0] == 50 * 10
    assert result.assumptions["repeated signal"] == "closes and enters anew"
    # flat is not repeated
    assert len(follow(RISING, [0, 0, NAN, NAN], execution={"repeat_signal": "reenter"}).orders) == 0


@pytest.mark.parametrize(("direction", "held"), [("long_only", [0, 1, 0, 0]), ("short_only", [0, 0, -1, -1])])
def test_direction(follow, direction, held):
    result = follow(RISING, [1, -1, NAN, NAN], execution={"direction": direction})
    np.testing.assert_array_equal(np.sign(result.position_values), held)


def test_decisions_beyond_one_are_cut_and_counted(follow):
    result = follow(RISING, [3, -7, NAN, NAN])
    np.testing.assert_array_equal(result.position_values[1], 50)
    np.testing.assert_array_equal(result.position_values[2], -50)
    assert [each for each in result.warnings if not each.startswith("data:")] == [
        "2 decisions were beyond -1 or 1: cut to the full position "
        "(a decision is an exposure; position is in units)"
    ]


def by_zero(open, close):
    return (close - open) / (close - close)  # what a z-score is where nothing moves


def python_by_zero(open, close):
    return str(close) and (close - open) / (close - close)  # text: numba does not know it


@pytest.mark.parametrize("answer", [float("inf"), -float("inf")])
def test_infinity_is_no_target(by_hand, answer):
    bars = by_hand(RISING, [NAN, answer, NAN, NAN])
    message = (
        f"strategy signals returned {answer} at bar 1 (2020-01-02T00:00:00+00:00), which is not a target"
    )
    with pytest.raises(StrategyError) as caught:
        admf.simulate(bars, "signals", {"target": "target"})
    assert str(caught.value).startswith(message)
    with pytest.raises(StrategyError, match="which is not a target"):
        admf.sweep(bars, "signals", {"target": ["target"]})


@pytest.mark.parametrize("step", [by_zero, python_by_zero])
def test_a_division_by_zero_is_an_error_compiled_or_not(by_hand, step):
    strategy = type("Divides", (), {"on_bar": staticmethod(step)})
    with pytest.raises(StrategyError, match=r"strategy Divides .* at bar 1 "):
        admf.simulate(by_hand(RISING), strategy)


def test_what_is_odd_about_the_data_is_a_warning_of_the_result(follow):
    result = follow(RISING, [NAN] * 4)
    assert "data: close moves by more than 50 % in 1 row: row 1 (2020-01-02): +110.0%" in result.warnings


def test_no_trades_are_said(follow):
    result = follow(RISING, [NAN] * 4)
    assert result.warnings[0] == "zero trades: no order was filled"
    assert len(result.trades) == 0
    assert len(result.orders) == 0
    assert result.costs == dict.fromkeys(
        (
            "commission",
            "slippage",
            "spread",
            "borrow",
            "funding",
            "margin_interest",
            "cash_interest",
            "total",
        ),
        0,
    )


def test_ruin_is_said(follow):
    rows = [(10, 11, 9, 10), (10, 11, 9, 10), (25, 26, 24, 25)]
    result = follow(rows, [-1, NAN, NAN])
    assert result.equity_values[-1] == 1000 - 100 * 15
    assert "the equity fell to zero or below on bar 2: no margin call is simulated" in result.warnings


class Crossing:
    @staticmethod
    def indicators(p):
        return {"average": SMA(3)}

    @staticmethod
    def on_bar(close, prev_average):
        return 1.0 if close > prev_average else -1.0


def test_the_strategy_is_asked_once_all_its_values_are_there(both, random_bars):
    result = both(random_bars(1, n=30), Crossing)
    # the average is there on bar 2, the one before it on bar 3; filled on bar 4
    assert result.orders.decided_bar[0] == 3
    assert result.orders.bar[0] == 4
    assert result.assumptions["warm-up"].startswith("the strategy is asked from bar 3 (")


def test_bars_before_the_range_only_warm_up(both, random_bars):
    bars = random_bars(2, n=60)
    start, end = bars.index[20].date(), bars.index[40].date()
    result = both(bars, Crossing, start=start, end=end)
    assert len(result.equity) == len(result.bars) == 21
    assert result.equity.index[0] == bars.index[20]
    assert result.equity_values[0] == 100_000
    assert result.orders.decided_bar[0] == 0  # warm already
    assert result.orders.bar[0] == 1
    assert result.orders.quote[0] == bars.open[21]
    assert result.trades.equals(admf.simulate(bars, Crossing, start=str(start), end=str(end)).trades)


def test_bars_after_the_range_change_nothing(random_bars):
    bars = random_bars(2, n=60)
    cut = admf.simulate(bars.slice(0, 41), Crossing, start=bars.index[20].date())
    whole = admf.simulate(bars, Crossing, start=bars.index[20].date(), end=bars.index[40].date())
    assert cut.digest == whole.digest


def test_a_range_without_bars(random_bars):
    with pytest.raises(ConfigError, match=r"start_date: no bar of RANDOM lies in the simulated range"):
        admf.simulate(random_bars(1, n=30), Crossing, start="2030-01-01")


def test_too_few_bars(random_bars):
    with pytest.raises(DataError, match=r"not complete on any of the 15 bars of RANDOM"):
        admf.simulate(random_bars(1, n=15), "sma_cross", {"fast": 10, "slow": 20})


def test_wrong_keys_are_errors_with_their_path(random_bars):
    with pytest.raises(ConfigError) as caught:
        admf.simulate(
            random_bars(1, n=30),
            "sma_cross",
            execution={"fil": "next_open", "stop_loss_pct": -1.0},
            costs={"commission_bps": "ten"},
            initial_cash=-5.0,
        )
    assert sorted(problem.path for problem in caught.value.problems) == [
        "costs.commission_bps",
        "execution.fil",
        "execution.stop_loss_pct",
        "initial_cash",
    ]


def test_a_frame_will_do(random_frame):
    frame = random_frame(3, 120)
    result = admf.simulate(frame, "sma_cross", {"fast": 3, "slow": 8})
    assert isinstance(result.equity, pd.Series)
    assert result.equity.index.equals(frame.index)


class Failing:
    @staticmethod
    def on_bar(close, bars_held, position):
        if position > 0 and bars_held == 2:
            raise ValueError("enough")
        return 1.0


class NotANumber:
    @staticmethod
    def on_bar(close):
        return "buy"


def test_a_step_that_raises_says_on_which_bar(random_bars):
    with pytest.raises(
        StrategyError,
        match=r"strategy Failing failed at bar 3 \(2015-01-08.*\): \S*test_engine_rules.py, line \d+: "
        "ValueError: enough",
    ):
        admf.simulate(random_bars(1, n=30), Failing)


class FailsInALibrary:
    @staticmethod
    def on_bar(close):
        return json.loads("{")


def test_what_a_library_raises_is_told_at_the_line_of_the_strategy(random_bars):
    line = FailsInALibrary.on_bar.__code__.co_firstlineno + 2
    with pytest.raises(StrategyError, match=rf"test_engine_rules.py, line {line}: JSONDecodeError"):
        admf.simulate(random_bars(1, n=30), FailsInALibrary)


def test_a_step_that_returns_no_number(random_bars):
    with pytest.raises(StrategyError, match=r"strategy NotANumber returned 'buy' at bar 0"):
        admf.simulate(random_bars(1, n=30), NotANumber)
