"""What a strategy or an allocation may be given, for people: from its space, signature and docstring."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from admf.strategies.space import Bool, Choice, Float, Int, Parameter

_SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)


@dataclass(frozen=True)
class ParameterInfo:
    """A parameter, in texts as they stand in YAML.

    Parameters
    ----------
    name
        What it is called.
    type
        What a value is; empty: not known.
    allowed
        Range or values; empty: not limited here.
    default
        The value where none is given; empty: there is none.
    required
        Whether it must be given.
    meaning
        What the docstring says of it.
    example
        A value.
    """

    name: str
    type: str = ""
    allowed: str = ""
    default: str = ""
    required: bool = False
    meaning: str = ""
    example: str = ""


def describe_parameters(component: Any) -> list[ParameterInfo]:
    """List the parameters of a strategy or an allocation.

    Those of its space (``parameters``); without one, those that its class is made with; for one that is
    configured as a whole, those that its docstring lists. ``example``, if it has that, maps parameters to
    values in YAML.
    """
    meanings = _meanings(component)
    examples = getattr(component, "example", None) or {}
    space = getattr(component, "parameters", None)
    if isinstance(space, Mapping):
        found = [_of_domain(name, domain) for name, domain in space.items()]
    elif inspect.isclass(component) and "__init__" in vars(component):
        found = _of_signature(component)
    elif hasattr(component, "configure"):
        found = [ParameterInfo(name, kind) for name, (kind, _) in meanings.items()]
    else:
        found = []
    return [
        replace(
            each,
            meaning=meanings.get(each.name, ("", ""))[1],
            example=str(examples.get(each.name, "")),
        )
        for each in found
    ]


def describe(component: Any) -> str:
    """Give the docstring of a component without its sections."""
    return _SECTION.split(inspect.getdoc(component) or "", maxsplit=1)[0].strip()


def example_params(component: Any) -> str:
    """Write parameters as they may stand in a config, in YAML's flow style; empty where there are none."""
    given = {each.name: each.example or each.default for each in describe_parameters(component)}
    chosen = set(getattr(component, "example", None) or given)
    pairs = [f"{name}: {value}" for name, value in given.items() if value and name in chosen]
    return f"{{{', '.join(pairs)}}}" if pairs else ""


def _of_domain(name: str, domain: Parameter) -> ParameterInfo:
    kind, allowed = "", ""
    match domain:
        case Int():
            kind, allowed = "whole number", f"{domain.low} to {domain.high}"
        case Float():
            kind, allowed = "number", f"{domain.low:g} to {domain.high:g}"
        case Bool():
            kind, allowed = "true or false", ""
        case Choice():
            kind, allowed = "one of", ", ".join(map(_yaml, domain.values))
    default = "" if domain.default is None else _yaml(domain.default)
    return ParameterInfo(name, kind, allowed, default, required=domain.default is None)


def _of_signature(component: type) -> list[ParameterInfo]:
    try:
        hints = typing.get_type_hints(component.__init__)  # type: ignore[misc]
    except NameError:  # of names that only a type checker sees
        hints = {}
    found = []
    for name, parameter in inspect.signature(component).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        default = "" if required or parameter.default is None else _yaml(parameter.default)
        found.append(ParameterInfo(name, *_of_hint(hints.get(name)), default, required))
    return found


def _of_hint(hint: Any) -> tuple[str, str]:
    """Give type and allowed values of a type hint, as far as they are known."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return "one of", ", ".join(map(_yaml, typing.get_args(hint)))
    kinds = [typing.get_origin(each) or each for each in (typing.get_args(hint) or (hint,))]
    for kind in (origin, *kinds):
        if kind in (dict, Mapping) or getattr(kind, "__name__", "") == "Mapping":
            return "mapping", ""
        if kind in (list, tuple) or getattr(kind, "__name__", "") == "Sequence":
            return "list", ""
    names = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return names.get(hint, ""), ""


def _meanings(component: Any) -> dict[str, tuple[str, str]]:
    """Read the section ``Parameters`` of a docstring: name -> type, if it says that, and what it is."""
    parts = _SECTION.split(inspect.getdoc(component) or "")
    text = dict(zip(parts[1::2], parts[2::2], strict=True)).get("Parameters", "")
    found: dict[str, tuple[str, str]] = {}
    for head, meaning in re.findall(r"^(\S[^\n]*)\n((?:[ ]{4}[^\n]*(?:\n|$)|\n)+)", text, re.MULTILINE):
        names, _, kind = head.partition(" : ")
        for name in names.split(","):
            found[name.strip()] = kind.strip(), " ".join(meaning.split())
    return found


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
