"""The compiled engine on random bars: the bits of plain Python, and what the oracle says.

An order engine takes seconds to compile, once for each set of features that is in use, so only the first of
the profiles runs every time: it has everything on. The others leave parts out, as users do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import admf
from admf.simulation import engine

from .cases import random_finer, random_frame, random_orders, random_targets
from .compare import assert_same, check_books
from .scripts import by_oracle, by_simulate, written

CASH = 1000.0
EVERYTHING = {
    "execution": {
        "stop_loss_pct": 2.9, "take_profit_pct": 4.1, "trailing_stop_pct": 4.1, "max_participation_pct": 20.0,
        "latency_bars": 1, "intrabar": "path", "halted_column": "halt", "reentry_after_stop": "immediate",
    },
    "costs": {
        "commission_tiers": [{"above": 0.0, "bps": 20.0}, {"above": 2500.0, "bps": 9.0}], "maker_bps": 1.0,
        "taker_bps": 3.0, "commission_min": 0.7, "commission_max_pct": 0.9, "spread_column": "gap",
        "slippage_bps": 2.0, "slippage_volatility": 0.11, "impact": 0.3, "volatility_bars": 5, "adv_bars": 4,
        "borrow_pct": 9.0, "margin_rate_pct": 8.0, "cash_interest_pct": 3.0, "funding_column": "rate",
    },
    "sizing": {"method": "volatility_target", "target_volatility_pct": 40.0, "volatility_bars": 5},
    "margin": {"leverage": 3.0, "maintenance_pct": 25.0, "locates": "column", "locate_column": "shares"},
    "risk": {
        "max_position_units": 14.0, "daily_loss_pct": 4.0, "on_daily_loss": "flatten",
        "max_drawdown_pct": 15.0, "on_drawdown": "reduce", "cooldown_bars": 2,
    },
}  # fmt: skip
PROFILES = {
    "orders alone": ("orders", {}),
    "orders and finer bars": ("finer", {"execution": {"stop_loss_pct": 2.9, "intrabar": "optimistic"}}),
    "a cap and its rest": (
        "orders",
        {"execution": {"max_participation_pct": 10.0, "partial_fill": "cancel"}, "sizing": {"lot_size": 0.1}},
    ),
    "limits by default": (
        "targets",
        {
            "execution": {"order_type": "limit", "limit_offset_bps": 90.0, "time_in_force": "day"},
            "costs": {"maker_bps": 2.0, "taker_bps": 7.0},
        },
    ),
    "financing of targets": (
        "targets",
        {
            "costs": {"borrow_pct": 9.0, "margin_rate_pct": 8.0, "funding_pct": 20.0},
            "sizing": {"fraction": 2.0},
            "margin": {"leverage": 3.0, "maintenance_pct": 25.0, "on_margin_call": "reduce"},
        },
    ),
    "sizes and risk of targets": (
        "targets",
        {
            "execution": {"fill": "same_close", "trailing_stop_atr": 2.0, "atr_bars": 5},
            "sizing": {"method": "kelly", "kelly_trades": 3, "min_value": 100.0},
            "risk": {"max_exposure_pct": 80.0, "max_drawdown_pct": 12.0},
        },
    ),
    "impact and halts": (
        "orders",
        {
            "execution": {"halt_on_zero_volume": True, "trailing_stop_pct": 2.9},
            "costs": {"impact": 0.3, "volatility_bars": 5, "adv_bars": 4, "spread_fixed": 0.1},
            "sizing": {"method": "atr_risk", "risk_pct": 2.0},
        },
    ),
}


@pytest.fixture(autouse=True)
def always_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile for few bars too, where plain Python would be quicker."""
    monkeypatch.setattr(engine, "PLAIN_BARS", 0)


def hold_together(kind: str, config: dict, seed: int) -> None:
    frame = random_frame(seed, 120)
    decisions = random_targets(seed, 120) if kind == "targets" else random_orders(seed, frame)
    load = {"symbol": "RANDOM", "min_bars": 1}
    bars = admf.load_bars(written(frame, decisions, kind == "targets"), timeframe="1d", **load)
    finer = admf.load_bars(random_finer(frame, seed), timeframe="6h", **load) if kind == "finer" else None
    compiled = by_simulate(bars, kind == "targets", CASH, finer, compiled=True, **config)
    plain = by_simulate(bars, kind == "targets", CASH, finer, **config)
    np.testing.assert_array_equal(compiled.equity, plain.equity)
    np.testing.assert_array_equal(compiled.positions, plain.positions)
    assert compiled.trades == plain.trades
    assert [unsized(row) for row in compiled.orders] == [unsized(row) for row in plain.orders]
    assert compiled.costs == plain.costs
    assert_same(compiled, by_oracle(bars, decisions, CASH, finer, **config))
    check_books(compiled, bars, CASH, config)


def unsized(row):
    """A row without its NaN, which equals nothing."""
    return replace(row, units=str(row.units), quote=str(row.quote), price=str(row.price))


@pytest.mark.parametrize("seed", range(12))
def test_everything_compiled(seed):
    hold_together("orders", EVERYTHING, seed)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_parts_compiled(profile):
    for seed in range(20, 32):
        hold_together(*PROFILES[profile], seed)
