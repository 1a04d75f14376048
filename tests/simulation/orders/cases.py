"""Random bars, decisions and settings. Those of a seed do not depend on how many are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from .book import NAN, Leg
from .oracle import Decision

TARGETS = (0.0, 1.0, 1.0, -1.0, 0.5, -0.5, 0.25, 2.0)


def random_frame(seed: int, count: int, freq: str = "D") -> pd.DataFrame:
    """Volatile bars around 100 with gaps, flat ones, and a volume of some dozen units; half on ticks."""
    random = np.random.default_rng(seed)
    tick = 0.5 if seed % 2 else 0.0
    price, rows = 100.0, []
    for _ in range(count):
        draw = random.random(6)
        open_ = price * (1 + 0.03 * (draw[0] - 0.5) * (draw[1] < 0.4))
        close = open_ * (1 + 0.05 * (draw[2] - 0.5))
        high, low = max(open_, close) * (1 + 0.02 * draw[3]), min(open_, close) * (1 - 0.02 * draw[4])
        if draw[5] < 0.05:
            high = low = close = open_
        prices = [round(each / tick) * tick if tick else each for each in (open_, high, low, close)]
        more = random.random(5)
        # some volume in the first bar: data without any is refused where there is a cap
        volume = 0.0 if more[0] < 0.06 and rows else float(np.floor(5 + 200 * more[0] ** 2))
        shares = NAN if more[3] < 0.1 else np.floor(20 * more[3])
        rows.append([*prices, volume, 0.3 * more[1], float(more[2] < 0.08), shares, 0.004 * (more[4] - 0.5)])
        price = min(max(prices[3], 30.0), 300.0)
    names = ["open", "high", "low", "close", "volume", "gap", "halt", "shares", "rate"]
    index = pd.date_range(
        "2020-01-20 19:00" if freq == "h" else "2020-01-20", periods=count, freq=freq, tz="UTC"
    )
    return pd.DataFrame(rows, columns=names, index=index)


def random_finer(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Four bars of six hours inside most daily bars, from their open to their close.

    Of some of these the hour is missing in which the high or the low was.
    """
    random = np.random.default_rng(seed)
    rows, index = [], []
    for day, bar in zip(frame.index, frame.itertuples(), strict=True):
        draw = random.random(12)
        if draw[0] < 0.2:
            continue
        inner = bar.low + (bar.high - bar.low) * draw[1:7]
        opens, closes = [bar.open, *inner[:3]], [*inner[3:6], bar.close]
        day_rows: list[list[float]] = []
        for at, (open_, close) in enumerate(zip(opens, closes, strict=True)):
            top, bottom = max(open_, close), min(open_, close)
            high, low = (
                top + (bar.high - top) * draw[7 + at] ** 2,
                bottom - (bottom - bar.low) * draw[7 + at] ** 2,
            )
            day_rows.append([open_, min(high, bar.high), max(low, bar.low), close, 1.0])
            index.append(day + pd.Timedelta(hours=6 * at))
        if draw[11] < 0.8:
            max(day_rows, key=lambda row: row[1])[1] = bar.high
            min(day_rows, key=lambda row: row[2])[2] = bar.low
        rows += day_rows
    return pd.DataFrame(
        rows, columns=["open", "high", "low", "close", "volume"], index=pd.DatetimeIndex(index)
    )


def random_targets(seed: int, count: int) -> list[Decision]:
    random = np.random.default_rng(seed)
    return [NAN if random.random() < 0.5 else float(random.choice(TARGETS)) for _ in range(count)]


def random_orders(seed: int, frame: pd.DataFrame, intraday_times: bool = True) -> list[Decision]:
    """Orders of all types around the close, some of them repeated, a quarter of them pairs."""
    random = np.random.default_rng(seed)
    decisions: list[Decision] = []
    for close in frame["close"]:
        kind, near, far = (
            random.random(),
            _leg(random, close, intraday_times),
            _leg(random, close, intraday_times),
        )
        last = decisions[-1] if decisions else NAN
        decision: Decision = NAN if kind < 0.4 else last if kind < 0.5 else near
        decisions.append((near, far) if kind > 0.85 else decision)
    return decisions


