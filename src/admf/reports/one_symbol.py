"""What the report of one strategy on one symbol shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from admf.reports import frame, parts
from admf.reports.pessimistic import rerun
from admf.reports.summary import bars_text, params_text, period_text
from admf.simulation import figures as draw
from admf.simulation import figures_trades as draw_trades

if TYPE_CHECKING:
    from admf.simulation import SimulationResult


def facts(result: SimulationResult) -> list[str]:
    """List what stands below the heading."""
    params = params_text(result.params)
    return [
        f"{result.strategy}{f' ({params})' if params else ''}",
        f"{result.bars.symbol}, {result.bars.timeframe}",
        period_text(result),
        bars_text(result),
        f"initial cash {result.initial_cash:,.0f}",
    ]


def sections(
    result: SimulationResult, run: Mapping[str, Any], manifest: Mapping[str, Any] | None
) -> list[frame.Part]:
    """Sections in order."""
    return [
        frame.equity(result, f"Against holding {result.bars.symbol} from the first close, without costs."),
        _price(result),
        frame.months(result),
        frame.rolling(result),
        _trades(result),
        frame.costs(result),
        *rerun(result),
        frame.metrics(result),
        frame.assumptions(result),
        _data(result),
        frame.reproduce(result, _call(result), run, manifest),
    ]


def _price(result: SimulationResult) -> frame.Part:
    figure = draw.price_figure(result)
    html = frame.section(
        "price",
        "Price, entries and exits",
        frame.note_of(figure),
        frame.plot("price", "Price with the entries and exits of the trades"),
    )
    return frame.Part("price", "Price", html, {"price": figure})


def _trades(result: SimulationResult) -> frame.Part:
    trades = len(result.trade_table["pnl"])
    orders = parts.orders_table(result.order_table)
    if not trades:
        text = (
            "No trade was closed: the position that was opened is still held."
            if result.position_values[-1]
            else "No trade was made."
        )
        return frame.Part("trades", "Trades", frame.section("trades", "Trades", text, orders))
    figures = {
        "distribution": draw_trades.distribution_figure(result),
        "excursion": draw_trades.excursion_figure(result),
    }
    histogram = frame.plot("distribution", "Histogram of the trades' returns", "half")
    scatter = frame.plot("excursion", "Worst and best moment of each trade", "half")
    pictures = (
        f'<div class="halves"><div><h3>Returns of the trades</h3>{histogram}</div>'
        f"<div><h3>Worst and best moment before the exit</h3>{scatter}</div></div>"
    )
    columns = parts.trade_columns(result)
    table = parts.trade_table(parts.trade_rows(result), trades, columns)
    note = f"{parts.trades_note(result)} {frame.note_of(figures['excursion'])}"
    html = frame.section("trades", "Trades", note, pictures + table + orders, long=True)
    return frame.Part("trades", "Trades", html, figures)


def _data(result: SimulationResult) -> frame.Part:
    bars = result.bars
    table = parts.pairs_table(
        {
            "Source": bars.source,
            "Time zone": bars.timezone,
            "Bars per year": f"{bars.periods_per_year:g}",
            "Fingerprint": bars.fingerprint,
        }
    )
    findings = [("", finding) for finding in bars.findings]
    content = table + "<h3>Findings of the quality gate</h3>" + parts.findings_list(findings)
    return frame.Part("data", "Data", frame.section("data", "Data", "", content))


def _call(result: SimulationResult) -> str:
    params = json.dumps(dict(result.params), default=str)
    return (
        f"bars = admf.load_bars(...)  # fingerprint {result.bars.fingerprint[:16]}\n"
        f"result = admf.simulate(bars, strategy={json.dumps(result.strategy)}, params={params}, ...)\n"
        f'assert result.digest == "{result.digest}"'
    )
