"""The compiled kernel and the plain engine agree bit for bit, and both keep the books straight.

Features decide what is compiled, so there is a fixed list of them that covers each; hypothesis chooses bars,
numbers and decisions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import admf
from admf.indicators import RSI, SMA, IndicatorTable
from admf.simulation.engine import Ground, Tracks, run_engine, run_plain
from admf.simulation.inputs import gather
from admf.simulation.records import FILLED, ORDER_COLUMNS, TRADE_COLUMNS
from admf.simulation.settings import Settings
from admf.strategies import Float, Int, resolve_strategy

NAN = float("nan")
SCALE = 0.5


def squeeze(value):
    return math.tanh(value) * SCALE


class Stateful:
    """Keeps a counter and a smoothed price."""

    parameters: ClassVar = {"patience": Int(1, 20, default=3), "speed": Float(0.01, 1.0, default=0.3)}

    @staticmethod
    def initial_state(p):
        return (0, NAN)

    @staticmethod
    def on_bar(close, patience, speed, state):
        waited, smooth = state
        if math.isnan(smooth):
            smooth = close
        smooth = smooth + speed * (close - smooth)
        waited = waited + 1
        target = NAN
        if waited >= patience:
            waited = 0
            target = 1.0 if close > smooth else -1.0
        return target, (waited, smooth)


class Accountant:
    """Decides from what it holds."""

    @staticmethod
    def indicators(p):
        return {"average": SMA(5)}

    @staticmethod
    def on_bar(close, prev_close, average, position, entry_price, bars_held, equity):
        if position == 0.0:
            return squeeze(100.0 * (close - average) / close)
        if bars_held > 4 or equity < 90_000.0:
            return 0.0
        if position > 0.0 and close > entry_price:
            return 1.0
        if close < prev_close:
            return -0.25
        return NAN


class Swing:
    """Resizes with the RSI; beyond one at the ends."""

    @staticmethod
    def indicators(p):
        return {"rsi": RSI(4)}

    @staticmethod
    def on_bar(rsi):
        return round((rsi - 50.0) / 10.0) / 4.0


ALL_COSTS = Settings(
    commission=0.001, commission_per_unit=0.01, commission_fixed=1.0, slippage=0.001, spread=0.002
)
PROFILES = {
    "bare": (Settings(), Swing, None),
    "costs": (ALL_COSTS, Swing, None),
    "fixed units in lots": (
        replace(ALL_COSTS, method="fixed_units", units=30.0, lot_size=1.0, fill="same_close"),
        Swing,
        None,
    ),
    "fixed units": (Settings(method="fixed_units", units=3.0, reenter=True), "signals", "target"),
    "stops": (
        Settings(stop_loss=0.02, take_profit=0.03, commission=0.001, lot_size=1.0),
        "signals",
        "target",
    ),
    "stops from the signal, at once again": (
        Settings(
            stop_loss=0.02, take_profit=0.03, stop_basis="signal_close", exit_memory=False, reenter=True
        ),
        "signals",
        "target",
    ),
    "all stops": (
        replace(ALL_COSTS, stop_loss=0.02, take_profit=0.03, trailing_stop=0.025, fill="same_close"),
        Accountant,
        None,
    ),
    "trailing": (Settings(trailing_stop=0.02, slippage=0.001), Stateful, None),
    "stop and trailing, long": (
        Settings(stop_loss=0.02, trailing_stop=0.02, direction="long_only", reenter=True),
        "signals",
        "target",
    ),
    "target alone, short": (
        Settings(take_profit=0.01, direction="short_only", stop_basis="signal_close"),
        Accountant,
        None,
    ),
    "crossover": (replace(ALL_COSTS, fraction=0.5, lot_size=1.0), "sma_cross", None),
}


def scaled(base: Settings, factors: list[float], fraction: float) -> Settings:
    """The same features with other numbers."""
    names = (
        "commission",
        "commission_per_unit",
        "commission_fixed",
        "slippage",
        "spread",
        "units",
        "lot_size",
    )
    names += ("stop_loss", "take_profit", "trailing_stop")
    numbers = {name: getattr(base, name) * factor for name, factor in zip(names, factors, strict=True)}
    return replace(base, fraction=fraction, **numbers)


def both_engines(profile: str, bars, base: Settings) -> tuple[Tracks, Tracks]:
    _, strategy, column = PROFILES[profile]
    params = {"target": column} if column else {"fast": 3, "slow": 7} if strategy == "sma_cross" else {}
    bound = resolve_strategy(strategy, params)
    table = IndicatorTable(bars)
    inputs, ground = gather(bars, bound, table), Ground(bars, 0, len(bars), table)
    compiled, reason = run_engine(bound, inputs, base, ground)
    assert reason is None
    return compiled, run_plain(bound, inputs, base, ground)


def with_targets(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Random decisions: mostly none, many repeated, some beyond one."""
    random = np.random.default_rng(seed)
    values = [NAN, NAN, NAN, 0.0, 1.0, 1.0, -1.0, 0.5, -0.5, 0.25, -0.75, 2.0, -3.0, -0.0]
    return frame.assign(target=random.choice(values, len(frame)))


