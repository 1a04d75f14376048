"""`admf components` and `admf version`: what is there."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import admf
from admf.cli.output import add_row, stdout_console, table, write_json
from admf.core.registry import KINDS, registry_of

# What decides about numbers and about the server; the run's manifest has them all.
_FOUNDATION = ("prefect", "numpy", "pandas", "numba", "TA-Lib", "pydantic")


def list_components(kind: str | None, as_json: bool) -> None:
    """List the components of one kind, or of all: those that were registered, and TA-Lib's functions.

    Raises
    ------
    ComponentError
        There is no such kind.
    """
    kinds = [kind] if kind else sorted(KINDS)
    found = {each: _entries(each) for each in kinds}
    if as_json:
        write_json(found)
        return
    for each, entries in found.items():
        sheet = table(each, "name", "also", "what it is")
        for entry in entries:
            add_row(sheet, entry["name"], ", ".join(entry["aliases"]), entry["summary"])
        stdout_console().print(sheet)


def _entries(kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = [
        {"name": each.name, "aliases": each.aliases, "summary": each.summary, "address": each.address}
        for each in registry_of(kind).entries()
    ]
    return entries + (_talib_functions() if kind == "indicator" else [])


def _talib_functions() -> list[dict[str, Any]]:
    from admf.indicators import library

    functions = []
    for name in library.names():
        facts = library.facts(name)
        given = ", ".join(f"{key}={value}" for key, value in facts.parameters.items())
        outputs = "" if len(facts.outputs) == 1 else f" -> {', '.join(facts.outputs)}"
        summary = f"{facts.title}: {name}({given}){outputs}"
        functions.append({"name": name, "aliases": (), "summary": summary, "address": f"TA-Lib:{name}"})
    return functions


def show_versions(as_json: bool) -> None:
    """Print the versions of this package and of what it stands on."""
    versions = {"admf": admf.__version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in _FOUNDATION}
    if as_json:
        write_json(versions)
        return
    sheet = table(None, "", "")
    for name, number in versions.items():
        add_row(sheet, name, number)
    stdout_console().print(sheet)
