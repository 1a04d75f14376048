"""`simulate`, for notebooks, and `run_backtest`, for workflows: the same road to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from admf.errors import ConfigError, DataError, Problem
from admf.market.timeframes import rate_warnings
from admf.simulation.assumptions import assumption_card, warnings_of
from admf.simulation.engine import Ground, run_engine
from admf.simulation.exits import count_exits, exit_warnings
from admf.simulation.inputs import gather
from admf.simulation.needs import require_targets, require_volume
from admf.simulation.pessimistic import with_rerun
from admf.simulation.records import FINANCING, ORDER_COLUMNS, TRADE_COLUMNS, columns_of, is_fill, read_only
from admf.simulation.result import SimulationResult
from admf.simulation.settings import Settings
from admf.simulation.step_source import gives_orders

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
    from admf.indicators import IndicatorTable
    from admf.market import Bars


def simulate(
    bars: Bars | pd.DataFrame,
    strategy: Any,
    params: Mapping[str, Any] | None = None,
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
    finer: Bars | pd.DataFrame | None = None,
    pessimistic_rerun: bool = False,
    table: IndicatorTable | None = None,
    allow_modules: Sequence[str] = (),
    stopped: Callable[[], bool] | None = None,
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
    execution, sizing, costs, margin, risk
        The keys of the YAML, as in ``{"fill": "next_open", "stop_loss_pct": 5}``.
    initial_cash
        Currency.
    start, end
        Simulated range, both inclusive; bars before it only warm the strategy up.
    risk_free_pct
        Annual, in percent; used by the ratios.
    finer
        Bars of a finer timeframe of the same symbol: where they reach the high and the low of a bar, they
        decide what happens inside it.
    pessimistic_rerun
        Simulate once more under worse assumptions (`SimulationResult.pessimistic`): the worse inside a bar,
        all costs doubled, decisions a bar later.
    table
        Indicators of these bars that are shared with other simulations.
    allow_modules
        Modules that ``module:Name`` may come from.
    stopped
        Ends the work when it says True: see `run_backtest`.

    Raises
    ------
    ConfigError
        A key or value is wrong; the message has all of them, with path and what is allowed.
    StrategyError
        The strategy or its parameters are wrong, or its step failed.
    DataError
        The bars are unusable, or too few for the strategy.
    """
    from admf.market.finer import noted

    bars = bars_of(bars)
    if finer is not None:
        finer = noted(bars, bars_of(finer, bars.symbol))
    sections = {"execution": execution, "sizing": sizing, "costs": costs, "margin": margin, "risk": risk}
    config = backtest_config(strategy, sections, initial_cash, start, end, risk_free_pct)
    if pessimistic_rerun:
        config = config.model_copy(update={"pessimistic_rerun": True})
    return _simulate(bars, strategy, params or {}, config, table, allow_modules, stopped, finer)


def bars_of(bars: Any, symbol: str | None = None) -> Bars:
    """Give the bars of one symbol that a caller means.

    Raises
    ------
    DataError
        They are unusable, or something else, as the bars of a portfolio.
    """
    from admf.market import Bars, load_bars

    if isinstance(bars, Bars):
        return bars
    if isinstance(bars, Mapping):
        names = ", ".join(map(repr, bars)) or "nothing"
        raise DataError(
            f"one symbol's bars are needed, as of admf.load_bars, or a DataFrame; found a mapping of {names}",
            "give one of them; several symbols together are simulated by admf.simulate_portfolio",
        )
    return load_bars(bars, symbol=symbol)


def backtest_config(
    strategy: Any,
    sections: Mapping[str, Any],
    initial_cash: float,
    start: date | datetime | str | None,
    end: date | datetime | str | None,
    risk_free_pct: float,
) -> BacktestConfig:
    """Check the arguments of `simulate` as the config's section; ConfigError has all problems.

    `sections` are execution, sizing, costs, margin and risk, as mappings, models or None.
    """
    from admf.core.config.models import BacktestConfig

    named = strategy if isinstance(strategy, str) else type(strategy).__name__
    sections = {**sections, "start_date": start, "end_date": end}
    return BacktestConfig(
        strategy={"name": named},  # type: ignore[arg-type]
        initial_cash=initial_cash,
        risk_free_pct=risk_free_pct,
        **{name: section for name, section in sections.items() if section is not None},
    )


