"""The same backtest in three engines: a moving-average crossover, long only, whole units, next open.

Each engine is three functions: `load` reads a Parquet file the way its users do, `simulate` goes from bars in
memory to trades and equity (indicators included), `statistics` computes the summary that the engine offers.
`run` of backtesting.py computes its statistics in any case; there `statistics` costs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Task:
    """What is simulated: lengths of the averages (bars), cash, commission (basis points of traded value)."""

    fast: int
    slow: int
    cash: float
    commission_bps: float


@dataclass(frozen=True)
class Outcome:
    """What the engines must agree on.

    `trades` has a row per closed trade: entry bar, exit bar, units, entry price, exit price, profit net of
    commissions. `equity` is the last bar's.
    """

    trades: np.ndarray
    equity: float


class Admf:
    name = "admf"

    def load(self, path: str) -> Any:
        from admf import load_bars

        return load_bars(path, symbol="X", timeframe="1d")

    def simulate(self, bars: Any, task: Task) -> Any:
        from admf import simulate

        result = simulate(
            bars,
            strategy="sma_cross",
            params={"fast": task.fast, "slow": task.slow},
            execution={"direction": "long_only"},
            sizing={"lot_size": 1},
            costs={"commission_bps": task.commission_bps},
            initial_cash=task.cash,
        )
        _ = result.trades, result.equity
        return result

    def statistics(self, result: Any) -> None:
        _ = result.metrics

    def outcome(self, result: Any) -> Outcome:
        columns = ["entry_bar", "exit_bar", "units", "entry_price", "exit_price", "pnl"]
        return Outcome(result.trades[columns].to_numpy(float), float(result.equity.iloc[-1]))


class Vectorbt:
    name = "vectorbt"

    def load(self, path: str) -> Any:
        import pandas as pd

        return pd.read_parquet(path)

    def simulate(self, frame: Any, task: Task) -> Any:
        import vectorbt as vbt

        fast = vbt.MA.run(frame["close"], task.fast).ma.to_numpy()
        slow = vbt.MA.run(frame["close"], task.slow).ma.to_numpy()
        # Decided on a close, filled at the next open: the signals move one bar on, the price is the open.
        above, below = np.zeros(len(frame), bool), np.zeros(len(frame), bool)
        above[1:] = (fast > slow)[:-1]
        below[1:] = (fast <= slow)[:-1]
        portfolio = vbt.Portfolio.from_signals(
            frame["close"],
            entries=above,
            exits=below,
            price=frame["open"],
            size=np.inf,
            size_granularity=1,
            init_cash=task.cash,
            fees=task.commission_bps / 1e4,
            freq="1D",
        )
        _ = portfolio.trades.records, portfolio.value()
        return portfolio

    def statistics(self, portfolio: Any) -> None:
        portfolio.stats()

    def outcome(self, portfolio: Any) -> Outcome:
        records = portfolio.trades.closed.records
        columns = ["entry_idx", "exit_idx", "size", "entry_price", "exit_price", "pnl"]
        return Outcome(records[columns].to_numpy(float), float(portfolio.value().iloc[-1]))


class BacktestingPy:
    name = "backtesting.py"

    def load(self, path: str) -> Any:
        import pandas as pd

        return pd.read_parquet(path).rename(columns=str.capitalize)

    def simulate(self, frame: Any, task: Task) -> Any:
        import warnings

        from backtesting import Backtest, Strategy

        def average(values: Any, length: int) -> Any:
            import pandas as pd

            # It skips the first bar on which all indicators are known; with numbers in front it does not.
            return pd.Series(values).rolling(length).mean().fillna(0.0)

        class Cross(Strategy):
            def init(self) -> None:
                self.fast = self.I(average, self.data.Close, task.fast, plot=False)
                self.slow = self.I(average, self.data.Close, task.slow, plot=False)

            def next(self) -> None:
                if self.fast[-1] > self.slow[-1] > 0.0:
                    if not self.position:
                        self.buy(size=1 - 1e-15)  # a size of exactly 1 is one unit there
                elif self.position:
                    self.position.close()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of the trade that is open at the end
            return Backtest(frame, Cross, cash=task.cash, commission=task.commission_bps / 1e4).run()

    def statistics(self, stats: Any) -> None:
        """`run` has computed them."""

    def outcome(self, stats: Any) -> Outcome:
        columns = ["EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice", "PnL"]
        trades = stats["_trades"][columns].to_numpy(float)
        return Outcome(trades, float(stats["_equity_curve"]["Equity"].iloc[-1]))


ENGINES: tuple[Any, ...] = (Admf(), Vectorbt(), BacktestingPy())
