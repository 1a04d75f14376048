"""What the report of a portfolio shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.reports import frame, parts
from admf.reports.pessimistic import rerun
from admf.reports.summary import bars_text, names_text, params_text, percent, period_text
from admf.simulation import figures_trades as draw_trades
from admf.simulation.figures_data import local_index, moments_text
from admf.simulation.metrics_glossary import DASH
from admf.simulation.portfolio import figures as draw_portfolio
from admf.simulation.portfolio.attribution import FINANCING, KINDS
from admf.simulation.portfolio.records import STATUSES
from admf.simulation.portfolio.result import ACCOUNT

if TYPE_CHECKING:
    import pandas as pd

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
        _attribution(result),
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
            _money(value[at]),
            _share(value[at], worth),
        ]
        for at in order
        if units[at] != 0.0
    ]
    cash = float(result.cash_values[-1])
    rows.append(["Cash", "", "", _money(cash), _share(cash, worth)])
    total = ["Equity", "", "", _money(worth), ""]
    table = _table(("", "Units", "Last close", "Value", "Weight"), rows, "Holdings at the end", total)
    content = frame.plot("weights", "Weights of the symbols over time", "rolling", height=380)
    note = f"Share of the equity at each close; trades change it at the opens. {frame.note_of(figure)}"
    html = frame.section(
        "weights", "Weights over time", note, f"{content}<h3>Held at the end</h3>{table}", long=True
    )
    return frame.Part("weights", "Weights", html, {"weights": figure})


_HEADS = {
    "price_pnl": "At quoted prices",
    "commission": "Commission",
    "slippage": "Slippage",
    "spread": "Spread",
    "financing": "Financing",
}


def _attribution(result: PortfolioResult) -> frame.Part:
    gained = float(result.equity_values[-1]) - result.initial_cash
    by_symbol = result.attribution
    figures = {"by-symbol": draw_portfolio.attribution_figure(by_symbol["pnl"], "Profit by symbol")}
    content = "<h3>By symbol</h3>" + _bars("by-symbol", "Profit by symbol", len(by_symbol))
    content += _profit_table(by_symbol, "Symbol", gained)
    if len(result.strategies):
        both = result.attribution_by_strategy
        by_strategy = both.groupby(level="strategy", sort=False).sum()
        figures["by-strategy"] = draw_portfolio.attribution_figure(by_strategy["pnl"], "Profit by strategy")
        content += "<h3>By strategy</h3>" + _bars("by-strategy", "Profit by strategy", len(by_strategy))
        content += _profit_table(by_strategy, "Strategy", gained)
        acted = both[(both != 0.0).any(axis=1)]
        if len(acted) > max(len(by_strategy), len(by_symbol)):
            acted.index = [
                symbol if symbol == strategy == ACCOUNT else f"{symbol}: {strategy}"
                for symbol, strategy in acted.index
            ]
            content += (
                "<details><summary>By symbol and strategy</summary>"
                f"{_profit_table(acted, 'Symbol and strategy', gained)}</details>"
            )
    note = (
        "Where the profit comes from: the change of value at quoted prices, less the costs of each part. The "
        "parts add to the change of the equity."
    )
    html = frame.section("attribution", "Attribution", note, content, long=True)
    return frame.Part("attribution", "Attribution", html, figures)


def _bars(key: str, label: str, count: int) -> str:
    return frame.plot(key, label, "half", height=draw_portfolio.attribution_height(count))


def _profit_table(table: pd.DataFrame, what: str, gained: float) -> str:
    columns = [name for name in KINDS if name != KINDS[FINANCING] or table[name].any()]
    largest = table.loc[table["pnl"].sort_values(ascending=False, kind="stable").index]
    rows = [
        [
            str(name),
            _money(row["pnl"], signed=True),
            _share(row["pnl"], gained),
            *(_money(row[column]) for column in columns),
        ]
        for name, row in largest.iterrows()
    ]
    totals = table.sum()
    total = ["Total", _money(totals["pnl"], signed=True), "", *(_money(totals[name]) for name in columns)]
    head = (what, "Profit", "Share", *(_HEADS[name] for name in columns))
    return _table(head, rows, f"Profit by {what.lower()}", total)


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
    table = _table(head, rows, "Data of the symbols", texts=(4, 5))
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


def _share(part: float, whole: float) -> str:
    return percent(round(float(part) / whole, 3) + 0.0) if whole else DASH


def _money(value: float, signed: bool = False) -> str:
    cents = round(float(value), 2) + 0.0  # no minus before zero
    return f"{cents:+,.2f}" if signed else f"{cents:,.2f}"


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    label: str,
    total: Sequence[str] | None = None,
    texts: Sequence[int] = (),
) -> str:
    """Lay out texts under a head; the first column is a heading of its row, `texts` are left-aligned."""
    kinds = [' class="text"' if at == 0 or at in texts else "" for at in range(len(head))]
    top = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    lines = [_line(row, kinds, bold=False) for row in rows]
    if total is not None:
        lines.append(_line(total, kinds, bold=True))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table><thead><tr>{top}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _line(cells: Sequence[str], kinds: Sequence[str], bold: bool) -> str:
    texts = [f"<b>{escape(cell)}</b>" if bold and cell else escape(cell) for cell in cells]
    first = f'<th scope="row"{kinds[0]}>{escape(cells[0])}</th>'
    return (
        "<tr>"
        + first
        + "".join(f"<td{kind}>{text}</td>" for kind, text in zip(kinds[1:], texts[1:], strict=True))
        + "</tr>"
    )
