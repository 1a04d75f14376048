"""`SimulationResult`: a simulation's numbers as arrays; tables, metrics and pictures are made when asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.exits import Exits, count_exits, decided_bars
from admf.simulation.records import FINANCING, REASONS, STATUSES, TYPES, is_fill
from admf.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.market import Bars


@dataclass(frozen=True, eq=False, repr=False)
class SimulationResult:
    """What came of a simulation. Bars count from the first simulated bar, as `bars` does.

    Parameters
    ----------
    bars
        The simulated bars (without those that only warmed the strategy up).
    strategy
        Name of the strategy.
    params
        Its parameters, defaults included.
    initial_cash
        Currency.
    risk_free_pct
        Annual, in percent; used by the ratios.
    equity_values
        Cash plus position at each close, currency, shape (bars,).
    position_values
        Signed units held at each close, shape (bars,).
    order_table, trade_table
        Columns of `admf.simulation.records` by name, one row an order or a closed trade.
    assumptions
        Under which assumptions the numbers hold: the assumption card.
    warnings
        What a reader of the numbers should know.
    compiled
        Whether the compiled kernel ran; else the plain engine did, with the same numbers.
    financing
        Borrow, funding, margin_interest and cash_interest of the whole simulation, currency; above 0 where
        paid, below where received.
    pessimistic
        The same simulation under worse assumptions, where it was asked for.
    """

    bars: Bars
    strategy: str
    params: Mapping[str, Any]
    initial_cash: float
    risk_free_pct: float
    equity_values: FloatArray
    position_values: FloatArray
    order_table: Mapping[str, np.ndarray[Any, Any]]
    trade_table: Mapping[str, np.ndarray[Any, Any]]
    assumptions: dict[str, str]
    warnings: list[str] = field(default_factory=list)
    compiled: bool = True
    financing: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FINANCING, 0.0))
    pessimistic: SimulationResult | None = None

    def __repr__(self) -> str:
        trades = len(self.trade_table["pnl"])
        return (
            f"<SimulationResult {self.strategy} on {self.bars.symbol}: {len(self.bars)} bars, "
            f"{trades} trades, equity {self.initial_cash:,.2f} -> {self.equity_values[-1]:,.2f}>"
        )

    @cached_property
    def equity(self) -> pd.Series:
        """Cash plus position at each close, currency."""
        return self._series(self.equity_values, "equity")

    @cached_property
    def positions(self) -> pd.Series:
        """Signed units held at each close."""
        return self._series(self.position_values, "units")

    def _series(self, values: FloatArray, name: str) -> pd.Series:
        import pandas as pd

        return pd.Series(values, index=self.bars.index, name=name, copy=False)  # they are read-only

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row a fill, refusal, cut, order that ended without a fill, or that the last bar left open.

        Columns: decided_time, time and their bars (time NaT and bar -1 where nothing filled), type, side
        (buy, sell), target (exposure that was asked for), units, quote (price before slippage and spread),
        price (NaN where there was none), commission, slippage and spread paid (currency), reason, status.
        """
        import pandas as pd

        table, index = self.order_table, self.bars.index
        filled = table["bar"] >= 0
        columns = {
            "decided_time": index[table["decided_bar"]],
            "time": index[np.where(filled, table["bar"], 0)].where(filled),
            "decided_bar": table["decided_bar"],
            "bar": table["bar"],
            "type": _named(TYPES, table["type"]),
            "side": np.where(table["side"] > 0, "buy", "sell"),
            **{name: table[name] for name in ("target", "units", "quote", "price")},
            **{name: table[name] for name in ("commission", "slippage", "spread")},
            "reason": _named(REASONS, table["reason"]),
            "status": _named(STATUSES, table["status"]),
        }
        return pd.DataFrame(columns)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a closed trade, or part of one that a reduction closed.

        pnl is net of the commissions of both sides and of financing (borrowing and funding while it was held,
        above 0 where paid); return is pnl over the price paid; mae and mfe are the
        worst and the best return against the entry price while it was held (fractions, mae <= 0 <= mfe); bars
        is exit_bar less entry_bar. An exit that takes several bars has a row for each: they have
        exit_decided_bar, the bar of their order's decision, and exit_reason in common.
        """
        import pandas as pd

        table, index = self.trade_table, self.bars.index
        currency = ("units", "entry_price", "exit_price", "pnl", "commission", "financing")
        columns = {
            "entry_time": index[table["entry_bar"]],
            "exit_time": index[table["exit_bar"]],
            "entry_bar": table["entry_bar"],
            "exit_bar": table["exit_bar"],
            "side": np.where(table["side"] > 0, "long", "short"),
            **{name: table[name] for name in currency},
            "return": table["pnl"] / (table["units"] * table["entry_price"]),
            "mae": table["mae"],
            "mfe": table["mfe"],
            "bars": table["exit_bar"] - table["entry_bar"],
            "exit_reason": _named(REASONS, table["reason"]),
            "exit_decided_bar": decided_bars(table, self.order_table, is_fill(self.order_table["status"])),
        }
        return pd.DataFrame(columns)

    @cached_property
    def exits(self) -> Exits:
        """How many orders closed the trades: fewer where an exit took several bars."""
        return count_exits(self.trade_table, self.order_table, is_fill(self.order_table["status"]))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by name; NaN where one is not defined."""
        from admf.simulation.metrics import compute_metrics

        return compute_metrics(self)

    @cached_property
    def costs(self) -> dict[str, float]:
        """Commission, slippage, spread and financing paid, and their total, in currency.

        Below 0 is what was received: interest on cash, or funding.
        """
        filled = is_fill(self.order_table["status"])
        paid = {
            name: float(np.sum(self.order_table[name][filled]))
            for name in ("commission", "slippage", "spread")
        }
        paid |= self.financing
        return {**paid, "total": sum(paid.values())}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of equity, positions, orders, trades and metrics.

        Metrics enter with 10 digits: the last bits of a sum depend on the processor's vector width.
        """
        digest = hashlib.sha256(b"admf-simulation-1")
        arrays = {"equity": self.equity_values, "positions": self.position_values}
        arrays |= {f"orders.{name}": column for name, column in self.order_table.items()}
        arrays |= {f"trades.{name}": column for name, column in self.trade_table.items()}
        for name in sorted(arrays):
            digest.update(f"{name}:{len(arrays[name])}".encode())
            digest.update(_canonical(arrays[name]))
        for name, value in sorted(self.metrics.items()):
            digest.update(f"{name}={'nan' if math.isnan(value) else format(value + 0.0, '.10g')}".encode())
        return digest.hexdigest()

    def plot(self) -> Any:
        """Return a plotly figure of the equity, its drawdown and the trades."""
        from admf.simulation.figures import overview_figure

        return overview_figure(self)


def _canonical(values: np.ndarray[Any, Any]) -> bytes:
    """Bytes of an array with one pattern for zero and one for NaN, little-endian."""
    plain = values.astype("<f8") + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain.tobytes()


def _named(names: tuple[str, ...], codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    named: np.ndarray[Any, Any] = np.array(names, dtype=object)[codes]
    return named
