"""What every indicator must keep; for a user's own as for those that come with the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from admf.errors import AdmfError
from admf.indicators import Indicator, IndicatorTable
from admf.indicators.causality import first_difference
from admf.market.bars import Bars
from admf.testing.bars import change_after, example_bars


@contextmanager
def refusals_fail(what: str) -> Iterator[None]:
    """Turn an error of ours into a failed assertion that says it."""
    try:
        yield
    except AdmfError as error:
        raise AssertionError(f"{what}: {error}") from error


def check_indicator(spec: Indicator, bars: Bars | None = None, seed: int = 0) -> None:
    """Check that an indicator keeps what the engine relies on.

    It must give one float64 a bar, read-only, the same every time, and no value may change when later bars
    do.

    Parameters
    ----------
    spec
        The indicator.
    bars
        What to compute it on; None: made-up prices. An indicator that reads other columns needs bars with
        them.
    seed
        Of the made-up prices and changes.

    Raises
    ------
    AssertionError
        Says what is not kept, and at which bar.
    """
    bars = example_bars(seed) if bars is None else bars
    what = f"indicator {spec.key}"
    with refusals_fail(what):
        row = IndicatorTable(bars).row(spec)
        again = IndicatorTable(bars).row(spec)
    if row.shape != (len(bars),) or row.dtype != np.float64:
        raise AssertionError(f"{what}: shape {row.shape} of {row.dtype}, not ({len(bars)},) of float64")
    if row.flags.writeable:
        raise AssertionError(f"{what}: its row can be written to")
    if row.tobytes() != again.tobytes():
        raise AssertionError(f"{what}: two computations on the same bars differ")
    for last in moments(len(bars)):
        with refusals_fail(what):
            changed = IndicatorTable(change_after(bars, last, seed)).row(spec)
        bar = first_difference(row, changed[: last + 1])
        if bar is not None:
            raise AssertionError(
                f"{what} looks ahead: with other bars after bar {last}, its value at bar {bar} is "
                f"{float(changed[bar])} instead of {float(row[bar])}"
            )


def moments(bars: int) -> list[int]:
    """Bars after which to change the future: the middle, late ones, the last but one."""
    places = {bars // 2, bars * 7 // 8, bars - 8, bars - 3, bars - 2}
    return sorted(bar for bar in places if 0 <= bar < bars - 1)
