"""`simulate`, for notebooks, and `run_backtest`, for workflows: the same road to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from admf.errors import ConfigError, Problem, WorkflowCancelledError
from admf.simulation.assumptions import assumption_card, warnings_of
from admf.simulation.inputs import Inputs, decider, gather
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS, columns_of, read_only
from admf.simulation.result import SimulationResult
from admf.simulation.settings import Settings
from admf.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.core.config.models import BacktestConfig, CostsConfig, ExecutionConfig, SizingConfig
    from admf.indicators import IndicatorTable
    from admf.market import Bars
    from admf.simulation.kernel import StepCall
    from admf.strategies import BoundStrategy


class Tracks(NamedTuple):
    """What an engine returns.

    Parameters
    ----------
    equity, positions
        One value a simulated bar.
    orders, trades
        Rows in the columns of `admf.simulation.records`.
    ending
        Cash, position, entry price, entry bar, target and number of cut decisions at the end.
    """

    equity: FloatArray
    positions: FloatArray
    orders: FloatArray
    trades: FloatArray
    ending: tuple[float, ...]


def simulate(
    bars: Bars | pd.DataFrame,
    strategy: Any,
    params: Mapping[str, Any] | None = None,
    *,
    execution: Mapping[str, Any] | ExecutionConfig | None = None,
    sizing: Mapping[str, Any] | SizingConfig | None = None,
    costs: Mapping[str, Any] | CostsConfig | None = None,
    initial_cash: float = 100_000.0,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    risk_free_pct: float = 0.0,
    table: IndicatorTable | None = None,
    allow_modules: Sequence[str] = (),
) -> SimulationResult:
    """Simulate a strategy on the bars of one symbol.

    Parameters
    ----------
    bars
        From `admf.load_bars`, or a DataFrame that it accepts.
    strategy
        A built-in name, ``module:Name`` of an allowed module, or the strategy itself.
    params
        Parameters that differ from the strategy's defaults.
    execution, sizing, costs
        The keys of the YAML, as in ``{"fill": "next_open", "stop_loss_pct": 5}``.
    initial_cash
        Currency.
    start, end
        Simulated range, both inclusive; bars before it only warm the strategy up.
    risk_free_pct
        Annual, in percent; used by the ratios.
    table
        Indicators of these bars that are shared with other simulations.
    allow_modules
        Modules that ``module:Name`` may come from.

    Raises
    ------
    ConfigError
        A key or value is wrong; the message has all of them, with path and what is allowed.
    StrategyError
        The strategy or its parameters are wrong, or its step failed.
    DataError
        The bars are unusable, or too few for the strategy.
    """
    from admf.market import Bars, load_bars

    if not isinstance(bars, Bars):
        bars = load_bars(bars)
    config = backtest_config(strategy, execution, sizing, costs, initial_cash, start, end, risk_free_pct)
    return _simulate(bars, strategy, params or {}, config, table, allow_modules)


def backtest_config(
    strategy: Any,
    execution: Mapping[str, Any] | ExecutionConfig | None,
    sizing: Mapping[str, Any] | SizingConfig | None,
    costs: Mapping[str, Any] | CostsConfig | None,
    initial_cash: float,
    start: date | datetime | str | None,
    end: date | datetime | str | None,
    risk_free_pct: float,
) -> BacktestConfig:
    """Check the arguments of `simulate` as the config's section; ConfigError has all problems."""
    from admf.core.config.models import BacktestConfig

    named = strategy if isinstance(strategy, str) else type(strategy).__name__
    sections = {
        "execution": execution,
        "sizing": sizing,
        "costs": costs,
        "start_date": start,
        "end_date": end,
    }
    return BacktestConfig(
        strategy={"name": named},  # type: ignore[arg-type]
        initial_cash=initial_cash,
        risk_free_pct=risk_free_pct,
        **{name: section for name, section in sections.items() if section is not None},  # type: ignore[arg-type]
    )


def run_backtest(
    bars: Bars,
    config: BacktestConfig,
    table: IndicatorTable | None = None,
    allow_modules: Sequence[str] = (),
    stopped: Callable[[], bool] | None = None,
) -> SimulationResult:
    """Simulate what a workflow's config describes; raises as `simulate` does.

    Parameters
    ----------
    stopped
        Asked on every bar of a strategy that is not compiled: True ends the work with
        `WorkflowCancelledError`. A compiled loop takes milliseconds and is not interrupted.
    """
    strategy = config.strategy
    return _simulate(bars, strategy.name, strategy.params, config, table, allow_modules, stopped)


def _simulate(
    bars: Bars,
    strategy: Any,
    params: Mapping[str, Any],
    config: BacktestConfig,
    table: IndicatorTable | None,
    allow_modules: Sequence[str],
    stopped: Callable[[], bool] | None = None,
) -> SimulationResult:
    from admf.indicators import IndicatorTable
    from admf.strategies import resolve_strategy

    bound = resolve_strategy(strategy, params, allow_modules=tuple(allow_modules))
    first, last = simulated_range(bars, config)
    settings = Settings.from_config(config.execution, config.sizing, config.costs, config.initial_cash)
    inputs = gather(bars, bound, table if table is not None else IndicatorTable(bars))
    tracks, reason = run_engine(bound, inputs, settings, first, last, bars, stopped)
    simulated = bars if (first, last) == (0, len(bars)) else bars.slice(first, last)
    orders = columns_of(ORDER_COLUMNS, tracks.orders)
    warnings = warnings_of(settings, tracks.equity, orders, int(tracks.ending[-1]))
    warnings += [f"data: {finding.message}" for finding in bars.findings if finding.severity == "warning"]
    if reason is not None:
        warnings.append(f"the strategy is not compiled, and slower for it: {reason}")
    warmup = max(inputs.warmup - first, 0)
    return SimulationResult(
        bars=simulated,
        strategy=bound.name,
        params=dict(bound.params),
        initial_cash=config.initial_cash,
        risk_free_pct=config.risk_free_pct,
        equity_values=read_only(tracks.equity),
        position_values=read_only(tracks.positions),
        order_table=orders,
        trade_table=columns_of(TRADE_COLUMNS, tracks.trades),
        assumptions=assumption_card(settings, simulated, warmup, tracks.ending[:5], reason is None),
        warnings=warnings,
        compiled=reason is None,
    )


