"""The manifest of a run: all that is needed to run it again and to say why it came out otherwise."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

import admf
from admf.core.process import Process

RunStatus = Literal["running", "completed", "failed", "cancelled", "timed_out", "crashed"]


class Code(BaseModel):
    """Which code ran. A field is None where it cannot be told, as the commit outside of a repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    admf_version: str | None = None
    admf_sha256: str | None = Field(None, description="Of the installed sources.")
    git_commit: str | None = Field(None, description="Of the repository that the run was started in.")
    git_dirty: bool | None = Field(None, description="Whether it had changes that were not committed.")
    modules: dict[str, str] = Field({}, description="Module of the user's to SHA-256 of its source file.")


class Manifest(BaseModel):
    """What is known about a run. Written when it starts, and replaced when it ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str
    flow_run_id: str | None = Field(None, description="Of the parent flow in Prefect.")
    type: str = ""
    name: str = ""
    status: RunStatus = "running"
    process: Process | None = Field(None, description="That runs it, or did.")
    created: datetime
    finished: datetime | None = None
    duration_seconds: float | None = None
    config_hash: str | None = None
    random_seed: int | None = None
    data: dict[str, str] = Field({}, description="Symbol to fingerprint of its bars.")
    code: Code = Code()
    packages: dict[str, str] = Field({}, description="Package to version.")
    python: str = ""
    platform: str = ""
    digest: str | None = None
    metrics: dict[str, float | None] = {}
    artifacts: dict[str, str] = Field({}, description="Name to path within the folder.")

    @classmethod
    def begin(cls, run_id: str, **known: Any) -> Self:
        """Describe a run that starts now, in this environment, with what is known of it."""
        return cls(
            **{
                "run_id": run_id,
                "created": datetime.now(UTC),
                "process": Process.this(),
                "code": code_version(),
                "packages": package_versions(),
                "python": platform.python_version(),
                "platform": f"{platform.system()} {platform.machine()}",
                **known,
            }
        )

    def updated(self, **known: Any) -> Self:
        """Give a manifest with further or other fields."""
        return self.model_validate({**self.model_dump(), **known})


def compare_manifests(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say in what the circumstances of two runs differ: config, seed, data, code, versions, in this order.

    Parameters
    ----------
    before, after
        The manifests, as `RunFolder.manifest` gives them.

    Returns
    -------
    list of str
        One sentence a difference; empty where there is none.
    """
    old, new = Manifest.model_validate(before), Manifest.model_validate(after)
    pairs: list[tuple[str, str, Any, Any]] = [
        ("config", "hash", old.config_hash, new.config_hash),
        ("seed", "random_seed", old.random_seed, new.random_seed),
        *(("data", *each) for each in _both(old.data, new.data)),
        *(
            ("code", *each)
            for each in _both(*(each.code.model_dump(exclude={"modules"}) for each in (old, new)))
        ),
        *(("code", *each) for each in _both(old.code.modules, new.code.modules)),
        *(("versions", *each) for each in _both(old.packages, new.packages)),
        ("versions", "python", old.python, new.python),
        ("versions", "platform", old.platform, new.platform),
    ]
    return [
        f"{kind}: {what} was {_short(one)}, is {_short(two)}" for kind, what, one, two in pairs if one != two
    ]


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, before.get(key), after.get(key)) for key in sorted({*before, *after})]


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return f"{text[:12]}..." if re.fullmatch(r"[0-9a-f]{32,}", text) else text


@cache
def package_versions() -> dict[str, str]:
    """Give the versions of the packages that this one requires, as they are installed."""
    try:
        required = metadata.requires("admf") or []
    except metadata.PackageNotFoundError:  # run from a folder of sources
        return {}
    names = {re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0] for each in required if "extra ==" not in each}
    versions = {}
    for name in sorted(names, key=str.lower):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def code_version(folder: str | Path = ".") -> Code:
    """Say which code runs: of this package, and of the repository that `folder` is in."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain") if commit else None
    return Code(
        admf_version=admf.__version__,
        admf_sha256=sources_sha256(),
        git_commit=commit,
        git_dirty=None if changes is None else bool(changes),
    )


def _git(folder: str | Path, *command: str) -> str | None:
    try:
        # The option keeps git from starting a program that the repository's own config names.
        run = subprocess.run(  # noqa: S603
            ["git", "-c", "core.fsmonitor=false", *command],  # noqa: S607 - the user's git
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return run.stdout.strip()


@cache
def sources_sha256() -> str:
    """Hash the installed sources of this package: names and contents of its Python, YAML and JSON files."""
    root = Path(admf.__file__).parent
    hasher = sha256()
    files = [
        Path(folder, file)
        # Links too: an editable install reaches flows, tasks and blocks by them.
        for folder, _, names in os.walk(root, followlinks=True)
        for file in names
        if file.endswith((".py", ".yaml", ".json"))
    ]
    for path in sorted(files, key=lambda each: each.relative_to(root).as_posix()):
        content = path.read_bytes()
        hasher.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return hasher.hexdigest()
