"""The loop is compiled once: the next process finds it on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import admf
from admf.testing.bars import example_bars
print(admf.simulate_portfolio({"A": example_bars(1), "B": example_bars(2)}).digest)
"""


@pytest.mark.slow
def test_the_second_process_compiles_nothing(tmp_path: Path) -> None:
    def run() -> tuple[str, dict[str, int]]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"ADMF_CACHE_DIR": str(tmp_path / "cache")},
            cwd=tmp_path,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        files = {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb*")}
        return done.stdout, files

    first, compiled = run()
    second, found = run()
    assert first == second
    assert compiled
    assert found == compiled
