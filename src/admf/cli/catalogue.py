"""`admf components` and `admf version`: what is there."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

import admf
from admf.cli.output import add_row, plain, stdout_console, table, write_json
from admf.core.registry import KINDS, nearest, registry_of
from admf.errors import ComponentError

_WITH_PARAMETERS = ("allocation", "strategy")

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
    if kind and kind not in KINDS:
        owners = [each for each in sorted(KINDS) if kind in registry_of(each)]
        if owners:
            raise ComponentError(
                f"{kind!r} is no kind of component, but a component of kind {owners[0]}",
                f"admf components {owners[0]} {kind}",
            )
    found = {each: _entries(each) for each in kinds}
    if as_json:
        write_json(found)
        return
    for each, entries in found.items():
        sheet = table(each, "name", "also", "what it is")
        for entry in entries:
            add_row(sheet, entry["name"], ", ".join(entry["aliases"]), entry["summary"])
        stdout_console().print(sheet)
    stdout_console().print("parameters of one: admf components KIND NAME", soft_wrap=True)


def show_component(kind: str, name: str, as_json: bool) -> None:
    """Show one component: what it is, its parameters and constraints, and how a config names it.

    Raises
    ------
    ComponentError
        There is no such kind, or none of that name.
    """
    from admf.strategies.describe import describe, describe_parameters, example_params

    entries = {name: entry for entry in _entries(kind) for name in (entry["name"], *entry["aliases"])}
    if name not in entries:
        near = nearest(name, entries)
        raise ComponentError(
            f"no {kind} is called {name!r}",
            f"did you mean {near!r}?" if near else f"`admf components {kind}` lists them",
        )
    entry = entries[name]
    document: dict[str, Any] = {**entry}
    if kind in _WITH_PARAMETERS:
        component = registry_of(kind).get(entry["name"])
        params = example_params(component)
        document |= {
            "description": describe(component),
            "parameters": [asdict(each) for each in describe_parameters(component)],
            "constraints": list(getattr(component, "constraints", ())),
            "config": f"{kind}: {{name: {entry['name']}{f', params: {params}' if params else ''}}}",
        }
    if as_json:
        write_json({kind: [document]})
    else:
        _show(document)


def _show(document: dict[str, Any]) -> None:
    console = stdout_console()
    also = f" (also {', '.join(document['aliases'])})" if document["aliases"] else ""
    lines = [f"{document['name']}{also}", document.get("description") or document["summary"]]
    console.print(plain("\n".join(lines)), soft_wrap=True)
    if "parameters" not in document:
        return
    if document["parameters"]:
        sheet = table(None, "parameter", "type", "allowed", "default", "what it is")
        for each in document["parameters"]:
            default = "must be given" if each["required"] else each["default"]
            add_row(sheet, each["name"], each["type"], each["allowed"], default, each["meaning"])
        console.print(sheet)
    else:
        console.print("no parameters")
    for constraint in document["constraints"]:
        console.print(plain(f"must satisfy: {constraint}"), soft_wrap=True)
    console.print(plain(f"in a config: {document['config']}"), soft_wrap=True)


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
