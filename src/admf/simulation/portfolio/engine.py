"""Runs the portfolio's loop, compiled or plain, over what an allocation decides."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from admf.simulation import risk
from admf.simulation.facts import is_daily
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.plain import PlainPortfolio
from admf.simulation.portfolio.records import ORDER_COLUMNS, UNFILLED
from admf.simulation.portfolio.schedule import local_periods
from admf.simulation.records import MARKET_ORDER
from admf.simulation.settings import CODES, Settings
from admf.typing import FloatArray, IntArray

_WIDTH = len(ORDER_COLUMNS) - 1  # of the fast loop's orders, which have no type


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


@cache
def _kernel(limited: bool) -> Callable[..., Any]:
    from admf.simulation.compile import compile_kernel

    return compile_kernel(loop_source(limited))


def loop_source(limited: bool) -> str:
    """Give the text of the compiled loop; without limits it knows nothing of risk."""
    text = Path(__file__).with_name("loop.py").read_text(encoding="utf-8")
    rules = (risk.blocked_by, risk.has_lost, risk.share_within, risk.units_within)
    names = ", ".join(rule.__name__ for rule in rules)
    given = "".join(f"@njit(**_OPTIONS)\n{inspect.getsource(rule)}\n\n" for rule in rules)
    text = text.replace(f"from admf.simulation.risk import {names}\n", "import math\n")
    return text.replace("HAS_RISK = False\n", f"HAS_RISK = {limited}\n\n\n{given}")


def needs_desk(settings: Settings) -> bool:
    """Tell whether the settings ask for more than the fast loop does.

    That loop trades at market at the opens, with the five plain costs, lots, and limits of risk; cooldown
    counts from stops and liquidations, which it has not.
    """
    return bool(settings.order_features() - {"risk"}) or "stops" in settings.features


def is_limited(settings: Settings) -> bool:
    """Tell whether a limit of risk is set."""
    return "risk" in settings.order_features()


def days_of(joined: Joined, settings: Settings) -> IntArray:
    """Day of each row, local; nothing where no limit asks for it."""
    if not is_limited(settings):
        return np.zeros(0, dtype=np.int64)
    if later_of(joined):
        return np.arange(len(joined.timestamps))
    return local_periods(joined, 0, len(joined.timestamps), "D")


def later_of(joined: Joined) -> int:
    """Give 1 where each row is a day or more: a day's loss blocks the orders of the next row then."""
    return int(all(is_daily(bars) for bars in joined.bars.values()))


def allowed_of(joined: Joined, settings: Settings) -> list[bool]:
    """Tell of each symbol whether it may be traded."""
    names = settings.allowed_symbols
    return [not names or symbol in names for symbol in joined.symbols]


