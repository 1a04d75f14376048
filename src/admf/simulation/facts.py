"""What the order engine is told of each bar: prices, what past bars say of it, and the data file's columns.

Row t is what may be known when bar t trades: the bar itself, and of estimates (sigma, adv, atr) those that
the bars up to t - 1 give. One fact looks further: `last_of_session`, of intraday bars, is read from the day
of the next bar, because that a session ends is known beforehand from its schedule, which bars do not carry.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from admf.errors import DataError
from admf.indicators import ATR, IndicatorTable
from admf.market.bars import FIELDS
from admf.market.finer import finer_spans
from admf.market.timeframes import DAY_SECONDS, local_clock, timeframe_seconds
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.indicators import Indicator
    from admf.market import Bars
    from admf.simulation.settings import Settings

#: Columns of a row, by position.
FACTS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "spread",
    "sigma",
    "adv",
    "atr",
    "years",
    "day",
    "month",
    "first_of_session",
    "last_of_session",
    "halted",
    "locate",
    "funding",
    "fine_from",
    "fine_to",
)
(
    OPEN, HIGH, LOW, CLOSE, VOLUME, SPREAD, SIGMA, ADV, ATR_BEFORE, YEARS, DAY, MONTH, FIRST_OF_SESSION,
    LAST_OF_SESSION, HALTED, LOCATE, FUNDING, FINE_FROM, FINE_TO,
) = range(len(FACTS))  # fmt: skip

_FIELDS = ((OPEN, "open"), (HIGH, "high"), (LOW, "low"), (CLOSE, "close"), (VOLUME, "volume"))
_YEAR_NS = 365 * 86_400 * 10**9
_FIRST_DAY, _FIRST_MONTH = 719_163, 1970 * 12 + 1  # 1970-01-01 as date.toordinal, and as year * 12 + month


@dataclass(frozen=True)
class FactNeeds:
    """Which facts are needed; those that are not stay 0.

    Parameters
    ----------
    spread_column, halted_column, locate_column, funding_column
        Columns of the data; "" is none.
    volatility_bars, adv_bars, atr_bars
        Bars of the volatility, of the mean volume and of the ATR; 0 is none.
    halt_on_zero_volume
        A bar without volume counts as halted.
    """

    spread_column: str = ""
    volatility_bars: int = 0
    adv_bars: int = 0
    atr_bars: int = 0
    halted_column: str = ""
    halt_on_zero_volume: bool = False
    locate_column: str = ""
    funding_column: str = ""


class Facts(NamedTuple):
    """Facts of all bars.

    Parameters
    ----------
    rows
        float64 of shape (bars, len(FACTS)), read-only. Their columns:

        - open, high, low, close, volume: of the bar.
        - spread, locate, funding: the data's column at this bar; a locate may be NaN.
        - halted: not 0 where nothing fills.
        - sigma: sample standard deviation (ddof 1) of the log returns of the last `volatility_bars` bars up
          to the bar before; adv: mean volume of the last `adv_bars` bars up to it; atr: Wilder's average
          true range at it. NaN before they are complete.
        - years: time since the bar before, in years of 365 days; 0 at the first.
        - day, month: ordinal of the local date (as `datetime.date.toordinal`), and its year * 12 + month.
        - first_of_session, last_of_session: 1 or 0. Bars of a day or longer are both. Of shorter ones the
          local date decides: it differs from that of the bar before, or after; the very last bar is no last
          one of its session, as nobody can tell.
        - fine_from, fine_to: the bar's rows of `fine`, the second one exclusive.
    fine
        Open, high, low, close of the finer bars, shape (finer bars, 4), read-only.
    """

    rows: FloatArray
    fine: FloatArray


def atr_of(bars: int) -> Indicator:
    """Give the indicator behind the ATR of so many bars."""
    indicator: Indicator = ATR(bars)
    return indicator


def facts_of(
    bars: Bars, needs: FactNeeds, table: IndicatorTable | None = None, finer: Bars | None = None
) -> Facts:
    """Give the facts of all bars.

    Parameters
    ----------
    bars
        Whose facts.
    needs
        Which of them.
    table
        Indicators of these bars, shared with others. Default: one of its own.
    finer
        Bars of a shorter timeframe.

    Raises
    ------
    DataError
        A column is not there, or holds what it cannot mean; finer bars do not go with the bars.
    """
    rows = np.zeros((len(bars), len(FACTS)))
    _own_facts(rows, bars, needs, 0)
    if needs.atr_bars:
        table = table if table is not None else IndicatorTable(bars)
        rows[:1, ATR_BEFORE] = np.nan
        rows[1:, ATR_BEFORE] = table.row(atr_of(needs.atr_bars))[:-1]
    if not is_daily(bars):
        rows[:-1, LAST_OF_SESSION] = rows[1:, FIRST_OF_SESSION]
    fine = np.empty((0, 4))
    if finer is not None:
        rows[:, FINE_FROM], rows[:, FINE_TO] = finer_spans(bars, finer)
        fine = np.column_stack([finer.open, finer.high, finer.low, finer.close])
    rows.flags.writeable = fine.flags.writeable = False
    return Facts(rows, fine)


def next_row(bars: Bars, needs: FactNeeds, atr: float = math.nan) -> list[float]:
    """Give the facts of the last bar alone, with the bits that `facts_of` gives it.

    Parameters
    ----------
    bars
        All bars so far, at least one.
    needs
        Which facts.
    atr
        ATR at the bar before; NaN where there is none.

    Raises
    ------
    DataError
        As `facts_of`, about the last bar.
    """
    row = np.zeros((1, len(FACTS)))
    _own_facts(row, bars, needs, len(bars) - 1)
    if needs.atr_bars:
        row[0, ATR_BEFORE] = atr
    values: list[float] = row[0].tolist()
    return values


def is_daily(bars: Bars) -> bool:
    """Whether each bar is a session (or several) by itself."""
    return timeframe_seconds(bars.timeframe) >= DAY_SECONDS


def require_sessions(bars: Bars, settings: Settings) -> None:
    """Refuse orders that end with a session where the bars come one by one and do not tell when it ends.

    Raises
    ------
    DataError
        Time in force day or at_the_close on bars shorter than a day.
    """
    if settings.time_in_force in ("day", "at_the_close") and not is_daily(bars):
        raise DataError(
            f"{bars.symbol}: time_in_force {settings.time_in_force} needs to know the last bar of a session, "
            f"which bars of {bars.timeframe} that come one by one do not tell",
            hint="write time_in_force: gtc with cancel_after_bars, or simulate all bars at once",
        )


def require_columns(bars: Bars, needs: FactNeeds) -> None:
    """Check the columns of the data that are needed; for a dry run.

    Raises
    ------
    DataError
        As `facts_of`.
    """
    for _ in _columns(bars, needs, 0):
        pass


def _own_facts(rows: FloatArray, bars: Bars, needs: FactNeeds, begin: int) -> None:
    """Fill in, for the bars from `begin` on, all but the ATR, the finer bars and what the next bar tells."""
    for at, name in _FIELDS:
        rows[:, at] = getattr(bars, name)[begin:]
    for at, column in _columns(bars, needs, begin):
        rows[:, at] = column
    if needs.halt_on_zero_volume:
        rows[bars.volume[begin:] == 0, HALTED] = 1.0
    if window := needs.volatility_bars:
        rows[:, SIGMA] = _deviation(bars.close[max(begin - window - 1, 0) :], window)[-len(rows) :]
    if window := needs.adv_bars:
        rows[:, ADV] = _mean(bars.volume[max(begin - window, 0) :], window)[-len(rows) :]
    stamps = bars.timestamps[max(begin - 1, 0) :]
    clock = local_clock(stamps, bars.timezone)
    days = clock.astype("M8[D]").astype(np.int64)
    rows[:, DAY] = days[-len(rows) :] + _FIRST_DAY
    rows[:, MONTH] = clock.astype("M8[M]").astype(np.int64)[-len(rows) :] + _FIRST_MONTH
    later = 0 if begin else 1  # the first bar of all has none before it
    rows[later:, YEARS] = np.diff(stamps) / _YEAR_NS
    if is_daily(bars):
        rows[:, [FIRST_OF_SESSION, LAST_OF_SESSION]] = 1.0
    else:
        rows[:later, FIRST_OF_SESSION] = 1.0
        rows[later:, FIRST_OF_SESSION] = np.diff(days) != 0


def _columns(bars: Bars, needs: FactNeeds, begin: int) -> Iterator[tuple[int, FloatArray]]:
    """Give the needed columns of the data from bar `begin` on, with their positions in a row."""
    for at, key, least, may_lack in (
        (SPREAD, "spread_column", 0.0, False),
        (HALTED, "halted_column", -math.inf, False),
        (FUNDING, "funding_column", -math.inf, False),
        (LOCATE, "locate_column", 0.0, True),
    ):
        name: str = getattr(needs, key)
        if not name:
            continue
        column = getattr(bars, name) if name in FIELDS else bars.extra.get(name)
        if column is None:
            raise _no_column(bars, key, name)
        values = column[begin:]
        wrong = np.isinf(values) | (values < least) | (np.isnan(values) & (not may_lack))
        if wrong.any():
            allowed = "a number, 0 or more" if least == 0 else "a number"
            raise _bad_value(bars, key, name, column, begin + np.flatnonzero(wrong), allowed)
        yield at, values


def _no_column(bars: Bars, key: str, name: str) -> DataError:
    dropped = [
        each.message for each in bars.findings if each.kind == "column_ignored" and each.column == name
    ]
    if dropped:
        return DataError(
            f"{bars.symbol}: {key} {name!r} cannot be used: {dropped[0]}", hint="write numbers there"
        )
    near = difflib.get_close_matches(name, bars.extra, 1)
    there = ", ".join(map(repr, bars.extra)) or "none"
    return DataError(
        f"{bars.symbol}: {key} names {name!r}, which the data do not have; columns there: {there}",
        hint=f"did you mean {near[0]!r}?" if near else None,
    )


def _bad_value(
    bars: Bars, key: str, name: str, column: FloatArray, wrong: npt.NDArray[np.int64], allowed: str
) -> DataError:
    at, others = int(wrong[0]), len(wrong) - 1
    more = f" (and in {others} more)" if others else ""
    return DataError(
        f"{bars.symbol}: {key} {name!r} is {column[at]:.12g} at {bars.index[at].isoformat()}, bar {at}{more};"
        f" it must be {allowed}",
        hint="correct the data: nothing is repaired silently",
    )


def _deviation(close: FloatArray, window: int) -> FloatArray:
    """Sample deviation of `window` log returns up to the bar before; NaN before they are there.

    Mean and squares of two halves give those of the whole (Chan, Golub and LeVeque 1979), so that it takes
    log2(window) steps for all bars, and a window by itself gives the same bits.
    """
    known = np.full(len(close), np.nan)
    count = len(close) - window - 1
    if count > 0:
        _, squares = _moments(np.log(close[1:] / close[:-1]), window)
        known[window + 1 :] = np.sqrt(squares[:count] / max(window - 1, 1))
    return known


def _mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of `window` values up to the bar before; NaN before they are there."""
    known = np.full(len(values), np.nan)
    count = len(values) - window
    if count > 0:
        known[window:] = _moments(values, window)[0][:count]
    return known


def _moments(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Mean, and sum of squared distances from it, of the window that begins at each value."""
    length = window & -window  # 1, 2, 4, ...: the parts of the window, the shortest first
    mean, squares = _doubled(values, length)
    done, rest = length, window - length
    while rest:
        length = rest & -rest
        more = _doubled(values, length)
        mean, squares = _joined((mean, squares, done), (*more, length))
        done, rest = done + length, rest - length
    return mean, squares


def _doubled(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    mean, squares = values, np.zeros(len(values))
    length = 1
    while length < window:
        mean, squares = _joined((mean, squares, length), (mean, squares, length))
        length *= 2
    return mean, squares


def _joined(
    first: tuple[FloatArray, FloatArray, int], second: tuple[FloatArray, FloatArray, int]
) -> tuple[FloatArray, FloatArray]:
    """Moments of two windows as one: the second begins where the first ends."""
    (mean_a, squares_a, a), (mean_b, squares_b, b) = first, second
    size = len(mean_b) - a
    mean_a, squares_a = mean_a[:size], squares_a[:size]
    distance = mean_b[a:] - mean_a
    mean = mean_a + distance * (b / (a + b))
    squares = squares_a + squares_b[a:] + distance * distance * (a * b / (a + b))
    return mean, squares
