"""Generates the compiled order engine: one module for the engine, one for each strategy's loop around it.

The engine's module depends only on which of its parts are in use; a strategy's module imports it, so that it
is compiled once for all strategies.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import Template
from typing import Any

from admf.simulation import kernel, measures
from admf.simulation.compile import load
from admf.simulation.orders import bar, decide, layout
from admf.simulation.records import (
    EXPIRED,
    FILLED,
    NOT_AFFORDABLE,
    ORDER_COLUMNS,
    PARTLY_FILLED,
    TOO_SMALL,
    TRADE_COLUMNS,
)
from admf.simulation.step_source import StepSource, collect
from admf.strategies.orders import LEG_FIELDS

# Functions of the engine that a loop calls.
_ENTRIES = (bar.begin_run, bar.begin_bar, decide.take_target, decide.take_order, decide.write_pending)

# Types of the engine's arguments by their names; all others are numbers. Stated, because numba would compile
# a function anew for each constant that it is called with.
_DECISION = f"_t.UniTuple(_t.float64, {2 * len(LEG_FIELDS)})"
TYPES = {
    "s": "_OUT", "p": "_ROW", "x": "_ROW", "box": "_TABLE", "fine": "_ROWS", "d": _DECISION,
    **dict.fromkeys(("leg", "other", "slot"), "_t.int64"),
    **dict.fromkeys(("maker", "whole", "opens", "halted", "allowed", "day_lost", "cooling"), "_t.boolean"),
}  # fmt: skip

# What a strategy may know of its account, as the loop's expressions.
ACCOUNT = {
    "position": f"_s[{layout.S_POS}]",
    "entry_price": f"_s[{layout.S_ENTRY}]",
    "bars_held": f"(int(_s[{layout.S_BAR}] - _s[{layout.S_ENTRY_BAR}]) if _s[{layout.S_POS}] != 0.0 else 0)",
    "equity": f"_s[{layout.S_EQUITY}]",
}

IMPORTS = """
from $core import begin_bar as _begin_bar
from $core import begin_run as _begin_run
from $core import take_order as _take_order
from $core import take_target as _take_target
from $core import write_pending as _write_pending
"""

# Bars first..last-1 are simulated; the step is asked from bar `warm` on.
SINGLE = """
@_njit(**_OPTIONS)
def _roomy(table, used, more):
    if used + more <= table.shape[0]:
        return table
    grown = np.empty((2 * table.shape[0] + more, table.shape[1]))
    for i in range(used):
        for j in range(table.shape[1]):
            grown[i, j] = table[i, j]
    return grown


@_njit(**_OPTIONS)
def _sort_rows(_box, n, orders, n_orders, trades, n_trades):
    for i in range(n):
        if _box[i, 0] == $is_order:
            for j in range($width):
                orders[n_orders, j] = _box[i, j + 1]
            n_orders += 1
        else:
            for j in range($width):
                trades[n_trades, j] = _box[i, j + 1]
            n_trades += 1
    return n_orders, n_trades


@_njit(($signature,), cache=True, **_OPTIONS)
def run($arguments):
    _s = np.empty($state_size)
    _box = np.empty(($box_rows, $box_width))
    orders = np.empty((64, $width))
    trades = np.empty((64, $width))
    n_orders = 0
    n_trades = 0
    _begin_run(_s, settings)
    start = first
    $before
    for t in range(first, last):
        u = np.uint64(t)
        _begin_bar(_s, settings, _box, facts[t], fine)
        equity[t - first] = _s[$equity_at]
        positions[t - first] = _s[$position_at]
        if t >= warm:
            $decision
            $take
        $after
        n = int(_s[$rows_at])
        if n > 0:
            orders = _roomy(orders, n_orders, n)
            trades = _roomy(trades, n_trades, n)
            n_orders, n_trades = _sort_rows(_box, n, orders, n_orders, trades, n_trades)
    _write_pending(_s, settings, _box)
    n = int(_s[$rows_at])
    orders = _roomy(orders, n_orders, n)
    n_orders, n_trades = _sort_rows(_box, n, orders, n_orders, trades, n_trades)
    ending = (_s[$cash_at], _s[$position_at], _s[$entry_at], _s[$entry_bar_at], _s[$held_at], _s[$clamped_at])
    financing = (_s[$borrow_at], _s[$funding_at], _s[$margin_at], _s[$interest_at])
    return orders[:n_orders], trades[:n_trades], ending, financing
