"""What happens to data before the models see it: made plain, variables replaced, the type's section found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from admf.core.config.environment import expand
from admf.core.config.explain import explain, owners_of, unknown_key
from admf.core.config.faults import Path
from admf.core.config.hints import nearest
from admf.core.config.models import WorkflowType
from admf.core.config.places import MAX_PROBLEMS, View
from admf.core.config.plain import short, to_plain
from admf.core.config.sections import registered_sections, section_keys
from admf.core.modules import import_allowed
from admf.errors import Problem


class Draft:
    """Data on its way into a `WorkflowConfig`.

    Parameters
    ----------
    data
        What stands under ``workflow``, or ``{"workflow": ...}``.
    given
        What is known about its places.
    model
        `WorkflowConfig`.
    """

    def __init__(self, data: Any, given: View, model: type[BaseModel]) -> None:
        self.model = model
        self.problems: list[Problem] = []
        self.data: dict[str, Any] = {}
        self.view = given
        root = given.mark(())
        self.source = root.file if root else None
        wrapped = isinstance(data, Mapping) and len(data) == 1 and "workflow" in data
        plain, self.problems = to_plain(data, View() if wrapped else given)
        if wrapped and isinstance(plain, dict):
            plain = plain.get("workflow")
        self.usable = isinstance(plain, dict)
        if not self.usable:
            if not self.problems:
                found = short(plain)
                self.problems.append(given.problem((), "must be a mapping", found=found))
            return
        self.data, written, problems = expand(plain, given)
        self.problems.extend(problems)
        self.view = View(given.prefix, given.marks, written, given.whole)
        kind = self._type()
        self._drop_unknown_keys()
        self._section(kind)

    def add(self, problems: list[Problem]) -> None:
        """Take what the models found, except about values that are known to be wrong."""
        known = {problem.path for problem in self.problems}
        self.problems.extend(problem for problem in problems if problem.path not in known)

    def _type(self) -> str | None:
        """Give the type if it can run; complain otherwise."""
        data = self.data
        if "workflow_type" in data:
            if "type" in data:
                self.problems.append(
                    self.view.problem(("workflow_type",), "stands beside type", hint="keep one")
                )
            data.setdefault("type", data.pop("workflow_type"))
        kind = data.get("type")
        sections = registered_sections()
        if isinstance(kind, str) and kind not in sections and self._import_allowed():
            sections = registered_sections()
        if isinstance(kind, str) and kind in sections:
            data["type"] = WorkflowType(kind) if kind in set(WorkflowType) else kind
            return kind
        if kind is None:
            message = "has no value" if "type" in data else "is required"
            hint = None
        elif isinstance(kind, str) and kind in set(WorkflowType):
            message, hint = "cannot run in this version", None
        else:
            message, hint = "is not a workflow type", nearest(kind, sections)
        found = None if kind is None else self.view.written.get(("type",)) or short(kind)
        if self.view.whole or kind is not None:
            self.problems.append(
                self.view.problem(("type",), message, found=found, allowed=", ".join(sections), hint=hint)
            )
        data["type"] = "?"  # reported; the models have nothing to add
        return None

    def _import_allowed(self) -> bool:
        """Import the modules that the config allows: one of them may register its type."""
        modules = self.data.get("allow_modules")
        if not isinstance(modules, list) or not modules:
            return False
        for position, name in enumerate(modules):
            try:
                import_allowed(str(name))
            except Exception as error:  # noqa: BLE001 - whatever a user's module raises
                self.problems.append(
                    self.view.problem(
                        ("allow_modules", position),
                        f"cannot be imported: {type(error).__name__}: {error}",
                        found=str(name),
                        hint="it must be installed, or lie in the working folder or on PYTHONPATH",
                    )
                )
        return True

    def _drop_unknown_keys(self) -> None:
        known = [*self.model.model_fields, *(f"{name}_config" for name in registered_sections())]
        for key in list(self.data):
            if key not in known and key not in section_keys():
                if len(self.problems) >= MAX_PROBLEMS:
                    break
                owners = list(owners_of(self.model, key))
                self.problems.append(unknown_key((key,), list(dict.fromkeys(known)), self.view, owners))
                del self.data[key]

    def _section(self, kind: str | None) -> None:
        """Demand the section of the type, and no other."""
        data, own = self.data, f"{kind}_config"
        for key in section_keys():
            if key in data and key != own:
                if kind is not None and data[key] is not None:
                    hint = f"remove it; the section of {kind} is {own}"
                    self.problems.append(
                        self.view.problem((key,), f"does not go with type {kind}", hint=hint)
                    )
                if kind is not None or key not in self.model.model_fields:
                    del data[key]
        if kind is None:
            return
        if data.get(own) is None:
            message = (
                f"is an empty section, and type {kind} needs it"
                if own in data
                else f"is required by type {kind}"
            )
            if self.view.whole:
                self.problems.append(self.view.problem((own,), message))
        elif own not in self.model.model_fields:
            section = registered_sections()[kind]
            try:
                data[own] = section.__pydantic_validator__.validate_python(data[own])
            except ValidationError as error:
                marks, written = _below(self.view.marks, own), _below(self.view.written, own)
                below = View((*self.view.prefix, own), marks, written, self.view.whole)
                self.add(explain(error, section, data[own], below))


def _below(mapping: Mapping[Path, Any], key: str) -> dict[Path, Any]:
    """Give what is known about paths under a key, relative to it."""
    return {path[1:]: value for path, value in mapping.items() if path[:1] == (key,)}
