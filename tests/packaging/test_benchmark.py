"""The benchmark runs without the peers too, and says which are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_missing_peer_is_named_and_left_out() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--bars", "5000", "--repeats", "1"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "S&P 500, 50/200: " in done.stdout
    assert "random, 5,000 bars, 50/200: " in done.stdout
    for peer, module in (("vectorbt", "vectorbt"), ("backtesting.py", "backtesting")):
        try:
            __import__(module)
        except ImportError:
            assert f"{peer} is not installed and is left out" in done.stdout
