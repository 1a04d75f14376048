"""What the models refuse, with the message that a user sees; what they accept."""

# ruff: noqa: E501 - messages and YAML stand in one piece, as a user sees them
from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field, SecretStr

from admf.core.config import (
    BacktestConfig,
    CostsConfig,
    DataConfig,
    Section,
    SizingConfig,
    WorkflowConfig,
    WorkflowType,
    load_config,
    parse_config,
    register_section,
    sections,
)
from admf.errors import ComponentError, ConfigError

BACKTEST: dict[str, Any] = {"strategy": {"name": "sma_cross"}}


def problems(**workflow: Any) -> str:
    """Problems of a backtest with these keys, as printed, without the head."""
    with pytest.raises(ConfigError) as caught:
        WorkflowConfig(**{"type": "backtest", "backtest_config": BACKTEST, **workflow})
    return str(caught.value).split("\n", 1)[1]


def backtest(**keys: Any) -> dict[str, Any]:
    return {"backtest_config": {**BACKTEST, **keys}}


def costs(**keys: Any) -> dict[str, Any]:
    return backtest(costs=keys)


COSTS = "workflow.backtest_config.costs"
COST_KEYS = (
    "commission_bps, commission_per_unit, commission_fixed, commission_min, commission_max, commission_max_pct, "
    "maker_bps, taker_bps, commission_tiers, tier_volume, slippage_bps, slippage_volatility, impact, "
    "volatility_bars, adv_bars, spread_bps, spread_fixed, spread_column, borrow_pct, margin_rate_pct, "
    "cash_interest_pct, funding_pct, funding_column, funding_paid_multiple"
)
DATA = "workflow.data_config"
INFRA = "workflow.infrastructure_config"
MOMENT = "a day as 2023-01-31, or a moment as 2023-01-31T15:30:00Z"

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key, near": (
        costs(comission_bps=1),
        f"{COSTS}.comission_bps: is an unknown key\n    allowed: {COST_KEYS}\n    hint: did you mean commission_bps?",
    ),
    "bool for number": (costs(spread_bps=True), f"{COSTS}.spread_bps: must be a number\n    found: true"),
    "text for number": (
        costs(spread_bps="5"),
        f'{COSTS}.spread_bps: must be a number\n    found: "5"\n    hint: write 5 without quotes',
    ),
    "octal look": (
        costs(spread_bps="010"),
        f'{COSTS}.spread_bps: must be a number\n    found: "010"\n    hint: a leading zero makes it text: write 10',
    ),
    "percent sign": (
        backtest(execution={"stop_loss_pct": "5%"}),
        "workflow.backtest_config.execution.stop_loss_pct: must be a number\n"
        '    found: "5%"\n    hint: write 5: the unit is in the key\'s name',
    ),
    "thousands": (
        backtest(initial_cash="100,000"),
        'workflow.backtest_config.initial_cash: must be a number\n    found: "100,000"\n    hint: write 100000',
    ),
    "sexagesimal look": (
        {"timeout_seconds": "1:30"},
        'workflow.timeout_seconds: must be a number\n    found: "1:30"',
    ),
    "negative": (costs(spread_bps=-1), f"{COSTS}.spread_bps: must be at least 0\n    found: -1"),
    "infinite": (
        {"timeout_seconds": float("inf")},
        "workflow.timeout_seconds: must be a finite number\n    found: .inf",
    ),
    "not a number": (
        {"metadata": {"a": [float("nan")]}},
        "workflow.metadata.a.0: must be a finite number\n    found: .nan",
    ),
    "fraction for whole number": (
        {"random_seed": 1.5},
        "workflow.random_seed: must be a whole number\n    found: 1.5",
    ),
    "negative seed": ({"random_seed": -1}, "workflow.random_seed: must be at least 0\n    found: -1"),
    "seed too large": (
        {"random_seed": 2**63},
        "workflow.random_seed: is too large for an integer\n    allowed: up to 9223372036854775807",
    ),
    "yes for true": (
        {"output": {"report": "yes"}},
        'workflow.output.report: must be true or false\n    found: "yes"\n    allowed: true, false\n'
        "    hint: write true",
    ),
    "number for text": (
        {"data_config": {"symbols": [600000]}},
        f'{DATA}.symbols.0: must be text\n    found: 600000\n    hint: put it in quotes: "600000"',
    ),
    "text for list": (
        {"data_config": {"symbols": "SPY"}},
        f'{DATA}.symbols: must be a list\n    found: "SPY"\n    allowed: [first, second] or one line with - for '
        "each entry\n    hint: write [SPY]",
    ),
    "text for section": (
        {"output": "runs"},
        'workflow.output: must be a section\n    found: "runs"\n    allowed: lines of key: value',
    ),
    "empty section": (
        {"output": None},
        "workflow.output: is an empty section\n    found: null (nothing)\n    hint: write its keys below it, or remove it",
    ),
    "no value": (
        {"log_level": None},
        "workflow.log_level: has no value\n    found: null (nothing)\n    hint: write a value, or remove it",
    ),
    "not a choice": (
        {"log_level": "debug"},
        'workflow.log_level: is not one of the choices\n    found: "debug"\n    allowed: DEBUG, INFO, WARNING, ERROR\n'
        "    hint: did you mean DEBUG?",
    ),
    "missing key": (
        {"backtest_config": {"strategy": {}}},
        "workflow.backtest_config.strategy.name: is required\n"
        "    hint: Strategy: A built-in name (`admf components strategy`) or module:Name.",
    ),
    "neither strategy nor portfolio": (
        {"backtest_config": {"initial_cash": 1000}},
        "workflow.backtest_config.strategy: is required, unless there is a portfolio\n"
        "    hint: strategy: {name: ...} trades one symbol; portfolio: {allocation: {name: ...}} several that "
        "share cash",
    ),
    "strategy and portfolio": (
        backtest(portfolio={"allocation": {"name": "equal_weight"}}),
        "workflow.backtest_config.portfolio: stands beside strategy\n    found: a mapping\n"
        "    hint: keep one of the two; strategies of a portfolio are named in the parameters of its "
        "allocation: per_strategy, ensemble",
    ),
    "bars between decisions without a count": (
        {"backtest_config": {"portfolio": {"rebalance": {"schedule": "weekly", "every_bars": 5}}}},
        "workflow.backtest_config.portfolio.rebalance.every_bars: goes with schedule every_n_bars alone\n"
        "    found: 5\n    hint: write schedule: every_n_bars, or remove every_bars",
    ),
    "gpu": (
        {"infrastructure_config": {"device": "gpu"}},
        f'{INFRA}.device: gpu is not supported by this version\n    found: "gpu"\n    allowed: cpu\n'
        "    hint: write device: cpu (the default); compiled strategies already use every processor",
    ),
    "block": (
        {"infrastructure_config": {"compute": "mine"}},
        f'{INFRA}.compute: must name a saved block\n    found: "mine"\n    allowed: block:NAME',
    ),
    "timeframe": (
        {"data_config": {"timeframe": "daily"}},
        f'{DATA}.timeframe: is not a timeframe\n    found: "daily"\n    allowed: a count and a unit of s, m, h, d, '
        "w, mo: 30s, 5m, 1h, 1d, 1w, 1mo\n    hint: write 1d",
    ),
    "time zone": (
        {"data_config": {"timezone": "Europe/Berln"}},
        f'{DATA}.timezone: is not a known time zone\n    found: "Europe/Berln"\n'
        "    allowed: an IANA name: UTC, America/New_York\n    hint: did you mean Europe/Berlin?",
    ),
    "no such day": (
        {"data_config": {"start_date": "2023-02-30"}},
        f'{DATA}.start_date: is not a date of the calendar\n    found: "2023-02-30"\n    allowed: {MOMENT}',
    ),
    "date of another form": (
        {"data_config": {"start_date": "1/2/2023"}},
        f'{DATA}.start_date: is not a date in ISO form\n    found: "1/2/2023"\n    allowed: {MOMENT}',
    ),
    "number for date": (
        {"data_config": {"start_date": 20230101}},
        f"{DATA}.start_date: must be a date\n    found: 20230101\n    allowed: {MOMENT}",
    ),
    "year of another age": (
        {"data_config": {"start_date": "0023-01-01"}},
        f'{DATA}.start_date: is out of range\n    found: "0023-01-01"\n    allowed: years from 1678 to 2261',
    ),
    "dates in the wrong order": (
        backtest(start_date="2023-01-02", end_date="2023-01-01"),
        'workflow.backtest_config.start_date: is after end_date\n    found: "2023-01-02"',
    ),
    "simulated before loaded": (
        {"data_config": {"start_date": "2020-01-01"}, **backtest(start_date="2019-12-31")},
        'workflow.backtest_config.start_date: is before the data that is loaded\n    found: "2019-12-31"\n'
        "    hint: change it, or data_config.start_date",
    ),
    "csv without path": (
        {"data_config": {"source": "csv", "symbols": ["A"]}},
        f"{DATA}.path: is required by source csv\n"
        "    hint: Path: File of a csv or parquet source; {symbol} stands for the symbol.",
    ),
    "csv without symbols": (
        {"data_config": {"source": "csv", "path": "a.csv"}},
        f"{DATA}.symbols: is required by source csv: only sample and blocks know symbols of their own",
    ),
    "sample with path": (
        {"data_config": {"path": "a.csv"}},
        f'{DATA}.path: does not go with source sample\n    found: "a.csv"\n    hint: it belongs to source csv or parquet',
    ),
    "sql without url": (
        {"data_config": {"source": "sql", "table": "t", "symbols": ["A"]}},
        f"{DATA}.url: is required by source sql\n"
        "    hint: Database URL: SQLAlchemy URL of a sql source; keep it in ${ENV_VAR}.",
    ),
    "sql with table and query": (
        {"data_config": {"source": "sql", "url": "x", "table": "t", "query": "q", "symbols": ["A"]}},
        f'{DATA}.query: stands beside table\n    found: "q"\n    hint: keep one of table and query',
    ),
    "sql with neither": (
        {"data_config": {"source": "sql", "url": "x", "symbols": ["A"]}},
        f"{DATA}.table: is required by source sql, unless there is a query\n"
        "    hint: Table: Table of a sql source.",
    ),
    "misspelled source": (
        {"data_config": {"source": "parqet"}},
        f'{DATA}.source: is not a known source\n    found: "parqet"\n    allowed: sample, csv, parquet, sql, '
        "block:NAME, a registered name\n    hint: did you mean parquet?",
    ),
    "symbol twice": (
        {"data_config": {"symbols": ["A", "B", "A"]}},
        f'{DATA}.symbols.2: is there twice\n    found: "A"',
    ),
    "fixed_units without units": (
        backtest(sizing={"method": "fixed_units"}),
        "workflow.backtest_config.sizing.units: is required by method fixed_units\n"
        "    hint: Units: Units of a full position (fixed_units).",
    ),
    "units without fixed_units": (
        backtest(sizing={"units": 5}),
        "workflow.backtest_config.sizing.units: does not go with method cash_fraction\n    found: 5\n"
        "    hint: remove it, or write method: fixed_units",
    ),
    "fraction with fixed_units": (
        backtest(sizing={"method": "fixed_units", "units": 1, "fraction": 0.5}),
        "workflow.backtest_config.sizing.fraction: does not go with method fixed_units\n    found: 0.5\n"
        "    hint: remove it, or write method: cash_fraction or kelly",
    ),
    "module by file": (
        {"allow_modules": ["my/strategies.py"]},
        'workflow.allow_modules.0: is not a module name\n    found: "my/strategies.py"\n'
        "    allowed: a dotted name, as my_package.strategies\n    hint: write my.strategies",
    ),
    "unknown type": (
        {"type": "backtst"},
        'workflow.type: is not a workflow type\n    found: "backtst"\n    allowed: backtest\n'
        "    hint: did you mean backtest?",
    ),
    "type that cannot run yet": (
        {"type": "optimization", "backtest_config": None, "optimization_config": {}},
        'workflow.type: cannot run in this version\n    found: "optimization"\n    allowed: backtest',
    ),
    "no type": ({"type": None}, "workflow.type: has no value\n    allowed: backtest"),
    "no section": (
        {"backtest_config": None},
        "workflow.backtest_config: is an empty section, and type backtest needs it",
    ),
    "section of another type": (
        {"optimization_config": {"algorithm": "grid"}},
        "workflow.optimization_config: does not go with type backtest\n"
        "    hint: remove it; the section of backtest is backtest_config",
    ),
    "table in params": (
        backtest(strategy={"name": "x", "params": {"bars": pd.DataFrame()}}),
        "workflow.backtest_config.strategy.params.bars: is not plain data\n    found: a DataFrame\n"
        "    allowed: text, a number, true or false, null, a list, a mapping\n"
        "    hint: data belongs into a file or block named by data_config",
    ),
    "array in params": (
        backtest(strategy={"name": "x", "params": {"w": np.arange(3)}}),
        "workflow.backtest_config.strategy.params.w: is not plain data\n    found: a ndarray\n"
        "    allowed: text, a number, true or false, null, a list, a mapping\n"
        "    hint: use .tolist(), or put the data into a file or block named by data_config",
    ),
    "key that is a number": (
        {"metadata": {1: "a"}},
        "workflow.metadata: has a key that is not text: 1\n    hint: keys are text",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_value_says_where_and_what(fault: str) -> None:
    workflow, expected = FAULTS[fault]
    assert problems(**workflow) == f"  {expected}"


def test_all_problems_come_at_once_checks_over_several_keys_too() -> None:
    text = problems(
        log_level="x",
        data_config={"source": "csv", "min_bars": 0},
        **backtest(
            sizing={"method": "fixed_units", "lot_size": 0}, start_date="2023-02-01", end_date="2023-01-01"
        ),
    )
    assert {line.split(":")[0].strip() for line in text.splitlines() if line.startswith("  w")} == {
        "workflow.log_level",
        "workflow.data_config.min_bars",
        "workflow.backtest_config.sizing.lot_size",
        "workflow.data_config.path",
        "workflow.data_config.symbols",
        "workflow.backtest_config.start_date",
        "workflow.backtest_config.sizing.units",
    }


def test_data_without_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert problems(metadata=endless) == "  workflow.metadata.again.again: is nested more than 32 levels deep"
    assert problems(metadata={"a": list(range(30_000))}).startswith("  workflow.metadata.a.")
    many = problems(**{f"key{i}": 1 for i in range(10_000)})
    assert many.count("is an unknown key") == 100


def test_a_section_alone_raises_config_error() -> None:
    with pytest.raises(ConfigError) as caught:
        CostsConfig(commission_bps="3%", xx=1)
    assert str(caught.value) == (
        'CostsConfig has 2 problems\n  commission_bps: must be a number\n    found: "3%"\n'
        "    hint: write 3: the unit is in the key's name\n  xx: is an unknown key\n    allowed: " + COST_KEYS
    )
    with pytest.raises(ConfigError, match="units: is required"):
        SizingConfig.model_validate({"method": "fixed_units"})
    with pytest.raises(ConfigError, match=r"strategy\.name: must be text"):
        BacktestConfig(strategy={"name": 5})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_python_holds_becomes_plain() -> None:
    class Side(Enum):
        LONG = "long"

    params = {
        "n": np.int64(3),
        "x": np.float32(0.5),
        "b": np.bool_(True),
        "t": (1, 2),
        "p": Path("a/b"),
        "e": Side.LONG,
    }
    config = WorkflowConfig(
        type="backtest",
        metadata=MappingProxyType({"when": date(2023, 1, 1), "at": np.datetime64("2023-01-01T10:00")}),
        backtest_config={
            "strategy": {"name": "x", "params": params},
            "costs": CostsConfig(spread_bps=np.int32(2)),
            "start_date": pd.Timestamp("2023-01-01 10:00", tz="Europe/Berlin"),
        },
    )
    assert config.section == config.backtest_config
    section = config.backtest_config
    assert section is not None
    assert section.strategy.params == {"n": 3, "x": 0.5, "b": True, "t": [1, 2], "p": "a/b", "e": "long"}
    assert [type(section.strategy.params[key]) for key in "nxb"] == [int, float, bool]
    assert section.costs.spread_bps == 2.0
    assert section.start_date == datetime(2023, 1, 1, 9, tzinfo=UTC)
    assert config.metadata == {"when": "2023-01-01", "at": "2023-01-01T10:00"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023-01-01", date(2023, 1, 1)),
        ("2023-01-01T10:00:00Z", datetime(2023, 1, 1, 10, tzinfo=UTC)),
        ("2023-01-01 10:00", datetime(2023, 1, 1, 10, tzinfo=UTC)),
        ("2023-01-01T10:00:00-05:00", datetime(2023, 1, 1, 15, tzinfo=UTC)),
        (date(2023, 1, 1), date(2023, 1, 1)),
        (datetime(2023, 1, 1), datetime(2023, 1, 1, tzinfo=UTC)),
    ],
)
def test_days_and_moments(written: Any, read: Any) -> None:
    found = DataConfig(start_date=written).start_date
    assert found == read
    assert type(found) is type(read)
    # The last day counts as a whole: a moment within it does not come after it.
    assert DataConfig(start_date="2023-01-02T23:00:00Z", end_date="2023-01-02").end_date == date(2023, 1, 2)


