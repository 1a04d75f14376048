"""What every allocation must keep; for a user's own as for those that come with the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from admf.core.config.models import CostsConfig
from admf.market.bars import Bars
from admf.simulation.portfolio.allocation import Universe, ask, resolve_allocation
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.view import Viewer
from admf.testing.bars import change_after, example_bars
from admf.testing.indicators import moments, refusals_fail
from admf.typing import FloatArray


def check_allocation(
    ref: Any,
    params: Mapping[str, Any] | None = None,
    bars: Mapping[str, Bars] | None = None,
    allow_modules: Iterable[str] = (),
    seed: int = 0,
) -> None:
    """Check that an allocation keeps what the engine relies on.

    It must give one number a symbol at every close, with absolute values that add to 1 at most; the same for
    the same past every time it is made; and no weight may change when later bars do.

    Parameters
    ----------
    ref, params, allow_modules
        The allocation, as for `admf.simulate_portfolio`.
    bars
        What to run it on; None: made-up prices of four symbols, A to D, one of them listed later.
    seed
        Of the made-up prices and changes.

    Raises
    ------
    AssertionError
        Says what is not kept, and at which row.
    """
    if bars is None:
        bars = {name: replace(example_bars(seed + at), symbol=name) for at, name in enumerate("ABCD")}
        bars["D"] = bars["D"].slice(150)
    decided = _weights(ref, params, bars, allow_modules)
    row = _difference(decided, _weights(ref, params, bars, allow_modules))
    if row is not None:
        raise AssertionError(
            f"allocation {ref!r} is not pure: run again on the same bars, it gives other weights at row {row}"
        )
    stamps = join(bars).timestamps
    for last in moments(len(stamps)):
        changed = {
            name: change_after(
                each, max(int(np.searchsorted(each.timestamps, stamps[last], "right")) - 1, 0), seed
            )
            for name, each in bars.items()
        }
        row = _difference(decided[: last + 1], _weights(ref, params, changed, allow_modules)[: last + 1])
        if row is not None:
            raise AssertionError(
                f"allocation {ref!r} looks ahead: with other bars after row {last}, its weights differ at "
                f"row {row}"
            )


def _weights(
    ref: Any, params: Mapping[str, Any] | None, bars: Mapping[str, Bars], allow_modules: Iterable[str]
) -> FloatArray:
    joined = join(bars)
    allowed = tuple(allow_modules)
    with refusals_fail("allocation"):
        name, allocation, _ = resolve_allocation(ref, params, allowed)
        if hasattr(allocation, "prepare"):
            rows = len(joined.timestamps)
            universe = Universe(joined, 0, rows, 100_000.0, CostsConfig(), "both", allowed)
            allocation = allocation.prepare(universe)
        viewer = Viewer(joined, 10.0)
        held = np.zeros(len(bars))
        weights = np.empty((len(joined.timestamps), len(bars)))
        for row in range(len(weights)):
            weights[row] = ask(name, allocation, viewer.at(row, held), held)
            held = np.where(np.isnan(weights[row]), held, weights[row])
    return weights


def _difference(first: FloatArray, second: FloatArray) -> int | None:
    equal = np.isclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True).all(axis=1)
    return None if equal.all() else int(np.argmin(equal))
