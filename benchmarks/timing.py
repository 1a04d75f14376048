"""What the benchmarks share: how time and memory are taken, and the name of the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 10.0


def best(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the quickest of several calls; no further ones after `PATIENCE_SECONDS`."""
    return _quickest(work, repeats, time.perf_counter)


def cpu(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of all threads, likewise: they depend less on what else the machine does."""
    return _quickest(work, repeats, time.process_time)


def _quickest(work: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    times: list[float] = []
    while len(times) < repeats and sum(times) < PATIENCE_SECONDS:
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def own_peak() -> float:
    """Peak memory of this process in megabytes; getrusage on Linux would count the parent's as well."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def in_a_process(script: str, *arguments: str, **places: str) -> list[str]:
    """Words that a script printed in a new Python; `places` are added to its environment."""
    command = [sys.executable, str(Path(script).resolve()), *arguments]
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed in a process of its own:\n{done.stderr[-2000:]}")
    return done.stdout.split()


def version(package: str) -> str | None:
    """Installed version of a peer; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine(*packages: str) -> str:
    """Processor, Python, and the versions of those packages that are installed."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    found = [f"{package} {number}" for package in packages if (number := version(package))]
    return f"{os.cpu_count()} cores of {processor}; Python {platform.python_version()}; {', '.join(found)}"