class Engine:
    """The compiled portfolio, run in stretches of rows.

    Parameters
    ----------
    joined
        Prices of all symbols.
    settings
        Costs, lot size, initial cash and limits.
    band
        Distance from its target within which a weight is left alone.
    first, last
        Simulated rows.
    """

    def __init__(self, joined: Joined, settings: Settings, band: float, first: int, last: int) -> None:
        count = len(joined.symbols)
        self._joined = joined
        self._first = first
        self._row = first
        s = settings
        self._numbers = (
            *(s.commission, s.commission_per_unit, s.commission_fixed),
            *(s.slippage, s.spread, s.lot_size, float(band)),
        )
        self._equity, self._cash = np.empty(last - first), np.empty(last - first)
        self._positions = np.empty((last - first, count))
        self._purse = np.array([s.initial_cash])
        self._pos = np.zeros(count)
        self._marks = marks_before(joined, first)
        self._goal = np.full(count, np.nan)
        self._since = np.zeros(count)
        self._cause = np.zeros(count)
        self._aim = np.full(count, np.nan)
        cash, nan = s.initial_cash, np.nan
        self._watch = np.array([cash, cash, nan, cash, nan, 0.0, 1.0])
        self._limits = np.array(
            [
                *(s.max_position_units, s.max_position_value, s.max_exposure, s.max_leverage),
                *(s.max_concentration, s.max_open_positions),
                *(s.daily_loss, CODES["on_daily_loss"].index(s.on_daily_loss)),
                *(s.max_drawdown, CODES["on_drawdown"].index(s.on_drawdown), s.reduce_to),
                later_of(joined),
            ]
        )
        self._allowed = _sealed(np.array(allowed_of(joined, s)))
        self._days = _sealed(days_of(joined, s))
        self._kernel = _kernel(is_limited(s))
        self._orders: list[FloatArray] = []

    def run(self, last: int, decided: IntArray, targets: FloatArray) -> None:
        """Simulate up to row ``last`` (exclusive).

        Parameters
        ----------
        decided
            Rows at whose close there is a decision, ascending; the row before this stretch may be one.
        targets
            Weights, shape (decisions, symbols); NaN leaves a symbol alone.
        """
        orders = self._kernel(
            *(self._equity, self._cash, self._positions),
            *(self._purse, self._pos, self._marks, self._goal, self._since),
            *(self._cause, self._aim, self._watch, self._limits, self._allowed, self._days),
            *(self._first, self._row, last, self._joined.open, self._joined.close, self._joined.present),
            *(_sealed(decided), _sealed(targets)),
            *self._numbers,
        )
        self._row = last
        if len(orders):
            self._orders.append(orders)

    def holdings(self) -> FloatArray:
        """Weights held at the close of the last simulated row, shape (symbols,); 0 after ruin."""
        worth = float(self._equity[self._row - 1 - self._first])
        return self._pos * self._marks / worth if worth > 0.0 else np.zeros(len(self._pos))

    def finish(self) -> Tracks:
        """Give what was recorded; orders that still wait are recorded as unfilled."""
        waiting = {
            int(i): (float(self._goal[i]), int(self._since[i]), int(self._cause[i]))
            for i in np.flatnonzero(self._goal == self._goal)
        }
        worth = float(self._equity[-1])
        rest = unfilled(waiting, self._pos * self._marks, worth)
        orders = np.concatenate([*self._orders, rest])
        return Tracks(self._equity, self._cash, self._positions, at_market(orders))


def marks_before(joined: Joined, first: int) -> FloatArray:
    """Last close of each symbol before a row; 0 where there is none, as nothing is held then."""
    marks = np.zeros(len(joined.symbols))
    for column, rows in enumerate(joined.rows):
        at = int(np.searchsorted(rows, first)) - 1
        if at >= 0:
            marks[column] = joined.close[rows[at], column]
    return marks


def unfilled(waiting: dict[int, tuple[float, int, int]], held: Any, worth: float) -> FloatArray:
    """Rows of the orders that found no bar.

    Parameters
    ----------
    waiting
        Symbol -> target, the bar that decided it, and the reason.
    held
        Value of each symbol, currency.
    worth
        Equity.
    """
    nan = np.nan
    rows = [
        (
            *(decided, -1, symbol, 1.0 if target * worth >= held[symbol] else -1.0, target),
            *(nan, 0.0, nan, nan, 0.0, 0.0, 0.0, UNFILLED, reason),
        )
        for symbol, (target, decided, reason) in sorted(waiting.items())
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, _WIDTH)


def at_market(orders: FloatArray) -> FloatArray:
    """Add the type to rows of the fast loop, which has but market orders."""
    return np.column_stack([orders, np.full(len(orders), float(MARKET_ORDER))])


def run_plain(
    joined: Joined,
    settings: Settings,
    band: float,
    first: int,
    last: int,
    decided: IntArray,
    targets: FloatArray,
) -> Tracks:
    """Simulate the same in plain Python."""
    portfolio = PlainPortfolio(
        settings, band, marks_before(joined, first).tolist(), allowed_of(joined, settings), later_of(joined)
    )
    days = days_of(joined, settings).tolist()
    at = dict(zip(decided.tolist(), targets.tolist(), strict=True))
    equity, cash, positions = [], [], []
    for row in range(first, last):
        opens, closes = joined.open[row].tolist(), joined.close[row].tolist()
        day = days[row] if days else 0
        equity.append(portfolio.on_bar(opens, closes, joined.present[row].tolist(), day))
        cash.append(portfolio.cash)
        positions.append(list(portfolio.units))
        if row in at:
            portfolio.decide(at[row])
    held = [units * mark for units, mark in zip(portfolio.units, portfolio.marks, strict=True)]
    rest = unfilled(portfolio.waiting, held, equity[-1])
    done = np.array(portfolio.orders, dtype=np.float64).reshape(-1, _WIDTH)
    orders = at_market(np.concatenate([done, rest]))
    return Tracks(np.array(equity), np.array(cash), np.array(positions), orders)


def _sealed(array: Any) -> Any:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
