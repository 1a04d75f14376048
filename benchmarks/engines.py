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

        return load_bars(path, symbol="X")

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

        frame = pd.read_parquet(path)
        frame.index = frame.index.tz_localize(None)  # with a time zone it takes some hundred times as long
        return frame

    def simulate(self, frame: Any, task: Task) -> Any:
        import vectorbt as vbt

        fast, slow = vbt.MA.run(frame["close"], task.fast), vbt.MA.run(frame["close"], task.slow)
        # Decided on a close, filled at the next open: the signals move one bar on, the price is the open.
        portfolio = vbt.Portfolio.from_signals(
            frame["close"],
            entries=fast.ma_crossed_above(slow).vbt.signals.fshift(1),
            exits=fast.ma_crossed_below(slow).vbt.signals.fshift(1),
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
        from backtesting.lib import crossover

        def average(values: Any, length: int) -> Any:
            import pandas as pd

            return pd.Series(values).rolling(length).mean()

        class Cross(Strategy):
            def init(self) -> None:
                self.fast = self.I(average, self.data.Close, task.fast)
                self.slow = self.I(average, self.data.Close, task.slow)

            def next(self) -> None:
                if crossover(self.fast, self.slow) and not self.position:
                    self.buy(size=1 - 1e-15)  # a size of exactly 1 is one unit there
                elif crossover(self.slow, self.fast):
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
