"""Settings as columns of a sweep: which execution, sizing and costs each trial runs under."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import ConfigError
from admf.simulation.api import settings_of
from admf.simulation.engine import needs_of
from admf.simulation.facts import FactNeeds
from admf.simulation.needs import require_volume, unused_by_orders
from admf.simulation.settings import NUMBERS, Settings
from admf.simulation.sweeps.space import Trials
from admf.simulation.sweeps.values import numbered
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.core.config.models import BacktestConfig
    from admf.market import Bars

# Features that change no bit where their number is 0. Switched on for all trials where one needs them, they
# do not double the kernels.
HARMLESS = frozenset({"commission", "commission_per_unit", "commission_fixed", "slippage", "spread"})


@dataclass(frozen=True)
class Variants:
    """The settings of every trial.

    Parameters
    ----------
    settings
        Distinct ones.
    features
        Of each of these: the parts of the engine that its kernel has.
    needs
        Of each of these: the facts that the order engine needs; None where the basic engine does.
    numbers
        Of each of these: the numbers that this kernel takes.
    chosen
        Which of them each trial has; None: all have the only one.
    """

    settings: list[Settings]
    features: list[frozenset[str]]
    needs: list[FactNeeds | None]
    numbers: list[tuple[float, ...]]
    chosen: list[int] | None = None

    @cached_property
    def kinds(self) -> list[int]:
        """Number of each one's features and needs: settings of one number run the same kernel."""
        numbers: dict[Any, int] = {}
        return [
            numbers.setdefault(kind, len(numbers)) for kind in zip(self.features, self.needs, strict=True)
        ]

    def of(self, trial: int) -> int:
        """Position of a trial's settings."""
        return 0 if self.chosen is None else self.chosen[trial]

    def table(self, begin: int, trials: Sequence[int]) -> FloatArray:
        """Numbers of trials of the same features, counted from `begin`: a row each."""
        if self.chosen is None:
            return np.tile(self.numbers[0], (len(trials), 1))
        return np.array([self.numbers[self.chosen[begin + at]] for at in trials])


def read_variants(
    trials: Trials,
    common: Mapping[str, Mapping[str, Any]],
    config_of: Callable[[Mapping[str, Any]], BacktestConfig],
    bars: Bars,
    gives_orders: bool,
    stopped: Callable[[], bool],
) -> Variants:
    """Check the settings of every trial.

    Parameters
    ----------
    trials
        Their columns of settings override `common`, which need not do without them.
    common
        Keys of execution, sizing, costs, margin and risk of the sweep, by section.
    config_of
        Makes the config of such sections.
    bars
        What is simulated.
    gives_orders
        Whether the strategy gives orders rather than targets.
    stopped
        Looked at now and then, as many settings take their time: once it is true there are no variants.

    Raises
    ------
    ConfigError
        A value is wrong, needs volume that the bars have not, or does nothing for such a strategy.
    """
    chosen: list[int] | None = None
    distinct: list[tuple[Any, ...]] = [()]
    if trials.settings:
        columns = (trials.columns[name] for name in trials.settings)
        distinct, chosen = numbered(list(zip(*columns, strict=True)))
    settings = []
    for row in distinct:
        if stopped():
            return Variants([], [], [], [])
        try:
            one = _settings(trials.settings, row, common, config_of, bars, gives_orders)
        except ConfigError as error:
            if not row:
                raise
            which = ", ".join(f"{name} = {value}" for name, value in zip(trials.settings, row, strict=True))
            raise ConfigError(error.problems, f"the trial of {which}") from None
        settings.append(one.for_bars(bars.symbol, bars.periods_per_year))
    detailed = [gives_orders or each.detailed for each in settings]
    basic = [each for each, orders in zip(settings, detailed, strict=True) if not orders]
    shared = HARMLESS & frozenset[str]().union(*(each.features for each in basic))
    # what an order engine has more than a trial needs changes no bit: one is compiled for all of them
    every = frozenset[str]().union(*(each.order_features() for each in settings))
    every |= {"orders"} if gives_orders else set()
    features, needs, numbers = [], [], []
    for each, orders in zip(settings, detailed, strict=True):
        used = every if orders else each.features | shared
        features.append(used)
        needs.append(needs_of(each) if orders else None)
        numbers.append(
            each.order_numbers()
            if orders
            else tuple(getattr(each, name) for name, feature in NUMBERS if feature in used)
        )
    return Variants(settings, features, needs, numbers, chosen)


def _settings(
    names: Sequence[str],
    values: Sequence[Any],
    common: Mapping[str, Mapping[str, Any]],
    config_of: Callable[[Mapping[str, Any]], BacktestConfig],
    bars: Bars,
    gives_orders: bool,
) -> Settings:
    sections = {name: dict(section) for name, section in common.items()}
    for path, value in zip(names, values, strict=True):
        section, key = path.split(".", 1)
        sections[section][key] = value
    config = config_of(sections)
    require_volume(bars, config)
    if gives_orders and (problems := unused_by_orders(config)):
        raise ConfigError(problems, "BacktestConfig")
    return settings_of(config)


def is_section(section: Any) -> bool:
    """Tell whether something is a mapping, a model of the config, or None."""
    return section is None or isinstance(section, Mapping) or hasattr(section, "model_dump")


def keys_of(section: Any) -> Mapping[str, Any]:
    """Give the keys that a section was given, as they are now: a mapping, a model of the config, or None."""
    if section is None:
        return {}
    keys = section if isinstance(section, Mapping) else section.model_dump(exclude_unset=True)
    return copy.deepcopy(dict(keys))