def simulated_range(bars: Bars, config: BacktestConfig) -> tuple[int, int]:
    """Positions of the first simulated bar and of the one after the last.

    Raises
    ------
    ConfigError
        No bar lies between the dates.
    """
    first = 0 if config.start_date is None else bars.position_of(config.start_date)
    last = len(bars) if config.end_date is None else bars.position_of(config.end_date, "right")
    if first < last:
        return first, last
    span = f"{bars.index[0].isoformat()} to {bars.index[-1].isoformat()}" if len(bars) else "no bars at all"
    asked = f"{config.start_date or 'the first bar'} to {config.end_date or 'the last bar'}"
    path = "start_date" if config.start_date is not None else "end_date"
    problem = Problem(path, f"no bar of {bars.symbol} lies in the simulated range", found=asked, allowed=span)
    raise ConfigError([problem], "BacktestConfig")


def run_engine(
    strategy: BoundStrategy,
    inputs: Inputs,
    settings: Settings,
    first: int,
    last: int,
    bars: Bars,
    stopped: Callable[[], bool] | None = None,
) -> tuple[Tracks, str | None]:
    """Run the compiled kernel; where the step cannot be compiled the plain engine, and say why."""
    from admf.simulation.compile import CannotCompileError, compile_kernel
    from admf.simulation.kernel import kernel_source
    from admf.simulation.step_source import NotEmbeddableError

    if strategy.needs_python is not None:
        return run_plain(strategy, inputs, settings, first, last, bars, stopped), strategy.needs_python
    try:
        kernel = compile_kernel(kernel_source(step_call(strategy, inputs), settings.features))
    except (CannotCompileError, NotEmbeddableError) as error:
        return run_plain(strategy, inputs, settings, first, last, bars, stopped), str(error)
    prices = (inputs.arrays[name] for name in ("open", "high", "low", "close"))
    rows = (inputs.arrays[name] for name in inputs.rows)
    state = () if strategy.initial_state is None else (strategy.initial_state,)
    # numpy's memory, not numba's: it comes in huge pages, and faults less
    equity, positions = np.empty(last - first), np.empty(last - first)
    numbers = (*inputs.numbers.values(), *settings.numbers(), *state)
    try:
        rest = kernel(equity, positions, first, last, inputs.warmup, *prices, *rows, *numbers)
    except Exception as error:  # noqa: BLE001 - the step raised; the plain engine says on which bar
        tracks = run_plain(strategy, inputs, settings, first, last, bars, stopped)
        return tracks, f"the compiled step raised {error!r}"
    return Tracks(equity, positions, *rest), None


def step_call(strategy: BoundStrategy, inputs: Inputs) -> StepCall:
    """Say how a kernel calls the strategy's step; NotEmbeddableError where its source cannot be had."""
    from admf.simulation.kernel import StepCall
    from admf.simulation.step_source import collect

    return StepCall(
        collect(strategy.on_bar, inputs.texts),
        [name for name in strategy.arguments if name not in inputs.texts],
        inputs.rows,
        inputs.numbers,
        strategy.initial_state,
    )


def run_plain(
    strategy: BoundStrategy,
    inputs: Inputs,
    settings: Settings,
    first: int,
    last: int,
    bars: Bars,
    stopped: Callable[[], bool] | None = None,
) -> Tracks:
    """Run the plain engine over the bars, until `stopped` says True."""
    from admf.simulation.plain import PlainEngine

    engine = PlainEngine(settings)
    decide = decider(strategy, inputs, lambda bar: f"{bar} ({bars.index[bar].isoformat()})")
    equity = np.empty(last - first)
    positions = np.empty(last - first)
    prices = [inputs.arrays[name][first:last].tolist() for name in ("open", "high", "low", "close")]
    with np.errstate(all="ignore"):  # as in compiled code, a division by zero is infinite, not an error
        for at, (open, high, low, close) in enumerate(zip(*prices, strict=True)):
            if stopped is not None and stopped():
                raise WorkflowCancelledError(f"the simulation was stopped at bar {at} of {last - first}")
            bar = first + at
            asked = (lambda account, bar=bar: decide(bar, account)) if bar >= inputs.warmup else None
            equity[at] = engine.on_bar(open, high, low, close, asked)
            positions[at] = engine.position
    engine.finish()
    return Tracks(
        equity,
        positions,
        np.array(engine.orders, dtype=np.float64).reshape(-1, len(ORDER_COLUMNS)),
        np.array(engine.trades, dtype=np.float64).reshape(-1, len(TRADE_COLUMNS)),
        (
            engine.cash,
            engine.position,
            engine.entry_price,
            float(engine.entry_bar),
            engine.held,
            float(engine.clamped),
        ),
    )
