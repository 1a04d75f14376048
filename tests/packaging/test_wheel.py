"""The wheel holds `admf/` alone, all of it, and works beside a user's own flows, tasks and blocks."""

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


def run(python: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with an environment that knows nothing of this project."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    return subprocess.run(
        [python, *arguments], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
