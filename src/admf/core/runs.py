"""Run folders: plain files, written whole or not at all; the folder is the truth about a run."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from admf.core.events import WORKFLOW_ERROR, Event
from admf.core.files import replacing
from admf.core.manifest import Manifest
from admf.core.plain import jsonable
from admf.core.registry import nearest
from admf.core.result import WorkflowResult
from admf.errors import AdmfError, RunNotFoundError, StateError

if TYPE_CHECKING:
    import pandas as pd

    from admf.core.config import WorkflowConfig

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DRAWN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
MANIFEST = "manifest.json"
CONFIG = "config.yaml"
RESULT = "result.json"
EVENTS = "events.jsonl"


@dataclass(frozen=True)
class EventLog:
    """What the event file holds: the events in their order, and a sentence on each line that is none."""

    events: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path
        The folder; its name is the id of the run.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.id = self.path.name
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def file(self, name: str) -> Path:
        """Give the path of a file in the folder; `name` may lead into a subfolder, not out of the folder.

        Raises
        ------
        AdmfError
            If it leads out.
        """
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or "\\" in name or Path(name).is_absolute():
            raise AdmfError(f"{name!r} is no name of a file within a run folder")
        return self.path.joinpath(*parts)

    def write_text(self, name: str, text: str) -> Path:
        """Write a file of UTF-8 text, whole or not at all."""
        path = self.file(name)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """Write a value as JSON; NaN and the infinities become null."""
        return self.write_text(
            name, json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        )

    def write_yaml(self, name: str, value: Any) -> Path:
        """Write a value as YAML, keys in the order they have."""
        from admf.core.config import dump_yaml

        return self.write_text(name, dump_yaml(jsonable(value)))

    def write_parquet(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a table as Parquet, its index included."""
        path = self.file(name)
        with replacing(path) as temporary:
            frame.to_parquet(temporary)
        return path

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises
        ------
        AdmfError
            If it is missing or damaged.
        """
        path = self.file(name)
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            raise AdmfError(f"run {self.id} has no {name}") from None
        except (OSError, ValueError) as error:
            raise AdmfError(f"{name} of run {self.id} cannot be read: {error}") from error

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, as it stands in the file: the fields of `Manifest` as plain values.

        Raises
        ------
        AdmfError
            If it is missing or damaged.
        """
        return self._manifest().model_dump(mode="json")

    def _manifest(self) -> Manifest:
        content = self.read_json(MANIFEST)
        try:
            return Manifest.model_validate(content)
        except ValueError as error:
            raise AdmfError(f"the manifest of run {self.id} is damaged: {error}") from None

    def update_manifest(self, **known: Any) -> None:
        """Replace the manifest by one with further or other fields of `Manifest`."""
        with self._lock:
            self.write_json(MANIFEST, self._manifest().updated(**known))

    def config(self) -> WorkflowConfig:
        """Read the config that the run was made from, with every default filled in.

        Raises
        ------
        ConfigError
            If it is no config any more.
        AdmfError
            If it is missing.
        """
        from admf.core.config import load_config

        path = self.file(CONFIG)
        if not path.is_file():
            raise AdmfError(f"run {self.id} has no {CONFIG}")
        return load_config(path)

    def finish(self, result: WorkflowResult) -> None:
        """Write the result, then the manifest that says that the run has ended."""
        self.write_text(RESULT, result.to_json() + "\n")
        manifest = self._manifest()
        now = datetime.now(UTC)
        self.update_manifest(
            status=result.status,
            finished=now,
            duration_seconds=result.duration_seconds or (now - manifest.created).total_seconds(),
            digest=result.digest,
            metrics=result.metrics,
            artifacts=result.artifacts,
        )

    def result(self) -> WorkflowResult:
        """Read the result.

        Raises
        ------
        AdmfError
            If the run has none (yet), or it is damaged.
        """
        try:
            text = self.file(RESULT).read_bytes()
        except FileNotFoundError:
            reason = "it was killed" if self.crash_if_gone() else "it is running, as far as is known here"
            raise AdmfError(f"run {self.id} has no result: {reason}") from None
        return WorkflowResult.from_json(text)

    @property
    def scratch(self) -> Path:
        """A folder for files that are needed during the run only; `close` removes it."""
        path = self.path / ".scratch"
        path.mkdir(exist_ok=True)
        return path

    def close(self) -> None:
        """Remove what was needed during the run only. May be called again."""
        shutil.rmtree(self.path / ".scratch", ignore_errors=True)

    def crash(self, why: str) -> None:
        """Say that a run whose process is gone has crashed, and remove what it left. May be called again."""
        manifest = self._manifest()
        if manifest.status == "running":
            last = max((each.get("sequence", 0) for each in self.read_events().events), default=0)
            data = {"workflow_id": self.id, "status": "crashed", "errors": [why]}
            self.append_event(
                Event(WORKFLOW_ERROR, f"workflow-{self.id}", last + 1, datetime.now(UTC), self.id, data)
            )
            self.update_manifest(status="crashed")
        if manifest.status in ("running", "crashed"):
            self.close()
            for temporary in self.path.rglob(".*.tmp"):  # of files that were not written whole
                temporary.unlink(missing_ok=True)

    def crash_if_gone(self) -> bool:
        """Look whether the process of a run that is called running is there; say whether the run crashed."""
        manifest = self._manifest()
        if manifest.status == "running" and manifest.process is not None and manifest.process.gone:
            self.crash(f"its process, {manifest.process.pid}, is gone: it was killed")
            return True
        return manifest.status == "crashed"

    def append_event(self, event: Event) -> None:
        """Add an event to the audit trail. One write a line: what was added stays, whatever comes after."""
        try:
            plain = jsonable(event.to_mapping())
        except TypeError as error:  # the trail must not lose an event because of what it carries
            plain = {**event.to_mapping(), "data": {"unwritable": str(error)}}
        line = json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"
        with self._lock, open(self.file(EVENTS), "ab+", buffering=0) as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # an earlier writer died within a line
                    line = "\n" + line
            file.write(line.encode("utf-8", "backslashreplace"))

    def read_events(self) -> EventLog:
        """Read the audit trail; lines that were not written whole are skipped, and told."""
        try:
            lines = self.file(EVENTS).read_bytes().split(b"\n")
        except FileNotFoundError:
            return EventLog((), ())
        events, problems = [], []
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                event = json.loads(line)
                if not isinstance(event, dict):
                    raise ValueError("it is no mapping")
            except ValueError as error:
                problems.append(f"line {number} of {EVENTS} of run {self.id} is skipped: {error}")
            else:
                events.append(event)
        return EventLog(tuple(events), tuple(problems))


