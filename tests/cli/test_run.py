"""`run`, `replay` and what reads their results: exit codes, streams, the one JSON document."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from admf.cli import main
from admf.errors import Problem

ROOT = Path(__file__).resolve().parents[2]
BACKTEST = str(ROOT / "examples" / "backtest.yaml")


class Shell:
    """Commands in this process, so that one server and one import of Prefect serve all tests."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = self.capsys.readouterr()
        return int(str(end.value.code)), captured.out, captured.err


@pytest.fixture
def shell(
    prefect_server: None, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    return Shell(capsys)


def test_run_shows_a_table_on_stdout_and_progress_on_stderr(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("run", BACKTEST)
    assert code == 0, err
    assert re.match(
        r"SMA crossover on the S&P 500: completed in [\d.]+ s; [\d.]+ s with the start of Python", out
    )
    assert err.startswith(f"{BACKTEST}: starting; Prefect and its server take a while\n")
    for text in (
        "strategy",
        "sma_cross(fast=50, slow=200) on SP500",
        "Total return",
        "Sharpe ratio",
        "digest",
    ):
        assert text in out
    assert "report.html" in out
    for phase in ("initialization", "data_preparation", "computation", "aggregation", "finalization"):
        assert phase in err
        assert phase not in out
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert (folder / "report.html").is_file()


def test_the_first_line_comes_before_what_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: object, **__: object) -> list[Problem]:
        seen.append(capsys.readouterr().err)
        return [Problem("workflow", "is refused by this test")]

    seen: list[str] = []
    monkeypatch.setattr("admf.simulation.check.check_workflow", check)
    with pytest.raises(SystemExit):
        main(["run", BACKTEST])
    assert seen[0].startswith(f"{BACKTEST}: starting; ")
    assert "is refused by this test" in capsys.readouterr().err


def test_json_is_one_document_and_the_stored_one(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("run", BACKTEST, "--json", "--set", "output.report=false")
    assert code == 0
    document = json.loads(out)
    assert document["success"] is True
    assert document["status"] == "completed"
    assert len(document["digest"]) == 64
    assert list(document["phase_results"]) == [
        "initialization",
        "data_preparation",
        "computation",
        "aggregation",
        "finalization",
    ]
    code, stored, _ = shell("show", document["workflow_id"], "--json")
    assert code == 0
    assert json.loads(stored) == document
    code, out, _ = shell("list", "--json")
    assert [entry["id"] for entry in json.loads(out)] == [document["workflow_id"]]
    code, out, err = shell("report", "latest")
    assert code == 2
    assert "has no report" in err


def test_stored_runs_are_shown_listed_and_replayed(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell("run", BACKTEST, "--json")
    assert code == 0
    run = json.loads(out)["workflow_id"]
    code, out, _ = shell("show", "latest")
    assert code == 0
    assert run in out
    assert "Sharpe ratio" in out
    code, out, _ = shell("list")
    assert code == 0
    assert run in out
    code, out, _ = shell("report", run)
    assert code == 0
    assert Path(out.strip()).is_file()
    code, out, _ = shell("replay", run, "--json")
    assert code == 0
    report = json.loads(out)
    assert report["reproduced"] is True
    assert report["original"] == run
    code, out, _ = shell("replay", run)
    assert code == 0
    assert out.startswith("reproduced: the digests are equal")


def test_replay_of_a_changed_result_is_exit_code_1(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text((ROOT / "examples/data/signals.csv").read_text("utf-8"), "utf-8")
    shell("init", "csv")
    code, out, err = shell("run", "csv.yaml", "--json")
    assert code == 0, out + err
    rows = (tmp_path / "prices.csv").read_text("utf-8").splitlines()
    (tmp_path / "prices.csv").write_text("\n".join(rows[:-40]) + "\n", "utf-8")
    code, out, _ = shell("replay", "latest")
    assert code == 1
    assert out.startswith("NOT reproduced: the digests differ")
    assert "data" in out


def test_replay_names_the_module_of_the_user_that_differs(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "class Dip:\n    def on_bar(close): return 1.0 if close < 1300.0 else 0.0\n"
    (tmp_path / "own_replayed.py").write_text(text, "utf-8")
    key = "backtest_config.strategy={name: 'own_replayed:Dip'}"
    code, out, err = shell("run", BACKTEST, "--json", "--set", key, "--allow-module", "own_replayed")
    assert code == 0, out + err
    run = Path(json.loads(out)["run_folder"])
    assert (run / "code" / "own_replayed.py").read_text("utf-8") == text
    was = json.loads((run / "manifest.json").read_text("utf-8"))["code"]["modules"]["own_replayed"]
    assert was == sha256(text.encode()).hexdigest()
    changed = text.replace("1300.0", "800.0")
    (tmp_path / "own_replayed.py").write_text(changed, "utf-8")
    monkeypatch.delitem(sys.modules, "own_replayed")  # as in a process of its own
    code, out, _ = shell("replay", "latest")
    assert code == 1
    now = sha256(changed.encode()).hexdigest()
    assert f"differs code: own_replayed was {was[:12]}..., is {now[:12]}..." in " ".join(out.split())


def test_a_workflow_that_fails_is_exit_code_1_and_a_result(shell: Shell, tmp_path: Path) -> None:
    code, out, _ = shell(
        "run", BACKTEST, "--json", "--set", "data_config={source: csv, path: no.csv, symbols: [A]}"
    )
    assert code == 1
    document = json.loads(out)
    assert document["success"] is False
    assert document["status"] == "failed"
    assert "no.csv" in document["errors"][0]
    code, out, _ = shell("show", "latest")
    assert code == 0
    assert "error: " in out


def test_a_wrong_config_is_exit_code_2_and_creates_nothing(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("run", BACKTEST, "--set", "backtest_config.inital_cash=5")
    assert (code, out) == (2, "")
    assert "workflow.backtest_config.inital_cash" in err
    assert "did you mean" in err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_strategy_is_exit_code_2_and_creates_nothing(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("run", BACKTEST, "--set", "backtest_config.strategy.params.fast=300")
    assert (code, out) == (2, "")
    assert "workflow.backtest_config.strategy.params.fast: must be from 2 to 200; found 300" in err
    assert list(tmp_path.iterdir()) == []


def test_what_a_strategy_prints_does_not_spoil_the_document(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "print('loud')\nclass Always:\n    def on_bar(close): return 1.0\n", encoding="utf-8"
    )
    key = "backtest_config.strategy={name: 'loud:Always'}"
    code, out, err = shell("run", BACKTEST, "--json", "--set", key, "--allow-module", "loud")
    assert code == 0, out + err
    assert json.loads(out)["success"] is True
    assert "loud" in err


def test_log_level_of_the_config_brings_detail_to_stderr(shell: Shell) -> None:
    code, out, err = shell("run", BACKTEST, "--json", "--set", "log_level=DEBUG")
    assert code == 0, err
    assert json.loads(out)["success"] is True
    assert "DEBUG phase computation starts" in err
    code, _, err = shell("run", BACKTEST, "--json")
    assert code == 0
    assert "DEBUG" not in err


def test_the_first_compilation_is_told_and_the_next_run_is_silent(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from admf.simulation import compile as compiling

    monkeypatch.setenv("ADMF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "SLOW_SECONDS", 0.5)  # a kernel of the basic engine takes some seconds
    told = []
    for _ in range(2):
        monkeypatch.setattr(compiling, "_kernels", {})
        code, _, err = shell("run", BACKTEST, "--set", "output.report=false")
        assert code == 0, err
        told.append([line.strip() for line in err.splitlines() if "compil" in line])
    assert told[0][0] == "compiling strategy sma_cross for these settings, once: later runs load it"
    assert len(set(told[0])) == len(told[0])  # a line for each compilation
    assert {line.split()[0] for line in told[0]} == {"compiling"}
    assert told[1] == []


def test_a_failure_is_told_once_and_without_the_log_of_prefect(
    admf: Callable[..., "subprocess.CompletedProcess[str]"], prefect_server: None
) -> None:
    from prefect.settings import PREFECT_API_URL

    data = "data_config={source: csv, path: no.csv, symbols: [A]}"
    done = admf("run", BACKTEST, "--set", data, env={"PREFECT_API_URL": str(PREFECT_API_URL.value())})
    assert done.returncode == 1
    assert "error: no.csv does not exist" in done.stdout
    assert done.stderr == f"{BACKTEST}: starting; Prefect and its server take a while\n"


def test_a_name_cannot_steer_the_terminal(shell: Shell) -> None:
    code, out, err = shell("run", BACKTEST, "--set", "name='[red]X[/red] :smile:'")
    assert code == 0, err
    assert out.startswith("[red]X[/red] :smile:: completed")
    (file,) = Path("runs").glob("*/result.json")
    stored = json.loads(file.read_text("utf-8"))
    stored["warnings"] = ["\x1b[2J\x1b]0;title\x07"]
    file.write_text(json.dumps(stored), "utf-8")
    code, out, _ = shell("show", "latest")
    assert code == 0
    assert out.startswith("[red]X[/red] :smile:: completed")
    assert r"warning: \x1b[2J\x1b]0;title\x07" in out


def test_a_wrong_config_does_not_load_prefect(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom admf.cli import main\n"
        "try:\n    main(['run', 'missing.yaml'])\n"
        "except SystemExit as end:\n    print(end.code, 'prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, text=True, capture_output=True, check=True
    )
    assert done.stdout.split() == ["2", "False"]


def test_store_is_found_by_option_and_environment(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = shell("run", BACKTEST, "--json", "--set", "output.directory=elsewhere")
    run = json.loads(out)["workflow_id"]
    assert shell("show", run)[0] == 2
    assert shell("show", run, "--store", "elsewhere")[0] == 0
    monkeypatch.setenv("ADMF_STORE", "elsewhere")
    assert shell("show", run)[0] == 0


def test_interrupt_ends_the_run_in_order(tmp_path: Path, prefect_server: None) -> None:
    from prefect.settings import PREFECT_API_URL

    (tmp_path / "slow.py").write_text(
        "import time\n"
        "class Slow:\n"
        "    def on_bar(self, close):\n"
        "        time.sleep(0.002)\n"
        "        return 1.0\n",
        encoding="utf-8",
    )
    key = "backtest_config.strategy={name: 'slow:Slow'}"
    command = [
        sys.executable,
        "-m",
        "admf",
        "run",
        BACKTEST,
        "--set",
        key,
        "--allow-module",
        "slow",
        "--json",
    ]
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "data_preparation" in line:
            break
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert json.loads(out)["error"] == "interrupted"
    assert "Traceback" not in err
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert json.loads((folder / "result.json").read_text("utf-8"))["status"] == "cancelled"
