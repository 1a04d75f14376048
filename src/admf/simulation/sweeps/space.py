"""The trials of a sweep: a table of parameters, or a grid of values, checked a column at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from admf.core.registry import nearest
from admf.errors import ComponentError, Problem, StrategyError
from admf.simulation.sweeps.values import key_of, numbered, plain
from admf.strategies.bind import ParameterError
from admf.strategies.expressions import Expression, parse_expression
from admf.strategies.protocol import constraint_names, constraints_of, function_of, space_of
from admf.strategies.space import Parameter

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5  # problems of one kind that a message lists
SECTIONS = (
    "execution",
    "sizing",
    "costs",
    "margin",
    "risk",
)  # of the config, whose keys are settings that a sweep may vary
_SETTINGS = ", ".join(f"{name}.KEY" for name in SECTIONS)


@dataclass(frozen=True)
class Trials:
    """Parameters of every trial.

    Parameters
    ----------
    columns
        Name -> value of each trial, as Python's own numbers, texts and bools; all of the same length.
    count
        Number of trials.
    dropped
        Combinations of a grid that a constraint of the strategy rules out.
    settings
        Names of the columns that are settings, as ``costs.commission_bps``; the others are the strategy's.
    """

    columns: dict[str, list[Any]]
    count: int
    dropped: int = 0
    settings: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """Columns of the strategy's parameters."""
        return {name: column for name, column in self.columns.items() if name not in self.settings}

    def values(self, trial: int) -> dict[str, Any]:
        """Parameters of one trial, without its settings."""
        return {name: column[trial] for name, column in self.parameters.items()}


def read_trials(strategy: Any, name: str, parameters: Mapping[str, Sequence[Any]] | pd.DataFrame) -> Trials:
    """Read and check the parameters of a sweep.

    Parameters
    ----------
    strategy, name
        The strategy, and its name for messages.
    parameters
        A DataFrame: a row a trial. A mapping of lists: every combination, the last name changing quickest;
        those that a constraint rules out are left out. What is not named takes its default. Names with a dot
        are settings: None, in a DataFrame NaN too, is none.

    Raises
    ------
    ParameterError
        Unknown or missing names, values out of range, rows of a table that violate a constraint.
    StrategyError
        No trial is left.
    """
    table = _columns_of(parameters)
    settings = {key: _without_nan(values) for key, values in table.items() if "." in key}
    own = {key: values for key, values in table.items() if key not in settings}
    length = len(next(iter(table.values()), [None]))
    if hasattr(strategy, "configure") and function_of(strategy, "on_bar") is None:
        columns = {key: list(values) for key, values in own.items()}  # it checks them itself, trial by trial
        rules: list[tuple[str, Expression]] = []
        problems: list[Problem] = []
    else:
        space = space_of(strategy, name)
        columns, problems = _accepted(space, own, length)
        rules = _constraints(name, space, constraints_of(strategy, name))
    problems += _unknown_sections(settings)
    if problems:
        raise ParameterError(name, problems)
    columns.update(settings)
    grid = isinstance(parameters, Mapping)
    columns, total = _product(columns) if grid else (columns, len(next(iter(columns.values()), [])))
    for text, rule in rules:
        satisfied = _evaluate(rule, columns, total)
        if all(satisfied):
            continue
        if not grid:
            raise ParameterError(name, _violations(text, rule, columns, satisfied))
        columns = {key: list(itertools.compress(values, satisfied)) for key, values in columns.items()}
        total = sum(satisfied)
    found = 1 if grid else 0
    if grid:
        for values in table.values():
            found *= len(numbered(values)[0])
    if total == 0:
        raise StrategyError(
            f"strategy {name!r}: the sweep has no trial"
            + (f"; its constraints rule out all {found} combinations" if found else ""),
            "give each parameter at least one value, and leave one combination that is allowed",
        )
    return Trials(columns, total, found - total if grid else 0, tuple(settings))


def _without_nan(values: list[Any]) -> list[Any]:
    return [None if isinstance(value, float) and value != value else value for value in values]


def _unknown_sections(settings: Iterable[str]) -> list[Problem]:
    return [
        Problem(path, "is no setting that a sweep varies", allowed=_SETTINGS)
        for path in settings
        if path.split(".", 1)[0] not in SECTIONS
    ]


def _meant(name: str, space: Iterable[str]) -> str:
    """Say what someone meant who gave a name that is no parameter."""
    from admf.core.config.models import BacktestConfig

    for section in SECTIONS:
        if name in getattr(BacktestConfig.model_fields[section].annotation, "model_fields", {}):
            return f"as a setting write {section}.{name}"
    near = nearest(name, space)
    if near:
        return f"did you mean {near}?"
    return f"settings are columns too: {_SETTINGS}; what else `sweep` takes holds for all trials"