def _leg(random: np.random.Generator, close: float, all_times: bool) -> Leg:
    draw = random.random(12)
    target = float(random.choice(TARGETS))
    side = 1.0 if target > 0 else -1.0
    kind = str(
        random.choice(["market", "limit", "limit", "stop_market", "stop_limit", "trailing_stop_market"])
    )
    times = ["gtc", "gtc", "gtc", "day", "ioc", "fok"]
    if kind in ("market", "limit") and all_times:
        times += ["at_the_open", "at_the_close"]
    stop = close * (1 + side * 0.03 * (draw[0] - 0.2))
    limit = (
        stop * (1 + side * 0.02 * (draw[1] - 0.2))
        if kind == "stop_limit"
        else close * (1 - side * 0.04 * (draw[1] - 0.3))
    )
    tif = str(random.choice(times))
    has = (draw[4:7] < 0.35) & (target != 0.0)
    return Leg(
        target, kind,
        limit=round(limit * 2) / 2 if "limit" in kind else 0.0,
        stop=round(stop * 2) / 2 if kind in ("stop_market", "stop_limit") else 0.0,
        trail=close * 0.03 * (draw[2] + 0.01) if kind == "trailing_stop_market" else 0.0,
        tif=tif,
        expire=int(3 * draw[3]) if tif in ("gtc", "day") and draw[11] < 0.4 else 0,
        stop_loss=round(close * (1 - side * (0.005 + 0.04 * draw[8])) * 2) / 2 if has[0] else 0.0,
        take_profit=round(close * (1 + side * (0.005 + 0.04 * draw[9])) * 2) / 2 if has[1] else 0.0,
        trailing_stop=close * (0.005 + 0.03 * draw[10]) if has[2] else 0.0,
    )  # fmt: skip


