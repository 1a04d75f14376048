"""`PortfolioResult`: a portfolio's numbers as arrays; tables, metrics and pictures are made when asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.exits import Exits, count_exits, decided_bars
from admf.simulation.portfolio import attribution as parts_of
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.records import STATUSES, is_fill
from admf.simulation.records import FINANCING, REASONS, TYPES
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.market import Bars

_COST_NAMES = ("commission", "slippage", "spread")
#: Who has what no symbol has, in the attributions: the interest of the account.
ACCOUNT = "interest of the account"


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
    compiled
        Whether the compiled engine ran; else plain Python did, with the same numbers.
    carry_values
        Paid for holding each symbol over each bar (borrow and funding; below 0: received), currency, shape
        (bars, symbols). None: nothing is paid.
    interest_values
        Paid by the account at each bar (margin interest less interest on cash), currency, shape (bars,).
        None: nothing is paid.
    financing
        Borrow, funding, margin_interest and cash_interest of the whole simulation, currency; above 0 where
        paid, below where received.
    kept_trades
        Columns of `admf.simulation.portfolio.records`, where the engine kept them; None: the fills tell.
    pessimistic
        The same portfolio under worse assumptions, where it was asked for.
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
    compiled: bool = True
    carry_values: FloatArray | None = None
    interest_values: FloatArray | None = None
    financing: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FINANCING, 0.0))
    kept_trades: Mapping[str, np.ndarray[Any, Any]] | None = None
    pessimistic: PortfolioResult | None = None

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
        """Closed parts of positions: columns of `admf.simulation.portfolio.records` by name."""
        if self.kept_trades is not None:
            return dict(self.kept_trades)
        shape = (len(self.joined.timestamps), len(self.symbols))
        highs, lows = np.full(shape, -np.inf), np.full(shape, np.inf)
        for column, bars in enumerate(self.joined.bars.values()):
            highs[self.joined.rows[column], column] = bars.high
            lows[self.joined.rows[column], column] = bars.low
        return parts_of.trades_of(self.fills, highs[self.first : self.last], lows[self.first : self.last])

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
    def carry(self) -> pd.DataFrame:
        """Paid for holding each symbol over each bar: borrow and funding, currency; below 0 is received."""
        return self._frame(self._carry, self.symbols)

    @cached_property
    def interest(self) -> pd.Series:
        """Paid by the account at each bar: margin interest less interest on cash, currency."""
        paid = np.zeros(len(self.equity_values)) if self.interest_values is None else self.interest_values
        return self._frame(paid[:, None], ["interest"])["interest"]

    @property
    def _carry(self) -> FloatArray:
        paid = self.carry_values
        return np.zeros_like(self.position_values) if paid is None else paid

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
        quote the price before slippage and spread; commission, slippage and spread in currency. What a rule
        of risk blocks or cuts off has a row of its own. reason is signal, the level that closed, margin_call,
        liquidation, or risk for orders that a limit of losses gives.
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
                "type": np.array(TYPES, dtype=object)[table["type"]],
                **{name: table[name] for name in numbers},
                "status": np.array(STATUSES, dtype=object)[table["status"]],
                "reason": np.array(REASONS, dtype=object)[table["reason"]],
            }
        )

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a closed position, or part of one, at average cost.

        pnl is net of the commissions of both sides and of financing (borrowing and funding while it was held,
        above 0 where paid); return is pnl over the price paid; mae and mfe are the worst and the best return
        against the entry price while it was held, NaN where nothing looks inside a bar. An exit that takes
        several bars has a row for each: they have symbol, exit_decided_bar (the bar of their order's
        decision) and exit_reason in common.
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
                **{name: table[name] for name in ("units", "entry_price", "exit_price")},
                **{name: table[name] for name in ("pnl", "commission", "financing")},
                "return": table["pnl"] / (table["units"] * table["entry_price"]),
                "mae": table["mae"],
                "mfe": table["mfe"],
                "bars": table["exit_bar"] - table["entry_bar"],
                "exit_reason": np.array(REASONS, dtype=object)[table["reason"]],
                "exit_decided_bar": decided_bars(
                    table, self.order_table, is_fill(self.order_table["status"])
                ),
            }
        )

    @cached_property
    def exits(self) -> Exits:
        """How many orders closed the trades: fewer where an exit took several bars."""
        return count_exits(self.trade_table, self.order_table, is_fill(self.order_table["status"]))

    def _names(self, positions: IntArray) -> np.ndarray[Any, Any]:
        named: np.ndarray[Any, Any] = np.array(self.symbols, dtype=object)[positions]
        return named

    @cached_property
    def attribution(self) -> pd.DataFrame:
        """Where the profit comes from, by symbol, in currency.

        price_pnl (at quoted prices), commission, slippage, spread, financing (borrow and funding), and pnl:
        the first less the others. What the account itself paid or received is the financing of a last row
        (`ACCOUNT`), where there is any. The pnl of all rows adds to the change of the equity.
        """
        import pandas as pd

        table = parts_of.by_symbol(self.position_values, self.mark_values, self.fills, self._carry)
        return self._with_account(table, pd.Index(self.symbols, name="symbol"), ACCOUNT)

    @cached_property
    def attribution_by_strategy(self) -> pd.DataFrame:
        """The same by symbol and strategy, for allocations that follow strategies; else empty."""
        import pandas as pd

        names = pd.MultiIndex.from_product([self.symbols, self.strategies], names=["symbol", "strategy"])
        if self.parts is None:
            return _with_pnl(np.empty((0, len(parts_of.KINDS))), names)
        parts = self.parts[self.first : self.last]
        table = parts_of.by_strategy(self.position_values, self.mark_values, self.fills, self._carry, parts)
        return self._with_account(table.reshape(-1, len(parts_of.KINDS)), names, (ACCOUNT, ACCOUNT))

    def _with_account(self, table: FloatArray, index: pd.Index[Any], name: Any) -> pd.DataFrame:
        """Add the row of the account, where it paid or received anything."""
        import pandas as pd

        paid = self.interest_values
        if paid is None or not paid.any():
            return _with_pnl(table, index)
        row = np.zeros((1, len(parts_of.KINDS)))
        row[0, parts_of.FINANCING] = paid.sum()
        more = pd.MultiIndex.from_tuples([name]) if isinstance(name, tuple) else pd.Index([name])
        return _with_pnl(np.concatenate([table, row]), index.append(more).set_names(index.names))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by name; NaN where one is not defined."""
        from admf.simulation.portfolio.metrics import portfolio_metrics

        return portfolio_metrics(self)

    @cached_property
    def costs(self) -> dict[str, float]:
        """Commission, slippage, spread and financing paid, and their total, in currency.

        Below 0 is what was received: interest on cash, or funding.
        """
        paid = {name: float(np.sum(getattr(self.fills, name))) for name in _COST_NAMES}
        paid |= self.financing
        return {**paid, "total": sum(paid.values())}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of symbols, equity, cash, positions, orders, trades, financing and metrics.

        Metrics enter with 10 digits: the last bits of a sum depend on the processor's vector width.
        """
        digest = hashlib.sha256(b"admf-portfolio-1")
        arrays = {
            "equity": self.equity_values,
            "cash": self.cash_values,
            "positions": self.position_values,
            **{f"orders.{name}": column for name, column in self.order_table.items()},
            **{f"trades.{name}": column for name, column in self.trade_table.items()},
        }
        if self.carry_values is not None:
            arrays["carry"] = self.carry_values
        if self.interest_values is not None:
            arrays["interest"] = self.interest_values
        digest.update(repr(self.symbols).encode())
        for name in sorted(arrays):
            plain = arrays[name].astype("<f8") + 0.0  # one pattern for zero, and one for NaN
            plain[np.isnan(plain)] = np.nan
            digest.update(f"{name}:{plain.shape}".encode())
            digest.update(plain.tobytes())
        for name, value in sorted(self.metrics.items()):
            digest.update(f"{name}={'nan' if math.isnan(value) else format(value + 0.0, '.10g')}".encode())
        return digest.hexdigest()

    def plot(self) -> Any:
        """Return a plotly figure of the equity, its drawdown, the weights of the symbols and the cash."""
        from admf.simulation.portfolio.figures import overview_figure

        return overview_figure(self)


def _with_pnl(table: FloatArray, index: pd.Index[Any]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(table, index=index, columns=list(parts_of.KINDS))
    price, *costs = parts_of.KINDS
    frame["pnl"] = frame[price] - frame[costs].sum(axis=1)
    return frame
