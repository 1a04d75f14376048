"""What may end a workflow from outside: Prefect's state, and the time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import httpx
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
    ended = asyncio.Event()
    clock = (
        asyncio.get_running_loop().call_later(timeout_seconds, stop.time_out, timeout_seconds)
        if (timeout_seconds is not None)
        else None
    )
    watcher = asyncio.create_task(_watch_state(stop, ended))
    try:
        yield
    finally:
        if clock is not None:
            clock.cancel()
        ended.set()  # not cancelled: a request that is cut off leaves its socket open
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch_state(stop: StopSignal, ended: asyncio.Event) -> None:
    run_id = flow_run.get_id()
    if run_id is None:
        return
    async with get_client() as client:
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), POLL_SECONDS)
                return
            try:
                state = (await client.read_flow_run(UUID(run_id))).state
            except (PrefectException, httpx.HTTPError, OSError):
                continue  # the server is busy or away: the work goes on, the next look may succeed
            if state is not None and state.type in (StateType.CANCELLING, StateType.CANCELLED):
                stop.cancel("its Prefect run was cancelled")
                return
