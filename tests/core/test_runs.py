from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from admf.core import files, manifest, runs
from admf.core.config import WorkflowConfig, parse_config
from admf.core.events import EventBus
from admf.core.files import replacing
from admf.core.manifest import Manifest, code_version, compare_manifests, package_versions, sources_sha256
from admf.core.result import WorkflowResult
from admf.core.run_folder import EventLog, RunFolder
from admf.core.runs import RunStore
from admf.errors import AdmfError, RunNotFoundError, StateError


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def config() -> WorkflowConfig:
    return parse_config(
        {
            "type": "backtest",
            "name": "crossing",
            "random_seed": 7,
            "backtest_config": {"strategy": {"name": "sma_cross", "params": {"fast": 5}}},
        }
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_run_has_config_and_manifest(store: RunStore, config: WorkflowConfig) -> None:
    run = store.create(config, flow_run_id="f-1")
    assert runs._DRAWN_ID.fullmatch(run.id)
    assert names(run.path) == ["config.yaml", "manifest.json"]
    assert run.config() == config
    assert run.config().hash() == config.hash()
    told = run.manifest
    assert (told["status"], told["name"], told["type"]) == ("running", "crossing", "backtest")
    assert (told["config_hash"], told["random_seed"], told["flow_run_id"]) == (config.hash(), 7, "f-1")
    assert told["packages"]["pandas"] == pd.__version__
    assert told["code"]["admf_sha256"] == sources_sha256()
    assert told["python"].count(".") == 2


def test_a_run_that_ends_has_result_and_final_manifest(store: RunStore, config: WorkflowConfig) -> None:
    run = store.create(config, started=datetime.now(UTC) - timedelta(seconds=5))
    run.update_manifest(data={"SP500": "ab12"})
    result = WorkflowResult(
        workflow_id=run.id,
        type="backtest",
        metrics={"sharpe_ratio": math.nan},
        digest="d",
        artifacts={"a": "a.html"},
    )
    run.finish(result)
    assert run.result() == result
    told = run.manifest
    assert (told["status"], told["digest"], told["data"]) == ("completed", "d", {"SP500": "ab12"})
    assert told["metrics"] == {"sharpe_ratio": None}
    assert told["artifacts"] == {"a": "a.html"}
    assert 5 <= told["duration_seconds"] < 60


def test_a_run_without_an_end_says_so(store: RunStore) -> None:
    run = store.create()
    with pytest.raises(AdmfError, match="has no result: it is running, as far as is known here"):
        run.result()
    with pytest.raises(AdmfError, match=r"has no config\.yaml"):
        run.config()


def test_manifests_refuse_unknown_fields(store: RunStore) -> None:
    run = store.create()
    with pytest.raises(ValueError, match="stauts"):
        run.update_manifest(stauts="completed")
    assert run.manifest["status"] == "running"


def test_ids_sort_by_time_and_never_collide(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store._new_folder(None).id, range(200)))
    assert len(set(made)) == 200
    assert store.ids() == sorted(made)


def test_an_id_is_drawn_again_if_it_is_taken(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr(runs.secrets, "token_hex", lambda size: next(draws))
    first, second = store._new_folder(None), store._new_folder(None)
    assert (first.id[-6:], second.id[-6:]) == ("aaaaaa", "bbbbbb")


def test_a_given_id_is_used_once(store: RunStore) -> None:
    assert store.create(run_id="nightly-1").id == "nightly-1"
    with pytest.raises(StateError, match="run nightly-1 exists already"):
        store.create(run_id="nightly-1")


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "a\\b", "../x", ".hidden", "a b", "x" * 101, "a\n"])
def test_ids_that_are_none(store: RunStore, run_id: str) -> None:
    with pytest.raises(AdmfError, match="is no id of a run"):
        store.create(run_id=run_id)
    assert not store.directory.exists()


@pytest.mark.parametrize("wanted", ["", "..", "../runs", "a/b", "a\\b", "."])
def test_find_refuses_paths(store: RunStore, wanted: str) -> None:
    store.create()
    with pytest.raises(RunNotFoundError, match="neither an id nor a name"):
        store.find(wanted)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdmfError, match="file is a file, not a folder for runs"):
        RunStore(tmp_path / "file").create()
    with pytest.raises(AdmfError, match=r"no folder for a run can be made in .*: Not a directory"):
        RunStore(tmp_path / "file" / "runs").create()


