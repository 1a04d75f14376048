"""Indicator rows on disk, shared by processes and runs. A file that is not whole is as good as none."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np

from admf.indicators import library
from admf.typing import FloatArray

_DIGEST_BYTES = 32


class DiskCache:
    """Rows of one set of bars in a folder: an .npy file a call, followed by a digest of its key and content.

    Parameters
    ----------
    folder
        Where the files lie; made when first written to.
    fingerprint
        Fingerprint of the bars.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._prefix = f"{fingerprint}\n{library.versions()}\n".encode()

    def read(self, key: str, shape: tuple[int, int]) -> FloatArray | None:
        """Give the rows kept under a key; None if there are none, or the file is damaged."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if self._digest(key, body) != digest:
            return None
        try:
            rows = np.load(BytesIO(body), allow_pickle=False)
        except (ValueError, EOFError):
            return None
        return rows if rows.shape == shape and rows.dtype == np.float64 else None

    def write(self, key: str, rows: FloatArray) -> None:
        """Keep rows. A folder that cannot be written to costs speed only, so it is no error."""
        buffer = BytesIO()
        np.save(buffer, rows, allow_pickle=False)
        body = buffer.getvalue()
        path = self._path(key)
        half = path.with_name(f"{path.name}.{uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half.write_bytes(body + self._digest(key, body))
            os.replace(half, path)
        except OSError:
            with suppress(OSError):
                half.unlink()

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(self._prefix + key.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.npy"

    def _digest(self, key: str, body: bytes) -> bytes:
        return hashlib.sha256(self._prefix + key.encode() + b"\n" + body).digest()
