"""Bars and indicator rows of one workflow, found from wherever its tasks run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from admf.blocks import IndicatorLibrary
from admf.errors import WorkflowCancelledError
from admf.indicators import IndicatorTable
from admf.market import Bars


@dataclass(frozen=True)
class SharedMarket:
    """What a workflow's tasks share, read-only: the bars of every symbol and one indicator table each.

    `finer` has the bars of a shorter timeframe, where the config asks for them.
    """

    bars: Mapping[str, Bars]
    tables: Mapping[str, IndicatorTable]
    finer: Mapping[str, Bars] = field(default_factory=dict)

    @classmethod
    def of(
        cls, bars: Mapping[str, Bars], library: IndicatorLibrary, finer: Mapping[str, Bars] | None = None
    ) -> SharedMarket:
        """Make a table for each symbol's bars."""
        tables = {symbol: library.table(each) for symbol, each in bars.items()}
        return cls(bars=dict(bars), tables=tables, finer=dict(finer or {}))


# Tasks get the name of a folder. In the process that loaded the bars it leads to the very objects; in another
# one the folder is opened, memory-mapped, and kept for the next task of the same workflow.
_WITHDRAWN = "withdrawn"
_BARS, _FINER = "bars", "finer"
_lock = threading.Lock()
_published: dict[str, SharedMarket] = {}
_opened: dict[str, SharedMarket] = {}


def publish(folder: Path, market: SharedMarket, *, to_disk: bool) -> None:
    """Make `market` available under the name of `folder`; written out only where other processes need it."""
    if to_disk:
        for name, every in ((_BARS, market.bars), (_FINER, market.finer)):
            for number, bars in enumerate(every.values()):
                bars.save(folder / name / f"{number:04d}")
    with _lock:
        _published[str(folder)] = market


def withdraw(folder: Path) -> None:
    """Forget what was published under `folder`; tasks that still work on it see it and end."""
    with _lock:
        _published.pop(str(folder), None)
    if folder.is_dir():  # other processes look here
        (folder / _WITHDRAWN).touch()


def withdrawal(folder: str) -> Callable[[], bool]:
    """Give a function that says whether what was published under `folder` has been withdrawn.

    Cheap enough to be called on every bar: other processes look at the disk ten times a second.
    """
    if folder in _published:
        return lambda: folder not in _published
    mark, seen, due = Path(folder) / _WITHDRAWN, False, 0.0

    def withdrawn() -> bool:
        nonlocal seen, due
        now = time.monotonic()
        if not seen and now >= due:
            # The folder itself is removed when the workflow has ended.
            seen, due = mark.exists() or not mark.parent.exists(), now + 0.1
        return seen

    return withdrawn


def find(folder: str, indicator_directory: str | None) -> SharedMarket:
    """Give what was published under `folder`, in this process or by another one."""
    with _lock:
        market = _published.get(folder) or _opened.get(folder)
        if market is None:
            if not Path(folder).is_dir() or (Path(folder) / _WITHDRAWN).exists():
                raise WorkflowCancelledError("the workflow had ended when this task began")
            library = IndicatorLibrary(directory=indicator_directory)
            market = SharedMarket.of(_saved(Path(folder, _BARS)), library, finer=_saved(Path(folder, _FINER)))
            _opened.clear()  # a worker process serves one workflow after another
            _opened[folder] = market
        return market


def _saved(folder: Path) -> dict[str, Bars]:
    if not folder.is_dir():  # there are no finer bars
        return {}
    every = [Bars.load(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    return {bars.symbol: bars for bars in every}
