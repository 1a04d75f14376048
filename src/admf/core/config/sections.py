"""The workflow types that can run, and the models of their sections."""

from __future__ import annotations

import re

from admf.core.config.models import BacktestConfig, WorkflowType
from admf.core.config.section import Section
from admf.errors import ComponentError

_SECTIONS: dict[str, type[Section]] = {WorkflowType.BACKTEST.value: BacktestConfig}
_SHARED = ("data", "infrastructure")


def register_section(type_name: str, model: type[Section]) -> None:
    """Make ``type: <type_name>`` with ``<type_name>_config: {...}`` valid.

    Parameters
    ----------
    type_name
        Lower-case letters, digits and underscores.
    model
        A class derived from `Section`: the keys of the section.

    Raises
    ------
    ComponentError
        The name is malformed or belongs to another model, or the model does not derive from `Section`.
    """
    where = f"workflow type {type_name!r}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", type_name) or type_name in _SHARED:
        hint = f"use lower-case letters, digits and underscores; {' and '.join(_SHARED)} are taken"
        raise ComponentError(f"{where}: not a possible name", hint)
    if not (isinstance(model, type) and issubclass(model, Section)):
        hint = "derive it from admf.core.config.Section"
        raise ComponentError(f"{where}: {model!r} cannot be the model of its section", hint)
    if _SECTIONS.setdefault(type_name, model) is not model:
        raise ComponentError(f"{where} is registered already, with {_SECTIONS[type_name]!r}")


def registered_sections() -> dict[str, type[Section]]:
    """Give the workflow types that can run, with the models of their sections."""
    return dict(_SECTIONS)


def section_keys() -> list[str]:
    """Give the keys of sections that belong to one workflow type, those that cannot run yet included."""
    return [f"{name}_config" for name in dict.fromkeys([*_SECTIONS, *(kind.value for kind in WorkflowType)])]
