"""`sweep`: from bars, a strategy and parameters to a table of metrics."""

from __future__ import annotations

import inspect
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import AdmfError, StrategyError
from admf.indicators import Indicator
from admf.market.timeframes import rate_warnings
from admf.simulation.api import backtest_config, simulated_range
from admf.simulation.measures import STREAMED, TOLD
from admf.simulation.metrics import TAILS, market_returns, risk_free_per_bar
from admf.simulation.metrics_glossary import meant_metric
from admf.simulation.step_source import gives_orders
from admf.simulation.sweeps.engine import Engine, Market, Running, StepFailedError, Stop
from admf.simulation.sweeps.plan import Binder, Group, blocks_of
from admf.simulation.sweeps.result import SweepResult
from admf.simulation.sweeps.space import Trials, read_trials
from admf.simulation.sweeps.store import Store, digest_of
from admf.simulation.sweeps.variants import Variants, keys_of, read_variants
from admf.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.core.config.models import (
        BacktestConfig,
        CostsConfig,
        ExecutionConfig,
        MarginConfig,
        RiskConfig,
        SizingConfig,
    )
    from admf.market import Bars
    from admf.simulation.settings import Settings
    from admf.strategies import BoundStrategy

CHUNK_TRIALS = 10_000  # of a file
PIECE_TRIALS = (250, 500, 1_000, 2_000)  # in memory; nothing runs until the first is bound


