"""What the oracle knows of a bar, computed from the definitions, one bar at a time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from admf.market import Bars

NAN = math.nan
YEAR_NS = 365 * 86400 * 10**9


@dataclass(frozen=True)
class Span:
    """A bar or a part of one. monotone: the price went straight from the open to the close."""

    open: float
    high: float
    low: float
    close: float
    monotone: bool = False

    def path(self) -> list[Span]:
        """Open, the first extreme (low in a rising bar), the other one, close: three straight pieces."""
        first, second = (self.low, self.high) if self.close >= self.open else (self.high, self.low)
        corners = [self.open, first, second, self.close]
        return [Span(a, max(a, b), min(a, b), b, monotone=True) for a, b in pairwise(corners)]


@dataclass(frozen=True)
class Bar:
    """A bar with its facts. sigma, adv and atr know the bars before it only; NaN before they are complete."""

    span: Span
    volume: float
    years: float
    day: int
    month: int
    first_of_session: bool
    last_of_session: bool
    halted: bool
    spread: float
    locate: float
    funding: float
    sigma: float
    adv: float
    atr: float
    finer: tuple[Span, ...] = ()

    def parts(self, intrabar: str) -> list[Span]:
        """What happens inside the bar, piece by piece."""
        spans = list(self.finer) or [self.span]
        return [piece for span in spans for piece in span.path()] if intrabar == "path" else spans


def average_true_range(high: list[float], low: list[float], close: list[float], period: int) -> list[float]:
    """Wilder: the mean of the first `period` true ranges (the first bar has none), then smoothed."""
    ranges = [NAN] + [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(1, len(close))
    ]
    values = [NAN] * len(close)
    for i in range(period, len(close)):
        if i == period:
            values[i] = sum(ranges[1 : period + 1]) / period
        else:
            values[i] = (values[i - 1] * (period - 1) + ranges[i]) / period
    return values


def bars_with_facts(
    bars: Bars,
    execution: Mapping[str, Any],
    costs: Mapping[str, Any],
    sizing: Mapping[str, Any],
    margin: Mapping[str, Any],
    finer: Bars | None = None,
) -> list[Bar]:
    """Every bar of `Bars` with the facts that these sections of the config ask for."""
    count = len(bars)
    window = costs.get("volatility_bars", sizing.get("volatility_bars", 20))
    adv_window = costs.get("adv_bars", 20)
    opens, highs, lows, closes = ([*map(float, getattr(bars, n))] for n in ("open", "high", "low", "close"))
    volumes = [*map(float, bars.volume)]
    stamps = [int(stamp) for stamp in bars.timestamps]
    zone = ZoneInfo(bars.timezone)
    local = [pd.Timestamp(stamp, tz="UTC").tz_convert(zone) for stamp in stamps]
    daily = bars.timeframe.endswith(("d", "w", "mo"))
    atr = average_true_range(highs, lows, closes, execution.get("atr_bars", 14))
    returns = [NAN] + [math.log(closes[i] / closes[i - 1]) for i in range(1, count)]

    def column(name: str | None, at: int) -> float:
        return float(bars.extra[name][at]) if name else 0.0

    def inside(at: int) -> tuple[Span, ...]:
        if finer is None:
            return ()
        until = stamps[at + 1] if at + 1 < count else 2**63 - 1
        found = tuple(
            Span(float(finer.open[i]), float(finer.high[i]), float(finer.low[i]), float(finer.close[i]))
            for i in range(len(finer))
            if stamps[at] <= finer.timestamps[i] < until
        )
        if not found or max(each.high for each in found) < highs[at] * (1 - 1e-9):
            return ()
        return found if min(each.low for each in found) <= lows[at] * (1 + 1e-9) else ()

    rows = []
    for t in range(count):
        halted = column(execution.get("halted_column"), t) != 0
        if execution.get("halt_on_zero_volume") and volumes[t] == 0:
            halted = True
        known = returns[t - window : t]  # returns of the closes up to t - 1; the first close has none
        rows.append(
            Bar(
                span=Span(opens[t], highs[t], lows[t], closes[t]),
                volume=volumes[t],
                years=(stamps[t] - stamps[t - 1]) / YEAR_NS if t else 0.0,
                day=local[t].toordinal(),
                month=local[t].year * 12 + local[t].month,
                first_of_session=daily or t == 0 or local[t].date() != local[t - 1].date(),
                last_of_session=daily or (t + 1 < count and local[t].date() != local[t + 1].date()),
                halted=halted,
                spread=column(costs.get("spread_column"), t),
                locate=column(margin.get("locate_column"), t),
                funding=column(costs.get("funding_column"), t),
                sigma=statistics.stdev(known) if t > window else NAN,
                adv=sum(volumes[t - adv_window : t]) / adv_window if t >= adv_window else NAN,
                atr=atr[t - 1] if t else NAN,
                finer=inside(t),
            )
        )
    return rows