class RunStore:
    """The run folders of one directory.

    Parameters
    ----------
    directory
        Where they are; made with the first run.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory).expanduser()

    def create(
        self,
        config: WorkflowConfig | None = None,
        *,
        run_id: str | None = None,
        started: datetime | None = None,
        **known: Any,
    ) -> RunFolder:
        """Make the folder of a new run, with its config and a manifest in status running.

        Parameters
        ----------
        config
            What is run; stored fully resolved, secrets masked.
        run_id
            Letters, digits, ``.``, ``_`` and ``-``. Default: time and chance, as ``20261124-213000-1a2b3c``.
        started
            Default: now.
        known
            Further fields of the manifest.

        Raises
        ------
        StateError
            If there is such a run already.
        AdmfError
            If the id is none, or the folder cannot be made.
        """
        if run_id is not None and not _ID.fullmatch(run_id):
            raise AdmfError(
                f"{run_id!r} is no id of a run", "use letters, digits, '.', '_' and '-', at most 100"
            )
        folder = self._new_folder(run_id)
        if config is not None:
            folder.write_yaml(CONFIG, config.to_mapping())
            known = {
                "type": str(config.type),
                "name": config.name,
                "config_hash": config.hash(),
                "random_seed": config.random_seed,
                **known,
            }
        folder.write_json(MANIFEST, Manifest.begin(folder.id, created=started or datetime.now(UTC), **known))
        return folder

    def _new_folder(self, run_id: str | None) -> RunFolder:
        while True:
            drawn = run_id or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
            path = self.directory / drawn
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                path.mkdir()
            except FileExistsError as error:
                if not self.directory.is_dir():
                    raise AdmfError(f"{self.directory} is a file, not a folder for runs") from error
                if run_id is not None:
                    raise StateError(f"run {run_id} exists already in {self.directory}") from None
            except OSError as error:
                raise AdmfError(
                    f"no folder for a run can be made in {self.directory}: {error.strerror}",
                    "choose another one with output.directory",
                ) from error
            else:
                return RunFolder(path)

    def ids(self) -> list[str]:
        """List the ids of the runs, sorted; reads no file."""
        try:
            with os.scandir(self.directory) as entries:
                names = [entry.name for entry in entries if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(
            name
            for name in names
            if _ID.fullmatch(name)
            and (_DRAWN_ID.fullmatch(name) or (self.directory / name / MANIFEST).exists())
        )

    def list(self) -> list[RunFolder]:
        """List the runs, the oldest first."""
        return [folder for _, folder, _ in self._by_age()]

    def find(self, wanted: str) -> RunFolder:
        """Find a run.

        Parameters
        ----------
        wanted
            Its id, the beginning of its id, ``latest``, or its name (the latest run of that name).

        Raises
        ------
        RunNotFoundError
            If there is none, or the beginning fits several; names the candidates.
        """
        if not wanted or "/" in wanted or "\\" in wanted or wanted.startswith("."):
            raise RunNotFoundError(
                f"{wanted!r} is neither an id nor a name of a run", "give the id, not a path"
            )
        ids = self.ids()
        if not ids:
            raise RunNotFoundError(f"there are no runs in {self.directory}")
        fitting = [wanted] if wanted in ids else [each for each in ids if each.startswith(wanted)]
        if len(fitting) == 1:
            return RunFolder(self.directory / fitting[0])
        by_age = self._by_age()
        if wanted == "latest":
            return by_age[-1][1]
        named = [folder for _, folder, name in by_age if name == wanted]
        if named:
            return named[-1]
        if fitting:
            shown = ", ".join(fitting[-10:])
            raise RunNotFoundError(
                f"{len(fitting)} runs in {self.directory} begin with {wanted!r}: {shown}",
                "give more of the id",
            )
        near = nearest(wanted, [*ids, *(name for _, _, name in by_age if name)])
        raise RunNotFoundError(
            f"there is no run {wanted!r} in {self.directory}",
            f"did you mean {near!r}?" if near else "`admf list` shows the runs",
        )

    def _by_age(self) -> Sequence[tuple[datetime, RunFolder, str]]:
        folders = [RunFolder(self.directory / each) for each in self.ids()]
        rows = [(summary_of(folder), folder) for folder in folders]
        found = [(row["created"].astimezone(UTC), folder, row.get("name", "")) for row, folder in rows]
        return sorted(found, key=lambda item: (item[0], item[1].id))


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """Give what lists show of a run: the fields of its manifest, and its ``id``.

    A run without a readable manifest is a run too: status ``damaged``, ``created`` the time of its folder.
    """
    try:
        manifest = folder._manifest().model_dump()
    except AdmfError:
        try:
            seconds = folder.path.stat().st_mtime
        except OSError:  # it is being deleted
            seconds = 0.0
        manifest = {"run_id": folder.id, "status": "damaged", "created": datetime.fromtimestamp(seconds, UTC)}
    return {"id": folder.id, **manifest}
