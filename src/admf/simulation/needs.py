"""Whether the data has what the settings of a backtest read: columns by name, and volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admf.core.config.hints import nearest
from admf.errors import ConfigError, Problem
from admf.indicators.spec import BAR_COLUMNS

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
    """List the keys that name a column which the bars have not, or need volume where there is none.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    problems = []
    there = [*BAR_COLUMNS, *bars.extra]
    for path in _COLUMNS:
        name = _value(config, path)
        if name is not None and name not in there:
            problems.append(
                Problem(
                    path,
                    f"is no column of the data of {bars.symbol}",
                    found=f'"{name}"',
                    allowed=", ".join(there),
                    hint=nearest(name, there),
                )
            )
    if not bars.volume.any():
        for path, outcome in _VOLUME.items():
            if _value(config, path):
                hint = "load data with volume, or remove it"
                problems.append(Problem(path, f"needs volume, and the data has none: {outcome}", hint=hint))
    return problems


def require_data(bars: Bars, config: BacktestConfig) -> None:
    """Raise ConfigError with every problem of `missing_data`, if there is one."""
    problems = missing_data(bars, config)
    if problems:
        raise ConfigError(problems, "BacktestConfig")


def _value(config: BacktestConfig, path: str) -> object:
    section, key = path.split(".")
    value: object = getattr(getattr(config, section), key)
    return value
