"""Where the profit of a portfolio comes from: by symbol and by strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admf.reports import frame
from admf.reports.summary import percent
from admf.reports.tables import money, share, text_table
from admf.simulation.portfolio import figures as draw_portfolio
from admf.simulation.portfolio.attribution import FINANCING, KINDS
from admf.simulation.portfolio.result import ACCOUNT

if TYPE_CHECKING:
    import pandas as pd

    from admf.simulation.portfolio.result import PortfolioResult

# Below this share of all profits and losses without their signs, the total is too small to divide it by.
LEAST_TOTAL = 0.1
_HEADS = {
    "price_pnl": "At quoted prices",
    "commission": "Commission",
    "slippage": "Slippage",
    "spread": "Spread",
    "financing": "Financing",
}


def attribution(result: PortfolioResult) -> frame.Part:
    """Show the profit of each symbol and of each strategy, as bars and as tables."""
    gained = float(result.equity_values[-1]) - result.initial_cash
    by_symbol = result.attribution
    tables = [by_symbol]
    figures = {"by-symbol": draw_portfolio.attribution_figure(by_symbol["pnl"], "Profit by symbol")}
    content = "<h3>By symbol</h3>" + _bars("by-symbol", "Profit by symbol", len(by_symbol))
    content += _profit_table(by_symbol, "Symbol", gained)
    if len(result.strategies):
        both = result.attribution_by_strategy
        by_strategy = both.groupby(level="strategy", sort=False).sum()
        tables.append(by_strategy)
        figures["by-strategy"] = draw_portfolio.attribution_figure(by_strategy["pnl"], "Profit by strategy")
        content += "<h3>By strategy</h3>" + _bars("by-strategy", "Profit by strategy", len(by_strategy))
        content += _profit_table(by_strategy, "Strategy", gained)
        acted = both[(both != 0.0).any(axis=1)]
        if len(acted) > max(len(by_strategy), len(by_symbol)):
            acted.index = [
                symbol if symbol == strategy == ACCOUNT else f"{symbol}: {strategy}"
                for symbol, strategy in acted.index
            ]
            tables.append(acted)
            content += (
                "<details><summary>By symbol and strategy</summary>"
                f"{_profit_table(acted, 'Symbol and strategy', gained)}</details>"
            )
    html = frame.section("attribution", "Attribution", _note(tables, gained), content, long=True)
    return frame.Part("attribution", "Attribution", html, figures)


def _bars(key: str, label: str, count: int) -> str:
    return frame.plot(key, label, "half", height=draw_portfolio.attribution_height(count))


def _profit_table(table: pd.DataFrame, what: str, gained: float) -> str:
    columns = [name for name in KINDS if name != KINDS[FINANCING] or table[name].any()]
    shares = _has_shares(table, gained)
    largest = table.loc[table["pnl"].sort_values(ascending=False, kind="stable").index]
    rows = [
        [
            str(name),
            money(row["pnl"], signed=True),
            *([share(row["pnl"], gained)] if shares else []),
            *(money(row[column]) for column in columns),
        ]
        for name, row in largest.iterrows()
    ]
    totals = table.sum()
    total = [
        "Total",
        money(totals["pnl"], signed=True),
        *([""] if shares else []),
        *(money(totals[name]) for name in columns),
    ]
    head = (what, "Profit", *(["Share"] if shares else []), *(_HEADS[name] for name in columns))
    return text_table(head, rows, f"Profit by {what.lower()}", total)


def _has_shares(table: pd.DataFrame, gained: float) -> bool:
    """Say whether shares of the total tell something: where parts nearly cancel, they are huge."""
    return abs(gained) > LEAST_TOTAL * float(table["pnl"].abs().sum())


def _note(tables: list[pd.DataFrame], gained: float) -> str:
    """Say how the tables are read: signs of the costs, and shares beyond the whole or left out."""
    note = (
        "Where the profit comes from: the change of value at quoted prices, less the costs of each part. The "
        "parts add to the change of the equity. Costs are positive"
    )
    received = any((table["financing"] < 0.0).any() for table in tables)
    note += "; financing that was received is negative." if received else "."
    shares = [table["pnl"] / gained for table in tables if _has_shares(table, gained)]
    if any((part > 1.0).any() for part in shares):
        note += " Shares are of the total: above 100 % where other parts of it have the other sign."
    if any(table["pnl"].any() and not _has_shares(table, gained) for table in tables):
        note += (
            " A table has no shares where its profits and losses nearly cancel: the total is at most "
            f"{percent(LEAST_TOTAL, 0)} of their sum without signs."
        )
    return note
