"""Whether the data of a portfolio's symbols has what the settings read, symbol by symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from admf.core.config.models import BacktestConfig
from admf.errors import Problem
from admf.simulation.needs import missing_data, too_few_bars, without_volume

if TYPE_CHECKING:
    from admf.market import Bars


def data_problems(bars: Mapping[str, Bars], config: BacktestConfig) -> list[Problem]:
    """List the keys that name a column which a symbol has not, or not usable, or need volume without any.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section; each names its symbols.
    """
    columns = [
        problem
        for symbol, each in bars.items()
        if len(each)
        for problem in missing_data(replace(each, symbol=symbol), config, volume=False)
    ]
    silent = [symbol for symbol, each in bars.items() if len(each) and not each.volume.any()]
    return sorted(columns, key=lambda problem: problem.path) + without_volume(", ".join(silent), config)


def never_complete(bars: Mapping[str, Bars], config: BacktestConfig, end: int) -> list[Problem]:
    """List the estimates that no symbol has bars enough for.

    Parameters
    ----------
    end
        Last simulated moment, UTC nanoseconds.
    """
    most = max(int((each.timestamps <= end).sum()) for each in bars.values())
    return too_few_bars(most, config)
