"""`simulate_portfolio`, for notebooks, and `run_portfolio`, for workflows: the same road to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.core.config.models import BacktestConfig, CostsConfig, ExecutionConfig, RiskConfig, SizingConfig
from admf.core.config.portfolio import PortfolioConfig, RebalanceConfig
from admf.errors import ConfigError, Problem, WorkflowCancelledError
from admf.simulation.portfolio.allocation import Allocation, Universe, ask, resolve_allocation
from admf.simulation.portfolio.assumptions import assumption_card, data_warnings, warnings_of
from admf.simulation.portfolio.desk.engine import Desk
from admf.simulation.portfolio.engine import Engine, engine_for
from admf.simulation.portfolio.join import Joined, calendar_warnings, join
from admf.simulation.portfolio.records import ORDER_COLUMNS, columns_of
from admf.simulation.portfolio.result import PortfolioResult
from admf.simulation.portfolio.schedule import decision_rows
from admf.simulation.portfolio.support import unsupported
from admf.simulation.portfolio.view import Viewer
from admf.simulation.settings import Settings
from admf.typing import FloatArray, IntArray

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
    risk: Mapping[str, Any] | RiskConfig | None = None,
    initial_cash: float = 100_000.0,
    start: date | datetime | str | None = None,
    end: date | datetime | str | None = None,
    risk_free_pct: float = 0.0,
    allow_modules: Sequence[str] = (),
) -> PortfolioResult:
    """Simulate a portfolio of symbols that share cash.

    Targets are decided at a close and filled at the next open of each symbol: sells first, then buys, all
    scaled alike where the cash does not suffice. The absolute weights add to 1 at most; cash never goes
    negative.

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
    execution, sizing, costs, risk
        The keys of the YAML. Of execution: ``fill: next_open`` and ``direction``; of sizing: ``fraction`` (of
        each weight) and ``lot_size``; the five plain costs; of risk all but ``cooldown_bars``. Limits of size
        are checked at the opens at which an order is filled, and cut what opens or enlarges a position, never
        what reduces one; losses are judged at every close.
    initial_cash
        Currency.
    start, end
        Simulated range, both inclusive; bars before it are history for the allocation.
    risk_free_pct
        Annual, in percent; used by the ratios.
    allow_modules
        Modules that ``module:Name`` may come from.

    Raises
    ------
    ConfigError
        A key or value is wrong, or asks for what a portfolio does not simulate.
    ComponentError
        The allocation is unknown, failed, or its weights add to more than 1.
    DataError
        The bars cannot be joined.
    """
    if isinstance(rebalance, str):
        rebalance = {"schedule": rebalance}
    when = rebalance if isinstance(rebalance, RebalanceConfig) else RebalanceConfig(**(rebalance or {}))
    sections = {
        "execution": execution,
        "sizing": sizing,
        "costs": costs,
        "risk": risk,
        "start_date": start,
        "end_date": end,
    }
    config = BacktestConfig(
        portfolio=PortfolioConfig(rebalance=when),
        initial_cash=initial_cash,
        risk_free_pct=risk_free_pct,
        **{name: section for name, section in sections.items() if section is not None},  # type: ignore[arg-type]
    )
    return _simulate(bars, allocation, params, when, config, allow_modules)


def run_portfolio(
    bars: Mapping[str, Bars],
    config: BacktestConfig,
    tables: Mapping[str, IndicatorTable] | None = None,
    allow_modules: Sequence[str] = (),
    stopped: Callable[[], bool] | None = None,
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
    """
    portfolio = config.portfolio
    if portfolio is None:
        raise ConfigError([Problem("portfolio", "is required")], "the portfolio")
    chosen = portfolio.allocation
    return _simulate(
        bars, chosen.name, chosen.params, portfolio.rebalance, config, allow_modules, tables, stopped
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
) -> PortfolioResult:
    problems = unsupported(config)
    if problems:
        raise ConfigError(problems, "the portfolio")
    name, allocation, given = resolve_allocation(ref, params, allow_modules)
    joined = join(bars)
    first, last = simulated_rows(joined, config)
    direction = config.execution.direction
    universe = Universe(
        joined=joined,
        first=first,
        last=last,
        initial_cash=config.initial_cash,
        costs=config.costs,
        direction=direction,
        allow_modules=tuple(allow_modules),
        tables=tables or {},
        stopped=stopped,
    )
    if hasattr(allocation, "prepare"):
        allocation = allocation.prepare(universe)
    schedule = schedule_of(when, allocation)
    rows = decision_rows(joined, first, last, schedule, when.every_bars or 1)
    settings = Settings.from_config(
        config.execution, config.sizing, config.costs, config.initial_cash, risk=config.risk
    )
    viewer = Viewer(joined, when.stale_after_days)
    decider = Decider(name, allocation, viewer, schedule, direction, stopped)
    engine = engine_for(joined, settings, when.band, first, last, tables)
    fraction = config.sizing.fraction
    if getattr(allocation, "uses_holdings", False):
        rows, targets = _one_by_one(engine, decider, rows, last, fraction)
    else:
        rows, targets = decider.decide(rows)
        targets = targets * fraction
        engine.run(last, rows, targets)
    tracks = engine.finish()
    orders = columns_of(ORDER_COLUMNS, tracks.orders)
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
            joined, first, last, settings, schedule, when, name, direction, fraction, tracks.positions[-1]
        ),
        warnings=[
            *universe.warnings,
            *warnings_of(joined, last, orders, tracks),
            *calendar_warnings(bars),
            *data_warnings(bars),
        ],
    )


