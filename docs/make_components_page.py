"""Make docs/components.md, the page of all strategies and allocations, from what each says of itself.

python docs/make_components_page.py

A test compares the page with what this makes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from admf.core.registry import Entry, registry_of
from admf.strategies.describe import ParameterInfo, describe, describe_parameters, example_params

PAGE = Path(__file__).resolve().parent / "components.md"

_HEAD = """# All strategies and allocations
Made from the code by `python docs/make_components_page.py`; `admf components strategy sma_cross` shows one of
them. A strategy stands under `backtest_config.strategy`, an allocation under
`backtest_config.portfolio.allocation`, each with its `name` and its `params`; in Python they are the
arguments `strategy` or `allocation`, and `params`. A parameter that is not given has its default.
"""
_KINDS = {"strategy": "Strategies", "allocation": "Allocations"}
_COLUMNS = ("parameter", "type", "allowed", "default", "what it is")


def page() -> str:
    """Give the text of the page."""
    return "\n".join([_HEAD, *(line for kind, title in _KINDS.items() for line in _part(kind, title))])


def _part(kind: str, title: str) -> Iterator[str]:
    yield f"## {title}"
    for entry in registry_of(kind).entries():
        if entry.address.startswith("admf."):
            yield from _component(kind, entry)


def _component(kind: str, entry: Entry) -> Iterator[str]:
    component = registry_of(kind).get(entry.name)
    yield f"### {entry.name}"
    if entry.aliases:
        yield f"Also called {', '.join(f'`{alias}`' for alias in entry.aliases)}.\n"
    yield f"{_code(describe(component))}\n"
    parameters = describe_parameters(component)
    if parameters:
        for row in (_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, parameters)):
            yield f"| {' | '.join(row)} |"
    else:
        yield "It has no parameters."
    yield ""
    for constraint in getattr(component, "constraints", ()):
        yield f"They must satisfy `{constraint}`.\n"
    params = example_params(component)
    if params:
        yield f"```yaml\n{kind}: {{name: {entry.name}, params: {params}}}\n```\n"


def _row(each: ParameterInfo) -> tuple[str, ...]:
    default = "must be given" if each.required else each.default
    return f"`{each.name}`", each.type, each.allowed, default, _code(each.meaning)


def _code(text: str) -> str:
    """Turn the marks of docstrings into Markdown's."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
