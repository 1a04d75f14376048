"""`Desk`: the portfolio with orders, run in stretches of rows; plain Python or compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.facts import facts_of
from admf.simulation.orders.layout import (
    IS_ORDER,
    S_FORBIDDEN,
    S_POS,
    S_PREVIOUS_CLOSE,
    STATE_SIZE,
)
from admf.simulation.portfolio.desk import run as text
from admf.simulation.portfolio.desk.layout import (
    A_BORROW,
    A_CASH_INTEREST,
    A_FUNDING,
    A_LATER,
    A_MARGIN_INTEREST,
    ACCOUNT_SIZE,
    PLAN_SIZE,
    R_CASH_CUT,
    R_SYMBOL,
    R_WANTED,
    ROWS_A_SYMBOL,
    SHEET_WIDTH,
)
from admf.simulation.portfolio.ground import Ground, sealed
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.records import (
    ORDER_COLUMNS,
    REDUCED,
    TO_PORTFOLIO,
    TRADE_COLUMNS,
    is_fill,
)
from admf.simulation.portfolio.schedule import local_periods
from admf.simulation.portfolio.tracks import Tracks
from admf.simulation.records import ORDER_COLUMNS as ONE_ORDER
from admf.simulation.records import TRADE_COLUMNS as ONE_TRADE
from admf.simulation.settings import Settings
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars

YEAR_NS = 365 * 86_400 * 10**9
PLAIN_CELLS = 200_000  # fewer bars of all symbols are not worth compiling a desk: they take some seconds
KEPT_CELLS = 30_000  # nor fewer than these to load one that is compiled already


class _Lazy:
    """Rows of a table as lists: plain Python is slow with numpy's numbers."""

    def __init__(self, table: FloatArray) -> None:
        self._table = table
        self._known: dict[int, list[float]] = {}

    def __getitem__(self, at: int) -> list[float]:
        row = self._known.get(at)
        if row is None:
            if len(self._known) > 4096:
                self._known.clear()
            row = self._known[at] = self._table[at].tolist()
        return row


class Desk:
    """A portfolio with orders.

    Parameters
    ----------
    ground
        What is simulated.
    kernel
        Compiled ``run`` and ``rest``; None: plain Python.
    """

    def __init__(self, ground: Ground, kernel: Callable[..., Any] | None = None) -> None:
        joined, first, settings = ground.joined, ground.first, ground.settings
        count, rows = len(joined.symbols), ground.last - first
        self._joined, self._first, self._row = joined, first, first
        self._band = float(ground.band)
        self._days = ground.days()
        self._months = sealed(local_periods(joined, 0, len(joined.timestamps), "M"))
        years = np.concatenate([[0.0], np.diff(joined.timestamps) / YEAR_NS])
        years[first] = 0.0
        self._years = sealed(years)
        facts, fine, self._at = gather_facts(joined, settings, ground.tables, ground.finer)
        self._kernel = kernel
        numbers = settings.order_numbers()
        shapes = ((count, STATE_SIZE), (count, PLAN_SIZE), (ROWS_A_SYMBOL * count + 32, SHEET_WIDTH))
        made: list[Any] = [np.zeros(shape) for shape in shapes]
        account: Any = np.zeros(ACCOUNT_SIZE)
        self._facts: Any = facts
        self._fine: Any = fine
        self._numbers: Any = sealed(np.array(numbers))
        if kernel is None:
            made, account = [each.tolist() for each in made], account.tolist()
            self._facts, self._fine, self._numbers = _Lazy(facts), _Lazy(fine), list(numbers)
        self._states, self._plan, self._sheet = made
        self._account = account
        text.begin_portfolio(self._states, account, self._plan, ground.marks(), float(settings.initial_cash))
        account[A_LATER] = float(ground.daily)
        for i, free in enumerate(ground.allowed()):
            self._states[i][S_FORBIDDEN] = 0.0 if free else 1.0
        self._tracks = np.empty((rows, 3))
        self._positions, self._carry = np.empty((rows, count)), np.empty((rows, count))
        self._tables: list[FloatArray] = []

    @property
    def compiled(self) -> bool:
        """Whether it runs compiled, or as plain Python."""
        return self._kernel is not None

    def run(self, last: int, decided: IntArray, targets: FloatArray) -> None:
        """Simulate up to row ``last`` (exclusive).

        Parameters
        ----------
        decided
            Rows at whose close there is a decision, ascending; the row before this stretch may be one.
        targets
            Weights, shape (decisions, symbols); NaN leaves a symbol alone.
        """
        run: Callable[..., Any] = text.run_rows if self._kernel is None else self._kernel
        table, used = run(
            *(self._states, self._account, self._plan, self._at, self._facts, self._fine, self._numbers),
            *(self._sheet, np.empty((64, SHEET_WIDTH)), self._days, self._months, self._years),
            *(self._first, self._row, last, sealed(decided), sealed(targets), self._band),
            *(self._tracks, self._positions, self._carry),
        )
        self._row = last
        self._tables.append(table[:used])

    def holdings(self) -> FloatArray:
        """Weights held at the close of the last simulated row, shape (symbols,); 0 after ruin."""
        worth = float(self._tracks[self._row - 1 - self._first, 0])
        held = np.array([s[S_POS] * s[S_PREVIOUS_CLOSE] for s in self._states])
        return held / worth if worth > 0.0 else np.zeros(len(held))

    def finish(self) -> Tracks:
        """Give what was recorded."""
        table, used = text.rest(
            self._states, self._account, self._numbers, self._sheet, np.empty((64, SHEET_WIDTH))
        )
        rows = np.concatenate([*self._tables, table[:used]])
        a = self._account
        equity, cash, interest = self._tracks.T.copy()
        return Tracks(
            equity=equity,
            cash=cash,
            positions=self._positions,
            orders=orders_of(rows),
            trades=trades_of(rows),
            carry=self._carry,
            interest=interest,
            financing=tuple(float(a[at]) for at in (A_BORROW, A_FUNDING, A_MARGIN_INTEREST, A_CASH_INTEREST)),
        )


