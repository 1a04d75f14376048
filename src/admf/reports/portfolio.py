"""What the report of a portfolio shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.reports import frame, parts
from admf.reports.attribution import attribution
from admf.reports.pessimistic import rerun
from admf.reports.summary import bars_text, names_text, params_text, period_text
from admf.reports.tables import money, share, text_table
from admf.simulation import figures_trades as draw_trades
from admf.simulation.figures_data import local_index, moments_text
from admf.simulation.portfolio import figures as draw_portfolio
from admf.simulation.portfolio.records import STATUSES

if TYPE_CHECKING:
    from admf.simulation.portfolio.result import PortfolioResult


def facts(result: PortfolioResult) -> list[str]:
    """List what stands below the heading."""
    simple = {name: value for name, value in result.params.items() if not isinstance(value, Mapping | list)}
    params = params_text(simple)
    return [
        f"{result.allocation}{f' ({params})' if params else ''}",
        f"{names_text(result.symbols)}, {result.bars.timeframe}",
        *([f"strategies: {names_text(result.strategies)}"] if len(result.strategies) else []),
        f"rebalanced {result.assumptions['rebalancing'].partition(',')[0]}",
        period_text(result),
        bars_text(result),
        f"initial cash {result.initial_cash:,.0f}",
    ]


def sections(
    result: PortfolioResult, run: Mapping[str, Any], manifest: Mapping[str, Any] | None
) -> list[frame.Part]:
    """Sections in order."""
    against = (
        f"Against holding {result.symbols[0]} from the first close, without costs."
        if len(result.symbols) == 1
        else "Against holding the same money in each symbol that has a price at the first close, never "
        "rebalanced and without costs."
    )
    return [
        frame.equity(result, against),
        _weights(result),
        attribution(result),
        frame.months(result),
        frame.rolling(result),
        _trades(result),
        frame.costs(result),
        *rerun(result),
        frame.metrics(
            result, "Where a text says symbol, a portfolio is compared with its symbols held evenly."
        ),
        frame.assumptions(result),
        _data(result),
        frame.reproduce(result, _call(result), run, manifest),
    ]


def _weights(result: PortfolioResult) -> frame.Part:
    figure = draw_portfolio.weights_figure(result)
    units, marks = result.position_values[-1], result.mark_values[-1]
    worth, value = float(result.equity_values[-1]), units * marks
    order = np.argsort(-np.abs(value), kind="stable")
    rows = [
        [
            result.symbols[at],
            f"{units[at]:,.6g}",
            f"{marks[at]:,.6g}",
            money(value[at]),
            share(value[at], worth),
        ]
        for at in order
        if units[at] != 0.0
    ]
    cash = float(result.cash_values[-1])
    rows.append(["Cash", "", "", money(cash), share(cash, worth)])
    total = ["Equity", "", "", money(worth), ""]
    table = text_table(("", "Units", "Last close", "Value", "Weight"), rows, "Holdings at the end", total)
    content = frame.plot("weights", "Weights of the symbols over time", "rolling", height=380)
    note = f"Share of the equity at each close; trades change it at the opens. {frame.note_of(figure)}"
    html = frame.section(
        "weights", "Weights over time", note, f"{content}<h3>Held at the end</h3>{table}", long=True
    )
    return frame.Part("weights", "Weights", html, {"weights": figure})


def _trades(result: PortfolioResult) -> frame.Part:
    trades = len(result.trade_table["pnl"])
    orders = parts.orders_table(result.order_table, STATUSES)
    if not trades:
        text = (
            "No position was reduced or closed: what was bought is still held."
            if result.position_values[-1].any()
            else "No trade was made."
        )
        return frame.Part("trades", "Trades", frame.section("trades", "Trades", text, orders))
    figures = {"distribution": draw_trades.distribution_figure(result)}
    pictures = "<h3>Returns of the trades</h3>" + frame.plot(
        "distribution", "Histogram of the trades' returns", "half"
    )
    figures["excursion"] = draw_trades.excursion_figure(result)
    scatter = frame.plot("excursion", "Worst and best moment of each trade", "half")
    pictures = (
        f'<div class="halves"><div>{pictures}</div>'
        f"<div><h3>Worst and best moment before the exit</h3>{scatter}</div></div>"
    )
    note = f"{parts.trades_note(result)} {frame.note_of(figures['excursion'])}"
    table = parts.trade_table(parts.trade_rows(result), trades, parts.trade_columns(result))
    html = frame.section("trades", "Trades", note, pictures + table + orders, long=True)
    return frame.Part("trades", "Trades", html, figures)


def _data(result: PortfolioResult) -> frame.Part:
    rows, findings = [], []
    for symbol, bars in result.joined.bars.items():
        first, last = moments_text(local_index(bars)[[0, -1]])
        rows.append([symbol, f"{len(bars):,}", first, last, bars.source, bars.fingerprint[:16]])
        findings += [(symbol, finding) for finding in bars.findings]
    head = ("Symbol", "Bars", "First", "Last", "Source", "Fingerprint")
    table = text_table(head, rows, "Data of the symbols", texts=(4, 5))
    calendar = parts.pairs_table(
        {
            "Rows": result.assumptions["calendar"],
            "Rows per year": f"{result.periods_per_year:g}",
        }
    )
    content = f"{table}<h3>Common calendar</h3>{calendar}"
    content += f"<h3>Findings of the quality gate</h3>{parts.findings_list(findings)}"
    return frame.Part("data", "Data", frame.section("data", "Data", "", content, long=True))


def _call(result: PortfolioResult) -> str:
    params = json.dumps(dict(result.params), default=str)
    return (
        "bars = {symbol: admf.load_bars(...)}  # fingerprints: see above\n"
        f"result = admf.simulate_portfolio(bars, {json.dumps(result.allocation)}, {params}, ...)\n"
        f'assert result.digest == "{result.digest}"'
    )
