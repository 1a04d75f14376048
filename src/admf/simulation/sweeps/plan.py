"""From the parameters of trials to what a kernel reads: which arrays, which numbers, grouped into blocks.

Binding a strategy in full costs about a millisecond; here its functions are asked, and what does not change
from trial to trial is checked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from admf.errors import StrategyError
from admf.indicators import Indicator
from admf.indicators.spec import BAR_COLUMNS
from admf.simulation.facts import FactNeeds
from admf.simulation.kernel import PRICES
from admf.simulation.sweeps.reads import SharedSpecs, reads_of
from admf.simulation.sweeps.space import Trials
from admf.simulation.sweeps.variants import Variants
from admf.strategies import BoundStrategy, resolve_strategy
from admf.strategies.protocol import function_of, mapping_of, state_of, takes_self
from admf.strategies.space import Parameters
from admf.typing import FloatArray

Row = Indicator | str  # an indicator, or the name of a column
_NOTHING: Mapping[str, Any] = {}


@dataclass
class Group:
    """Trials that run the same code.

    Parameters
    ----------
    strategy
        One of them, checked in full.
    rows
        Names of the arrays that the step reads beside the four prices.
    numbers, texts
        Parameters that the step reads.
    features, needs
        Of their settings, see `Variants`.
    trials
        Positions of the trials in the chunk.
    reads
        For each of `rows` the arrays that they read.
    states
        For each of them the numbers of its first state, where the strategy has one.
    values, settings
        For each of them its numbers and those of its settings, float64 of shape (trials, numbers).
    """

    strategy: BoundStrategy
    rows: tuple[str, ...]
    numbers: dict[str, Any]
    texts: dict[str, str]
    features: frozenset[str]
    needs: FactNeeds | None
    trials: list[int] = field(default_factory=list)
    reads: list[Sequence[Row]] = field(default_factory=list)
    states: list[tuple[Any, ...]] = field(default_factory=list)
    values: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    settings: FloatArray = field(default_factory=lambda: np.empty((0, 0)))


class Binder:
    """Binds trial after trial.

    Parameters
    ----------
    strategy, name
        As `locate` gives them.
    reference
        What the user named it by.
    allow_modules
        Modules that it may come from.
    """

    def __init__(self, strategy: Any, name: str, reference: Any, allow_modules: Sequence[str]) -> None:
        self._strategy, self._name = strategy, name
        self._reference, self._allow = reference, tuple(allow_modules)
        self._configured = hasattr(strategy, "configure") and function_of(strategy, "on_bar") is None
        self._has_state = function_of(strategy, "initial_state") is not None
        functions = {what: function_of(strategy, what) for what in ("indicators", "columns")}
        self._has_columns = functions["columns"] is not None
        self._absent = {what for what, found in functions.items() if found is None}
        self._functions = {
            what: found for what, found in functions.items() if callable(found) and not takes_self(found)
        }
        asks_all = self._configured or self._has_state or self._has_columns
        function = self._functions.get("indicators")
        reads = None if asks_all or function is None else reads_of(function)
        self._bound: dict[Any, BoundStrategy] = {}
        self._shared = None if reads is None else SharedSpecs(function, reads)

    def groups(self, trials: Trials, variants: Variants, begin: int, end: int) -> list[Group]:
        """Bind trials begin..end-1, each with its settings.

        Raises
        ------
        StrategyError
            The strategy refuses a trial's parameters.
        """
        columns = {name: column[begin:end] for name, column in trials.parameters.items()}
        types = [set(map(type, column)) for column in columns.values()]
        mixed = [j for j, kinds in enumerate(types) if len(kinds) > 1]  # a constant type tells nothing apart
        texts = [j for j, kinds in enumerate(types) if str in kinds]
        shared = None
        if self._shared is not None and columns and not mixed:
            shared = self._shared.columns(columns)
        if shared is None:
            groups = self._one_by_one(columns, end - begin, mixed, texts, variants, begin)
        else:
            groups = self._together(columns, end - begin, shared, texts, variants, begin)
        for group in groups:
            group.values = _table(group, [columns[name] for name in group.numbers])
            group.settings = variants.table(begin, group.trials)
        return groups

    def _together(
        self,
        columns: Mapping[str, list[Any]],
        count: int,
        shared: Mapping[str, list[Indicator]],
        texts: Sequence[int],
        variants: Variants,
        begin: int,
    ) -> list[Group]:
        """Group trials whose indicators are known, and whose parameters have a type each."""
        labels = [column for j, column in enumerate(columns.values()) if j in texts]
        if variants.chosen is not None:
            labels.append([variants.kinds[one] for one in variants.chosen[begin : begin + count]])
        members: dict[Any, list[int]] = {}
        if labels:
            for at, label in enumerate(zip(*labels, strict=True)):
                members.setdefault(label, []).append(at)
        else:
            members[()] = list(range(count))
        groups = []
        types = tuple(type(column[0]) for column in columns.values())
        for label, trials in members.items():
            bound = self._bound.get((types, label))
            if bound is None:
                bound = self.one({name: column[trials[0]] for name, column in columns.items()})
                self._bound[types, label] = bound
            variant = variants.of(begin + trials[0])
            group = _group_of(bound, variants.features[variant], variants.needs[variant])
            group.trials = trials
            whole = len(trials) == count
            for name in group.rows:
                column = shared.get(name)
                if column is None:
                    group.reads.append([name] * len(trials))
                else:
                    group.reads.append(column if whole else [column[at] for at in trials])
            groups.append(group)
        return groups

    def _one_by_one(
        self,
        columns: Mapping[str, list[Any]],
        count: int,
        mixed: Sequence[int],
        texts: Sequence[int],
        variants: Variants,
        begin: int,
    ) -> list[Group]:
        """Ask the strategy about every trial, and group them by what it says."""
        groups: dict[Any, Group] = {}
        reads: dict[Any, list[tuple[Row, ...]]] = {}
        group: Group | None = None
        last: Any = None
        # what stands in this loop is done for every trial, by one thread
        for at, values in enumerate(zip(*columns.values(), strict=True) if columns else [()] * count):
            params = dict(zip(columns, values, strict=True))
            bound: BoundStrategy | None = None
            specs: Mapping[str, Any]
            files: Mapping[str, Any] = _NOTHING
            state = None
            if self._configured:
                bound = resolve_strategy(self._reference, params, self._allow)
                specs, files, state = bound.indicators, bound.columns, bound.initial_state
                key: Any = (bound.on_bar, *files)
            else:
                p = Parameters(params)
                specs = self._ask("indicators", p)
                if self._has_columns:
                    files = self._ask("columns", p)
                if self._has_state:
                    state = state_of(self._strategy, self._name, p)
                key = (*specs, None, *files, *(values[j] for j in texts)) if files or texts else (*specs,)
            if mixed or state is not None:
                kinds = tuple(type(values[j]) for j in mixed)
                key = (key, kinds, None if state is None else tuple(map(type, state)))
            variant = variants.of(begin + at)
            if variants.chosen is not None:
                key = (key, variants.kinds[variant])
            if group is None or key != last:
                last = key
                group = groups.get(key)
            if group is None:
                if bound is None:
                    bound = resolve_strategy(self._reference, params, self._allow)
                group = groups[key] = _group_of(bound, variants.features[variant], variants.needs[variant])
            group.trials.append(at)
            reads.setdefault(key, []).append(
                tuple([specs[n] if n in specs else files.get(n, n) for n in group.rows])
            )
            if state is not None:
                group.states.append(state)
        for key, found in reads.items():
            groups[key].reads = list(zip(*found, strict=True))
        return list(groups.values())

    def one(self, values: Mapping[str, Any]) -> BoundStrategy:
        """Bind one trial in full."""
        return resolve_strategy(self._reference, values, self._allow)

    def _ask(self, what: str, p: Parameters) -> Mapping[str, Any]:
        if what in self._absent:
            return {}
        found = None
        function = self._functions.get(what)
        if function is not None:
            with suppress(Exception):  # asked again below, for the message
                found = function(p)
        if not isinstance(found, dict):
            found = mapping_of(self._strategy, self._name, what, p)
        if what == "indicators" and not all(isinstance(each, Indicator) for each in found.values()):
            self.one(p)  # which says what is wrong with it
        return found


def _group_of(bound: BoundStrategy, features: frozenset[str], needs: FactNeeds | None) -> Group:
    rows: dict[str, None] = {}
    numbers: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for argument in bound.arguments:
        name = argument.removeprefix("prev_")
        if name in bound.indicators or name in bound.columns or name in BAR_COLUMNS:
            if name not in PRICES:
                rows[name] = None
        elif name in bound.params:
            value = bound.params[name]
            if isinstance(value, str):
                texts[name] = value
            else:
                numbers[name] = value
    return Group(bound, tuple(rows), numbers, texts, features, needs)


def _table(group: Group, columns: Sequence[list[Any]]) -> FloatArray:
    """Take the trials of a group out of columns."""
    table = np.empty((len(group.trials), len(columns)))
    for j, column in enumerate(columns):
        values = [column[at] for at in group.trials]
        check_whole(group, values)
        table[:, j] = values
    return table


def check_whole(group: Group, values: Sequence[Any]) -> None:
    """Refuse whole numbers that a float64 does not hold.

    Raises
    ------
    StrategyError
        Some parameter or first state is a whole number beyond 2**53.
    """
    for value in values:
        if isinstance(value, int) and abs(value) > 2**53:
            raise StrategyError(
                f"strategy {group.strategy.name!r}: a sweep takes whole numbers within +-2**53; found {value}"
            )
