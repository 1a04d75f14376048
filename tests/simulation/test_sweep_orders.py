"""Sweeps on the order engine: a trial has the bits of the single backtest, which plain Python runs here."""

from __future__ import annotations

import math

import pytest

import admf
from admf.indicators import ATR, SMA
from admf.strategies import Float, Int
from admf.strategies.orders import DAY, keep, limit_order, stop_order


class Pullback:
    """Buys below a rising price with a bracket, or sells short on a break."""

    parameters = {"n": Int(3, 50, default=10), "k": Float(0.5, 3.0, default=1.0)}  # noqa: RUF012

    def indicators(p):  # noqa: N805
        return {"average": SMA(p.n), "atr": ATR(14)}

    def on_bar(position, close, average, atr, k):  # noqa: N805
        if position == 0.0:
            if close > average:
                return limit_order(
                    1.0, close - k * atr, stop_loss=close - 3 * k * atr, take_profit=close + 2 * atr,
                    cancel_after_bars=3,
                )  # fmt: skip
            return stop_order(-0.5, close - k * atr, trailing_stop=2 * atr, time_in_force=DAY)
        return keep()


SETTINGS = {
    "execution": {"intrabar": "path", "latency_bars": 1, "max_participation_pct": 4.0},
    "costs": {"commission_min": 1.0, "impact": 0.5, "borrow_pct": 3.0, "spread_fixed": 0.01},
    "risk": {"max_drawdown_pct": 20.0, "on_drawdown": "reduce", "cooldown_bars": 2},
    "margin": {"leverage": 2.0, "maintenance_pct": 25.0},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "grid"),
    [
        (Pullback, {"n": [5, 9], "k": [0.5, 1.0]}),
        (
            "sma_cross",
            {
                "fast": [3, 5],
                "slow": [10],
                "costs.commission_min": [0.0, 3.0],
                "execution.max_participation_pct": [0.5, 5.0],
                "sizing.method": ["kelly", "cash_fraction"],
            },
        ),
    ],
)
def test_a_trial_is_the_single_backtest(random_bars, strategy, grid):
    bars = random_bars(3, 400)
    found = admf.sweep(bars, strategy, grid, workers=2, **SETTINGS)
    assert found.compiled
    table = found.table
    assert len(table) == math.prod(map(len, grid.values()))
    for row in table.to_dict("records"):
        sections = {name: dict(section) for name, section in SETTINGS.items()}
        for path in (name for name in grid if "." in name):
            section, key = path.split(".")
            sections.setdefault(section, {})[key] = row[path]
        params = {name: row[name] for name in grid if "." not in name}
        single = admf.simulate(bars, strategy, params, **sections)
        assert not single.compiled
        for name in found.metrics:
            assert row[name] == pytest.approx(single.metrics[name], rel=0, abs=0, nan_ok=True), name
