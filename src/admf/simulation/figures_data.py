"""What pictures of a simulation are drawn from: thinned curves, drawdown, monthly returns, rolling Sharpe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from admf.simulation.exits import Exits
from admf.simulation.metrics import bar_returns
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from admf.market import Bars

MAX_POINTS = 6000
MAX_MARKERS = 1000
LEAST_BARS = 10  # fewer say nothing about a ratio


class Reported(Protocol):
    """What pictures and summaries need of a result, be it of one symbol or of a portfolio."""

    @property
    def strategy(self) -> str: ...  # noqa: D102 - the members are those of the two results
    @property
    def params(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def bars(self) -> Bars: ...  # noqa: D102
    @property
    def initial_cash(self) -> float: ...  # noqa: D102
    @property
    def risk_free_pct(self) -> float: ...  # noqa: D102
    @property
    def equity_values(self) -> FloatArray: ...  # noqa: D102
    @property
    def position_values(self) -> FloatArray: ...  # noqa: D102
    @property
    def trade_table(self) -> Mapping[str, np.ndarray[Any, Any]]: ...  # noqa: D102
    @property
    def exits(self) -> Exits: ...  # noqa: D102
    @property
    def metrics(self) -> dict[str, float]: ...  # noqa: D102
    @property
    def costs(self) -> dict[str, float]: ...  # noqa: D102
    @property
    def warnings(self) -> list[str]: ...  # noqa: D102
    @property
    def assumptions(self) -> dict[str, str]: ...  # noqa: D102
    @property
    def compiled(self) -> bool: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def pessimistic(self) -> Reported | None: ...  # noqa: D102


class Words(NamedTuple):
    """How pictures and summaries speak of a result.

    Parameters
    ----------
    what
        What was simulated.
    benchmark
        What it is compared with.
    held
        What the benchmark holds.
    """

    what: str
    benchmark: str
    held: str


def words_of(result: Reported) -> Words:
    """Choose the words for a result."""
    from admf.simulation.portfolio.result import PortfolioResult

    if not isinstance(result, PortfolioResult):
        return Words("strategy", "buy and hold", result.bars.symbol)
    alone = len(result.symbols) == 1
    return Words("portfolio", "held evenly", result.symbols[0] if alone else f"{result.bars.symbol} evenly")


def thin(values: FloatArray, limit: int = MAX_POINTS) -> IntArray:
    """Choose the positions to draw of a long curve: the lowest and the highest value of each stretch.

    Parameters
    ----------
    values
        The curve, shape (n,); NaN is drawn as a gap.
    limit
        Most positions that are returned.

    Returns
    -------
    Ascending positions, the first and the last included; all of them where n is within the limit.
    """
    n = values.size
    if n <= limit:
        return np.arange(n)
    stretches = max((limit - 2) // 2, 1)
    width = -(-n // stretches)
    padded = np.full(stretches * width, np.nan)
    padded[:n] = values
    grid = padded.reshape(stretches, width)
    offsets = np.arange(stretches) * width
    lowest = offsets + np.where(np.isnan(grid), np.inf, grid).argmin(axis=1)
    highest = offsets + np.where(np.isnan(grid), -np.inf, grid).argmax(axis=1)
    chosen = np.unique(np.concatenate(([0, n - 1], lowest, highest)))
    return chosen[chosen < n]


def thinned_note(n: int, what: str = "bars") -> str | None:
    """Say that a curve was thinned; None where it was not."""
    if n <= MAX_POINTS:
        return None
    return (
        f"{n:,} {what} drawn as at most {MAX_POINTS:,} points: "
        "of each stretch the lowest and the highest, so that no extreme is lost."
    )


def local_index(bars: Bars) -> pd.DatetimeIndex:
    """Return the bars' times on the clock of the data's own zone, without a zone."""
    return bars.index.tz_convert(bars.timezone).tz_localize(None)


def moments_text(index: pd.DatetimeIndex) -> list[str]:
    """Write times as ISO text, no finer than they need: date, with minutes, or with seconds."""
    stamps = index.to_numpy().astype("datetime64[s]")
    coarse = (unit for unit in ("D", "m") if bool((stamps == stamps.astype(f"datetime64[{unit}]")).all()))
    text = np.datetime_as_string(stamps.astype(f"datetime64[{next(coarse, 's')}]"))
    return [moment.replace("T", " ") for moment in text.tolist()]


def buy_and_hold(result: Reported) -> FloatArray:
    """Value of the initial cash had it bought the symbol at the first close, without costs."""
    close = result.bars.close
    value: FloatArray = result.initial_cash * close / close[0]
    return value


@dataclass(frozen=True)
class MonthlyReturns:
    """Returns by calendar month of the data's own zone.

    Parameters
    ----------
    years
        Ascending.
    months
        Fractions, shape (years, 12); NaN where the simulation has no bar.
    totals
        Compounded return of each year, shape (years,).
    """

    years: tuple[int, ...]
    months: FloatArray
    totals: FloatArray


def monthly_returns(result: Reported) -> MonthlyReturns:
    """Return of each month: equity at its last close against that of the month before, at first the cash."""
    equity = result.equity_values
    month = local_index(result.bars).to_numpy().astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(month)), month.size - 1)
    returns = bar_returns(equity[last], result.initial_cash)
    numbers = month[last] + 1970 * 12
    years = numbers // 12
    first, count = int(years[0]), int(years[-1] - years[0]) + 1
    table = np.full((count, 12), np.nan)
    table[years - first, numbers % 12] = returns
    year_end = np.append(np.flatnonzero(np.diff(years)), years.size - 1)
    totals = np.full(count, np.nan)
    totals[years[year_end] - first] = bar_returns(equity[last][year_end], result.initial_cash)
    return MonthlyReturns(tuple(range(first, first + count)), table, totals)


def rolling_window(n: int, periods_per_year: float) -> int | None:
    """Bars of the rolling Sharpe ratio: a year, or a quarter of a shorter simulation; None below 40 bars."""
    year = max(round(periods_per_year), 2)
    window = year if n >= 2 * year else n // 4
    return window if window >= LEAST_BARS else None


def rolling_sharpe(
    returns: FloatArray,
    window: int,
    periods_per_year: float,
    risk_free: float,
    held: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Sharpe ratio of the last `window` bars, per year.

    Parameters
    ----------
    returns
        Of each bar, fractions, shape (n,); NaN counts as 0.
    window
        Bars.
    periods_per_year, risk_free
        Bars of a year; rate of one bar, fraction.
    held
        Whether there was a position at the close of each bar; None: at all. Cash alone has no Sharpe ratio:
        its interest hardly varies, so that a year of it would be drawn far above all that trading brings.

    Returns
    -------
    Shape (n,); NaN before the first whole window, where fewer than `LEAST_BARS` of its bars were in the
    market, and where no return of the window differs from another.
    """
    excess = np.nan_to_num(returns) - risk_free
    center = float(excess.mean())
    deviation = excess - center  # sums of small deviations lose fewer digits
    sums = np.cumsum(np.insert(deviation, 0, 0.0))
    squares = np.cumsum(np.insert(deviation * deviation, 0, 0.0))
    total, square = sums[window:] - sums[:-window], squares[window:] - squares[:-window]
    mean = total / window
    variance = (square - window * mean * mean) / (window - 1)
    # Counted, as rounding leaves the variance of equal returns a little above or below zero.
    changes = np.cumsum(np.insert(np.diff(excess) != 0.0, 0, [False, False]))
    flat = (changes[window:] - changes[1 : changes.size - window + 1]) == 0
    if held is not None:
        inside = np.cumsum(np.insert(held.astype(np.int64), 0, 0))
        flat |= inside[window:] - inside[:-window] < LEAST_BARS
    ratio = np.full(returns.size, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (mean + center) / np.sqrt(variance) * np.sqrt(periods_per_year)
    ratio[window - 1 :] = np.where(flat, np.nan, value)
    return ratio


def largest(values: FloatArray, limit: int = MAX_MARKERS) -> IntArray:
    """Positions of the values of largest size, ascending; all of them where they are within the limit."""
    if values.size <= limit:
        return np.arange(values.size)
    return np.sort(np.argpartition(np.abs(values), values.size - limit)[values.size - limit :])
