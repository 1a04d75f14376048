"""`simulate_portfolio`, for notebooks, and `run_portfolio`, for workflows: the same road to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.core.config.models import (
    BacktestConfig,
    CostsConfig,
    ExecutionConfig,
    MarginConfig,
    RiskConfig,
    SizingConfig,
)
from admf.core.config.portfolio import PortfolioConfig, RebalanceConfig
from admf.errors import ConfigError, DataError, Problem
from admf.market.timeframes import rate_warnings
from admf.simulation.api import settings_of
from admf.simulation.exits import count_exits, exit_warnings
from admf.simulation.pessimistic import pessimistic_bars, pessimistic_settings
from admf.simulation.portfolio.allocation import Universe, most_of, resolve_allocation
from admf.simulation.portfolio.assumptions import assumption_card
from admf.simulation.portfolio.decider import Decider, one_by_one, schedule_of
from admf.simulation.portfolio.engine import engine_for
from admf.simulation.portfolio.ground import Ground
from admf.simulation.portfolio.join import Joined, calendar_warnings, join
from admf.simulation.portfolio.needs import data_problems
from admf.simulation.portfolio.records import ORDER_COLUMNS, TRADE_COLUMNS, is_fill
from admf.simulation.portfolio.result import PortfolioResult
from admf.simulation.portfolio.schedule import decision_rows
from admf.simulation.portfolio.support import unsupported
from admf.simulation.portfolio.view import Viewer
from admf.simulation.portfolio.warnings import data_warnings, warnings_of
from admf.simulation.records import FINANCING, columns_of

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars


def simulate_portfolio(
    bars: Mapping[str, Bars],
    allocation: Any = "equal_weight",
    params: Mapping[str, Any] | None = None,
    *,
    rebalance: str | Mapping[str, Any] | RebalanceConfig | None = None,
    execution: Mapping[str, Any] | ExecutionConfig | None = None,
    sizing: Mapping[str, Any] | SizingConfig | None = None,
    costs: Mapping[str, Any] | CostsConfig | None = None,
    margin: Mapping[str, Any] | MarginConfig | None = None,
    risk: Mapping[str, Any] | RiskConfig | None = None,
    initial_cash: float = 100_000.0,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    risk_free_pct: float = 0.0,
    finer: Mapping[str, Bars] | None = None,
    pessimistic_rerun: bool = False,
    allow_modules: Sequence[str] = (),
) -> PortfolioResult:
    """Simulate a portfolio of symbols that share cash.

    Targets are decided at a close; at market they are filled at the next open of each symbol: what
    reduces positions and short sales first, then purchases, all scaled alike where the cash does not suffice.
    What reduces a position asks for no cash. The absolute weights add to the leverage of
    the margin section at most, which is 1 unless it says otherwise.

    Parameters
    ----------
    bars
        Symbol -> its bars. Histories and calendars may differ: rows are the union of the timestamps. A symbol
        without a bar is neither traded nor revalued; its order waits for its next bar, or until a later
        decision replaces it.
    allocation
        A built-in name, ``module:Name`` of an allowed module, or the allocation itself: a class, an instance
        with ``weights(view)``, or a function of a `View`.
    params
        Parameters of an allocation that is named or a class.
    rebalance
        The keys of the YAML, as in ``{"schedule": "weekly", "band": 0.02}``, or the schedule alone.
    execution, sizing, costs, margin, risk
        The keys of the YAML. Of execution all but ``fill: same_close`` and ``repeat_signal: reenter``; of
        sizing ``fraction`` (of each weight), ``lot_size`` and ``min_value``. Limits of size cut what opens or
        enlarges a position, never what reduces one; losses are judged at every close.
    initial_cash
        Currency.
    start, end
        Simulated range, both inclusive; bars before it are history for the allocation.
    risk_free_pct
        Annual, in percent; used by the ratios.
    finer
        Symbol -> bars of a finer timeframe: where they reach the high and the low of a bar, they decide what
        happens inside it. Symbols may be absent.
    pessimistic_rerun
        Simulate once more under worse assumptions (`PortfolioResult.pessimistic`): the worse inside a bar,
        all costs doubled, decisions a bar later. The allocation is asked anew.
    allow_modules
        Modules that ``module:Name`` may come from.

    Raises
    ------
    ConfigError
        A key or value is wrong, asks for what a portfolio does not simulate, or for data that is not there.
    ComponentError
        The allocation is unknown, failed, or its weights add to more than the leverage.
    DataError
        The bars cannot be joined.
    """
    from admf.market.finer import noted

    if isinstance(rebalance, str):
        rebalance = {"schedule": rebalance}
    when = rebalance if isinstance(rebalance, RebalanceConfig) else RebalanceConfig(**(rebalance or {}))
    sections = {
        "execution": execution,
        "sizing": sizing,
        "costs": costs,
        "margin": margin,
        "risk": risk,
        "start_date": start,
        "end_date": end,
    }
    config = BacktestConfig(
        portfolio=PortfolioConfig(rebalance=when),
        initial_cash=initial_cash,
        risk_free_pct=risk_free_pct,
        pessimistic_rerun=pessimistic_rerun,
        **{name: section for name, section in sections.items() if section is not None},  # type: ignore[arg-type]
    )
    _require_mapping("bars", bars)
    _require_mapping("finer", finer or {})
    strange = set(finer or {}) - set(bars)
    if strange:
        raise DataError(f"finer bars of {', '.join(sorted(strange))}: no symbol of the portfolio")
    fine = {symbol: noted(bars[symbol], each) for symbol, each in (finer or {}).items()}
    return _simulate(bars, allocation, params, when, config, allow_modules, finer=fine)


def _require_mapping(name: str, bars: Any) -> None:
    """Refuse what are no bars by symbol."""
    from admf.market import Bars

    if not isinstance(bars, Mapping):
        raise DataError(
            f"{name} of a portfolio must be a mapping of symbols to their bars; found {type(bars).__name__}",
            'write {"AAA": bars, "BBB": others}; a strategy on one symbol is simulated by admf.simulate',
        )
    for symbol, each in bars.items():
        if not isinstance(symbol, str) or not isinstance(each, Bars):
            raise DataError(
                f"{name} of a portfolio must be a mapping of symbols to their bars; found {symbol!r}: "
                f"{type(each).__name__}",
                f"load them first: admf.load_bars(..., symbol={str(symbol)!r})",
            )


def run_portfolio(
    bars: Mapping[str, Bars],
    config: BacktestConfig,
    tables: Mapping[str, IndicatorTable] | None = None,
    allow_modules: Sequence[str] = (),
    stopped: Callable[[], bool] | None = None,
    finer: Mapping[str, Bars] | None = None,
) -> PortfolioResult:
    """Simulate what a workflow's config describes; raises as `simulate_portfolio` does.

    Parameters
    ----------
    bars
        Symbol -> its bars.
    config
        With a portfolio.
    tables
        Symbol -> indicators of its bars that are shared with others; None: made here.
    allow_modules
        Modules that ``module:Name`` may come from.
    stopped
        Asked at every decision and, in strategies that are not compiled, on every bar: True ends the work
        with `WorkflowCancelledError`. The compiled loop takes milliseconds and is not interrupted.
    finer
        Symbol -> bars of a finer timeframe, which decide what happens inside a bar.
    """
    portfolio = config.portfolio
    if portfolio is None:
        raise ConfigError([Problem("portfolio", "is required")], "the portfolio")
    chosen = portfolio.allocation
    return _simulate(
        bars, chosen.name, chosen.params, portfolio.rebalance, config, allow_modules, tables, stopped, finer
    )


def _simulate(
    bars: Mapping[str, Bars],
    ref: Any,
    params: Mapping[str, Any] | None,
    when: RebalanceConfig,
    config: BacktestConfig,
    allow_modules: Sequence[str],
    tables: Mapping[str, IndicatorTable] | None = None,
    stopped: Callable[[], bool] | None = None,
    finer: Mapping[str, Bars] | None = None,
) -> PortfolioResult:
    """Simulate, and once more under worse assumptions where the config asks for it."""
    problems = unsupported(config) + data_problems(bars, config)
    if problems:
        raise ConfigError(problems, "the portfolio")

    def simulate(bars: Mapping[str, Bars], config: BacktestConfig) -> PortfolioResult:
        return _simulate_once(bars, ref, params, when, config, allow_modules, tables, stopped, finer or {})

    result = simulate(bars, config)
    if not config.pessimistic_rerun:
        return result
    worse = {symbol: pessimistic_bars(each, config) for symbol, each in bars.items()}
    return replace(result, pessimistic=simulate(worse, pessimistic_settings(config)))


def _simulate_once(
    bars: Mapping[str, Bars],
    ref: Any,
    params: Mapping[str, Any] | None,
    when: RebalanceConfig,
    config: BacktestConfig,
    allow_modules: Sequence[str],
    tables: Mapping[str, IndicatorTable] | None,
    stopped: Callable[[], bool] | None,
    finer: Mapping[str, Bars],
) -> PortfolioResult:
    name, allocation, given = resolve_allocation(ref, params, allow_modules)
    joined = join(bars)
    first, last = simulated_rows(joined, config)
    direction, most = config.execution.direction, most_of(config)
    universe = Universe(
        joined=joined,
        first=first,
        last=last,
        initial_cash=config.initial_cash,
        costs=config.costs,
        direction=direction,
        most=most,
        allow_modules=tuple(allow_modules),
        tables=tables or {},
        stopped=stopped,
    )
    if hasattr(allocation, "prepare"):
        allocation = allocation.prepare(universe)
    schedule = schedule_of(when, allocation)
    rows = decision_rows(joined, first, last, schedule, when.every_bars or 1)
    settings = settings_of(config)
    viewer = Viewer(joined, when.stale_after_days)
    decider = Decider(name, allocation, viewer, schedule, direction, stopped, most)
    engine = engine_for(Ground(joined, settings, when.band, first, last, tables or {}, finer or {}))
    fraction = config.sizing.fraction
    if getattr(allocation, "uses_holdings", False):
        rows, targets = one_by_one(engine, decider, rows, last, fraction)
    else:
        rows, targets = decider.decide(rows)
        targets = targets * fraction
        engine.run(last, rows, targets)
    tracks = engine.finish()
    compiled = engine.compiled
    orders = columns_of(ORDER_COLUMNS, tracks.orders)
    trades = None if tracks.trades is None else columns_of(TRADE_COLUMNS, tracks.trades)
    # without kept trades the engine is the one that fills whole orders
    exits = [] if trades is None else exit_warnings(count_exits(trades, orders, is_fill(orders["status"])))
    return PortfolioResult(
        joined=joined,
        first=first,
        last=last,
        allocation=name,
        params=given,
        initial_cash=config.initial_cash,
        risk_free_pct=config.risk_free_pct,
        equity_values=_sealed(tracks.equity),
        cash_values=_sealed(tracks.cash),
        position_values=_sealed(tracks.positions),
        order_table=orders,
        decision_bars=_sealed(rows - first),
        target_values=_sealed(targets),
        strategies=getattr(allocation, "labels", ()),
        parts=getattr(allocation, "parts", None),
        assumptions=assumption_card(
            joined, first, last, settings, schedule, when, name, tracks.positions[-1], finer, compiled
        ),
        warnings=[
            *universe.warnings,
            *warnings_of(joined, first, last, settings, orders, tracks, rows - first, targets),
            *exits,
            *calendar_warnings(bars),
            *rate_warnings(joined.timestamps[first:last], joined.periods_per_year),
            *data_warnings(bars, finer),
        ],
        carry_values=None if tracks.carry is None else _sealed(tracks.carry),
        interest_values=None if tracks.interest is None else _sealed(tracks.interest),
        financing=dict(zip(FINANCING, tracks.financing, strict=True)),
        compiled=compiled,
        kept_trades=trades,
    )


def simulated_rows(joined: Joined, config: BacktestConfig) -> tuple[int, int]:
    """First simulated row of the joined calendar, and the one after the last.

    Raises
    ------
    ConfigError
        No row lies between the dates.
    """
    from admf.market.bars import moment_ns

    stamps, zone = joined.timestamps, joined.timezone
    first, last = 0, len(stamps)
    if config.start_date is not None:
        first = int(np.searchsorted(stamps, moment_ns(config.start_date, zone), side="left"))
    if config.end_date is not None:
        last = int(np.searchsorted(stamps, moment_ns(config.end_date, zone, end=True), side="right"))
    if first < last:
        return first, last
    span = " to ".join(str(np.datetime64(int(stamp), "ns"))[:19] for stamp in stamps[[0, -1]])
    asked = f"{config.start_date or 'the first bar'} to {config.end_date or 'the last bar'}"
    path = "start_date" if config.start_date is not None else "end_date"
    problem = Problem(path, "no bar of any symbol lies in the simulated range", found=asked, allowed=span)
    raise ConfigError([problem], "the portfolio")


def _sealed(array: Any) -> Any:
    array.flags.writeable = False
    return array
