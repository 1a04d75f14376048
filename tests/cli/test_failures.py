"""What reaches the user when something goes wrong."""

import json
import math
from pathlib import Path

import pytest

from admf.cli.failures import guarded
from admf.cli.output import jsonable, plain
from admf.errors import ConfigError, DataError, Problem, RunNotFoundError, WorkflowError


def failing(error: BaseException) -> object:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([Problem("a.b", "is wrong")]), 2),
        (RunNotFoundError("no run"), 2),
        (DataError("bad bars"), 1),
        (WorkflowError("it failed"), 1),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("a fault"), 1),
        (PermissionError(13, "Permission denied", "x.yaml"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes_and_one_json_document(
    error: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(failing(error), as_json=True) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    assert set(json.loads(captured.out)) == {"error", "kind", "hint", "problems"}


def test_config_problems_are_all_told(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem("workflow.a", "unknown key", line=3, file="c.yaml", hint="did you mean b?"),
        Problem("workflow.c", "must be a number", line=4, file="c.yaml", found="'x'", allowed="a number"),
    ]
    assert guarded(failing(ConfigError(problems, "c.yaml")), as_json=False) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: c.yaml has 2 problems\n"
        "  c.yaml:3: workflow.a: unknown key\n"
        "    hint: did you mean b?\n"
        "  c.yaml:4: workflow.c: must be a number\n"
        "    found: 'x'\n"
        "    allowed: a number\n"
    )
    guarded(failing(ConfigError(problems, "c.yaml")), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [problem["line"] for problem in document["problems"]] == [3, 4]


def test_a_fault_of_ours_leaves_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(failing(ZeroDivisionError("a fault")), as_json=False) == 1
    shown = capsys.readouterr().err
    (file,) = tmp_path.iterdir()
    assert shown == (
        "error: unexpected ZeroDivisionError: a fault\n"
        f"  hint: this is a fault of admf; its traceback is in {file}\n"
    )
    assert "Traceback (most recent call last)" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0


def test_names_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07 [bold]b[/bold] \u202egnol\r:smile:"
    assert guarded(failing(DataError(hostile)), as_json=False) == 1
    shown = capsys.readouterr().err
    assert shown == ("error: \\x1b[31mred\\x1b]0;title\\x07 [bold]b[/bold] \\u202egnol\\r:smile:\n")
    assert plain("two\nlines") == "two\nlines"


def test_json_has_no_nan() -> None:
    document = {"a": math.nan, "b": [math.inf, 1.5], "c": Path("x"), "d": (True, None, 2)}
    assert jsonable(document) == {"a": None, "b": [None, 1.5], "c": "x", "d": [True, None, 2]}
