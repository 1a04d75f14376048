"""Run the benchmarks and print their table as markdown, with the machine: `make table`.

Times are CPU seconds of warm calls, the best of several, where the table says no wall time: they depend less
on what else runs. What two threads gain needs a machine that is idle. Peers that are not installed are left
out; each benchmark checks first that all compute the same.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from typing import Any

import portfolio
import run
import stops
import sweep
from timing import best, in_a_process, machine

GOALS = {
    "by hand": "0.67x, that is at most 1.5 times its time",
    "vectorbt": "100x",
    "memory": "at most 350 MB",
    "threads": "1.7x",
    "cold": "compiles nothing",
    "stops": "10x",
}


def sweeps(bars: Any, repeats: int) -> list[tuple[str, str, str]]:
    rows = sweep.compare(bars, repeats)
    ours = rows["admf"]
    names = {
        "by hand": ("a kernel written by hand for just this", f"goal: {GOALS['by hand']}"),
        "admf, five costs": ("admf with a spread, a commission per unit and one per fill as well", ""),
        "admf, all metrics": ("admf with all streamed metrics", ""),
        "vectorbt": ("vectorbt", f"goal: {GOALS['vectorbt']}"),
        "backtesting.py": ("backtesting.py", ""),
    }
    found = [
        (
            "Sweep: 10,000 bars, 1,000 pairs, 4 metrics, commission, slippage",
            f"{1 / ours:,.0f} pairs a CPU s",
            "",
        )
    ]
    for name, (words, goal) in names.items():
        if name in rows:
            found.append(
                (f"— {words}", f"{1 / rows[name]:,.0f} pairs a CPU s", _times(rows[name] / ours, goal))
            )
        for of_all in rows if name == "vectorbt" else ():
            if of_all.startswith("vectorbt,"):
                words = (
                    _times(rows[of_all] / rows["admf, all metrics"]) + " of admf with all streamed metrics"
                )
                found.append((f"— {of_all}", f"{1 / rows[of_all]:,.0f} pairs a CPU s", words))
    return found


def memories() -> list[tuple[str, str, str]]:
    goal = f"goal: {GOALS['memory']}"
    return [
        (f"— peak memory of a process, {name}", f"{megabytes:,.0f} MB", "" if "vectorbt" in name else goal)
        for name, megabytes in sweep.memory().items()
    ]


def threads(bars: Any) -> list[tuple[str, str, str]]:
    gains = sweep.threads(bars)
    return [
        (
            "— two threads, 10,000 pairs, wall time",
            f"{gains['admf']:.2f}x of one",
            f"two of the kernel by hand: {gains['by hand']:.2f}x, of arithmetic in a core's cache: "
            f"{gains['arithmetic']:.2f}x; goal: {GOALS['threads']}",
        )
    ]


def cold() -> list[tuple[str, str, str]]:
    """Two processes with a compile cache that is empty at first."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (in_a_process(__file__, "--cold", ADMF_CACHE_DIR=folder) for _ in range(2))
    words = [f"{float(seconds):.1f} s, {compiled} kernels compiled" for compiled, seconds in (first, second)]
    return [
        (
            "Cold start: first process that ever runs a strategy (simulation and sweep), wall time",
            words[0],
            "",
        ),
        ("— second process", words[1], f"goal: {GOALS['cold']}"),
    ]


def cold_child() -> None:
    """Simulate and sweep in this new process; print how many kernels were compiled, and the seconds."""
    from admf import load_bars
    from admf.simulation import compile as compiling

    bars = load_bars(run.random_prices(2_000), symbol="X")
    seconds = best(lambda: (stops.by_admf(bars), sweep.by_admf(bars, [5], [50], 1, sweep.METRICS)), 1)
    kernels = [kernel for kernel in compiling._kernels.values() if not isinstance(kernel, Exception)]
    print(sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels), seconds)  # type: ignore[attr-defined]


def long_backtest(repeats: int) -> list[tuple[str, str, str]]:
    # in a process of its own: what the memory of another benchmark has become slows the one that writes most
    count, *seconds = in_a_process(__file__, "--long", "--repeats", str(repeats))
    rows = dict(zip(("admf", "vectorbt"), ((float(each),) for each in seconds), strict=False))
    words = f"One backtest: 1,000,000 bars, stop and target, {int(count):,} trades, indicators included"
    found = [(words, f"{rows['admf'][0] * 1e3:.1f} CPU ms", "")]
    if "vectorbt" in rows:
        ratio = _times(rows["vectorbt"][0] / rows["admf"][0], f"goal: {GOALS['stops']}")
        found.append(("— vectorbt", f"{rows['vectorbt'][0] * 1e3:.1f} CPU ms", ratio))
    return found


def long_child(repeats: int) -> None:
    """Print how many trades there are, and the CPU seconds of each engine."""
    count, rows = stops.measure(1_000_000, repeats)
    print(count, *(rows[name][0] for name in ("admf", "vectorbt") if name in rows))


def portfolios(repeats: int) -> list[tuple[str, str, str]]:
    market, rows = portfolio.measure(50, 5000, repeats)
    found = []
    for name, (seconds, _) in rows.items():
        words = f"Portfolio: 50 symbols x 5,000 bars, {len(market.filled):,} weekly rebalancings, wall time"
        rate = f"{50 * 5000 / seconds:,.0f} bars a second"
        ratio = "" if name == "admf" else _times(seconds / rows["admf"][0])
        found.append((words if name == "admf" else f"— {name}", rate, ratio))
    return found


def _times(ratio: float, goal: str = "") -> str:
    return f"{ratio:,.{2 if ratio < 10 else 0}f}x" + (f"; {goal}" if goal else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the benchmarks and print their table as markdown.")
    parser.add_argument("--repeats", type=int, default=9, help="calls of which the quickest counts")
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--long", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.long:
        long_child(arguments.repeats)
        return
    if arguments.cold:
        cold_child()
        return
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py draws a progress bar, which costs it time
    from admf import load_bars

    bars = load_bars(run.random_prices(sweep.BARS))
    rows = [
        *sweeps(bars, arguments.repeats),
        *threads(bars),
        *memories(),
        *long_backtest(arguments.repeats),
        *portfolios(arguments.repeats),
        *cold(),
    ]
    print(machine("admf", "numba", "vectorbt", "backtesting", "bt"))
    print("\n| | result | time against admf's |\n|---|---:|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
