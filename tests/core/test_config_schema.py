"""The JSON Schema of the YAML accepts what the loader accepts, and refuses what an editor can see."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from admf.core.config import Section, json_schema, parse_config, preset_names, register_section, sections
from admf.core.config.yaml_loader import read_text

MINIMAL: dict[str, Any] = {
    "workflow": {"type": "backtest", "backtest_config": {"strategy": {"name": "sma_cross"}}}
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return schema


def errors(schema: dict[str, Any], document: Any) -> list[str]:
    return [
        each.message
        for error in Draft202012Validator(schema).iter_errors(document)
        for each in (error, *(error.context or ()))  # what a section that may be absent lacks
    ]


def test_good_documents_validate(schema: dict[str, Any]) -> None:
    assert errors(schema, MINIMAL) == []
    full = parse_config(MINIMAL).to_mapping()
    full["workflow"]["data_config"]["start_date"] = "2020-01-01T10:00:00Z"
    assert errors(schema, full) == []
    assert (
        errors(schema, {"extends": ["preset:fx_hourly", "a.yaml"], "workflow": {"backtest_config": {}}}) == []
    )
    assert errors(schema, {"extends": "base.yaml"}) == []


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_validate(schema: dict[str, Any], name: str) -> None:
    text = (files("admf.core") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    assert errors(schema, {"extends": "x", **read_text(text).data}) == []
    assert errors(schema, read_text(text).data) != [], "without extends, the type is missing"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"typo": 1}, "'typo' was unexpected"),
        ({"type": "optimization"}, "'optimization' is not one of ['backtest']"),
        ({"log_level": "debug"}, "'debug' is not one of ['DEBUG', 'INFO', 'WARNING', 'ERROR']"),
        ({"backtest_config": {"strategy": {}}}, "'name' is a required property"),
        (
            {"backtest_config": {"strategy": {"name": "x"}, "costs": {"comission_bps": 1}}},
            "'comission_bps' was unexpected",
        ),
        (
            {"backtest_config": {"strategy": {"name": "x"}, "costs": {"spread_bps": -1}}},
            "-1 is less than the minimum of 0",
        ),
        ({"infrastructure_config": {"device": "gpu"}}, "'gpu' is not one of ['cpu']"),
        ({"data_config": {"symbols": "SPY"}}, "'SPY' is not of type 'array'"),
        ({"data_config": {"timeframe": "daily"}}, "'daily' does not match"),
    ],
)
def test_bad_documents_fail(schema: dict[str, Any], change: dict[str, Any], message: str) -> None:
    found = errors(schema, {"workflow": {**MINIMAL["workflow"], **change}})
    assert any(message in text for text in found), found


def test_what_is_missing_fails_only_where_nothing_is_extended(schema: dict[str, Any]) -> None:
    assert errors(schema, {"workflow": {"type": "backtest"}}) == ["'backtest_config' is a required property"]
    assert errors(schema, {}) == ["'workflow' is a required property"]
    assert errors(schema, {"extends": "x", "workflow": {"typo": 1}}) != []


def test_every_key_has_a_title_and_a_description(schema: dict[str, Any]) -> None:
    for name, definition in schema["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            assert field.get("title"), (name, key)
            model = schema["$defs"].get(field.get("$ref", "").removeprefix("#/$defs/"), {})
            assert field.get("description") or model.get("description"), (name, key)


def test_a_type_of_a_user_is_in_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scan(Section):
        """Section."""

        depth: int = Field(title="Depth", description="Levels.")

    monkeypatch.setattr(sections, "_SECTIONS", dict(sections._SECTIONS))
    register_section("scan", Scan)
    schema = json_schema()
    assert errors(schema, {"workflow": {"type": "scan", "scan_config": {"depth": 1}}}) == []
    assert errors(schema, {"workflow": {"type": "scan", "scan_config": {}}}) == [
        "'depth' is a required property"
    ]
    assert errors(schema, {"workflow": {"type": "scan"}}) == ["'scan_config' is a required property"]


def test_importing_the_config_loads_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'prefect', 'numba', 'sqlalchemy'}"
    code = f"import sys, admf.core.config; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
