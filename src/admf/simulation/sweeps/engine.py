"""Runs the trials of a chunk: arrays are computed once for a block, threads pull slices of it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.compile import CannotCompileError, compile_kernel
from admf.simulation.facts import FactNeeds, Facts, facts_of
from admf.simulation.kernel import PRICES, StepCall, sweep_source
from admf.simulation.measures import BOOK_SIZE, TOLD
from admf.simulation.orders import generate
from admf.simulation.step_source import NotEmbeddableError, collect
from admf.simulation.sweeps.blocks import Block, warm_up
from admf.simulation.sweeps.plan import Group
from admf.simulation.sweeps.rows import Rows
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.market import Bars

POLL_SECONDS = 0.02  # how often the cancel flag and the deadline are looked at
SLICES = 8  # of a block for each thread
SLICE_BARS = 2_000_000  # of a slice, where nothing looks whether to stop while it runs


# A worker that is back from its kernel waits for the thread that binds the next trials, as long as Python's
# switch interval says: at its usual 5 ms that is longer than a kernel runs.
SWITCH_SECONDS = 1e-4
_turns = threading.Lock()
_sharing, _usual = 0, sys.getswitchinterval()


def _take_turns(more: int) -> None:
    """Let threads take turns quickly while a sweep with workers runs; of several the last one ends it."""
    global _sharing, _usual
    with _turns:
        if _sharing == 0:
            _usual = sys.getswitchinterval()
        _sharing += more
        sys.setswitchinterval(SWITCH_SECONDS if _sharing else _usual)


class StepFailedError(Exception):
    """A strategy's step raised in compiled code, which does not say on which bar."""


@dataclass(frozen=True)
class Market:
    """What all trials share.

    Parameters
    ----------
    bars
        All bars, also those that only warm up.
    first, last
        Simulated range.
    initial_cash
        Currency.
    returns
        Of holding the symbol, see `market_returns`.
    risk_free
        A bar.
    """

    bars: Bars
    first: int
    last: int
    initial_cash: float
    returns: FloatArray
    risk_free: float


class Stop:
    """Says when to stop: at a deadline, or when the user asks.

    Parameters
    ----------
    cancel
        An event, or a function that gives true; None: never.
    deadline_seconds
        From now; None: never.
    """

    def __init__(
        self, cancel: threading.Event | Callable[[], bool] | None, deadline_seconds: float | None
    ) -> None:
        self._asked = cancel.is_set if isinstance(cancel, threading.Event) else cancel
        self._deadline = None if deadline_seconds is None else time.monotonic() + deadline_seconds
        self.reason: str | None = None

    def check(self) -> bool:
        """Look; once true it stays so, and `reason` says why."""
        if self.reason is None:
            if self._asked is not None and self._asked():
                self.reason = "cancelled"
            elif self._deadline is not None and time.monotonic() >= self._deadline:
                self.reason = "deadline"
        return self.reason is not None