def run_backtest(
    bars: Bars,
    config: BacktestConfig,
    table: IndicatorTable | None = None,
    allow_modules: Sequence[str] = (),
    stopped: Callable[[], bool] | None = None,
    finer: Bars | None = None,
) -> SimulationResult:
    """Simulate what a workflow's config describes; raises as `simulate` does.

    Parameters
    ----------
    stopped
        Asked on every bar of a strategy that is not compiled: True ends the work with
        `WorkflowCancelledError`. A compiled loop takes milliseconds and is not interrupted.
    finer
        Bars of a finer timeframe, which decide what happens inside a bar.
    """
    strategy = config.strategy
    if strategy is None:
        raise ConfigError([Problem("strategy", "is required")], "BacktestConfig")
    return _simulate(bars, strategy.name, strategy.params, config, table, allow_modules, stopped, finer)


def _simulate(
    bars: Bars,
    strategy: Any,
    params: Mapping[str, Any],
    config: BacktestConfig,
    table: IndicatorTable | None,
    allow_modules: Sequence[str],
    stopped: Callable[[], bool] | None = None,
    finer: Bars | None = None,
) -> SimulationResult:
    from admf.indicators import IndicatorTable
    from admf.strategies import resolve_strategy

    bound = resolve_strategy(strategy, params, allow_modules=tuple(allow_modules))
    first, last = simulated_range(bars, config)
    require_volume(bars, config)
    require_targets(bound, config)
    settings = settings_of(config).for_bars(bars.symbol, bars.periods_per_year)
    if table is None:
        table = IndicatorTable(bars)
    inputs = gather(bars, bound, table)
    ground = Ground(bars, first, last, table, finer)
    tracks, reason = run_engine(bound, inputs, settings, ground, stopped)
    simulated = bars if (first, last) == (0, len(bars)) else bars.slice(first, last)
    orders = columns_of(ORDER_COLUMNS, tracks.orders)
    sigma = ground.volatility(settings)
    warnings = warnings_of(settings, tracks.equity, orders, int(tracks.ending[-1]), sigma)
    for what, each in (("data", bars), ("finer bars", finer)):
        found = each.findings if each is not None else ()
        warnings += [f"{what}: {finding.message}" for finding in found if finding.severity == "warning"]
    warnings += rate_warnings(simulated.timestamps, bars.periods_per_year)
    trades = columns_of(TRADE_COLUMNS, tracks.trades)
    warnings += exit_warnings(count_exits(trades, orders, is_fill(orders["status"])))
    if reason:
        warnings.append(f"the strategy is not compiled, and slower for it: {reason}")
    warmup = max(inputs.warmup - first, 0)
    card = assumption_card(
        settings,
        simulated,
        warmup,
        tracks.ending[:5],
        reason,
        own_orders=gives_orders(bound.on_bar, bound.params),
        finer=finer,
    )
    result = SimulationResult(
        bars=simulated,
        strategy=bound.name,
        params=dict(bound.params),
        initial_cash=config.initial_cash,
        risk_free_pct=config.risk_free_pct,
        equity_values=read_only(tracks.equity),
        position_values=read_only(tracks.positions),
        order_table=orders,
        trade_table=trades,
        assumptions=card,
        warnings=warnings,
        compiled=reason is None,
        financing=dict(zip(FINANCING, tracks.financing, strict=True)),
    )

    def again(bars: Bars, config: BacktestConfig) -> SimulationResult:
        return _simulate(bars, strategy, params, config, table, allow_modules, stopped, finer)

    return with_rerun(result, bars, config, again)


def settings_of(config: BacktestConfig) -> Settings:
    """Turn the sections of a backtest into numbers."""
    return Settings.from_config(
        config.execution, config.sizing, config.costs, config.initial_cash, config.margin, config.risk
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