def test_find(store: RunStore) -> None:
    with pytest.raises(RunNotFoundError, match="there are no runs in"):
        store.find("latest")
    now = datetime.now(UTC)
    for run_id, name, age in (("abc-1", "x", 3), ("abd-2", "x", 2), ("zzz", "y", 9)):
        store.create(run_id=run_id, name=name, started=now - timedelta(minutes=age))
    assert [run.id for run in store.list()] == ["zzz", "abc-1", "abd-2"]
    assert store.find("latest").id == "abd-2"
    assert store.find("abc-1").id == store.find("abc").id == "abc-1"
    assert store.find("x").id == "abd-2"
    with pytest.raises(RunNotFoundError) as caught:
        store.find("ab")
    assert str(caught.value) == (
        f"2 runs in {store.directory} begin with 'ab': abc-1, abd-2\n  hint: give more of the id"
    )
    with pytest.raises(RunNotFoundError, match=r"no run 'abx-1' .*\n.*did you mean 'abc-1'"):
        store.find("abx-1")


def test_foreign_folders_are_no_runs_and_damaged_runs_are(store: RunStore) -> None:
    run = store.create()
    (store.directory / "notes").mkdir()
    (store.directory / ".git").mkdir()
    (store.directory / "catalogue.sqlite").write_text("")
    damaged = store.create()
    (damaged.path / "manifest.json").write_text("{")
    assert store.ids() == sorted([run.id, damaged.id])
    assert len(store.list()) == 2
    with pytest.raises(AdmfError, match=rf"manifest\.json of run {damaged.id} cannot be read"):
        _ = damaged.manifest
    (damaged.path / "manifest.json").write_text("{}")
    with pytest.raises(AdmfError, match=f"the manifest of run {damaged.id} is damaged"):
        _ = damaged.manifest


def test_what_is_written_can_be_read(store: RunStore) -> None:
    run = store.create()
    run.write_json("a.json", {"nan": math.nan, "when": datetime(2020, 1, 1, tzinfo=UTC), "text": "é"})
    assert run.read_json("a.json") == {"nan": None, "when": "2020-01-01T00:00:00+00:00", "text": "é"}
    run.write_yaml("deep/b.yaml", {"z": 1, "a": [True, "yes"]})
    assert run.file("deep/b.yaml").read_text() == "z: 1\na:\n- true\n- 'yes'\n"
    frame = pd.DataFrame(
        {"x": [1.0, math.nan]}, index=pd.date_range("2020", periods=2, tz="UTC", name="time")
    )
    run.write_parquet("c.parquet", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(run.file("c.parquet")), frame, check_freq=False)


@pytest.mark.parametrize("name", ["", "../x", "a/../../x", "/etc/x", "..\\x", "."])
def test_files_stay_within_the_folder(store: RunStore, name: str) -> None:
    with pytest.raises(AdmfError, match="no name of a file within a run folder"):
        store.create().write_text(name, "x")


