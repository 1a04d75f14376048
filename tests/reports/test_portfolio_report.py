"""The report of a portfolio: its own sections, and the numbers of the result in them."""

import base64
import csv
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config import RebalanceConfig
from admf.reports import equity_svg, summary_markdown, write_report
from admf.reports.attribution import attribution
from admf.reports.html import render
from admf.reports.parts import TRADE_COLUMNS
from admf.reports.style import CSS
from admf.simulation.portfolio.attribution import KINDS
from admf.simulation.portfolio.figures import COLOURS, weights_figure

SECTIONS = [
    *("equity", "weights", "attribution", "months", "rolling", "trades", "costs", "metrics", "assumptions"),
    *("data", "reproduce"),
]


@pytest.fixture(scope="module")
def bars(random_bars):
    return {f"S{at}": random_bars(at, n=300, symbol=f"S{at}") for at in range(4)}


@pytest.fixture(scope="module")
def ensemble(bars):
    members = [{"name": "sma_cross", "params": {"fast": 5, "slow": 20}}, {"name": "momentum"}]
    costs = {"commission_bps": 5.0, "slippage_bps": 2.0, "spread_bps": 1.0}
    return admf.simulate_portfolio(bars, "ensemble", {"members": members}, costs=costs)


@pytest.fixture(scope="module")
def text(ensemble):
    return render(ensemble, title="A title", manifest={"run_id": "20260101-abc"})


def test_the_page_is_well_formed_and_has_every_section(text, read_page):
    page = read_page(text)
    assert page.faults == []
    assert page.open == []
    sections = [each["id"] for each in page.all("section")]
    assert [key for key in sections if key != "warnings"] == SECTIONS
    keys = [each["id"] for _, each in page.elements if "id" in each]
    assert len(keys) == len(set(keys))
    figures = [each["data-figure"] for each in page.all("div") if "data-figure" in each]
    assert {"figure-weights", "figure-by-symbol", "figure-by-strategy"} < set(figures)
    for key in figures:
        assert json.loads(page.texts[key])["data"], key
    assert "admf replay 20260101-abc" in page.texts["reproduce"]


def test_the_attribution_adds_to_the_profit(text, ensemble, read_page):
    shown = read_page(text).texts["attribution"]
    gained = float(ensemble.equity_values[-1]) - 100_000
    assert shown.count(f"{gained:+,.2f}") == 3  # by symbol, by strategy, and by both
    for profits in (ensemble.attribution["pnl"], ensemble.attribution_by_strategy["pnl"]):
        assert profits.sum() == pytest.approx(gained, abs=0.005)
        for profit in profits:
            assert f"{profit:+,.2f}" in shown
    for name in ensemble.strategies:
        assert name in shown


@pytest.mark.parametrize(
    ("profits", "shares"),
    [
        ((60.0, 40.0), ["60.0 %", "40.0 %"]),
        ((150.0, -50.0), ["150.0 %", "-50.0 %"]),
        ((-150.0, 50.0), ["-50.0 %", "150.0 %"]),  # of a loss, the part that lost has the positive share
        ((109.0, -100.0), []),
        ((0.0, 0.0), []),
    ],
)
def test_the_attribution_says_what_its_shares_are_of(profits, shares, read_page):
    table = pd.DataFrame(0.0, index=["AA", "BB"], columns=["pnl", *KINDS])
    table["pnl"] = table["price_pnl"] = profits
    made = attribution_of(table)
    shown = re.findall(r"<td>(-?[\d.]+ %)</td>", made)
    assert shown == shares
    assert (">Share</th>" in made) == bool(shares)
    assert ("above 100 %" in made) == ("150.0 %" in shares)
    assert ("has no shares" in made) == (not shares and any(profits))
    assert read_page(made).faults == []


def test_the_attribution_says_the_signs_of_costs_and_of_what_was_received():
    table = pd.DataFrame(0.0, index=["AA", "interest of the account"], columns=["pnl", *KINDS])
    table["pnl"], table["commission"] = [10.0, 0.0], [2.0, 0.0]
    assert "Costs are positive.<" in attribution_of(table)
    table["financing"] = [0.0, -5.0]
    assert "Costs are positive; financing that was received is negative.<" in attribution_of(table)


def attribution_of(table):
    """The section of a portfolio with these profits, which has no strategies of its own."""
    equity = np.array([100.0, 100.0 + table["pnl"].sum()])
    result = SimpleNamespace(attribution=table, strategies=(), initial_cash=100.0, equity_values=equity)
    return attribution(result).html


def test_what_is_held_at_the_end_and_the_cash_are_the_equity(bars, read_page):
    result = admf.simulate_portfolio(bars, rebalance="weekly")
    shown = read_page(render(result)).texts["weights"]
    value = result.position_values[-1] * result.mark_values[-1]
    assert value.sum() + result.cash_values[-1] == pytest.approx(result.equity_values[-1])
    for part in (*value, result.equity_values[-1]):
        assert f"{part:,.2f}" in shown


