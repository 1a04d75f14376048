"""Finer bars: which of them lie in which bar, and getting them beside the bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from admf.errors import DataError
from admf.market.actions import Factors
from admf.market.bars import Bars
from admf.market.configured import MarketBars
from admf.market.findings import Finding
from admf.market.from_frame import Loaded
from admf.market.timeframes import local_clock, split_timeframe, timeframe_seconds

if TYPE_CHECKING:
    from admf.core.config.models import DataConfig

Positions = npt.NDArray[np.int64]

# Prices that were scaled or printed as decimals differ in their last digits, as in the quality gate.
_ROUNDING = 1e-9
_NS = 10**9
_MISSING = "finer_missing"


def finer_spans(bars: Bars, finer: Bars) -> tuple[Positions, Positions]:
    """Find the finer bars of each bar.

    A timestamp is a bar's beginning, and a bar lasts as long as its timeframe says, but no longer than to
    the next one's beginning; days, weeks and months are those of the wall clock in ``bars.timezone``. A
    finer bar lies in the bar in whose time it begins; those in no bar's time (before the first bar, in a
    gap) are passed over. The finer bars of a bar count only if together they reach its high and its low (to
    a billionth): where some are missing, what they leave out (a stop that the bar reached) would be lost.

    Parameters
    ----------
    bars, finer
        Of one symbol, in order of time.

    Returns
    -------
    begin, end : int64 of shape (bars,)
        Position of a bar's first finer bar, and of the one after its last; equal where none count.

    Raises
    ------
    DataError
        The timeframe is not finer, the symbol another, or a finer bar leaves the range of its bar (by more
        than a billionth).
    """
    begin, end, covered = _covered(bars, finer)
    return begin, np.where(covered, end, begin)


def _covered(bars: Bars, finer: Bars) -> tuple[Positions, Positions, npt.NDArray[np.bool_]]:
    """Find the finer bars that lie in each bar, and whether they reach its high and its low."""
    if finer.symbol != bars.symbol:
        raise DataError(f"the finer bars are of {finer.symbol}, the bars of {bars.symbol}")
    if timeframe_seconds(finer.timeframe) >= timeframe_seconds(bars.timeframe):
        raise DataError(
            f"{bars.symbol}: finer bars have timeframe {finer.timeframe}, which is not shorter than "
            f"{bars.timeframe}, that of the bars",
            hint="give finer bars of a shorter timeframe, or none",
        )
    begin = np.searchsorted(finer.timestamps, bars.timestamps)
    end = np.searchsorted(finer.timestamps, _ends(bars))
    lengths = end - begin
    owner = np.repeat(np.arange(len(bars)), lengths)
    skipped = begin - np.concatenate(([0], np.cumsum(lengths)[:-1]))
    members = np.arange(len(owner)) + np.repeat(skipped, lengths)
    _require_within(bars, finer, owner, members)
    high, low = np.full(len(bars), -np.inf), np.full(len(bars), np.inf)
    np.maximum.at(high, owner, finer.high[members])
    np.minimum.at(low, owner, finer.low[members])
    return begin, end, (high >= bars.high * (1 - _ROUNDING)) & (low <= bars.low * (1 + _ROUNDING))


def _ends(bars: Bars) -> Positions:
    """UTC nanoseconds at which each bar is over at the latest."""
    stamps = bars.timestamps
    count, unit = split_timeframe(bars.timeframe)
    if unit in "smh" or not len(stamps):
        ends = stamps + round(timeframe_seconds(bars.timeframe) * _NS)
    else:
        import pandas as pd

        wall = local_clock(stamps, bars.timezone)
        if unit == "mo":
            months = wall.astype("M8[M]")
            over = (months + count).astype("M8[ns]") + (wall - months.astype("M8[ns]"))
        else:
            over = wall + np.timedelta64(count * (7 if unit == "w" else 1), "D")
        local = pd.DatetimeIndex(over).tz_localize(
            bars.timezone, nonexistent="shift_forward", ambiguous=np.ones(len(over), dtype=bool)
        )
        ends = local.tz_convert("UTC").tz_localize(None).as_unit("ns").asi8
    ends = np.maximum(ends, stamps)
    ends[:-1] = np.minimum(ends[:-1], stamps[1:])
    return ends


def _require_within(bars: Bars, finer: Bars, owner: Positions, members: Positions) -> None:
    """Refuse finer bars that cannot have been part of their bar."""
    above = finer.high[members] > bars.high[owner] * (1 + _ROUNDING)
    below = finer.low[members] < bars.low[owner] * (1 - _ROUNDING)
    wrong = above | below
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    part, whole = int(members[first]), int(owner[first])
    name, side = ("high", "above") if above[first] else ("low", "below")
    others = int(wrong.sum()) - 1
    raise DataError(
        f"{bars.symbol}: the finer bar of {finer.index[part].isoformat()} has {name} "
        f"{getattr(finer, name)[part]:.12g}, {side} the {name} {getattr(bars, name)[whole]:.12g} of its bar "
        f"of {bars.index[whole].isoformat()}" + (f" (and {others} more such finer bars)" if others else ""),
        hint="both must come from the same prices, adjusted alike; timestamps are beginnings of bars, in the "
        "right time zone",
    )


def finer_config(config: DataConfig) -> DataConfig | None:
    """Give the config by which the finer bars of a config are loaded; None where it asks for none.

    Finer bars are not adjusted by themselves: they follow the bars.
    """
    finer = config.finer
    if finer is None:
        return None
    own = {key: value for key, value in finer if value is not None}
    if "table" in own or "query" in own:  # one of the two, whichever the bars have
        own = {"table": None, "query": None, **own}
    fixed = {"finer": None, "adjustment": "none", "actions": None, "periods_per_year": None, "min_bars": 1}
    return config.model_copy(update={**fixed, **own})


def with_finer(loaded: Mapping[str, Loaded], read: Callable[[], Mapping[str, Bars]] | None) -> MarketBars:
    """Put finer bars beside bars: adjusted as these are, and checked to be parts of them.

    Parameters
    ----------
    loaded
        Symbol to bars.
    read
        Gives the finer bars of the same symbols; None: there are none.

    Raises
    ------
    DataError
        They cannot be read, or be parts of the bars.
    """
    bars = {symbol: each.bars for symbol, each in loaded.items()}
    if read is None:
        return MarketBars(bars, {})
    try:
        found = read()
        finer = {symbol: _beside(each, found[symbol]) for symbol, each in loaded.items()}
    except DataError as error:
        raise type(error)(f"finer bars: {error.message}", error.hint, error.findings) from None
    return MarketBars(bars, finer)


def _beside(loaded: Loaded, finer: Bars) -> Bars:
    bars, factors = loaded
    if factors is not None:
        finer = _adjusted(bars, factors, finer)
    return noted(bars, finer)


def noted(bars: Bars, finer: Bars) -> Bars:
    """Check that finer bars are parts of bars, and note in a finding which bars they say nothing of.

    Raises
    ------
    DataError
        As `finer_spans`.
    """
    begin, end, covered = _covered(bars, finer)
    none = int(np.count_nonzero(begin == end))
    short = len(bars) - none - int(np.count_nonzero(covered))
    findings = tuple(each for each in finer.findings if each.kind != _MISSING)
    if none or short:
        counts = ((none, ""), (short, ", but none that reach both its high and its low"))
        message = f"of {len(bars)} bars, " + " and ".join(
            f"{count} {'has' if count == 1 else 'have'} {'no ' if not but else ''}finer bars of "
            f"{finer.timeframe}{but}"
            for count, but in counts
            if count
        )
        message += ": such a bar is taken as it is"
        findings += (Finding(_MISSING, "warning", message, (), None, none + short),)
    return replace(finer, findings=findings)


def _adjusted(bars: Bars, factors: Factors, finer: Bars) -> Bars:
    owner = np.maximum(np.searchsorted(bars.timestamps, finer.timestamps, side="right") - 1, 0)
    its = Factors(factors.ratio[owner], factors.rest[owner])
    message = f"prices are adjusted as those of the bars of {bars.timeframe}"
    return replace(
        finer,
        open=its.price(finer.open),
        high=its.price(finer.high),
        low=its.price(finer.low),
        close=its.price(finer.close),
        volume=finer.volume * its.ratio,
        findings=(*finer.findings, Finding("adjusted", "info", message, (), None, len(finer))),
    )
