"""Time a portfolio against peers in one process and one run: many symbols that share cash, rebalanced weekly.

Every symbol gets the same weight, 95 % of the equity in all; targets are decided at the close of the first
bar of a week and filled at the next open, in fractional units, with a commission. vectorbt is given the same
fills (`Portfolio.from_orders`, targetpercent, cash_sharing, call_seq auto); bt, which trades at the price
that it marks with, is given opens. Engines must hold the same units on every bar before anything is timed: bt
without commission, as it takes the commission out of a target. A peer that is not installed is named and
left out.

- simulation: from prices in memory to the equity; best of several, code warm.
- with statistics: the same, and the engine's summary of metrics. bt computes its own in any case.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from timing import best, machine, version

INVESTED = 0.95
CASH = 1e6


class Market:
    """Random prices of several symbols, and the bars on which a weekly rebalancing is filled."""

    def __init__(self, symbols: int, bars: int) -> None:
        random = np.random.default_rng(11)
        close = 100.0 * np.exp(np.cumsum(random.normal(0.0002, 0.015, (bars, symbols)), axis=0))
        before = np.vstack((np.full(symbols, 100.0), close[:-1]))
        opening = before * np.exp(random.normal(0.0, 0.003, (bars, symbols)))
        index = pd.date_range("2000-01-03", periods=bars, freq="B", tz="UTC")
        names = [f"S{i:02d}" for i in range(symbols)]
        self.open = pd.DataFrame(opening, index=index, columns=names)
        self.close = pd.DataFrame(close, index=index, columns=names)
        weeks = index.tz_localize(None).to_period("W").asi8
        decided = np.flatnonzero(np.append(True, weeks[1:] != weeks[:-1]))
        self.filled = decided[decided + 1 < bars] + 1
        self.weight = INVESTED / symbols


class Admf:
    name = package = "admf"

    def load(self, market: Market) -> Any:
        from admf import load_bars

        frames = {
            name: pd.DataFrame({"open": market.open[name], "close": market.close[name], "volume": 1.0})
            for name in market.open
        }
        for frame in frames.values():
            frame["high"] = frame[["open", "close"]].max(axis=1)
            frame["low"] = frame[["open", "close"]].min(axis=1)
        return {
            name: load_bars(frame, symbol=name, timeframe="1d", min_bars=1) for name, frame in frames.items()
        }

    def simulate(self, bars: Any, market: Market, commission_bps: float) -> Any:
        from admf import simulate_portfolio

        weights = dict.fromkeys(bars, market.weight)
        return simulate_portfolio(
            bars,
            "fixed_weights",
            {"weights": weights},
            rebalance="weekly",
            costs={"commission_bps": commission_bps},
            initial_cash=CASH,
        )

    def statistics(self, result: Any) -> None:
        _ = result.metrics

    def units(self, result: Any) -> np.ndarray:
        return result.position_values


class Vectorbt:
    name = package = "vectorbt"

    def load(self, market: Market) -> Any:
        return market.open, market.close

    def simulate(self, data: Any, market: Market, commission_bps: float) -> Any:
        import vectorbt as vbt

        opening, close = data
        size = np.full(close.shape, np.nan)
        size[market.filled] = market.weight
        portfolio = vbt.Portfolio.from_orders(
            close,
            pd.DataFrame(size, index=close.index, columns=close.columns),
            size_type="targetpercent",
            price=opening,
            val_price=opening,
            fees=commission_bps / 1e4,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="D",
        )
        portfolio.value()
        return portfolio

    def statistics(self, portfolio: Any) -> None:
        portfolio.stats()

    def units(self, portfolio: Any) -> np.ndarray:
        return portfolio.assets().to_numpy()


class Bt:
    name = package = "bt"

    def load(self, market: Market) -> Any:
        opening = market.open.copy()
        opening.index = opening.index.tz_localize(None)
        return opening

    def simulate(self, opening: Any, market: Market, commission_bps: float) -> Any:
        import bt

        weights = dict.fromkeys(opening.columns, market.weight)
        strategy = bt.Strategy(
            "weekly",
            [
                bt.algos.RunOnDate(*opening.index[market.filled]),
                bt.algos.SelectAll(),
                bt.algos.WeighSpecified(**weights),
                bt.algos.Rebalance(),
            ],
        )
        test = bt.Backtest(
            strategy,
            opening,
            initial_capital=CASH,
            commissions=lambda units, price: abs(units) * price * commission_bps / 1e4,
            integer_positions=False,
            progress_bar=False,
        )
        return bt.run(test)

    def statistics(self, result: Any) -> None:
        _ = result.stats

    def units(self, result: Any) -> np.ndarray:
        # one row more than there are prices: bt begins a day before
        return result.backtests["weekly"].positions.to_numpy()[1:]


def installed() -> list[Any]:
    """Engines that can run here, ours first."""
    found = []
    for engine in (Admf(), Vectorbt(), Bt()):
        if version(engine.package) is None:
            print(f"{engine.name} is not installed and is left out; `make bench` installs the peers")
            continue
        found.append(engine)
    return found


def disagreement(
    engines: list[Any], data: dict[str, Any], market: Market, commission_bps: float
) -> str | None:
    """Say where engines hold other units than ours, beyond a relative 1e-9."""
    held = {
        engine.name: engine.units(engine.simulate(data[engine.name], market, commission_bps))
        for engine in engines
    }
    ours = held["admf"]
    for name, theirs in held.items():
        apart = np.abs(theirs - ours) > 1e-9 * np.abs(ours).max()
        if apart.any():
            row, column = np.argwhere(apart)[0]
            found = f"{theirs[row, column]!r} against {ours[row, column]!r} units"
            return f"{name} and admf disagree on bar {row}, symbol {column}: {found}"
    return None


def measure(symbols: int, bars: int, repeats: int) -> tuple[Market, dict[str, tuple[float, float]]]:
    """Check that the engines agree, and time them: seconds without and with statistics."""
    market = Market(symbols, bars)
    engines = installed()
    data = {engine.name: engine.load(market) for engine in engines}
    exact = [engine for engine in engines if engine.name != "bt"]
    for checked, commission_bps in ((engines, 0.0), (exact, 5.0)):
        if (difference := disagreement(checked, data, market, commission_bps)) is not None:
            raise SystemExit(f"with {commission_bps:g} bps: {difference}")
    rows: dict[str, tuple[float, float]] = {}
    for engine in engines:
        simulate: Callable[[], Any] = lambda: engine.simulate(data[engine.name], market, 5.0)  # noqa: B023, E731
        rows[engine.name] = (
            best(simulate, repeats),
            best(lambda: engine.statistics(simulate()), repeats),  # noqa: B023
        )
    return market, rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a portfolio against peers.")
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--bars", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5, help="calls of which the quickest counts")
    arguments = parser.parse_args()
    console = Console(width=140)
    console.print(machine("admf", "vectorbt", "bt"))
    market, rows = measure(arguments.symbols, arguments.bars, arguments.repeats)
    sheet = Table(
        title=f"{arguments.symbols} symbols x {arguments.bars:,} bars, {len(market.filled)} rebalancings",
        title_justify="left",
        box=None,
    )
    sheet.add_column("engine")
    for column in ("simulation (s)", "with statistics (s)", "bars a second"):
        sheet.add_column(column, justify="right")
    bars = arguments.symbols * arguments.bars
    for name, times in rows.items():
        ratios = [
            f"{seconds:.4f} {seconds / own:6.1f}x" for seconds, own in zip(times, rows["admf"], strict=True)
        ]
        sheet.add_row(name, *ratios, f"{bars / times[0]:,.0f}")
    console.print(sheet)


if __name__ == "__main__":
    main()
