"""The one result of every workflow, and the digest that says whether two results are the same."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from admf.core.plain import jsonable
from admf.errors import AdmfError

Status = Literal["completed", "failed", "cancelled", "timed_out"]
PhaseStatus = Literal["completed", "failed", "cancelled", "timed_out", "skipped"]


class PhaseResult(BaseModel):
    """How one phase of a workflow went."""

    model_config = ConfigDict(extra="forbid")

    name: str
    status: PhaseStatus
    started: datetime | None = None
    duration_seconds: float | None = None
    summary: dict[str, Any] = {}
    error: str | None = None

    @field_validator("summary", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return jsonable(value, "summary")


class WorkflowResult(BaseModel):
    """What a workflow came to; all workflow types give this.

    It holds plain values: on the way in, dates in the free mappings become ISO text, arrays lists, and NaN
    and the infinities None, which JSON writes as null. So ``from_json(result.to_json()) == result``.

    Parameters
    ----------
    workflow_id, type, name
        Which workflow.
    status, success
        How it ended; success is ``status == "completed"``.
    phase_results
        By name of the phase, in the order of execution.
    final_results, metrics, metadata
        What came out, the numbers that are compared, and what else is known about the run.
    errors, warnings
        For people.
    started, duration_seconds, timings
        When, how long, and how long the parts took (seconds).
    artifacts
        Name to path within the run folder.
    digest
        SHA-256 of what must come out the same when the run is repeated.
    config_hash, random_seed, run_folder
        Of which config, with which seed, written where.
    """

    model_config = ConfigDict(extra="forbid")

    workflow_id: str
    type: str
    name: str = ""
    status: Status = "completed"
    phase_results: dict[str, PhaseResult] = {}
    final_results: dict[str, Any] = {}
    metrics: dict[str, float | None] = {}
    metadata: dict[str, Any] = {}
    errors: list[str] = []
    warnings: list[str] = []
    started: datetime | None = None
    duration_seconds: float | None = None
    timings: dict[str, float] = {}
    artifacts: dict[str, str] = {}
    digest: str | None = None
    config_hash: str | None = None
    random_seed: int | None = None
    run_folder: str | None = None
    success: bool = Field(default=False, description="Follows from status; what is given is not looked at.")

    @field_validator("final_results", "metrics", "metadata", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return jsonable(value)

    def model_post_init(self, context: Any) -> None:
        """Let success follow from status."""
        self.success = self.status == "completed"

    def to_json(self, indent: int | None = 2) -> str:
        """Write as JSON."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        AdmfError
            If it is something else.
        """
        try:
            return cls.model_validate_json(text)
        except ValueError as error:
            raise AdmfError(f"this is no result of a workflow: {error}") from None


def digest_of(values: Mapping[str, Any]) -> str:
    """Give the SHA-256 of named values, the same on every platform and in every process.

    Numbers count bit for bit, save that all NaN are one and -0.0 is 0.0; an int and a float of equal value
    differ, and so do arrays of other kinds or shapes. The order of a mapping's keys does not count.

    Parameters
    ----------
    values
        Name to number, text, bool, None, date, numpy array (numbers, bools, dates, texts), or sequence or
        mapping of those.

    Raises
    ------
    TypeError
        If there is something else among them.
    """
    hasher = sha256()
    _feed(hasher.update, values, "values")
    return hasher.hexdigest()


def _feed(update: Any, value: Any, where: str) -> None:
    def chunk(kind: bytes, content: bytes) -> None:
        update(kind + len(content).to_bytes(8, "little") + content)

    if isinstance(value, Mapping):
        chunk(b"m", str(len(value)).encode())
        for key in sorted(value, key=str):
            chunk(b"k", str(key).encode("utf-8", "surrogatepass"))
            _feed(update, value[key], f"{where}.{key}")
    elif isinstance(value, list | tuple):
        chunk(b"l", str(len(value)).encode())
        for position, each in enumerate(value):
            _feed(update, each, f"{where}[{position}]")
    elif isinstance(value, float):  # numpy's float64 too
        chunk(b"f", struct.pack("<d", math.nan if math.isnan(value) else value + 0.0))
    elif hasattr(value, "dtype") and hasattr(value, "tobytes"):
        _feed_array(chunk, value, where)
    else:
        try:
            plain = jsonable(value, where)
        except TypeError as error:
            raise TypeError(f"no digest: {error}") from None
        if isinstance(plain, Mapping | list):
            _feed(update, plain, where)
        else:
            chunk(type(plain).__name__.encode(), str(plain).encode("utf-8", "surrogatepass"))


def _feed_array(chunk: Any, value: Any, where: str) -> None:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = array.astype("<f8") + 0.0
        array[np.isnan(array)] = np.nan
    elif array.dtype.kind in "iu":
        array = array.astype("<i8" if array.dtype.kind == "i" else "<u8")
    elif array.dtype.kind == "M":
        array = array.astype("<M8[ns]")
    elif array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
        array = array.astype(f"S{max(1, array.dtype.itemsize)}")
    elif array.dtype.kind not in "b":
        raise TypeError(
            f"no digest: {where} is an array of {array.dtype}, not of numbers, bools, dates or texts"
        )
    chunk(b"a", f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
    chunk(b"d", np.ascontiguousarray(array).tobytes())
