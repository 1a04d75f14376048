"""What the benchmarks share: how time and memory are taken, and the name of the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATIENCE_SECONDS = 10.0


Work = Callable[[], object]


def best(work: Work, repeats: int) -> float:
    """Seconds of the quickest of several calls; no further ones after `PATIENCE_SECONDS`."""
    return in_turns({"": work}, repeats, wall=True)[""]


def cpu(work: Work, repeats: int) -> float:
    """CPU seconds of all threads, likewise: they depend less on what else the machine does."""
    return in_turns({"": work}, repeats)[""]


def in_turns(works: Mapping[str, Work], repeats: int, wall: bool = False) -> dict[str, float]:
    """CPU or wall seconds of the quickest call of each; they take turns, to meet the same machine."""
    clock = time.perf_counter if wall else time.process_time
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            if sum(times[name]) < PATIENCE_SECONDS:
                start = clock()
                work()
                times[name].append(clock() - start)
    return {name: min(found) for name, found in times.items()}


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
