"""docs/acceptance.md names tests that exist, and leaves out no row of the specification's list."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
SPECIFICATION = ROOT.parent / "shared" / "spec" / "ACCEPTANCE.md"
ROW = re.compile(r"^\| (.+?) \| (shown|part|open) \| (.*) \|$", flags=re.MULTILINE)
NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 50
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in functions_of(ROOT / path)
    ]
    assert missing == []


def test_what_is_shown_names_a_test_and_what_is_open_says_so() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 40
    for promise, state, shown_by in rows:
        assert state == "open" or NAMED.search(shown_by), promise
        assert state != "part" or not shown_by.endswith("`"), f"{promise}: a part needs a note"


def test_every_row_of_the_specification_is_there() -> None:
    if not SPECIFICATION.is_file():
        pytest.skip("the specification (../shared/spec beside the project) is not on this machine")
    lines = SPECIFICATION.read_text(encoding="utf-8").splitlines()
    promised = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    promised = [promise for promise in promised if promise not in ("specification", "card")]
    here = {promise for promise, _, _ in ROW.findall(PAGE)}
    assert [promise for promise in promised if promise not in here] == []
