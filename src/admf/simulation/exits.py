"""Which order closed each trade: a trade is what one fill closes, and an order may take several bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from admf.simulation.records import FILLED  # the same code in a portfolio
from admf.simulation.words import count_of
from admf.typing import IntArray

Table = Mapping[str, np.ndarray[Any, Any]]


class Exits(NamedTuple):
    """The orders that closed the trades, counted.

    Parameters
    ----------
    trades
        Closed trades: one for each fill that closed a position or a part of it.
    orders
        Orders that closed them.
    parts
        Trades that have the order in common with another one: an exit that took several bars.
    """

    trades: int
    orders: int
    parts: int


def closing_rows(trades: Table, orders: Table, filled: NDArray[np.bool_]) -> IntArray:
    """Find the row of the orders that closed each trade.

    Parameters
    ----------
    trades, orders
        Columns of the two tables, of one symbol or of a portfolio.
    filled
        Which rows of the orders are fills, shape (orders,).

    Returns
    -------
    Rows of `orders`, shape (trades,); -1 where there is none, which no engine gives. In a bar, the fills of
    one side and reason close before they open: the first of them is that of the first trade.
    """
    rows = np.flatnonzero(filled)
    theirs = _key(orders, rows, "bar", 1)
    ours = _key(trades, np.arange(len(trades["pnl"])), "exit_bar", -1)
    _, key = np.unique(np.concatenate([theirs, ours]), return_inverse=True)
    key = key * (len(key) + 1)  # room for the ranks
    orders_key, trades_key = key[: len(theirs)], key[len(theirs) :]
    wanted, offered = trades_key + _rank(trades_key), orders_key + _rank(orders_key)
    order = np.argsort(offered)
    at = np.searchsorted(offered[order], wanted)
    found: IntArray = np.full(len(wanted), -1, dtype=np.int64)
    inside = at < len(order)
    inside[inside] = offered[order[at[inside]]] == wanted[inside]
    found[inside] = rows[order[at[inside]]]
    return found


def count_exits(trades: Table, orders: Table, filled: NDArray[np.bool_]) -> Exits:
    """Count the orders that closed the trades; parameters as in `closing_rows`."""
    if not np.any(filled & (orders["status"] != FILLED)):  # the usual case, without a search
        return Exits(len(trades["pnl"]), len(trades["pnl"]), 0)
    rows = closing_rows(trades, orders, filled)
    known = rows[rows >= 0]
    symbols = orders.get("symbol", np.zeros(len(filled)))
    same = np.column_stack((symbols[known], orders["decided_bar"][known], orders["reason"][known]))
    _, counts = np.unique(same, axis=0, return_counts=True)
    orders_count = len(counts) + len(rows) - len(known)
    return Exits(len(rows), orders_count, int(counts[counts > 1].sum()))


def decided_bars(trades: Table, orders: Table, filled: NDArray[np.bool_]) -> IntArray:
    """Give the bar at whose close each trade's exit was decided, -1 where no row is its order's."""
    rows = closing_rows(trades, orders, filled)
    bars: IntArray = np.full(len(rows), -1, dtype=np.int64)
    bars[rows >= 0] = orders["decided_bar"][rows[rows >= 0]]
    return bars


def exit_warnings(exits: Exits) -> list[str]:
    """Say that metrics count the parts of exits that took several bars; nothing where none did."""
    if not exits.parts:
        return []
    return [
        f"{exits.trades} trades are {count_of(exits.orders, 'exit')}: those that took several bars are a "
        "trade for each bar in win rate, expectancy, streaks and other metrics of trades"
    ]


def _key(table: Table, rows: IntArray, bar: str, sign: int) -> IntArray:
    """Pack symbol, bar, side and reason into one whole number, which is sorted far quicker than a row."""
    symbols = table.get("symbol", np.zeros(len(table[bar])))[rows].astype(np.int64)
    key: IntArray = (symbols << 40) + (table[bar][rows].astype(np.int64) << 9)
    return key + (table["reason"][rows].astype(np.int64) << 1) + (sign * table["side"][rows] > 0.0)


def _rank(key: IntArray) -> IntArray:
    """Count, for each, how many before it are the same."""
    order = np.argsort(key, kind="stable")
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = np.arange(len(key)) - np.searchsorted(key[order], key[order])
    return rank
