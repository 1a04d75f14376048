"""What the README tells the reader to type works."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import admf
from admf.core.config import parse_config

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_shell_blocks_hold_make_targets_and_admf_commands() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {words[0] for words in commands()} == {"make", "admf"}
    targets = [words[1] for words in commands() if words[0] == "make"]
    assert targets == ["run", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    assert "$(BIN)/admf run examples/backtest.yaml" in makefile


def test_admf_commands_run_in_the_order_of_the_readme(clone: Path, prefect_api: dict[str, str]) -> None:
    environment = {**os.environ, **prefect_api}
    ran = set()
    for words in commands():
        if words[0] != "admf":
            continue
        command = [sys.executable, "-m", *words]
        done = subprocess.run(
            command, cwd=clone, env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        ran.add(words[1])
    assert ran >= {"run", "validate", "show", "list", "replay", "report", "components", "schema", "init"}


def test_python_blocks_run(clone: Path, prefect_api: dict[str, str]) -> None:
    found = blocks("python")
    assert len(found) == 4
    shown = "\nassert result.metrics and len(result.trades) and len(result.equity)\nresult.plot()\n"
    same = "\nassert again.metrics['sharpe_ratio'] == best.metrics['sharpe_ratio']\n"
    run = "\nimport admf\nassert len(admf.simulate(admf.load_bars('sample:SP500'), Pullback).trades)\n"
    for script in (found[0] + shown + found[1] + same, found[2], found[3] + run):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=clone,
            env={**os.environ, **prefect_api},
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_config_that_is_explained_is_the_example() -> None:
    import yaml

    block, *_ = blocks("yaml")
    example = (ROOT / "examples" / "backtest.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(block) == yaml.safe_load(example)
    parse_config(yaml.safe_load(block))


def test_the_preset_that_is_shown_runs() -> None:
    import yaml

    from admf.core.config import preset_names
    from admf.market import load_market_data
    from admf.simulation import run_backtest

    _, block, _ = blocks("yaml")
    config = parse_config(yaml.safe_load(block))
    (bars,) = load_market_data(config.data_config).values()
    assert {finding.severity for finding in bars.findings} == {"info"}
    costs = config.backtest_config.costs
    assert (costs.slippage_bps, costs.commission_per_unit) == (5, 0.005)
    assert len(run_backtest(bars, config.backtest_config).trades) > 10
    for name in preset_names():
        assert f"`{name}`" in README


@pytest.mark.parametrize("name", ["config", "metrics", "components"])
def test_pages_of_keys_metrics_and_components_are_those_of_the_code(name: str) -> None:
    script = f"import runpy, sys; sys.stdout.write(runpy.run_path('docs/make_{name}_page.py')['page']())"
    done = subprocess.run(  # a process of its own: tests register workflow types
        [sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page == done.stdout, f"run python docs/make_{name}_page.py"
    assert f"[docs/{name}.md](docs/{name}.md)" in README


def test_rules_that_are_shown_run() -> None:
    import yaml

    *_, block = blocks("yaml")
    strategy = yaml.safe_load(block)["strategy"]
    result = admf.simulate(admf.load_bars("sample:SP500"), strategy["name"], strategy["params"])
    assert result.compiled
    assert len(result.trades) > 10


def test_links_and_pictures_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).is_file(), target


def test_named_folders_and_files_are_there() -> None:
    for name in re.findall(r"`((?:src|flows|tasks|blocks|tests|benchmarks|examples)/[\w./]*)`", README):
        assert (ROOT / name).exists(), name
