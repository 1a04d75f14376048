"""Generates the source of a kernel: one strategy's step, and the engine's loop with the features in use.

Numbers (parameters, fractions, prices) are arguments of the kernel, so a change of a parameter recompiles
nothing; what is switched on or off, and text parameters, are part of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Template
from typing import Any

from admf.simulation import template
from admf.simulation.records import ORDER_COLUMNS
from admf.simulation.settings import NUMBERS
from admf.simulation.step_source import StepSource

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
    if "cash_fraction" in features:
        want, whole_lots = (
            f"{free_of_fixed} / unit_cost",
            f"({free_of_fixed} // (unit_cost * lot_size)) * lot_size",
        )
    else:
        want, whole_lots = "units * (side * target)", "(units * (side * target) // lot_size) * lot_size"
    return {
        "entry_slipped": "q * (1.0 + side * slippage)" if slippage else "q",
        "entry_price": "slipped * (1.0 + side * spread)" if spread else "slipped",
        "exit_price": "q * (1.0 - side * slippage)" if slippage else "q",
        "unit_cost": " + ".join(unit_cost),
        "want": whole_lots if "lots" in features else want,
        "affordable": f"not (more > 0.0 and {cost_of_more} > free)",
        "entry_fee": fee("more", features),
        "exit_fee": fee("out", features),
        "entry_slippage": "more * abs(slipped - q)" if slippage else "0.0",
        "entry_spread": "more * abs(price - slipped)" if spread else "0.0",
        "exit_slippage": "out * abs(price - q)" if slippage else "0.0",
        "basis": "close[t - 1]" if "signal_close" in features else "entry",
        # `reenter` orders whatever is decided, except to be flat when flat
        "differs": "v != held or v != 0.0" if "reenter" in features else "v != held",
        "width": str(len(ORDER_COLUMNS)),
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
    """Return the loop for these features; ``$arguments`` and ``$decision`` are left for the strategy."""
    text = "\n".join(expand(template.LOOP, features))
    return Template(text).safe_substitute(_expressions(features))


def kernel_source(
    step: StepSource,
    arguments: Sequence[str],
    rows: Sequence[str],
    params: Mapping[str, Any],
    features: frozenset[str],
    state: tuple[Any, ...] | None = None,
) -> str:
    """Generate the module of a kernel.

    Parameters
    ----------
    step
        Source of the step.
    arguments
        Names of the step's arguments in order, without those that became constants.
    rows
        Names of the arrays beside open, high, low and close that the step reads, without ``prev_``.
    params
        Numeric parameters that the step reads: name -> value (only its type matters).
    features
        Of the settings, see `Settings.features`.
    state
        Initial state of the strategy, None where it keeps none (only its types matter).

    Returns
    -------
    str
        Source with a function ``run(equity, positions, first, last, warm, open, high, low, close, <rows>,
        <params>, <numbers>, [state])`` that fills the first two and returns orders, trades and the ending.
    """
    names = ["equity", "positions", "first", "last", "warm", "open", "high", "low", "close"]
    types = ["_OUT"] * 2 + ["_t.int64"] * 3 + ["_ROW"] * 4
    for row in rows:
        names.append(f"row_{row}")
        types.append("_ROW")
    for name, value in params.items():
        names.append(f"p_{name}")
        types.append(_numba_type(value))
    for name, feature in NUMBERS:
        if feature in features:
            names.append(name)
            types.append("_t.float64")
    if state is not None:
        names.append("state")
        types.append(f"_t.Tuple(({''.join(_numba_type(value) + ', ' for value in state)}))")
    values = ", ".join(_expression(argument, rows, params) for argument in arguments)
    answer = "answer, state" if state is not None else "answer"
    loop = Template(loop_source(features)).substitute(
        arguments=", ".join(names), decision=f"{answer} = {step.name}({values})"
    )
    functions = "\n\n\n".join(f"@_njit(**_OPTIONS)\n{text}" for text in step.functions.values())
    columns = range(len(ORDER_COLUMNS))
    return Template(template.MODULE).substitute(
        constants="\n".join(sorted(step.constants.values())),
        step=functions,
        cells=", ".join(f"x{j}" for j in columns),
        stores="\n    ".join(f"table[row, {j}] = x{j}" for j in columns),
        signature=", ".join(types),
        loop=loop,
    )


def _numba_type(value: Any) -> str:
    if isinstance(value, bool):
        return "_t.boolean"
    return "_t.int64" if isinstance(value, int) else "_t.float64"


def _expression(argument: str, rows: Sequence[str], params: Mapping[str, Any]) -> str:
    """Return what the loop passes for an argument of the step."""
    if argument == "state":
        return "state"
    if argument in params:
        return f"p_{argument}"
    before = argument.startswith("prev_") and argument not in rows
    name = argument.removeprefix("prev_") if before else argument
    when = "t - 1" if before else "t"
    if name in rows:
        return f"row_{name}[{when}]"
    if name in ("open", "high", "low", "close"):
        return f"{name}[{when}]"
    return ACCOUNT[argument]
