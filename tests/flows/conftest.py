from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

BACKTEST: dict[str, Any] = {
    "type": "backtest",
    "name": "sma",
    "random_seed": 7,
    "data_config": {
        "source": "sample",
        "symbols": ["SP500"],
        "timeframe": "1d",
        "start_date": "2004-01-01",
        "end_date": "2008-12-31",
    },
    "backtest_config": {
        "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
        "execution": {"direction": "long_only"},
        "costs": {"commission_bps": 2},
    },
}


@pytest.fixture
def backtest(tmp_path: Path, prefect_server: None) -> Callable[..., dict[str, Any]]:
    """Make the config of a small backtest; keywords with ``__`` between keys are set in it."""

    def make(**settings: Any) -> dict[str, Any]:
        config = copy.deepcopy(BACKTEST)
        config["output"] = {"directory": str(tmp_path / "runs"), "report": False}
        for path, value in settings.items():
            *parents, key = path.split("__")
            section = config
            for parent in parents:
                section = section.setdefault(parent, {})
            section[key] = value
        return config

    return make


@pytest.fixture
def events_of() -> Callable[[str], Awaitable[list[str]]]:
    """Read a workflow's events back from the server, which stores them a moment later."""
    from prefect.client.orchestration import get_client
    from prefect.events.filters import EventFilter, EventResourceFilter

    async def read(workflow_id: str) -> list[str]:
        wanted = EventFilter(resource=EventResourceFilter(id=[f"admf.workflow.{workflow_id}"]))
        async with get_client() as client:
            for _ in range(100):
                answer = await client.request(
                    "POST", "/events/filter", json={"filter": wanted.model_dump(mode="json"), "limit": 50}
                )
                events = sorted(answer.json()["events"], key=lambda event: event["payload"]["sequence"])
                if events and events[-1]["event"] == "admf.workflow.complete":
                    break
                await asyncio.sleep(0.2)
        return [event["event"] for event in events]

    return read
