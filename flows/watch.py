"""What may end a workflow from outside: Prefect's state, and the time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from admf.flows.context import StopSignal

POLL_SECONDS = 1.0


@asynccontextmanager
async def watching(stop: StopSignal, timeout_seconds: float | None) -> AsyncIterator[None]:
    """Give `stop` its signal when the run is cancelled in Prefect or `timeout_seconds` have passed.

    Prefect does not interrupt a flow that runs in this process, so its state has to be looked at.
    """
    watchers = [asyncio.create_task(_watch_state(stop))]
    if timeout_seconds is not None:
        watchers.append(asyncio.create_task(_watch_clock(stop, timeout_seconds)))
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


async def _watch_state(stop: StopSignal) -> None:
    run_id = flow_run.get_id()
    if run_id is None:
        return
    async with get_client() as client:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                state = (await client.read_flow_run(UUID(run_id))).state
            except (PrefectException, OSError):
                continue  # the server is busy or away: the work goes on, the next look may succeed
            if state is not None and state.type in (StateType.CANCELLING, StateType.CANCELLED):
                stop.cancel("its Prefect run was cancelled")
                return


async def _watch_clock(stop: StopSignal, seconds: float) -> None:
    await asyncio.sleep(seconds)
    stop.time_out(seconds)