def test_defaults() -> None:
    config = WorkflowConfig(workflow_type=WorkflowType.BACKTEST, backtest_config=BACKTEST)
    assert config.type is WorkflowType.BACKTEST
    assert config.type == "backtest"
    assert config.name == "backtest"
    assert config.data_config.symbols == ["SP500"]
    assert DataConfig(source="block:prices").symbols == []
    with pytest.raises(ConfigError, match="workflow_type: stands beside type"):
        WorkflowConfig(type="backtest", workflow_type="backtest", backtest_config=BACKTEST)
    with pytest.raises(ConfigError, match=r"workflow\.type: is required\n    allowed: backtest"):
        WorkflowConfig(backtest_config=BACKTEST)
    with pytest.raises(ConfigError, match=r"workflow\.backtest_config: is required by type backtest"):
        WorkflowConfig(type="backtest")


def test_a_config_cannot_be_changed() -> None:
    config = WorkflowConfig(type="backtest", backtest_config=BACKTEST)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "x"  # type: ignore[misc]


class Scan(Section):
    """Section of a type of this test."""

    universe: list[str] = Field(title="Universe", description="Symbols.")
    depth: int = Field(3, title="Depth", description="Levels.")


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "_SECTIONS", dict(sections._SECTIONS))
    register_section("scan", Scan)


