"""The metrics of one simulation as loops over its equity: what a sweep streams and a single backtest shows.

Plain functions of arrays and numbers. `admf.simulation.kernel` writes them into a compiled module, the same
for a sweep and a single backtest, so that both give the same bits; uncompiled they are the oracle. They
define as `admf.simulation.metrics` and its neighbours do, to which a test holds them; what is not defined, or
infinite, is NaN.

Arguments that recur: `equity` at each close, shape (n,); `market`, the returns of holding the symbol: in its
cell 0 the whole, in cell i that of bar i; `cash` at the start; `risk_free` a bar; `period` bars a year;
`book`, the sums over trades and fills in the cells below.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from admf.simulation.measures_equity import (
    BLOCK,
    equity_blocks,
    equity_drawdown,
    equity_growth,
    equity_stability,
    equity_under_water,
)
from admf.simulation.measures_returns import (
    LEVELS,
    SUMS,
    market_sums,
    return_downside,
    return_market,
    return_shape,
    return_spread,
    return_sums,
)
from admf.simulation.scalars import finite, ratio
from admf.typing import FloatArray

__all__ = [
    "BLOCK",
    "SUMS",
    "equity_blocks",
    "equity_drawdown",
    "equity_growth",
    "equity_stability",
    "equity_under_water",
    "finite",
    "market_sums",
    "return_downside",
    "return_market",
    "return_shape",
    "return_spread",
    "return_sums",
]

# Cells of the book.
TRADES, WINS, LOSSES, GAIN, LOSS, PROFIT, RETURN, BEST, WORST, STREAK, LONGEST, BARS, TRADED, HELD = range(14)
# What a reader should know of a trial, counted: the cells after these.
CLAMPED, TOO_SMALL, TOO_DEAR, REFUSED, IDLE, RUINED = range(14, 20)
BOOK_SIZE = 20
TOLD = (
    "decisions beyond -1 or 1 were cut to the full position",
    "orders were rejected: the budget did not buy one lot, or any units",
    "orders were rejected: not affordable",
    "orders were rejected, blocked or cut by a rule",
    "no order was filled",
    "the equity fell to zero or below",
)


class Group(NamedTuple):
    """Metrics that are computed together.

    Parameters
    ----------
    function
        Name of the function of this module.
    arguments
        What it takes.
    metrics
        Names of what it returns, in order.
    """

    function: str
    arguments: tuple[str, ...]
    metrics: tuple[str, ...]


_BLOCKS = ("equity", "highs", "lows")
_SUMS = ("sums", "valid", "equity")
GROUPS = (
    Group(
        "equity_growth",
        ("equity", "cash", "period"),
        ("final_equity", "cum_returns_final", "annual_return"),
    ),
    Group("market_growth", ("market",), ("buy_and_hold_return",)),
    Group(
        "equity_drawdown",
        (*_BLOCKS, "cash", "period"),
        ("max_drawdown", "calmar_ratio", "recovery_factor"),
    ),
    Group("equity_under_water", (*_BLOCKS, "cash"), ("longest_drawdown", "ulcer_index")),
    Group(
        "return_spread",
        (*_SUMS, "cash", "risk_free", "period"),
        ("sharpe_ratio", "annual_volatility"),
    ),
    Group(
        "return_shape",
        (*_SUMS, "cash", "risk_free"),
        ("skew", "kurtosis", "probabilistic_sharpe_ratio"),
    ),
    Group(
        "return_downside",
        (*_SUMS, "risk_free", "period"),
        ("sortino_ratio", "downside_risk", "omega_ratio"),
    ),
    Group("equity_stability", _BLOCKS, ("stability_of_timeseries",)),
    Group(
        "return_market",
        (*_SUMS, "market", "held", "cash", "risk_free", "period"),
        ("alpha", "beta"),
    ),
    Group(
        "book_trades",
        ("book",),
        (
            "trades",
            "win_rate",
            "profit_factor",
            "expectancy",
            "payoff_ratio",
            "kelly",
            "avg_trade",
            "best_trade",
            "worst_trade",
            "max_consecutive_losses",
            "avg_bars",
        ),
    ),
    Group("book_exposure", ("book", "equity"), ("exposure",)),
    Group("book_turnover", ("book", "sums", "equity", "period"), ("turnover",)),
)
STREAMED = tuple(name for group in GROUPS for name in group.metrics)


def market_growth(market: FloatArray) -> tuple[float]:
    """Buy and hold."""
    return (market[0],)


def book_trade(book: FloatArray, pnl: float, paid: float, bars: float) -> None:
    """Enter a closed trade: its profit, the price paid, and how many bars it lasted."""
    earned = pnl / paid
    if book[TRADES] == 0.0 or earned > book[BEST]:
        book[BEST] = earned
    if book[TRADES] == 0.0 or earned < book[WORST]:
        book[WORST] = earned
    book[TRADES] += 1.0
    book[PROFIT] += pnl
    book[RETURN] += earned
    book[BARS] += bars
    if pnl > 0.0:
        book[WINS] += 1.0
        book[GAIN] += pnl
    if pnl < 0.0:
        book[LOSSES] += 1.0
        book[LOSS] -= pnl
        book[STREAK] += 1.0
        if book[STREAK] > book[LONGEST]:
            book[LONGEST] = book[STREAK]
    else:
        book[STREAK] = 0.0


def book_end(book: FloatArray, lows: FloatArray) -> None:
    """Note a trial without a fill, and one whose equity fell to zero: `lows` are those of its blocks."""
    book[IDLE] = 1.0 if book[TRADED] == 0.0 else 0.0
    for low in lows:
        if low <= 0.0:
            book[RUINED] = 1.0


def book_trades(
    book: FloatArray,
) -> tuple[float, float, float, float, float, float, float, float, float, float, float]:
    """Statistics of the closed trades, in the order of `GROUPS`."""
    count = book[TRADES]
    if count == 0.0:
        return 0.0, nan, nan, nan, nan, nan, nan, nan, nan, 0.0, nan
    won = book[WINS] / count
    payoff = nan
    if book[WINS] > 0.0 and book[LOSSES] > 0.0:
        payoff = (book[GAIN] / book[WINS]) / (book[LOSS] / book[LOSSES])
    return (
        count,
        won,
        ratio(book[GAIN], book[LOSS]),
        book[PROFIT] / count,
        payoff,
        won - ratio(1.0 - won, payoff),
        book[RETURN] / count,
        book[BEST],
        book[WORST],
        book[LONGEST],
        book[BARS] / count,
    )


def book_exposure(book: FloatArray, equity: FloatArray) -> tuple[float]:
    """Share of bars with a position."""
    return (book[HELD] / equity.shape[0],)


def book_turnover(book: FloatArray, sums: FloatArray, equity: FloatArray, period: float) -> tuple[float]:
    """Value traded in a year for the mean equity."""
    n = equity.shape[0]
    mean = sums[LEVELS] / n
    return (book[TRADED] / mean / (n / period) if mean > 0.0 else nan,)
