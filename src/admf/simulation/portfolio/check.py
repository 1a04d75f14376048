"""The dry run of a portfolio: what would make it fail. Nothing is simulated or compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from admf.core.config.models import BacktestConfig
from admf.errors import AdmfError, ConfigError, Problem
from admf.simulation.portfolio.allocation import resolve_allocation
from admf.simulation.portfolio.api import simulated_rows, unsupported
from admf.simulation.portfolio.join import join
from admf.strategies import resolve_strategy

if TYPE_CHECKING:
    from admf.market import Bars
    from admf.simulation.portfolio.config import PortfolioConfig


def check_portfolio(
    bars: Mapping[str, Bars] | None,
    portfolio: PortfolioConfig,
    config: BacktestConfig,
    allow_modules: Sequence[str] = (),
) -> list[Problem]:
    """List what would make a portfolio fail.

    Parameters
    ----------
    bars
        Symbol -> bars; None checks the config alone.
    portfolio, config, allow_modules
        As for `run_portfolio`.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section. Empty: it will run, unless the allocation itself fails.
    """
    problems = unsupported(config)
    path = "portfolio.allocation"
    chosen = portfolio.allocation
    try:
        _, allocation = resolve_allocation(chosen.name, chosen.params, allow_modules)
    except ConfigError as error:
        return problems + [_below(f"{path}.params", problem) for problem in error.problems]
    except AdmfError as error:
        return [*problems, Problem(f"{path}.name", error.message, hint=error.hint)]
    for member in getattr(allocation, "members", ()):
        try:
            resolve_strategy(member.strategy, member.params, allow_modules=tuple(allow_modules))
        except AdmfError as error:
            problems.append(Problem(f"{path}.params", f"{member.label}: {error.message}", hint=error.hint))
    if bars is not None:
        try:
            simulated_rows(join(bars), config)
        except ConfigError as error:
            problems += error.problems
        except AdmfError as error:
            problems.append(Problem("portfolio", error.message, hint=error.hint))
    return problems


def _below(prefix: str, problem: Problem) -> Problem:
    return Problem(
        f"{prefix}.{problem.path}",
        problem.message,
        found=problem.found,
        allowed=problem.allowed,
        hint=problem.hint,
    )