def schedule_of(when: RebalanceConfig, allocation: Allocation) -> str:
    """Name the schedule: that of the config, else the one that the allocation asks for, else monthly."""
    return str(when.schedule or getattr(allocation, "default_schedule", "monthly"))


class Decider:
    """Asks an allocation at the rows of a schedule.

    Parameters
    ----------
    name, allocation
        Whom to ask.
    viewer
        Makes what it may see.
    schedule
        With ``on_change`` only the symbols whose target changes are decided on.
    direction
        Weights of the other side count as 0.
    stopped
        Asked before every decision: True ends the work.
    """

    def __init__(
        self,
        name: str,
        allocation: Allocation,
        viewer: Viewer,
        schedule: str,
        direction: str,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._name = name
        self._allocation = allocation
        self._viewer = viewer
        self._on_change = schedule == "on_change"
        self._direction = direction
        self._stopped = stopped
        self._held: FloatArray | None = None

    def at(self, row: int, holdings: FloatArray | None = None) -> FloatArray:
        """Decide at the close of a row: weights, NaN for symbols that are left alone, shape (symbols,)."""
        if self._stopped is not None and self._stopped():
            raise WorkflowCancelledError(f"the portfolio was stopped at bar {row}")
        view = self._viewer.at(row, holdings)
        held = np.zeros(len(view.symbols)) if self._held is None else self._held
        weights = self._allowed(ask(self._name, self._allocation, view, held))
        if self._on_change:
            weights = np.where(weights == held, np.nan, weights)
        self._held = np.where(np.isnan(weights), held, weights)
        return weights

    def _allowed(self, weights: FloatArray) -> FloatArray:
        """Cut weights to what may be held."""
        if self._direction == "long_only":
            return np.where(weights < 0.0, 0.0, weights)
        if self._direction == "short_only":
            return np.where(weights > 0.0, 0.0, weights)
        return weights

    def decide(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Decide at all rows; those where nothing is decided are left out."""
        found = [(row, self.at(row)) for row in rows.tolist()]
        kept = [(row, weights) for row, weights in found if not np.isnan(weights).all()]
        width = len(found[0][1])
        targets = np.array([weights for _, weights in kept]).reshape(-1, width)
        return np.array([row for row, _ in kept], dtype=np.int64), targets


def _one_by_one(
    engine: Engine | Desk, decider: Decider, rows: IntArray, last: int, fraction: float
) -> tuple[IntArray, FloatArray]:
    """Simulate from decision to decision, as the allocation wants to see what is held."""
    decided: list[FloatArray] = []
    before, targets = np.empty(0, dtype=np.int64), np.empty((0, 0))
    for row in rows.tolist():
        engine.run(row + 1, before, targets)
        decided.append(decider.at(row, engine.holdings()) * fraction)
        before, targets = np.array([row]), decided[-1][None, :]
    engine.run(last, before, targets)
    return rows, np.array(decided)


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
