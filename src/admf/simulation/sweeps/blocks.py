"""Blocks of trials that share few arrays, so that these fit into memory, and what trials need of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from admf.indicators import Indicator
from admf.indicators.spec import BAR_COLUMNS
from admf.simulation.sweeps.plan import Group, Row, check_whole
from admf.typing import FloatArray


@dataclass(frozen=True)
class Block:
    """Trials of a group that share few arrays.

    Parameters
    ----------
    trials
        Their positions in the chunk, shape (m,).
    rows
        The distinct arrays that they read.
    index
        Which of them each trial reads, shape (m, arrays of the step).
    params, states, settings
        Numbers of each trial, float64.
    """

    trials: np.ndarray[Any, np.dtype[np.int64]]
    rows: list[Row]
    index: np.ndarray[Any, np.dtype[np.int64]]
    params: np.ndarray[Any, np.dtype[np.float64]]
    states: np.ndarray[Any, np.dtype[np.float64]]
    settings: np.ndarray[Any, np.dtype[np.float64]]


def blocks_of(group: Group, most: int) -> Iterator[Block]:
    """Cut a group into blocks that read at most `most` arrays each (or those of one trial)."""
    numbering: dict[Any, int] = {}
    known: list[Row] = []
    ids = np.empty((len(group.trials), len(group.rows)), dtype=np.int64)
    for j, column in enumerate(group.reads):
        numbers: dict[int, int] = {}  # by identity: trials share their indicators, and most keys need no look
        for row in {id(row): row for row in column}.values():
            number = numbering.setdefault(row.key if isinstance(row, Indicator) else row, len(known))
            if number == len(known):
                known.append(row)
            numbers[id(row)] = number
        ids[:, j] = [numbers[id(row)] for row in column]
    order = np.lexsort(ids.T[::-1]) if ids.shape[1] else np.arange(len(ids))
    begin = 0
    while begin < len(order):
        end = _reach(ids, order, begin, max(most, ids.shape[1]))
        chosen = order[begin:end]
        distinct, inverse = np.unique(ids[chosen], return_inverse=True)
        yield Block(
            trials=np.array(group.trials, dtype=np.int64)[chosen],
            rows=[known[number] for number in distinct],
            index=np.ascontiguousarray(inverse.reshape(len(chosen), -1), dtype=np.int64),
            params=group.values[chosen],
            states=_states(group, chosen),
            settings=group.settings[chosen],
        )
        begin = end


def _reach(ids: Any, order: Any, begin: int, most: int) -> int:
    """Where a block that begins here must end."""
    if int(ids.max(initial=-1)) < most:
        return len(order)
    seen: set[int] = set()
    for end in range(begin, len(order)):
        seen.update(ids[order[end]].tolist())
        if len(seen) > most:
            return end
    return len(order)


def _states(group: Group, chosen: Any) -> FloatArray:
    if not group.states:
        return np.empty((len(chosen), 0))
    check_whole(group, [value for state in group.states for value in state])
    return np.array([group.states[at] for at in chosen.tolist()], dtype=np.float64)


def warm_up(group: Group, block: Block, firsts: Any, bars: int) -> Any:
    """First bar of each trial on which all its values are there: `BoundStrategy.first_complete_bar`."""
    warms = np.zeros(len(block.trials), dtype=np.int64)
    bound = group.strategy
    for argument in bound.arguments:
        base = argument.removeprefix("prev_")
        later = int(base != argument)
        if base in bound.indicators:
            start = firsts[block.index[:, group.rows.index(base)]]
            np.maximum(warms, np.minimum(start + later, bars), out=warms)
        elif base in BAR_COLUMNS:
            np.maximum(warms, later, out=warms)
    return warms
