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
        if random.random() < 0.4:
            weights /= max(weights.sum(), 1e-3)
        weights *= random.random(count) < 0.8
        if shorts:
            weights *= random.choice([-1.0, 1.0], count)
        again = random.random(count) < 0.25  # the same weight once more
        weights = np.where(again, held, weights)
        alone = random.random(count) < 0.25
        if alone.all():
            continue
        room, wanted = 1.0 - np.abs(held[alone]).sum(), np.abs(weights[~alone]).sum()
        weights *= min(1.0, 0.999 * room / max(wanted, 1e-9))
        held = np.where(alone, held, weights)
        found[row] = np.where(alone, np.nan, weights).tolist()
    return found


TIMES = st.sampled_from(["gtc", "gtc", "day", "ioc", "fok", "at_the_open", "at_the_close"])
SIZING = st.sampled_from([{}, {}, {"lot_size": 1.0}, {"lot_size": 0.5}, {"min_value": 60.0}])
MARGIN = st.sampled_from(
    [
        {"locates": "none"}, {"leverage": 2.0}, {"leverage": 3.0, "maintenance_pct": 25.0},
        {"leverage": 2.0, "maintenance_pct": 45.0}, {"leverage": 4.0, "maintenance_pct": 22.0},
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
    """Any valid combination of what a portfolio simulates; a quarter of the sections is left out."""

    def section(strategy: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
        return draw(strategy) if draw(st.integers(0, 3)) else {}

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


def many_settings(seed: int) -> dict[str, Any]:
    """Most of what there is at once: where hypothesis likes few settings and short stories, this does not."""
    random = np.random.default_rng(seed)

    def one(*options: dict[str, Any]) -> dict[str, Any]:
        return options[random.integers(len(options))]

    def maybe(chance: float, *options: dict[str, Any]) -> dict[str, Any]:
        return one(*options) if random.random() < chance else {}

    kind = one(
        {}, {}, {"order_type": "limit", "limit_offset_bps": 40.0},
        {"order_type": "stop_market", "stop_offset_bps": 30.0},
        {"order_type": "stop_limit", "stop_offset_bps": 30.0, "limit_offset_bps": 40.0},
        {"order_type": "trailing_stop_market", "trail_offset_bps": 80.0},
    )  # fmt: skip
    force = one(*[{"time_in_force": force} for force in ("gtc", "gtc", "gtc", "day", "ioc", "fok")])
    force = maybe(0.25, {"time_in_force": "at_the_open"}, {"time_in_force": "at_the_close"}) or force
    execution = {
        **kind, **force,
        **maybe(0.4, {"stop_loss_pct": 2.0}, {"stop_loss_pct": 6.0}, {"take_profit_pct": 2.5}),
        **maybe(0.3, {"trailing_stop_pct": 3.0}, {"trailing_stop_atr": 1.5, "atr_bars": 5}),
        **maybe(0.3, {"stop_basis": "signal_close"}), **maybe(0.5, {"reentry_after_stop": "immediate"}),
        **maybe(0.4, {"latency_bars": 1}, {"latency_bars": 2}),
        **maybe(0.4, {"max_participation_pct": 5.0}, {"max_participation_pct": 20.0}),
        **maybe(0.5, {"intrabar": "optimistic"}, {"intrabar": "path"}),
        **maybe(0.3, {"halted_column": "halt"}, {"halt_on_zero_volume": True}),
    }  # fmt: skip
    if "max_participation_pct" in execution:
        execution |= maybe(0.4, {"partial_fill": "cancel"})
    if execution["time_in_force"] in ("gtc", "day"):
        execution |= maybe(0.3, {"cancel_after_bars": 2})
    tiers = [{"above": 0.0, "bps": 20.0}, {"above": 2500.0, "bps": 9.0}]
    costs = {
        **maybe(0.7, {"commission_bps": 13.0}, {"commission_per_unit": 0.03, "commission_min": 0.7},
                {"maker_bps": 2.0, "taker_bps": 7.0}, {"commission_tiers": tiers},
                {"commission_fixed": 1.0, "commission_max_pct": 0.3}),
        **maybe(0.5, {"spread_bps": 11.0}, {"spread_fixed": 0.13}, {"spread_column": "gap"}),
        **maybe(0.5, {"slippage_bps": 4.0}, {"slippage_volatility": 0.1, "volatility_bars": 5},
                {"impact": 0.3, "volatility_bars": 5, "adv_bars": 4}),
        **maybe(0.5, {"borrow_pct": 9.0}), **maybe(0.5, {"cash_interest_pct": 3.0}),
        **maybe(0.5, {"margin_rate_pct": 8.0}),
        **maybe(0.5, {"funding_pct": 30.0}, {"funding_pct": -12.0}, {"funding_column": "rate"},
                {"funding_column": "rate", "funding_paid_multiple": 2.0}),
    }  # fmt: skip
    margin = maybe(
        0.7, {"leverage": 2.0}, {"leverage": 3.0, "maintenance_pct": 30.0}, {"maintenance_pct": 90.0},
        {"leverage": 4.0, "maintenance_pct": 24.0}, {"locates": "none"},
        {"leverage": 4.0, "maintenance_pct": 24.0, "on_margin_call": "reduce"},
        {"locates": "column", "locate_column": "shares"},
    )  # fmt: skip
    sizing = {"fraction": margin.get("leverage", 1.0)}
    sizing |= maybe(0.5, {"lot_size": 1.0}, {"lot_size": 0.5}, {"min_value": 60.0}, {"fraction": 0.6})
    limits = [
        {"max_position_units": 4.0}, {"max_position_value": 410.0}, {"max_exposure_pct": 45.0},
        {"max_leverage": 0.9}, {"max_concentration_pct": 40.0}, {"max_open_positions": 2},
        {"allowed_symbols": ["S0", "S2", "S3"]}, {"cooldown_bars": 2},
    ]  # fmt: skip
    risk = {
        **maybe(0.4, *limits), **maybe(0.3, *limits),
        **maybe(0.4, {"daily_loss_pct": 2.0}, {"daily_loss_pct": 3.0, "on_daily_loss": "flatten"},
                {"max_drawdown_pct": 20.0}, {"max_drawdown_pct": 5.0, "on_drawdown": "reduce"}),
    }  # fmt: skip
    return {"execution": execution, "costs": costs, "margin": margin, "sizing": sizing, "risk": risk}
