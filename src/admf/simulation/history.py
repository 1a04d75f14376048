"""Bars that grow by one at a time, each checked by the rules of the quality gate before it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from admf.errors import DataError
from admf.market.bars import FIELDS, PRICES, Bars, moment_ns
from admf.market.findings import NO_TIMESTAMP, Rows, refuse
from admf.market.normalise import Table
from admf.market.quality import check_values

_ROOM = 1024


class History:
    """Bars of one symbol in buffers that double when they are full, so that a bar more costs no copy.

    Parameters
    ----------
    bars
        Bars to begin with. Symbol, timeframe, time zone and the names of other columns are theirs.
    open_columns
        Whether the first bar that is added may say which other columns there are.
    """

    def __init__(self, bars: Bars, open_columns: bool = False) -> None:
        self._head = bars.slice(0, 0)
        self.open_columns = open_columns
        self._length = len(bars)
        self._reserve(bars, 2 * len(bars) + _ROOM)

    def _reserve(self, bars: Bars, room: int) -> None:
        self._room = room
        arrays = {name: getattr(bars, name) for name in FIELDS} | {
            ("extra", name): column for name, column in bars.extra.items()
        }
        self._names = tuple(arrays)
        self._stamps, self._stamps_read = _buffer(room, np.int64)
        self._stamps[: len(bars)] = bars.timestamps
        self._columns: dict[Any, npt.NDArray[Any]] = {}
        self._columns_read: dict[Any, npt.NDArray[Any]] = {}
        for name, array in arrays.items():
            self._columns[name], self._columns_read[name] = _buffer(room, np.float64)
            self._columns[name][: len(bars)] = array

    def __len__(self) -> int:
        return self._length

    @property
    def bars(self) -> Bars:
        """The bars so far: views, which stay as they are when more are added."""
        n = self._length
        fields: dict[str, Any] = {name: self._columns_read[name][:n] for name in FIELDS}
        return replace(
            self._head,
            timestamps=self._stamps_read[:n],
            **fields,
            extra={name[1]: self._columns_read[name][:n] for name in self._names if isinstance(name, tuple)},
        )

    def append(self, bar: Any, volume_for: Sequence[str] = ()) -> None:
        """Check a bar and add it.

        Parameters
        ----------
        bar
            A mapping with the keys timestamp, open, high, low, close, volume (0 where it is absent) and the
            names of the other columns, or an object with attributes of these names and a mapping `extra`.
            The timestamp is a time (without a zone: one of the bars'), or UTC nanoseconds as an integer.
        volume_for
            Settings that need volume: where there are any, it must not be absent.

        Raises
        ------
        DataError
            Something is missing or no number, prices that no market makes, or a time that is not after the
            last bar's; says all of it. Nothing is added then.
        """
        label = f"{self._head.symbol}: bar {self._length}"
        values, extra = _parts(bar, label)
        problems: list[str] = []
        stamp = self._stamp(values.get("timestamp"), problems)
        numbers = {name: _number(values.get(name, 0.0 if name == "volume" else None), name, problems)
                   for name in FIELDS}  # fmt: skip
        known = [name[1] for name in self._names if isinstance(name, tuple)]
        if self.open_columns:
            known = list(extra)
        if volume_for and "volume" not in values:
            problems.append(f"volume is missing, which {' and '.join(volume_for)} cannot do without")
        problems += [f"column {name!r} is missing" for name in known if name not in extra]
        problems += [f"column {name!r} is not one of the bars before" for name in extra if name not in known]
        others = {name: _number(extra[name], name, problems, nan=True) for name in known if name in extra}
        if problems:
            raise DataError(f"{label}: refused\n" + "\n".join(f"  {problem}" for problem in problems))
        if self.open_columns:
            self._head = replace(self._head, extra={name: np.empty(0) for name in known})
            self._reserve(self._head, _ROOM)
        elif self._length == self._room:
            self._reserve(self.bars, 2 * self._room)
        n = self._length
        self._stamps[n] = stamp
        for name, value in numbers.items():
            self._columns[name][n] = value
        for name, value in others.items():
            self._columns["extra", name][n] = value
        self._check(label)
        self.open_columns = False
        self._length = n + 1

    def _stamp(self, moment: Any, problems: list[str]) -> int:
        if moment is None:
            problems.append("timestamp is missing")
            return 0
        if isinstance(moment, int | np.integer) and not isinstance(moment, bool):
            if NO_TIMESTAMP < moment < 2**63:
                return int(moment)
            problems.append(f"timestamp {moment} is no time in nanoseconds")
            return 0
        try:
            return moment_ns(moment, self._head.timezone)
        except DataError as error:
            problems.append(f"timestamp: {error.message}")
            return 0

    def _check(self, label: str) -> None:
        n = self._length
        last_two = slice(max(n - 1, 0), n + 1)
        numbers = np.arange(last_two.start, n + 1)
        table = Table(
            label,
            Rows(numbers, self._stamps_read[last_two], self._head.timezone),
            {name: self._columns_read[name][last_two] for name in FIELDS},
            {},
        )
        refuse(label, check_values(table, min_bars=1))


def _buffer(room: int, dtype: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Memory that is written through one array and read through another, which `Bars` need not copy."""
    memory = bytearray(8 * room)
    return np.frombuffer(memory, dtype), np.frombuffer(memoryview(memory).toreadonly(), dtype)


def _parts(bar: Any, label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take a bar apart: what every bar has, and other columns."""
    usual = ("timestamp", *FIELDS)
    if hasattr(bar, "keys"):
        found = dict(bar)
        extra = {str(name): value for name, value in found.items() if name not in usual}
        return {name: found[name] for name in usual if found.get(name) is not None}, extra
    if not all(hasattr(bar, name) for name in PRICES):
        raise DataError(
            f"{label}: a bar is a mapping or an object with timestamp, open, high, low, close; found {bar!r}"
        )
    extra = getattr(bar, "extra", None) or {}
    if not isinstance(extra, Mapping):
        raise DataError(f"{label}: extra must be a mapping of columns to numbers; found {extra!r}")
    return {name: value for name in usual if (value := getattr(bar, name, None)) is not None}, dict(extra)


def _number(value: Any, name: str, problems: list[str], *, nan: bool = False) -> float:
    if value is None and nan:
        return float("nan")
    if value is None:
        problems.append(f"{name} is missing")
    elif isinstance(value, bool | np.bool_) and nan:
        return float(value)
    elif isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        problems.append(f"{name} must be a number; found {value!r}")
    else:
        try:
            return float(value)
        except OverflowError:
            problems.append(f"{name} is too large")
    return 0.0
