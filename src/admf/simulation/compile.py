"""Compiles generated kernels, and keeps them on disk so that the next process compiles nothing.

A module is a file named by the SHA-256 of its content; numba's own cache lies beside it. Loading a cached
kernel takes about 20 ms, compiling one about 2 s, an order engine ten times that: whoever waits is told, each
time, of what.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

#: A compilation that takes longer than this is told.
SLOW_SECONDS = 1.0
logger = logging.getLogger("admf.compile")

_lock = threading.Lock()
_kernels: dict[str, Callable[..., Any] | CannotCompileError] = {}


class CannotCompileError(Exception):
    """Numba cannot compile a step; the message is numba's reason, shortened."""


def compile_kernel(source: str, what: str = "the engine") -> Callable[..., Any]:
    """Return the compiled ``run`` of a generated module.

    Parameters
    ----------
    source
        Of the module.
    what
        Names it to whoever waits.

    Raises
    ------
    CannotCompileError
        Numba refuses the step.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    with _lock:
        if digest not in _kernels:
            try:
                _kernels[digest] = _load(source, digest, what)
            except CannotCompileError as error:
                _kernels[digest] = error
        kernel = _kernels[digest]
    if isinstance(kernel, CannotCompileError):
        raise kernel
    return kernel


def is_kept(source: str) -> bool:
    """Tell whether a module is compiled already, in this process or on disk."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    if digest in _kernels:
        return not isinstance(_kernels[digest], CannotCompileError)
    return any((cache_folder() / "__pycache__").glob(f"admf_kernel_{digest}.*.nbi"))


def load(source: str, what: str) -> str:
    """Compile a generated module that others import, or load it, and give its name."""
    compile_kernel(source, what)
    return f"admf_kernel_{hashlib.sha256(source.encode()).hexdigest()}"


def _load(source: str, digest: str, what: str) -> Callable[..., Any]:
    path = _write(source, digest, cache_folder())
    name = f"admf_kernel_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotCompileError(f"{path} cannot be imported")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba looks functions up by module name
    import numba  # noqa: F401 - now: its import takes a second, in which nothing is compiled

    try:
        with _told(what):
            spec.loader.exec_module(module)  # the kernel has a signature: it is compiled, or loaded, here
    except Exception as error:
        # numba lets more than its own errors through when it meets what it does not know
        del sys.modules[name]
        raise CannotCompileError(_shortened(str(error))) from error
    run: Callable[..., Any] = module.run
    return run


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell of a compilation that takes long, while it does, and what it took; never of loading.

    A warning, since whoever waits in a notebook has set up no log: Python then shows warnings, and no more.
    """
    from numba.core.event import Listener, install_listener

    begun: list[float] = []
    words = f"compiling {what}, once: later runs load it"
    timer = threading.Timer(SLOW_SECONDS, logger.warning, (words,))
    timer.daemon = True

    class Compiling(Listener):
        def on_start(self, event: Any) -> None:
            if not begun:
                begun.append(time.perf_counter())
                timer.start()

        def on_end(self, event: Any) -> None:
            """Nothing: functions of a module are compiled one after the other."""

    with install_listener("numba:compile", Compiling()):
        try:
            yield
        finally:
            timer.cancel()
    if begun and (seconds := time.perf_counter() - begun[0]) > SLOW_SECONDS:
        logger.info("compiled %s in %.1f s", what, seconds)


def _write(source: str, digest: str, folder: Path) -> Path:
    """Write the module if it is not there; a file whose content is not what its name says is replaced."""
    path = folder / f"admf_kernel_{digest}.py"
    try:
        if path.read_bytes() == source.encode():
            return path
    except FileNotFoundError:
        pass
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".kernel-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def cache_folder() -> Path:
    """Return the folder of compiled kernels: ``admf/kernels`` in ``ADMF_CACHE_DIR`` or the user's cache.

    Compiled code is loaded from it, so it must be ours alone; where it cannot be, a temporary folder serves
    this process, with a warning.
    """
    base = os.environ.get("ADMF_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return _prepared((Path(base) if base else Path("~/.cache").expanduser()) / "admf" / "kernels")


@cache
def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="admf-kernels-"))


def _prepared(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
        if hasattr(os, "getuid") and found.st_uid != os.getuid():
            raise PermissionError("it belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        warnings.warn(
            f"the cache of compiled kernels, {folder}, cannot be used ({error}): "
            "every process compiles anew; set ADMF_CACHE_DIR to a folder of your own",
            stacklevel=4,
        )
        return _temporary()


def _shortened(message: str) -> str:
    """Return the line of a numba error that says what it does not know."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", message).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Failed in")]
    first = next(iter(telling), message)
    if first.startswith("No implementation of function"):
        call = next((line.removeprefix(">>> ") for line in telling if line.startswith(">>> ")), first)
        first = f"numba does not know {call}"
    return first if len(first) <= 200 else first[:197] + "..."
