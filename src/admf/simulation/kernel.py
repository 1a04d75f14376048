"""Generates the source of a kernel: one strategy's step, and the engine's loop with the features in use.

Numbers (parameters, fractions, prices) are arguments of the kernel, so a change of a parameter recompiles
nothing; what is switched on or off, and text parameters, are part of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from string import Template
from typing import Any, NamedTuple

from admf.simulation import measures, template
from admf.simulation.compile import load
from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.records import ORDER_COLUMNS
from admf.simulation.settings import NUMBERS
from admf.simulation.step_source import StepSource, add, collect

PRICES = ("open", "high", "low", "close")

# What a sweep's kernel imports of the module of the metrics, with the types of its arguments.
MEASURES_SHARED = {
    "book_trade": "_OUT, _t.float64, _t.float64, _t.float64",
    "market_sums": "_ROW",
}

# Names a step may ask for that the engine itself knows, as the loop's expressions.
ACCOUNT = {
    "position": "pos",
    "entry_price": "entry",
    "bars_held": "(t - first - entry_bar if pos != 0.0 else 0)",
    "equity": "value",
}


def fee(units: str, features: frozenset[str]) -> str:
    """Return the commission of a fill of `units` at `price` as an expression."""
    terms = []
    if "commission" in features:
        terms.append(f"{units} * price * commission")
    if "commission_per_unit" in features:
        terms.append(f"{units} * commission_per_unit")
    if "commission_fixed" in features:
        terms.append("commission_fixed")
    return " + ".join(terms) or "0.0"


def _expressions(features: frozenset[str]) -> dict[str, str]:
    """Return the expressions that `$name` stands for in the template."""
    slippage, spread = "slippage" in features, "spread" in features
    unit_cost = ["price"]
    if "commission" in features:
        unit_cost.append("slipped * commission")
    if "commission_per_unit" in features:
        unit_cost.append("commission_per_unit")
    free_of_fixed = "(budget - commission_fixed)" if "commission_fixed" in features else "budget"
    cost_of_more = "more * unit_cost" + (" + commission_fixed" if "commission_fixed" in features else "")
    want = f"{free_of_fixed} / unit_cost" if "cash_fraction" in features else "units * (side * target)"
    return {
        "entry_slipped": "q * (1.0 + side * slippage)" if slippage else "q",
        "entry_price": "slipped * (1.0 + side * spread)" if spread else "slipped",
        "exit_price": "q * (1.0 - side * slippage)" if slippage else "q",
        "unit_cost": " + ".join(unit_cost),
        "want": f"_in_lots({want}, lot_size)" if "lots" in features else want,
        "nothing": repr(NOTHING),
        "affordable": f"not (more > 0.0 and {cost_of_more} > free * {1.0 + NOTHING!r})",
        "entry_fee": fee("more", features),
        "exit_fee": fee("out", features),
        "entry_slippage": "more * abs(slipped - q)" if slippage else "0.0",
        "entry_spread": "more * abs(price - slipped)" if spread else "0.0",
        "exit_slippage": "out * abs(price - q)" if slippage else "0.0",
        # market, or what a level is: a target a limit, a stop a stop order
        "exit_type": "(1.0 if reason == 2 else 2.0) if reason else 0.0" if "stops" in features else "0.0",
        "basis": "close[t - 1]" if "signal_close" in features else "entry",
        # `reenter` orders whatever is decided, except to be flat when flat
        "differs": "v != held or v != 0.0" if "reenter" in features else "v != held",
        "width": str(len(ORDER_COLUMNS)),
        "traded": str(measures.TRADED),
        "in_market": str(measures.HELD),
        "clamped": str(measures.CLAMPED),
        "too_small": str(measures.TOO_SMALL),
        "too_dear": str(measures.TOO_DEAR),
    }


def _holds(condition: str, features: frozenset[str]) -> bool:
    """Evaluate a directive: alternatives are separated by blanks, ``a&!b`` is a and not b."""
    return any(
        all(
            (term[1:] not in features) if term.startswith("!") else (term in features)
            for term in option.split("&")
        )
        for option in condition.split()
    )


def expand(text: str, features: frozenset[str], indent: str = "") -> list[str]:
    """Return the lines of a template that `features` need, with the pieces it includes in place."""
    lines: list[str] = []
    keep = [True]
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#if "):
            keep.append(keep[-1] and _holds(bare[4:], features))
        elif bare == "#end":
            keep.pop()
        elif keep[-1] and bare.startswith("#include "):
            margin = indent + line[: len(line) - len(line.lstrip())]
            lines += expand(template.PIECES[bare[9:]], features, margin)
        elif keep[-1]:
            lines.append((indent + line).rstrip())
    return lines


@lru_cache(maxsize=256)
def loop_source(features: frozenset[str]) -> str:
    """Return the loop for these features; what the strategy decides is left for `_loop`."""
    text = "\n".join(expand(template.LOOP, features))
    return Template(text).safe_substitute(_expressions(features))


class StepCall(NamedTuple):
    """How the loop calls a strategy's step.

    Parameters
    ----------
    source
        Of the step.
    arguments
        Names of its arguments in order, without those that became constants.
    rows
        Names of the arrays beside open, high, low and close that it reads, without ``prev_``.
    params
        Numeric parameters that it reads: name -> value (only its type matters).
    state
        Initial state of the strategy, None where it keeps none (only its types matter).
    """

    source: StepSource
    arguments: Sequence[str]
    rows: Sequence[str]
    params: Mapping[str, Any]
    state: tuple[Any, ...] | None = None


def kernel_source(step: StepCall, features: frozenset[str]) -> str:
    """Generate the module of a single backtest's kernel.

    Parameters
    ----------
    step
        What the loop calls.
    features
        Of the settings, see `Settings.features`.

    Returns
    -------
    str
        Source with a function ``run(equity, positions, first, last, warm, open, high, low, close, <rows>,
        <params>, <numbers>, [state])`` that fills the first two and returns orders, trades and the ending.
    """
    names = ["equity", "positions", "first", "last", "warm", *PRICES]
    types = ["_OUT"] * 2 + ["_t.int64"] * 3 + ["_ROW"] * 4
    more_names, more_types = step_arguments(step, _numbers(features))
    names += more_names
    types += more_types
    columns = range(len(ORDER_COLUMNS))
    tail = Template(template.SINGLE).substitute(
        cells=", ".join(f"x{j}" for j in columns),
        stores="\n    ".join(f"table[row, {j}] = x{j}" for j in columns),
        signature=", ".join(types),
        loop=_loop("run", names, step, features | {"record"}),
    )
    text = head("the engine's loop around one strategy's step", [step.source])
    return text + lots_text(features) + tail


def lots_text(features: frozenset[str]) -> str:
    """Give the function that cuts to lots, where there are any, by a name that no step may use."""
    if "lots" not in features:
        return ""
    text = collect(in_lots, {}).functions["in_lots"]
    text = text.replace("in_lots", "_in_lots").replace("NOTHING", repr(NOTHING))
    return f"\n\n@_njit(**_OPTIONS)\n{text}\n"


def step_arguments(step: StepCall, numbers: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Give names and numba types of a kernel's arguments that come from the step, `numbers` among them."""
    names, types = [f"row_{row}" for row in step.rows], ["_ROW"] * len(step.rows)
    for name, value in step.params.items():
        names.append(f"p_{name}")
        types.append(_numba_type(value))
    names += numbers
    types += ["_t.float64"] * len(numbers)
    if step.state is not None:
        names.append("state")
        types.append(f"_t.Tuple(({''.join(_numba_type(value) + ', ' for value in step.state)}))")
    return names, types


