"""Time this project against its peers on the same backtest, in one process and one run: `make bench`.

Printed per data set and engine, with the ratio to this project (2.0x: the peer takes twice as long):

- simulation: from bars in memory to trades and equity, indicators included; best of several, code warm.
- with statistics: the same, and the engine's summary of metrics.
- whole process: a new Python that imports the engine, reads the Parquet file and simulates; wall time, best
  of several, compiled code cached on disk.
- first process: the same with an empty compile cache, once.

Engines must agree on every trade before anything is timed; one that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from engines import ENGINES, Outcome, Task
from rich.console import Console
from rich.table import Table
from timing import best, in_a_process, machine, version

PACKAGES = {"admf": "admf", "vectorbt": "vectorbt", "backtesting.py": "backtesting"}
COLUMNS = ("simulation", "with statistics", "whole process", "first process")


def sample_prices() -> pd.DataFrame:
    """Daily S&P 500 prices, 1999 to 2018, as the package arch ships them."""
    from arch.data import sp500

    frame = sp500.load().rename(columns=str.lower)
    return frame[["open", "high", "low", "close", "volume"]]


def random_prices(bars: int) -> pd.DataFrame:
    """Bars of one minute whose log price returns to a mean: a free walk so long leaves all proportion."""
    rng = np.random.default_rng(20)
    noise = rng.normal(0.0, 0.001, bars)
    decay = 1 - 1e-4
    log_close = pd.Series(noise).ewm(alpha=1 - decay, adjust=False).mean().to_numpy() / (1 - decay)
    close = 100.0 * np.exp(log_close)
    opening = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0.0, 0.0002, bars))
    wick = np.abs(rng.normal(0.0, 0.0005, (2, bars)))
    high = np.maximum(opening, close) * (1 + wick[0])
    low = np.minimum(opening, close) * (1 - wick[1])
    volume = rng.integers(1, 1_000_000, bars).astype(float)
    index = pd.date_range("2015-01-01", periods=bars, freq="min", tz="UTC", name="timestamp")
    columns = {"open": opening, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(columns, index=index)


def disagreement(ours: Outcome, theirs: Outcome) -> str | None:
    """Say where two engines differ: bars and units exactly, prices and money to a relative 1e-9."""
    if ours.trades.shape != theirs.trades.shape:
        return f"{len(ours.trades)} trades against {len(theirs.trades)}"
    if not np.array_equal(ours.trades[:, :3], theirs.trades[:, :3]):
        first = int(np.argmax((ours.trades[:, :3] != theirs.trades[:, :3]).any(axis=1)))
        return f"trade {first}: {ours.trades[first, :3]} against {theirs.trades[first, :3]}"
    scale = np.abs(ours.trades[:, 2:3] * ours.trades[:, 3:4])  # a profit is as exact as what was traded
    error = np.abs(ours.trades[:, 3:] - theirs.trades[:, 3:]) / np.maximum(scale, 1.0)
    if len(error) and error.max() > 1e-9:
        return f"prices or profits differ by {error.max():.1e}"
    if abs(ours.equity / theirs.equity - 1) > 1e-9:
        return f"final equity {ours.equity!r} against {theirs.equity!r}"
    return None


def process(engine: str, path: Path, task: Task, cache: Path) -> None:
    """Run one engine in a new Python, as the benchmark's child."""
    numbers = [str(value) for value in (task.fast, task.slow, task.cash, task.commission_bps)]
    places = {"NUMBA_CACHE_DIR": str(cache / "numba"), "XDG_CACHE_HOME": str(cache)}
    in_a_process(__file__, "--child", engine, str(path), *numbers, **places)


def child(arguments: list[str]) -> None:
    """Import an engine, read the file, simulate: what `whole process` times."""
    name, path, fast, slow, cash, commission_bps = arguments
    (engine,) = (each for each in ENGINES if each.name == name)
    task = Task(int(fast), int(slow), float(cash), float(commission_bps))
    engine.simulate(engine.load(path), task)


def measure(title: str, path: Path, task: Task, repeats: int, folder: Path, console: Console) -> bool:
    """Check that the engines agree, time them and print the table; whether they agree."""
    outcomes, rows = {}, {}
    for engine in ENGINES:
        if version(PACKAGES[engine.name]) is None:
            console.print(f"{engine.name} is not installed and is left out; `make bench` installs the peers")
            continue
        data = engine.load(str(path))
        result = engine.simulate(data, task)
        engine.statistics(result)
        outcomes[engine.name] = engine.outcome(result)
        cache = folder / f"cache-{engine.name}"
        first = best(lambda: process(engine.name, path, task, cache), 1)  # noqa: B023 - called at once
        rows[engine.name] = (
            best(lambda: engine.simulate(data, task), repeats),  # noqa: B023
            best(lambda: engine.statistics(engine.simulate(data, task)), repeats),  # noqa: B023
            best(lambda: process(engine.name, path, task, cache), repeats),  # noqa: B023
            first,
        )
    ours = outcomes["admf"]
    agreed = True
    for name, theirs in outcomes.items():
        if (difference := disagreement(ours, theirs)) is not None:
            console.print(f"{title}: admf and {name} disagree: {difference}")
            agreed = False
    if not agreed:
        return False
    sheet = Table(title=f"{title}: {len(ours.trades)} trades, all equal", title_justify="left", box=None)
    sheet.add_column("engine")
    for column in COLUMNS:
        sheet.add_column(f"{column} (s)", justify="right")
    for name, times in rows.items():
        ratios = (
            f"{seconds:.4f} {seconds / own:6.1f}x" for seconds, own in zip(times, rows["admf"], strict=True)
        )
        sheet.add_row(name, *ratios)
    console.print(sheet)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Time this project against its peers.")
    parser.add_argument("--bars", type=int, default=1_000_000, help="bars of the random series")
    parser.add_argument("--repeats", type=int, default=5, help="calls of which the quickest counts")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py draws a progress bar, which costs it time
    console = Console(width=140)
    console.print(machine(*PACKAGES.values()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample_prices().to_parquet(folder / "sample.parquet")
        random_prices(arguments.bars).to_parquet(folder / "random.parquet")
        agreed = measure(
            "S&P 500, 50/200",
            folder / "sample.parquet",
            Task(50, 200, 1e6, 5.0),
            arguments.repeats,
            folder,
            console,
        )
        agreed &= measure(
            f"random, {arguments.bars:,} bars, 50/200",
            folder / "random.parquet",
            Task(50, 200, 1e6, 1.0),
            arguments.repeats,
            folder,
            console,
        )
    if not agreed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
