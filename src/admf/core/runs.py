"""The runs of one directory: made with an id of their own, listed, and found again."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.core.manifest import Manifest
from admf.core.registry import nearest
from admf.core.run_folder import CONFIG, MANIFEST, RunFolder, summary_of
from admf.errors import AdmfError, RunNotFoundError, StateError

if TYPE_CHECKING:
    from admf.core.config import WorkflowConfig

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DRAWN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


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
