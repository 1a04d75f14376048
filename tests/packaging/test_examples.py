"""Every YAML that the project ships: checked by the dry run, and run."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from admf.cli import main

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "src" / "admf" / "core" / "templates"
EXAMPLES = ROOT / "examples"
TWICE = ("backtest.yaml", "rules.yaml")  # the same text as example and as template
SHIPPED = sorted(
    [*EXAMPLES.glob("*.yaml"), *(path for path in TEMPLATES.glob("*.yaml") if path.name not in TWICE)]
)


@pytest.fixture
def workplace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random_frame: Callable[..., pd.DataFrame]
) -> Path:
    """Folder with the examples and the templates, and with the files that the templates ask a user for."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    random_frame(3, 400).to_csv(tmp_path / "prices.csv", index_label="date")
    shutil.copy(TEMPLATES / "own_strategy.py.txt", tmp_path / "my_strategy.py")  # as `admf init` writes it
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    for name in ("my_strategy", "examples", "examples.my_strategy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def admf(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Run a command in this process; its one JSON document."""
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert end.value.code == 0, captured.out + captured.err
    document = json.loads(captured.out)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.usefixtures("prefect_server")
def test_shipped_yaml_is_valid_and_runs(
    path: Path, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = f"{path.parent.name}/{path.name}"
    checked = admf(capsys, "validate", config)
    assert checked["ok"] is True
    assert not (workplace / "runs").exists(), "the dry run has written something"
    result = admf(capsys, "run", config)
    assert result["success"] is True
    assert result["errors"] == []
    assert Path(str(result["run_folder"])).is_dir()
    final = result["final_results"]
    assert isinstance(final, dict)
    assert final["trades"] > 0


PRESETS = {"crypto_daily": "1d", "fx_hourly": "1h", "us_equities_daily": "1d"}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.usefixtures("prefect_server")
def test_preset_is_valid_and_runs(
    preset: str,
    workplace: Path,
    capsys: pytest.CaptureFixture[str],
    random_frame: Callable[..., pd.DataFrame],
) -> None:
    random_frame(5, 400, PRESETS[preset]).to_csv(workplace / "prices.csv", index_label="date")
    (workplace / "mine.yaml").write_text(
        f"extends: preset:{preset}\n"
        "workflow:\n"
        "  type: backtest\n"
        "  random_seed: 1\n"
        "  data_config: {source: csv, path: prices.csv, symbols: [X]}\n"
        "  backtest_config:\n"
        "    initial_cash: 10000000\n"
        "    strategy: {name: sma_cross, params: {fast: 5, slow: 12}}\n",
        encoding="utf-8",
    )
    assert admf(capsys, "validate", "mine.yaml")["ok"] is True
    result = admf(capsys, "run", "mine.yaml")
    assert result["success"] is True
    assert result["errors"] == []


def test_the_preset_of_shares_finds_the_sessions_of_the_sample() -> None:
    from admf.core.config import parse_config
    from admf.market import load_market_data

    strategy = {"strategy": {"name": "sma_cross"}}
    workflow = {"type": "backtest", "data_config": {"source": "sample"}, "backtest_config": strategy}
    config = parse_config({"extends": "preset:us_equities_daily", "workflow": workflow})
    bars = load_market_data(config.data_config)["SP500"]
    assert {finding.severity for finding in bars.findings} == {"info"}  # no gap, no bar on a Sunday
    local = bars.index.tz_convert("America/New_York")
    assert str(local[0]) == "1999-01-04 00:00:00-05:00"
    assert (local.hour == 0).all()


def test_every_preset_is_tried() -> None:
    from admf.core.config import preset_names

    assert set(PRESETS) == set(preset_names())


def test_a_new_users_own_strategy_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_strategy", raising=False)
    with pytest.raises(SystemExit):
        main(["init", "own_strategy"])
    assert capsys.readouterr().out == "own_strategy.yaml\nmy_strategy.py\n"
    assert admf(capsys, "validate", "own_strategy.yaml")["ok"] is True
    with pytest.raises(SystemExit):  # nothing of the user's is overwritten
        main(["init", "own_strategy", "-o", "other.yaml"])
    assert "my_strategy.py exists" in capsys.readouterr().err


def test_examples_that_are_templates_too_are_the_same_text() -> None:
    for name in TWICE:
        assert (EXAMPLES / name).read_text("utf-8") == (TEMPLATES / name).read_text("utf-8")
