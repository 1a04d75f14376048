"""Signals that stand in columns of the data file: a user's own model, traded as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from admf.core.registry import nearest
from admf.errors import Problem
from admf.strategies.bind import ParameterError
from admf.strategies.events import Configured, step_of
from admf.strategies.expressions import Names, parse_expression

# What the columns are called here, and the event that each one is.
_EVENTS = {
    "long_entry": "entry",
    "long_exit": "exit",
    "short_entry": "short_entry",
    "short_exit": "short_exit",
}
KEYS = ("target", *_EVENTS)


class Signals:
    """Trade on columns of the data file. For what they mean together, see `admf.strategies.events`.

    Either one column of targets, or columns of signals, in which any number but 0 is a signal, and 0 and NaN
    are none.

    Parameters
    ----------
    target : column
        Targets, -1 to 1: 0 is flat, NaN no decision. It stands alone.
    long_entry : column
        Signals to open a long position.
    long_exit : column
        Signals to end it.
    short_entry : column
        Signals to open a short position.
    short_exit : column
        Signals to end it.
    """

    example: ClassVar[dict[str, str]] = {"long_entry": "up", "long_exit": "down"}

    @staticmethod
    def configure(params: Mapping[str, Any]) -> Configured:
        """Make the strategy.

        Raises
        ------
        ParameterError
            With everything that is wrong in the parameters.
        """
        problems = []
        columns: dict[str, str] = {}
        for key, value in params.items():
            if key not in KEYS:
                near = nearest(str(key), KEYS)
                hint = f"did you mean {near}?" if near else None
                problems.append(
                    Problem(str(key), "is no parameter of signals", allowed=", ".join(KEYS), hint=hint)
                )
            elif value is not None and not (isinstance(value, str) and value):
                problems.append(Problem(key, f"must be the name of a column; found {value!r}"))
            elif value is not None:
                columns[key] = value
        if "target" in columns and len(columns) > 1:
            problems.append(Problem("target", f"stands alone; found it with {', '.join(list(columns)[1:])}"))
        elif not problems and not {"target", "long_entry", "short_entry"} & set(columns):
            problems.append(
                Problem("long_entry", "is missing: signals need a target, long_entry or short_entry")
            )
        if problems:
            raise ParameterError("signals", problems)
        return Configured({}, columns, _step(columns))


def _step(columns: Mapping[str, str]) -> Callable[..., float]:
    if "target" in columns:
        return _follow
    names = Names(list(columns))
    # Only NaN differs from itself.
    return step_of(
        {
            _EVENTS[key]: parse_expression(f"{key} != 0 and {key} == {key}", names)
            for key in _EVENTS
            if key in columns
        }
    )


def _follow(target: float) -> float:
    return target