def sweep_source(step: StepCall, features: frozenset[str], metrics: tuple[str, ...]) -> str:
    """Generate the module of a sweep's kernel.

    Parameters
    ----------
    step, features
        As for `kernel_source`.
    metrics
        Names from `measures.STREAMED`; only their groups are computed.

    Returns
    -------
    str
        Source with a function ``run(out, begin, end, flags, equity, book, market, warms, index, params,
        states, settings, rows, first, last, open, high, low, close, risk_free, period)``: trials
        begin..end-1 fill their rows of `out`, a column a metric. Row ``index[i, j]`` of `rows` is the array
        that trial i reads as its j-th; `params`, `states` and `settings` hold its numbers. `equity` and
        `book` are scratch.
    """
    numbers = _numbers(features)
    given = {name: name for name in ("equity", "book", "first", "last", "warm", *PRICES)}
    given |= {name: f"settings[i, {j}]" for j, name in enumerate(numbers)}
    cash = f"settings[i, {numbers.index('initial_cash')}]"
    calm = features | _calm(step, features)
    return sweep_module(
        step,
        metrics,
        given,
        lambda names: _loop("_trial", names, step, calm),
        cash,
        imports=lots_text(features),
    )


def sweep_module(
    step: StepCall,
    metrics: tuple[str, ...],
    given: Mapping[str, str],
    loop: Callable[[Sequence[str]], str],
    cash: str,
    more: Mapping[str, str] | None = None,
    imports: str = "",
) -> str:
    """Generate the module of a sweep's kernel around an engine's loop.

    Parameters
    ----------
    step, metrics
        As for `sweep_source`.
    given
        What the loop takes beside the step's own arguments: name -> value for trial i.
    loop
        Writes the function ``_trial`` with arguments of these names.
    cash
        Initial cash of trial i.
    more
        Further arguments of ``run``, with their types.
    imports
        Of the loop, or functions that it calls.
    """
    values = dict(given)
    for j, row in enumerate(step.rows):
        values[f"row_{row}"] = f"rows[index[i, {j}]]"
    for j, (name, value) in enumerate(step.params.items()):
        values[f"p_{name}"] = _read(f"params[i, {j}]", value)
    if step.state is not None:
        parts = (_read(f"states[i, {j}]", value) for j, value in enumerate(step.state))
        values["state"] = f"({', '.join(parts)},)"
    arguments = {
        "out": "_TABLE", "begin": "_t.int64", "end": "_t.int64", "flags": "_FLAGS", "equity": "_OUT",
        "book": "_OUT", "market": "_ROW", "warms": "_FLAGS", "index": "_INDEX",
        "params": "_TABLE", "states": "_TABLE", "settings": "_TABLE", "rows": "_ROWS",
        "first": "_t.int64", "last": "_t.int64",
        **dict.fromkeys(PRICES, "_ROW"), "risk_free": "_t.float64", "period": "_t.float64",
        **(more or {}),
    }  # fmt: skip
    tail = Template(template.SWEEP).substitute(
        loop=loop(list(values)),
        signature=", ".join(arguments.values()),
        arguments=", ".join(arguments),
        book_size=measures.BOOK_SIZE,
        told=len(measures.TOLD),
        first_told=measures.BOOK_SIZE - len(measures.TOLD),
        values=", ".join(values.values()),
        cash=cash,
    )
    measured = Template(template.MEASURED).substitute(module=load(measures_source(metrics), "the metrics"))
    return head("many trials of one strategy", [step.source]) + measured + imports + tail


