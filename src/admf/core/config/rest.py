"""What is left of a config without what is wrong with it: floors above judge that, so that all is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from admf.core.config.models import DataConfig
from admf.core.config.places import View
from admf.core.config.section import Section
from admf.core.config.sections import registered_sections
from admf.core.config.workflow import WorkflowConfig
from admf.errors import ConfigError, Problem


@dataclass(frozen=True)
class Rest:
    """A config, or what is left of it.

    Parameters
    ----------
    config
        Where something is wrong: only type, allow_modules, data_config and the section of the type may be
        relied on, each with the default in place of what was wrong. The section is None where it cannot be
        without that.
    wrong
        Dotted paths of what is wrong.
    whole
        Whether all files that the config builds on were found.
    """

    config: WorkflowConfig
    wrong: frozenset[str] = frozenset()
    whole: bool = True

    @property
    def section(self) -> Section | None:
        """The section of the type; None where nothing is left of it."""
        return getattr(self.config, f"{self.config.type}_config", None)

    def sound(self, path: str) -> bool:
        """Say whether nothing is wrong at, above or below a path, as ``workflow.data_config.symbols``."""
        return not any(_within(path, wrong) or _within(wrong, path) for wrong in self.wrong)


def rest_of(data: Mapping[str, Any], problems: Iterable[Problem], view: View, *, whole: bool) -> Rest | None:
    """Take out what is wrong.

    Parameters
    ----------
    data
        What stands under ``workflow``, all bases merged.
    problems
        What was found wrong with it.
    view
        Where its keys stand.
    whole
        As for `Rest`.

    Returns
    -------
    Rest or None
        None: nothing can be said to be meant.
    """
    wrong = frozenset(problem.path for problem in problems)
    kind = _type(data)
    if kind is None:
        return None
    modules: Any = data.get("allow_modules")
    usable = isinstance(modules, list) and not any(_within(path, "workflow.allow_modules") for path in wrong)
    key, model = f"{kind}_config", registered_sections()[kind]
    parts: dict[str, Any] = {
        name: _left_of(part, data.get(name), f"workflow.{name}", wrong)
        for name, part in (("data_config", DataConfig), (key, model))
    }
    parts["data_config"] = parts["data_config"] or DataConfig()
    config = WorkflowConfig.model_construct(type=kind, allow_modules=modules if usable else [], **parts)
    return Rest(config.placed(view), wrong, whole)


def _type(data: Mapping[str, Any]) -> str | None:
    """Give the type; where that is wrong, the one whose section is there."""
    sections = registered_sections()
    kind = data.get("type", data.get("workflow_type"))
    if isinstance(kind, str) and kind in sections:
        return kind
    meant = [name for name in sections if isinstance(data.get(f"{name}_config"), dict)]
    return meant[0] if len(meant) == 1 else None


def _left_of(model: type[Section], data: Any, path: str, wrong: Iterable[str]) -> Section | None:
    """Make a section without its wrong keys; None where there is none without them."""
    if not isinstance(data, dict):
        return None
    left = deepcopy(data)
    out = [each.removeprefix(path).lstrip(".") for each in wrong if _within(each, path)]
    while _take_all_out(left, out):
        try:
            return model(**left)
        except ConfigError as error:  # a default that does not go with the rest, or a key that is missing now
            out = [problem.path for problem in error.problems]
    return None


def _take_all_out(data: dict[str, Any], paths: Iterable[str]) -> bool:
    """Remove the innermost key at or above each path; False where that is all of the data."""
    gone: list[str] = []
    for path in paths:
        if not any(_within(path, each) for each in gone):  # two entries of one list go with it
            place = _take_out(data, path)
            if place is None:
                return False
            gone.append(place)
    return True


def _take_out(data: dict[str, Any], path: str) -> str | None:
    """Remove the innermost key at or above a path, and give its path; None where that is all of the data."""
    found: tuple[dict[str, Any], str] | None = None
    inner: Any = data
    whole = path
    while isinstance(inner, dict) and path:
        # a key may have dots in it, as that of a setting
        key = max((name for name in inner if _within(path, str(name))), key=len, default=None)
        if key is None:
            break  # what is missing: the section that misses it goes
        found, inner, path = (inner, key), inner[key], path[len(key) + 1 :]
    if found is None:
        return None
    del found[0][found[1]]
    return whole.removesuffix(path).rstrip(".")


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")
