"""Generates and compiles the desk: one module for the parts of it that are in use."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from admf.simulation.orders.generate import TYPES, engine_text
from admf.simulation.portfolio.desk.run import run_rows

_ROWS_OF_INTEGERS = '_t.Array(_t.int64, {}, "C", readonly=True)'
_TYPES = TYPES | {
    **dict.fromkeys(("states", "plan", "sheet", "table", "tracks", "held_track", "carry_track"), "_TABLE"),
    "account": "_OUT", "facts": "_ROWS", "targets": "_ROWS", "spans": "_ROW", "weights": "_ROW",
    "at": _ROWS_OF_INTEGERS.format(2),
    **dict.fromkeys(("days", "months", "when"), _ROWS_OF_INTEGERS.format(1)),
    **dict.fromkeys(("i", "origin", "first", "last", "used", "rule"), "_t.int64"),
    **dict.fromkeys(("closing", "late", "wish", "stays", "all_of_them"), "_t.boolean"),
}  # fmt: skip


@lru_cache(maxsize=64)
def desk_source(features: frozenset[str]) -> str:
    """Generate the module of the desk with the parts that `features` name; its function is ``run``."""
    text = engine_text("the portfolio's desk of orders", [run_rows], _TYPES, features | {"account"})
    return text + "\n\nrun = run_rows\nrun.compile(run.types)\nrun.disable_compile()\n"


def is_compiled(features: frozenset[str]) -> bool:
    """Tell whether such a desk is compiled already."""
    from admf.simulation.compile import is_kept

    return is_kept(desk_source(features))


def compiled_desk(features: frozenset[str]) -> Callable[..., Any]:
    """Compile the desk, or load it from the cache."""
    from admf.simulation.compile import compile_kernel

    return compile_kernel(desk_source(features), "the order engine of portfolios for these settings")
