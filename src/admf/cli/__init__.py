"""The command line `admf`."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong config or command line."""
    began = time.monotonic()  # before the imports, which a user waits for as well
    codes: list[int] = []
    if argv is None:  # the process is ours; registered first, it runs after all that others register
        atexit.register(_leave, codes)
    from admf.cli.app import app
    from admf.cli.failures import guarded

    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    codes.append(
        guarded(
            lambda: app(args=arguments, prog_name="admf", standalone_mode=False, obj=began),
            "--json" in arguments,
        )
    )
    sys.exit(codes[0])


def _leave(codes: list[int]) -> None:
    """End the process without taking all modules down, which takes seconds after Prefect and numba."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # a reader that has gone: as Python reports it
        return
    if codes:
        os._exit(codes[0])