def test_a_write_that_dies_leaves_the_old_file(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create()
    run.write_text("a.txt", "old")

    def die(*_: object) -> None:
        raise OSError("no power")

    for moment in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(files.os, moment, die)
            with pytest.raises(OSError, match="no power"):
                run.write_text("a.txt", "new")
        assert run.file("a.txt").read_text() == "old"

    def half() -> None:
        with replacing(run.file("a.txt")) as temporary:
            temporary.write_text("half")
            die()

    with pytest.raises(OSError, match="no power"):
        half()
    assert names(run.path) == ["a.txt", "manifest.json"]
    run.write_text("a.txt", "new")
    assert run.file("a.txt").read_text() == "new"


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    code = """
import sys
from admf.core.run_folder import RunFolder
run = RunFolder(sys.argv[1])
sizes = (10, 200_000)
for number in range(10**9):
    run.write_json("a.json", {"number": number, "filling": "x" * sizes[number % 2]})
    if number == 3:
        print("going", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    process.kill()
    process.wait()
    process.stdout.close()
    content = json.loads((tmp_path / "a.json").read_text())
    assert len(content["filling"]) in (10, 200_000)


def test_the_audit_trail_keeps_order_and_survives_a_torn_line(store: RunStore) -> None:
    run, bus = store.create(), EventBus("w")
    bus.subscribe(run.append_event)
    bus.publish("workflow.start", {"x": math.inf})
    bus.publish("odd", {"handle": object()})
    with open(run.file("events.jsonl"), "ab") as file:
        file.write(b'{"type": "half')
    log = run.read_events()
    assert [event["type"] for event in log.events] == ["workflow.start", "odd"]
    assert log.events[0]["data"] == {"x": None}
    assert log.events[1]["data"] == {"unwritable": "data.handle is a object, which JSON cannot hold"}
    assert len(log.problems) == 1
    assert log.problems[0].startswith(f"line 3 of events.jsonl of run {run.id} is skipped: ")
    bus.publish("workflow.complete")
    log = run.read_events()
    assert [event["sequence"] for event in log.events] == [1, 2, 3]
    assert len(log.problems) == 1
    assert bus.failures == ()


def test_events_of_many_threads_are_whole_lines(store: RunStore) -> None:
    run = store.create()
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        bus = EventBus(f"w{number}")
        bus.subscribe(RunFolder(run.path).append_event)  # each with a lock of its own, as processes have
        barrier.wait(5)
        for _ in range(25):
            bus.publish("x", {"filling": "y" * 500})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    log = run.read_events()
    assert (len(log.events), log.problems) == (200, ())


def test_no_events_yet(store: RunStore) -> None:
    assert store.create().read_events() == EventLog((), ())


def test_scratch_is_gone_after_close(store: RunStore) -> None:
    run = store.create()
    (run.scratch / "bars.npy").write_bytes(b"x")
    run.close()
    run.close()
    assert names(run.path) == ["manifest.json"]


def test_compare_says_what_differs() -> None:
    before = Manifest(
        run_id="a",
        created=datetime.now(UTC),
        config_hash="c" * 64,
        random_seed=1,
        data={"SP500": "ab", "NDX": "cd"},
        code={"admf_version": "0.1.0", "git_commit": "1" * 40, "git_dirty": False},
        packages={"numpy": "2.4.6", "old": "1"},
        python="3.11.7",
        platform="Linux x86_64",
        digest="x",
    ).model_dump(mode="json")
    assert compare_manifests(before, {**before, "run_id": "b", "digest": "y", "duration_seconds": 9}) == []
    after = {
        **before,
        "config_hash": "d" * 64,
        "random_seed": 2,
        "data": {"SP500": "xx", "NDX": "cd"},
        "code": {**before["code"], "git_dirty": True},
        "packages": {"numpy": "2.5.0"},
        "python": "3.12.1",
    }
    assert compare_manifests(before, after) == [
        "config: hash was cccccccccccc..., is dddddddddddd...",
        "seed: random_seed was 1, is 2",
        "data: SP500 was ab, is xx",
        "code: git_dirty was False, is True",
        "versions: numpy was 2.4.6, is 2.5.0",
        "versions: old was 1, is absent",
        "versions: python was 3.11.7, is 3.12.1",
    ]


def git(folder: Path, *command: str) -> None:
    env = {**os.environ, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *command],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
    )


def test_the_commit_of_the_working_folder(tmp_path: Path) -> None:
    assert code_version(tmp_path).git_commit is None
    assert code_version(tmp_path).git_dirty is None
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    told = code_version(tmp_path)
    assert told.git_commit is not None
    assert len(told.git_commit) == 40
    assert told.git_dirty is False
    (tmp_path / "new.py").write_text("")
    assert code_version(tmp_path).git_dirty is True


def test_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_version().git_commit is None


def test_sources_are_hashed_by_name_and_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "flows").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("a")
    (tmp_path / "flows" / "f.py").write_text("b")
    (tmp_path / "pkg" / "flows").symlink_to(tmp_path / "flows")
    monkeypatch.setattr(manifest.admf, "__file__", str(tmp_path / "pkg" / "__init__.py"))
    hashes = set()
    for change in (
        lambda: None,
        lambda: (tmp_path / "flows" / "f.py").write_text("c"),
        lambda: (tmp_path / "flows" / "f.py").rename(tmp_path / "flows" / "g.py"),
        lambda: (tmp_path / "pkg" / "x.yaml").write_text(""),
        lambda: (tmp_path / "pkg" / "x.pyc").write_text(""),
    ):
        change()
        hashes.add(sources_sha256.__wrapped__())
    assert len(hashes) == 4


def test_package_versions_are_those_required() -> None:
    versions = package_versions()
    assert {"numpy", "pandas", "prefect"} <= versions.keys()
    assert "pytest" not in versions
