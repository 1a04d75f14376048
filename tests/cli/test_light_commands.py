"""Commands that need no Prefect, and what the command line says when it is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import admf as package

Admf = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = ("prefect", "numba", "plotly", "sqlalchemy", "scipy", "exchange_calendars", "arch")


def loaded_by(arguments: list[str], folder: Path) -> set[str]:
    """Top-level modules that a command imports, measured in a process of its own."""
    script = (
        "import sys\n"
        "from admf.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    code = end.code\n"
        "print('LOADED', code, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, check=True)
    marker, code, *names = done.stdout.splitlines()[-1].split()
    assert (marker, code) == ("LOADED", "0"), done.stderr
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["version"],
        ["init", "--list"],
        ["init"],
        ["components"],
        ["schema"],
        ["list"],
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert not loaded_by(arguments, tmp_path).intersection(HEAVY)


def test_version(admf: Admf) -> None:
    assert f"admf      {package.__version__}" in admf("version").stdout
    assert json.loads(admf("version", "--json").stdout)["admf"] == package.__version__


def test_no_arguments_shows_the_help(admf: Admf) -> None:
    done = admf()
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: admf")


def test_components_of_one_kind(admf: Admf) -> None:
    done = admf("components", "strategy")
    assert done.returncode == 0
    assert "sma_cross" in done.stdout
    document = json.loads(admf("components", "strategy", "--json").stdout)
    names = {entry["name"] for entry in document["strategy"]}
    assert {"sma_cross", "buy_and_hold", "signals", "rules"} <= names


def test_one_component_is_shown_with_its_parameters(admf: Admf) -> None:
    assert "admf components KIND NAME" in admf("components", "strategy").stdout
    lines = [
        " ".join(line.split()) for line in admf("components", "strategy", "sma_cross").stdout.splitlines()
    ]
    assert "slow whole number 3 to 400 20 Bars of the slow average." in lines
    assert "must satisfy: fast < slow" in lines
    assert lines[-1] == "in a config: strategy: {name: sma_cross, params: {fast: 10, slow: 20}}"
    document = json.loads(admf("components", "allocation", "ensemble", "--json").stdout)
    (entry,) = document["allocation"]
    members, aggregation, _ = entry["parameters"]
    assert (members["name"], members["type"], members["required"]) == ("members", "list", True)
    assert aggregation["allowed"] == "weighted, majority, unanimous"
    assert "SMA(timeperiod=30)" in admf("components", "indicator", "SMA").stdout


def test_a_component_that_is_none_is_said_well(admf: Admf) -> None:
    done = admf("components", "strategy", "sma_kross")
    assert done.returncode == 2
    assert done.stderr == "error: no strategy is called 'sma_kross'\n  hint: did you mean 'sma_cross'?\n"
    assert "hint: admf components allocation ensemble" in admf("components", "ensemble").stderr


def test_every_talib_function_is_listed(admf: Admf) -> None:
    import talib

    document = json.loads(admf("components", "indicator", "--json").stdout)
    assert {entry["name"] for entry in document["indicator"]} >= set(talib.get_functions())
    shown = admf("components", "indicator").stdout
    assert "Bollinger Bands: BBANDS(timeperiod=" in shown
    assert "-> upperband, middleband, lowerband" in shown


def test_unknown_kind_says_what_there_is(admf: Admf) -> None:
    done = admf("components", "strategies")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: there is no kind of component 'strategies'; "
        "there is: allocation, capability, data_source, indicator, strategy, workflow\n"
        "  hint: did you mean 'strategy'?\n"
    )


def test_schema_is_one_json_schema(admf: Admf) -> None:
    import jsonschema

    document = json.loads(admf("schema").stdout)
    jsonschema.validators.validator_for(document).check_schema(document)
    assert "workflow" in document["properties"]


def test_wrong_command_line_is_exit_code_2_without_traceback(admf: Admf) -> None:
    done = admf("frobnicate")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: No such command 'frobnicate'.\n  hint: run `admf --help`, or --help behind the command\n"
    )


def test_wrong_command_line_is_json_where_json_is_asked_for(admf: Admf) -> None:
    done = admf("run", "--json")
    assert done.returncode == 2
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["error"] == "Missing argument 'CONFIG'."
    assert document["problems"] == []


def test_init_writes_a_template_and_refuses_to_overwrite(admf: Admf, tmp_path: Path) -> None:
    assert admf("init").returncode == 0
    text = (tmp_path / "backtest.yaml").read_text(encoding="utf-8")
    assert text.startswith("# A backtest")
    (tmp_path / "backtest.yaml").write_text("mine", encoding="utf-8")
    done = admf("init")
    assert done.returncode == 2
    assert done.stderr == (
        "error: backtest.yaml exists\n"
        "  hint: choose another name with --output, or overwrite it with --force\n"
    )
    assert (tmp_path / "backtest.yaml").read_text(encoding="utf-8") == "mine"
    assert admf("init", "--force").returncode == 0
    assert (tmp_path / "backtest.yaml").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["backtest.yaml"]


def test_init_of_an_unknown_template(admf: Admf) -> None:
    done = admf("init", "backtets")
    assert done.returncode == 2
    assert "'backtets'; there is: backtest, csv, own_strategy, portfolio, rules" in done.stderr
    assert "did you mean backtest?" in done.stderr


def test_init_into_a_folder_that_is_not_there(admf: Admf) -> None:
    done = admf("init", "--output", "nowhere/a.yaml")
    assert done.returncode == 2
    assert done.stderr == "error: there is no folder nowhere\n  hint: make it, or choose another --output\n"


def test_list_of_an_empty_store(admf: Admf, tmp_path: Path) -> None:
    done = admf("list", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["show", "report", "replay"])
def test_unknown_run(command: str, admf: Admf) -> None:
    done = admf(command, "nothing")
    assert done.returncode == 2
    assert done.stderr == "error: there are no runs in runs\n"


def test_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m admf schema | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, text=True, capture_output=True, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
