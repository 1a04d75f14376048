"""Says in plain words what PyYAML found wrong with the syntax of a file."""

from __future__ import annotations

import re

import yaml

from admf.errors import Problem

#: Part of PyYAML's words -> (message, hint). The first that fits counts.
_SYNTAX = (
    (r"character '\\t'", "has a tab where YAML wants spaces", "indent with spaces"),
    (
        r"cannot start any token",
        "has a value that starts with a sign that means something else in YAML",
        'put it in quotes: "..."',
    ),
    (
        "mapping values are not allowed",
        "has a ':' where none can stand",
        'here or in the line above: one key a line, equally indented; quotes around text that holds ": "',
    ),
    ("could not find expected ':'", "has a line that is not `key: value`", "put a ': ' after the key"),
    ("unexpected end of stream", "has a quoted text that does not end", "close the quotes"),
    ("expected ',' or", "has a [ or { that does not end, or a comma is missing", "close it"),
    (
        "expected the node content",
        "has no value where one must stand",
        "close the [ or { before it, or put the text in quotes",
    ),
    (
        "expected <block end>",
        "has a line that does not fit the indentation above it",
        "indent the keys of a section equally",
    ),
    ("unknown escape character", "has a backslash that is no escape", "use 'single quotes' around it"),
    (
        "undefined tag handle|scanning a tag|expected URI",
        "has a tag, and tags are not allowed",
        'put text that starts with "!" in quotes',
    ),
    (
        "scanning an (alias|anchor)",
        "has a * or & that names nothing",
        "put text that starts with it in quotes",
    ),
)


def syntax_problem(error: yaml.MarkedYAMLError, name: str) -> Problem:
    """Give the problem, with the line that a reader has to look at."""
    mark = error.problem_mark or error.context_mark
    said = f"{error.context or ''}: {error.problem or ''}"
    words = ((message, hint) for pattern, message, hint in _SYNTAX if re.search(pattern, said))
    message, hint = next(words, (f"is not YAML: {error.problem}", None))
    if "does not end" in message and error.context_mark is not None:
        mark = error.context_mark  # where it begins
    line = mark.line + 1 if mark is not None else None
    return Problem("", message, line, hint=hint, file=name)
