"""The simulation of one backtest, on the workflow's task runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Failed

from admf.core.config import BacktestConfig
from admf.errors import AdmfError, describe
from admf.simulation import SimulationResult, run_backtest
from admf.simulation.portfolio import PortfolioResult, run_portfolio
from admf.tasks.shared import SharedMarket, find, withdrawal

T = TypeVar("T")


@task(name="simulate", task_run_name="simulate {symbol}", cache_policy=NO_CACHE, persist_result=False)
def simulate(
    folder: str,
    indicator_directory: str | None,
    symbol: str,
    config: dict[str, Any],
    allow_modules: list[str],
) -> SimulationResult | State[Any]:
    """Run `run_backtest` on the bars that were published under `folder`."""

    def work(market: SharedMarket) -> SimulationResult:
        return run_backtest(
            market.bars[symbol],
            BacktestConfig.model_validate(config),
            table=market.tables[symbol],
            allow_modules=tuple(allow_modules),
            stopped=withdrawal(folder),
            finer=market.finer.get(symbol),
        )

    return _on_market(folder, indicator_directory, work)


@task(name="simulate", task_run_name="simulate {allocation}", cache_policy=NO_CACHE, persist_result=False)
def simulate_portfolio(
    folder: str,
    indicator_directory: str | None,
    allocation: str,
    config: dict[str, Any],
    allow_modules: list[str],
) -> PortfolioResult | State[Any]:
    """Run `run_portfolio` on all symbols that were published under `folder`; `allocation` names the task."""

    def work(market: SharedMarket) -> PortfolioResult:
        return run_portfolio(
            market.bars,
            BacktestConfig.model_validate(config),
            tables=market.tables,
            allow_modules=tuple(allow_modules),
            stopped=withdrawal(folder),
            finer=market.finer,
        )

    return _on_market(folder, indicator_directory, work)


def _on_market(
    folder: str, indicator_directory: str | None, work: Callable[[SharedMarket], T]
) -> T | State[Any]:
    """Do the work on the published bars.

    An error that is said well already becomes the state that the future raises from: raised here, Prefect
    would log a traceback, and leave a coroutine of the surrounding task's transaction behind.
    """
    try:
        return work(find(folder, indicator_directory))
    except AdmfError as error:
        return Failed(message=describe(error), data=error)
