"""`WorkflowConfig`: the whole configuration of one workflow, checked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)


from admf.core.config.environment import expand
from admf.core.config.explain import Mark, View, explain, nearest, unknown_key
from admf.core.config.faults import Check, Fault, Path
from admf.core.config.fields import Positive, instant
from admf.core.config.models import (
    BacktestConfig,
    DataConfig,
    InfrastructureConfig,
    OutputConfig,
    WorkflowType,
)
from admf.core.config.plain import to_plain
from admf.core.config.section import Section, remember_written
from admf.errors import ComponentError, ConfigError, Problem

#: Workflow types that can run, and the model of their ``<type>_config``.
_SECTIONS: dict[str, type[Section]] = {WorkflowType.BACKTEST.value: BacktestConfig}

#: Keys that say how and where a workflow runs and what it is called, not what it computes.
NOT_IN_HASH = (
    "name",
    "metadata",
    "output",
    "infrastructure_config",
    "log_level",
    "timeout_seconds",
    "allow_modules",
)


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
        The name is malformed or belongs to another model already, or the model does not derive from `Section`.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", type_name) or f"{type_name}_config" in _SHARED_SECTIONS:
        raise ComponentError(
            f"workflow type {type_name!r}: not a possible name",
            "use lower-case letters, digits and underscores; data and infrastructure are taken",
        )
    if not (isinstance(model, type) and issubclass(model, Section)):
        raise ComponentError(
            f"workflow type {type_name!r}: its section must be a class derived from admf.core.config.Section, "
            f"found {model!r}",
        )
    if _SECTIONS.setdefault(type_name, model) is not model:
        raise ComponentError(
            f"workflow type {type_name!r} is registered already, by {_SECTIONS[type_name]!r}"
        )


def registered_sections() -> dict[str, type[Section]]:
    """Give the workflow types that can run, with the models of their sections."""
    return dict(_SECTIONS)


@dataclass(frozen=True)
class _Places:
    """Where the keys of a config stand; says nothing about what the config is, so all are equal."""

    view: View = field(default_factory=View, compare=False)


def _simulated_within_loaded(values: Mapping[str, Any]) -> Iterator[Fault]:
    data, backtest = values["data_config"], values["backtest_config"]
    if not isinstance(backtest, BacktestConfig) or not isinstance(data, DataConfig):
        return
    for key, last, word in (("start_date", False, "before"), ("end_date", True, "after")):
        loaded, simulated = getattr(data, key), getattr(backtest, key)
        if loaded is None or simulated is None:
            continue
        first, second = instant(simulated, last=last), instant(loaded, last=last)
        if first < second if word == "before" else first > second:
            hint = f"data_config.{key} is {loaded}; change one of them"
            yield Fault(f"is {word} the data that is loaded", ("backtest_config", key), hint=hint)


class WorkflowConfig(Section):
    """The configuration of one workflow: the keys under ``workflow:`` in the YAML.

    ``workflow_type=`` is accepted for ``type=``. A type needs its section, ``<type>_config``, and refuses those of
    other types. ``${VAR}`` in text is replaced by the environment variable.

    Raises
    ------
    ConfigError
        Something is wrong; lists every problem. Raised on every way of construction.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False})
    checks: ClassVar[tuple[Check, ...]] = (_simulated_within_loaded,)

    type: WorkflowType | str = Field(
        title="Type",
        description="What to run: backtest, or a type that was registered.",
    )
    name: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default_factory=lambda data: str(data.get("type", "")),
        title="Name",
        description="Name of the runs. Default: the type.",
    )
    random_seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        None,
        title="Random seed",
        description="Equal seeds give equal results. Default: one is drawn and recorded.",
    )
    timeout_seconds: Positive | None = Field(
        None, title="Time limit (s)", description="The workflow is stopped after it. Default: none."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", title="Log level", description="Detail of this workflow's log."
    )
    allow_modules: list[str] = Field(
        default=[],
        title="Allowed modules",
        description="Modules of your own that a strategy may be imported from.",
    )
    data_config: DataConfig = Field(
        default=DataConfig(), title="Data", description="Where the bars come from and how to read them."
    )
    infrastructure_config: InfrastructureConfig = Field(
        default=InfrastructureConfig(), title="Infrastructure", description="What the workflow runs on."
    )
    backtest_config: BacktestConfig | None = Field(
        None, title="Backtest", description="Section of type backtest."
    )
    output: OutputConfig = Field(default=OutputConfig(), title="Output", description="Where results go.")
    metadata: dict[str, Any] = Field(
        default={}, title="Metadata", description="Anything to keep with the run; changes nothing."
    )

    _places: _Places = PrivateAttr(default_factory=_Places)

    def __init__(self, **data: Any) -> None:
        BaseModel.__init__(self, **data)  # `_load` makes the data plain, and raises ConfigError itself

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="wrap")
    @classmethod
    def _load(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(data, cls):
            return data
        given = info.context if isinstance(info.context, View) else View(("workflow",))
        draft = _Draft(data, given)
        config: Self | None = None
        if draft.data is not None:
            try:
                config = handler(draft.data)
            except ValidationError as error:
                draft.add(explain(error, cls, draft.data, draft.view))
        if config is None or draft.problems:
            raise ConfigError(_in_order(draft.problems), draft.source)
        for path, text in draft.view.written.items():
            remember_written(config, path, text)
        config._places = _Places(draft.view)
        return config

    @property
    def section(self) -> Section:
        """The section of the type: ``backtest_config`` of a backtest."""
        section: Section = getattr(self, f"{self.type}_config")
        return section

    def to_mapping(self) -> dict[str, Any]:
        """Give the config as a YAML document holds it, complete with defaults: ``{"workflow": {...}}``.

        JSON-able; `parse_config` reads it back. What came from the environment stands as it was written, a literal
        secret is masked (and must be written anew before the mapping can be used).
        """
        inner = self.model_dump(mode="json")
        return {
            "workflow": {key: value for key, value in inner.items() if value is not None or not _of_type(key)}
        }

    def hash(self) -> str:
        """Give the SHA-256 of what decides about the result, as 64 hexadecimal digits.

        Left out is what says how, where and under which name it runs: name, metadata, output,
        infrastructure_config, log_level, timeout_seconds, allow_modules. Variables count as written
        (``${VAR}``), literal secrets do not count.
        """
        inner = {key: value for key, value in self.to_mapping()["workflow"].items() if key not in NOT_IN_HASH}
        text = json.dumps(inner, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def problem(self, path: str, message: str, **more: str | None) -> Problem:
        """Make a problem for a key of this config, with the file and line that the key stands at.

        For floors above that find a value wrong which the models cannot judge, as a strategy's parameters.

        Parameters
        ----------
        path
            Dotted, relative to ``workflow``: ``backtest_config.strategy.params.fast``.
        message
            What is wrong.
        **more
            ``found``, ``allowed``, ``hint`` of `Problem`.
        """
        keys = tuple(int(key) if key.isdigit() else key for key in path.split("."))
        return self._places.view.problem(keys, message, **more)


_SHARED_SECTIONS = ("data_config", "infrastructure_config")


def _of_type(key: str) -> bool:
    """Tell whether a key is the section of some workflow type."""
    names = {*_SECTIONS, *(kind.value for kind in WorkflowType)}
    return key.endswith("_config") and key.removesuffix("_config") in names


def known_keys() -> list[str]:
    """Give the keys that may stand under ``workflow:``."""
    return [*WorkflowConfig.model_fields, *(f"{name}_config" for name in _SECTIONS if name != "backtest")]


class _Draft:
    """Data on its way into a `WorkflowConfig`: made plain, variables replaced, the type's section found."""

    def __init__(self, data: Any, given: View) -> None:
        self.problems: list[Problem] = []
        self.data: dict[str, Any] | None = None
        self.view = given
        root = given.mark(())
        self.source = root.file if root else None
        plain, problems = to_plain(data, given.prefix)
        self.problems.extend(problems)
        if isinstance(plain, dict) and isinstance(plain.get("workflow"), dict) and len(plain) == 1:
            plain = plain["workflow"]
        if not isinstance(plain, dict):
            if not problems:
                self.problems.append(given.problem((), "must be a mapping", found=type(data).__name__))
            return
        plain, written, problems = expand(plain, given)
        self.problems.extend(problems)
        self.view = View(given.prefix, given.marks, written)
        self.data = plain
        self._find_type()

    def add(self, problems: list[Problem]) -> None:
        """Take what the models found, except about values that are known to be wrong."""
        known = {problem.path for problem in self.problems}
        self.problems.extend(problem for problem in problems if problem.path not in known)

    def _find_type(self) -> None:
        data = self.data
        assert data is not None
        if "workflow_type" in data:
            if "type" in data:
                self.problems.append(
                    self.view.problem(("workflow_type",), "stands beside type", hint="keep one")
                )
            data.setdefault("type", data["workflow_type"])
            del data["workflow_type"]
        kind = data.get("type")
        runnable = ", ".join(_SECTIONS)
        if kind is None:
            message = "has no value" if "type" in data else "is required"
            self.problems.append(self.view.problem(("type",), message, allowed=runnable))
        elif not isinstance(kind, str):
            pass  # the model says so
        elif kind not in _SECTIONS:
            later = kind in set(WorkflowType)
            self.problems.append(
                self.view.problem(
                    ("type",),
                    "cannot run in this version" if later else "is not a workflow type",
                    found=kind,
                    allowed=runnable,
                    hint=None if later else nearest(kind, _SECTIONS),
                )
            )
        self._check_keys(kind if isinstance(kind, str) else None)

    def _check_keys(self, kind: str | None) -> None:
        data = self.data
        assert data is not None
        own = f"{kind}_config"
        for key in list(data):
            if _of_type(key) and key != own and data[key] is not None:
                if kind is not None:
                    hint = f"{kind} has {own}" if kind in _SECTIONS else None
                    self.problems.append(
                        self.view.problem((key,), f"does not go with type {kind}", hint=hint)
                    )
                del data[key]
            elif key not in WorkflowConfig.model_fields and not _of_type(key):
                self.problems.append(
                    unknown_key(
                        (key,), WorkflowConfig, self.view, known_keys()[len(WorkflowConfig.model_fields) :]
                    )
                )
                del data[key]
        if kind not in _SECTIONS:
            data.pop(own, None)
        elif data.get(own) is None:
            hint = "is required by type" if own not in data else "is empty, and required by type"
            self.problems.append(self.view.problem((own,), f"{hint} {kind}"))
        elif own not in WorkflowConfig.model_fields:
            try:
                data[own] = _SECTIONS[str(kind)].model_validate(data[own])
            except ValidationError as error:
                view = View(
                    (*self.view.prefix, own), _below(self.view.marks, own), _below(self.view.written, own)
                )
                self.add(explain(error, _SECTIONS[str(kind)], data[own], view))
        if isinstance(kind, str):
            data["type"] = WorkflowType(kind) if kind in set(WorkflowType) else kind


def _below(mapping: Mapping[Path, Any], key: str) -> dict[Path, Any]:
    """Give what is known about paths under a key, with its place for what is not known."""
    below = {path[1:]: value for path, value in mapping.items() if path[:1] == (key,)}
    return below


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Sort problems as a reader meets them: file by file, line by line."""
    return sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0))
