"""A trial of a sweep in the plain engine, for steps that cannot be compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from admf.indicators import IndicatorTable
from admf.simulation.inputs import gather
from admf.simulation.measures import STREAMED
from admf.simulation.metrics import streamed_metrics
from admf.simulation.records import EXPIRED, NOT_AFFORDABLE, ORDER_COLUMNS, TOO_SMALL, TRADE_COLUMNS, is_fill
from admf.simulation.settings import Settings
from admf.simulation.sweeps.engine import Market
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.simulation.engine import Tracks
    from admf.strategies import BoundStrategy


def run_plain(
    market: Market, metrics: tuple[str, ...], bound: BoundStrategy, settings: Settings
) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Give a trial's metrics, and which of `measures.TOLD` are true of it."""
    from admf.simulation import engine

    table = IndicatorTable(market.bars)
    inputs = gather(market.bars, bound, table)
    ground = engine.Ground(market.bars, market.first, market.last, table)
    tracks = engine.run_plain(bound, inputs, settings, ground)
    orders = dict(zip(ORDER_COLUMNS, tracks.orders.T, strict=True))
    trades = dict(zip(TRADE_COLUMNS, tracks.trades.T, strict=True))
    filled = is_fill(orders["status"])
    values = streamed_metrics(
        tracks.equity,
        market.returns,
        tracks.positions,
        trades["pnl"],
        trades["units"] * trades["entry_price"],
        trades["exit_bar"] - trades["entry_bar"],
        orders["units"][filled] * orders["price"][filled],
        market.initial_cash,
        market.risk_free,
        market.bars.periods_per_year,
    )
    return values[[STREAMED.index(name) for name in metrics]], _told(tracks, orders["status"])


def _told(tracks: Tracks, status: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of `TOLD` are true of a trial of the plain engine; a trial of a kernel counts them itself."""
    return np.array([
        tracks.ending[-1] > 0, np.any(status == TOO_SMALL), np.any(status == NOT_AFFORDABLE),
        np.any(status > EXPIRED), not np.any(is_fill(status)), tracks.equity.min() <= 0.0,
    ])  # fmt: skip
