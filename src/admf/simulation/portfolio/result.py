"""`PortfolioResult`: a portfolio's numbers as arrays; tables and metrics are made when asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.portfolio import attribution as parts_of
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.records import STATUSES
from admf.simulation.records import REASONS
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.market import Bars

_COST_NAMES = ("commission", "slippage", "spread")


@dataclass(frozen=True, eq=False, repr=False)
class PortfolioResult:
    """What came of a portfolio. Bars count from the first simulated row of the joined calendar.

    Parameters
    ----------
    joined, first, last
        Prices of all symbols, and which of their rows were simulated.
    allocation, params
        Name of the allocation, and what it was given.
    initial_cash
        Currency.
    risk_free_pct
        Annual, in percent; used by the ratios.
    equity_values, cash_values
        At each close, currency, shape (bars,).
    position_values
        Signed units at each close, shape (bars, symbols).
    order_table
        Columns of `admf.simulation.portfolio.records` by name.
    decision_bars, target_values
        Bars at whose close there was a decision, and its weights, (decisions, symbols); NaN: left alone.
    strategies, parts
        Names of the strategies behind the targets, and their shares in them, shape (rows, symbols,
        strategies) over all joined rows; none where the allocation follows no strategies.
    assumptions
        Under which assumptions the numbers hold: the assumption card.
    warnings
        What a reader of the numbers should know.
    """

    joined: Joined
    first: int
    last: int
    allocation: str
    params: Mapping[str, Any]
    initial_cash: float
    risk_free_pct: float
    equity_values: FloatArray
    cash_values: FloatArray
    position_values: FloatArray
    order_table: Mapping[str, np.ndarray[Any, Any]]
    decision_bars: IntArray
    target_values: FloatArray
    strategies: Sequence[str]
    parts: FloatArray | None
    assumptions: dict[str, str]
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return (
            f"<PortfolioResult {self.allocation} on {len(self.symbols)} symbols: "
            f"{len(self.equity_values)} bars, {len(self.fills.bar)} fills, "
            f"equity {self.initial_cash:,.2f} -> {self.equity_values[-1]:,.2f}>"
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names in the order of the columns."""
        return self.joined.symbols

    @property
    def periods_per_year(self) -> float:
        """Rows of the joined calendar in a year."""
        return self.joined.periods_per_year

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Timestamps of the simulated rows."""
        import pandas as pd

        stamps = self.joined.timestamps[self.first : self.last]
        return pd.DatetimeIndex(stamps.view("M8[ns]"), tz="UTC", name="timestamp")

    @cached_property
    def mark_values(self) -> FloatArray:
        """Last close of each symbol at each bar, shape (bars, symbols); 0 before its first."""
        latest = self.joined.last_rows()[self.first : self.last]
        known = np.take_along_axis(self.joined.close, np.maximum(latest, 0), axis=0)
        return np.where(latest >= 0, known, 0.0)

    @property
    def compiled(self) -> bool:
        """The loop over the bars always is."""
        return True

    @property
    def strategy(self) -> str:
        """Name of the allocation: what a report calls the strategy."""
        return self.allocation

    @cached_property
    def bars(self) -> Bars:
        """The symbols held evenly: the same money in each that has a close at the first bar, never traded.

        The benchmark of the metrics, and what a report compares with; it begins at 1.
        """
        from admf.market import Bars

        listed = self.mark_values[0] > 0.0
        value = (self.mark_values[:, listed] / self.mark_values[0, listed]).mean(axis=1)
        names = self.symbols
        return Bars(
            symbol=names[0] if len(names) == 1 else f"{len(names)} symbols",
            timeframe=next(iter(self.joined.bars.values())).timeframe,
            timestamps=self.joined.timestamps[self.first : self.last],
            open=value,
            high=value,
            low=value,
            close=value,
            volume=np.zeros(len(value)),
            periods_per_year=self.periods_per_year,
            timezone=self.joined.timezone,
            source="made of the portfolio's symbols",
        )

    @cached_property
    def fills(self) -> parts_of.Fills:
        """Orders that filled, as arrays."""
        return parts_of.fills_of(self.order_table)

    @cached_property
    def trade_table(self) -> dict[str, np.ndarray[Any, Any]]:
        """Closed parts of positions by column: see `admf.simulation.portfolio.attribution.trades_of`."""
        return parts_of.trades_of(self.fills, len(self.symbols))

    @cached_property
    def equity(self) -> pd.Series:
        """Cash plus positions at each close, currency."""
        return self._frame(self.equity_values[:, None], ["equity"])["equity"]

    @cached_property
    def cash(self) -> pd.Series:
        """Cash at each close, currency."""
        return self._frame(self.cash_values[:, None], ["cash"])["cash"]

    @cached_property
    def positions(self) -> pd.DataFrame:
        """Signed units of each symbol at each close."""
        return self._frame(self.position_values, self.symbols)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Share of each symbol in the equity at each close; the rest is cash."""
        with np.errstate(divide="ignore", invalid="ignore"):  # after ruin there is no share of nothing
            shares = self.position_values * self.mark_values / self.equity_values[:, None]
        return self._frame(shares, self.symbols)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Weights that were decided, one row a decision; NaN: the symbol was left alone."""
        import pandas as pd

        return pd.DataFrame(
            self.target_values, index=self.index[self.decision_bars], columns=list(self.symbols)
        )

    def _frame(self, values: FloatArray, columns: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(values, index=self.index, columns=list(columns))

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row a fill, refusal, or order that ended otherwise (time NaT and bar -1 where nothing filled).

        target is the weight that was decided, wanted the units that it asked for, units those that filled,
        quote the open before slippage and spread; commission, slippage and spread in currency. What a rule of
        risk blocks or cuts off has a row of its own; reason is risk for orders that risk gives.
        """
        import pandas as pd

        table = self.order_table
        filled = table["bar"] >= 0
        numbers = ("target", "wanted", "units", "quote", "price", *_COST_NAMES)
        return pd.DataFrame(
            {
                "decided_time": self.index[table["decided_bar"]],
                "time": self.index[np.where(filled, table["bar"], 0)].where(filled),
                "decided_bar": table["decided_bar"],
                "bar": table["bar"],
                "symbol": self._names(table["symbol"]),
                "side": np.where(table["side"] > 0, "buy", "sell"),
                **{name: table[name] for name in numbers},
                "status": np.array(STATUSES, dtype=object)[table["status"]],
                "reason": np.array(REASONS, dtype=object)[table["reason"]],
            }
        )

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a closed position, or part of one, at average cost.

        pnl is net of the commissions of both sides; return is pnl over the price paid.
        """
        import pandas as pd

        table = self.trade_table
        return pd.DataFrame(
            {
                "entry_time": self.index[table["entry_bar"]],
                "exit_time": self.index[table["exit_bar"]],
                "entry_bar": table["entry_bar"],
                "exit_bar": table["exit_bar"],
                "symbol": self._names(table["symbol"]),
                "side": np.where(table["side"] > 0, "long", "short"),
                **{name: table[name] for name in ("units", "entry_price", "exit_price", "pnl", "commission")},
                "return": table["pnl"] / (table["units"] * table["entry_price"]),
                "bars": table["exit_bar"] - table["entry_bar"],
            }
        )

    def _names(self, positions: IntArray) -> np.ndarray[Any, Any]:
        named: np.ndarray[Any, Any] = np.array(self.symbols, dtype=object)[positions]
        return named

    @cached_property
    def attribution(self) -> pd.DataFrame:
        """Where the profit comes from, by symbol, in currency.

        price_pnl (at quoted prices), commission, slippage, spread, and pnl = price_pnl less the three. The
        pnl of all symbols adds to the change of the equity.
        """
        import pandas as pd

        table = parts_of.by_symbol(self.position_values, self.mark_values, self.fills)
        return _with_pnl(table, pd.Index(self.symbols, name="symbol"))

    @cached_property
    def attribution_by_strategy(self) -> pd.DataFrame:
        """The same by symbol and strategy, for allocations that follow strategies; else empty."""
        import pandas as pd

        names = pd.MultiIndex.from_product([self.symbols, self.strategies], names=["symbol", "strategy"])
        if self.parts is None:
            return _with_pnl(np.empty((0, 4)), names)
        parts = self.parts[self.first : self.last]
        table = parts_of.by_strategy(self.position_values, self.mark_values, self.fills, parts)
        return _with_pnl(table.reshape(-1, 4), names)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by name; NaN where one is not defined."""
        from admf.simulation.portfolio.metrics import portfolio_metrics

        return portfolio_metrics(self)

    @cached_property
    def costs(self) -> dict[str, float]:
        """Commission, slippage and spread paid, and their total, in currency."""
        paid = {name: float(np.sum(getattr(self.fills, name))) for name in _COST_NAMES}
        return {**paid, "total": sum(paid.values())}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of symbols, equity, cash, positions, orders and metrics (with 10 digits)."""
        digest = hashlib.sha256(b"admf-portfolio-1")
        arrays = {
            "equity": self.equity_values,
            "cash": self.cash_values,
            "positions": self.position_values,
            **{f"orders.{name}": column for name, column in self.order_table.items()},
        }
        if not self.order_table["reason"].any():
            del arrays["orders.reason"]  # signals alone: as it was before there were limits
        digest.update(repr(self.symbols).encode())
        for name in sorted(arrays):
            plain = arrays[name].astype("<f8") + 0.0  # one pattern for zero, and one for NaN
            plain[np.isnan(plain)] = np.nan
            digest.update(f"{name}:{plain.shape}".encode())
            digest.update(plain.tobytes())
        for name, value in sorted(self.metrics.items()):
            digest.update(f"{name}={'nan' if math.isnan(value) else format(value + 0.0, '.10g')}".encode())
        return digest.hexdigest()


def _with_pnl(table: FloatArray, index: pd.Index[Any]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(table, index=index, columns=["price_pnl", *_COST_NAMES])
    frame["pnl"] = frame["price_pnl"] - frame["commission"] - frame["slippage"] - frame["spread"]
    return frame
