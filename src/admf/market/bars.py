"""`Bars`: the prices of one symbol, held once and read-only."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError
from admf.market.findings import Finding

FloatArray = npt.NDArray[np.float64]
PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")
_FORMAT = 1
_COPIED = ("symbol", "timeframe", "periods_per_year", "timezone", "source")


def read_only(array: Any, dtype: type[np.generic] = np.float64) -> npt.NDArray[Any]:
    """Contiguous array of the dtype that nobody can write: shared if that holds already, else a copy.

    A read-only view of an array that somebody else can write is copied.
    """
    result = np.ascontiguousarray(array, dtype=dtype)
    owner: Any = result
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            result = np.array(result, dtype=dtype, order="C")
            break
        owner = owner.base
    result.flags.writeable = False
    # A view: unlike the owner of the memory, it cannot be made writable again.
    return result.view()


def moment_ns(moment: str | date | datetime, timezone: str = "UTC", *, end: bool = False) -> int:
    """UTC nanoseconds of a date or a time.

    Parameters
    ----------
    moment
        A date means its first instant, or its last with ``end``; a time without a zone is one of
        ``timezone``.
    timezone
        Zone of the data.
    end
        Whether the moment closes a range.

    Raises
    ------
    DataError
        The text is no date, or the zone's clocks never showed that time.
    """
    try:
        stamp = pd.Timestamp(moment)
        whole_day = (
            len(moment.strip()) == 10 if isinstance(moment, str) else not isinstance(moment, datetime)
        ) and stamp == stamp.normalize()
        if whole_day and end:
            stamp += pd.Timedelta(days=1)
        if stamp.tzinfo is None:
            # A day may start late (clocks go forward at midnight); a date is then its first instant.
            missing: Any = "shift_forward" if whole_day else "raise"
            stamp = stamp.tz_localize(timezone, nonexistent=missing, ambiguous=True if whole_day else "raise")
        if pd.isna(stamp):
            raise ValueError("not a time")
        return int(stamp.as_unit("ns").value) - (1 if whole_day and end else 0)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"{moment!r} is not a moment in time zone {timezone}: {error}",
            hint="write a date as 2020-01-31, or a time as 2020-01-31T14:30:00+00:00",
        ) from None


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of one symbol, in order of time; nothing in it can be changed.

    Parameters
    ----------
    symbol
        Name of the instrument.
    timeframe
        Length of a bar, as ``1d``.
    timestamps
        UTC nanoseconds, int64, strictly ascending, shape (n,).
    open, high, low, close
        Prices, float64, positive and finite, shape (n,).
    volume
        Float64, not negative, shape (n,); zeros where the source has none.
    extra
        Other numeric columns of the source by their own name, float64, shape (n,); NaN is allowed here.
    periods_per_year
        Bars in a year, for annual figures.
    timezone
        Zone in which dates are meant (the bars' own days); timestamps are UTC whatever it is.
    source
        Where the bars come from, for people.
    findings
        What the quality gate noticed; row numbers are those of the source.

    Raises
    ------
    DataError
        Arrays differ in length. (That the numbers are right is the quality gate's business: use `load_bars`.)
    """

    symbol: str
    timeframe: str
    timestamps: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    extra: Mapping[str, FloatArray] = field(default_factory=dict)
    periods_per_year: float = 252.0
    timezone: str = "UTC"
    source: str = "arrays"
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("timestamps", read_only(self.timestamps, np.int64))
        for name in FIELDS:
            put(name, read_only(getattr(self, name)))
        put("extra", MappingProxyType({str(key): read_only(value) for key, value in self.extra.items()}))
        put("findings", tuple(self.findings))
        shape = self.timestamps.shape
        columns = {**{name: getattr(self, name) for name in FIELDS}, **self.extra}
        wrong = {name: array.shape for name, array in columns.items() if array.shape != shape}
        if wrong or len(shape) != 1:
            raise DataError(f"bars of {self.symbol}: timestamps have shape {shape}, but {wrong}")

    def __len__(self) -> int:
        return len(self.timestamps)

    def __repr__(self) -> str:
        span = f"{self.index[0]} to {self.index[-1]}" if len(self) else "empty"
        return f"<Bars {self.symbol} {self.timeframe}: {len(self)} bars, {span}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Built anew on the other side: an unpickled array would be writable.
        names = ("symbol", "timeframe", "timestamps", *FIELDS)
        head = tuple(getattr(self, name) for name in names)
        return Bars, (
            *head,
            dict(self.extra),
            self.periods_per_year,
            self.timezone,
            self.source,
            self.findings,
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of timeframe, timestamps and every column with its name; not of the symbol."""
        digest = hashlib.sha256()
        names = sorted(self.extra)
        digest.update(json.dumps(["admf-bars", _FORMAT, self.timeframe, len(self), names]).encode())
        digest.update(self.timestamps.astype("<i8", copy=False).data)
        for array in [*(getattr(self, name) for name in FIELDS), *(self.extra[name] for name in names)]:
            # One bit pattern for each value: readers disagree on the signs of zero and of NaN.
            plain = array + 0.0
            plain[np.isnan(plain)] = np.nan
            digest.update(plain.astype("<f8", copy=False).data)
        return digest.hexdigest()

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Timestamps as a UTC index of pandas."""
        return pd.DatetimeIndex(self.timestamps.view("M8[ns]"), tz="UTC", name="timestamp")

    @property
    def frame(self) -> pd.DataFrame:
        """A copy as DataFrame: OHLCV, then the extra columns (those named like a field are left out)."""
        columns = {name: np.array(getattr(self, name)) for name in FIELDS}
        columns |= {name: np.array(array) for name, array in self.extra.items() if name not in columns}
        return pd.DataFrame(columns, index=self.index)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays in bytes."""
        return 8 * len(self) * (1 + len(FIELDS) + len(self.extra))

    def slice(self, start: int | None = None, stop: int | None = None) -> Bars:
        """Cut out positions ``start`` to ``stop`` (exclusive) as views; findings stay those of the load."""
        part = slice(start, stop)
        arrays = {name: getattr(self, name)[part] for name in ("timestamps", *FIELDS)}
        return replace(self, **arrays, extra={name: array[part] for name, array in self.extra.items()})

    def position_of(self, moment: str | date | datetime, side: Literal["left", "right"] = "left") -> int:
        """Find where a moment cuts the bars.

        ``slice(position_of(a), position_of(b, "right"))`` holds the bars from a to b, both inclusive.

        Parameters
        ----------
        moment
            A date, or a time; without a zone, one of the bars' `timezone`.
        side
            ``left``: the first bar at or after the moment. ``right``: the first bar after it, and a date
            means its whole day.

        Returns
        -------
        int
            From 0 to ``len(bars)``.
        """
        cut = moment_ns(moment, self.timezone, end=side == "right")
        return int(np.searchsorted(self.timestamps, cut, side=side))

    def save(self, folder: str | Path) -> Path:
        """Write the bars into a folder: a .npy file a column, and meta.json.

        The folder appears whole or not at all. Saving the same bars again does nothing.

        Raises
        ------
        DataError
            The folder exists and holds something else, or cannot be written.
        """
        target = Path(folder)
        if target.exists():
            return self._same_as_saved(target)
        files = {name: f"{name}.npy" for name in ("timestamps", *FIELDS)}
        extra = {name: f"extra_{number}.npy" for number, name in enumerate(self.extra)}
        meta = {
            "format": _FORMAT,
            "bars": len(self),
            "fingerprint": self.fingerprint,
            "extra": extra,
            "findings": [asdict(finding) for finding in self.findings],
            **{name: getattr(self, name) for name in _COPIED},
        }
        # A plain name, not tempfile's: its folders are closed to other users, and others may share the cache.
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            temporary.mkdir(parents=True)
            for name, file in files.items():
                np.save(temporary / file, getattr(self, name), allow_pickle=False)
            for name, file in extra.items():
                np.save(temporary / file, self.extra[name], allow_pickle=False)
            (temporary / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
            os.rename(temporary, target)
        except OSError as error:
            if target.exists():  # another process was first
                return self._same_as_saved(target)
            raise DataError(f"bars of {self.symbol} cannot be saved to {target}: {error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def _same_as_saved(self, target: Path) -> Path:
        if Bars.load(target).fingerprint == self.fingerprint:
            return target
        raise DataError(
            f"{target} holds other bars than those of {self.symbol}", hint="save to another folder"
        )

    @classmethod
    def load(cls, folder: str | Path, *, verify: bool = True) -> Bars:
        """Open saved bars, memory-mapped and read-only.

        Parameters
        ----------
        folder
            What `save` wrote.
        verify
            Read everything once and compare the fingerprint. Without it only sizes and types are checked.

        Raises
        ------
        DataError
            The folder is missing, damaged, or not ours.
        """
        root = Path(folder)
        try:
            meta = json.loads((root / "meta.json").read_text(encoding="utf-8"))
            if not isinstance(meta, dict) or meta.get("format") != _FORMAT:
                raise ValueError(f"meta.json is not of format {_FORMAT}")
            arrays = {
                name: _mapped(root / f"{name}.npy", np.float64 if name in FIELDS else np.int64, meta["bars"])
                for name in ("timestamps", *FIELDS)
            }
            extra = {
                name: _mapped(root / f"extra_{number}.npy", np.float64, meta["bars"])
                for number, name in enumerate(meta["extra"])
            }
            findings = tuple(Finding(**{**each, "rows": tuple(each["rows"])}) for each in meta["findings"])
            fields: dict[str, Any] = {**arrays, **{name: meta[name] for name in _COPIED}}
            bars = cls(**fields, extra=extra, findings=findings)
            if verify and bars.fingerprint != meta["fingerprint"]:
                raise ValueError("the content does not have the fingerprint that meta.json names")
        except FileNotFoundError as error:
            raise DataError(f"{root} holds no saved bars: {Path(error.filename).name} is missing") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"the saved bars in {root} are damaged: {error}",
                hint="remove the folder, and load the source again",
            ) from error
        bars.__dict__.setdefault("fingerprint", str(meta["fingerprint"]))
        return bars


def _mapped(path: Path, dtype: type[np.generic], length: int) -> npt.NDArray[Any]:
    if not length:
        return np.empty(0, dtype)
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.shape != (length,):
        raise ValueError(f"{path.name} has {array.dtype} {array.shape}, not {np.dtype(dtype)} ({length},)")
    return array  # type: ignore[no-any-return]
