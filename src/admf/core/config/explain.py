"""Turns pydantic's errors into problems that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from admf.core.config.faults import FAULTS, Fault, Path, run_checks
from admf.core.config.hints import nearest, value_hint
from admf.core.config.places import MAX_PROBLEMS, View
from admf.core.config.plain import short
from admf.errors import Problem

_MISSING = object()

#: error type -> (message, allowed); braces are filled from the error's context.
_WORDS: dict[str, tuple[str, str | None]] = {
    "bool_type": ("must be true or false", "true, false"),
    "float_type": ("must be a number", None),
    "int_type": ("must be a whole number", None),
    "int_from_float": ("must be a whole number", None),
    "string_type": ("must be text", None),
    "string_unicode": ("has a character that cannot be stored", None),
    "list_type": ("must be a list", "[first, second] or one line with - for each entry"),
    "dict_type": ("must be a mapping", "lines of key: value"),
    "model_type": ("must be a section", "lines of key: value"),
    "model_attributes_type": ("must be a section", "lines of key: value"),
    "finite_number": ("must be a finite number", None),
    "greater_than": ("must be greater than {gt:g}", None),
    "greater_than_equal": ("must be at least {ge:g}", None),
    "less_than": ("must be less than {lt:g}", None),
    "less_than_equal": ("must be at most {le:g}", None),
    "too_short": ("needs more entries", "at least {min_length}"),
    "too_long": ("has too many entries", "at most {max_length}"),
    "string_too_short": ("must not be empty", None),
    "string_too_long": ("is too long", "at most {max_length} characters"),
    "string_pattern_mismatch": ("does not have the right form", "text that matches {pattern}"),
}


def explain(error: ValidationError, model: type[BaseModel], data: Any, view: View) -> list[Problem]:
    """Give every problem of data that a model refused, with those of checks that pydantic did not reach."""
    problems: list[Problem] = []
    wrong: set[Path] = set()
    for details in error.errors(include_url=False)[:MAX_PROBLEMS]:
        path = tuple(key for key in details["loc"] if key != "[key]")
        if details["type"] == "default_factory_not_called":
            continue  # the default depends on another key, and that one is wrong
        wrong.add(path)
        problems.extend(_explain_one(details, path, model, data, view))
    if not view.whole:  # rules over several keys: one of them may stand in the file that was not found
        return problems
    for path, fault in _unreached(model, data, (), wrong):
        problems.append(_from_fault(fault, path, model, data, view))
    return problems


def _explain_one(
    details: ErrorDetails, path: Path, model: type[BaseModel], data: Any, view: View
) -> Iterator[Problem]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == FAULTS:
        for fault in context["faults"]:
            if view.whole or not fault.key:
                yield _from_fault(fault, path, model, data, view)
    elif kind == "missing":
        if view.whole:
            yield view.problem(path, "is required", hint=_describe(_field(model, path)))
    elif kind == "extra_forbidden":
        owner = _model(model, path[:-1])
        others = list(dict.fromkeys(owners_of(model, path[-1])))
        yield unknown_key(path, list(owner.model_fields) if owner else [], view, others)
    else:
        value = _at(data, path)
        found = _found(value, path, model, view)
        if value is None:
            is_section = kind in ("model_type", "model_attributes_type", "dict_type")
            message = "is an empty section" if is_section else "has no value"
            advice = f"write {'its keys below it' if is_section else 'a value'}, or remove it"
            yield view.problem(path, message, found=found, hint=advice)
        elif kind in ("literal_error", "enum"):
            choices = re.findall(r"'([^']*)'", context["expected"])
            yield view.problem(
                path,
                "is not one of the choices",
                found=found,
                allowed=", ".join(choices),
                hint=None if path in view.written else nearest(value, choices),
            )
        else:
            message, allowed = _WORDS.get(kind, (_own_words(details["msg"]), None))
            hint = None if found == "(hidden)" or path in view.written else value_hint(kind, value)
            if path in view.written and kind != "string_type":
                hint = "a value from the environment is text; give it with --set instead"
            yield view.problem(
                path,
                message.format(**context) if kind in _WORDS else message,
                found=found,
                allowed=allowed.format(**context) if allowed else None,
                hint=hint,
            )


def in_order(problems: Iterable[Problem], source: str | None) -> list[Problem]:
    """Sort problems as a reader meets them: the file itself, then others, line by line."""
    return sorted(
        problems, key=lambda problem: (problem.file != source, problem.file or "", problem.line or 0)
    )


def unknown_key(path: Path, names: list[str], view: View, owners: Sequence[str] = ()) -> Problem:
    """Give the problem of an unknown key; its value is not shown, it may be a misspelled secret.

    `names` are the keys that may stand there, `owners` the sections where this one may.
    """
    hint = f"it is a key of {' and '.join(owners)}" if owners else nearest(path[-1], names)
    return view.problem(path, "is an unknown key", allowed=", ".join(names), hint=hint)


def owners_of(model: type[BaseModel], key: str | int, path: str = "") -> Iterator[str]:
    """Give the dotted paths of the sections below that have a key."""
    for name, info in model.model_fields.items():
        below = _inner(info.annotation)
        if below is not None:
            if key in below.model_fields:
                yield f"{path}{name}"
            yield from owners_of(below, key, f"{path}{name}.")


def _from_fault(fault: Fault, path: Path, model: type[BaseModel], data: Any, view: View) -> Problem:
    path = (*path, *fault.key)
    found = None if fault.missing else _found(_at(data, path), path, model, view)
    hint = fault.hint if path not in view.written else None  # it may repeat the value
    if fault.missing and hint is None:
        hint = _describe(_field(model, path))
    return view.problem(path, fault.message, found=found, allowed=fault.allowed, hint=hint)


def _unreached(model: Any, data: Any, path: Path, wrong: set[Path]) -> Iterator[tuple[Path, Fault]]:
    """Run the checks of sections whose validation ended early, because a key in them is wrong."""
    inside = {place for place in wrong if len(place) > len(path) and place[: len(path)] == path}
    if not inside or not isinstance(data, dict):
        return
    values = dict(data)
    for name, info in model.model_fields.items():
        if name not in values:
            values[name] = info.get_default(call_default_factory=True, validated_data=values)
    for place in inside:
        values.pop(str(place[len(path)]), None)
    for name in values.keys() & model.model_fields.keys():
        values[name] = _made(model.model_fields[name], values[name])
    for fault in run_checks(getattr(model, "checks", ()), values):
        yield path, fault
    for name, item in data.items():
        below = _model(model, (name,)) if name in model.model_fields else None
        if below:
            yield from _unreached(below, item, (*path, name), wrong)


def _made(info: FieldInfo, value: Any) -> Any:
    """Make the sections of a value that nothing is wrong with, as checks expect them."""
    if info.annotation is None or _inner(info.annotation) is None or not isinstance(value, dict | list):
        return value
    try:
        return TypeAdapter(info.annotation).validate_python(value)
    except ValidationError:
        return value


def _found(value: Any, path: Path, model: type[BaseModel], view: View) -> str | None:
    if value is _MISSING:
        return None
    if path in view.written:
        return view.written[path]
    info = _field(model, path)
    return "(hidden)" if info and "SecretStr" in repr(info.annotation) and value is not None else short(value)


def _describe(info: FieldInfo | None) -> str | None:
    return f"{info.title}: {info.description}" if info and info.title and info.description else None


def _own_words(message: str) -> str:
    """Give the message of a validator of a user's own model."""
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    return message[:1].lower() + message[1:]


def _at(data: Any, path: Path) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return data


def _field(model: type[BaseModel] | None, path: Path) -> FieldInfo | None:
    """Give the field of the innermost model on a path."""
    info = None
    for key in path:
        if model is not None and key in model.model_fields:
            info = model.model_fields[str(key)]
            model = _inner(info.annotation)
    return info


def _model(model: type[BaseModel] | None, path: Path) -> type[BaseModel] | None:
    for key in path:
        if isinstance(key, str) and model is not None:
            model = _inner(model.model_fields[key].annotation) if key in model.model_fields else None
    return model


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)
