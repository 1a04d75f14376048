"""`admf components` and `admf version`: what is there."""

from __future__ import annotations

import platform
from importlib import metadata

import admf
from admf.cli.output import add_row, stdout_console, table, write_json
from admf.core.registry import KINDS, registry_of

# What decides about numbers and about the server; the run's manifest has them all.
_FOUNDATION = ("prefect", "numpy", "pandas", "numba", "TA-Lib", "pydantic")


def list_components(kind: str | None, as_json: bool) -> None:
    """List the registered components of one kind, or of all.

    Raises
    ------
    ComponentError
        There is no such kind.
    """
    kinds = [kind] if kind else sorted(KINDS)
    found = {each: registry_of(each).entries() for each in kinds}
    if as_json:
        write_json(
            {
                each: [
                    {
                        "name": entry.name,
                        "aliases": entry.aliases,
                        "summary": entry.summary,
                        "address": entry.address,
                    }
                    for entry in entries
                ]
                for each, entries in found.items()
            }
        )
        return
    for each, entries in found.items():
        sheet = table(each, "name", "also", "what it is")
        for entry in entries:
            add_row(sheet, entry.name, ", ".join(entry.aliases), entry.summary)
        stdout_console().print(sheet)


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
