"""A run's folder: plain files, written whole or not at all; the folder is the truth about a run."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from admf.core.events import WORKFLOW_ERROR, Event
from admf.core.files import replacing
from admf.core.manifest import Manifest
from admf.core.plain import jsonable
from admf.core.result import WorkflowResult
from admf.errors import AdmfError

if TYPE_CHECKING:
    import pandas as pd

    from admf.core.config import WorkflowConfig

MANIFEST = "manifest.json"
CONFIG = "config.yaml"
RESULT = "result.json"
EVENTS = "events.jsonl"
CODE = "code"


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

    def record_code(self, config: WorkflowConfig) -> None:
        """Keep the user's own modules that the config uses: hashes in the manifest, copies in ``code/``.

        What was recorded stays, so this may be called again when more has been imported. In a copy, values
        that the config took from the environment stand as ``${VAR}``; the hash is of the file as it was.
        """
        from admf.core.own_code import own_modules

        modules = own_modules(config.to_mapping(), config.allow_modules)
        code = self._manifest().code
        new = {name: source for name, source in modules.items() if name not in code.modules}
        for name, source in new.items():
            if source.is_python:
                text = source.content.decode("utf-8", "backslashreplace")
                self.write_text(f"{CODE}/{name}.py", config.as_written(text))
        if new:
            hashes = {**code.modules, **{name: source.sha256 for name, source in new.items()}}
            self.update_manifest(code={**code.model_dump(), "modules": dict(sorted(hashes.items()))})

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
