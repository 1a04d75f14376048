"""Time a sweep beside vectorbt's and a kernel written by hand for it, in one process and one run.

10,000 bars x 1,000 pairs of moving averages, costs on; total return, Sharpe ratio, drawdown and trade count
of each. Seconds are CPU seconds of a warm call in one thread, the best of several; all must agree on every
pair first. Then the wall time of one thread and of two, beside what two threads of the kernel by hand gain on
the same machine, and the peak memory of processes of their own. Run it with the Python that `make bench`
makes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yardstick
from rich.console import Console
from rich.table import Table
from run import best, random_prices

METRICS = ["cum_returns_final", "sharpe_ratio", "max_drawdown", "trades"]
FAST, SLOW = list(range(5, 45)), list(range(50, 175, 5))  # 40 x 25 pairs
CASH, COMMISSION_BPS, SLIPPAGE_BPS = 100_000.0, 10.0, 5.0
COSTS = {"commission_bps": COMMISSION_BPS, "slippage_bps": SLIPPAGE_BPS}


def by_admf(bars: Any, fast: list[int], slow: list[int], workers: int, metrics: list[str] | None) -> Any:
    from admf import sweep

    grid = {"fast": fast, "slow": slow}
    return sweep(bars, "sma_cross", grid, costs=COSTS, initial_cash=CASH, metrics=metrics, workers=workers)


def by_hand(bars: Any, fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    return yardstick.sweep(bars.open, bars.close, fast, slow, CASH, COMMISSION_BPS / 1e4, SLIPPAGE_BPS / 1e4)


def by_vectorbt(bars: Any, fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """All pairs as columns, as its users do; metrics from its own accessors."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.RangeIndex(len(bars))
    close, opening = pd.Series(bars.close, index), pd.Series(bars.open, index)
    one = vbt.MA.run(close, fast, short_name="fast")
    two = vbt.MA.run(close, slow, short_name="slow")
    above = one.ma_crossed_above(two).vbt.signals.fshift(1)
    below = one.ma_crossed_below(two).vbt.signals.fshift(1)
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries=above,
        exits=below,
        short_entries=below,
        short_exits=above,
        price=opening,
        init_cash=CASH,
        fees=COMMISSION_BPS / 1e4,
        slippage=SLIPPAGE_BPS / 1e4,
        freq="1D",
    )
    columns = (portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown())
    closed = portfolio.trades.closed.count()
    return np.column_stack([np.asarray(column, dtype=float) for column in (*columns, closed)])


def cpu(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of the quickest of several calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def at_once(work: Callable[[], object], count: int) -> None:
    """Do the same in several threads at once."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def child(case: str) -> None:
    """Run one sweep and print the process's peak memory in megabytes."""
    from admf import load_bars

    bars = load_bars(random_prices(10_000))
    if case == "vectorbt":
        by_vectorbt(bars, *np.array(list(itertools.product(FAST, SLOW))).T)
    else:
        fast, slow = (FAST, SLOW) if case == "1000" else (list(range(2, 102)), list(range(110, 210)))
        start = time.perf_counter()
        result = by_admf(bars, fast, slow, 2, METRICS)
        print(result.trials, time.perf_counter() - start)
    print(own_peak())


def own_peak() -> float:
    """Peak memory of this process in megabytes; getrusage on Linux would count the parent's as well."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def peak(case: str) -> tuple[float, list[str]]:
    """Megabytes of a process of its own, and what else it printed."""
    command = [sys.executable, __file__, "--child", case]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case} failed in a process of its own:\n{done.stderr[-2000:]}")
    *words, memory = done.stdout.split()
    return float(memory), words


def disagreement(ours: np.ndarray, theirs: np.ndarray, sharpe: bool) -> str | None:
    """Say where two tables differ by more than a relative 1e-9."""
    for at, name in enumerate(METRICS):
        error = np.abs(ours[:, at] - theirs[:, at]) / np.maximum(np.abs(ours[:, at]), 1e-3)
        if (name != "sharpe_ratio" or sharpe) and error.max() > 1e-9:
            return f"{name} differs by {error.max():.1e} in {int((error > 1e-9).sum())} pairs"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Time a sweep against vectorbt and a kernel written by hand."
    )
    parser.add_argument("--repeats", type=int, default=7, help="calls of which the quickest counts")
    parser.add_argument("--child", choices=("1000", "10000", "vectorbt"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    from admf import load_bars

    console = Console(width=120)
    bars = load_bars(random_prices(10_000))
    fast, slow = np.array(list(itertools.product(FAST, SLOW))).T
    ours = by_admf(bars, FAST, SLOW, 1, METRICS).table[METRICS].to_numpy()
    hand = by_hand(bars, fast, slow)
    hand[:, 1] *= np.sqrt(bars.periods_per_year)
    problems = [("the kernel written by hand", disagreement(ours, hand, sharpe=True))]
    rows = {
        "by hand": cpu(lambda: by_hand(bars, fast, slow), arguments.repeats),
        "admf": cpu(lambda: by_admf(bars, FAST, SLOW, 1, METRICS), arguments.repeats),
    }
    by_admf(bars, FAST, SLOW, 1, None)
    rows["admf, all metrics"] = cpu(lambda: by_admf(bars, FAST, SLOW, 1, None), arguments.repeats)
    memory = {"admf": peak("1000")[0]}
    try:
        console.print(f"vectorbt {importlib.metadata.version('vectorbt')}")
        theirs = by_vectorbt(bars, fast, slow)
        # its year has 365 days there; the other three have no unit of time
        problems.append(("vectorbt", disagreement(ours, theirs, sharpe=False)))
        rows["vectorbt"] = cpu(lambda: by_vectorbt(bars, fast, slow), 2)
        memory["vectorbt"] = peak("vectorbt")[0]
    except importlib.metadata.PackageNotFoundError:
        console.print("vectorbt is not installed and is left out; `make bench` installs it")
    for name, problem in problems:
        if problem is not None:
            console.print(f"admf and {name} disagree: {problem}")
    if any(problem for _, problem in problems):
        raise SystemExit(1)
    sheet = Table(title="10,000 bars x 1,000 pairs, all equal", title_justify="left", box=None)
    for column in ("", "CPU s", "pairs per CPU s", "ns per bar and pair", "against admf", "peak MB"):
        sheet.add_column(column, justify="right" if column else "left")
    for name, seconds in rows.items():
        sheet.add_row(
            name,
            f"{seconds:.3f}",
            f"{len(fast) / seconds:,.0f}",
            f"{seconds / len(fast) / len(bars) * 1e9:.2f}",
            f"{seconds / rows['admf']:.2f}x",
            f"{memory[name]:.0f}" if name in memory else "",
        )
    console.print(sheet)
    many = list(range(2, 102)), list(range(110, 210))
    walls = [best(lambda: by_admf(bars, *many, workers, METRICS), 3) for workers in (1, 2)]  # noqa: B023
    console.print(
        f"10,000 pairs: one thread {walls[0]:.2f} s, two {walls[1]:.2f} s: {walls[0] / walls[1]:.2f}x"
    )
    double = best(lambda: at_once(lambda: by_hand(bars, fast, slow), 2), 5)
    single = best(lambda: by_hand(bars, fast, slow), 5)
    console.print(
        f"twice the kernel by hand, in two threads: {2 * single / double:.2f}x of one after the other"
    )
    megabytes, (trials, seconds) = peak("10000")
    console.print(f"{trials} pairs in a process of its own: {float(seconds):.2f} s, peak {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