def gather_facts(
    joined: Joined, settings: Settings, tables: Mapping[str, IndicatorTable], finer: Mapping[str, Bars]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Give the facts of all symbols' bars in one table, their finer bars, and which row is whose.

    Returns
    -------
    facts, fine, at
        Shape (bars of all, facts), (finer bars of all, 4), and (rows, symbols): -1 where there is no bar.
    """
    from admf.simulation.engine import needs_of
    from admf.simulation.facts import FINE_FROM, FINE_TO

    needs = needs_of(settings)
    at = np.full(joined.present.shape, -1, dtype=np.int64)
    facts, fine = [], []
    rows, finer_rows = 0, 0
    for column, (symbol, bars) in enumerate(joined.bars.items()):
        found = facts_of(bars, needs, tables.get(symbol), finer.get(symbol))
        each = found.rows
        if finer_rows and len(found.fine):
            each = each.copy()
            each[:, [FINE_FROM, FINE_TO]] += finer_rows
        at[joined.rows[column], column] = rows + np.arange(len(bars))
        facts.append(each)
        fine.append(found.fine)
        rows, finer_rows = rows + len(bars), finer_rows + len(found.fine)
    return sealed(np.concatenate(facts)), sealed(np.concatenate(fine)), sealed(at)


def orders_of(rows: FloatArray) -> FloatArray:
    """Take the orders out of the rows of the sheets, in the portfolio's columns."""
    rows = rows[rows[:, 0] == IS_ORDER]
    column = {name: rows[:, 1 + at] for at, name in enumerate(ONE_ORDER)}
    status = TO_PORTFOLIO[column["status"].astype(np.int64)]
    filled = is_fill(status)
    wanted, units = rows[:, R_WANTED], column["units"]
    column["wanted"] = np.where(np.isnan(wanted), units, wanted)
    column["units"] = np.where(filled, units, 0.0)
    column["status"] = np.where(filled & (rows[:, R_CASH_CUT] == 1.0), REDUCED, status).astype(np.float64)
    column["symbol"] = rows[:, R_SYMBOL]
    return np.column_stack([column[name] for name in ORDER_COLUMNS])


def trades_of(rows: FloatArray) -> FloatArray:
    """Take the trades out of the rows of the sheets, in the portfolio's columns."""
    rows = rows[rows[:, 0] != IS_ORDER]
    column = {name: rows[:, 1 + at] for at, name in enumerate(ONE_TRADE)}
    column["symbol"] = rows[:, R_SYMBOL]
    return np.column_stack([column[name] for name in TRADE_COLUMNS])
