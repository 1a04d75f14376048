"""`simulate_portfolio`, for notebooks, and `run_portfolio`, for workflows: the same road to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.core.config.models import BacktestConfig, CostsConfig, ExecutionConfig, SizingConfig
from admf.core.config.section import Section
from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import Allocation, Universe, ask, resolve_allocation
from admf.simulation.portfolio.assumptions import assumption_card, warnings_of
from admf.simulation.portfolio.config import RebalanceConfig
from admf.simulation.portfolio.engine import Engine, Tracks
from admf.simulation.portfolio.join import Joined, join
from admf.simulation.portfolio.records import ORDER_COLUMNS
from admf.simulation.portfolio.result import PortfolioResult
from admf.simulation.portfolio.schedule import decision_rows
from admf.simulation.portfolio.view import Viewer
from admf.simulation.settings import Settings
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from admf.market import Bars
    from admf.simulation.portfolio.config import PortfolioConfig

# What the single-symbol engine can do and a portfolio cannot is refused, never ignored.
_EXECUTION = ("fill", "direction")
_SIZING = ("method", "fraction", "lot_size")
_COSTS = ("commission_bps", "commission_per_unit", "commission_fixed", "slippage_bps", "spread_bps")


def simulate_portfolio(
    bars: Mapping[str, Bars],
    allocation: Any = "equal_weight",
    params: Mapping[str, Any] | None = None,
    *,
    rebalance: str | Mapping[str, Any] | RebalanceConfig | None = None,
    execution: Mapping[str, Any] | ExecutionConfig | None = None,
    sizing: Mapping[str, Any] | SizingConfig | None = None,
    costs: Mapping[str, Any] | CostsConfig | None = None,
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
    execution, sizing, costs
        The keys of the YAML. Of execution: ``fill: next_open`` and ``direction``; of sizing: ``fraction`` (of
        each weight) and ``lot_size``; the five plain costs.
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
        "start_date": start,
        "end_date": end,
    }
    config = BacktestConfig(
        strategy={"name": "buy_and_hold"},  # type: ignore[arg-type] # not asked: the allocation decides
        initial_cash=initial_cash,
        risk_free_pct=risk_free_pct,
        **{name: section for name, section in sections.items() if section is not None},  # type: ignore[arg-type]
    )
    return _simulate(bars, allocation, params, when, config, allow_modules)


def run_portfolio(
    bars: Mapping[str, Bars],
    portfolio: PortfolioConfig,
    config: BacktestConfig,
    allow_modules: Sequence[str] = (),
) -> PortfolioResult:
    """Simulate what a workflow's config describes; raises as `simulate_portfolio` does.

    Of `config` everything but the strategy counts.
    """
    chosen = portfolio.allocation
    return _simulate(bars, chosen.name, chosen.params, portfolio.rebalance, config, allow_modules)


def _simulate(
    bars: Mapping[str, Bars],
    ref: Any,
    params: Mapping[str, Any] | None,
    when: RebalanceConfig,
    config: BacktestConfig,
    allow_modules: Sequence[str],
) -> PortfolioResult:
    problems = unsupported(config)
    if problems:
        raise ConfigError(problems, "the portfolio")
    name, allocation = resolve_allocation(ref, params, allow_modules)
    joined = join(bars)
    first, last = simulated_rows(joined, config)
    direction = config.execution.direction
    universe = Universe(
        joined, first, last, config.initial_cash, config.costs, direction, tuple(allow_modules)
    )
    if hasattr(allocation, "prepare"):
        allocation = allocation.prepare(universe)
    schedule = str(when.schedule or getattr(allocation, "default_schedule", "monthly"))
    rows = decision_rows(joined, first, last, schedule, when.every_bars or 1)
    settings = Settings.from_config(config.execution, config.sizing, config.costs, config.initial_cash)
    decider = Decider(name, allocation, Viewer(joined, when.stale_after_days), schedule, direction)
    engine = Engine(joined, settings, when.band, first, last)
    fraction = config.sizing.fraction
    if getattr(allocation, "uses_holdings", False):
        rows, targets = _one_by_one(engine, decider, rows, last, fraction)
    else:
        rows, targets = decider.decide(rows)
        targets = targets * fraction
        engine.run(last, rows, targets)
    tracks = engine.finish()
    orders = _columns(tracks)
    return PortfolioResult(
        joined=joined,
        first=first,
        last=last,
        allocation=name,
        params=dict(params or {}),
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
        warnings=[*universe.warnings, *warnings_of(joined, last, orders, tracks)],
    )


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
    """

    def __init__(
        self, name: str, allocation: Allocation, viewer: Viewer, schedule: str, direction: str
    ) -> None:
        self._name = name
        self._allocation = allocation
        self._viewer = viewer
        self._on_change = schedule == "on_change"
        self._direction = direction
        self._held: FloatArray | None = None

    def at(self, row: int, holdings: FloatArray | None = None) -> FloatArray:
        """Decide at the close of a row: weights, NaN for symbols that are left alone, shape (symbols,)."""
        view = self._viewer.at(row, holdings)
        held = np.zeros(len(view.symbols)) if self._held is None else self._held
        weights = ask(self._name, self._allocation, view, held)
        if self._direction == "long_only":
            weights = np.where(weights < 0.0, 0.0, weights)
        elif self._direction == "short_only":
            weights = np.where(weights > 0.0, 0.0, weights)
        if self._on_change:
            weights = np.where(weights == held, np.nan, weights)
        self._held = np.where(np.isnan(weights), held, weights)
        return weights

    def decide(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Decide at all rows; those where nothing is decided are left out."""
        found = [(row, self.at(row)) for row in rows.tolist()]
        kept = [(row, weights) for row, weights in found if not np.isnan(weights).all()]
        width = len(found[0][1])
        targets = np.array([weights for _, weights in kept]).reshape(-1, width)
        return np.array([row for row, _ in kept], dtype=np.int64), targets


def _one_by_one(
    engine: Engine, decider: Decider, rows: IntArray, last: int, fraction: float
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


def unsupported(config: BacktestConfig) -> list[Problem]:
    """List what the config asks for and a portfolio does not simulate."""
    problems = [
        Problem(f"{name}.{key}", "is not simulated in a portfolio", found=str(value), hint="remove it")
        for name, section, known in (
            ("execution", config.execution, _EXECUTION),
            ("sizing", config.sizing, _SIZING),
            ("costs", config.costs, _COSTS),
        )
        for key, value in _changed(section, known)
    ]
    if config.execution.fill != "next_open":
        problems.append(
            Problem("execution.fill", "must be next_open in a portfolio", found=config.execution.fill)
        )
    if config.sizing.method != "cash_fraction":
        problems.append(
            Problem(
                "sizing.method",
                "must be cash_fraction in a portfolio: weights are shares of the equity",
                found=config.sizing.method,
            )
        )
    return problems


def _changed(section: Section, known: tuple[str, ...]) -> list[tuple[str, Any]]:
    default = type(section)()
    return [(key, value) for key, value in section if key not in known and value != getattr(default, key)]


def _columns(tracks: Tracks) -> dict[str, Any]:
    whole = ("decided_bar", "bar", "symbol", "status")
    return {
        name: _sealed(tracks.orders[:, at].astype(np.int64 if name in whole else np.float64, order="C"))
        for at, name in enumerate(ORDER_COLUMNS)
    }


def _sealed(array: Any) -> Any:
    array.flags.writeable = False
    return array