def test_weights_are_stacked_to_the_whole(bars):
    result = admf.simulate_portfolio(bars, rebalance="weekly")
    traces = weights_figure(result).data
    assert [trace.name for trace in traces] == [*bars, "cash"]
    np.testing.assert_allclose(sum(np.array(trace.y) for trace in traces), 1.0, atol=1e-5)


def test_short_positions_are_stacked_below_zero_and_there_is_no_cash(bars):
    weights = {"S0": 0.5, "S1": -0.4}
    traces = weights_figure(admf.simulate_portfolio(bars, "fixed_weights", {"weights": weights})).data
    drawn = {(trace.name, trace.stackgroup) for trace in traces if np.any(trace.y)}
    assert drawn == {("S0", "long"), ("S1", "short")}
    assert max(traces[-1].y) <= 0 <= min(traces[0].y)


def test_sides_of_the_symbols_that_are_drawn_together_do_not_cancel(random_bars):
    bars = {f"S{at}": random_bars(at, n=60) for at in range(20)}
    weights = {symbol: 0.05 if at % 2 else -0.05 for at, symbol in enumerate(bars)}
    result = admf.simulate_portfolio(bars, "fixed_weights", {"weights": weights}, rebalance="daily")
    traces = weights_figure(result).data
    for side, part in (("long", np.maximum), ("short", np.minimum)):
        stacked = sum(np.array(trace.y) for trace in traces if trace.stackgroup == side)
        np.testing.assert_allclose(stacked, part(result.weights.to_numpy(), 0.0).sum(axis=1), atol=1e-5)


def test_of_many_symbols_the_smallest_are_drawn_together(random_bars, read_page):
    bars = {f"S{at}": random_bars(at, n=60) for at in range(20)}
    result = admf.simulate_portfolio(bars)
    figure = weights_figure(result)
    assert len(figure.data) == len(COLOURS) + 2  # the others, and cash
    assert "The 8 smallest of 20 symbols are drawn together." in figure.layout.meta["note"]
    np.testing.assert_allclose(sum(np.array(trace.y) for trace in figure.data), 1.0, atol=1e-5)
    assert read_page(render(result)).faults == []


def test_hostile_names_stay_text_on_the_page_and_in_the_download(random_bars, read_page, hostile):
    name = hostile + ", with a comma"
    bars = {name: random_bars(1, n=120), "B": random_bars(2, n=120)}

    def by_turns(view):
        return np.array([1.0, 0.0]) if len(view.timestamps) % 2 else np.array([0.0, 1.0])

    result = admf.simulate_portfolio(bars, by_turns, rebalance="daily")
    text = render(result, title=hostile)
    page = read_page(text)
    assert page.faults == []
    assert not page.all("img")
    assert hostile in page.texts["attribution"]
    assert hostile in page.texts["data"]
    link = next(each for each in page.all("a") if each.get("download") == "trades.csv")
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link["href"].split(",", 1)[1]).decode())))
    assert {row["symbol"] for row in rows} == {name, "B"}
    assert [float(row["pnl"]) for row in rows] == result.trade_table["pnl"].tolist()


@pytest.mark.parametrize("short", [False, True])
def test_extreme_portfolios_are_reported(bars, short, read_page, without_plotly):
    def nothing(view):
        return np.zeros(len(view.symbols))

    few = {name: each.slice(0, 2) for name, each in bars.items()}
    result = admf.simulate_portfolio(few if short else bars, nothing, rebalance=RebalanceConfig())
    text = render(result)
    assert read_page(text).faults == []
    assert "No trade was made." in without_plotly(text)
    assert not re.search(r"\bnan\b", read_page(text).texts["weights"] + read_page(text).texts["attribution"])


def test_one_symbol_is_called_by_its_name(bars, tmp_path, read_page):
    result = admf.simulate_portfolio({"S0": bars["S0"]})
    text = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "for holding S0. The deepest fall" in text


def test_summary_and_picture_speak_of_a_portfolio(ensemble):
    summary = summary_markdown(ensemble)
    assert "| metric | portfolio | held evenly |" in summary
    assert "for holding 4 symbols evenly" in summary
    assert "held evenly" in equity_svg(ensemble)


@pytest.fixture(scope="module")
def traded(bars):
    """With orders, stops, borrowed cash and shares, and a rerun."""
    weights = {"S0": 0.9, "S1": 0.6, "S2": -0.3}
    return admf.simulate_portfolio(
        bars,
        "fixed_weights",
        {"weights": weights},
        rebalance="weekly",
        execution={"order_type": "limit", "cancel_after_bars": 2, "stop_loss_pct": 8},
        costs={"commission_bps": 5, "borrow_pct": 4, "margin_rate_pct": 6},
        margin={"leverage": 2},
        pessimistic_rerun=True,
    )


