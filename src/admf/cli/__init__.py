"""The command line `admf`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: 0 done, 1 failed, 2 wrong config or command line."""
    began = time.monotonic()  # before the imports, which a user waits for as well
    from admf.cli.app import app
    from admf.cli.failures import guarded

    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    sys.exit(
        guarded(
            lambda: app(args=arguments, prog_name="admf", standalone_mode=False, obj=began),
            "--json" in arguments,
        )
    )
