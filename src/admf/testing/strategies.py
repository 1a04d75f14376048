"""What every strategy must keep; for a user's own as for those that come with the package."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from admf.indicators import IndicatorTable
from admf.indicators.table import column_of
from admf.market.bars import Bars
from admf.strategies import BoundStrategy, resolve_strategy
from admf.strategies.orders import is_decision, keep
from admf.testing.bars import change_after, example_bars
from admf.testing.indicators import check_indicator, moments, refusals_fail


def check_strategy(
    ref: Any,
    params: Mapping[str, Any] | None = None,
    bars: Bars | None = None,
    allow_modules: Iterable[str] = (),
    seed: int = 0,
) -> None:
    """Check that a strategy keeps what the engine relies on.

    It must conform to the protocol; its indicators must pass `check_indicator`; its step must give a number
    or an order of `admf.strategies.orders` (with a state: that and a tuple as long as the first), the same
    for the same bars in every simulation, and no decision may change when later bars do.

    Parameters
    ----------
    ref, params, allow_modules
        The strategy, as for `admf.strategies.resolve_strategy`.
    bars
        What to run it on; None: made-up prices. A strategy that reads other columns needs bars with them.
    seed
        Of the made-up prices and changes.

    Raises
    ------
    AssertionError
        Says what is not kept, and at which bar.
    """
    bars = example_bars(seed) if bars is None else bars
    with refusals_fail("strategy"):
        strategy = resolve_strategy(ref, params, allow_modules)
    what = f"strategy {strategy.name!r}"
    for spec in strategy.indicators.values():
        check_indicator(spec, bars, seed)
    decided = decisions(strategy, bars)
    bar = _difference(decided, decisions(strategy, bars))
    if bar is not None:
        raise AssertionError(
            f"{what} is not pure: run again on the same bars, it decides otherwise at bar {bar} "
            f"({decided[bar]}); what it remembers must be in its state"
        )
    for last in moments(len(bars)):
        changed = decisions(strategy, change_after(bars, last, seed))
        bar = _difference(decided[: last + 1], changed[: last + 1])
        if bar is not None:
            raise AssertionError(
                f"{what} looks ahead: with other bars after bar {last}, it decides {changed[bar]} instead of "
                f"{decided[bar]} at bar {bar}"
            )


def decisions(strategy: BoundStrategy, bars: Bars) -> list[float] | list[tuple[float, ...]]:
    """Run a strategy's step over bars, with a plain account, and give its decisions.

    A target is held from the next bar on, as that share of 100 units, bought at the close of the bar before;
    that of an order likewise.

    Returns
    -------
    list of float, or of tuples
        One a bar, tuples where it gives orders; NaN during the warm-up, and where it decides nothing.

    Raises
    ------
    AssertionError
        If the step fails, or gives something that is no target.
    """
    rows = _rows(strategy, bars)
    first = strategy.first_complete_bar(rows)
    step = strategy.new_step()
    state = strategy.initial_state
    held = {"position": 0.0, "entry_price": math.nan, "bars_held": 0, "equity": 100_000.0}
    decided: list[Any] = [math.nan] * len(bars)
    for bar in range(first, len(bars)):
        values: list[Any] = []
        for name in strategy.arguments:
            if name in held:
                values.append(held[name])
            elif name == "state":
                values.append(state)
            elif name in strategy.params and name not in rows:
                values.append(strategy.params[name])
            else:
                base = name if name in rows else name.removeprefix("prev_")
                values.append(float(rows[base][bar - (base != name)]))
        decided[bar], state = _ask(strategy, step, values, state, bar)
        target = decided[bar][0] if isinstance(decided[bar], tuple) else decided[bar]
        held["bars_held"] += held["position"] != 0.0
        if not math.isnan(target) and 100.0 * target != held["position"]:
            held.update(position=100.0 * target, bars_held=0)
            held["entry_price"] = float(bars.close[bar]) if target else math.nan
    orders = next((answer for answer in decided if isinstance(answer, tuple)), None)
    if orders is not None:
        decided[:first] = [keep()] * first
    return decided


def _rows(strategy: BoundStrategy, bars: Bars) -> dict[str, Any]:
    table = IndicatorTable(bars)
    rows: dict[str, Any] = {}
    for argument in strategy.arguments:
        base = argument.removeprefix("prev_")
        with refusals_fail(f"strategy {strategy.name!r}"):
            if base in strategy.indicators:
                rows[base] = table.row(strategy.indicators[base])
            elif argument in strategy.columns:
                rows[argument] = column_of(bars, strategy.columns[argument], f"strategy {strategy.name!r}")
            elif base in ("open", "high", "low", "close", "volume"):
                rows[base] = column_of(bars, base, f"strategy {strategy.name!r}")
    return rows


def _ask(
    strategy: BoundStrategy, step: Any, values: list[Any], state: tuple[Any, ...] | None, bar: int
) -> tuple[float | tuple[float, ...], tuple[Any, ...] | None]:
    what = f"strategy {strategy.name!r} at bar {bar}"
    try:
        answer = step(*values)
    except Exception as error:
        raise AssertionError(f"{what}: on_bar raises {type(error).__name__}: {error}") from error
    if state is not None:
        if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], tuple)):
            raise AssertionError(
                f"{what}: with a state, on_bar returns (target, state tuple); found {answer!r}"
            )
        answer, new = answer
        if len(new) != len(state):
            raise AssertionError(f"{what}: the state has {len(new)} values, and had {len(state)} at first")
        state = new
    if isinstance(answer, tuple) and is_decision(answer):
        return answer, state
    if not isinstance(answer, bool | int | float | np.number | np.bool_):
        raise AssertionError(f"{what}: a target is a number from -1 to 1, or NaN; found {answer!r}")
    return float(answer), state


def _difference(first: list[Any], second: list[Any]) -> int | None:
    equal = np.isclose(first, second, rtol=1e-9, atol=0.0, equal_nan=True)
    if equal.ndim == 2:  # orders: all of their fields
        equal = equal.all(axis=1)
    return None if equal.all() else int(np.argmin(equal))