def test_the_page_shows_financing_reasons_orders_and_the_rerun(traded, read_page):
    page = read_page(render(traded))
    assert page.faults == []
    assert [each["id"] for each in page.all("section") if each["id"] != "warnings"] == [
        *SECTIONS[: SECTIONS.index("costs") + 1],
        "pessimistic",
        *SECTIONS[SECTIONS.index("costs") + 1 :],
    ]
    shown = page.texts["attribution"]
    gained = float(traded.equity_values[-1]) - 100_000
    assert traded.attribution["pnl"].sum() == pytest.approx(gained, abs=0.005)
    assert f"{gained:+,.2f}" in shown
    assert "Financing" in shown
    assert f"interest of the account{-traded.interest.sum():+,.2f}" in shown
    trades = page.texts["trades"]
    assert "stop loss" in trades
    assert "Financing" in trades
    assert "Worst and best moment before the exit" in trades
    expired = int((traded.orders["status"] == "expired").sum())
    assert expired > 0
    assert f"{expired} expired" in trades
    assert f"{traded.costs['borrow']:,.2f}" in page.texts["costs"]
    rerun = page.texts["pessimistic"]
    assert "The same portfolio on the same bars" in rerun
    assert f"{traded.pessimistic.equity_values[-1]:,.2f}" in rerun
    assert traded.pessimistic.assumptions["costs"] in rerun
    assert "Under pessimistic assumptions:" in summary_markdown(traded)


def test_trades_with_every_column_fit_a_page_of_1280_pixels(traded):
    """By the number of their characters, 0.62 em each: digits of a wide font. What is wider is shaded."""
    table = re.search(r'<table id="trades-table".*?</table>', render(traded), re.DOTALL)[0]
    rows = [
        re.findall(r"<t[hd](?: [^>]*)?>(?:<button[^>]*>)?([^<]*)", row) for row in table.split("</tr>")[:-1]
    ]
    assert len(rows[0]) == len(TRADE_COLUMNS)
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    size, padding = re.search(r"#trades-table\{font-size:([\d.]+)px\}.*?padding:\d+px (\d+)px", CSS).groups()
    margins = 2 * (20 + 20 + 1)  # of the page, of the section, its border
    assert sum(longest) * 0.62 * float(size) + len(longest) * 2 * int(padding) < 1280 - margins
    assert "var(--shade)" in re.search(r"\.scroll\{(.*?)\}", CSS, re.DOTALL)[1]


def test_a_page_without_them_has_no_place_for_them(text, read_page):
    page = read_page(text)
    assert "pessimistic" not in page.texts
    assert "Financing" not in page.texts["attribution"] + page.texts["trades"]


def test_borrowed_cash_is_drawn_as_none(bars):
    run = {"rebalance": "weekly", "margin": {"leverage": 1.5}}
    result = admf.simulate_portfolio(bars, "fixed_weights", {"weights": {"S0": 0.7, "S1": 0.8}}, **run)
    figure = weights_figure(result)
    cash = next(trace for trace in figure.data if trace.name == "cash")
    assert min(cash.y) == 0.0
    assert result.cash.min() < 0.0
    assert "What is above 100 % is bought with borrowed cash." in figure.layout.meta["note"]


def test_plot_shows_equity_drawdown_cash_and_the_weight_of_each_symbol(traded):
    figure = traded.plot()
    drawn = {trace.name: trace for trace in figure.data}
    assert {"portfolio", "held evenly", "drawdown", "cash", "S0", "S1", "S2"} <= set(drawn)
    np.testing.assert_allclose(drawn["portfolio"].y, traded.equity_values, rtol=1e-6)
    np.testing.assert_allclose(drawn["cash"].y, traded.cash_values, rtol=1e-6, atol=0.1)
    np.testing.assert_allclose(drawn["S0"].y, np.maximum(traded.weights["S0"], 0.0), atol=1e-6)
    assert [drawn[name].yaxis for name in ("portfolio", "drawdown", "cash", "S0")] == ["y", "y2", "y3", "y4"]
    assert figure.layout.title.text == "fixed_weights on 4 symbols"


@pytest.mark.parametrize("length", [1, 2, 300])
def test_a_portfolio_of_any_length_is_plotted(bars, length):
    few = {name: each.slice(0, length) for name, each in bars.items()}
    figure = admf.simulate_portfolio(few, rebalance="weekly").plot()
    json.dumps(json.loads(figure.to_json(engine="json")), allow_nan=False)
    assert len(figure.data[1].y) == length


def test_the_rerun_is_drawn_dashed_wherever_the_equity_is(traded, bars, read_page):
    page = read_page(render(traded))
    drawn = {trace["name"]: trace for trace in json.loads(page.texts["figure-equity"])["data"]}
    assert drawn["pessimistic rerun"]["line"]["dash"] == "dash"
    assert "Dashed: the pessimistic rerun" in page.texts["equity"]
    curve = next(trace for trace in traded.plot().data if trace.name == "pessimistic rerun")
    np.testing.assert_allclose(curve.y, traded.pessimistic.equity_values, rtol=1e-6)
    picture = equity_svg(traded)
    assert picture.count("stroke-dasharray") == 2  # the curve, and its place in the legend
    assert ">pessimistic rerun</text>" in picture
    alone = admf.simulate_portfolio(bars, rebalance="weekly")
    assert (
        "pessimistic" not in equity_svg(alone) + str(alone.plot()) + read_page(render(alone)).texts["equity"]
    )
