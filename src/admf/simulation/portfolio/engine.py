"""Chooses the engine of a portfolio: the fast loop where it does all that is asked, else the desk.

The desk does all settings; where both can, they give the same bits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from admf.simulation import risk
from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.portfolio.desk.engine import KEPT_CELLS, PLAIN_CELLS, Desk
from admf.simulation.portfolio.ground import Ground, sealed
from admf.simulation.portfolio.records import ORDER_COLUMNS, UNFILLED
from admf.simulation.portfolio.tracks import Tracks
from admf.simulation.records import MARKET_ORDER
from admf.simulation.settings import CODES, Settings
from admf.typing import FloatArray, IntArray

_WIDTH = len(ORDER_COLUMNS) - 1  # of the fast loop's orders, which have no type


@cache
def _kernel(limited: bool) -> Callable[..., Any]:
    from admf.simulation.compile import compile_kernel

    return compile_kernel(loop_source(limited), "the engine of portfolios")


def loop_source(limited: bool) -> str:
    """Give the text of the compiled loop; without limits it knows nothing of risk."""
    text = Path(__file__).with_name("loop.py").read_text(encoding="utf-8")
    rules = (risk.blocked_by, risk.has_lost, risk.share_within, risk.units_within)
    names = ", ".join(rule.__name__ for rule in rules)
    given = "".join(f"@njit(**_OPTIONS)\n{inspect.getsource(each)}\n\n" for each in (in_lots, *rules))
    text = text.replace("from admf.simulation.lots import in_lots\n", f"NOTHING = {NOTHING!r}\n")
    text = text.replace(f"from admf.simulation.risk import {names}\n", "import math\n")
    return text.replace("HAS_RISK = False\n", f"HAS_RISK = {limited}\n\n\n{given}")


def needs_desk(settings: Settings) -> bool:
    """Tell whether the settings ask for more than the fast loop does.

    That loop trades at market at the opens, with the five plain costs, lots, and limits of risk; cooldown
    counts from stops and liquidations, which it has not.
    """
    return bool(settings.order_features() - {"risk"}) or "stops" in settings.features


class Engine:
    """The compiled portfolio, run in stretches of rows.

    Parameters
    ----------
    ground
        What is simulated; of its settings costs, lot size, initial cash and limits.
    """

    def __init__(self, ground: Ground) -> None:
        s, rows, count = ground.settings, ground.last - ground.first, len(ground.joined.symbols)
        self._joined, self._first, self._row = ground.joined, ground.first, ground.first
        self._numbers = (
            *(s.commission, s.commission_per_unit, s.commission_fixed),
            *(s.slippage, s.spread, s.lot_size, float(ground.band)),
        )
        self._equity, self._cash, self._positions = np.empty(rows), np.empty(rows), np.empty((rows, count))
        self._purse = np.array([s.initial_cash])
        self._pos = np.zeros(count)
        self._marks = ground.marks()
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
                float(ground.daily),
            ]
        )
        self._allowed, self._days = sealed(np.array(ground.allowed())), ground.days()
        self._kernel = _kernel(ground.limited)
        self._orders: list[FloatArray] = []

    @property
    def compiled(self) -> bool:
        """The fast loop always is."""
        return True

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
            *(sealed(decided), sealed(targets)),
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


def engine_for(ground: Ground) -> Engine | Desk:
    """Make the engine that the settings need."""
    return open_desk(ground) if ground.finer or needs_desk(ground.settings) else Engine(ground)


def open_desk(ground: Ground) -> Desk:
    """Make the engine that does all settings; compiled where the bars are enough to be worth the wait."""
    from admf.simulation.portfolio.desk import generate

    cells = int(ground.joined.present[ground.first : ground.last].sum())
    features = ground.settings.order_features() | ({"path"} if ground.finer else set())
    if cells >= PLAIN_CELLS or (cells >= KEPT_CELLS and generate.is_compiled(features)):
        return Desk(ground, generate.compiled_desk(features))
    return Desk(ground)


def run_plain(ground: Ground, decided: IntArray, targets: FloatArray) -> Tracks:
    """Simulate by the desk: the oracle of the fast loop."""
    desk = open_desk(ground)
    desk.run(ground.last, decided, targets)
    return desk.finish()
