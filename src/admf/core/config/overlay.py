"""Puts a config together from several sources: ``extends``, presets, ``--set``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any

from admf.core.config.faults import Path
from admf.core.config.hints import nearest
from admf.core.config.places import Mark, View, dotted
from admf.core.config.plain import short
from admf.core.config.sections import section_keys
from admf.core.config.workflow import WorkflowConfig
from admf.core.config.yaml_file import read_file
from admf.core.config.yaml_loader import Document, read_text, read_value
from admf.errors import ConfigError, Problem

MAX_FILES = 30
_PRESET = "preset:"


def preset_names() -> list[str]:
    """Give the names that ``extends: preset:NAME`` knows."""
    return sorted(
        item.name.removesuffix(".yaml") for item in _presets().iterdir() if item.name.endswith(".yaml")
    )


def _presets() -> Any:
    return files("admf.core") / "presets"


class Overlay:
    """Resolves ``extends`` of one config: a base first, then what extends it; all problems are collected."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.files = 0
        self.incomplete = False  # a base is missing: what the models would say about the rest may be wrong

    def resolve(self, document: Document, folder: FilePath, chain: Sequence[str]) -> Document:
        """Merge a document over everything that it extends.

        Parameters
        ----------
        document
            As it was read.
        folder
            Where its relative names start.
        chain
            Names of the documents that led here, this one last.

        Returns
        -------
        What stands under ``workflow``, with marks relative to it.
        """
        bases = self._extends(document)
        inner = self._inner(document)
        result: Document | None = None
        for key, base in bases:
            loaded = self._load(base, folder, chain, View((), document.marks), key)
            if loaded is None:
                self.incomplete = True
            else:
                result = loaded if result is None else merge(result, loaded)
        return inner if result is None else merge(result, inner)

    def _extends(self, document: Document) -> list[tuple[Path, str]]:
        value = document.data.get("extends") if isinstance(document.data, dict) else None
        if value is None:
            return []
        view, allowed = View((), document.marks), "a file, preset:NAME, or a list of them"
        bases: list[tuple[Path, str]] = []
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            key: Path = ("extends", position) if isinstance(value, list) else ("extends",)
            if isinstance(item, str) and item.strip():
                bases.append((key, item))
            else:
                problem = view.problem(key, "must name a file", found=short(item), allowed=allowed)
                self.problems.append(problem)
                self.incomplete = True
        return bases

    def _inner(self, document: Document) -> Document:
        """Give the part under ``workflow``; a document may also consist of that part alone."""
        data, marks, view = document.data, document.marks, View((), document.marks)
        if not isinstance(data, dict):
            form = '"workflow:" with the keys below it, indented'
            self.problems.append(view.problem((), "must be a mapping", found=short(data), allowed=form))
            self.incomplete = True
            return Document(document.name, {}, _root(marks))
        rest = {key: value for key, value in data.items() if key != "extends"}
        known = {*WorkflowConfig.model_fields, *section_keys(), "workflow_type"}
        if "workflow" not in data and (not rest or known & rest.keys()):
            return Document(document.name, rest, _without(marks, "extends"))
        for key in rest:
            if key != "workflow":
                inside = f"{key} stands below workflow" if key in known else None
                hint = inside or nearest(key, ("workflow", "extends"))
                self.problems.append(
                    view.problem((key,), "is an unknown key", allowed="workflow, extends", hint=hint)
                )
        inner = rest.get("workflow", {})
        self.incomplete |= "workflow" not in rest and "extends" not in data
        below = {path[1:]: mark for path, mark in marks.items() if path[:1] == ("workflow",)}
        if inner is None and "extends" in data:
            inner = {}
        if not isinstance(inner, dict):
            found = short(inner)
            self.problems.append(
                view.problem(("workflow",), "must be a section", found=found, allowed="lines of key: value")
            )
            inner, self.incomplete = {}, True
        if "extends" in inner:
            hint = "write extends at the top of the file, beside workflow"
            self.problems.append(
                view.problem(("workflow", "extends"), "stands in the wrong place", hint=hint)
            )
            del inner["extends"]
        return Document(document.name, inner, {**_root(marks), **below})

    def _load(
        self, base: str, folder: FilePath, chain: Sequence[str], view: View, key: Path
    ) -> Document | None:
        self.files += 1
        if self.files > MAX_FILES:
            if self.files == MAX_FILES + 1:
                self.problems.append(view.problem(key, f"leads to more than {MAX_FILES} files"))
            return None
        try:
            if base.startswith(_PRESET):
                return self._preset(base, chain, view, key)
            path = folder / base
            identity = os.path.realpath(path)
            name = os.path.normpath(path)
            if identity in chain:
                names = [os.path.basename(item) for item in (*chain[chain.index(identity) :], identity)]
                self.problems.append(view.problem(key, "goes round in a circle", found=" -> ".join(names)))
                return None
            if not path.is_file():
                hint = (
                    f"write preset:{base}"
                    if base in preset_names()
                    else "the name is relative to the file that extends"
                )
                self.problems.append(
                    view.problem(key, "names a file that does not exist", found=name, hint=hint)
                )
                return None
            return self.resolve(read_file(path, name), path.parent, (*chain, identity))
        except ConfigError as error:
            self.problems.extend(error.problems)
        except (OSError, ValueError):
            self.problems.append(view.problem(key, "is not a possible file name", found=short(base)))
        return None

    def _preset(self, base: str, chain: Sequence[str], view: View, key: Path) -> Document | None:
        name = base.removeprefix(_PRESET)
        if name not in preset_names():
            near = get_close_matches(name, preset_names(), 1)
            hint = f"did you mean preset:{near[0]}?" if near else None
            allowed = ", ".join(_PRESET + known for known in preset_names())
            self.problems.append(
                view.problem(key, "names an unknown preset", found=base, allowed=allowed, hint=hint)
            )
            return None
        text = (_presets() / f"{name}.yaml").read_text(encoding="utf-8")
        return self.resolve(read_text(text, base), FilePath(), (*chain, base))


