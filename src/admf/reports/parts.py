"""The report's tables and tiles as HTML. Every text that may come from a user goes through `escape`."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.reports.summary import bars_a_year, benchmark_metrics, percent, symbols_of
from admf.simulation.cost_kinds import COST_KINDS, kind_title, paid_costs, received
from admf.simulation.figures import MONTHS
from admf.simulation.figures_data import MonthlyReturns, local_index, moments_text, words_of
from admf.simulation.metrics_glossary import DASH, GLOSSARY
from admf.simulation.records import REASONS, STATUSES, TYPES
from admf.simulation.words import count_of

if TYPE_CHECKING:
    from admf.market import Finding
    from admf.simulation.figures_data import Reported

PAGE = 20
MAX_TRADES = 10_000
TILES = (
    "cum_returns_final",
    "annual_return",
    "sharpe_ratio",
    "max_drawdown",
    "annual_volatility",
    "win_rate",
    "exposure",
    "costs",
)
GROUPS = (
    ("Return", "final_equity", "stability_of_timeseries"),
    ("Against the benchmark", "alpha", "beta"),
    ("Risk", "annual_volatility", "kurtosis"),
    ("Trades", "trades", "turnover"),
)
# Column, heading, kind of number, whether its sign is coloured.
Column = tuple[str, str, str, bool]
TRADE_COLUMNS: tuple[Column, ...] = (
    ("trade", "#", "count", False),
    ("symbol", "Symbol", "text", False),
    ("side", "Side", "text", False),
    ("entry_time", "Entry", "text", False),
    ("entry_price", "at", "price", False),
    ("exit_time", "Exit", "text", False),
    ("exit_price", "at", "price", False),
    ("exit_reason", "Reason", "text", False),
    ("units", "Units", "units", False),
    ("pnl", "Profit", "money", True),
    ("return", "Return", "percent", True),
    ("mae", "Worst", "percent", False),
    ("mfe", "Best", "percent", False),
    ("bars", "Bars", "count", False),
    ("commission", "Fees", "money", False),
    ("financing", "Financing", "money", False),
)


def tiles(result: Reported) -> str:
    """Key metrics, each with what it means and the value of the benchmark."""
    benchmark = words_of(result).benchmark
    metrics, held = result.metrics, benchmark_metrics(result)
    parts = []
    for name in TILES:
        if name == "costs":
            paid, income = paid_costs(result.costs)["total"], sum(received(result.costs).values())
            title, value = "Costs paid", f"{paid:,.0f}"
            tip = "Commission, slippage and spread of all fills, and financing. All numbers are after them."
            compare = f"{percent(paid / result.initial_cash)} of the initial cash"
            compare += f"; {income:,.0f} received" if income else ""
        else:
            info = GLOSSARY[name]
            title, value, tip = info.title, info.format(metrics[name]), info.explanation
            if value == DASH:
                tip += f" Not defined here: {info.undefined}"
            compare = f"{benchmark}: {info.format(held[name])}" if name in held else ""
        if name == "win_rate":
            compare = f"{metrics['trades']:,.0f} closed trade{'' if metrics['trades'] == 1 else 's'}"
            compare += f", parts of {count_of(result.exits.orders, 'exit')}" if result.exits.parts else ""
        elif name == "annual_return" and value != DASH:
            compare = "; ".join(filter(None, (compare, bars_a_year(result))))
        elif name == "exposure":
            compare = "of the bars in a position"
        elif value == DASH:
            compare = GLOSSARY[name].undefined
        tone = _tone(metrics[name]) if name in ("cum_returns_final", "annual_return") else ""
        parts.append(
            f'<div class="tile"><dt>{escape(title)}'
            f'<button class="info" type="button" aria-label="What is {escape(title.lower())}?"'
            f' aria-describedby="tip-{name}"><span aria-hidden="true">?</span></button>'
            f'<span class="tip" role="tooltip" id="tip-{name}">{escape(tip)}</span></dt>'
            f'<dd class="value{tone}">{escape(value)}</dd><dd class="compare">{escape(compare)}</dd></div>'
        )
    return f'<dl class="tiles">{"".join(parts)}</dl>'


def _tone(value: float) -> str:
    return " gain" if value > 0 else " loss" if value < 0 else ""


def monthly_table(table: MonthlyReturns) -> str:
    """Lay out monthly returns, each cell shaded by its size: readable on paper and by a screen reader."""
    finite = np.abs(table.months[np.isfinite(table.months)])
    scale = max(float(np.quantile(finite, 0.95)) if finite.size else 0.0, 1e-6)
    head = "".join(f'<th scope="col">{month}</th>' for month in (*MONTHS, "Year"))
    rows = []
    for year, months, total in zip(table.years, table.months, table.totals, strict=True):
        cells = "".join(_shaded(float(value), scale, "") for value in months)
        spread = scale * math.sqrt(12.0)  # a year varies about that much more than a month
        cells += _shaded(float(total), spread, ' class="total"')
        rows.append(f'<tr><th scope="row">{year}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Monthly returns"><table class="months">'
        f'<thead><tr><th scope="col" class="text">%</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _shaded(value: float, scale: float, attributes: str) -> str:
    if not math.isfinite(value):
        return f"<td{attributes}></td>"
    strength = min(abs(value) / scale, 1.0) * 0.75
    colour = "gain" if value > 0 else "loss"
    shade = f' style="background:rgba(var(--{colour}-rgb),{strength:.2f})"' if strength >= 0.01 else ""
    if not attributes and value == 0:
        attributes = ' class="still"'
    return f"<td{attributes}{shade}>{round(value * 100, 1) + 0.0:.1f}</td>"


def trade_columns(result: Reported) -> tuple[Column, ...]:
    """Give the columns of the trades: those that say nothing in any of them are left out."""
    trades, silent = result.trade_table, set()
    if "symbol" not in trades:
        silent.add("symbol")
    if not np.any(trades["financing"]):
        silent.add("financing")
    return tuple(column for column in TRADE_COLUMNS if column[0] not in silent)


def trades_note(result: Reported) -> str:
    """Say what a trade is, and how many of them are parts of an exit that took several bars."""
    trades, orders, parts = result.exits
    text = "A trade is a closed position, or the part of one that a fill closed, at its average entry price."
    if parts:
        text += (
            f" These {trades:,} are {count_of(orders, 'exit')}: {parts:,} of them are parts of exits that "
            "took several bars, each of which counts on its own in win rate, expectancy and streaks."
        )
    return text


def trade_rows(result: Reported) -> list[list[Any]]:
    """List closed trades in the order of their exits, at most 10,000, in the columns of `trade_columns`."""
    trades = {name: column[:MAX_TRADES] for name, column in result.trade_table.items()}
    index = local_index(result.bars)
    shown: dict[str, Sequence[Any]] = {
        **{name: column.tolist() for name, column in trades.items()},
        "trade": range(1, len(trades["pnl"]) + 1),
        "symbol": [symbols_of(result)[at] for at in trades.get("symbol", ())],
        "side": ["long" if side > 0 else "short" for side in trades["side"]],
        "entry_time": moments_text(index[trades["entry_bar"].astype(np.int64)]),
        "exit_time": moments_text(index[trades["exit_bar"].astype(np.int64)]),
        "return": (trades["pnl"] / (trades["units"] * trades["entry_price"])).tolist(),
        "bars": (trades["exit_bar"] - trades["entry_bar"]).astype(np.int64).tolist(),
        "exit_reason": [REASONS[int(code)].replace("_", " ") for code in trades["reason"]],
    }
    columns = [shown[name] for name, *_ in trade_columns(result)]
    return [list(row) for row in zip(*columns, strict=True)]


def orders_table(orders: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str] = STATUSES) -> str:
    """Count the rows of the orders by type and status; nothing where there are none.

    A row is a fill, or an order's end without one: an order may have several.
    """
    types, statuses = (orders[name].astype(np.int64) for name in ("type", "status"))
    rows = []
    for code, kind in enumerate(TYPES):
        counts = np.bincount(statuses[types == code], minlength=len(names))
        ends = [f"{count:,} {names[status]}" for status, count in enumerate(counts) if count]
        if ends:
            rows.append((kind.replace("_", " ").capitalize(), f"{counts.sum():,}", "; ".join(ends)))
    if not rows:
        return ""
    note = "An order that takes several bars has a fill for each; what was not filled is counted by its end."
    head = f'<h3>Fills by type of order, and orders not filled whole</h3><p class="note">{note}</p>'
    return head + wide_table(rows)


def trade_table(rows: list[list[Any]], total: int, columns: Sequence[Column] = TRADE_COLUMNS) -> str:
    """Lay out the trades: the file has the first page, the script sorts and turns pages of the CSV data."""
    digits = [_digits(kind, [row[place] for row in rows]) for place, (_, _, kind, _) in enumerate(columns)]
    head = "".join(
        f'<th scope="col" data-kind="{kind}" data-digits="{places}"{" data-sign=1" if sign else ""}'
        f'{_text_class(kind)}><button type="button" class="sort">{heading}</button></th>'
        for (_, heading, kind, sign), places in zip(columns, digits, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            _cell(value, kind, sign, places)
            for value, (_, _, kind, sign), places in zip(row, columns, digits, strict=True)
        )
        + "</tr>"
        for row in rows[:PAGE]
    )
    names = ",".join(name for name, *_ in columns)
    lines = [",".join(_exact(value) for value in row) for row in rows]
    data = base64.b64encode("\n".join([names, *lines, ""]).encode()).decode()
    left_out = (
        f'<p class="note">The first {len(rows):,} of {total:,} trades; '
        "trades.parquet in the run's folder has all of them.</p>"
        if total > len(rows)
        else ""
    )
    return (
        f'{left_out}<div class="scroll" tabindex="0" role="region" aria-label="Trades">'
        f'<table id="trades-table" data-page="{PAGE}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        '<div class="row pager"><a class="button" id="trades-csv" download="trades.csv" '
        f'href="data:text/csv;base64,{data}">Download CSV</a><span class="row" id="trades-pager" hidden>'
        '<span id="trades-place" aria-live="polite"></span>'
        '<button type="button" class="button" id="trades-before">Back</button>'
        '<button type="button" class="button" id="trades-next">Next</button></span></div>'
    )


def _digits(kind: str, values: list[Any]) -> int:
    """Decimals of a column: as many as its largest value needs for six digits, at least cents for a price."""
    if kind not in ("price", "units"):
        return {"count": 0}.get(kind, 2)
    size = max((abs(float(value)) for value in values), default=1.0)
    if kind == "units" and all(float(value).is_integer() for value in values):
        return 0
    return min(max(5 - math.floor(math.log10(size)), 2), 8) if size > 0 else 2


def _text_class(kind: str) -> str:
    return ' class="text"' if kind == "text" else ""


def _exact(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else " ".join(str(value).splitlines())
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def _cell(value: Any, kind: str, sign: bool, digits: int) -> str:
    if kind == "text":
        return f'<td class="text">{escape(str(value))}</td>'
    number = float(value)
    if not math.isfinite(number):
        return f"<td>{DASH}</td>"
    text = f"{number * 100:,.2f} %" if kind == "percent" else f"{number:,.{digits}f}"
    tone = _tone(number).strip() if sign else ""
    return f'<td class="{tone}">{text}</td>' if tone else f"<td>{text}</td>"


def costs_table(result: Reported) -> str:
    """Lay out what was paid, by kind, with a bar for its share; then what was received."""
    shown, income = paid_costs(result.costs), received(result.costs)
    total = shown.pop("total")
    gross = result.metrics["final_equity"] - result.initial_cash + total
    rows = []
    for name, value in shown.items():
        share = value / total if value > 0 else 0.0
        bar = f'<div class="bar" style="width:{share * 100:.1f}%"></div>' if share > 0 else ""
        rows.append(
            _cost_row(
                name, value, f'<td class="text">{bar}</td><td class="text">{COST_KINDS.get(name, "")}</td>'
            )
        )
    share_text = (
        f"{percent(total / gross)} of the profit before costs ({gross:,.2f})"
        if gross > 0
        else f"there was no profit before costs ({gross:,.2f})"
    )
    rows.append(
        f'<tr><th scope="row" class="text">Costs paid</th><td><b>{total:,.2f}</b></td>'
        f'<td class="text" colspan="2">{share_text}</td></tr>'
    )
    for name, value in income.items():
        rows.append(
            _cost_row(name, value, f'<td class="text" colspan="2">received {COST_KINDS.get(name, "")}</td>')
        )
    return f'<div class="scroll"><table class="costs"><tbody>{"".join(rows)}</tbody></table></div>'


def _cost_row(name: str, value: float, cells: str) -> str:
    title = kind_title(name).capitalize()
    return f'<tr><th scope="row" class="text">{title}</th><td>{value:,.2f}</td>{cells}</tr>'


def metrics_table(result: Reported) -> str:
    """All metrics in groups, each with its explanation, an undefined one with the reason."""
    names = list(GLOSSARY)
    places = {name: position for position, name in enumerate(names)}
    parts = []
    for title, first, last in GROUPS:
        chosen = names[places[first] : places[last] + 1]
        rows = []
        for name in chosen:
            info, value = GLOSSARY[name], result.metrics[name]
            text = info.explanation
            if not math.isfinite(value):
                text += f" Not defined here: {info.undefined[0].lower()}{info.undefined[1:]}"
            rows.append((info.title, info.format(value), text))
        parts.append(f"<h3>{title}</h3>{wide_table(rows)}")
    return "".join(parts)


def wide_table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Lay out name, value and text in three columns; on a phone below each other."""
    body = "".join(
        f'<tr><th scope="row" class="text">{escape(name)}</th><td class="num">{escape(value)}</td>'
        f'<td class="text">{escape(text)}</td></tr>'
        for name, value, text in rows
    )
    return f'<table class="wide"><tbody>{body}</tbody></table>'


def pairs_table(rows: Mapping[str, Any]) -> str:
    """Lay out names and texts in two columns."""
    body = "".join(
        f'<tr><th scope="row" class="text">{escape(str(name))}</th>'
        f'<td class="text">{escape(str(text))}</td></tr>'
        for name, text in rows.items()
    )
    return f'<table class="wide"><tbody>{body}</tbody></table>'


def findings_list(findings: Sequence[tuple[str, Finding]]) -> str:
    """List what the quality gate noticed in the data, each with its symbol where that has to be told."""
    if not findings:
        return '<p class="note">The quality gate found nothing to remark.</p>'
    items = "".join(
        f'<li><span class="tag is-{escape(finding.severity)}">{escape(finding.severity)}</span> '
        f"{escape(f'{symbol}: ' if symbol else '')}{escape(finding.message)}</li>"
        for symbol, finding in findings
    )
    return f'<ul class="findings">{items}</ul>'


def as_json(value: Any) -> str:
    """Write plain data as readable JSON, escaped for HTML."""
    return escape(json.dumps(value, indent=2, ensure_ascii=False, default=str), quote=False)