def _columns_of(parameters: Any) -> dict[str, list[Any]]:
    if hasattr(parameters, "to_dict") and hasattr(parameters, "columns"):
        names = [str(name) for name in parameters.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StrategyError(f"the table of parameters has {twice[0]!r} twice", "rename or drop one")
        return {
            name: [plain(value) for value in parameters.iloc[:, at].tolist()] for at, name in enumerate(names)
        }
    if not isinstance(parameters, Mapping):
        raise StrategyError(
            f"the parameters of a sweep must be a table or lists of values; found {parameters!r}",
            'give a DataFrame with a row a trial, or a grid such as {"fast": [5, 10], "slow": range(20, 60)}',
        )
    single = [name for name, values in parameters.items() if _is_single(values)]
    if single:
        name, others = single[0], ", ".join(map(str, single[1:]))
        raise StrategyError(
            f"parameter {name!r} of the grid must be a list of values; found {parameters[name]!r}",
            f"for one value write [{parameters[name]!r}]" + (f"; likewise for {others}" if others else ""),
        )
    return {str(name): [plain(value) for value in values] for name, values in parameters.items()}


def _is_single(values: Any) -> bool:
    """Tell whether something is one value: a mapping, as the indicators of rules, is one too."""
    return isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable)


def _accepted(
    space: Mapping[str, Parameter], table: Mapping[str, list[Any]], length: int
) -> tuple[dict[str, list[Any]], list[Problem]]:
    """Check a column at a time: the columns, filled with defaults, and what is wrong."""
    problems = []
    columns: dict[str, list[Any]] = {}
    for key in table:
        if key not in space:
            allowed = ", ".join(space) or "no parameters"
            problems.append(
                Problem(key, "is no parameter of this strategy", allowed=allowed, hint=_meant(key, space))
            )
    for key, parameter in space.items():
        if key not in table:
            if parameter.default is None:
                problems.append(Problem(key, "has no default and must be given"))
            columns[key] = [parameter.default] * length
            continue
        accepted: dict[tuple[type, Any], Any] = {}
        wrong: set[tuple[type, Any]] = set()
        kinds = [key_of(value) for value in table[key]]
        for kind, value in zip(kinds, table[key], strict=True):
            if kind not in accepted and kind not in wrong:
                try:
                    accepted[kind] = parameter.accept(value)
                except ValueError as error:
                    if len(wrong) < SHOWN:
                        problems.append(Problem(key, str(error)))
                    wrong.add(kind)
        if not wrong:
            columns[key] = [accepted[kind] for kind in kinds]
    return columns, problems


def _product(columns: Mapping[str, list[Any]]) -> tuple[dict[str, list[Any]], int]:
    """Give every combination as columns, the last name changing quickest."""
    distinct = {key: numbered(values)[0] for key, values in columns.items()}
    total = math.prod(len(values) for values in distinct.values())
    found, outer = {}, 1
    for key, values in distinct.items():
        inner = total // (outer * len(values)) if total else 0
        found[key] = [value for value in values for _ in range(inner)] * outer
        outer *= len(values)
    return found, total


def _constraints(
    name: str, space: Mapping[str, Parameter], texts: Iterable[str]
) -> list[tuple[str, Expression]]:
    rules = []
    for text in texts:
        try:
            rules.append((text, parse_expression(text, constraint_names(space), "a constraint")))
        except ComponentError as error:
            raise StrategyError(
                f"strategy {name!r}: constraint {text!r}: {error.message}", error.hint
            ) from None
    return rules


def _evaluate(rule: Expression, columns: Mapping[str, list[Any]], total: int) -> list[bool]:
    """Whether each trial satisfies a constraint. Written out as a function: a tree takes 30 times as long."""
    if not rule.names:
        return [rule.evaluate({})] * total
    lines, expression = rule.source(count(1))
    body = "".join(f"    {line}\n" for line in lines)
    text = f"def holds({', '.join(rule.names)}):\n{body}    return {expression}\n"
    scope: dict[str, Any] = {"nan": float("nan")}
    exec(compile(text, "<admf constraint>", "exec"), scope)  # noqa: S102 - written by us from a checked tree
    holds: Callable[..., bool] = scope["holds"]
    return list(map(holds, *(columns[key] for key in rule.names)))


def _violations(
    text: str, rule: Expression, columns: Mapping[str, list[Any]], satisfied: Sequence[bool]
) -> list[Problem]:
    rows = [row for row, good in enumerate(satisfied) if not good]
    problems = []
    for row in rows[:SHOWN]:
        found = ", ".join(f"{key}={columns[key][row]}" for key in rule.names)
        problems.append(Problem(", ".join(rule.names), f"row {row} must satisfy {text}; found {found}"))
    if len(rows) > SHOWN:
        problems.append(Problem(", ".join(rule.names), f"{len(rows) - SHOWN} more rows violate {text}"))
    return problems
