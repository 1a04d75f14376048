from __future__ import annotations

import copy
from collections.abc import Callable
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
