"""Strategies written in the config: named indicators, and conditions for entry and exit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from admf.core.registry import nearest
from admf.errors import ComponentError, Problem
from admf.indicators import Indicator, parse_indicator
from admf.indicators.spec import BAR_COLUMNS
from admf.strategies.bind import ParameterError
from admf.strategies.events import EVENTS, Configured, step_of
from admf.strategies.expressions import Expression, Names, parse_expression
from admf.strategies.protocol import HELD, name_problem

KEYS = ("indicators", "columns", *EVENTS)


class Rules:
    """Enter and exit where conditions hold. For what they mean together, see `admf.strategies.events`.

    Conditions speak of bar fields, indicators, columns, ``prev_NAME`` (bar fields and indicators one bar
    before), and what is held: position, entry_price, bars_held, equity.

    Parameters
    ----------
    indicators : mapping
        Name for the conditions -> indicator, as text.
    columns : mapping
        Name for the conditions -> column of the data file.
    entry : condition
        Opens a long position.
    exit : condition
        Ends it.
    short_entry : condition
        Opens a short position. There is an entry or a short_entry at least.
    short_exit : condition
        Ends it.
    """

    example: ClassVar[dict[str, str]] = {
        "indicators": "{fast: SMA(10), slow: SMA(30), rsi: RSI(14)}",
        "entry": '"crosses_above(fast, slow) and rsi < 70"',
        "exit": '"crosses_below(fast, slow)"',
    }

    @staticmethod
    def configure(params: Mapping[str, Any]) -> Configured:
        """Make the strategy.

        Raises
        ------
        ParameterError
            With everything that is wrong in the parameters.
        """
        problems = [_unknown(key) for key in params if key not in KEYS]
        indicators = _indicators(params.get("indicators"), problems)
        columns = _columns(params.get("columns"), indicators, problems)
        with_previous = [*BAR_COLUMNS, *indicators]
        names = Names([*with_previous, *columns, *HELD], with_previous=with_previous)
        conditions: dict[str, Expression] = {}
        # While a name is wrong or may be missing, a condition would only be blamed for it.
        unnamed = any(each.path.startswith(("indicators", "columns")) for each in problems) or any(
            isinstance(params[key], Mapping) for key in params if key not in KEYS
        )
        for event in EVENTS if not unnamed else ():
            if params.get(event) is not None:
                try:
                    conditions[event] = parse_expression(params[event], names)
                except ComponentError as error:
                    problems.append(Problem(event, error.message, hint=error.hint))
        if not any(params.get(event) is not None for event in ("entry", "short_entry")):
            problems.append(Problem("entry", "is missing: rules need an entry or a short_entry"))
        for leave, enter in (("exit", "entry"), ("short_exit", "short_entry")):
            if params.get(leave) is not None and params.get(enter) is None:
                problems.append(Problem(leave, f"has nothing to end: there is no {enter}"))
        if problems:
            raise ParameterError("rules", problems)
        return Configured(indicators, columns, step_of(conditions))


def _unknown(key: Any) -> Problem:
    near = nearest(str(key), KEYS)
    hint = f"did you mean {near}?" if near else None
    return Problem(str(key), "is no parameter of rules", allowed=", ".join(KEYS), hint=hint)


def _indicators(given: Any, problems: list[Problem]) -> dict[str, Indicator]:
    found: dict[str, Indicator] = {}
    for name, value in _entries("indicators", given, problems).items():
        try:
            if isinstance(value, Indicator):
                found[name] = value.require_single()
            else:
                found[name] = parse_indicator(value)
        except ComponentError as error:
            problems.append(Problem(f"indicators.{name}", error.message, hint=error.hint))
    return found


def _columns(given: Any, indicators: Mapping[str, Any], problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _entries("columns", given, problems).items():
        if name in indicators:
            problems.append(Problem(f"columns.{name}", "is the name of an indicator too; rename one of them"))
        elif not isinstance(value, str) or not value:
            problems.append(Problem(f"columns.{name}", f"must be the name of a column; found {value!r}"))
        else:
            found[name] = value
    return found


def _entries(key: str, given: Any, problems: list[Problem]) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        problems.append(Problem(key, f"must be a mapping of names; found {given!r}"))
        return {}
    sound = {}
    for name, value in given.items():
        wrong = name_problem(name)
        if wrong:
            problems.append(Problem(f"{key}.{name}", wrong))
        else:
            sound[name] = value
    return sound
