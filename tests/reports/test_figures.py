"""What the pictures are drawn from, and that each picture shows what the result has."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from admf.simulation import figures, figures_trades, metrics, simulate
from admf.simulation import figures_data as data

DRAWN = (
    figures.overview_figure,
    figures.equity_figure,
    figures.price_figure,
    figures.monthly_figure,
    figures.rolling_sharpe_figure,
    figures_trades.distribution_figure,
    figures_trades.excursion_figure,
    figures.costs_figure,
)


@given(
    values=st.integers(1, 400).flatmap(
        lambda n: arrays(np.float64, n, elements=st.floats(-10, 10) | st.just(np.nan))
    ),
    limit=st.integers(4, 100),
)
def test_a_thinned_curve_keeps_its_ends_and_extremes(values, limit):
    chosen = data.thin(values, limit)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    assert chosen[-1] == values.size - 1
    assert chosen.size <= max(limit, 4)
    if values.size <= limit:
        assert chosen.size == values.size
    if np.isfinite(values).any():
        assert np.nanmax(values[chosen]) == np.nanmax(values)
        assert np.nanmin(values[chosen]) == np.nanmin(values)


def test_thinning_is_said(make_result):
    assert data.thinned_note(data.MAX_POINTS) is None
    figure = figures.equity_figure(make_result(np.linspace(100, 200, 20_000)))
    assert "20,000 bars drawn as at most 6,000 points" in figure.layout.title.subtitle.text
    assert all(len(trace.x) <= data.MAX_POINTS for trace in figure.data)


def test_monthly_returns_compound_to_the_total(result):
    table = data.monthly_returns(result)
    total = result.equity_values[-1] / 100.0 - 1.0
    assert np.nanprod(1 + table.months) - 1 == pytest.approx(total, rel=1e-12)
    assert np.nanprod(1 + table.totals) - 1 == pytest.approx(total, rel=1e-12)
    for year, months in zip(table.totals, table.months, strict=True):
        assert np.nanprod(1 + months) - 1 == pytest.approx(year, rel=1e-12)


def test_months_by_hand(make_result):
    n = 24 * 62  # 2001-02-03 to 2001-04-05, an hour a bar
    equity = np.full(n, 100.0)
    equity[24 * 26 :] = 110.0  # from 1 March on
    equity[24 * 57 :] = 55.0  # from 1 April on
    table = data.monthly_returns(make_result(equity))
    assert table.years == (2001,)
    assert table.months[0, 1:4] == pytest.approx([0.0, 0.1, -0.5])
    assert np.isnan(table.months[0, [0, *range(4, 12)]]).all()
    assert table.totals == pytest.approx([-0.45])


def test_months_are_those_of_the_datas_own_zone(make_result):
    from dataclasses import replace

    n = 24 * 27
    equity = np.full(n, 100.0)
    equity[-24 * 1 :] = 110.0  # 2001-03-01 00:00 UTC is still February in New York
    plain = make_result(equity)
    there = replace(plain, bars=replace(plain.bars, timezone="America/New_York"))
    assert data.monthly_returns(plain).months[0, 1] == pytest.approx(0.0)
    assert data.monthly_returns(there).months[0, 1] == pytest.approx(0.1)


@given(seed=st.integers(0, 2**32 - 1), window=st.integers(2, 50))
def test_rolling_sharpe_is_the_sharpe_ratio_of_each_window(seed, window):
    rng = np.random.default_rng(seed)
    returns = rng.normal(0, 0.01, 80) * (rng.random(80) < 0.8)
    rolling = data.rolling_sharpe(returns, window, 252.0, 0.0001)
    assert np.isnan(rolling[: window - 1]).all()
    for end in range(window, 81, 7):
        expected = metrics.sharpe_ratio(returns[end - window : end], 0.0001, 252)
        if np.isfinite(expected):
            # of returns that are nearly equal the deviation is a small difference: so many digits are lost
            assert rolling[end - 1] == pytest.approx(expected, rel=max(1e-6, 1e-9 * abs(expected)), abs=1e-9)
        else:
            assert np.isnan(rolling[end - 1])


def test_a_window_out_of_the_market_is_a_gap_though_its_cash_earns_interest():
    rng = np.random.default_rng(3)
    held = np.arange(600) < 200
    returns = np.where(held, rng.normal(0, 0.01, 600), 1e-4 + 1e-5 * (np.arange(600) % 5 == 0))
    alone = data.rolling_sharpe(returns, 100, 252.0, 0.0)
    assert np.nanmax(alone) > 100  # what interest alone would be drawn as
    rolling = data.rolling_sharpe(returns, 100, 252.0, 0.0, held)
    last = 200 + 100 - data.LEAST_BARS  # the last window with so many bars in a position ends before it
    assert np.array_equal(rolling[:last], alone[:last], equal_nan=True)
    assert np.isnan(rolling[last:]).all()


def test_the_note_tells_of_the_gap(random_bars):
    bars = random_bars(11, n=1200)
    alternating = simulate(bars, "sma_cross", {"fast": 5, "slow": 20}, costs={"cash_interest_pct": 3})
    assert "A gap" not in str(figures.rolling_sharpe_figure(alternating).layout)
    absent = replace(
        alternating, position_values=np.where(np.arange(1200) < 300, alternating.position_values, 0.0)
    )
    figure = figures.rolling_sharpe_figure(absent)
    assert "A gap: fewer than 10 bars of the window in a position" in str(figure.layout)
    assert np.isnan(np.array(figure.data[0].y, dtype=float)[-100:]).all()


def test_the_largest_are_chosen_in_order():
    assert data.largest(np.array([1.0, -9.0, 3.0, 5.0]), 2).tolist() == [1, 3]
    assert data.largest(np.array([1.0, 2.0]), 5).tolist() == [0, 1]


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("bars", [1, 2, 30, 500])
def test_every_picture_of_every_length(make_result, draw, bars):
    equity = 100 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.05, bars))
    for trades in (0, min(bars - 1, 8)):
        figure = draw(make_result(equity, trades=trades))
        text = json.dumps(json.loads(figure.to_json(engine="json")), allow_nan=False)
        assert "Infinity" not in text


def test_every_trade_is_marked_once(make_result, result):
    figure = figures.price_figure(result)
    counts = {trace.name: len(trace.x) for trace in _marks(figure)}
    assert counts["long entry"] + counts["short entry"] == 60
    assert counts["exit with profit"] + counts["exit with loss"] == 60
    assert figure.layout.meta["note"] == "A triangle points at the price of its entry."
    assert figures.price_figure(make_result([100.0, 101.0])).layout.meta["note"] is None
    many = figures.price_figure(make_result(np.full(5000, 100.0), trades=3000))
    assert "Of 3,000 trades, the 1,000 with the largest profit or loss" in many.layout.meta["note"]
    assert sum(len(trace.x) for trace in _marks(many)) == 2000


def _marks(figure):
    """The traces that mark trades, without those that only stand in the legend."""
    return [trace for trace in figure.data if trace.mode == "markers" and trace.x[0] is not None]


@pytest.mark.parametrize("draw", [figures.overview_figure, figures.price_figure], ids=["overview", "price"])
def test_an_entry_is_seen_beside_the_exit_that_it_turns_over(random_bars, draw):
    """A strategy that is always in the market leaves at the bar and price at which it enters again."""
    result = simulate(random_bars(11, n=500), "sma_cross", {"fast": 5, "slow": 20})
    trades, figure = result.trade_table, draw(result)
    assert (trades["entry_bar"][1:] == trades["exit_bar"][:-1]).all()
    marks = {trace.name: trace for trace in _marks(figure)}
    for name, side, angle in (("long entry", 1, 0), ("short entry", -1, -180)):
        mark = marks[name]
        assert mark.y == pytest.approx(trades["entry_price"][trades["side"] == side])  # true to the price
        # the triangle is drawn off the price, by more than it and the exit's marker are wide together
        assert mark.marker.standoff >= (mark.marker.size + marks["exit with loss"].marker.size) / 2
        assert mark.marker.angle == angle
    assert all(marks[name].marker.standoff is None for name in marks if name.startswith("exit"))
    shown = {
        trace.name: trace.marker for trace in figure.data if trace.mode == "markers" and trace.x[0] is None
    }
    assert list(shown) == list(marks)
    for name, marker in shown.items():
        looks = ("symbol", "color", "angle", "size")
        assert [marker[key] for key in looks] == [marks[name].marker[key] for key in looks]
        assert marker.standoff is None


def test_candles_for_few_bars_and_a_line_for_many(make_result):
    assert figures.price_figure(make_result(np.full(50, 100.0))).data[0].type == "candlestick"
    assert figures.price_figure(make_result(np.full(500, 100.0))).data[0].type == "scatter"


def test_the_histogram_counts_every_trade(result):
    figure = figures_trades.distribution_figure(result)
    assert sum(figure.data[0].y) == 60
    edges = figure.data[0].customdata
    assert (np.abs(edges) < 1e-9).any()  # zero is a border
    wins = sum(count for count, center in zip(figure.data[0].y, figure.data[0].x, strict=True) if center > 0)
    assert wins == int((result.trade_table["pnl"] >= 0).sum())


def test_names_are_text_and_not_markup(make_result):
    figure = figures.overview_figure(
        make_result([100.0, 101.0], symbol="<b>X</b>", strategy="<script>alert(1)")
    )
    assert "<script" not in figure.layout.title.text
    assert "<b>" not in str(figure.data[0].name)


def test_plot_shows_price_equity_and_drawdown(result):
    names = {trace.name for trace in result.plot().data}
    assert {"TEST", "strategy", "buy and hold", "drawdown", "long entry"} <= names
