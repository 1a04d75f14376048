"""`extends`, presets, `--set` and `${VAR}`."""

# ruff: noqa: E501 - messages and YAML stand in one piece, as a user sees them
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from admf.core.config import WorkflowConfig, load_config, parse_config, preset_names
from admf.core.config.fields import MASK
from admf.errors import ConfigError

GOOD = """\
workflow:
  type: backtest
  data_config:
    symbols: [A, B]
  backtest_config:
    strategy:
      name: sma_cross
      params: {fast: 5, slow: 20}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADMF_TEST_NAME", raising=False)
    return tmp_path


def load(text: str, *overrides: str, name: str = "c.yaml") -> WorkflowConfig:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
    return load_config(name, overrides)


def wrong(text: str, *overrides: str, name: str = "c.yaml") -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides, name=name)
    return str(caught.value).split("\n", 1)[1]


# -- extends ---------------------------------------------------------------------------------------------------


def test_the_later_wins_key_by_key_and_lists_are_replaced() -> None:
    Path("base").mkdir()
    Path("base/b.yaml").write_text(GOOD)
    Path("base/c.yaml").write_text(
        "extends: b.yaml\nworkflow:\n  data_config: {symbols: [C]}\n  name: base\n"
    )
    config = load(
        "extends: [preset:crypto_daily, base/c.yaml]\n"
        "workflow:\n  name: mine\n  backtest_config: {strategy: {params: {fast: 7}}, costs: {spread_bps: 1}}\n"
    )
    section = config.backtest_config
    assert section is not None
    assert config.name == "mine"
    assert config.data_config.symbols == ["C"]
    assert config.data_config.calendar == "24/7"
    assert section.strategy.params == {"fast": 7, "slow": 20}
    assert (section.costs.commission_bps, section.costs.spread_bps) == (10, 1)
    assert "extends" not in config.to_mapping()


def test_a_problem_points_into_the_file_that_holds_it() -> None:
    Path("base").mkdir()
    Path("base/b.yaml").write_text(GOOD.replace("A, B", "A, 5"))
    text = wrong("extends: base/b.yaml\nworkflow:\n  log_level: x\n")
    assert text == (
        '  c.yaml:3: workflow.log_level: is not one of the choices\n    found: "x"\n'
        "    allowed: DEBUG, INFO, WARNING, ERROR\n"
        '  base/b.yaml:4: workflow.data_config.symbols.1: must be text\n    found: 5\n    hint: put it in quotes: "5"'
    )


FAULTS = {
    "missing file": (
        "extends: nope.yaml\n",
        "c.yaml:1: extends: names a file that does not exist\n    found: nope.yaml\n"
        "    hint: the name is relative to the file that extends",
    ),
    "preset without its prefix": (
        "extends: fx_hourly\n",
        "c.yaml:1: extends: names a file that does not exist\n    found: fx_hourly\n    hint: write preset:fx_hourly",
    ),
    "unknown preset": (
        "extends:\n  - preset:fx_hourli\n",
        "c.yaml:2: extends.0: names an unknown preset\n    found: preset:fx_hourli\n"
        "    allowed: preset:crypto_daily, preset:fx_hourly, preset:us_equities_daily\n"
        "    hint: did you mean preset:fx_hourly?",
    ),
    "itself": (
        "extends: c.yaml\n",
        "c.yaml:1: extends: goes round in a circle\n    found: c.yaml -> c.yaml",
    ),
    "a number": (
        "extends: 5\n",
        "c.yaml:1: extends: must name a file\n    found: 5\n    allowed: a file, preset:NAME, or a list of them",
    ),
    "in the wrong place": (
        "workflow:\n  extends: b.yaml\n  type: backtest\n  backtest_config: {strategy: {name: x}}\n",
        "c.yaml:2: workflow.extends: stands in the wrong place\n"
        "    hint: write extends at the top of the file, beside workflow",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_extends_says_where_and_what(fault: str) -> None:
    text, expected = FAULTS[fault]
    assert wrong(text) == f"  {expected}"


def test_a_circle_over_several_files() -> None:
    Path("a.yaml").write_text("extends: b.yaml\n")
    Path("b.yaml").write_text("\nextends: [c.yaml]\n")
    expected = (
        "  b.yaml:2: extends.0: goes round in a circle\n    found: c.yaml -> a.yaml -> b.yaml -> c.yaml"
    )
    assert wrong("extends: a.yaml\n") == expected


def test_two_ways_to_one_base_are_no_circle_but_thousands_are_too_many() -> None:
    Path("base.yaml").write_text(GOOD)
    for name in "xy":
        Path(f"{name}.yaml").write_text("extends: base.yaml\n")
    assert load("extends: [x.yaml, y.yaml]\n").type == "backtest"
    for number in range(1, 15):
        Path(f"l{number}.yaml").write_text(f"extends: [l{number - 1}.yaml, l{number - 1}.yaml]\n")
    Path("l0.yaml").write_text(GOOD)
    assert "leads to more than 30 files" in wrong("extends: l14.yaml\n")


def test_faults_of_all_bases_come_at_once() -> None:
    Path("a.yaml").write_text("workflow: {x: 1, x: 2}\n")
    Path("b.yaml").write_text("- 1\n")
    text = wrong("extends: [a.yaml, b.yaml, nope.yaml]\n")
    assert [line.split(": ")[0].strip() for line in text.splitlines() if ".yaml:" in line] == [
        "c.yaml:1",
        "a.yaml:1",
        "b.yaml:1",
    ]


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_makes_a_config(preset: str) -> None:
    strategy = {"backtest_config": {"strategy": {"name": "sma_cross"}}}
    config = parse_config({"extends": f"preset:{preset}", "workflow": {"type": "backtest", **strategy}})
    assert config.data_config.periods_per_year in (252, 365, 6240)
    assert parse_config(config.to_mapping()) == config


# -- --set -----------------------------------------------------------------------------------------------------


def test_overrides() -> None:
    config = load(
        GOOD,
        "log_level=DEBUG",
        "workflow.data_config.symbols.1=C",
        "backtest_config.strategy.params.slow=50",
        "backtest_config.costs.spread_bps=1.5",
        "backtest_config.strategy.params.list=[1, {a: b}]",
        "metadata.note=x = y: z",
        "name=first",
        "name=second",
        "timeout_seconds=",
    )
    section = config.backtest_config
    assert section is not None
    assert (config.log_level, config.name, config.timeout_seconds) == ("DEBUG", "second", None)
    assert config.data_config.symbols == ["A", "C"]
    assert section.strategy.params == {"fast": 5, "slow": 50, "list": [1, {"a": "b"}]}
    assert section.costs.spread_bps == 1.5


OVERRIDES = {
    "log_level": "--set log_level: has the wrong form\n    allowed: KEY=VALUE, as in --set log_level=DEBUG",
    "log_levl=DEBUG": "--set workflow.log_levl: is an unknown key\n    allowed: type, name, random_seed, "
    "timeout_seconds, log_level, allow_modules, data_config, infrastructure_config, backtest_config, output, "
    "metadata\n    hint: did you mean log_level?",
    "random_seed=010": "--set workflow.random_seed: must be a whole number\n"
    '    found: "010"\n    hint: a leading zero makes it text: write 10',
    "data_config.symbols.2=C": "--set data_config.symbols.2: workflow.data_config.symbols: has no entry 2\n"
    "    allowed: 0 to 1",
    "data_config.symbols.x=C": "--set data_config.symbols.x: workflow.data_config.symbols: has no entry x\n"
    "    allowed: 0 to 1",
    "type.x=1": "--set type.x: workflow.type: is no section: it has no key x",
    "data_config..x=1": "--set data_config..x: workflow.data_config: is followed by an empty key\n"
    "    allowed: KEY=VALUE, as in log_level=DEBUG",
    "name=[1": "--set name: has a [ or { that does not end, or a comma is missing\n    hint: close it",
    "name=!!python/name:os.system": "--set name: has a tag, and tags are not allowed\n"
    "    found: !!python/name:os.system\n    hint: write the plain value",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_wrong_override_says_which(override: str) -> None:
    assert wrong(GOOD, override) == f"  {OVERRIDES[override]}"


def test_modules_allowed_on_the_command_line_are_added() -> None:
    Path("c.yaml").write_text(GOOD + "  allow_modules: [a]\n")
    assert load_config("c.yaml", allow_modules=["b.c", "a"]).allow_modules == ["a", "b.c"]


# -- ${VAR} ----------------------------------------------------------------------------------------------------


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMF_TEST_NAME", "from ${HOME}")
    monkeypatch.setenv("ADMF_TEST_EMPTY", "")
    config = load(
        GOOD + "  metadata:\n    a: <${ADMF_TEST_NAME}>\n    b: ${ADMF_TEST_NOT:-default}\n"
        "    c: ${ADMF_TEST_EMPTY:-default}\n    d: $${ADMF_TEST_NAME} $HOME $\n    e: ['${ADMF_TEST_EMPTY}']\n"
    )
    assert config.metadata == {
        "a": "<from ${HOME}>",
        "b": "default",
        "c": "default",
        "d": "${ADMF_TEST_NAME} $HOME $",
        "e": [""],
    }
    written = config.to_mapping()["workflow"]["metadata"]
    assert written["a"] == "<${ADMF_TEST_NAME}>"
    assert written["d"] == "$${ADMF_TEST_NAME} $HOME $"
    assert parse_config(config.to_mapping()) == config


def test_a_missing_or_malformed_variable_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMF_TEST_NAMES", "x")
    text = wrong(GOOD + "  name: ${ADMF_TEST_NAME}\n  metadata: {a: '${1x}', b: '${QQQ_NOT_SET}'}\n")
    assert text == (
        "  c.yaml:9: workflow.name: needs the environment variable ADMF_TEST_NAME, which is not set\n"
        "    hint: did you mean ADMF_TEST_NAMES?\n"
        "  c.yaml:10: workflow.metadata.a: has a malformed ${...}\n"
        "    allowed: ${NAME}, ${NAME:-default}; $${ for the two signs themselves\n"
        "  c.yaml:10: workflow.metadata.b: needs the environment variable QQQ_NOT_SET, which is not set\n"
        "    hint: set it, or give a default: ${QQQ_NOT_SET:-text}"
    )


SQL = {"source": "sql", "url": "${ADMF_TEST_URL}", "table": "t", "symbols": ["A"], "path": None}


def sql_config(**data: Any) -> WorkflowConfig:
    strategy = {"name": "x", "params": {"deep": [{"key": "${ADMF_TEST_URL}"}], "plain": 1}}
    return parse_config(
        {"type": "backtest", "data_config": {**SQL, **data}, "backtest_config": {"strategy": strategy}}
    )


def test_what_comes_from_the_environment_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMF_TEST_URL", "geheim")
    config = sql_config(table="${ADMF_TEST_URL}")
    section = config.backtest_config
    assert section is not None
    assert config.data_config.url is not None
    assert config.data_config.url.get_secret_value() == "geheim"
    assert config.data_config.table == "geheim"
    assert section.strategy.params["deep"][0]["key"] == "geheim"
    again = [
        config,
        config.model_copy(update={"random_seed": 5}),
        config.model_copy(deep=True),
        WorkflowConfig(**config.model_dump()),
        WorkflowConfig.model_validate_json(config.model_dump_json()),
        WorkflowConfig(type="backtest", data_config=config.data_config, backtest_config=section),
        parse_config(config),
        parse_config(config, ["random_seed=5"]),
    ]
    for each in again:
        assert each.data_config.table == "geheim"
        shown = [
            repr(each),
            str(each),
            repr(each.data_config),
            each.model_dump_json(),
            json.dumps(each.to_mapping()),
        ]
        shown.extend([repr(each.model_dump()), repr(each.section), section.model_dump_json()])
        for text in shown:
            assert "geheim" not in text
            assert "${ADMF_TEST_URL}" in text
        assert each.hash() == (again[1] if each.random_seed else config).hash()
    replaced = config.data_config.model_copy(update={"table": "other"})
    assert replaced.model_dump()["table"] == "other"


def test_an_error_about_such_a_value_shows_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMF_TEST_URL", "Geheim")
    keys = ["timeframe", "timezone", "adjustment", "start_date", "min_bars", "columns"]
    for key in keys:
        with pytest.raises(ConfigError) as caught:
            sql_config(
                **{
                    key: "${ADMF_TEST_URL}",
                    "end_date": "2020-01-01",
                    **({"source": "sqll"} if key == "" else {}),
                }
            )
        assert "geheim" not in str(caught.value).lower()
        assert f"workflow.data_config.{key}: " in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        parse_config({"type": "${ADMF_TEST_URL}"})
    assert "geheim" not in str(caught.value).lower()


def test_a_literal_secret_is_masked_and_its_mask_is_refused() -> None:
    config = sql_config(url="postgresql://u:geheim@h/d")
    assert "geheim" not in repr(config) + repr(config.model_dump()) + config.model_dump_json()
    mapping = config.to_mapping()
    assert mapping["workflow"]["data_config"]["url"] == MASK
    with pytest.raises(ConfigError) as caught:
        parse_config(mapping)
    assert str(caught.value) == (
        "the config has 1 problem\n  workflow.data_config.url: is a masked secret: the stored config does not hold its "
        "value\n    found: (hidden)\n    hint: write ${VAR} and set that environment variable, as in ${DATABASE_URL}"
    )


@pytest.fixture(autouse=True)
def url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMF_TEST_URL", "x")


# -- hash ------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_what_decides_about_the_result() -> None:
    config = load(GOOD)
    same = ["name=x", "log_level=DEBUG", "timeout_seconds=5", "output.directory=x", "metadata.a=1"]
    same += ["infrastructure_config.workers=2", "allow_modules=[m]", "data_config.min_bars=2"]
    other = ["random_seed=1", "data_config.symbols=[A]", "backtest_config.costs.spread_bps=1"]
    other += ["backtest_config.strategy.params.fast=6", "data_config.source=block:x"]
    for override in same:
        assert load(GOOD, override).hash() == config.hash(), override
    hashes = {load(GOOD, override).hash() for override in other}
    assert len(hashes | {config.hash()}) == len(other) + 1
    assert load(GOOD, "backtest_config.initial_cash=100000").hash() == config.hash()


def test_a_problem_found_later_can_name_the_line() -> None:
    problem = load(GOOD).problem("backtest_config.strategy.params.fast", "is above slow", found="5")
    assert (
        str(problem) == "c.yaml:8: workflow.backtest_config.strategy.params.fast: is above slow\n    found: 5"
    )
