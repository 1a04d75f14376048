"""A strategy whose orders stand in columns of the data, and the same scripts for oracle and `simulate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import admf
from admf.market import Bars
from admf.simulation.records import REASONS, STATUSES
from admf.strategies.orders import (
    ORDER_TYPES,
    TIMES_IN_FORCE,
    keep,
    limit_order,
    market_order,
    one_cancels_other,
    stop_limit_order,
    stop_order,
    trailing_stop_order,
)

from .book import NAN, Leg, Outcome, Row, Trade
from .facts import bars_with_facts
from .oracle import Decision, Oracle

FIELDS = ("target", "kind", "limit", "stop", "trail", "tif", "expire", "loss", "profit", "trailing")
COLUMNS = (*FIELDS, *(f"{field}2" for field in FIELDS))


def one_leg(target, kind, limit, stop, trail, tif, expire, loss, profit, trailing):
    """A user would know which order he wants; this one reads it off the data."""
    if kind == 1.0:
        return limit_order(target, limit, loss, profit, trailing, tif, expire)
    if kind == 2.0:
        return stop_order(target, stop, loss, profit, trailing, tif, expire)
    if kind == 3.0:
        return stop_limit_order(target, stop, limit, loss, profit, trailing, tif, expire)
    if kind == 4.0:
        return trailing_stop_order(target, trail, loss, profit, trailing, tif, expire)
    return market_order(target, loss, profit, trailing, tif, expire)


class Script:
    """Gives the orders that stand in the columns; compiled."""

    @staticmethod
    def columns(p):
        return {name: name for name in COLUMNS}

    @staticmethod
    def on_bar(
        target, kind, limit, stop, trail, tif, expire, loss, profit, trailing,
        target2, kind2, limit2, stop2, trail2, tif2, expire2, loss2, profit2, trailing2,
    ):  # fmt: skip
        if target != target:
            return keep()
        first = one_leg(target, kind, limit, stop, trail, tif, expire, loss, profit, trailing)
        if target2 != target2:
            return first
        second = one_leg(target2, kind2, limit2, stop2, trail2, tif2, expire2, loss2, profit2, trailing2)
        return one_cancels_other(first, second)


class PythonScript:
    """The same, not compiled."""

    columns = Script.columns

    def on_bar(
        self, target, kind, limit, stop, trail, tif, expire, loss, profit, trailing,
        target2, kind2, limit2, stop2, trail2, tif2, expire2, loss2, profit2, trailing2,
    ):  # fmt: skip
        return Script.on_bar(
            target, kind, limit, stop, trail, tif, expire, loss, profit, trailing,
            target2, kind2, limit2, stop2, trail2, tif2, expire2, loss2, profit2, trailing2,
        )  # fmt: skip


class PythonTarget:
    """Gives the plain targets of a column; not compiled."""

    @staticmethod
    def columns(p):
        return {"target": "target"}

    def on_bar(self, target):
        return target


def fields_of(leg: Leg | None) -> list[float]:
    """A leg as numbers in the order of `FIELDS`."""
    if leg is None:
        return [NAN, *[0.0] * 9]
    codes = (float(ORDER_TYPES.index(leg.kind)), leg.limit, leg.stop, leg.trail)
    times = (float(TIMES_IN_FORCE.index(leg.tif)), float(leg.expire))
    return [leg.target, *codes, *times, leg.stop_loss, leg.take_profit, leg.trailing_stop]


def written(frame: pd.DataFrame, decisions: Sequence[Decision], plain: bool) -> pd.DataFrame:
    """The frame with the decisions in columns."""
    if plain:
        return frame.assign(target=np.array(decisions, dtype=float))
    rows = []
    for each in decisions:
        legs = each if isinstance(each, tuple) else (each if isinstance(each, Leg) else None, None)
        rows.append([*fields_of(legs[0]), *fields_of(legs[1])])
    return frame.assign(**{name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)})


def by_oracle(
    bars: Bars,
    decisions: Sequence[Decision],
    cash: float,
    finer: Bars | None,
    first: int = 0,
    **config: Mapping[str, Any],
) -> Outcome:
    """The oracle on the bars from `first` on; those before it are known."""
    names = ("execution", "costs", "sizing", "margin")
    facts = bars_with_facts(bars, *(config.get(name, {}) for name in names), finer=finer)
    return Oracle(cash, bars.periods_per_year, bars.symbol, **config).run(facts[first:], decisions[first:])


def by_simulate(
    bars: Bars,
    plain: bool,
    cash: float,
    finer: Bars | None,
    compiled: bool = False,
    first: int = 0,
    **config: Mapping[str, Any],
) -> Outcome:
    """The public `simulate`, its tables as the oracle's rows."""
    strategy: Any = (
        "signals" if plain and compiled else PythonTarget if plain else Script if compiled else PythonScript
    )
    params = {"target": "target"} if plain and compiled else None
    more: dict[str, Any] = {"start": bars.index[first].isoformat()} if first else {}
    if finer is not None:
        more["finer"] = finer
    result = admf.simulate(bars, strategy, params, initial_cash=cash, **config, **more)
    assert result.compiled == compiled, result.warnings
    return outcome_of(result)


def outcome_of(result: Any) -> Outcome:
    """A result's tables as the oracle's rows; the words are those of the tables' codes."""
    orders, trades = result.order_table, result.trade_table
    numbers = ["decided_bar", "bar", "side", "target", "units", "quote", "price"]
    numbers += ["commission", "slippage", "spread"]
    rows = [
        Row(*values, REASONS[reason], STATUSES[status], ORDER_TYPES[int(kind)])
        for *values, reason, status, kind in zip(
            *(orders[name].tolist() for name in (*numbers, "reason", "status", "type")), strict=True
        )
    ]
    names = ["entry_bar", "exit_bar", "side", "units", "entry_price", "exit_price", "pnl", "commission"]
    names += ["mae", "mfe", "reason", "target", "financing"]
    closed = [
        Trade(*values[:10], REASONS[values[10]], *values[11:])
        for values in zip(*(trades[name].tolist() for name in names), strict=True)
    ]
    return Outcome(
        equity=result.equity_values.tolist(), positions=result.position_values.tolist(), orders=rows,
        trades=closed, costs=dict(result.costs),
    )  # fmt: skip