"""

# One trial of a sweep: what it fills and closes goes to the book of the streamed metrics.
TRIAL = """def _trial($arguments):
    _s = np.empty($state_size)
    _box = np.empty(($box_rows, $box_width))
    _begin_run(_s, settings)
    start = first
    $before
    for t in range(first, last):
        u = np.uint64(t)
        _begin_bar(_s, settings, _box, facts[t], fine)
        equity[t - first] = _s[$equity_at]
        if _s[$position_at] != 0.0:
            book[$held] += 1.0
        if t >= warm:
            $decision
            $take
        $after
        for i in range(int(_s[$rows_at])):
            if _box[i, 0] != $is_order:
                paid = _box[i, $units] * _box[i, $entry_price]
                _book_trade(book, _box[i, $pnl], paid, _box[i, $exit_bar] - _box[i, $entry_bar])
            elif _box[i, $status] == $filled or _box[i, $status] == $partly:
                book[$traded] += _box[i, $units_filled] * _box[i, $price]
            elif _box[i, $status] == $small:
                book[$too_small] += 1.0
            elif _box[i, $status] == $dear:
                book[$too_dear] += 1.0
            elif _box[i, $status] > $expired:
                book[$refused] += 1.0
    book[$clamped] = _s[$clamped_at]
"""

_PLACES = {
    "state_size": layout.STATE_SIZE, "box_rows": layout.BOX_ROWS, "box_width": layout.BOX_WIDTH,
    "is_order": layout.IS_ORDER, "width": len(ORDER_COLUMNS), "equity_at": layout.S_EQUITY,
    "position_at": layout.S_POS, "rows_at": layout.S_ROWS, "cash_at": layout.S_CASH,
    "entry_at": layout.S_ENTRY, "entry_bar_at": layout.S_ENTRY_BAR, "held_at": layout.S_HELD,
    "clamped_at": layout.S_CLAMPED, "borrow_at": layout.S_BORROW, "funding_at": layout.S_FUNDING,
    "margin_at": layout.S_MARGIN_INTEREST, "interest_at": layout.S_CASH_INTEREST,
}  # fmt: skip


_BOX = {
    "held": measures.HELD, "traded": measures.TRADED, "too_small": measures.TOO_SMALL,
    "too_dear": measures.TOO_DEAR, "refused": measures.REFUSED, "clamped": measures.CLAMPED,
    "small": TOO_SMALL, "dear": NOT_AFFORDABLE, "expired": EXPIRED,
    "filled": FILLED, "partly": PARTLY_FILLED,
    "entry_bar": 1 + TRADE_COLUMNS.index("entry_bar"), "exit_bar": 1 + TRADE_COLUMNS.index("exit_bar"),
    "pnl": 1 + TRADE_COLUMNS.index("pnl"), "units": 1 + TRADE_COLUMNS.index("units"),
    "entry_price": 1 + TRADE_COLUMNS.index("entry_price"), "status": 1 + ORDER_COLUMNS.index("status"),
    "units_filled": 1 + ORDER_COLUMNS.index("units"), "price": 1 + ORDER_COLUMNS.index("price"),
}  # fmt: skip


# A function with stated types that is compiled, or loaded, when something that calls it is compiled: a loop
# that comes out of the cache needs none of them.
DECLARED = """
def _declared(types, **options):
    def declare(function):
        made = _njit(**_OPTIONS, **options)(function)
        asked = made.get_call_template

        def get_call_template(args, kws):
            if not made.overloads:
                made.compile(types)
                made.disable_compile()
            return asked(args, kws)

        made.get_call_template = get_call_template
        made.types = types
        return made

    return declare


