"""The user's own modules that a run's components come from, with their sources as they were imported."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from admf.core.registry import KINDS, registry_of


class Source(NamedTuple):
    """The file of a module.

    Parameters
    ----------
    content
        Its bytes.
    imports
        Full names of what it may import.
    is_python
        Whether it is text, rather than a compiled module.
    """

    content: bytes
    imports: tuple[str, ...]
    is_python: bool

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal digits."""
        return sha256(self.content).hexdigest()


# Module name -> the spec that it was loaded by, and its source: an import or a reload makes a new spec, and a
# file that is edited later is not what runs in this process.
_SEEN: dict[str, tuple[Any, Source]] = {}


def own_modules(config: Mapping[str, Any], allow_modules: Iterable[str] = ()) -> dict[str, Source]:
    """List the modules outside of this package that the components of a config come from.

    Parameters
    ----------
    config
        The config as plain data. ``module:Name`` in it counts where it may be imported, and a name under
        which a component from outside was registered.
    allow_modules
        Modules that the config may import from.

    Returns
    -------
    dict
        Name -> source, by name. Only what is imported by now; with it all that its files import which was
        not installed as a package.
    """
    allowed = tuple(allow_modules)
    named = {*allowed, *_addressed(config, allowed), *_registered(config)}
    return sources(name for name in named if name.partition(".")[0] != "admf")


def sources(names: Iterable[str]) -> dict[str, Source]:
    """Read the sources of imported modules, and of what they import that was not installed, by name."""
    waiting = list(names)
    roots = {name.partition(".")[0] for name in waiting}
    found: dict[str, Source] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        source = None if name in found or module is None else _source(name, module)
        if source is None:
            continue
        found[name] = source
        waiting += [
            each for each in source.imports if each.partition(".")[0] in roots or not _installed(each)
        ]
    return dict(sorted(found.items()))


def _source(name: str, module: ModuleType) -> Source | None:
    file, spec = getattr(module, "__file__", None), getattr(module, "__spec__", None)
    if not file:
        return None
    if name in _SEEN and _SEEN[name][0] is spec:
        return _SEEN[name][1]
    try:
        content = Path(file).read_bytes()
    except OSError:  # deleted, or within an archive
        return None
    is_python = file.endswith(".py")
    source = Source(content, tuple(_imports(content, module)) if is_python else (), is_python)
    _SEEN[name] = spec, source
    return source


def _imports(content: bytes, module: ModuleType) -> Iterator[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # edited since it was imported
        return
    package = getattr(module, "__package__", None) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:
                continue
            yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"


def _installed(name: str) -> bool:
    """Tell whether a module is part of Python, of this package or of an installed one, or is none at all."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or name.partition(".")[0] == "admf":
        return True
    path = Path(file)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    library = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib")]
    return any(path.is_relative_to(folder) for folder in library)


def _addressed(config: Any, allowed: tuple[str, ...]) -> set[str]:
    modules = {text.partition(":")[0] for text in _texts(config) if ":" in text}
    return {name for name in modules if any(name == each or name.startswith(f"{each}.") for each in allowed)}


def _registered(config: Any) -> set[str]:
    words = {word for text in _texts(config) for word in re.findall(r"[\w.-]+", text)}
    entries = [entry for kind in KINDS for entry in registry_of(kind).entries()]
    return {
        entry.address.partition(":")[0]
        for entry in entries
        if not words.isdisjoint((entry.name, *entry.aliases))
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