@pytest.mark.usefixtures("scan")
def test_a_type_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("workflow:\n  type: scan\n  scan_config:\n    universe: [A]\n")
    config = load_config("c.yaml")
    assert config.type == "scan"
    assert isinstance(config.section, Scan)
    assert config.section.universe == ["A"]
    assert config.to_mapping()["workflow"]["scan_config"] == {"universe": ["A"], "depth": 3}
    assert parse_config(config.to_mapping()) == config
    Path("c.yaml").write_text("workflow:\n  type: scan\n  scan_config:\n    unverse: [A]\n    depth: x\n")
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    assert str(caught.value) == (
        "c.yaml has 3 problems\n  c.yaml:3: workflow.scan_config.universe: is required\n    hint: Universe: Symbols.\n"
        "  c.yaml:4: workflow.scan_config.unverse: is an unknown key\n    allowed: universe, depth\n"
        "    hint: did you mean universe?\n"
        '  c.yaml:5: workflow.scan_config.depth: must be a whole number\n    found: "x"'
    )
    assert problems(scan_config={"universe": []}).startswith(
        "  workflow.scan_config: does not go with type backtest"
    )
    assert problems(type="scann").splitlines()[2:] == [
        "    allowed: backtest, scan",
        "    hint: did you mean scan?",
    ]


