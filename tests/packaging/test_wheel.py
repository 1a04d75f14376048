"""The wheel holds `admf/` alone, all of it, and works beside a user's own flows, tasks and blocks."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def on_disk() -> set[str]:
    """Every file of the package, by its place in the wheel."""
    files = set()
    for folder, prefix in (
        ("src/admf", "admf"),
        ("flows", "admf/flows"),
        ("tasks", "admf/tasks"),
        ("blocks", "admf/blocks"),
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files.add(f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}")
    return files


def test_wheel_holds_admf_alone_and_all_of_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    dist_info = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert names - dist_info == on_disk()
    assert {name.split("/")[0] for name in names - dist_info} == {"admf"}
    assert any(name.endswith("licenses/LICENSE") for name in dist_info)
    assert {"admf/py.typed", "admf/core/templates/backtest.yaml"} <= names


def test_links_let_editors_find_the_mapped_packages() -> None:
    for name in ("flows", "tasks", "blocks"):
        link = ROOT / "src" / "admf" / name
        assert link.is_symlink()
        assert os.readlink(link) == f"../../{name}"


def test_import_of_the_specification_beside_own_packages(installed: Path, user_project: Path) -> None:
    script = """
import blocks, flows, tasks
from admf.core.coordinator import Coordinator, WorkflowConfig, WorkflowType
import admf, admf.blocks, admf.flows, admf.tasks
owners = [package.OWNER for package in (flows, tasks, blocks)]
assert owners == ["the user: flows", "the user: tasks", "the user: blocks"], owners
assert "site-packages" in admf.__file__ and "site-packages" in admf.flows.__file__
print(WorkflowType.BACKTEST.value, Coordinator.__name__, WorkflowConfig.__name__)
"""
    done = run(installed, user_project, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["backtest", "Coordinator", "WorkflowConfig"]


# The specification's example of a simple backtest; filled in are the data and the strategy.
SNIPPET = """
import asyncio, json
import numpy as np, pandas as pd
import blocks, flows, tasks

close = 100 + 10 * np.sin(np.arange(520) / 15.0) + np.arange(520) / 20
market_data_provider = pd.DataFrame(
    {"open": close - 0.1, "high": close + 0.5, "low": close - 0.5, "close": close, "volume": 1000.0},
    index=pd.bdate_range("2022-01-03", periods=520, tz="UTC"),
)

async def main():
    from admf.core.coordinator import Coordinator, WorkflowConfig, WorkflowType

    # Create coordinator
    coordinator = Coordinator(
        shared_services={
            'market_data': market_data_provider
        }
    )

    # Configure backtest
    config = WorkflowConfig(
        workflow_type=WorkflowType.BACKTEST,
        data_config={'symbols': ['ACME'], 'timeframe': '1d'},
        backtest_config={
            'start_date': '2023-01-01',
            'end_date': '2023-12-31',
            'strategy': {'name': 'sma_cross', 'params': {'fast': 5, 'slow': 20}}
        }
    )

    # Execute
    result = await coordinator.execute_workflow(config)
    await coordinator.shutdown()
    return result

print(asyncio.run(main()).to_json(indent=None))
"""


def test_backtest_of_the_specification_beside_own_packages(
    installed: Path, user_project: Path, prefect_api: dict[str, str]
) -> None:
    done = run(installed, user_project, "-c", SNIPPET, **prefect_api)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["success"] is True
    assert result["type"] == "backtest"
    assert result["final_results"]["symbol"] == "ACME"
    assert result["metrics"]["trades"] > 3
    assert (user_project / result["run_folder"] / "report.html").is_file()


def run(python: Path, folder: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with an environment that knows nothing of this project."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **more}
    return subprocess.run(
        [python, *arguments], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
