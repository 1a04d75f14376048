"""`Tracks`: what an engine of portfolios returns."""

from __future__ import annotations

from typing import NamedTuple

from admf.typing import FloatArray


class Tracks(NamedTuple):
    """What an engine returns.

    Parameters
    ----------
    equity, cash
        At each simulated close, currency, shape (rows,).
    positions
        Units at each simulated close, shape (rows, symbols).
    orders, trades
        Rows in the columns of `admf.simulation.portfolio.records`. None in place of trades: they are to be
        made of the fills.
    carry
        Paid for holding each symbol, borrow and funding, currency, shape (rows, symbols); below 0 received.
        None: nothing.
    interest
        Paid by the account, margin interest less interest on cash, currency, shape (rows,). None: nothing.
    financing
        Borrow, funding, margin interest and cash interest that were paid in all, currency.
    """

    equity: FloatArray
    cash: FloatArray
    positions: FloatArray
    orders: FloatArray
    trades: FloatArray | None = None
    carry: FloatArray | None = None
    interest: FloatArray | None = None
    financing: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
