"""Reading YAML: safe, literal, and every fault with the message that a user sees."""

# ruff: noqa: E501 - messages and YAML stand in one piece, as a user sees them
from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from admf.core.config import load_config
from admf.core.config.yaml_loader import MAX_BYTES, read_text
from admf.errors import ConfigError

GOOD = """\
workflow:
  type: backtest
  backtest_config:
    strategy: {name: sma_cross}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(text: str | bytes, name: str = "c.yaml") -> str:
    """What a user sees of a file (in the working directory) that is wrong."""
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_config(name)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)


FAULTS = {
    "duplicate key": (
        GOOD + "  name: a\n  name: b\n",
        "c.yaml:6: workflow.name: stands here and in line 5\n    hint: keep one of them",
    ),
    "aliases that explode": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)),
        "c.yaml:1: holds more than 20000 values, aliases written out\n"
        "    hint: a config has no data in it: name a file or a block",
    ),
    "recursive anchor": (
        "workflow: &w\n  type: backtest\n  metadata: *w\n",
        "c.yaml:3: workflow.metadata: contains itself, through *w",
    ),
    "alias of nothing": (
        "workflow:\n  name: *x\n",
        "c.yaml:2: workflow.name: uses *x, but no &x stands before it",
    ),
    "python tag": (
        "workflow:\n  name: !!python/object/apply:os.system ['true']\n",
        "c.yaml:2: workflow.name: has a tag, and tags are not allowed\n"
        "    found: !!python/object/apply:os.system\n    hint: write the plain value",
    ),
    "merge key": (
        GOOD + "  metadata:\n    <<: {a: 1}\n",
        "c.yaml:6: workflow.metadata: merge keys (<<) are not supported\n"
        "    hint: write the keys out, or put them into a file and name it with extends",
    ),
    "nested too deeply": (
        "workflow:\n  metadata: " + "[" * 100 + "]" * 100,
        "c.yaml:2: workflow.metadata.0: is nested more than 32 levels deep",
    ),
    "integer of a thousand digits": (
        GOOD + "  random_seed: " + "1" * 1000 + "\n",
        "c.yaml:5: workflow.random_seed: is an integer of 1000 digits\n    allowed: up to 9223372036854775807",
    ),
    "key that is a number": (
        GOOD + "  metadata:\n    1: a\n",
        'c.yaml:6: workflow.metadata: has a key that is not text\n    found: 1\n    hint: write "1"',
    ),
    "key that is a list": (
        GOOD + "  metadata:\n    [1]: a\n",
        "c.yaml:6: workflow.metadata: has a key that is not text\n    found: a list, a mapping or an alias",
    ),
    "several documents": (
        GOOD + "---\na: 1\n",
        "c.yaml:5: starts a second document\n    allowed: one document in a file",
    ),
    "empty": ("", "c.yaml: is empty\n    hint: `admf init` writes a config to start from"),
    "only comments": (
        "# soon\n---\n",
        "c.yaml: is empty\n    hint: `admf init` writes a config to start from",
    ),
    "tab": (
        "workflow:\n\ttype: backtest\n",
        "c.yaml:2: has a tab where YAML wants spaces\n    hint: indent with spaces",
    ),
    "two colons": (
        "workflow:\n  type: a: b\n",
        "c.yaml:2: has a ':' where none can stand\n    hint: here or in the line above: one key a line, "
        'equally indented; quotes around text that holds ": "',
    ),
    "open quote": (
        "workflow:\n  name: 'x\n  type: y\n",
        "c.yaml:2: has a quoted text that does not end\n    hint: close the quotes",
    ),
    "open bracket": (
        "workflow:\n  a: [1, 2\n  b: 3\n",
        "c.yaml:2: has a [ or { that does not end, or a comma is missing\n    hint: close it",
    ),
    "open brace at the end": (
        "workflow:\n  a: {b: 2,\n",
        "c.yaml:3: has no value where one must stand\n"
        "    hint: close the [ or { before it, or put the text in quotes",
    ),
    "indentation": (
        "workflow:\n    type: backtest\n  name: x\n",
        "c.yaml:3: has a line that does not fit the indentation above it\n"
        "    hint: indent the keys of a section equally",
    ),
    "reserved sign": (
        "workflow:\n  name: @x\n",
        "c.yaml:2: has a value that starts with a sign that means something else in YAML\n"
        '    hint: put it in quotes: "..."',
    ),
    "control character": (
        "workflow:\n  name: \x07\n",
        "c.yaml:2: has a character that cannot stand in YAML\n    found: U+0007",
    ),
    "not UTF-8": (
        b"workflow:\n  name: \xff\n",
        "c.yaml:2: is not UTF-8\n    found: byte 0xff\n    hint: save it as UTF-8",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "c.yaml:1: is UTF-16\n    hint: save it as UTF-8"),
    "binary": (b"PAR1\n\0\1", "c.yaml:2: is a binary file, not YAML text"),
    "too large": (
        b"#" * (MAX_BYTES + 1),
        "c.yaml: is larger than 1000000 bytes, the limit for a config",
    ),
    "very long line": (
        "a: " + "x" * 30_000,
        "c.yaml:1: has a line of 30003 characters\n    allowed: 20000",
    ),
    "a list": (
        "- a\n",
        'c.yaml:1: must be a mapping\n    found: a list of 1\n    allowed: "workflow:" with the keys below it, indented',
    ),
    "no workflow": (
        "workflw:\n  type: backtest\n",
        "c.yaml:1: workflw: is an unknown key\n    allowed: workflow, extends\n    hint: did you mean workflow?",
    ),
    "empty workflow": (
        "workflow:\n",
        "c.yaml:1: workflow: must be a section\n    found: null (nothing)\n    allowed: lines of key: value",
    ),
    "beside workflow": (
        GOOD + "name: x\n",
        "c.yaml:5: name: is an unknown key\n    allowed: workflow, extends\n    hint: name stands below workflow",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_says_where_and_what(fault: str, folder: Path) -> None:
    text, expected = FAULTS[fault]
    assert message(text) == f"c.yaml has 1 problem\n  {expected}"


def test_all_faults_of_a_file_come_at_once(folder: Path) -> None:
    text = "a: 1\na: 2\nb: !x 1\n3: 4\nc: 99999999999999999999\n"
    assert [line.split(":")[1] for line in message(text).splitlines() if "c.yaml:" in line] == list("2345")


def test_files_that_cannot_be_read(folder: Path) -> None:
    Path("backtest.yaml").write_text(GOOD)
    Path("data").mkdir()
    expected = {
        "backtst.yaml": "backtst.yaml: there is no such file\n    hint: did you mean backtest.yaml?",
        "nowhere/x.yaml": "nowhere/x.yaml: there is no such file",
        "data": "data: is a directory, not a file",
        "x\0y": "x\0y: cannot be read: embedded null byte",
    }
    for name, text in expected.items():
        with pytest.raises(ConfigError) as caught:
            load_config(name)
        assert str(caught.value) == f"{name} has 1 problem\n  {text}"


def test_a_file_without_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    Path("c.yaml").write_text(GOOD)
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(ConfigError) as caught:
        load_config("c.yaml")
    assert str(caught.value) == "c.yaml has 1 problem\n  c.yaml: may not be read: permission denied"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("0o7", "0o7"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2023-01-01", "2023-01-01"),
        ("1.2.3", "1.2.3"),
        ("'5'", "5"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("5", 5),
        ("-5", -5),
        ("+0", 0),
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E+3", -1500.0),
        (".inf", float("inf")),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    read = read_text(f"key: {text}\n").data["key"]
    assert read == value
    assert type(read) is type(value)


def test_an_alias_is_a_copy_with_the_line_of_its_anchor() -> None:
    document = read_text("a: &x {p: 1}\nb:\n  c: *x\n")
    assert document.data == {"a": {"p": 1}, "b": {"c": {"p": 1}}}
    assert document.data["a"] is not document.data["b"]["c"]
    assert {path: mark.line for path, mark in document.marks.items()} == {
        (): 1,
        ("a",): 1,
        ("a", "p"): 1,
        ("b",): 2,
        ("b", "c"): 3,
        ("b", "c", "p"): 1,
    }


@pytest.mark.parametrize(
    "unit",
    [
        "[\n",
        "- \n",
        "- - - - -\n",
        "? a\n",
        "{a: [b],\n",
        "*a,\n",
        "&a x\n",
        "k: v\n",
        "\n",
        "'\n",
        "x ",
        "# c\n",
        "---\n",
    ],
)
def test_no_text_takes_long(unit: str) -> None:
    text = "a: &a x\nb: [" + unit * (50_000 // len(unit)) if unit == "*a,\n" else unit * (50_000 // len(unit))
    start = time.perf_counter()
    with contextlib.suppress(ConfigError):
        read_text(text)
    assert time.perf_counter() - start < 20