@lru_cache(maxsize=64)
def measures_source(metrics: tuple[str, ...]) -> str:
    """Generate the module that computes metrics of a simulation; it is the same for all strategies.

    Parameters
    ----------
    metrics
        As for `sweep_source`.

    Returns
    -------
    str
        Source with what a sweep's kernel imports, and a function ``run(out, equity, market, positions, pnl,
        paid, bars, traded, cash, risk_free, period)`` that fills row 0 of `out` with the metrics.
    """
    groups = [group for group in measures.GROUPS if not set(group.metrics).isdisjoint(metrics)]
    used = {argument for group in groups for argument in group.arguments}
    shared = ["finite", "book_trade", "book_end", "market_sums", "equity_blocks"]
    names = [*shared, *(group.function for group in groups)]
    lines = []
    if "sums" in used:  # on its way through the equity it finds the blocks' extremes, too
        names.append("return_sums")
        flags = (name in names for name in ("return_shape", "return_downside", "return_market"))
        arguments = f"equity, market, held, cash, risk_free, {', '.join(map(str, flags))}, highs, lows, sums"
        lines += [f"sums = np.empty({measures.SUMS})", f"valid = return_sums({arguments})"]
    else:
        lines.append("equity_blocks(equity, 0, highs, lows)")
    lines.append("book_end(book, lows)")
    for number, group in enumerate(groups):  # every group's tuple has a type of its own
        lines.append(f"found_{number} = {group.function}({', '.join(group.arguments)})")
        lines += [
            f"out[i, {metrics.index(name)}] = finite(found_{number}[{at}])"
            for at, name in enumerate(group.metrics)
            if name in metrics
        ]
    tail = Template(template.MEASURES).substitute(
        measures="\n    ".join(lines),
        block=measures.BLOCK,
        book_size=measures.BOOK_SIZE,
        traded=measures.TRADED,
        held=measures.HELD,
    )
    text = head("metrics of a simulation", [collect(getattr(measures, name), {}) for name in names]) + tail
    for name, types in MEASURES_SHARED.items():
        text = text.replace(
            f"@_njit(**_OPTIONS)\ndef {name}(", f"@_njit(({types},), cache=True, **_OPTIONS)\ndef {name}("
        )
    return text


