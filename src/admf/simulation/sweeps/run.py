"""One sweep, chunk after chunk: bound, given to the threads, taken back, kept or written."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import AdmfError
from admf.indicators import Indicator
from admf.market.timeframes import rate_warnings
from admf.simulation.measures import TOLD
from admf.simulation.sweeps.blocks import blocks_of
from admf.simulation.sweeps.engine import Engine, Market, Running, StepFailedError, Stop
from admf.simulation.sweeps.plain import run_plain
from admf.simulation.sweeps.plan import Binder, Group
from admf.simulation.sweeps.space import Trials
from admf.simulation.sweeps.store import Store, digest_of
from admf.simulation.sweeps.values import array_of
from admf.simulation.sweeps.variants import Variants
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.simulation.settings import Settings
    from admf.strategies import BoundStrategy


@dataclass
class Chunk:
    """Trials that are bound at once, and written at once.

    Parameters
    ----------
    number, begin, end
        Its position, and its trials.
    digest
        Of what its numbers depend on; empty where it is kept in memory.
    groups
        Its trials by the code that they run, with the kernel, or why there is none.
    out, done
        Metrics of each trial, and whether it was run.
    running
        Blocks that are not finished.
    """

    number: int
    begin: int
    end: int
    digest: str
    groups: list[tuple[Group, Any]]
    out: FloatArray
    done: np.ndarray[Any, np.dtype[np.bool_]]
    running: int = 0


class Run:
    """One sweep, chunk after chunk: while one is computed, the next is bound."""

    def __init__(
        self,
        market: Market,
        trials: Trials,
        variants: Variants,
        binder: Binder,
        names: tuple[str, ...],
        workers: int,
        stop: Stop,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.market, self.trials, self.variants = market, trials, variants
        self.binder, self.names = binder, names
        self.stop, self.on_progress = stop, on_progress
        self.engine = Engine(market, names, workers, stop, self._advance)
        self.finished = 0
        self.reported = 0
        self.reasons: dict[str, None] = {}
        self.parts: list[dict[str, Any]] = []
        self.store: Store | None = None
        self.running: deque[tuple[Chunk, int, Running]] = deque()

    def chunks(self, sizes: Iterator[int], store: Store | None, source: str) -> None:
        """Run all chunks that are not there yet."""
        self.store = store
        begin = number = 0
        try:
            while begin < self.trials.count and not self.stop.check():
                end = min(begin + next(sizes), self.trials.count)
                self._begin(number, begin, end, source)
                begin, number = end, number + 1
        except BaseException:
            self.stop.reason, self.on_progress = "cancelled", None  # what still runs must not be waited for
            raise
        finally:
            self._finish(0)
        if store is None and not self.parts:
            self.parts.append(self._columns(0, 0, np.empty((0, len(self.names))), np.empty(0, dtype=bool)))

    def _begin(self, number: int, begin: int, end: int, source: str) -> None:
        """Bind a chunk and give its blocks to the threads."""
        try:
            bound = self.binder.groups(self.trials, self.variants, begin, end)
        except AdmfError:  # the strategy refuses some parameters: what comes before them counts
            self._finish(0)
            raise
        groups = [(group, self.engine.kernel_of(group)) for group in bound]
        digest = ""
        if self.store is not None:
            digest = self._digest(groups, source, begin, end)
            if self.store.has(number, digest):
                self.finished += end - begin
                self._advance(end - begin)
                return
        out = np.full((end - begin, len(self.names)), np.nan)
        chunk = Chunk(number, begin, end, digest, groups, out, np.zeros(end - begin, dtype=bool), 1)
        for at, (group, kernel) in enumerate(groups):
            if isinstance(kernel, str):
                continue
            for block in blocks_of(group, self.engine.rows.most):
                if self.stop.check():
                    break
                self.running.append((chunk, at, self.engine.start(block, group, kernel[0])))
                chunk.running += 1
                self._finish(self.engine.blocks_ahead)
        self._release(chunk)

    def _finish(self, most: int) -> None:
        """Wait until no more blocks than that are with the threads."""
        while len(self.running) > most:
            chunk, at, running = self.running.popleft()
            try:
                self.engine.finish(running, chunk.out, chunk.done)
            except StepFailedError as error:  # the plain engine says on which bar
                chunk.groups[at] = (chunk.groups[at][0], str(error))
            self._release(chunk)

    def _release(self, chunk: Chunk) -> None:
        """Take a chunk's result when nothing of it runs any more."""
        chunk.running -= 1
        if chunk.running:
            return
        for group, kernel in chunk.groups:
            if isinstance(kernel, str):
                self.reasons[kernel] = None
                self._run_plain(group, chunk)
        count = int(chunk.done.sum())
        columns = self._columns(chunk.begin, chunk.end, chunk.out, chunk.done)
        if self.store is None:
            self.parts.append(columns)
            self.finished += count
        elif count == chunk.end - chunk.begin:
            self.store.write(chunk.number, chunk.digest, columns)
            self.finished += count

    def _run_plain(self, group: Group, chunk: Chunk) -> None:
        """Run those of a group's trials that are not done in plain Python."""
        for trial in group.trials:
            if self.stop.check():
                return
            if not chunk.done[trial]:
                chunk.out[trial], told = run_plain(self.market, self.names, *self._bound(chunk.begin + trial))
                chunk.done[trial] = True
                self.engine.told += told
                self._advance(1)

    def _bound(self, trial: int) -> tuple[BoundStrategy, Settings]:
        return self.binder.one(self.trials.values(trial)), self.variants.settings[self.variants.of(trial)]

    def _columns(self, begin: int, end: int, out: Any, done: Any) -> dict[str, Any]:
        columns: dict[str, Any] = {"trial": np.arange(begin, end)[done]}
        for name, values in self.trials.columns.items():
            columns[name] = array_of(values[begin:end])[done]
        for at, name in enumerate(self.names):
            columns[name] = out[done, at]
        return columns

    def _digest(self, groups: Any, source: str, begin: int, end: int) -> str:
        """Digest what the numbers of a chunk depend on."""
        market = self.market
        code = [
            (kernel[1] if not isinstance(kernel, str) else _source_of(group), _keys(group), group.trials)
            for group, kernel in groups
        ]
        columns = {name: values[begin:end] for name, values in self.trials.columns.items()}
        return digest_of(
            source, market.bars.fingerprint, market.first, market.last, self.variants.settings[0],
            market.risk_free, float(market.bars.periods_per_year), self.names, begin, columns, code,
        )  # fmt: skip

    def _advance(self, count: int) -> None:
        self.reported += count
        if self.on_progress is not None:
            self.on_progress(self.reported, self.trials.count)

    def warnings(self) -> tuple[str, ...]:
        """Say what a reader of the table should know."""
        found = [f"the strategy is not compiled, and slower for it: {reason}" for reason in self.reasons]
        if self.engine.unfinished_values:
            found.append(
                f"{self.engine.unfinished_values} trials have no metrics: their values are complete on "
                f"none of the {len(self.market.bars)} bars; load more bars, or choose shorter periods"
            )
        for text, count in zip(TOLD, self.engine.told.tolist(), strict=True):
            if count:
                found.append(f"{count} trial{'s' if count > 1 else ''}: {text}")
        bars = self.market.bars
        found += rate_warnings(bars.timestamps[self.market.first : self.market.last], bars.periods_per_year)
        return tuple(found)


def _keys(group: Group) -> list[str]:
    distinct = {id(row): row for column in group.reads for row in column}.values()
    return sorted({row.key if isinstance(row, Indicator) else row for row in distinct})


def _source_of(group: Group) -> str:
    on_bar = group.strategy.on_bar
    try:
        return inspect.getsource(on_bar)
    except (OSError, TypeError):
        return str(on_bar.__code__.co_code.hex())
