"""The dry run of a backtest: what would fail, and what it would cost. Nothing is simulated or compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from admf.errors import AdmfError, ConfigError, Problem

if TYPE_CHECKING:
    from admf.core.config import WorkflowConfig
    from admf.core.config.models import BacktestConfig
    from admf.indicators import IndicatorTable
    from admf.market import Bars
    from admf.strategies import BoundStrategy

# Measured on one core of a 2024 cloud machine; meant to be right within a factor of two or three.
COMPILE_SECONDS = 2.5  # once for a strategy and set of features; later processes load it in 0.02 s
START_SECONDS = 0.5  # numba's import, and loading a compiled kernel
COMPILED_SECONDS_PER_BAR = 200e-9  # kernel 10, indicators 10, metrics 90, digest 20, tables 40
PLAIN_SECONDS_PER_BAR = 20e-6
ORDERS_COMPILE_SECONDS = 20.0  # the order engine: ten to thirty, by the parts of it that are in use
ORDERS_SECONDS_PER_BAR = 300e-9  # the order engine, on top of the above
BASE_BYTES = 150e6  # Python, numpy, pandas, numba
BYTES_PER_BAR = 8 * 16  # bars, result, and what the metrics need at their peak
FACTS_BYTES_PER_BAR = 8 * 19  # what the order engine is told of a bar
PLAIN_BYTES_PER_BAR = 32 * 19 + 80  # the same as Python's numbers


class Estimate(NamedTuple):
    """What a simulation will cost.

    Parameters
    ----------
    seconds
        Wall time, with the first compilation.
    bytes
        Peak memory of the process.
    """

    seconds: float
    bytes: int


def estimate(
    bars_count: int, strategy: BoundStrategy, config: BacktestConfig | None = None, *, finer: bool = False
) -> Estimate:
    """Estimate time and memory of one simulation from the rules of thumb above.

    Parameters
    ----------
    bars_count
        Bars that are loaded.
    strategy
        A strategy that cannot be compiled takes some hundred times as long.
    config
        What is simulated: orders, costs and limits beyond the basic ones run on the order engine, which is
        compiled for many bars only; a pessimistic rerun is a second simulation. None: basic settings.
    finer
        Whether finer bars decide what happens inside a bar.
    """
    from admf.simulation.pessimistic import pessimistic_settings

    seconds, per_bar = _engine_cost(bars_count, strategy, config, finer)
    if config is not None and config.pessimistic_rerun:
        more, most = _engine_cost(bars_count, strategy, pessimistic_settings(config), finer)
        seconds += more
        per_bar = max(per_bar, most) + BYTES_PER_BAR  # the two results are kept side by side
    if strategy.needs_python is None:
        seconds += START_SECONDS
    arrays = len(strategy.indicators) + len(strategy.columns)
    return Estimate(seconds, int(BASE_BYTES + bars_count * (BYTES_PER_BAR + per_bar + 8 * arrays)))


def _engine_cost(
    count: int, strategy: BoundStrategy, config: BacktestConfig | None, finer: bool
) -> tuple[float, float]:
    """Give the seconds of an engine with its compilation, and the bytes a bar that it needs for itself."""
    from admf.simulation.api import settings_of
    from admf.simulation.engine import PLAIN_BARS
    from admf.simulation.step_source import gives_orders

    orders = finer or gives_orders(strategy.on_bar, strategy.params)
    orders = orders or (config is not None and settings_of(config).detailed)
    if strategy.needs_python is not None or (orders and count < PLAIN_BARS):
        return count * PLAIN_SECONDS_PER_BAR, FACTS_BYTES_PER_BAR + PLAIN_BYTES_PER_BAR
    if orders:
        per_bar = COMPILED_SECONDS_PER_BAR + ORDERS_SECONDS_PER_BAR
        return ORDERS_COMPILE_SECONDS + count * per_bar, FACTS_BYTES_PER_BAR
    return COMPILE_SECONDS + count * COMPILED_SECONDS_PER_BAR, 0.0


def check_backtest(
    bars: Bars | None, config: BacktestConfig, allow_modules: Sequence[str] = ()
) -> list[Problem]:
    """List what would make a backtest fail.

    Parameters
    ----------
    bars
        The bars it would run on; None checks the strategy and its parameters alone.
    config
        What to simulate.
    allow_modules
        Modules that the strategy may come from.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section. Empty: it will run, unless the strategy's step itself fails.
    """
    from admf.indicators import IndicatorTable
    from admf.simulation.api import simulated_range
    from admf.simulation.inputs import gather
    from admf.simulation.needs import missing_data, symbol_not_allowed, too_few_bars, unused_by_orders
    from admf.simulation.step_source import gives_orders
    from admf.strategies import ParameterError, resolve_strategy

    if config.strategy is None:
        return [Problem("strategy", "is required")]
    problems: list[Problem] = []
    bound: BoundStrategy | None = None
    try:
        bound = resolve_strategy(
            config.strategy.name, config.strategy.params, allow_modules=tuple(allow_modules)
        )
    except ParameterError as error:
        problems += [_below("strategy.params", problem) for problem in error.problems]
    except AdmfError as error:
        problems.append(Problem("strategy.name", error.message, hint=error.hint))
    if bound is not None and gives_orders(bound.on_bar, bound.params):
        problems += unused_by_orders(config)
    if bars is None:
        return problems
    problems += missing_data(bars, config) + symbol_not_allowed(bars.symbol, config)
    try:
        first, last = simulated_range(bars, config)
    except ConfigError as error:
        return [*problems, *error.problems]
    problems += too_few_bars(last, config)
    if bound is None:
        return problems
    try:
        inputs = gather(bars, bound, IndicatorTable(bars))
    except AdmfError as error:
        return [*problems, Problem("strategy", error.message, hint=error.hint)]
    # a decision on the last bar is never filled: one bar more is needed
    if inputs.warmup >= last - 1:
        problems.append(
            Problem(
                "strategy",
                f"the strategy's values are complete from bar {inputs.warmup} on: too late to trade",
                found=f"{last} bars to the end of the simulated range, {last - first} of them in it",
                allowed=f"at least {inputs.warmup + 2} bars",
                hint="load more bars, or choose shorter periods",
            )
        )
    return problems


def _below(prefix: str, problem: Problem) -> Problem:
    return Problem(
        f"{prefix}.{problem.path}",
        problem.message,
        found=problem.found,
        allowed=problem.allowed,
        hint=problem.hint,
    )


def check_workflow(
    config: WorkflowConfig,
    bars: Mapping[str, Bars] | None = None,
    tables: Mapping[str, IndicatorTable] | None = None,
    missing: Sequence[str] = (),
) -> list[Problem]:
    """List what is wrong with the config of a backtest that its models cannot know.

    Parameters
    ----------
    config
        Of type backtest.
    bars
        Symbol -> what it would run on. None checks what can be said without: symbols, strategies, parameters.
    tables
        Symbol -> indicators of a portfolio's bars that are shared with others; None: made here.
    missing
        Symbols whose bars could not be loaded, which is told already.

    Returns
    -------
    list of Problem
        With the config's paths and lines.
    """
    section, allowed = config.section, tuple(config.allow_modules)
    if not isinstance(section, _backtest_config()):
        return []
    # None named: a block or a source of the user's gives all it has, which is known when it is loaded.
    symbols = [*bars, *missing] if bars else config.data_config.symbols
    problems = []
    if section.portfolio is not None:
        from admf.simulation.portfolio.check import check_portfolio

        found = check_portfolio(section, symbols, bars, allowed, tables)
    else:
        if len(symbols) > 1:
            problems.append(one_symbol(config, symbols))
        found = check_backtest(next(iter(bars.values())) if bars else None, section, allowed)
    for problem in found:
        more = {"found": problem.found, "allowed": problem.allowed, "hint": problem.hint}
        problems.append(config.problem(f"backtest_config.{problem.path}", problem.message, **more))
    return problems


def one_symbol(config: WorkflowConfig, symbols: Sequence[str]) -> Problem:
    """Say that a strategy runs on one symbol."""
    return config.problem(
        "data_config.symbols",
        "a strategy runs on one symbol",
        found=", ".join(symbols) or "none",
        allowed="one symbol",
        hint="name one; or write portfolio in place of strategy, where allocations like equal_weight, "
        "per_strategy and ensemble take several",
    )


def memory_problem(config: WorkflowConfig, limit_mb: int | None, cost: Estimate) -> Problem | None:
    """Say that a run is estimated to need more memory than it may have; None if it is not."""
    if limit_mb is None or cost.bytes <= limit_mb * 1e6:
        return None
    return config.problem(
        "infrastructure_config.memory_limit_mb",
        "the run is estimated to need more memory",
        found=f"{limit_mb} MB",
        allowed=f"at least {cost.bytes / 1e6:.0f} MB",
        hint="raise the limit, or load fewer bars",
    )


def _backtest_config() -> type[BacktestConfig]:
    from admf.core.config.models import BacktestConfig

    return BacktestConfig