def sweep(
    bars: Bars | pd.DataFrame,
    strategy: Any,
    parameters: Mapping[str, Sequence[Any]] | pd.DataFrame,
    *,
    execution: Mapping[str, Any] | ExecutionConfig | None = None,
    sizing: Mapping[str, Any] | SizingConfig | None = None,
    costs: Mapping[str, Any] | CostsConfig | None = None,
    margin: Mapping[str, Any] | MarginConfig | None = None,
    risk: Mapping[str, Any] | RiskConfig | None = None,
    initial_cash: float = 100_000.0,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    risk_free_pct: float = 0.0,
    metrics: Sequence[str] | None = None,
    workers: int | None = None,
    chunk_size: int | None = None,
    cancel: threading.Event | Callable[[], bool] | None = None,
    deadline_seconds: float | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    output: str | Path | None = None,
    allow_modules: Sequence[str] = (),
) -> SweepResult:
    """Simulate a strategy with many parameters; each trial as `admf.simulate` would, to the last bit.

    Parameters
    ----------
    bars, strategy, execution, sizing, costs, margin, risk, initial_cash, start, end, risk_free_pct
        As for `admf.simulate`.
    allow_modules
        As for `admf.simulate`.
    parameters
        A DataFrame with a row a trial; or a grid, a mapping of names to lists of values, of which every
        combination is a trial that the strategy's constraints allow. What is not named takes its default.
        Settings may be among them: ``execution.stop_loss_pct``, ``sizing.fraction``, ``costs.slippage_bps``
        and the other keys of these sections; a trial's own value stands in place of the one given for all,
        and what goes together is checked trial by trial.
    metrics
        Names of the metrics to compute: those of `SimulationResult.metrics` but for value_at_risk,
        conditional_value_at_risk and tail_ratio, which need the returns in order of size; None: all of these.
        Fewer are quicker.
    workers
        Threads; None: one a processor. The numbers do not depend on it.
    chunk_size
        Trials of a chunk, that is of a file in `output`; 10,000 unless told (fewer in memory). The numbers do
        not depend on it.
    cancel
        A `threading.Event`, or a function that gives true when the sweep shall stop. Looked at between
        trials; what was finished is given back.
    deadline_seconds
        Stop after so long, likewise.
    on_progress
        Called with the number of finished trials and of all, some times a second, in the calling thread.
    output
        Folder for Parquet files, one a chunk, written when it is finished. Chunks that are there already are
        not computed again. Without it the table is kept in memory.

    Returns
    -------
    SweepResult
        A trial whose values are complete on no bar has NaN for every metric, and a warning says how many.

    Raises
    ------
    ConfigError
        A key or value of the settings is wrong, or needs volume that the bars have not.
    StrategyError
        The strategy or its parameters are wrong.
    AdmfError
        A metric is unknown or cannot be streamed; `output` holds another sweep.
    """
    from admf.market import Bars, load_bars
    from admf.strategies.locate import locate

    began = time.monotonic()
    stop = Stop(cancel, deadline_seconds)
    if not isinstance(bars, Bars):
        bars = load_bars(bars)
    names = _metric_names(metrics)
    threads = _positive("workers", workers, os.cpu_count() or 1)
    size = _positive("chunk_size", chunk_size, CHUNK_TRIALS)
    sizes: Iterator[int] = repeat(size)
    if output is None and chunk_size is None:
        sizes = chain(PIECE_TRIALS if threads > 1 else (), repeat(PIECE_TRIALS[-1]))

    def config_of(sections: Mapping[str, Any]) -> BacktestConfig:
        return backtest_config(strategy, sections, initial_cash, start, end, risk_free_pct)

    given = {"execution": execution, "sizing": sizing, "costs": costs, "margin": margin, "risk": risk}
    sections = {each: keys_of(section) for each, section in given.items()}
    found, name, source = locate(strategy, allow_modules)
    trials = read_trials(found, name, parameters)
    # what the trials name is judged with their values, each combination of them
    config = config_of({} if trials.settings else given)
    _refuse_clashes(name, trials, names)
    binder = Binder(found, name, strategy, allow_modules)
    orders = False
    if trials.count:
        one = binder.one(trials.values(0))
        orders = gives_orders(one.on_bar, one.params)
    variants = read_variants(trials, sections, config_of, bars, orders, stop.check)
    first, last = simulated_range(bars, config)
    market = Market(
        bars=bars,
        first=first,
        last=last,
        initial_cash=float(config.initial_cash),
        returns=market_returns(bars.close[first:last]),
        risk_free=risk_free_per_bar(config.risk_free_pct, bars.periods_per_year),
    )
    run = _Run(market, trials, variants, binder, names, threads, stop, on_progress)
    try:
        folder = None if output is None else Path(output)
        run.chunks(sizes, None if folder is None else Store(folder, -(-trials.count // size)), source)
    finally:
        run.engine.close()
    return SweepResult(
        strategy=name,
        metrics=names,
        trials=trials.count,
        dropped=trials.dropped,
        finished=run.finished,
        stopped=stop.reason if run.finished < trials.count else None,
        compiled=not run.reasons,
        warnings=run.warnings(),
        seconds=time.monotonic() - began,
        folder=folder,
        _parts=tuple(run.parts),
        _given={
            **{each: keys for each, keys in sections.items() if keys},
            "initial_cash": initial_cash,
            "start": start,
            "end": end,
            "risk_free_pct": risk_free_pct,
            "allow_modules": tuple(allow_modules),
        },
    )


@dataclass
class _Chunk:
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


class _Run:
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
        self.running: deque[tuple[_Chunk, int, Running]] = deque()

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
        chunk = _Chunk(number, begin, end, digest, groups, out, np.zeros(end - begin, dtype=bool), 1)
        for at, (group, kernel) in enumerate(groups):
            if isinstance(kernel, str):
                continue
            for block in blocks_of(group, self.engine.most_rows):
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

    def _release(self, chunk: _Chunk) -> None:
        """Take a chunk's result when nothing of it runs any more."""
        chunk.running -= 1
        if chunk.running:
            return
        for group, kernel in chunk.groups:
            if isinstance(kernel, str):
                self.reasons[kernel] = None
                self.engine.run_plain(group, partial(self._bound, chunk.begin), chunk.out, chunk.done)
        count = int(chunk.done.sum())
        columns = self._columns(chunk.begin, chunk.end, chunk.out, chunk.done)
        if self.store is None:
            self.parts.append(columns)
            self.finished += count
        elif count == chunk.end - chunk.begin:
            self.store.write(chunk.number, chunk.digest, columns)
            self.finished += count

    def _bound(self, begin: int, at: int) -> tuple[BoundStrategy, Settings]:
        settings = self.variants.settings[self.variants.of(begin + at)]
        return self.binder.one(self.trials.values(begin + at)), settings

    def _columns(self, begin: int, end: int, out: Any, done: Any) -> dict[str, Any]:
        columns: dict[str, Any] = {"trial": np.arange(begin, end)[done]}
        for name, values in self.trials.columns.items():
            columns[name] = _array(values[begin:end])[done]
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


def _metric_names(metrics: Sequence[str] | None) -> tuple[str, ...]:
    if metrics is None:
        return STREAMED
    if isinstance(metrics, str):
        metrics = [metrics]
    names = tuple(dict.fromkeys(metrics))
    wrong = [name for name in names if name not in STREAMED]
    if not names or wrong:
        kept = [name for name in wrong if name in TAILS]
        if kept:
            message = f"a sweep cannot stream {', '.join(kept)}: it needs the returns in order of size"
        else:
            message = f"no metric is called {wrong[0]!r}" if wrong else "a sweep needs at least one metric"
        near = meant_metric(str(wrong[0]), STREAMED) if wrong and not kept else None
        hint = f"did you mean {near}? " if near else ""
        raise AdmfError(message, f"{hint}a sweep streams: {', '.join(STREAMED)}")
    return names


def _positive(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(type(value), "__index__") or value < 1:
        raise AdmfError(f"{name} must be a whole number from 1; found {value!r}")
    return int(value)


def _refuse_clashes(name: str, trials: Trials, metrics: tuple[str, ...]) -> None:
    for parameter in trials.columns:
        if parameter in metrics or parameter == "trial":
            raise StrategyError(
                f"strategy {name!r}: parameter {parameter!r} has the name of another column of the table",
                "rename the parameter, or leave that metric out",
            )


def _array(values: list[Any]) -> np.ndarray[Any, Any]:
    kinds = {type(value) for value in values}
    if type(None) in kinds and kinds <= {int, float, type(None)}:
        return np.array(values, dtype=np.float64)  # a setting that is none: NaN
    if kinds <= {int} or kinds <= {float} or kinds <= {bool}:
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _keys(group: Group) -> list[str]:
    distinct = {id(row): row for column in group.reads for row in column}.values()
    return sorted({row.key if isinstance(row, Indicator) else row for row in distinct})


def _source_of(group: Group) -> str:
    on_bar = group.strategy.on_bar
    try:
        return inspect.getsource(on_bar)
    except (OSError, TypeError):
        return str(on_bar.__code__.co_code.hex())
