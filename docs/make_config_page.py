"""Make docs/config.md, the page of all keys, from the config's models.

python docs/make_config_page.py

A test compares the page with what this makes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from admf.core.config import json_schema, preset_names

PAGE = Path(__file__).resolve().parent / "config.md"

_HEAD = """# All keys of a config
Made from the models by `python docs/make_config_page.py`. `admf schema` prints the same as JSON Schema, with
which an editor completes and checks a config; `admf validate` says what is wrong with one.

Every key stands below `workflow:`. A key without a default is required where its section is there; one whose
default is said in words may be `null`. Values are of the type that is named: `"5"` is no number. A date is a
day (`2023-01-31`) or a moment (`2023-01-31T15:30:00Z`). `${VAR}` in a text is the environment variable,
`${VAR:-text}` has a default.
"""
_UNITS = {
    "_pct": "%",
    "_bps": "bps",
    "_seconds": "s",
    "_mb": "MB",
    "_days": "days",
    "_bars": "bars",
    "fraction": "fraction",
    "band": "fraction",
    "leverage": "times equity",
}
_LIMITS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}
_WORDS = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true, false"}


def page() -> str:
    """Give the text of the page."""
    schema = json_schema()
    definitions = schema["$defs"]
    parts = [_HEAD, _presets()]
    for path, title, about, rows in _sections(definitions):
        parts.append(f"\n## {title}{f': `{path}`' if path else ''}\n{about}\n")
        if rows:
            head = ("key", "what may stand there", "default", "unit", "what it does")
            parts.append(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
            parts.extend(f"| {' | '.join(row)} |\n" for row in rows)
    return "".join(parts)


def _presets() -> str:
    lines = [
        "\n## Presets\n`extends`, beside `workflow`, names what a file builds on: `preset:NAME`, a file, or "
        "a list of them.\nWhat the file says itself wins, key by key.\n\n| preset | what it is |\n|---|---|\n"
    ]
    for name in preset_names():
        text = (files("admf.core") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
        comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        lines.append(f"| `preset:{name}` | {comment} |\n")
    return "".join(lines)


Section = tuple[str, str, str, list[list[str]]]


def _sections(
    definitions: dict[str, Any],
    path: str = "",
    title: str = "Workflow",
    about: str = "The keys that stand directly below `workflow`.",
    name: str = "WorkflowConfig",
) -> Iterator[Section]:
    """Give a section with the rows of its keys, then those below it."""
    rows, below = [], []
    model = definitions[name]
    required = model.get("required", ())
    for key, field in model["properties"].items():
        place = f"{path}.{key}" if path else key
        kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
        of_list = kinds[0].get("items", {}) if kinds[0].get("type") == "array" else {}
        reference = kinds[0].get("$ref") or of_list.get("$ref")
        if reference:
            inner = reference.rpartition("/")[2]
            words = definitions[inner]["description"].partition("\n")[0]
            words += " A list; each entry has these keys." if of_list else ""
            title_below = field.get("title", key).capitalize()
            below.append(
                _sections(definitions, f"{place}[]" if of_list else place, title_below, words, inner)
            )
            continue
        default, does = _default(key, field, required)
        rows.append(
            [f"`{key}`", _allowed(kinds), default, _unit(kinds, key, field), does.replace("|", "\\|")]
        )
    yield path, title, about, rows
    for each in below:
        yield from each


def _allowed(kinds: list[dict[str, Any]]) -> str:
    return " or ".join(dict.fromkeys(_kind(kind) for kind in kinds))


def _kind(kind: dict[str, Any]) -> str:
    if "enum" in kind or "const" in kind:
        return ", ".join(f"`{_yaml(value)}`" for value in kind.get("enum", [kind.get("const")]))
    match kind.get("type"):
        case "array":
            return f"list of {_kind(kind['items'])}"
        case "object":
            of = kind.get("additionalProperties")
            return f"mapping of name to {_kind(of)}" if isinstance(of, dict) else "mapping"
        case "string" if kind.get("format") == "password":
            return "text, kept secret"
        case "string" if "[0-9]{4}-" in kind.get("pattern", ""):
            return "date"
        case "string" if kind.get("pattern", "").endswith("(s|m|h|d|w|mo)$"):
            return "timeframe"
        case "string" if kind.get("pattern", "").startswith("^block"):
            return "`block:NAME`"
    limits = [form.format(_yaml(kind[key])) for key, form in _LIMITS.items() if key in kind]
    return " ".join([_WORDS.get(kind.get("type", ""), "anything"), ", ".join(limits)]).strip()


def _default(key: str, field: dict[str, Any], required: list[str]) -> tuple[str, str]:
    """Give the default, and the description without it: where there is no value, that says it in words."""
    words = field["description"]
    if key in required:
        return "", words
    if field.get("default") is not None:
        return f"`{_yaml(field['default'])}`", words
    found = re.search(r" Default:? ([^.]+)\.", words)
    return (found[1], words.replace(found[0], "")) if found else ("none", words)


def _yaml(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def _unit(kinds: list[dict[str, Any]], key: str, field: dict[str, Any]) -> str:
    if kinds[0].get("type") not in ("number", "integer"):
        return ""
    unit = next((unit for suffix, unit in _UNITS.items() if key.endswith(suffix)), None)
    if unit is None and (found := re.search(r"\((%|ATR|bars|bps|units|price)\)$", field.get("title", ""))):
        unit = {"ATR": "times ATR"}.get(found[1], found[1])
    if unit is None and (found := re.search(r"[Cc]urrency( per (?:unit|fill))?", field["description"])):
        unit = f"currency{found[1] or ''}"
    if unit and "Annual" in field["description"]:
        unit += " a year"
    return unit or ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
