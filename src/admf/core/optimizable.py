"""The capability ``optimization``: a plain class with a parameter space gains what a search needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from admf.core.capabilities import Attachment, Surroundings
from admf.core.registry import nearest
from admf.errors import ComponentError


class Domain(Protocol):
    """The values that a parameter may take, as `admf.strategies.Int` and its like are."""

    @property
    def default(self) -> Any:
        """The value where none is given; None if there is no such."""

    def accept(self, value: Any) -> Any:
        """Give the value as it is to be used; ValueError says what is wrong with it."""


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
    domains: dict[str, Domain] = dict(space)
    for parameter, domain in domains.items():
        if not (callable(getattr(domain, "accept", None)) and hasattr(domain, "default")):
            raise ComponentError(
                f"parameter_space of component {name!r}: {domain!r} is no domain of {parameter!r}",
                "use Int, Float, Bool or Choice of admf.strategies",
            )
    history: list[dict[str, Any]] = []

    def get_parameter_space() -> dict[str, Any]:
        """Give the space: parameter to domain."""
        return dict(space)

    def get_parameters() -> dict[str, Any]:
        """Give the present values; a parameter without one has its default."""
        return {
            parameter: getattr(component, parameter, domain.default) for parameter, domain in domains.items()
        }

    def check(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        accepted, problems = {}, []
        for parameter, value in parameters.items():
            if parameter not in domains:
                near = nearest(str(parameter), domains)
                hint = f"; did you mean {near!r}?" if near else ""
                problems.append(f"{name} has no parameter {parameter!r}{hint}")
                continue
            try:
                accepted[parameter] = domains[parameter].accept(value)
            except ValueError as error:
                problems.append(f"{name}.{parameter} {error}")
        return accepted, problems

    def validate_parameters(parameters: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with these values, all of it; an empty list where nothing is."""
        return check(parameters)[1]

    def set_parameters(parameters: Mapping[str, Any]) -> None:
        """Take new values, all or none."""
        accepted, problems = check(parameters)
        if problems:
            raise ComponentError("; ".join(problems))
        for parameter, value in accepted.items():
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
