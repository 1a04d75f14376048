"""Finding the strategy that a config or a caller means."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from admf.core.modules import import_allowed
from admf.core.registry import nearest, registry_of
from admf.errors import AdmfError, StrategyError


def locate(ref: Any, allow_modules: Iterable[str] = ()) -> tuple[Any, str, str]:
    """Find a strategy.

    Parameters
    ----------
    ref
        A registered name, ``module:Name``, or the strategy itself (class, instance or module).
    allow_modules
        Modules that ``module:Name`` may import; their submodules are allowed too.

    Returns
    -------
    strategy, name, source
        The object, its name for people, and where it comes from.

    Raises
    ------
    StrategyError, ComponentError
        If there is no such strategy, its module is not allowed, or importing it fails.
    """
    if not isinstance(ref, str):
        name = getattr(ref, "__name__", None) or type(ref).__name__
        module = getattr(ref, "__module__", None)
        return ref, name.rpartition(".")[2], f"{module}:{name}" if module else name
    if ":" not in ref:
        strategies = registry_of("strategy")
        return strategies.get(ref), strategies.entry(ref).name, strategies.entry(ref).name
    module_name, _, attribute = ref.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *attribute.split("."))):
        raise StrategyError(f"strategy {ref!r} is no address", "write module:Name")
    allowed = tuple(allow_modules)
    if not any(module_name == each or module_name.startswith(f"{each}.") for each in allowed):
        raise StrategyError(
            f"strategy {ref!r}: module {module_name!r} may not be imported; allowed is: "
            f"{', '.join(allowed) or 'none'}",
            f"a config runs only code that you allow: add `allow_modules: [{module_name}]` under `workflow`",
        )
    found: Any = _import(module_name, ref)
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = nearest(part, [name for name in vars(found) if not name.startswith("_")])
            raise StrategyError(
                f"strategy {ref!r}: {getattr(found, '__name__', found)} has no {part!r}",
                f"did you mean {near!r}?" if near else None,
            )
        found = getattr(found, part)
    return found, attribute.rpartition(".")[2], ref


def _import(name: str, ref: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    try:
        return import_allowed(name)
    except AdmfError as error:  # from a definition in the user's module: it says enough
        raise StrategyError(f"strategy {ref!r}: {error.message}", error.hint) from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and _missing(error.name, name):
            raise StrategyError(
                f"strategy {ref!r}: there is no module {error.name!r}",
                "it must be installed, lie in the working folder, or in a folder on PYTHONPATH",
            ) from error
        raise StrategyError(f"strategy {ref!r}: importing {name} fails: {describe_failure(error)}") from error


def _missing(absent: str, wanted: str) -> bool:
    """Tell whether the module itself is absent, rather than something that it imports."""
    return wanted == absent or wanted.startswith(f"{absent}.")


def describe_failure(error: BaseException) -> str:
    """Say what a user's code raised, and at which line of whose file."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<frozen", "<admf")) and not _ours(frame.filename)
    ]
    # what a library raises is told at the line that called it, where there is one
    frames = [frame for frame in frames if not _is_library(frame.filename)] or frames
    place = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"


def _is_library(filename: str) -> bool:
    paths = sysconfig.get_paths()
    return any(filename.startswith(f"{paths[name]}{os.sep}") for name in ("stdlib", "purelib", "platlib"))


def _ours(filename: str) -> bool:
    spec = find_spec("admf")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return any(filename.startswith(f"{folder}{os.sep}") for folder in folders)
