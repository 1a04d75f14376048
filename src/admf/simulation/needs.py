"""Whether the data has what the settings of a backtest read: columns by name, and volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admf.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from admf.core.config.models import BacktestConfig
    from admf.market import Bars

_COLUMNS = ("execution.halted_column", "costs.spread_column", "costs.funding_column", "margin.locate_column")
# Keys that say nothing without volume, and what would happen.
_VOLUME = {
    "execution.max_participation_pct": "nothing would ever be filled",
    "execution.halt_on_zero_volume": "every bar would be halted",
    "costs.impact": "no fill would have any impact",
}


def missing_data(bars: Bars, config: BacktestConfig) -> list[Problem]:
    """List the keys that name a column which the bars have not, or not usable, or need volume without any.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    from admf.simulation.facts import FactNeeds, require_columns

    problems = []
    for path in _COLUMNS:
        name = _value(config, path)
        if isinstance(name, str):
            try:
                require_columns(bars, FactNeeds(**{path.split(".")[1]: name}))  # type: ignore[arg-type]
            except DataError as error:
                problems.append(Problem(path, error.message, hint=error.hint))
    return problems + _missing_volume(bars, config)


def _missing_volume(bars: Bars, config: BacktestConfig) -> list[Problem]:
    needed = volume_keys(config)
    if not needed or bars.volume.any():
        return []
    hint = "load data with volume, or remove it"
    return [
        Problem(path, f"needs volume, and the data has none: {_VOLUME[path]}", hint=hint) for path in needed
    ]


def volume_keys(config: BacktestConfig) -> list[str]:
    """List the keys that say nothing without volume."""
    return [path for path in _VOLUME if _value(config, path)]


def silent_volume(bars: Bars, config: BacktestConfig) -> list[str]:
    """Warn of settings that need volume, where the bars of a session have none so far."""
    return [f"{problem.path} {problem.message}" for problem in _missing_volume(bars, config)]


def require_volume(bars: Bars, config: BacktestConfig) -> None:
    """Refuse settings that need volume, where the data has none.

    Raises
    ------
    ConfigError
        With every such key.
    """
    problems = _missing_volume(bars, config)
    if problems:
        raise ConfigError(problems, "BacktestConfig")


def _value(config: BacktestConfig, path: str) -> object:
    section, key = path.split(".")
    value: object = getattr(getattr(config, section), key)
    return value
