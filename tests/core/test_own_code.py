from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from admf.core.config import parse_config
from admf.core.manifest import Manifest, compare_manifests
from admf.core.modules import import_allowed
from admf.core.own_code import own_modules
from admf.core.registry import registry_of
from admf.core.runs import RunStore

STRATEGY = """import math
import numpy
from own_helpers import LIMIT
class Dip:
    def on_bar(close):
        return 1.0 if close < LIMIT else math.nan
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], bytes]]:
    """Write a module into the working folder; those that are imported are forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)

    def work(name: str, text: str) -> bytes:
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return path.read_bytes()

    yield work
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def test_a_module_comes_with_those_of_the_user_that_it_imports(write: Callable[[str, str], bytes]) -> None:
    helpers, strategy = write("own_helpers", "LIMIT = 3.0\n"), write("own_dip", STRATEGY)
    config = {"strategy": {"name": "own_dip:Dip"}}
    assert own_modules(config, ["own_dip"]) == {}  # not imported yet
    import_allowed("own_dip")
    found = own_modules(config, ["own_dip"])
    assert {name: source.content for name, source in found.items()} == {
        "own_dip": strategy,
        "own_helpers": helpers,
    }
    assert found["own_dip"].sha256 == sha256(strategy).hexdigest()
    assert own_modules(config, []) == {}  # an address alone allows nothing
    assert own_modules({"strategy": {"name": "sma_cross"}}, []) == {}


def test_the_source_is_that_of_the_import_until_it_is_imported_again(
    write: Callable[[str, str], bytes],
) -> None:
    first = write("own_edited", "LIMIT = 3.0\n")
    module = import_allowed("own_edited")
    second = write("own_edited", "LIMIT = 4000.0\n")
    assert own_modules({}, ["own_edited"])["own_edited"].content == first
    importlib.reload(module)
    assert own_modules({}, ["own_edited"])["own_edited"].content == second


def test_modules_of_a_package_and_of_registered_names_count(write: Callable[[str, str], bytes]) -> None:
    for name, text in (
        ("own_pack.__init__", ""),
        ("own_pack.parts", "LENGTH = 5\n"),
        ("own_pack.dip", "from .parts import LENGTH\nfrom . import parts\nclass Dip:\n    pass\n"),
    ):
        write(name, text)
    dip = import_allowed("own_pack.dip")
    found = own_modules({"name": "own_pack.dip:Dip"}, ["own_pack"])
    assert list(found) == ["own_pack", "own_pack.dip", "own_pack.parts"]
    registry_of("strategy").add("own_registered_dip", dip.Dip)
    try:
        found = own_modules({"members": [{"name": "own_registered_dip"}]})
    finally:
        registry_of("strategy").remove("own_registered_dip")
    assert "own_pack.dip" in found


def test_a_run_keeps_hash_and_copy_without_what_came_from_the_environment(
    write: Callable[[str, str], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_TOKEN", "very-secret-word")
    content = write(
        "own_token", "TOKEN = 'very-secret-word'\nclass Dip:\n    def on_bar(close): return 1.0\n"
    )
    config = parse_config(
        {
            "type": "backtest",
            "name": "${OWN_TOKEN}",
            "allow_modules": ["own_token"],
            "backtest_config": {"strategy": {"name": "own_token:Dip"}},
        }
    )
    import_allowed("own_token")
    run = RunStore(tmp_path / "runs").create(config)
    run.record_code(config)
    assert run.manifest["code"]["modules"] == {"own_token": sha256(content).hexdigest()}
    assert (run.path / "code" / "own_token.py").read_text("utf-8") == (
        content.decode().replace("very-secret-word", "${OWN_TOKEN}")
    )
    before = run.manifest
    run.record_code(config)
    assert run.manifest == before


def test_a_module_that_differs_is_told() -> None:
    before = Manifest.begin("a").model_dump(mode="json")
    before["code"]["modules"] = {"mine": "a" * 64, "old": "c" * 64}
    after = {**before, "code": {**before["code"], "modules": {"mine": "b" * 64}}}
    assert compare_manifests(before, after) == [
        "code: mine was aaaaaaaaaaaa..., is bbbbbbbbbbbb...",
        "code: old was cccccccccccc..., is absent",
    ]
