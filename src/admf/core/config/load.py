"""`load_config` and `parse_config`: from a file or a mapping to a `WorkflowConfig`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from admf.core.config.explain import in_order
from admf.core.config.overlay import Overlay, apply_overrides
from admf.core.config.places import View
from admf.core.config.plain import to_plain
from admf.core.config.rest import Rest, rest_of
from admf.core.config.workflow import WorkflowConfig
from admf.core.config.yaml_file import read_file
from admf.core.config.yaml_loader import Document
from admf.errors import ConfigError, Problem

#: Asked where something is wrong: what else is, in what is left of the config.
Further: TypeAlias = Callable[[Rest], list[Problem]]


def load_config(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    allow_modules: Sequence[str] = (),
    further: Further | None = None,
) -> WorkflowConfig:
    """Read the config of a workflow from a YAML file.

    Parameters
    ----------
    path
        The file. It holds ``workflow: {...}``, and may name other files in ``extends``.
    overrides
        ``KEY=VALUE``; the key is dotted and relative to ``workflow``, the value is YAML. The last one wins.
    allow_modules
        Modules that a strategy may come from, besides those that the config allows.
    further
        Called where something is wrong, with what is left of the config: what the models cannot judge, as the
        names of strategies, is then told at the same time.

    Raises
    ------
    ConfigError
        Something is wrong; lists every problem with its file and line.
    """
    name = os.fspath(path)
    if not isinstance(name, str):
        name = os.fsdecode(name)
    document = read_file(Path(name), name)
    return _finish(document, Path(name).parent, [os.path.realpath(name)], overrides, allow_modules, further)


def parse_config(
    mapping: Mapping[str, Any],
    overrides: Sequence[str] = (),
    allow_modules: Sequence[str] = (),
    further: Further | None = None,
) -> WorkflowConfig:
    """Make the config of a workflow from a mapping: ``{"workflow": {...}}``, or what stands inside.

    ``extends`` is relative to the working directory. Otherwise as `load_config`.
    """
    if isinstance(mapping, WorkflowConfig) and not overrides and not allow_modules:
        return mapping
    outer = isinstance(mapping, Mapping) and "workflow" in mapping
    plain, problems = to_plain(mapping, View(() if outer else ("workflow",)))
    if problems:
        raise ConfigError(problems)
    return _finish(Document("the config", plain), Path(), [], overrides, allow_modules, further)


def _finish(
    document: Document,
    folder: Path,
    chain: list[str],
    overrides: Sequence[str],
    allow_modules: Iterable[str],
    further: Further | None,
) -> WorkflowConfig:
    overlay = Overlay()
    merged = overlay.resolve(document, folder, chain)
    problems = [*overlay.problems, *apply_overrides(merged, overrides)]
    source = document.name if document.marks else None
    _allow(merged.data, allow_modules)
    view = View(("workflow",), merged.marks, whole=not overlay.incomplete)
    try:
        config = WorkflowConfig.model_validate(merged.data, context=view)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems:
        rest = rest_of(merged.data, problems, view, whole=view.whole)
        if rest is not None and further is not None:
            problems.extend(further(rest))
        raise ConfigError(in_order(problems, source), source)
    return config


def _allow(data: dict[str, Any], modules: Iterable[str]) -> None:
    """Add modules to those that the config allows."""
    listed = data.get("allow_modules") or []
    if isinstance(listed, list):  # otherwise the model says what is wrong
        added = [name for name in dict.fromkeys(modules) if name not in listed]
        if added:
            data["allow_modules"] = [*listed, *added]
