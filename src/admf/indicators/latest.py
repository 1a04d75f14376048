"""Indicators on bars that grow by one: the newest value of each, with the bits that a batch gives.

TA-Lib is called on all the bars so far: even its simple moving average is a running sum, so that a window
alone gives other last bits. The exceptions are functions that look at nothing but a window and sum up nothing
on the way, and indicators on a coarser timeframe, which change only when a coarse bar closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from admf.indicators import library
from admf.indicators.coarse import closes_one, coarse_bars
from admf.indicators.spec import BAR_COLUMNS, Indicator
from admf.indicators.table import IndicatorTable, first_value

if TYPE_CHECKING:
    from admf.market.bars import Bars

# Of the bar's fields alone, which hold no NaN. A test compares each with the batch, bit for bit.
WINDOWED = frozenset(
    {
        "AVGPRICE", "BOP", "DONCHIAN", "MAX", "MEDPRICE", "MIDPOINT", "MIDPRICE", "MIN", "MOM", "ROC", "ROCP",
        "ROCR", "ROCR100", "TRANGE", "TYPPRICE", "WCLPRICE", "WILLR",
    }
)  # fmt: skip


class LatestValues:
    """Newest values of indicators.

    Parameters
    ----------
    specs
        Indicators by name.
    bars
        Bars to begin with; none are enough.

    Attributes
    ----------
    values
        Name -> value at the last bar, np.float64; NaN before the first.
    first
        Name -> position of the first bar with a value; without those that have had none.

    Raises
    ------
    ComponentError, StrategyError
        As `IndicatorTable.row`.
    """

    def __init__(self, specs: Mapping[str, Indicator], bars: Bars) -> None:
        self._specs = dict(specs)
        self._windows = {name: library.window(spec.function, spec.params) for name, spec in specs.items()
                         if isinstance(spec.function, str) and _windowed(spec)}  # fmt: skip
        self._proved = len(bars)
        self.values = dict.fromkeys(specs, np.float64(np.nan))
        self.first: dict[str, int] = {}
        for spec in specs.values():
            if spec.timeframe is not None:
                coarse_bars(bars.slice(0, 0), spec.timeframe)  # refuses one that does not fit
        if not len(bars):
            return
        table = IndicatorTable(bars)
        for name, spec in specs.items():
            row = table.row(spec)
            self.values[name] = row[-1]
            first = first_value(row)
            if first < len(row):
                self.first[name] = first

    def update(self, bars: Bars) -> None:
        """Take the bars with one more at their end."""
        count = len(bars)
        # Users' functions are checked for look-ahead each time the bars have grown by half.
        prove = 2 * count > 3 * self._proved
        self._proved = count if prove else self._proved
        table = IndicatorTable(bars, prove=prove)
        for name, spec in self._specs.items():
            window = self._windows.get(name)
            if window is not None and count >= window and isinstance(spec.function, str):
                inputs = [getattr(bars, str(source))[-window:] for _, source in spec.inputs]
                rows = library.evaluate(spec.function, [value for _, value in spec.params], inputs)
                value = rows[0 if spec.output is None else spec.outputs.index(spec.output), -1]
            elif spec.timeframe is not None and count > 1 and not closes_one(bars, spec.timeframe):
                continue
            else:
                value = table.row(spec)[-1]
            self.values[name] = value
            if name not in self.first and not np.isnan(value):
                self.first[name] = count - 1


def _windowed(spec: Indicator) -> bool:
    fields = all(source in BAR_COLUMNS for _, source in spec.inputs)
    return spec.timeframe is None and spec.function in WINDOWED and fields