def merge(base: Document, over: Document) -> Document:
    """Lay one document over another: mappings key by key, everything else (lists too) is replaced."""
    marks = dict(base.marks)
    data = _merge(base.data, over.data, (), marks, over.marks)
    marks.pop((), None)
    marks.update(_root(over.marks))
    return Document(over.name, data, marks)


def _merge(base: Any, over: Any, path: Path, marks: dict[Path, Mark], new: dict[Path, Mark]) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        _forget(marks, path)
        marks.update({place: mark for place, mark in new.items() if place[: len(path)] == path})
        return over
    result = dict(base)
    for key, value in over.items():
        below = (*path, key)
        result[key] = _merge(base[key], value, below, marks, new) if key in base else value
        if key not in base:
            marks.update({place: mark for place, mark in new.items() if place[: len(below)] == below})
        elif below in new:
            marks[below] = new[below]
    return result


def _root(marks: dict[Path, Mark]) -> dict[Path, Mark]:
    return {(): marks[()]} if () in marks else {}


def _without(marks: dict[Path, Mark], key: str) -> dict[Path, Mark]:
    return {path: mark for path, mark in marks.items() if path[:1] != (key,)}


def _forget(marks: dict[Path, Mark], path: Path) -> None:
    for place in [place for place in marks if place[: len(path)] == path]:
        del marks[place]


def apply_overrides(document: Document, overrides: Iterable[str]) -> list[Problem]:
    """Set single values as ``--set a.b=value`` does: the key relative to ``workflow``, the value YAML."""
    problems: list[Problem] = []
    for override in overrides:
        key, separator, text = override.partition("=")
        label = f"--set {key.strip()}"
        if not separator or not key.strip():
            problems.append(
                Problem(
                    "", "has the wrong form", file=label, allowed="KEY=VALUE, as in --set log_level=DEBUG"
                )
            )
            continue
        names = key.strip().removeprefix("workflow.").split(".")
        try:
            problem = _set(document, names, read_value(text, label), label)
        except ConfigError as error:
            problems.extend(error.problems)
        else:
            problems.extend([problem] if problem else [])
    return problems


def _set(document: Document, names: list[str], value: Any, label: str) -> Problem | None:
    path: Path = ()
    target: Any = document.data
    for position, name in enumerate(names):
        where = dotted(("workflow", *path))
        if not name:
            return Problem(
                where, "is followed by an empty key", file=label, allowed="KEY=VALUE, as in log_level=DEBUG"
            )
        key: str | int = name
        if isinstance(target, list):
            if not name.isascii() or not name.isdigit() or int(name[:9]) >= len(target):
                last = len(target) - 1
                return Problem(
                    where,
                    f"has no entry {name}",
                    file=label,
                    allowed=f"0 to {last}" if target else "it is empty",
                )
            key = int(name)
        elif not isinstance(target, dict):
            return Problem(where, f"is no section: it has no key {name}", file=label)
        path = (*path, key)
        if position == len(names) - 1:
            _forget(document.marks, path)
            target[key] = value
        elif isinstance(target, dict):
            if target.get(name) is None:
                target[name] = {}
                document.marks[path] = Mark(label, None)
            target = target[name]
        else:
            target = target[key]
    document.marks[path] = Mark(label, None)
    return None
