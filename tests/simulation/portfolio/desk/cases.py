"""Random bars, weights and settings of a portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import admf
from admf.market import Bars

from .runner import thinned
from .single import cases as single


def random_bars(seed: int, count: int, length: int, freq: str, wild: bool) -> dict[str, Bars]:
    """Symbols whose calendars differ: some begin later, and each misses some bars of the others.

    wild: prices move four times as far.
    """
    random = np.random.default_rng([seed, count])
    found = {}
    for at in range(count):
        frame = single.random_frame(10 * seed + at, length, freq)
        if wild:
            prices = ["open", "high", "low", "close"]
            frame[prices] = 100.0 * (frame[prices] / 100.0) ** 4
        keep = random.random(length) < random.choice([0.6, 0.9, 1.0])
        keep &= np.arange(length) >= random.choice([0, 0, length // 3])
        keep[-1] = True
        frame.loc[frame.index[-1], "volume"] = 50.0  # data without any is refused where there is a cap
        timeframe = "1h" if freq == "h" else "1d"
        bars = admf.load_bars(frame, symbol=f"S{at}", timeframe=timeframe, min_bars=1)
        found[f"S{at}"] = thinned(bars, keep)
    return found


def random_finer(seed: int, bars: Mapping[str, Bars]) -> dict[str, Bars]:
    """Bars of six hours inside the daily ones of some symbols."""
    found = {}
    for at, (symbol, each) in enumerate(bars.items()):
        names = ("open", "high", "low", "close")
        frame = pd.DataFrame({name: getattr(each, name) for name in names}, index=each.index)
        inner = single.random_finer(frame, 10 * seed + at)
        if len(inner) and (seed + at) % 3:
            found[symbol] = admf.load_bars(inner, symbol=symbol, timeframe="6h", min_bars=1)
    return found


def random_weights(seed: int, count: int, rows: int, shorts: bool) -> dict[int, list[float]]:
    """Weights at some rows, some of them left alone; with what is left alone they add to 1 at most."""
    random = np.random.default_rng([seed, count, rows])
    held, found = np.zeros(count), {}
    for row in range(rows):
        if random.random() < 0.5:
            continue
        weights = random.dirichlet(np.ones(count + 1))[:-1] * random.choice([0.0, 0.5, 1.0, 1.0])
        weights *= random.random(count) < 0.8
        if shorts:
            weights *= random.choice([-1.0, 1.0], count)
        again = random.random(count) < 0.25  # the same weight once more
        weights = np.where(again, held, weights)
        alone = random.random(count) < 0.25
        total = np.abs(np.where(alone, held, weights)).sum()
        if total > 1.0 or alone.all():
            continue
        held = np.where(alone, held, weights)
        found[row] = np.where(alone, np.nan, weights).tolist()
    return found


TIMES = st.sampled_from(["gtc", "gtc", "day", "ioc", "fok", "at_the_open", "at_the_close"])
SIZING = st.sampled_from([{}, {}, {"lot_size": 1.0}, {"lot_size": 0.5}, {"min_value": 60.0}])
MARGIN = st.sampled_from(
    [
        {}, {}, {"leverage": 3.0, "maintenance_pct": 25.0}, {"locates": "none"}, {"leverage": 2.0},
        {"leverage": 4.0, "maintenance_pct": 22.0, "on_margin_call": "reduce"},
        {"locates": "column", "locate_column": "shares"}, {"maintenance_pct": 90.0},
        {"maintenance_pct": 98.0, "on_margin_call": "reduce"},
    ]
)  # fmt: skip
RISK = single.some(
    max_position_units=st.just(4.0),
    max_position_value=st.just(410.0),
    max_exposure_pct=st.just(45.0),
    max_leverage=st.just(0.8),
    max_concentration_pct=st.just(40.0),
    max_open_positions=st.just(2),
    allowed_symbols=st.just(["S0", "S2"]),
    cooldown_bars=st.just(2),
)


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid combination of what a portfolio simulates; half of the sections are left out."""

    def section(strategy: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
        return draw(strategy) if draw(st.booleans()) else {}

    execution = section(single.EXECUTION)
    execution.pop("repeat_signal", None)
    execution |= section(single.TYPES)
    if draw(st.booleans()):
        execution["time_in_force"] = draw(TIMES)
    if execution.get("time_in_force", "gtc") in ("gtc", "day") and draw(st.integers(0, 3)) == 0:
        execution["cancel_after_bars"] = 2
    if "trailing_stop_pct" not in execution and draw(st.integers(0, 3)) == 0:
        execution |= {"trailing_stop_atr": 1.2, "atr_bars": 5}
    if "max_participation_pct" in execution and draw(st.booleans()):
        execution["partial_fill"] = "cancel"
    costs = (
        section(single.COSTS) | section(single.COMMISSION) | section(single.SPREAD) | section(single.FUNDING)
    )
    if "impact" not in costs:
        costs.pop("adv_bars", None)
    if "slippage_volatility" in costs or "impact" in costs:
        costs["volatility_bars"] = 5
    margin, sizing = section(MARGIN), section(SIZING)
    if margin.get("leverage"):
        sizing = {"fraction": margin["leverage"] * 0.9} | sizing
    elif draw(st.integers(0, 3)) == 0:
        sizing = {"fraction": 0.6} | sizing
    config = {
        "execution": execution, "costs": costs, "sizing": sizing, "margin": margin,
        "risk": section(RISK) | section(single.LOSSES),
    }  # fmt: skip
    return {name: keys for name, keys in config.items() if keys}
