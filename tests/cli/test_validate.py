"""The dry run: what it says, that it finds every problem at once, and that it executes nothing."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKTEST = ROOT / "examples" / "backtest.yaml"


def test_says_what_a_run_would_do_and_writes_nothing(admf: Callable, tmp_path: Path) -> None:
    done = admf("validate", BACKTEST)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"{BACKTEST}: ok; nothing was executed\n")
    for text in ("SP500: 5,031 bars of 1d, 1999-01-04 to 2018-12-31", "sma_cross(fast=50, slow=200)", "SMA"):
        assert text in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_names_data_strategy_and_cost(admf: Callable) -> None:
    document = json.loads(admf("validate", BACKTEST, "--json").stdout)
    assert document["ok"] is True
    assert document["data"][0]["bars"] == 5031
    assert len(document["data"][0]["fingerprint"]) == 64
    assert document["strategy"]["params"]["fast"] == 50
    assert set(document["components"]) == {"data source", "task runner", "strategy"}
    assert 0 < document["estimate"]["seconds"] < 60
    assert 1e6 < document["estimate"]["bytes"] < 1e10
    assert document["simulated"]["bars"] == 5031


def test_more_bars_are_estimated_to_cost_more(admf: Callable, tmp_path: Path, random_frame: Callable) -> None:
    def cost(bars: int) -> dict[str, float]:
        random_frame(1, bars).to_csv(tmp_path / "prices.csv", index_label="date")
        done = admf("validate", "csv.yaml", "--json")
        assert done.returncode == 0, done.stdout
        estimate: dict[str, float] = json.loads(done.stdout)["estimate"]
        return estimate

    assert admf("init", "csv").returncode == 0
    small, large = cost(500), cost(20_000)
    assert large["seconds"] > small["seconds"]
    assert large["bytes"] > small["bytes"]


def test_overrides_reach_the_config(admf: Callable) -> None:
    key = "backtest_config.strategy.params.fast=20"
    document = json.loads(admf("validate", BACKTEST, "--set", key, "--json").stdout)
    assert document["strategy"]["params"]["fast"] == 20


def test_every_problem_of_data_and_strategy_at_once(admf: Callable, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "workflow:\n"
        "  type: backtest\n"
        "  data_config:\n"
        "    source: csv\n"
        "    path: missing.csv\n"
        "    symbols: [A]\n"
        "  backtest_config:\n"
        "    strategy:\n"
        "      name: sma_cross\n"
        "      params: {fast: 0, slwo: 50}\n",
        encoding="utf-8",
    )
    done = admf("validate", "bad.yaml", "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    lines = {problem["path"]: problem["line"] for problem in document["problems"]}
    assert lines["workflow.data_config.path"] == 5
    assert lines["workflow.backtest_config.strategy.params.fast"] == 10
    assert lines["workflow.backtest_config.strategy.params.slwo"] == 10
    shown = admf("validate", "bad.yaml")
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert "missing.csv" in shown.stderr
    assert "did you mean" in shown.stderr


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_fault_of_the_schema_hides_no_name_and_no_data(
    command: str, admf: Callable, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(
        "workflow:\n"
        "  type: backtset\n"
        "  log_level: LOUD\n"
        "  data_config: {source: csv, path: missing.csv, symbols: [A], timezone: Berlin}\n"
        "  backtest_config:\n"
        "    strategy: {name: sma_crss}\n"
        "    costs: {commission_bps: -1, slipage_bps: 2}\n",
        encoding="utf-8",
    )
    done = admf(command, "bad.yaml", "--json")
    assert done.returncode == 2
    found = [(problem["line"], problem["path"]) for problem in json.loads(done.stdout)["problems"]]
    assert found == [
        (2, "workflow.type"),
        (3, "workflow.log_level"),
        (4, "workflow.data_config.timezone"),
        (4, "workflow.data_config.path"),
        (6, "workflow.backtest_config.strategy.name"),
        (7, "workflow.backtest_config.costs.commission_bps"),
        (7, "workflow.backtest_config.costs.slipage_bps"),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_an_unknown_name_hides_no_missing_file_from_a_run(admf: Callable) -> None:
    keys = ("data_config={source: csv, path: no.csv, symbols: [A]}", "backtest_config.strategy={name: x}")
    done = admf("run", BACKTEST, "--set", keys[0], "--set", keys[1])
    assert done.returncode == 2
    assert "workflow.data_config.path: no.csv does not exist" in done.stderr
    assert "workflow.backtest_config.strategy.name: no strategy is called 'x'" in done.stderr


def test_a_missing_file_and_an_unknown_calendar_are_two_problems(admf: Callable, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "workflow:\n"
        "  type: backtest\n"
        "  data_config:\n"
        "    source: csv\n"
        "    path: missing.csv\n"
        "    symbols: [A]\n"
        "    calendar: XNYZ\n"
        "  backtest_config:\n"
        "    strategy: {name: sma_cross}\n",
        encoding="utf-8",
    )
    document = json.loads(admf("validate", "bad.yaml", "--json").stdout)
    assert [(each["line"], each["path"], each["message"]) for each in document["problems"]] == [
        (5, "workflow.data_config.path", "missing.csv does not exist"),
        (7, "workflow.data_config.calendar", "'XNYZ' is no exchange calendar; did you mean 'XNYS'?"),
    ]
    lines = admf("validate", "bad.yaml").stderr.splitlines()
    assert lines[:3] == [
        "error: bad.yaml has 2 problems",
        "  bad.yaml:5: workflow.data_config.path: missing.csv does not exist",
        "  bad.yaml:7: workflow.data_config.calendar: 'XNYZ' is no exchange calendar; did you mean 'XNYS'?",
    ]


def test_an_option_that_names_the_key_is_not_followed_by_it(admf: Callable) -> None:
    for prefix in ("", "workflow."):
        key = f"{prefix}backtest_config.strategy.params.fst"
        lines = admf("validate", BACKTEST, "--set", f"{key}=3").stderr.splitlines()
        assert (
            lines[1]
            == "  --set workflow.backtest_config.strategy.params.fst: is no parameter of this strategy"
        )


def test_a_backtest_of_two_symbols_is_refused(admf: Callable) -> None:
    done = admf("validate", BACKTEST, "--set", "data_config.symbols=[SP500, NASDAQ]")
    assert done.returncode == 2
    assert "workflow.data_config.symbols: a strategy runs on one symbol" in done.stderr
    assert "write portfolio in place of strategy" in done.stderr
    assert "found: SP500, NASDAQ" in done.stderr


def test_memory_limit_is_compared_with_the_estimate(admf: Callable) -> None:
    done = admf("validate", BACKTEST, "--set", "infrastructure_config.memory_limit_mb=64")
    assert done.returncode == 2
    assert (
        "workflow.infrastructure_config.memory_limit_mb: the run is estimated to need more memory"
        in done.stderr
    )


def test_a_module_runs_only_where_it_is_allowed(admf: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "open('executed', 'w').close()\nclass Always:\n    def on_bar(close): return 1.0\n",
        encoding="utf-8",
    )
    key = ("--set", "backtest_config.strategy={name: 'mine:Always'}")
    refused = admf("validate", BACKTEST, *key)
    assert refused.returncode == 2
    assert "mine" in refused.stderr
    assert not (tmp_path / "executed").exists()
    allowed = admf("validate", BACKTEST, *key, "--allow-module", "mine")
    assert allowed.returncode == 0, allowed.stderr
    assert (tmp_path / "executed").exists()


def test_a_block_is_named_as_unchecked(admf: Callable) -> None:
    done = admf("validate", BACKTEST, "--set", "data_config.source=block:prices", "--json")
    assert done.returncode == 0, done.stdout
    assert "block:prices is looked up when the run starts" in json.loads(done.stdout)["notes"][0]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_config_that_cannot_be_read(name: str, admf: Callable) -> None:
    done = admf("validate", name)
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_finer_bars_are_checked_and_told(admf: Callable, tmp_path: Path, random_frame: Callable) -> None:
    hours = random_frame(1, 600, "1h")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    hours.to_csv(tmp_path / "hours.csv", index_label="time")
    hours.resample("D").agg(how).to_csv(tmp_path / "days.csv", index_label="time")
    text = (
        "workflow:\n"
        "  type: backtest\n"
        "  data_config: {source: csv, path: days.csv, symbols: [X],\n"
        "    finer: {path: hours.csv, timeframe: 1h}}\n"
        "  backtest_config: {strategy: {name: buy_and_hold}}\n"
    )
    (tmp_path / "finer.yaml").write_text(text)
    done = admf("validate", "finer.yaml", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)["data"]
    assert [(each["symbol"], each["timeframe"], each["bars"]) for each in data] == [
        ("X", "1d", 25),
        ("X", "1h", 600),
    ]
    assert "X: 600 bars of 1h" in admf("validate", "finer.yaml").stdout
    (tmp_path / "hours.csv").rename(tmp_path / "hour.csv")
    failed = admf("validate", "finer.yaml")
    assert failed.returncode != 0
    assert "finer bars: hours.csv does not exist" in failed.stderr
    assert "did you mean 'hour.csv'?" in failed.stderr


def test_bars_a_year_that_are_not_those_of_the_data_are_noted(
    admf: Callable, tmp_path: Path, random_frame: Callable
) -> None:
    random_frame(1, 800).to_csv(tmp_path / "prices.csv", index_label="date")
    data = "data_config={source: csv, path: prices.csv, symbols: [A]}"
    portfolio = "backtest_config={portfolio: {allocation: {name: equal_weight}}}"
    for more in ([], ["--set", portfolio]):
        done = admf("validate", BACKTEST, "--json", "--set", data, *more)
        (note,) = json.loads(done.stdout)["notes"]
        assert note.startswith("annual figures use 252 bars a year, and the data have 261 in a calendar year")
    done = admf("validate", BACKTEST, "--json")
    assert json.loads(done.stdout)["notes"] == []


def test_what_modules_do_at_exit_is_done(admf: Callable, tmp_path: Path) -> None:
    """The process leaves without taking modules down, but after all of their handlers."""
    (tmp_path / "mine.py").write_text(
        "import atexit, sys\natexit.register(lambda: sys.stderr.write('bye'))\n"
        "class Kept:\n    def __del__(self): sys.stderr.write('taken down')\nkept = Kept()\n"
        "class Always:\n    def on_bar(close): return 1.0\n",
        encoding="utf-8",
    )
    chosen = ["--set", "backtest_config.strategy={name: 'mine:Always'}", "--allow-module", "mine"]
    done = admf(
        "validate", BACKTEST, *chosen, env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    )
    assert (done.returncode, done.stderr) == (0, "bye"), done.stderr
    wrong = admf("validate", BACKTEST, *chosen, "--set", "log_level=LOUD")
    assert wrong.returncode == 2
