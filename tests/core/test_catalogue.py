from __future__ import annotations

import gc
import math
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admf.core.catalogue import Catalogue
from admf.core.result import WorkflowResult
from admf.core.run_folder import RunFolder
from admf.core.runs import RunStore
from admf.errors import AdmfError


def make_run(directory: Path, name: str, age_minutes: int, status: str = "completed") -> RunFolder:
    run = RunStore(directory).create(
        run_id=name, name=name, type="backtest", started=datetime.now(UTC) - timedelta(minutes=age_minutes)
    )
    if status != "running":
        run.finish(
            WorkflowResult(
                workflow_id=run.id,
                type="backtest",
                status=status,  # type: ignore[arg-type]
                metrics={"sharpe_ratio": 1.5, "sortino_ratio": math.nan},
                digest="d" * 64,
                duration_seconds=2.5,
            )
        )
    return run


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


def test_a_recorded_run_is_found(directory: Path) -> None:
    run = make_run(directory, "a", 1)
    catalogue = Catalogue(directory)
    catalogue.record(run)
    catalogue.record(run)
    (row,) = catalogue.query()
    assert row == {
        "id": "a",
        "name": "a",
        "type": "backtest",
        "status": "completed",
        "created": datetime.fromisoformat(run.manifest["created"]),
        "duration_seconds": 2.5,
        "digest": "d" * 64,
        "config_hash": None,
        "metrics": {"sharpe_ratio": 1.5, "sortino_ratio": None},
        "folder": run.path,
    }


def test_queries_filter_sort_and_limit(directory: Path) -> None:
    for name, age, status in (("a", 3, "completed"), ("b", 1, "failed"), ("c", 2, "completed")):
        make_run(directory, name, age, status)
    catalogue = Catalogue(directory)
    assert ids(catalogue.query()) == ["b", "c", "a"]
    assert ids(catalogue.query(limit=2)) == ["b", "c"]
    assert ids(catalogue.query(status="completed")) == ["c", "a"]
    assert ids(catalogue.query(name="a")) == ["a"]
    assert ids(catalogue.query(type="analysis")) == []


def test_an_empty_directory(directory: Path) -> None:
    assert Catalogue(directory).query() == []
    assert Catalogue(directory).rebuild() == 0


def test_the_folders_are_the_truth(directory: Path) -> None:
    catalogue = Catalogue(directory)
    running = make_run(directory, "a", 3, "running")
    catalogue.record(running)
    assert catalogue.query()[0]["status"] == "running"
    running.finish(WorkflowResult(workflow_id="a", type="backtest", status="failed"))
    make_run(directory, "never-recorded", 1)
    gone = make_run(directory, "gone", 2)
    catalogue.record(gone)
    shutil.rmtree(gone.path)
    assert [(row["id"], row["status"]) for row in catalogue.query()] == [
        ("never-recorded", "completed"),
        ("a", "failed"),
    ]


def test_a_run_with_a_damaged_manifest_is_not_lost(directory: Path) -> None:
    run = make_run(directory, "a", 1)
    (run.path / "manifest.json").write_text("{")
    (row,) = Catalogue(directory).query()
    assert (row["id"], row["status"], row["metrics"]) == ("a", "damaged", {})


@pytest.mark.parametrize("damage", ["missing", "garbage", "torn", "empty"])
def test_a_damaged_catalogue_is_made_again(directory: Path, damage: str) -> None:
    catalogue = Catalogue(directory)
    run = make_run(directory, "r0", 1)
    for number in range(1, 50):
        shutil.copytree(run.path, directory / f"r{number}")
    catalogue.query()
    file = directory / "catalogue.sqlite"
    content = file.read_bytes()
    assert len(content) > 8192
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"garbage": b"not a database" * 999, "torn": content[:6000], "empty": b""}[damage])
    assert len(catalogue.query()) == 50
    catalogue.record(make_run(directory, "new", 0))
    assert len(catalogue.query()) == 51


def test_rebuild(directory: Path) -> None:
    make_run(directory, "a", 1)
    make_run(directory, "b", 2)
    catalogue = Catalogue(directory)
    assert catalogue.rebuild() == 2
    assert catalogue.rebuild() == 2
    assert ids(catalogue.query()) == ["a", "b"]


def test_a_directory_may_be_moved(directory: Path) -> None:
    make_run(directory, "a", 1)
    Catalogue(directory).query()
    moved = directory.rename(directory.with_name("moved"))
    (row,) = Catalogue(moved).query()
    assert row["folder"] == moved / "a"


def test_one_database_for_several_directories(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    for name in ("one", "two"):
        make_run(tmp_path / name, "same-id", 1)
    one, two = Catalogue(tmp_path / "one", url), Catalogue(tmp_path / "two", url)
    assert one.query()[0]["folder"] == tmp_path / "one" / "same-id"
    assert two.query()[0]["folder"] == tmp_path / "two" / "same-id"
    shutil.rmtree(tmp_path / "one" / "same-id")
    assert one.query() == []
    assert len(two.query()) == 1


def test_several_processes_write_at_once(directory: Path) -> None:
    code = """
import sys
from admf.core.catalogue import Catalogue
from admf.core.runs import RunStore
directory, worker = sys.argv[1:]
sys.stdin.readline()  # all start together
for number in range(8):
    Catalogue(directory).record(RunStore(directory).create(run_id=f"w{worker}-{number}", type="backtest"))
"""
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(directory), str(number)], stdin=subprocess.PIPE)
        for number in range(4)
    ]
    for worker in workers:
        worker.communicate(b"go\n", timeout=60)
    assert [worker.returncode for worker in workers] == [0] * 4
    import sqlite3

    connection = sqlite3.connect(directory / "catalogue.sqlite")
    try:
        (count,) = connection.execute("SELECT count(*) FROM runs_v1").fetchone()
    finally:
        connection.close()
    assert count == 32  # what they wrote, before a query takes in what is missing


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "nosuch://user:hunter2@host/db",
        "postgresql://u:hunter2@h/db?password=hunter2",
        "sqlite:////no/such/folder/x.db",
    ],
)
def test_a_database_that_cannot_be_used(directory: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admf.core.catalogue.time.sleep", lambda seconds: None)
    run = make_run(directory, "a", 1)
    with pytest.raises(AdmfError, match=r"the catalogue at .* cannot be used") as caught:
        Catalogue(directory, url).record(run)
    assert "hunter2" not in str(caught.value)


def test_nothing_stays_open(directory: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("no /proc on this system")
    run = make_run(directory, "a", 1)
    Catalogue(directory).record(run)
    Catalogue(directory).query()
    gc.collect()
    links = [path.readlink() for path in folder.iterdir() if path.is_symlink()]
    assert [link for link in links if str(directory) in str(link)] == []
