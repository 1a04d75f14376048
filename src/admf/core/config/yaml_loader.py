"""Reads YAML safely and literally, and remembers the line of every key.

Scalars follow YAML 1.2: only ``true`` and ``false`` are booleans; ``on``, ``yes``, ``010``, ``0x10``,
``1_000``, ``1:30`` and dates stay text, for the models to judge. Tags, merge keys, duplicate keys, keys that
are not text, several documents and everything that grows without bound are errors. PyYAML is used for its
events alone: they come one by one, so that reading can stop at the first sign of too much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import yaml

from admf.core.config.faults import Path
from admf.core.config.places import MAX_PROBLEMS, Mark, dotted
from admf.core.config.plain import MAX_DEPTH, MAX_INTEGER, MAX_VALUES, short
from admf.core.config.yaml_syntax import syntax_problem
from admf.errors import ConfigError, Problem

MAX_BYTES = 1_000_000
_MAX_LINE = 20_000  # PyYAML takes quadratic time over one long line of nested brackets

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
#: Integers too, from begin to end of a text.
NUMBER = re.compile(r"^[+-]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?$")
_SPECIAL: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass
class Document:
    """What a file holds, and where.

    Parameters
    ----------
    name
        The file, as the user named it.
    data
        Dicts, lists and scalars.
    marks
        Where each key and each list entry stands.
    """

    name: str
    data: Any
    marks: dict[Path, Mark] = field(default_factory=dict)


def read_text(text: str, name: str = "the text") -> Document:
    """Read YAML from text; see `read_file`."""
    if len(text) > MAX_BYTES:
        raise ConfigError(
            [Problem("", f"is larger than {MAX_BYTES} bytes, the limit for a config", file=name)], name
        )
    reader = _Reader(text, name)
    document = reader.read()
    if reader.problems:
        raise ConfigError(reader.problems, name)
    return document


def read_value(text: str, name: str) -> Any:
    """Read the value of ``--set KEY=VALUE``: one YAML value, nothing is null."""
    reader = _Reader(text, name, empty_allowed=True)
    document = reader.read()
    if reader.problems:
        raise ConfigError(
            [Problem(p.path, p.message, None, p.found, p.allowed, p.hint, name) for p in reader.problems]
        )
    return document.data


class _StopReading(Exception):  # noqa: N818 - it is no error of its own: the problem is noted already
    """Nothing after this place can be understood."""


@dataclass
class _Node:
    kind: Literal["scalar", "list", "map"]
    line: int
    value: Any = None
    items: list[Any] = field(default_factory=list)  # nodes, or (key, line, node)
    open: bool = False


_Events: TypeAlias = Iterator[yaml.Event]


class _Reader:
    def __init__(self, text: str, name: str, *, empty_allowed: bool = False) -> None:
        self.text = text
        self.name = name
        self.empty_allowed = empty_allowed
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Node] = {}
        self.marks: dict[Path, Mark] = {}
        self.count = 0

    def fail(self, line: int | None, message: str, path: str = "", **more: str | None) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopReading
        self.problems.append(Problem(path, message, line, file=self.name, **more))

    def stop(self, line: int | None, message: str, path: str = "", **more: str | None) -> _StopReading:
        self.fail(line, message, path, **more)
        return _StopReading()

    def read(self) -> Document:
        data = None
        try:
            for number, content in enumerate(self.text.splitlines(), 1):
                if len(content) > _MAX_LINE:
                    raise self.stop(
                        number, f"has a line of {len(content)} characters", allowed=f"{_MAX_LINE}"
                    )
            root = self.document()
            data = self.build(root, ())
            self.marks[()] = Mark(self.name, root.line)
        except _StopReading:
            pass
        except yaml.reader.ReaderError as error:
            line = self.text.count("\n", 0, error.position) + 1
            self.fail(
                line, "has a character that cannot stand in YAML", found=f"U+{int(error.character):04X}"
            )
        except yaml.MarkedYAMLError as error:
            self.problems.append(syntax_problem(error, self.name))
        return Document(self.name, data, self.marks)

    def document(self) -> _Node:
        events: _Events = iter(yaml.parse(self.text, Loader=yaml.SafeLoader))
        root = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self.stop(
                        _line(event), "starts a second document", allowed="one document in a file"
                    )
                root = self.node(next(events), events, ())
        if root is None or (root.kind == "scalar" and root.value is None):
            if not self.empty_allowed:
                raise self.stop(None, "is empty", hint="`admf init` writes a config to start from")
            root = _Node("scalar", 1)
        return root

    def node(self, event: Any, events: _Events, path: Path) -> _Node:
        """Read one value. The path is for messages alone: through an alias, a value has several."""
        line = _line(event)
        self.size(path, line)
        if isinstance(event, yaml.AliasEvent):
            target = self.anchors.get(event.anchor or "")
            if target is None:
                raise self.stop(
                    line, f"uses *{event.anchor}, but no &{event.anchor} stands before it", dotted(path)
                )
            if target.open:
                raise self.stop(line, f"contains itself, through *{event.anchor}", dotted(path))
            return target
        if event.tag is not None:
            message = "has a tag, and tags are not allowed"
            self.fail(line, message, dotted(path), found=_tag(event.tag), hint="write the plain value")
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(
                "scalar", line, self.scalar(event, path) if event.implicit[0] else _joined(event.value)
            )
            if event.anchor:
                self.anchors[event.anchor] = node
            return node
        node = _Node("map" if isinstance(event, yaml.MappingStartEvent) else "list", line, open=True)
        if event.anchor:
            self.anchors[event.anchor] = node
        if node.kind == "map":
            self.mapping(node, events, path)
        else:
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                node.items.append(self.node(item, events, (*path, len(node.items))))
        node.open = False
        return node

    def mapping(self, node: _Node, events: _Events, path: Path) -> None:
        seen: dict[str, int] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = _line(event)
            key: Any = None
            if isinstance(event, yaml.ScalarEvent):
                key = self.scalar(event, path) if event.implicit[0] else _joined(event.value)
                if event.anchor or event.tag:
                    self.fail(
                        line, "has a key with an anchor or a tag", dotted(path), hint="write the plain key"
                    )
            else:
                self.node(event, events, (*path, "?"))
            value = self.node(next(events), events, (*path, str(key)))
            place = dotted((*path, str(key)))
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                hint = "write the keys out, or put them into a file and name it with extends"
                self.fail(line, "merge keys (<<) are not supported", dotted(path), hint=hint)
            elif not isinstance(key, str):
                found = short(key) if isinstance(event, yaml.ScalarEvent) else "a list, a mapping or an alias"
                quoted = f'write "{event.value}"' if isinstance(event, yaml.ScalarEvent) else None
                self.fail(line, "has a key that is not text", dotted(path), found=found, hint=quoted)
            elif key in seen:
                self.fail(line, f"stands here and in line {seen[key]}", place, hint="keep one of them")
            else:
                seen[key] = line
                node.items.append((key, line, value))

    def scalar(self, event: yaml.ScalarEvent, path: Path) -> Any:
        text = event.value
        if text in _SPECIAL:
            return _SPECIAL[text]
        if _INTEGER.fullmatch(text):
            digits = len(text.lstrip("+-"))
            if digits > 19 or abs(int(text)) > MAX_INTEGER:
                message = f"is an integer of {digits} digits"
                self.fail(_line(event), message, dotted(path), allowed=f"up to {MAX_INTEGER}")
                return 0
            return int(text)
        return float(text) if NUMBER.fullmatch(text) else text

    def build(self, node: _Node, path: Path) -> Any:
        """Turn nodes into data; here aliases are written out, so size is counted again."""
        if node.kind == "scalar":
            return node.value
        if node.kind == "list":
            items = []
            for position, item in enumerate(node.items):
                below = (*path, position)
                self.size(below, item.line)
                self.marks[below] = Mark(self.name, item.line)
                items.append(self.build(item, below))
            return items
        data = {}
        for key, line, item in node.items:
            below = (*path, key)
            self.size(below, line)
            self.marks[below] = Mark(self.name, line)
            data[key] = self.build(item, below)
        return data

    def size(self, path: Path, line: int) -> None:
        self.count += 1
        if self.count > 2 * MAX_VALUES:
            message = f"holds more than {MAX_VALUES} values, aliases written out"
            raise self.stop(line, message, hint="a config has no data in it: name a file or a block")
        if len(path) > MAX_DEPTH:
            raise self.stop(line, f"is nested more than {MAX_DEPTH} levels deep", dotted(path[:3]))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _joined(text: str) -> str:
    r"""Join the halves of a character that JSON writes in two (``\ud83d\ude00``); YAML reads them apart."""
    if not any("\ud800" <= sign <= "\udfff" for sign in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]
