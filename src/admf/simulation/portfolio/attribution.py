"""Where the profit of a portfolio comes from: by symbol, and by strategy. The parts add to the total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from admf.simulation.portfolio.records import TRADE_COLUMNS, is_fill
from admf.simulation.records import RISK, SIGNAL, columns_of
from admf.typing import FloatArray, IntArray

#: Where profit comes from and goes to, in the order of the columns here.
KINDS = ("price_pnl", "commission", "slippage", "spread", "financing")
PRICE, COMMISSION, SLIPPAGE, SPREAD, FINANCING = range(len(KINDS))


class Fills(NamedTuple):
    """Orders that filled, in order of execution; arrays of shape (fills,).

    Parameters
    ----------
    bar, decided, symbol
        Simulated bar, the bar that decided it, and position of the symbol.
    units
        Signed: above 0 bought.
    quote, price
        Before and after slippage and spread.
    commission, slippage, spread
        Paid, currency.
    reason
        Codes of `admf.simulation.records.REASONS`.
    """

    bar: IntArray
    decided: IntArray
    symbol: IntArray
    units: FloatArray
    quote: FloatArray
    price: FloatArray
    commission: FloatArray
    slippage: FloatArray
    spread: FloatArray
    reason: IntArray


_SAME = ("quote", "price", "commission", "slippage", "spread", "reason")


def fills_of(orders: Mapping[str, np.ndarray[Any, Any]]) -> Fills:
    """Take the fills out of the table of orders."""
    done = is_fill(orders["status"])
    column = {name: values[done] for name, values in orders.items()}
    return Fills(
        bar=column["bar"],
        decided=column["decided_bar"],
        symbol=column["symbol"],
        units=column["units"] * column["side"],
        **{name: column[name] for name in _SAME},
    )


def held_profits(positions: FloatArray, marks: FloatArray) -> FloatArray:
    """Profit of what was held over each bar: position before x change of the close, shape (bars, symbols).

    Parameters
    ----------
    positions, marks
        Units and last close at each bar, shape (bars, symbols); a symbol without a close yet is not held.
    """
    profits = np.zeros_like(positions)
    profits[1:] = positions[:-1] * (marks[1:] - marks[:-1])
    return profits


def fill_profits(fills: Fills, marks: FloatArray) -> FloatArray:
    """Value each fill: its profit at the quote till the close, and its costs, shape (fills, kinds)."""
    profits = np.zeros((len(fills.bar), len(KINDS)))
    profits[:, PRICE] = fills.units * (marks[fills.bar, fills.symbol] - fills.quote)
    profits[:, COMMISSION] = fills.commission
    profits[:, SLIPPAGE] = fills.slippage
    profits[:, SPREAD] = fills.spread
    return profits


def by_symbol(positions: FloatArray, marks: FloatArray, fills: Fills, carry: FloatArray) -> FloatArray:
    """Profit at quoted prices and each kind of cost of each symbol, shape (symbols, kinds).

    The profit less the costs, added over the symbols, less the interest of the account, is the change of the
    equity.

    Parameters
    ----------
    carry
        Paid for holding, currency, shape (bars, symbols).
    """
    table = np.zeros((positions.shape[1], len(KINDS)))
    table[:, PRICE] = held_profits(positions, marks).sum(axis=0)
    table[:, FINANCING] = carry.sum(axis=0)
    np.add.at(table, fills.symbol, fill_profits(fills, marks))
    return table


def by_strategy(
    positions: FloatArray, marks: FloatArray, fills: Fills, carry: FloatArray, parts: FloatArray
) -> FloatArray:
    """Split what `by_symbol` says among the strategies that decided it, shape (symbols, strategies, kinds).

    A position belongs to the strategies behind the target that it was last filled for, by their share in it;
    what a fill takes away, and what a bar costs to hold, belongs to those who held it before. A stop, target
    or margin call is no target: what it leaves stays with those who have it.

    Parameters
    ----------
    parts
        Shares at each bar, shape (bars, symbols, strategies); adding to 1 where there is a target.
    """
    held, filled = held_profits(positions, marks), fill_profits(fills, marks)
    decides = np.isin(fills.reason, (SIGNAL, RISK))
    table = np.zeros((*parts.shape[1:], len(KINDS)))
    for symbol in range(positions.shape[1]):
        share = np.zeros(parts.shape[2])
        position, start = 0.0, 0
        for at in np.flatnonzero(fills.symbol == symbol):
            bar = int(fills.bar[at])
            if bar >= start:
                table[symbol, :, PRICE] += share * held[start : bar + 1, symbol].sum()
                table[symbol, :, FINANCING] += share * carry[start : bar + 1, symbol].sum()
                start = bar + 1
            new = parts[fills.decided[at], symbol] if decides[at] else share
            new = new if new.any() else share
            reduces = position * fills.units[at] < 0.0
            table[symbol] += np.outer(share if reduces else new, filled[at])
            position += fills.units[at]
            share = new
        table[symbol, :, PRICE] += share * held[start:, symbol].sum()
        table[symbol, :, FINANCING] += share * carry[start:, symbol].sum()
    return table


def trades_of(fills: Fills, highs: FloatArray, lows: FloatArray) -> dict[str, np.ndarray[Any, Any]]:
    """List the closed parts of positions, at average cost, in order of their exit, where nothing is financed.

    Parameters
    ----------
    fills
        At the opens, in order of execution.
    highs, lows
        Of each symbol's bars, shape (bars, symbols); minus and plus infinity where there is none.

    Returns
    -------
    dict
        `TRADE_COLUMNS` of `admf.simulation.portfolio.records`, each of shape (trades,).
    """
    symbols = highs.shape[1]
    units, price, fee, since = [0.0] * symbols, [0.0] * symbols, [0.0] * symbols, [0] * symbols
    top, bottom, seen = [0.0] * symbols, [0.0] * symbols, [0] * symbols  # since the entry, up to bar `seen`
    rows: list[tuple[float, ...]] = []
    columns = (fills.bar, fills.symbol, fills.units, fills.price, fills.commission, fills.reason)
    for bar, at, change, paid, cost, reason in zip(*(column.tolist() for column in columns), strict=True):
        size, moved = abs(units[at]), abs(change)
        if units[at] * change < 0.0:
            side = 1.0 if units[at] > 0.0 else -1.0
            share = fee[at] * (moved / size)
            pnl = side * moved * (paid - price[at]) - share - cost
            known = (since[at], bar, at, side, moved, price[at], paid, pnl, share + cost)
            if bar > seen[at]:
                top[at] = max(top[at], float(highs[seen[at] : bar, at].max()))
                bottom[at] = min(bottom[at], float(lows[seen[at] : bar, at].min()))
                seen[at] = bar
            fall = (min(bottom[at], paid) - price[at]) / price[at]
            rise = (max(top[at], paid) - price[at]) / price[at]
            worst, best = (fall, rise) if side > 0.0 else (-rise, -fall)
            rows.append((*known, min(worst, 0.0), max(best, 0.0), reason, 0.0))
            fee[at] -= share
            units[at] = units[at] + change if moved != size else 0.0
        elif size == 0.0:
            units[at], price[at], fee[at], since[at] = change, paid, cost, bar
            top[at], bottom[at], seen[at] = paid, paid, bar
        else:
            price[at] = (size * price[at] + moved * paid) / (size + moved)
            fee[at] += cost
            units[at] += change
    return columns_of(TRADE_COLUMNS, np.array(rows, dtype=np.float64).reshape(-1, len(TRADE_COLUMNS)))
