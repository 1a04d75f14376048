"""The capability ``optimization``: a plain class with a parameter space gains what a search needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from admf.core.capabilities import Attachment, Surroundings
from admf.core.registry import nearest
from admf.errors import ComponentError


class Domain(Protocol):
    """The values that a parameter may take."""

    @property
    def default(self) -> Any:
        """The value where none is given; None if there is no such."""

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value; None if nothing is."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included, at distance `step` from `low` if there is one."""

    low: float
    high: float
    step: float | None = None
    whole: bool = False
    default: float | None = None

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value; None if nothing is."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return f"{value!r} is no {'whole ' if self.whole else ''}number"
        if not self.low <= value <= self.high:  # NaN is neither
            return f"{value!r} is not from {self.low} to {self.high}"
        if self.step is not None:
            steps = (value - self.low) / self.step
            if not math.isclose(steps, round(steps), abs_tol=1e-9):
                return f"{value!r} is not {self.low} plus a multiple of {self.step}"
        return None


@dataclass(frozen=True)
class OneOf:
    """One of these values, of the same type: True is not 1."""

    choices: tuple[Any, ...]
    default: Any = None

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value; None if nothing is."""
        if any(type(value) is type(choice) and value == choice for choice in self.choices):
            return None
        return f"{value!r} is none of {', '.join(map(repr, self.choices))}"


def domain_of(domain: Any, where: str) -> Domain:
    """Read a domain: an object with ``default`` and ``problem(value)``, or a mapping.

    A mapping is ``{type: int|float, min, max, step}`` or ``{type: choice, choices}``, with a ``default`` or
    without.

    Raises
    ------
    ComponentError
        If it is neither; says where.
    """
    if not isinstance(domain, Mapping):
        if callable(getattr(domain, "problem", None)) and hasattr(domain, "default"):
            found: Domain = domain
            return found
        raise ComponentError(
            f"{where}: {domain!r} is no domain of a parameter",
            "write {type: int, min: 5, max: 50}, {type: float, ...} or {type: choice, choices: [...]}",
        )
    kind = domain.get("type")
    allowed = {"int": ("min", "max", "step"), "float": ("min", "max", "step"), "choice": ("choices",)}.get(
        str(kind)
    )
    if allowed is None:
        raise ComponentError(f"{where}: type is int, float or choice, not {kind!r}")
    if unknown := [key for key in domain if key not in ("type", "default", *allowed)]:
        raise ComponentError(
            f"{where}: a domain of type {kind} has no {unknown[0]!r}; it has {', '.join(allowed)}"
        )
    default = domain.get("default")
    made: Range | OneOf
    if kind == "choice":
        choices = domain.get("choices")
        if not isinstance(choices, list | tuple) or not choices:
            raise ComponentError(f"{where}: choices must be a list with something in it, not {choices!r}")
        made = OneOf(tuple(choices), default)
    else:
        low: Any = domain.get("min")
        high: Any = domain.get("max")
        step: Any = domain.get("step")
        whole = kind == "int"
        for key, value in (("min", low), ("max", high), ("step", step)):
            fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not (fits and math.isfinite(value)) and not (key == "step" and value is None):
                raise ComponentError(
                    f"{where}: {key} must be a {'whole ' if whole else ''}number, not {value!r}"
                )
        if low > high or (step is not None and step <= 0):
            raise ComponentError(
                f"{where}: min {low!r} must not be above max {high!r}, and step {step!r} be above 0"
            )
        made = Range(low, high, step, whole, default)
    if default is not None and (problem := made.problem(default)):
        raise ComponentError(f"{where}: the default {problem}")
    return made


def optimization(component: Any, surroundings: Surroundings) -> Attachment:
    """Make a plain class with a ``parameter_space`` optimizable.

    Adds ``get_parameter_space, get_parameters, set_parameters, validate_parameters, record_result``, the list
    ``history`` and the function ``best``. The parameters are attributes of the component.
    """
    name = surroundings.name
    space = getattr(component, "parameter_space", None)
    if not isinstance(space, Mapping) or not space:
        raise ComponentError(
            f"capability 'optimization' of component {name!r} needs a parameter_space, a mapping of "
            f"parameter to domain; {type(component).__qualname__} has {space!r}"
        )
    domains = {parameter: domain_of(domain, f"{name}.{parameter}") for parameter, domain in space.items()}
    history: list[dict[str, Any]] = []

    def get_parameter_space() -> dict[str, Any]:
        """Give the space: parameter to domain."""
        return dict(space)

    def get_parameters() -> dict[str, Any]:
        """Give the present values; a parameter without one has its default."""
        return {
            parameter: getattr(component, parameter, domain.default) for parameter, domain in domains.items()
        }

    def validate_parameters(parameters: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with these values, all of it; an empty list where nothing is."""
        problems = []
        for parameter, value in parameters.items():
            if parameter not in domains:
                near = nearest(str(parameter), domains)
                problems.append(
                    f"{name} has no parameter {parameter!r}" + (f"; did you mean {near!r}?" if near else "")
                )
            elif problem := domains[parameter].problem(value):
                problems.append(f"{name}.{parameter}: {problem}")
        return problems

    def set_parameters(parameters: Mapping[str, Any]) -> None:
        """Take new values, all or none."""
        if problems := validate_parameters(parameters):
            raise ComponentError("; ".join(problems))
        for parameter, value in parameters.items():
            setattr(component, parameter, value)

    def record_result(score: float, parameters: Mapping[str, Any] | None = None) -> None:
        """Note the score of `parameters` (default: the present ones)."""
        history.append({"parameters": dict(parameters or get_parameters()), "score": float(score)})

    def best(*, maximize: bool = True) -> dict[str, Any] | None:
        """Give the entry of the history with the best score, the first of equals; NaN is never best."""
        scored = [entry for entry in history if entry["score"] == entry["score"]]
        return (max if maximize else min)(scored, key=lambda entry: entry["score"], default=None)

    set_parameters({parameter: value for parameter, value in get_parameters().items() if value is not None})
    return Attachment(
        {
            "get_parameter_space": get_parameter_space,
            "get_parameters": get_parameters,
            "set_parameters": set_parameters,
            "validate_parameters": validate_parameters,
            "record_result": record_result,
            "history": history,
            "best": best,
        }
    )
