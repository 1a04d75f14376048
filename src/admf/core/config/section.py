"""`Section`, the base of every part of a config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    SecretStr,
    SerializationInfo,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from admf.core.config.environment import expand
from admf.core.config.explain import explain
from admf.core.config.faults import Check, Path, fault_error, run_checks
from admf.core.config.places import View
from admf.core.config.plain import put, to_plain
from admf.errors import ConfigError


class Section(BaseModel):
    """Base of every part of a config: immutable, strict about types, unknown keys are errors.

    Derive from it to describe the section of a workflow type of your own (`register_section`). Rules over
    several keys go into ``checks``; give every field a title and a description.

    Constructing one with wrong values raises `ConfigError`, with every problem. A value that came from the
    environment is shown (``repr``, dumps) as it was written, ``${VAR}``; only the attribute holds it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )
    checks: ClassVar[tuple[Check, ...]] = ()

    _written: dict[Path, str] = PrivateAttr(default_factory=dict)

    def __init__(self, /, **data: Any) -> None:
        plain, problems = to_plain(data, View())
        plain, written, missing = expand(plain or {}, View())
        problems += missing
        try:
            super().__init__(**plain)
        except ValidationError as error:
            known = {problem.path for problem in problems}
            found = explain(error, type(self), plain, View(written=written))
            problems += [problem for problem in found if problem.path not in known]
        if problems:  # outside of the handler: pydantic's error must not hang on ours
            raise ConfigError(problems, type(self).__name__)
        for path, text in written.items():
            remember_written(self, path, text)

    # Nested sections are then built without this method, so that their errors arrive together.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a section from a mapping, as the constructor does from keywords."""
        if isinstance(obj, Mapping) and all(isinstance(key, str) for key in obj):
            return cls(**obj)
        return super().model_validate(obj, **options)

    @model_validator(mode="after")
    def _run_checks(self) -> Self:
        faults = run_checks(self.checks, dict(self))
        if faults:
            raise fault_error(*faults)
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        if isinstance(info.context, dict) and info.context.get("include_secrets") is True:
            # Asked for by name only, as where a section is part of a saved block.
            data |= {key: value.get_secret_value() for key, value in self if isinstance(value, SecretStr)}
        for path, text in self._written.items():
            put(data, path, text)
        return data

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        changed = {path[0] for path in self._written}
        shown = self.model_dump(include={str(key) for key in changed}) if changed else {}
        for key, value in super().__repr_args__():
            yield key, shown.get(key, value) if key else value

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with other values for some keys (not validated)."""
        copy = super().model_copy(update=update, deep=deep)
        if update:
            copy._written = {path: text for path, text in self._written.items() if path[0] not in update}
        return copy


def written_values(section: Section) -> list[tuple[str, str]]:
    """List what came from the environment, here and in sections below: the value, and what was written."""
    found = []
    for path, text in section._written.items():
        value: Any = section
        for key in path:
            value = getattr(value, str(key), None) if isinstance(value, BaseModel) else value[key]
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(value, str):
            found.append((value, text))
    below = [value for _, value in section if isinstance(value, Section)]
    return found + [pair for each in below for pair in written_values(each)]


def remember_written(section: BaseModel, path: Path, text: str) -> None:
    """Note in the innermost section that holds a value how that value was written."""
    owner, start = section, 0
    value: Any = section
    for position, key in enumerate(path):
        if isinstance(value, BaseModel):
            owner, start = value, position
            value = getattr(value, str(key), None)
        elif isinstance(value, list | dict):
            value = value[key]  # type: ignore[index]
    if isinstance(owner, Section):
        owner._written[path[start:]] = text
