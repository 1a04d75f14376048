"""Run the command line in a process of its own, the way a user does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Admf = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def admf(tmp_path: Path) -> Admf:
    """Give a function that runs ``admf`` with arguments in the test's own folder."""

    def run(*arguments: str | Path, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "admf", *map(str, arguments)]
        environment = {**os.environ, "NO_COLOR": "1", **(env or {})}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False, timeout=120
        )

    return run
