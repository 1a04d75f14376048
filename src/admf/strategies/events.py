"""Steps that act on conditions for entry and exit: the common ground of `rules` and `signals`.

What the conditions mean, at a bar's close:

- entry: target +1.0; short entry: target -1.0, also straight from the other side.
- exit: target 0.0 while long; short exit: target 0.0 while short. Elsewhere they say nothing.
- An entry and an exit of the same side at once: the exit counts while that side is held, else the entry.
- Both entries at once contradict each other: neither counts.
- Nothing of this: no decision (NaN).
"""

from __future__ import annotations

import hashlib
import linecache
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

from admf.indicators import Indicator
from admf.strategies.expressions import Expression

EVENTS = ("entry", "exit", "short_entry", "short_exit")


@dataclass(frozen=True)
class Configured:
    """A strategy that was made from a config.

    Parameters
    ----------
    indicators
        Specs by name.
    columns
        Columns of the data file by name.
    on_bar
        The step.
    """

    indicators: Mapping[str, Indicator]
    columns: Mapping[str, str]
    on_bar: Callable[..., float]


def step_of(conditions: Mapping[str, Expression]) -> Callable[..., float]:
    """Write the step function for conditions.

    Parameters
    ----------
    conditions
        Some of `EVENTS`, each with its condition.

    Returns
    -------
    function
        A step whose arguments are the names that the conditions use, and ``position``. `inspect.getsource`
        gives its source, as for any other.
    """
    names = dict.fromkeys(name for condition in conditions.values() for name in condition.names)
    arguments = [*names, *([] if "position" in names else ["position"])]
    lines = [f"def on_bar({', '.join(arguments)}):"]
    numbering = count(1)
    for event, condition in conditions.items():
        before, expression = condition.source(numbering)
        lines += [f"    {line}" for line in (*before, f"_{event} = {expression}")]
    if {"entry", "short_entry"} <= set(conditions):
        lines += [
            "    if _entry and _short_entry:",
            "        _entry = False",
            "        _short_entry = False",
        ]
    lines += _branch("position > 0.0", [("short_entry", -1.0), ("exit", 0.0)], conditions)
    lines += _branch("position < 0.0", [("entry", 1.0), ("short_exit", 0.0)], conditions)
    for event, target in (("entry", 1.0), ("short_entry", -1.0)):
        if event in conditions:
            lines += [f"    if _{event}:", f"        return {target}"]
    return _define("\n".join([*lines, "    return nan", ""]))


def _branch(held: str, cases: list[tuple[str, float]], conditions: Mapping[str, Expression]) -> list[str]:
    lines = []
    for event, target in cases:
        if event in conditions:
            lines += [f"        if _{event}:", f"            return {target}"]
    return [f"    if {held}:", *lines] if lines else []


@lru_cache(maxsize=1024)
def _define(source: str) -> Callable[..., float]:
    """Make a function of source that this module has written; the same source gives the same function."""
    filename = f"<admf step {hashlib.sha256(source.encode()).hexdigest()[:16]}>"
    # linecache is where inspect and tracebacks look for source that is in no file.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"nan": math.nan, "__name__": "admf.strategies.generated"}
    exec(compile(source, filename, "exec"), scope)  # noqa: S102 - written by us from checked trees
    step: Callable[..., float] = scope["on_bar"]
    return step
