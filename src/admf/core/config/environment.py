"""``${VAR}`` in text values: replaced by environment variables, and remembered as written."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Any

from pydantic import SecretStr

from admf.core.config.faults import Path
from admf.core.config.places import View
from admf.errors import Problem

# In this order: the escape, a variable with an optional default, anything else that looks like one.
_PATTERN = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{(?P<bad>[^}]{0,40})"
)


def expand(data: Any, view: View) -> tuple[Any, dict[Path, str], list[Problem]]:
    """Replace the variables in all text values (not in keys).

    ``${VAR}`` needs the variable, ``${VAR:-text}`` has a default (also where the variable is empty), ``$${``
    stands for ``${``. What a variable holds is taken as it is, never expanded again.

    Returns
    -------
    The new data, the text as written of every value that changed, the problems.
    """
    written: dict[Path, str] = {}
    problems: list[Problem] = []

    def visit(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: visit(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [visit(item, (*path, position)) for position, item in enumerate(value)]
        if isinstance(value, SecretStr):
            return SecretStr(visit(value.get_secret_value(), path))
        if not isinstance(value, str) or "${" not in value:
            return value
        written[path] = value

        def replace(match: re.Match[str]) -> str:
            name, default = match["name"], match["default"]
            if name is None and match["bad"] is None:
                return "${"
            if name is None:
                allowed = "${NAME}, ${NAME:-default}; $${ for the two signs themselves"
                problems.append(view.problem(path, "has a malformed ${...}", allowed=allowed))
                return ""
            found = os.environ.get(name)
            if default is not None:
                return found or default
            if found is None:
                near = get_close_matches(name, os.environ, 1, 0.8)
                hint = f"did you mean {near[0]}?" if near else f"set it, or give a default: ${{{name}:-text}}"
                problems.append(
                    view.problem(path, f"needs the environment variable {name}, which is not set", hint=hint)
                )
                return ""
            return found

        return _PATTERN.sub(replace, value)

    return visit(data, ()), written, problems
