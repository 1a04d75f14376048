"""Limits of risk in the YAML of a portfolio: what they block, cut and close are events that name the rule."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import yaml

from admf.core.coordinator import Coordinator

RISK = {
    "allowed_symbols": ["SP500", "NASDAQ"],
    "max_concentration_pct": 40,
    "max_leverage": 0.7,
    "max_open_positions": 2,
    "max_drawdown_pct": 20,
}


def config_of(backtest, risk):
    section = {
        "portfolio": {
            "allocation": {"name": "fixed_weights", "params": {"weights": {"SP500": 0.6, "NASDAQ": 0.4}}},
            "rebalance": {"schedule": "monthly"},
        },
        "risk": risk,
    }
    return backtest(backtest_config=section, data_config__symbols=["SP500", "NASDAQ"])


async def test_events_name_the_rule(backtest, tmp_path):
    path = tmp_path / "limited.yaml"
    path.write_text(yaml.safe_dump({"workflow": config_of(backtest, RISK)}))
    async with Coordinator(config_path=path) as coordinator:
        result = await coordinator.execute_workflow()
    assert result.success, result.errors
    folder = Path(result.run_folder)
    orders = pd.read_parquet(folder / result.artifacts["orders"])
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    single = [event["data"] for event in events if event["type"] in ("CUT", "BLOCK")]

    # 60 % is cut to 40 % by the concentration, then both by the leverage; 2008 loses 20 %
    first = orders[orders["bar"] == 1]
    assert first["status"].tolist() == ["cut: max_concentration", *["cut: max_leverage"] * 2, *["filled"] * 2]
    assert result.final_results["symbols"] == ["SP500", "NASDAQ"]
    rules = Counter((each["kind"], each["rule"]) for each in single)
    assert set(rules) == {
        ("cut", "max_concentration"),
        ("cut", "max_leverage"),
        ("cut", "risk"),
        ("blocked", "max_drawdown"),
    }
    named = Counter(tuple(status.split(": ")) for status in orders["status"] if ": max_" in status)
    assert {rule: count for rule, count in rules.items() if rule[1] != "risk"} == named
    closed = orders[(orders["reason"] == "risk") & (orders["status"] == "filled")]
    assert rules["cut", "risk"] == len(closed) == 2
    assert set(closed["symbol"]) == {each["symbol"] for each in single if each["rule"] == "risk"}
    counted = {
        (event["type"].rpartition(".")[2], event["data"]["rule"]): event["data"]["count"]
        for event in events
        if event["type"].startswith("workflow.orders.")
    }
    assert counted == rules
    assert "2 positions were closed or reduced by a limit of losses" in result.warnings
