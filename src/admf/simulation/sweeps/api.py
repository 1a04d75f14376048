"""`sweep`: from bars, a strategy and parameters to a table of metrics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.errors import AdmfError, StrategyError
from admf.simulation.api import backtest_config, bars_of, simulated_range
from admf.simulation.measures import STREAMED
from admf.simulation.metrics import TAILS, market_returns, risk_free_per_bar
from admf.simulation.metrics_glossary import meant_metric
from admf.simulation.step_source import gives_orders
from admf.simulation.sweeps.engine import Market, Stop
from admf.simulation.sweeps.plan import Binder
from admf.simulation.sweeps.result import SweepResult
from admf.simulation.sweeps.run import Run
from admf.simulation.sweeps.space import Trials, read_trials
from admf.simulation.sweeps.store import Store
from admf.simulation.sweeps.values import are_scalars
from admf.simulation.sweeps.variants import is_section, keys_of, read_variants

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
        combination is a trial that the strategy's constraints allow. What is not named takes its default;
        what stays the same is a list of one value, as in ``{"indicators": [{"r": "RSI(14)"}]}``.
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

    What was never run before is compiled first, some seconds to a minute; a warning of the log
    ``admf.compile`` says so meanwhile.

    Raises
    ------
    ConfigError
        A key or value of the settings is wrong, or needs volume that the bars have not.
    StrategyError
        The strategy or its parameters are wrong.
    AdmfError
        A metric is unknown or cannot be streamed; `output` holds another sweep.
    """
    from admf.strategies.locate import locate

    began = time.monotonic()
    stop = Stop(cancel, deadline_seconds)
    bars = bars_of(bars)
    names = _metric_names(metrics)
    threads = _positive("workers", workers, os.cpu_count() or 1)
    size = _positive("chunk_size", chunk_size, CHUNK_TRIALS)
    sizes: Iterator[int] = repeat(size)
    if output is None and chunk_size is None:
        sizes = chain(PIECE_TRIALS if threads > 1 else (), repeat(PIECE_TRIALS[-1]))

    def config_of(sections: Mapping[str, Any]) -> BacktestConfig:
        return backtest_config(strategy, sections, initial_cash, start, end, risk_free_pct)

    given = {"execution": execution, "sizing": sizing, "costs": costs, "margin": margin, "risk": risk}
    wrong = {each: section for each, section in given.items() if not is_section(section)}
    if wrong:
        config_of(wrong)  # which says what a section is
    sections = {each: keys_of(section) for each, section in given.items()}
    optional = {"start": start, "end": end, "allow_modules": tuple(allow_modules)}
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
    one_for_all = None if trials.settings else config
    variants = read_variants(
        trials, sections, lambda s: one_for_all or config_of(s), bars, orders, stop.check
    )
    first, last = simulated_range(bars, config)
    market = Market(
        bars=bars,
        first=first,
        last=last,
        initial_cash=float(config.initial_cash),
        returns=market_returns(bars.close[first:last]),
        risk_free=risk_free_per_bar(config.risk_free_pct, bars.periods_per_year),
    )
    run = Run(market, trials, variants, binder, names, threads, stop, on_progress)
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
        _objects={name: each for name, each in trials.columns.items() if not are_scalars(each)},
        _given={
            **{each: keys for each, keys in sections.items() if keys},
            "initial_cash": initial_cash,
            "risk_free_pct": risk_free_pct,
            **{each: value for each, value in optional.items() if value},
        },
    )


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
