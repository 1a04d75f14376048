"""Chunks of a sweep as Parquet files: whole or not at all, and known again by what made them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from admf.core.files import replacing
from admf.errors import AdmfError
from admf.simulation.sweeps.values import are_scalars

_KEY = b"admf.sweep"


class Store:
    """A folder with a file a chunk.

    Parameters
    ----------
    folder
        Made if it is not there.
    chunks
        How many chunks the sweep has.

    Raises
    ------
    AdmfError
        The folder holds files of a longer sweep, or cannot be made.
    """

    def __init__(self, folder: Path, chunks: int) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AdmfError(f"the sweep's output folder {folder} cannot be made: {error}") from error
        known = {self._path(chunk).name for chunk in range(chunks)}
        other = sorted(path.name for path in folder.glob("part-*.parquet") if path.name not in known)
        if other:
            raise self._foreign(other[0])

    def has(self, chunk: int, digest: str) -> bool:
        """Whether a chunk is there.

        Raises
        ------
        AdmfError
            A file is there that another sweep has written.
        """
        import pyarrow.parquet as pq

        path = self._path(chunk)
        if not path.exists():
            return False
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (OSError, ValueError) as error:
            raise AdmfError(
                f"{path} cannot be read: {error}", "remove it, and run the sweep again"
            ) from error
        if metadata.get(_KEY) != digest.encode():
            raise self._foreign(path.name)
        return True

    def write(self, chunk: int, digest: str, columns: Mapping[str, Any]) -> None:
        """Write a chunk."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # what no column of a file holds is written as its text: the sweep's own table has the values
        written = {
            name: each if are_scalars(each) else list(map(repr, each)) for name, each in columns.items()
        }
        table = pa.table({name: pa.array(values) for name, values in written.items()})
        table = table.replace_schema_metadata({_KEY: digest.encode()})
        try:
            with replacing(self._path(chunk)) as path:
                pq.write_table(table, path)
        except OSError as error:
            raise AdmfError(f"{self._path(chunk)} cannot be written: {error}") from error

    def _path(self, chunk: int) -> Path:
        return self.folder / f"part-{chunk:06d}.parquet"

    def _foreign(self, name: str) -> AdmfError:
        return AdmfError(
            f"{self.folder / name} is of another sweep: other data, parameters, settings, metrics or chunks",
            "choose an empty folder, or remove the part-*.parquet files",
        )


def digest_of(*parts: Any) -> str:
    """Give a SHA-256 (hex) of what makes a chunk what it is, by its text."""
    digest = hashlib.sha256()
    for part in parts:
        text = repr(part).encode()
        digest.update(f"{len(text)}:".encode())
        digest.update(text)
    return digest.hexdigest()
