"""`WorkflowConfig`: the whole configuration of one workflow, checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
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

from admf.core.config.draft import Draft
from admf.core.config.explain import explain, in_order
from admf.core.config.faults import Check, Fault
from admf.core.config.fields import Label, ModuleName, Positive, instant
from admf.core.config.models import (
    BacktestConfig,
    DataConfig,
    InfrastructureConfig,
    OutputConfig,
    WorkflowType,
)
from admf.core.config.places import View
from admf.core.config.section import Section, remember_written, written_values
from admf.core.config.sections import section_keys
from admf.errors import ConfigError, Problem

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
        if (first < second) if word == "before" else (first > second):
            hint = f"change it, or data_config.{key}"
            yield Fault(f"is {word} the data that is loaded", ("backtest_config", key), hint=hint)


class WorkflowConfig(Section):
    """The configuration of one workflow: the keys under ``workflow:`` in the YAML.

    ``workflow_type=`` is accepted for ``type=``. A type needs its section, ``<type>_config``, and refuses
    those of other types. ``${VAR}`` in text is replaced by the environment variable.

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
    name: Label = Field(
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
    allow_modules: list[ModuleName] = Field(
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

    def __init__(self, /, **data: Any) -> None:
        BaseModel.__init__(self, **data)  # `_load` makes the data plain, and raises ConfigError itself

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a config from a mapping: ``{"workflow": {...}}``, or what stands inside."""
        config: Self = cls.__pydantic_validator__.validate_python(obj, **options)
        return config

    @model_validator(mode="wrap")
    @classmethod
    def _load(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(data, cls):
            return data
        given = info.context if isinstance(info.context, View) else View(("workflow",))
        draft = Draft(data, given, cls)
        config: Self | None = None
        if draft.usable:
            try:
                config = handler(draft.data)
            except ValidationError as error:
                draft.add(explain(error, cls, draft.data, draft.view))
        if config is None or draft.problems:
            raise ConfigError(in_order(draft.problems, draft.source), draft.source)
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

        JSON-able; `parse_config` reads it back. What came from the environment stands as it was written. A
        literal secret is masked, and such a mapping is refused until ``${VAR}`` stands there.
        """
        inner = self.model_dump(mode="json")
        return {
            "workflow": {
                key: value for key, value in inner.items() if value is not None or key not in section_keys()
            }
        }

    def as_written(self, value: Any) -> Any:
        """Put ``${VAR}`` back into texts that hold what came from the environment.

        For all that is stored or shown: results, events, names, reports.

        Parameters
        ----------
        value
            Text, or mappings and sequences with texts in them; anything else is given back as it is. Values
            of less than four characters are not looked for: they stand in half of all texts by chance.
        """
        pairs = sorted({pair for pair in written_values(self) if len(pair[0]) >= 4}, key=lambda p: -len(p[0]))
        return _replaced(value, pairs) if pairs else value

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

    def placed(self, view: View) -> Self:
        """Give this config with the places of its keys, for one that was not read by its models."""
        self._places = _Places(view)
        return self


def _replaced(value: Any, pairs: list[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for found, written in pairs:
            value = value.replace(found, written).replace(escape(found), escape(written))
        return value
    if isinstance(value, Mapping):
        return {_replaced(key, pairs): _replaced(each, pairs) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(each, pairs) for each in value)
    return value