@pytest.mark.usefixtures("scan")
def test_registering_twice_or_wrongly() -> None:
    register_section("scan", Scan)  # the same again is no collision
    with pytest.raises(ComponentError, match="workflow type 'scan' is registered already"):
        register_section("scan", CostsConfig)
    with pytest.raises(ComponentError, match=r"hint: derive it from admf\.core\.config\.Section"):
        register_section("other", dict)  # type: ignore[arg-type]
    for name in ("My-Type", "data", ""):
        with pytest.raises(ComponentError, match="not a possible name"):
            register_section(name, Scan)


def test_a_wrong_secret_is_not_shown() -> None:
    for url in (5, ["geheim"], SecretStr("")):
        text = problems(data_config={"source": "sql", "url": url, "symbols": ["A"], "table": "t"})
        assert "geheim" not in text
        assert "found: (hidden)" in text
    text = problems(data_config={"source": "sql", "ur": "geheim", "symbols": ["A"], "table": "t"})
    assert "geheim" not in text


def test_more_text_than_prefect_takes_as_parameters_is_an_error():
    notes = {f"k{number}": "x" * 1000 for number in range(300)}
    assert problems(metadata=notes) == (
        "  workflow.metadata.k249: the config holds more than 250000 bytes of text"
    )


@pytest.mark.parametrize(
    ("workflow", "owner"),
    [
        ({"costs": {}}, "backtest_config"),
        ({"backtest_config": {**BACKTEST, "execution": {"spread_column": "x"}}}, "backtest_config.costs"),
        ({"backtest_config": {**BACKTEST, "stop_loss_pct": 5}}, "backtest_config.execution"),
        ({"backtest_config": {**BACKTEST, "costs": {"end_date": None}}}, "data_config and backtest_config"),
    ],
)
def test_a_key_of_another_section_is_told_its_place(workflow, owner):
    assert problems(**workflow).endswith(f"\n    hint: it is a key of {owner}")