"""


@lru_cache(maxsize=64)
def engine_source(features: frozenset[str]) -> str:
    """Generate the module of the order engine with the parts that `features` name, of `layout.FLAGS`."""
    head = engine_text("the order engine", _ENTRIES, TYPES, features)
    return head + "\n\nrun = begin_bar\n"


def engine_text(
    title: str,
    entries: Sequence[Callable[..., Any]],
    types: Mapping[str, str],
    features: frozenset[str],
) -> str:
    """Write functions, and all that they call, with the parts of the engine that `features` name.

    Parameters
    ----------
    title
        Of the module.
    entries
        What other modules call; their compiled code is kept on disk.
    types
        Type of an argument by its name, as numba's text; all others are numbers.
    features
        Names in `layout.FLAGS`.
    """
    merged = StepSource("")
    for function in entries:
        source = collect(function, {})
        merged.constants |= source.constants
        merged.functions |= source.functions
    for feature, flag in layout.FLAGS.items():
        if flag in merged.constants:
            merged.constants[flag] = f"{flag} = {feature in features}"
    head = kernel.head(title, [merged])
    kept = {function.__name__ for function in entries}
    for name, text in merged.functions.items():
        definition = ast.parse(text).body[0]
        assert isinstance(definition, ast.FunctionDef)  # noqa: S101 - `collect` gives nothing else
        arguments = ", ".join(types.get(each.arg, "_t.float64") for each in definition.args.args)
        keep = ", cache=True" if name in kept else ""
        head = head.replace(
            f"@_njit(**_OPTIONS)\ndef {name}(", f"@_declared(({arguments},){keep})\ndef {name}("
        )
    first = head.index("@_declared")
    return head[:first] + DECLARED.lstrip() + head[first:]


def load_engine(features: frozenset[str]) -> str:
    """Compile the engine, or load it from the cache, and give the name of its module."""
    source = engine_source(features)
    return load(source, "the order engine for these settings")


def kernel_source(step: kernel.StepCall, features: frozenset[str]) -> str:
    """Generate the module of a single simulation; the engine's module is loaded.

    Parameters
    ----------
    step
        What the loop calls.
    features
        Parts of the engine that are in use.

    Returns
    -------
    str
        Source with a function ``run(equity, positions, first, last, warm, facts, fine, settings, open, high,
        low, close, <rows>, <params>, [state])`` that fills the first two and returns orders, trades, the
        ending and the financing.
    """
    names = ["equity", "positions", "first", "last", "warm", "facts", "fine", "settings", *kernel.PRICES]
    types = ["_OUT"] * 2 + ["_t.int64"] * 3 + ["_ROWS"] * 2 + ["_ROW"] + ["_ROW"] * 4
    more_names, more_types = kernel.step_arguments(step)
    decision = kernel.decision_of(step, ACCOUNT, 8)
    tail = Template(SINGLE).substitute(
        _PLACES,
        signature=", ".join(types + more_types),
        arguments=", ".join(names + more_names),
        take=take_of(step),
        **decision,
    )
    imports = Template(IMPORTS).substitute(core=load_engine(features))
    head = kernel.head("the order engine's loop around one strategy's step", [step.source])
    return head + imports + tail


def sweep_source(step: kernel.StepCall, features: frozenset[str], metrics: tuple[str, ...]) -> str:
    """Generate the module of a sweep's kernel; the engine's module is loaded.

    Parameters
    ----------
    step, features
        As for `kernel_source`.
    metrics
        As for `kernel.sweep_source`, whose function ``run`` has two arguments more here: ``facts, fine``.
    """
    given = {name: name for name in ("equity", "book", "first", "last", "warm", "facts", "fine")}
    given |= {"settings": "settings[i]", **{name: name for name in kernel.PRICES}}

    def loop(names: Sequence[str]) -> str:
        decision = kernel.decision_of(step, ACCOUNT, 8)
        return Template(TRIAL).substitute(
            _PLACES, **_BOX, arguments=", ".join(names), take=take_of(step), **decision
        )

    return kernel.sweep_module(
        step,
        metrics,
        given,
        loop,
        cash=f"settings[i, {layout.place_of('initial_cash')}]",
        more={"facts": "_ROWS", "fine": "_ROWS"},
        imports=Template(IMPORTS).substitute(core=load_engine(features)),
    )


def take_of(step: kernel.StepCall) -> str:
    """Give the statement that hands an answer of the step to the engine."""
    if step.source.gives_orders:
        return "_take_order(_s, settings, facts[t], answer)"
    return "_take_target(_s, settings, facts[t], 1.0 * answer)"
