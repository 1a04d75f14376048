"""What the quality gate says about data: one finding a fault, with the rows it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError, TransientDataError

T = TypeVar("T")
Severity = Literal["error", "warning", "info"]

SHOWN_ROWS = 5
KEPT_ROWS = 100
NO_TIMESTAMP = np.iinfo(np.int64).min  # NaT


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed in the data.

    Parameters
    ----------
    kind
        Short name of the rule, as ``high_below_low``.
    severity
        ``error`` refuses the data; ``warning`` is legal but odd; ``info`` tells what was assumed.
    message
        The sentence for people, with the first rows and what was found there.
    rows
        Rows of the source, counted from 0 without the header; at most the first 100.
    column
        The column it is about; None where it is about the whole row.
    count
        How many rows in all.
    """

    kind: str
    severity: Severity
    message: str
    rows: tuple[int, ...] = ()
    column: str | None = None
    count: int = 0


def format_moments(stamps: npt.NDArray[np.int64], timezone: str) -> list[str]:
    """UTC nanoseconds as text of the data's time zone: the date alone at midnight, nothing for NaT."""
    texts = []
    for stamp in stamps:
        if stamp == NO_TIMESTAMP:
            texts.append("")
            continue
        moment = pd.Timestamp(int(stamp), unit="ns", tz="UTC").tz_convert(timezone)
        if moment == moment.normalize():
            texts.append(moment.strftime("%Y-%m-%d"))
        else:
            seconds = "%H:%M:%S" if moment.second else "%H:%M"
            texts.append(f"{moment.strftime(f'%Y-%m-%d {seconds}')} {timezone}")
    return texts


@dataclass(frozen=True)
class Rows:
    """Names rows in messages: row number of the source and timestamp of each bar.

    Parameters
    ----------
    numbers
        Row number in the source of each bar, shape (n,).
    timestamps
        UTC nanoseconds, shape (n,).
    timezone
        Zone that messages show times in.
    """

    numbers: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]
    timezone: str

    def finding(
        self,
        kind: str,
        severity: Severity,
        what: str,
        positions: npt.NDArray[np.intp] | Sequence[int],
        detail: Callable[[int], str] | None = None,
        column: str | None = None,
    ) -> Finding:
        """Build a finding: ``what`` is followed by the count and the first rows.

        Parameters
        ----------
        kind, severity, column
            As in `Finding`.
        what
            What is wrong, as ``close is NaN``.
        positions
            Positions of the bars.
        detail
            Gives the text that follows a row, from its position.
        """
        chosen = np.asarray(positions, dtype=np.intp)
        count = len(chosen)
        shown = chosen[:SHOWN_ROWS]
        moments = format_moments(self.timestamps[shown], self.timezone)
        parts = []
        for position, moment in zip(shown.tolist(), moments, strict=True):
            part = f"row {self.numbers[position]}" + (f" ({moment})" if moment else "")
            parts.append(f"{part}: {detail(position)}" if detail else part)
        if count > SHOWN_ROWS:
            parts.append(f"and {count - SHOWN_ROWS} more")
        message = f"{what} in {count} row{'s' if count != 1 else ''}: {'; '.join(parts)}"
        rows = tuple(int(row) for row in self.numbers[chosen[:KEPT_ROWS]])
        return Finding(kind, severity, message, rows, column, count)


def refuse(label: str, findings: Iterable[Finding]) -> None:
    """Raise `DataError` with every error among the findings, or return when there is none."""
    everything = tuple(findings)
    errors = [finding for finding in everything if finding.severity == "error"]
    if not errors:
        return
    head = f"{label}: refused, {len(errors)} error{'s' if len(errors) != 1 else ''} in the data"
    raise DataError(
        "\n".join([head, *(f"  {finding.message}" for finding in errors)]),
        hint="correct the source: nothing is repaired silently; rows are counted from 0, without the header",
        findings=everything,
    )


def for_each(symbols: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
    """Do something for every symbol, in their order.

    Raises
    ------
    DataError
        Of every symbol for which it could not be done: one hides no other. `done` has what could be.
    """
    result, errors = attempt(symbols, work)
    if errors:
        error = together(errors)
        error.done = result
        raise error
    return result


def attempt(symbols: Iterable[str], work: Callable[[str], T]) -> tuple[dict[str, T], list[DataError]]:
    """Do something for every symbol, in their order: the results by symbol, and why others have none."""
    result: dict[str, T] = {}
    errors: list[DataError] = []
    for symbol in symbols:
        try:
            result[symbol] = work(symbol)
        except TransientDataError:  # it may pass: what else is wrong is told when it has
            raise
        except DataError as error:
            errors.append(error)
    return result, errors


def together(errors: Sequence[DataError]) -> DataError:
    """Make one error of several; what is the same of many symbols is said once."""
    if len(errors) == 1:
        return errors[0]
    findings = [finding for error in errors for finding in error.findings]
    messages = dict.fromkeys(error.message for error in errors)
    hints = dict.fromkeys(error.hint for error in errors if error.hint)
    error = DataError("\n".join(messages), "; ".join(hints) or None, findings)
    error.parts = tuple(part for each in errors for part in each.parts or (each,))
    return error