def head(title: str, sources: Sequence[StepSource]) -> str:
    """Write the head of a generated module: imports, constants, the functions of all sources."""
    constants: dict[str, str] = {}
    functions: dict[str, str] = {}
    for source in sources:
        for table, texts in ((constants, source.constants), (functions, source.functions)):
            for name, text in texts.items():
                add(table, name, text)
    for name in constants.keys() & functions.keys():
        add(constants, name, functions[name])
    return Template(template.HEAD).substitute(
        title=title,
        constants="\n".join(sorted(constants.values())),
        functions="\n\n\n".join(f"@_njit(**_OPTIONS)\n{text}" for text in functions.values()),
    )


def _calm(step: StepCall, features: frozenset[str]) -> set[str]:
    """Tell whether quiet bars can be passed many at a time: not where each depends on the one before."""
    return set() if step.state is not None or "trailing_stop" in features else {"calm"}


def _loop(name: str, names: Sequence[str], step: StepCall, features: frozenset[str]) -> str:
    return Template(loop_source(features)).substitute(
        name=name, arguments=", ".join(names), **decision_of(step, ACCOUNT, 12)
    )


def decision_of(step: StepCall, account: Mapping[str, str], depth: int) -> dict[str, str]:
    """Write how a loop asks the step: ``before`` the bars, and on each ``preview``, ``decision``, ``after``.

    Parameters
    ----------
    step
        What is asked.
    account
        Expressions of the loop for what the engine itself knows.
    depth
        Blanks before a line in the loop's body.
    """
    # What was there one bar before stays in a register: that is quicker than to read it again.
    arrays: dict[str, str] = {}
    values, preview = [], []
    for argument in step.arguments:
        array = _array_before(argument, step.rows)
        if array is None:
            values.append(_expression(argument, step.rows, step.params, account))
            preview.append(values[-1])
        else:
            arrays[f"was_{array}"] = array
            values.append(f"was_{array}")
            preview.append(f"{array}[np.uint64(t - 1)]")
    answer = "answer, state" if step.state is not None else "answer"
    return {
        "before": ("\n" + " " * (depth - 4)).join(
            f"{was} = {array}[start - 1] if start > 0 else _nan" for was, array in arrays.items()
        ),
        "preview": f"{step.source.name}({', '.join(preview)})",
        "decision": f"{answer} = {step.source.name}({', '.join(values)})",
        "after": ("\n" + " " * depth).join(f"{was} = {array}[u]" for was, array in arrays.items()),
    }


def _numbers(features: frozenset[str]) -> list[str]:
    return [name for name, feature in NUMBERS if feature in features]


def _read(cell: str, value: Any) -> str:
    """Return the expression that gives a number of a float table its own type."""
    if isinstance(value, bool):
        return f"{cell} != 0.0"
    return f"int({cell})" if isinstance(value, int) else cell


def _numba_type(value: Any) -> str:
    if isinstance(value, bool):
        return "_t.boolean"
    return "_t.int64" if isinstance(value, int) else "_t.float64"


def _expression(
    argument: str, rows: Sequence[str], params: Mapping[str, Any], account: Mapping[str, str]
) -> str:
    """Return what the loop passes for an argument of the step."""
    if argument == "state":
        return "state"
    if argument in params:
        return f"p_{argument}"
    if argument in rows:
        return f"row_{argument}[u]"
    return f"{argument}[u]" if argument in PRICES else account[argument]


def _array_before(argument: str, rows: Sequence[str]) -> str | None:
    """Return the array whose value of one bar before an argument asks for; None where it asks for no such."""
    if not argument.startswith("prev_") or argument in rows:
        return None
    name = argument.removeprefix("prev_")
    return name if name in PRICES else f"row_{name}"
