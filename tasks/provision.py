"""Provision shared data and indicators: the only work of a workflow that is retried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from admf.blocks import IndicatorLibrary, MarketData, load_block
from admf.blocks.reference import PREFIX
from admf.core.config import WorkflowConfig
from admf.errors import TransientDataError
from admf.market import load_market
from admf.market.configured import MarketBars
from admf.market.provider import market_from_provider
from admf.tasks.shared import SharedMarket
from admf.tasks.step import step


async def provision(
    config: WorkflowConfig,
    services: Mapping[str, Any],
    library: IndicatorLibrary,
    guard: Callable[[Awaitable[MarketBars]], Awaitable[MarketBars]],
) -> SharedMarket:
    """Load the bars of a workflow once and make its indicator tables, as the task ``provision``.

    Only a `TransientDataError` is tried again (``read_retries`` times, the wait doubles each time): bad data
    stays bad. `guard` ends the wait when the workflow is stopped.
    """
    infrastructure = config.infrastructure_config

    async def body() -> SharedMarket:
        loaded = await guard(_load(config, services))
        return SharedMarket.of(loaded.bars, library, loaded.finer)

    delays = [
        infrastructure.retry_delay_seconds * 2**attempt for attempt in range(infrastructure.read_retries)
    ]
    return await step("provision", body, retry_delays_seconds=delays, retry_on=TransientDataError)


async def _load(config: WorkflowConfig, services: Mapping[str, Any]) -> MarketBars:
    data = config.data_config
    if "market_data" in services:
        return await asyncio.to_thread(market_from_provider, services["market_data"], data)
    if data.source.startswith(PREFIX):
        block = await load_block(MarketData, data.source, "workflow.data_config.source")
        data = block.resolve(data)
    return await asyncio.to_thread(load_market, data)