CASE = {
    "seed": st.integers(0, 10_000),
    "factors": st.lists(st.floats(0.05, 8.0), min_size=10, max_size=10),
    "fraction": st.floats(0.05, 1.0),
}
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("profile", PROFILES)
@given(**CASE)
@QUICK
def test_bit_equal_and_in_balance(random_frame, profile, seed, factors, fraction):
    base = scaled(PROFILES[profile][0], factors, fraction)
    bars = admf.load_bars(with_targets(random_frame(seed, 150), seed), min_bars=1)
    compiled, plain = both_engines(profile, bars, base)
    for name in Tracks._fields:
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), err_msg=name)
    check_books(compiled, base, bars)


def check_books(tracks: Tracks, base: Settings, bars) -> None:
    orders = dict(zip(ORDER_COLUMNS, tracks.orders.T, strict=True))
    trades = dict(zip(TRADE_COLUMNS, tracks.trades.T, strict=True))
    filled = orders["status"] == FILLED
    bar = orders["bar"][filled].astype(int)
    side, units, price = (orders[name][filled] for name in ("side", "units", "price"))

    # cash + position * close = equity, from the fills alone; an order at the close is in the next bar's books
    seen = bar + (base.fill == "same_close") * (orders["reason"][filled] == 0)
    flows = -side * units * price - orders["commission"][filled]
    cash = base.initial_cash + np.array([flows[seen <= t].sum() for t in range(len(bars))])
    held = np.array([(side * units)[seen <= t].sum() for t in range(len(bars))])
    volume = np.abs(units * price).sum() + base.initial_cash
    np.testing.assert_allclose(tracks.positions, held, atol=1e-9 * max(np.abs(units).sum(), 1.0), rtol=0)
    np.testing.assert_allclose(
        tracks.equity, cash + tracks.positions * bars.close, atol=1e-9 * volume, rtol=0
    )

    # costs are paid, never received
    for name in ("commission", "slippage", "spread"):
        assert (orders[name] >= 0).all()
    # no quote outside its bar, no price further from it than slippage and spread allow
    quote = orders["quote"][filled]
    assert (quote <= bars.high[bar] * (1 + 1e-12)).all()
    assert (quote >= bars.low[bar] * (1 - 1e-12)).all()
    worst = (1 + base.slippage) * (1 + base.spread) - 1
    assert (np.abs(price / quote - 1) <= worst * (1 + 1e-9) + 1e-15).all()
    # every fill is against the trader
    assert (side * (price - quote) >= -1e-12 * quote).all()

    assert (trades["mae"] <= 0).all()
    assert (trades["mfe"] >= 0).all()
    gross = trades["side"] * (trades["exit_price"] / trades["entry_price"] - 1)
    assert (gross >= trades["mae"] - 1e-12).all()
    assert (gross <= trades["mfe"] + 1e-12).all()
    assert (trades["exit_bar"] >= trades["entry_bar"]).all()
    if tracks.positions[-1] == 0:
        change = tracks.equity[-1] - base.initial_cash
        assert trades["pnl"].sum() == pytest.approx(change, abs=1e-9 * volume)
    if base.direction == "long_only":
        assert (tracks.positions >= 0).all()
    if base.direction == "short_only":
        assert (tracks.positions <= 0).all()
    if base.lot_size:
        lots = tracks.positions / base.lot_size
        np.testing.assert_allclose(lots, np.round(lots), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_comes_later_changes_nothing_before(random_frame, profile):
    base = PROFILES[profile][0]
    whole = with_targets(random_frame(7, 150), 7)
    longer, _ = both_engines(profile, admf.load_bars(whole, min_bars=1), base)
    for cut in (40, 90, 149):
        shorter, _ = both_engines(profile, admf.load_bars(whole[:cut], min_bars=1), base)
        np.testing.assert_array_equal(shorter.equity, longer.equity[:cut])
        np.testing.assert_array_equal(shorter.positions, longer.positions[:cut])
        np.testing.assert_array_equal(shorter.trades, longer.trades[: len(shorter.trades)])


def test_the_profiles_cover_every_feature():
    used = set().union(*(base.features for base, _, _ in PROFILES.values()))
    every = set()
    for change in (
        {},
        {"fill": "same_close"},
        {"direction": "long_only"},
        {"direction": "short_only"},
        {"method": "fixed_units"},
        {"stop_basis": "signal_close"},
        {"reenter": True},
    ):
        full = replace(ALL_COSTS, stop_loss=0.1, take_profit=0.1, trailing_stop=0.1, lot_size=1.0, **change)
        every |= full.features
    assert used == every
