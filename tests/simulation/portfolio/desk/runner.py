"""The same story for the oracle and for `admf.simulate_portfolio`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

import admf
from admf.market import Bars
from admf.simulation.portfolio.records import STATUSES
from admf.simulation.records import FINANCING, REASONS, TYPES

from .oracle import Oracle
from .rows import Outcome, Row, Trade

Prices = Sequence[Sequence[float] | None]
Decisions = Mapping[int, Sequence[float]]


def bars_of(
    rows: Mapping[str, Prices], start: str, freq: str, columns: Mapping[str, Mapping[str, Sequence[float]]]
) -> dict[str, Bars]:
    """Bars from rows of open, high, low, close and, if given, volume (else 1000); None: no bar there.

    columns: of a symbol, by name, a number for each row of the calendar.
    """
    found = {}
    for symbol, prices in rows.items():
        index = pd.date_range(start, periods=len(prices), freq=freq, tz="UTC")
        keep = np.array([each is not None for each in prices])
        table = np.array([[*(each or [1.0] * 4), 1000.0][:5] for each in prices], dtype=float)
        frame = pd.DataFrame(table, columns=["open", "high", "low", "close", "volume"], index=index)
        for name, values in columns.get(symbol, {}).items():
            frame[name] = np.array(values, dtype=float)
        timeframe = "1h" if freq == "h" else "1d"
        found[symbol] = thinned(admf.load_bars(frame, symbol=symbol, timeframe=timeframe, min_bars=1), keep)
    return found


def thinned(bars: Bars, keep: np.ndarray) -> Bars:
    """The same symbol with fewer bars."""
    names = ("timestamps", "open", "high", "low", "close", "volume")
    extra = {name: values[keep] for name, values in bars.extra.items()}
    return replace(bars, **{name: getattr(bars, name)[keep] for name in names}, extra=extra)


def by_oracle(
    bars: Mapping[str, Bars],
    decisions: Decisions,
    cash: float,
    band: float = 0.0,
    start: int = 0,
    finer: Mapping[str, Bars] | None = None,
    **config: Any,
) -> Outcome:
    oracle = Oracle(bars, cash, band, start, finer, **config)
    return oracle.run([decisions.get(row) for row in range(len(oracle.stamps))])


def by_engine(
    bars: Mapping[str, Bars],
    decisions: Decisions,
    cash: float,
    band: float = 0.0,
    start: int = 0,
    finer: Mapping[str, Bars] | None = None,
    **config: Any,
) -> Outcome:
    nothing = np.full(len(bars), np.nan)
    more = {}
    if start:
        stamps = np.unique(np.concatenate([each.timestamps for each in bars.values()]))
        more["start"] = pd.Timestamp(int(stamps[start]), tz="UTC").isoformat()
    result = admf.simulate_portfolio(
        bars,
        lambda view: np.array(decisions.get(len(view.timestamps) - 1, nothing), dtype=float),
        rebalance={"schedule": "every_n_bars", "every_bars": 1, "stale_after_days": None, "band": band},
        initial_cash=cash, finer=finer, **config, **more,
    )  # fmt: skip
    return outcome_of(result)


def outcome_of(result: Any) -> Outcome:
    """A result's tables as the oracle's rows; the words are those of the tables' codes."""
    table, symbols = result.order_table, result.symbols
    numbers = ("side", "target", "wanted", "units", "quote", "price", "commission", "slippage", "spread")
    orders = [
        Row(int(decided), int(bar), symbols[int(symbol)], *values, STATUSES[int(status)],
            REASONS[int(reason)], TYPES[int(kind)])
        for decided, bar, symbol, status, reason, kind, *values in zip(
            *(table[name].tolist() for name in ("decided_bar", "bar", "symbol", "status", "reason", "type")),
            *(table[name].tolist() for name in numbers), strict=True,
        )
    ]  # fmt: skip
    table = result.trade_table
    names = ("units", "entry_price", "exit_price", "pnl", "commission", "mae", "mfe")
    trades = [
        Trade(int(entry), int(leave), symbols[int(symbol)], *rest, REASONS[int(reason)], paid)
        for entry, leave, symbol, reason, paid, *rest in zip(
            *(table[name].tolist() for name in ("entry_bar", "exit_bar", "symbol", "reason", "financing")),
            *(table[name].tolist() for name in ("side", *names)), strict=True,
        )
    ]  # fmt: skip
    rows = len(result.equity_values)
    carry, interest, costs = result.carry_values, result.interest_values, result.costs
    return Outcome(
        equity=result.equity_values.tolist(),
        cash=result.cash_values.tolist(),
        positions=result.position_values.tolist(),
        marks=result.mark_values.tolist(),
        carry=np.zeros((rows, len(symbols))).tolist() if carry is None else carry.tolist(),
        interest=[0.0] * rows if interest is None else interest.tolist(),
        orders=orders,
        trades=trades,
        financing={name: costs[name] for name in FINANCING},
    )
