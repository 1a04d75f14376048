"""Time a sweep beside vectorbt's and a kernel written by hand for it, in one process and one run.

10,000 bars x 1,000 pairs of moving averages, commission and slippage on; total return, Sharpe ratio, drawdown
and trade count of each. Seconds are CPU seconds of a warm call in one thread, the best of several; all must
agree on every pair first (backtesting.py, which knows no slippage, on the trades of one pair). "five costs"
adds a spread, a commission per unit and one per fill; "all metrics" are those that a sweep streams, beside
the part of them that vectorbt, or pandas for it, computes of its own returns and trades. Then what two
threads gain, beside two of the kernel by hand on the same machine, and the peak memory of processes of their
own. Run it with the Python that `make bench` makes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import yardstick
from rich.console import Console
from rich.table import Table
from run import random_prices
from timing import Work, cpu, in_a_process, in_turns, machine, own_peak, version

METRICS = ["cum_returns_final", "sharpe_ratio", "max_drawdown", "trades"]
FAST, SLOW = list(range(5, 45)), list(range(50, 175, 5))  # 40 x 25 pairs
CASH, COMMISSION_BPS, SLIPPAGE_BPS = 100_000.0, 10.0, 5.0
COSTS = {"commission_bps": COMMISSION_BPS, "slippage_bps": SLIPPAGE_BPS}
EVERY_COST = {**COSTS, "spread_bps": 1.0, "commission_per_unit": 0.001, "commission_fixed": 0.1}
BARS = 10_000
# Metrics of vectorbt's that depend on no calendar, nor on how a moment is estimated.
WITHOUT_A_YEAR = (
    "final_equity", "cum_returns_final", "buy_and_hold_return", "max_drawdown", "ulcer_index", "omega_ratio",
    "trades", "win_rate", "profit_factor", "expectancy", "avg_trade", "best_trade", "worst_trade", "exposure",
)  # fmt: skip


def by_admf(
    bars: Any, fast: list[int], slow: list[int], workers: int, metrics: list[str] | None, costs: Any = COSTS
) -> Any:
    from admf import sweep

    grid = {"fast": fast, "slow": slow}
    return sweep(bars, "sma_cross", grid, costs=costs, initial_cash=CASH, metrics=metrics, workers=workers)


def by_hand(bars: Any, fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    return yardstick.sweep(bars.open, bars.close, fast, slow, CASH, COMMISSION_BPS / 1e4, SLIPPAGE_BPS / 1e4)


def portfolio_of_vectorbt(bars: Any, fast: np.ndarray, slow: np.ndarray) -> Any:
    """All pairs as columns, as its users do."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.RangeIndex(len(bars))
    close, opening = pd.Series(bars.close, index), pd.Series(bars.open, index)
    one = vbt.MA.run(close, fast, short_name="fast")
    two = vbt.MA.run(close, slow, short_name="slow")
    above = one.ma_crossed_above(two).vbt.signals.fshift(1)
    below = one.ma_crossed_below(two).vbt.signals.fshift(1)
    return vbt.Portfolio.from_signals(
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


def by_vectorbt(bars: Any, fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Four metrics of all pairs, from its own accessors."""
    portfolio = portfolio_of_vectorbt(bars, fast, slow)
    columns = (portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown())
    closed = portfolio.trades.closed.count()
    return np.column_stack([np.asarray(column, dtype=float) for column in (*columns, closed)])


def all_by_vectorbt(bars: Any, fast: np.ndarray, slow: np.ndarray) -> dict[str, Any]:
    """Those of admf's metrics that vectorbt or pandas offers, by our names; what it keeps is used again."""
    portfolio = portfolio_of_vectorbt(bars, fast, slow)
    returns, trades = portfolio.returns(), portfolio.trades.closed
    own = returns.vbt.returns(freq="1D", benchmark_rets=portfolio.benchmark_returns())
    earned = trades.returns
    return {
        "final_equity": portfolio.final_value(),
        "cum_returns_final": portfolio.total_return(),
        "annual_return": own.annualized(),
        "buy_and_hold_return": portfolio.total_benchmark_return(),
        "max_drawdown": portfolio.max_drawdown(),
        "calmar_ratio": own.calmar_ratio(),
        "longest_drawdown": portfolio.drawdowns.max_duration(),
        "ulcer_index": own.ulcer_index(),
        "sharpe_ratio": own.sharpe_ratio(),
        "annual_volatility": own.annualized_volatility(),
        "skew": returns.skew(),
        "kurtosis": returns.kurt(),
        "sortino_ratio": own.sortino_ratio(),
        "downside_risk": own.downside_risk(),
        "omega_ratio": own.omega_ratio(),
        "alpha": own.alpha(),
        "beta": own.beta(),
        "trades": trades.count(),
        "win_rate": trades.win_rate(),
        "profit_factor": trades.profit_factor(),
        "expectancy": trades.expectancy(),
        "payoff_ratio": trades.winning.pnl.mean() / -trades.losing.pnl.mean(),
        "avg_trade": earned.mean(),
        "best_trade": earned.max(),
        "worst_trade": earned.min(),
        "max_consecutive_losses": trades.losing_streak.max(),
        "avg_bars": trades.duration.mean(),
        "exposure": portfolio.position_coverage(),
    }


def by_backtesting(bars: Any, fast: int, slow: int) -> int:
    """One pair in backtesting.py (whole units, no slippage): how many trades it closed."""
    import warnings

    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    def average(values: Any, length: int) -> Any:
        import pandas as pd

        return pd.Series(values).rolling(length).mean()

    class Cross(Strategy):
        def init(self) -> None:
            self.fast = self.I(average, self.data.Close, fast)
            self.slow = self.I(average, self.data.Close, slow)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy(size=1 - 1e-15)  # a size of exactly 1 is one unit there
            elif crossover(self.slow, self.fast):
                self.sell(size=1 - 1e-15)

    frame = bars.frame.rename(columns=str.capitalize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the trade that is open at the end
        test = Backtest(frame, Cross, cash=1e9, commission=COMMISSION_BPS / 1e4, exclusive_orders=True)
        return len(test.run()["_trades"])


def at_once(work: Callable[[], object], count: int) -> None:
    """Do the same in several threads at once."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def child(case: str) -> None:
    """Run one sweep and print the process's peak memory in megabytes; of all of vectorbt the time, too."""
    from admf import load_bars

    bars = load_bars(random_prices(BARS))
    if case == "vectorbt all":
        pairs = np.array(list(itertools.product(FAST, SLOW))).T
        theirs = all_by_vectorbt(bars, *pairs)
        ours = by_admf(bars, FAST, SLOW, 1, list(theirs)).table
        for name in WITHOUT_A_YEAR:
            error = np.abs(ours[name] / np.asarray(theirs[name], dtype=float) - 1.0)
            if not error.max() < 1e-9:
                raise SystemExit(f"admf and vectorbt disagree: {name} differs by {error.max():.1e}")
        print(len(theirs), cpu(lambda: all_by_vectorbt(bars, *pairs), 2) / len(pairs[0]))
    elif case == "vectorbt":
        by_vectorbt(bars, *np.array(list(itertools.product(FAST, SLOW))).T)
    else:
        fast, slow = (FAST, SLOW) if case == "1000" else (list(range(2, 102)), list(range(110, 210)))
        by_admf(bars, fast, slow, 2, METRICS)
    print(own_peak())


def peak(case: str) -> tuple[float, list[str]]:
    """Megabytes of a process of its own, and what else it printed."""
    *words, memory = in_a_process(__file__, "--child", case)
    return float(memory), words


def disagreement(ours: np.ndarray, theirs: np.ndarray, sharpe: bool) -> str | None:
    """Say where two tables differ by more than a relative 1e-9."""
    for at, name in enumerate(METRICS):
        error = np.abs(ours[:, at] - theirs[:, at]) / np.maximum(np.abs(ours[:, at]), 1e-3)
        if (name != "sharpe_ratio" or sharpe) and error.max() > 1e-9:
            return f"{name} differs by {error.max():.1e} in {int((error > 1e-9).sum())} pairs"
    return None


def compare(bars: Any, repeats: int) -> dict[str, float]:
    """Check that all agree on every pair; CPU seconds a pair of each, code warm, in one thread."""
    fast, slow = np.array(list(itertools.product(FAST, SLOW))).T
    ours = by_admf(bars, FAST, SLOW, 1, METRICS).table
    numbers = ours[METRICS].to_numpy()
    hand = by_hand(bars, fast, slow)
    hand[:, 1] *= np.sqrt(bars.periods_per_year)
    problems = {"the kernel written by hand": disagreement(numbers, hand, sharpe=True)}
    by_admf(bars, FAST, SLOW, 1, None)
    by_admf(bars, FAST, SLOW, 1, METRICS, EVERY_COST)
    works: dict[str, Work] = {
        "by hand": lambda: by_hand(bars, fast, slow),
        "admf": lambda: by_admf(bars, FAST, SLOW, 1, METRICS),
        "admf, five costs": lambda: by_admf(bars, FAST, SLOW, 1, METRICS, EVERY_COST),
        "admf, all metrics": lambda: by_admf(bars, FAST, SLOW, 1, None),
    }
    if version("vectorbt"):
        works["vectorbt"] = lambda: by_vectorbt(bars, fast, slow)
        # its year has 365 days there; the other three have no unit of time
        theirs = by_vectorbt(bars, fast, slow)
        problems["vectorbt"] = disagreement(numbers, theirs, sharpe=False)
    rows = in_turns(works, repeats)
    if version("vectorbt"):
        _, (count, seconds) = peak("vectorbt all")  # its matrices want a process of their own
        rows[f"vectorbt, the {count} of all that it has"] = float(seconds) * len(fast)
    rows = {name: seconds / len(fast) for name, seconds in rows.items()}
    if version("backtesting"):
        pair = FAST[8], SLOW[8]
        closed = ours.query(f"fast == {pair[0]} and slow == {pair[1]}")["trades"].item()
        if (count := by_backtesting(bars, *pair)) != closed:
            problems["backtesting.py"] = f"{closed:.0f} trades against {count}"
        rows["backtesting.py"] = cpu(lambda: by_backtesting(bars, *pair), 3)
    for name, problem in problems.items():
        if problem is not None:
            raise SystemExit(f"admf and {name} disagree: {problem}")
    return rows


def threads(bars: Any) -> dict[str, float]:
    """How much quicker two threads are: the sweep of 10,000 pairs, and what the machine gives to any two.

    That is two calls of the kernel by hand, and two of arithmetic that needs no memory: where two "cores" are
    threads of one, or the host is shared, they gain little as well.
    """
    fast, slow = np.array(list(itertools.product(FAST, SLOW))).T
    many = list(range(2, 102)), list(range(110, 210))
    works: dict[str, Work] = {
        "one": lambda: by_admf(bars, *many, 1, METRICS),
        "two": lambda: by_admf(bars, *many, 2, METRICS),
        "one by hand": lambda: by_hand(bars, fast, slow),
        "two by hand": lambda: at_once(lambda: by_hand(bars, fast, slow), 2),
        "one arithmetic": lambda: arithmetic(1),
        "two arithmetic": lambda: arithmetic(2),
    }
    for work in works.values():
        work()
    took = in_turns(works, 15, wall=True)
    gains = {name: 2 * took[f"one {name}"] / took[f"two {name}"] for name in ("by hand", "arithmetic")}
    return {"admf": took["one"] / took["two"], **gains}


def arithmetic(threads: int) -> None:
    """Some 20 ms of arithmetic in each thread."""
    at_once(lambda: yardstick.arithmetic(np.full(1000, 0.5), np.zeros(1000), 100_000), threads)


def memory() -> dict[str, float]:
    """Peak megabytes of processes of their own."""
    found = {"1,000 pairs": peak("1000")[0], "10,000 pairs": peak("10000")[0]}
    if version("vectorbt"):
        found["vectorbt, 1,000 pairs"] = peak("vectorbt")[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Time a sweep against vectorbt and a kernel written by hand."
    )
    parser.add_argument("--repeats", type=int, default=9, help="calls of which the quickest counts")
    parser.add_argument(
        "--child", choices=("1000", "10000", "vectorbt", "vectorbt all"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py draws a progress bar, which costs it time
    from admf import load_bars

    console = Console(width=120)
    console.print(machine("admf", "vectorbt", "backtesting"))
    bars = load_bars(random_prices(BARS))
    rows = compare(bars, arguments.repeats)
    sheet = Table(title=f"{BARS:,} bars, 1,000 pairs, all equal", title_justify="left", box=None)
    for column in ("", "pairs per CPU s", "ns per bar and pair", "against admf"):
        sheet.add_column(column, justify="right" if column else "left")
    for name, seconds in rows.items():
        sheet.add_row(
            name, f"{1 / seconds:,.0f}", f"{seconds / BARS * 1e9:,.2f}", f"{seconds / rows['admf']:,.2f}x"
        )
    console.print(sheet)
    for name, gain in threads(bars).items():
        console.print(f"{name}: two threads {gain:.2f}x as quick as one (wall time)")
    for name, megabytes in memory().items():
        console.print(f"{name}: peak {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
