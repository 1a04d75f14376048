"""The simulation of one backtest, on the workflow's task runner."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Failed

from admf.core.config import BacktestConfig
from admf.errors import AdmfError, describe
from admf.simulation import SimulationResult, run_backtest
from admf.tasks.shared import find, withdrawal


@task(name="simulate", task_run_name="simulate {symbol}", cache_policy=NO_CACHE, persist_result=False)
def simulate(
    folder: str,
    indicator_directory: str | None,
    symbol: str,
    config: dict[str, Any],
    allow_modules: list[str],
) -> SimulationResult | State[Any]:
    """Run `run_backtest` on the bars that were published under `folder`.

    An error that is said well already becomes the state that the future raises from: raised here, Prefect
    would log a traceback, and leave a coroutine of the surrounding task's transaction behind.
    """
    try:
        market = find(folder, indicator_directory)
        return run_backtest(
            market.bars[symbol],
            BacktestConfig.model_validate(config),
            table=market.tables[symbol],
            allow_modules=tuple(allow_modules),
            stopped=withdrawal(folder),
        )
    except AdmfError as error:
        return Failed(message=describe(error), data=error)
