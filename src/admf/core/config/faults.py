"""How a model says what is wrong with a value: messages for people, many at once, each with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import PydanticCustomError

#: Keys and list positions from the top of a config (or of a section) to a value.
Path: TypeAlias = tuple[str | int, ...]

#: ``error["type"]`` of an error that carries faults.
FAULTS = "admf_faults"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a section.

    Parameters
    ----------
    message
        What is wrong, as a sentence that follows the key's path.
    key
        Where, relative to the value that was checked; empty: the value itself.
    allowed, hint
        What may stand there, what to do.
    missing
        The key is absent: nothing was found there.
    """

    message: str
    key: Path = ()
    allowed: str | None = None
    hint: str | None = None
    missing: bool = False


#: A check over several keys of a section. It gets the values by name, reads those it needs with
#: ``values[key]``, and is skipped when one of them is itself wrong (the key is then absent).
Check: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Fault]]


def fault_error(*faults: Fault) -> PydanticCustomError:
    """Give the error to raise from a pydantic validator."""
    text = "; ".join(".".join(map(str, fault.key)) + " " + fault.message for fault in faults).strip()
    return PydanticCustomError(FAULTS, "{text}", {"text": text, "faults": faults})


def run_checks(checks: Iterable[Check], values: Mapping[str, Any]) -> list[Fault]:
    """Run those checks whose keys are all there."""
    faults: list[Fault] = []
    for check in checks:
        try:
            faults.extend(check(values))
        except KeyError:  # a key that it needs is wrong, and reported already
            continue
    return faults
