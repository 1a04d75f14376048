"""The dry run of a portfolio: what would make it fail, and what it would cost. Nothing is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from admf.core.config.models import BacktestConfig
from admf.core.config.portfolio import PortfolioConfig
from admf.errors import AdmfError, ConfigError, DataError, Problem
from admf.simulation.api import settings_of
from admf.simulation.check import (
    BASE_BYTES,
    COMPILE_SECONDS,
    COMPILED_SECONDS_PER_BAR,
    PLAIN_SECONDS_PER_BAR,
    START_SECONDS,
    Estimate,
)
from admf.simulation.pessimistic import pessimistic_settings
from admf.simulation.portfolio.allocation import Allocation, most_of, resolve_allocation
from admf.simulation.portfolio.api import simulated_rows
from admf.simulation.portfolio.desk.engine import PLAIN_CELLS
from admf.simulation.portfolio.engine import needs_desk
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.needs import data_problems, never_complete
from admf.simulation.portfolio.sleeves import orders_refused
from admf.simulation.portfolio.support import unsupported
from admf.simulation.step_source import gives_orders
from admf.strategies import BoundStrategy, ParameterError, resolve_strategy

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars
    from admf.simulation.portfolio.sleeves import Member, Sleeve

_PATH = "portfolio.allocation"

# Measured as those of one symbol; a cell is one symbol at one row of the joined calendar.
SECONDS_PER_CELL = 400e-9  # loop, metrics, digest and tables of a portfolio that trades every week
SECONDS_PER_DECISION = 60e-6
DESK_COMPILE_SECONDS = 40.0  # the desk of orders, where it is compiled
DESK_SECONDS_PER_CELL = 500e-9
DESK_PLAIN_SECONDS_PER_CELL = 40e-6
BYTES_PER_CELL = 180


def check_portfolio(
    config: BacktestConfig,
    symbols: Sequence[str] = (),
    bars: Mapping[str, Bars] | None = None,
    allow_modules: Sequence[str] = (),
    tables: Mapping[str, IndicatorTable] | None = None,
) -> list[Problem]:
    """List what would make a portfolio fail.

    Parameters
    ----------
    config
        With a portfolio.
    symbols
        Those of the portfolio, as far as they are known; none: the bars say.
    bars
        Symbol -> bars, of those that could be loaded; None checks what can be said without.
    allow_modules
        Modules that allocation and strategies may come from.
    tables
        Symbol -> indicators of its bars that are shared with others; None: made here.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section. Empty: it will run, unless the allocation itself fails.
    """
    chosen = (config.portfolio or PortfolioConfig()).allocation
    problems = unsupported(config)
    allocation = None  # where it is wrong itself, the rest is judged without it
    try:
        allocation = resolve_allocation(chosen.name, chosen.params, allow_modules).allocation
    except ConfigError as error:
        problems += [_below(f"{_PATH}.params", problem) for problem in error.problems]
    except AdmfError as error:
        problems.append(Problem(f"{_PATH}.name", error.message, hint=error.hint))
    for member in getattr(allocation, "members", ()):
        problems += _member_problems(member, chosen.params, allow_modules)
    known = list(symbols or bars or ())
    if known:
        if allocation is not None:
            problems += _fit(allocation, known, most_of(config))
        names = config.risk.allowed_symbols
        if names and not set(names) & set(known):
            problems.append(
                Problem(
                    "risk.allowed_symbols",
                    "has none of the portfolio's symbols: nothing would be traded",
                    found=", ".join(names),
                    allowed=", ".join(known),
                )
            )
    if bars:
        if allocation is not None and not problems:
            problems += _unreadable(allocation, known, bars, allow_modules, tables)
        problems += data_problems(bars, config)
        try:
            joined = join(bars)
            _, last = simulated_rows(joined, config)
            problems += never_complete(bars, config, int(joined.timestamps[last - 1]))
        except ConfigError as error:
            problems += error.problems
        except AdmfError as error:
            problems.append(Problem("portfolio", error.message, hint=error.hint))
    return problems


def estimate_portfolio(
    bars: Mapping[str, Bars],
    config: BacktestConfig,
    allow_modules: Sequence[str] = (),
    *,
    finer: bool = False,
) -> Estimate:
    """Estimate time and memory of a portfolio that `check_portfolio` found nothing wrong with.

    Parameters
    ----------
    bars
        Symbol -> bars that are loaded.
    config, allow_modules
        As for `check_portfolio`.
    finer
        Whether finer bars decide what happens inside a bar.
    """
    cost = _once(bars, config, allow_modules, finer)
    if not config.pessimistic_rerun:
        return cost
    more = _once(bars, pessimistic_settings(config), allow_modules, finer)
    kept = len(join(bars).timestamps) * len(bars) * BYTES_PER_CELL  # the two results are side by side
    return Estimate(cost.seconds + more.seconds, max(cost.bytes, more.bytes) + kept)


def _once(
    bars: Mapping[str, Bars], config: BacktestConfig, allow_modules: Sequence[str], finer: bool
) -> Estimate:
    """Estimate one simulation."""
    chosen = (config.portfolio or PortfolioConfig()).allocation
    allocation = resolve_allocation(chosen.name, chosen.params, allow_modules).allocation
    rows = len(join(bars).timestamps)
    cells = rows * len(bars)
    seconds = COMPILE_SECONDS + START_SECONDS + cells * SECONDS_PER_CELL + rows * SECONDS_PER_DECISION
    if finer or needs_desk(settings_of(config)):
        plain = cells < PLAIN_CELLS
        seconds += cells * (DESK_PLAIN_SECONDS_PER_CELL if plain else DESK_SECONDS_PER_CELL)
        seconds += (0.0 if plain else DESK_COMPILE_SECONDS) - COMPILE_SECONDS
    bound = bound_sleeves(allocation, list(bars), allow_modules)
    for strategy in {id(each): each for _, each in bound}.values():
        seconds += COMPILE_SECONDS if strategy.needs_python is None else 0.0
    for sleeve, strategy in bound:
        rate = COMPILED_SECONDS_PER_BAR if strategy.needs_python is None else PLAIN_SECONDS_PER_BAR
        seconds += rate * len(bars[sleeve.symbol])
    signals = cells * len(getattr(allocation, "members", ())) * 8 * 3  # recorded, weighted, and their parts
    return Estimate(seconds, int(BASE_BYTES + cells * BYTES_PER_CELL + signals))


def bound_sleeves(
    allocation: Allocation, symbols: Sequence[str], allow_modules: Sequence[str] = ()
) -> list[tuple[Sleeve, BoundStrategy]]:
    """Resolve the strategies that an allocation follows, if it does.

    A strategy that trades several symbols is the same object in all of its sleeves.
    """
    if not hasattr(allocation, "sleeves"):
        return []
    bound = {
        member.label: resolve_strategy(member.strategy, member.params, allow_modules=tuple(allow_modules))
        for member in allocation.members  # type: ignore[attr-defined]
    }
    return [(sleeve, bound[sleeve.member.label]) for sleeve in allocation.sleeves(symbols)]


def _member_problems(
    member: Member, params: Mapping[str, Any], allow_modules: Sequence[str]
) -> list[Problem]:
    path = f"{_PATH}.params.{member.path}"
    try:
        bound = resolve_strategy(member.strategy, member.params, allow_modules=tuple(allow_modules))
        if gives_orders(bound.on_bar, bound.params):
            raise orders_refused(member.label)
    except ParameterError as error:
        return [_below(f"{path}.params", problem) for problem in error.problems]
    except AdmfError as error:
        group, _, at = member.path.partition(".")
        entries = params[group]
        entry = entries[at] if isinstance(entries, Mapping) else entries[int(at)]
        named = f"{path}.name" if isinstance(entry, Mapping) else path
        return [Problem(named, error.message, hint=error.hint)]
    return []


def _unreadable(
    allocation: Allocation,
    symbols: Sequence[str],
    bars: Mapping[str, Bars],
    allow_modules: Sequence[str],
    tables: Mapping[str, IndicatorTable] | None,
) -> list[Problem]:
    """List the sleeves whose strategy does not find its data; too few bars are a warning of the result."""
    from admf.indicators import IndicatorTable
    from admf.simulation.inputs import gather

    if tables is None:
        tables = {symbol: IndicatorTable(each) for symbol, each in bars.items()}
    problems = []
    for sleeve, strategy in bound_sleeves(allocation, symbols, allow_modules):
        if sleeve.symbol not in bars:  # could not be loaded, which is told already
            continue
        try:
            gather(bars[sleeve.symbol], strategy, tables[sleeve.symbol])
        except DataError:
            continue
        except AdmfError as error:
            problems.append(Problem(f"{_PATH}.params.{sleeve.member.path}", error.message, hint=error.hint))
    return problems


def _fit(allocation: Allocation, symbols: list[str], most: float) -> list[Problem]:
    """List where the allocation's parameters do not fit the symbols."""
    try:
        if hasattr(allocation, "sleeves"):
            allocation.sleeves(symbols)
        elif hasattr(allocation, "check"):
            allocation.check(symbols, most)
    except ConfigError as error:
        return [_below(f"{_PATH}.params", problem) for problem in error.problems]
    return []


def _below(prefix: str, problem: Problem) -> Problem:
    return replace(problem, path=f"{prefix}.{problem.path}")