def some(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A section with any of these keys."""
    return st.fixed_dictionaries({}, optional=choices)


percent = st.sampled_from([0.7, 1.3, 2.9, 4.1])

EXECUTION = some(
    direction=st.sampled_from(["both", "long_only", "short_only"]),
    stop_loss_pct=percent,
    take_profit_pct=percent,
    trailing_stop_pct=percent,
    stop_basis=st.sampled_from(["entry_price", "signal_close"]),
    repeat_signal=st.sampled_from(["hold", "reenter"]),
    reentry_after_stop=st.sampled_from(["on_new_signal", "immediate"]),
    max_participation_pct=st.sampled_from([7.0, 20.0, 60.0]),
    latency_bars=st.integers(0, 2),
    intrabar=st.sampled_from(["pessimistic", "optimistic", "path"]),
    halted_column=st.just("halt"),
    halt_on_zero_volume=st.booleans(),
)
TYPES = st.sampled_from(
    [
        {}, {"order_type": "limit", "limit_offset_bps": 90.0},
        {"order_type": "stop_market", "stop_offset_bps": 70.0},
        {"order_type": "stop_limit", "stop_offset_bps": 70.0, "limit_offset_bps": 40.0},
        {"order_type": "trailing_stop_market", "trail_offset_bps": 130.0},
    ]
)  # fmt: skip
TIMES = st.sampled_from(["gtc", "day", "ioc", "fok"])
COMMISSION = st.sampled_from(
    [
        {}, {"commission_bps": 13.0}, {"commission_per_unit": 0.03, "commission_min": 0.7},
        {"commission_bps": 20.0, "commission_max": 1.5}, {"commission_fixed": 1.0, "commission_max_pct": 0.3},
        {"maker_bps": 2.0, "taker_bps": 7.0},
        {"commission_tiers": [{"above": 0.0, "bps": 20.0}, {"above": 2500.0, "bps": 9.0}]},
        {"commission_tiers": [{"above": 0.0, "bps": 20.0}, {"above": 25.0, "bps": 9.0}],
         "tier_volume": "units"},
    ]
)  # fmt: skip
SPREAD = st.sampled_from([{}, {"spread_bps": 11.0}, {"spread_fixed": 0.13}, {"spread_column": "gap"}])
FUNDING = st.sampled_from(
    [
        {}, {"funding_pct": 30.0}, {"funding_pct": -12.0}, {"funding_column": "rate"},
        {"funding_column": "rate", "funding_paid_multiple": 2.0},
    ]
)  # fmt: skip
COSTS = some(
    slippage_bps=st.just(4.0),
    slippage_volatility=st.just(0.11),
    impact=st.just(0.3),
    adv_bars=st.just(4),
    borrow_pct=st.just(9.0),
    margin_rate_pct=st.just(8.0),
    cash_interest_pct=st.just(3.0),
)
SIZING = st.sampled_from(
    [
        {}, {"fraction": 0.6}, {"method": "fixed_units", "units": 6.0},
        {"method": "fixed_value", "value": 650.0},
        {"method": "volatility_target", "target_volatility_pct": 14.0},
        {"method": "atr_risk", "risk_pct": 2.0, "atr_multiple": 1.5},
        {"method": "kelly", "kelly_fraction": 0.7, "kelly_trades": 3, "fraction": 0.5},
    ]
)  # fmt: skip
MARGIN = st.sampled_from(
    [
        {}, {}, {"leverage": 3.0, "maintenance_pct": 25.0}, {"locates": "none"},
        {"leverage": 4.0, "maintenance_pct": 22.0, "on_margin_call": "reduce"},
        {"locates": "column", "locate_column": "shares"}, {"maintenance_pct": 90.0},
    ]
)  # fmt: skip
RISK = some(
    max_position_units=st.just(6.0),
    max_position_value=st.just(700.0),
    max_exposure_pct=st.just(80.0),
    max_leverage=st.just(0.9),
    cooldown_bars=st.just(3),
)
LOSSES = st.sampled_from(
    [
        {}, {}, {"daily_loss_pct": 2.0}, {"daily_loss_pct": 2.0, "on_daily_loss": "flatten"},
        {"max_drawdown_pct": 8.0}, {"max_drawdown_pct": 4.0, "on_drawdown": "reduce", "reduce_to_pct": 40.0},
    ]
)  # fmt: skip


#: Keys that do not go with fill: same_close.
NOT_AT_THE_CLOSE = {
    "order_type", "limit_offset_bps", "stop_offset_bps", "trail_offset_bps", "time_in_force",
    "cancel_after_bars", "max_participation_pct", "partial_fill", "latency_bars", "halted_column",
    "halt_on_zero_volume",
}  # fmt: skip


@st.composite
def settings_of(draw: st.DrawFn, plain: bool) -> dict[str, Any]:
    """Any valid combination; half of the sections stay as they are by default."""

    def section(strategy: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
        return draw(strategy) if draw(st.booleans()) else {}

    execution = section(EXECUTION)
    if plain:
        execution |= draw(TYPES) | {"time_in_force": draw(TIMES)}
        if execution["time_in_force"] in ("gtc", "day") and draw(st.booleans()):
            execution["cancel_after_bars"] = 2
    if "trailing_stop_pct" not in execution and draw(st.booleans()):
        execution["trailing_stop_atr"] = 1.2
    if "max_participation_pct" in execution and draw(st.booleans()):
        execution["partial_fill"] = "cancel"
    if draw(st.integers(0, 5)) == 0:
        kept = {key: value for key, value in execution.items() if key not in NOT_AT_THE_CLOSE}
        execution = {"fill": "same_close"} | kept
    spread = section(SPREAD)
    if execution.get("fill") == "same_close" and "spread_column" in spread:
        spread = {}
    costs = section(COSTS) | section(COMMISSION) | spread | section(FUNDING)
    if "impact" not in costs:
        costs.pop("adv_bars", None)
    sizing, margin = section(SIZING), section(MARGIN)
    if execution.get("fill") == "same_close" and "locate_column" in margin:
        margin = {}
    if margin.get("leverage") and sizing.get("method", "cash_fraction") == "cash_fraction":
        sizing = {"fraction": margin["leverage"] * 0.8}
    sizing = sizing | section(st.sampled_from([{"lot_size": 1.0}, {"lot_size": 0.5}, {"min_value": 300.0}]))
    if sizing.get("method") == "volatility_target":
        sizing["volatility_bars"] = 5
    if "slippage_volatility" in costs or "impact" in costs:
        costs["volatility_bars"] = 5
    if sizing.get("method") == "atr_risk" or "trailing_stop_atr" in execution:
        execution["atr_bars"] = 5
    config = {
        "execution": execution, "costs": costs, "sizing": sizing, "margin": margin,
        "risk": section(RISK) | section(LOSSES),
    }  # fmt: skip
    return {name: keys for name, keys in config.items() if keys}
