"""Time one backtest of a million bars with a stop-loss and a take-profit beside vectorbt's, in one run.

A crossing of two moving averages, long, commission and slippage; from bars in memory to trades and equity,
indicators included, code warm. vectorbt: `MA.run`, signals one bar on, `from_signals` with open, high, low,
`sl_stop` and `tp_stop` from the price of the fill, stops filled with slippage, then the records of its
`trades` and `value`.

Every trade must begin and end on the same bars at the same prices, with one exception: where an exit that was
decided on the close before and a stop meet in a bar, admf fills the exit at the open, vectorbt the stop. (It
takes one order a bar, and looks at stops from the bar after the entry on; here that makes no difference.)
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from rich.console import Console
from run import random_prices
from timing import Work, in_turns, machine, version

FAST, SLOW, STOP_PCT, TARGET_PCT = 50, 200, 1.0, 2.0
COMMISSION_BPS, SLIPPAGE_BPS = 1.0, 1.0
COLUMNS = ["entry_bar", "exit_bar", "entry_price", "exit_price"]


def by_admf(bars: Any) -> Any:
    from admf import simulate

    result = simulate(
        bars,
        "sma_cross",
        {"fast": FAST, "slow": SLOW},
        execution={"direction": "long_only", "stop_loss_pct": STOP_PCT, "take_profit_pct": TARGET_PCT},
        costs={"commission_bps": COMMISSION_BPS, "slippage_bps": SLIPPAGE_BPS},
    )
    _ = result.trades, result.equity
    return result


def by_vectorbt(frame: Any) -> Any:
    import vectorbt as vbt

    fast, slow = vbt.MA.run(frame["close"], FAST), vbt.MA.run(frame["close"], SLOW)
    portfolio = vbt.Portfolio.from_signals(
        frame["close"],
        entries=fast.ma_crossed_above(slow).vbt.signals.fshift(1),
        exits=fast.ma_crossed_below(slow).vbt.signals.fshift(1),
        price=frame["open"],
        open=frame["open"],
        high=frame["high"],
        low=frame["low"],
        sl_stop=STOP_PCT / 100,
        tp_stop=TARGET_PCT / 100,
        stop_entry_price="FillPrice",
        stop_exit_price="StopMarket",
        fees=COMMISSION_BPS / 1e4,
        slippage=SLIPPAGE_BPS / 1e4,
        init_cash=100_000.0,
        freq="1min",
    )
    _ = portfolio.trades.records, portfolio.value()  # records_readable, with times and words, takes seconds
    return portfolio


def difference(result: Any, portfolio: Any) -> str | None:
    """Say where closed trades differ: bars at all, prices by more than a relative 1e-9."""
    ours = result.trades[COLUMNS].to_numpy(float)
    names = ["entry_idx", "exit_idx", "entry_price", "exit_price"]
    theirs = portfolio.trades.closed.records[names].to_numpy(float)
    if ours.shape != theirs.shape:
        return f"{len(ours)} trades against {len(theirs)}"
    apart = np.abs(ours - theirs)
    apart[:, 2:] /= theirs[:, 2:]
    excepted = (result.trades["exit_reason"] == "signal") & (theirs[:, 3] < ours[:, 3])
    apart[excepted, 3] = 0.0
    if excepted.sum() > len(ours) / 50:
        return f"{excepted.sum()} of {len(ours)} exits at another price"
    if (apart > 1e-9).any():
        row, column = np.argwhere(apart > 1e-9)[0]
        return f"{COLUMNS[column]} of trade {row}: {ours[row, column]!r} against {theirs[row, column]!r}"
    return None


def measure(count: int, repeats: int) -> tuple[int, dict[str, tuple[float, float]]]:
    """Check and time: the number of trades, and CPU and wall seconds of each engine."""
    from admf import load_bars

    frame = random_prices(count)
    bars = load_bars(frame, symbol="X")
    result = by_admf(bars)
    works: dict[str, Work] = {"admf": lambda: by_admf(bars)}
    if version("vectorbt"):
        naive = frame.tz_localize(None)  # with a time zone it takes some hundred times as long
        problem = difference(result, by_vectorbt(naive))
        if problem is not None:
            raise SystemExit(f"admf and vectorbt disagree: {problem}")
        works["vectorbt"] = lambda: by_vectorbt(naive)
    work, wall = in_turns(works, repeats), in_turns(works, repeats, wall=True)
    return len(result.trades), {name: (work[name], wall[name]) for name in works}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a long backtest with stops against vectorbt.")
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7, help="calls of which the quickest counts")
    arguments = parser.parse_args()
    console = Console(width=120)
    console.print(machine("admf", "vectorbt"))
    trades, rows = measure(arguments.bars, arguments.repeats)
    console.print(f"{arguments.bars:,} bars with stop and target, {trades:,} trades")
    for name, (work, wall) in rows.items():
        own = rows["admf"]
        console.print(
            f"{name:10} {work:.4f} CPU s {work / own[0]:6.1f}x   {wall:.4f} s {wall / own[1]:6.1f}x"
        )


if __name__ == "__main__":
    main()