class Engine:
    """Runs groups of trials.

    Parameters
    ----------
    market
        What they share.
    metrics
        Names of the metrics to compute.
    workers
        Threads; one: all is done in the calling thread.
    stop
        Looked at between trials.
    progress
        Called with the number of trials done since the last call.
    """

    def __init__(
        self,
        market: Market,
        metrics: tuple[str, ...],
        workers: int,
        stop: Stop,
        progress: Callable[[int], None],
    ) -> None:
        self._market, self._metrics, self._workers = market, metrics, workers
        self._stop, self._progress = stop, progress
        self._scratch: list[tuple[FloatArray, FloatArray]] = []
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="admf-sweep") if workers > 1 else None
        if self._pool is not None:
            _take_turns(1)
        self.rows = Rows(market.bars)
        self._known_facts: dict[FactNeeds, Facts] = {}
        self._kernels: dict[Any, tuple[Callable[..., Any], str] | str] = {}
        self.unfinished_values = 0  # trials whose values were never complete
        self.told = np.zeros(len(TOLD), dtype=np.int64)  # trials with each of `TOLD`

    @property
    def blocks_ahead(self) -> int:
        """Blocks that may run while the next one is prepared."""
        return 2 if self._workers > 1 else 0

    def close(self) -> None:
        """End the threads, and give back the memory."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
            _take_turns(-1)
        self.rows.forget()
        self._scratch.clear()

    def kernel_of(self, group: Group) -> tuple[Callable[..., Any], str] | str:
        """Compile a group's kernel: it and its source, or why there is none."""
        bound = group.strategy
        if bound.needs_python is not None:
            return bound.needs_python
        state = None if bound.initial_state is None else tuple(map(type, bound.initial_state))
        numbers = tuple((name, type(value)) for name, value in group.numbers.items())
        key = (bound.on_bar, group.rows, numbers, tuple(group.texts.items()), state, group.features)
        if key not in self._kernels:
            self._kernels[key] = self._compile(group)
        return self._kernels[key]

    def _compile(self, group: Group) -> tuple[Callable[..., Any], str] | str:
        bound = group.strategy
        try:
            call = StepCall(
                collect(bound.on_bar, group.texts),
                [name for name in bound.arguments if name not in group.texts],
                group.rows,
                group.numbers,
                bound.initial_state,
            )
            source_of = sweep_source if group.needs is None else generate.sweep_source
            source = source_of(call, group.features, self._metrics)
            return compile_kernel(source, f"a sweep of strategy {bound.name} for these settings"), source
        except (CannotCompileError, NotEmbeddableError) as error:
            return str(error)

    def start(self, block: Block, group: Group, kernel: Callable[..., Any]) -> Running:
        """Compute what a block of trials reads, and give it to the threads."""
        market = self._market
        places = self.rows.places(block.rows, group.strategy.name)
        rows, firsts = self.rows.values, self.rows.firsts[places]
        warms = warm_up(group, block, firsts, len(market.bars))
        self.unfinished_values += int(np.count_nonzero(warms >= len(market.bars)))
        found = np.full((len(block.trials), len(self._metrics)), np.nan)
        prices = (getattr(market.bars, name) for name in PRICES)
        period = float(market.bars.periods_per_year)
        common = (
            market.returns, warms, places[block.index], block.params, block.states, block.settings, rows,
            market.first, market.last, *prices, market.risk_free, period,
            *(() if group.needs is None else self._facts(group.needs)),
        )  # fmt: skip
        step = max(-(-len(block.trials) // (self._workers * SLICES)), 1)
        if self._workers == 1:  # so often it is looked whether to stop
            step = max(min(step, SLICE_BARS // (market.last - market.first)), 1)
        slices = []
        for begin in range(0, len(block.trials), step):
            flags = np.zeros(2 + len(TOLD), dtype=np.int64)
            end = min(begin + step, len(block.trials))
            work = partial(self._slice, kernel, found, begin, end, flags, common)
            slices.append((work if self._pool is None else self._pool.submit(work), (begin, flags)))
        return Running(block, found, slices)

    def finish(self, running: Running, out: FloatArray, done: np.ndarray[Any, Any]) -> None:
        """Wait for a block, put what was found into its rows of `out`, and mark in `done` what was run.

        Raises
        ------
        StepFailedError
            A step raised; what the others found is there.
        """
        try:
            self._watch(running.slices)
        finally:
            for _, (begin, flags) in running.slices:
                chosen = slice(begin, begin + int(flags[1]))
                trials = running.block.trials[chosen]
                out[trials] = running.found[chosen]
                done[trials] = True
                self.told += flags[2:]

    def _facts(self, needs: FactNeeds) -> Facts:
        if needs not in self._known_facts:
            self._known_facts[needs] = facts_of(self._market.bars, needs)
        return self._known_facts[needs]

    def _slice(
        self, kernel: Callable[..., Any], found: FloatArray, begin: int, end: int, flags: Any, common: Any
    ) -> None:
        n = self._market.last - self._market.first
        try:
            scratch = self._scratch.pop()
        except IndexError:
            scratch = (np.empty(n), np.empty(BOOK_SIZE))
        try:
            kernel(found, begin, end, flags, *scratch, *common)
        except Exception as error:
            raise StepFailedError(f"the compiled step raised {error!r}") from error
        self._scratch.append(scratch)

    def _watch(self, slices: list[tuple[Any, Any]]) -> None:
        """Wait for slices, or run them; meanwhile look whether to stop, and report progress."""
        if self._pool is None:
            for work, (_, flags) in slices:
                if self._stop.check():
                    return
                try:
                    work()
                finally:
                    self._progress(int(flags[1]))
            return
        open_ = {work for work, _ in slices}
        reported = 0
        try:
            while open_:
                _, open_ = wait(open_, POLL_SECONDS)
                if self._stop.check():
                    _tell_to_stop(slices)
                count = sum(int(flags[1]) for _, (_, flags) in slices)
                if count > reported:
                    self._progress(count - reported)
                    reported = count
        except BaseException:  # nobody waits for them any more
            _tell_to_stop(slices)
            wait(open_)
            raise
        for work, _ in slices:
            work.result()


@dataclass(frozen=True)
class Running:
    """A block of trials that has been given to the threads.

    Parameters
    ----------
    block
        The trials.
    found
        Their metrics, a row each.
    slices
        Work on each slice, or its future; where it begins, and its flags: whether to stop, and trials done.
    """

    block: Block
    found: FloatArray
    slices: list[tuple[Any, Any]]


def _tell_to_stop(slices: list[tuple[Any, Any]]) -> None:
    for _, (_, flags) in slices:
        flags[0] = 1
