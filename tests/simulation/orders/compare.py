"""Hold two outcomes against each other, and one against what must always hold."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest

from admf.market import Bars

from .book import FILLS, Outcome, Row, Trade

NEAR = 1e-9


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """The same rows with the same words, numbers within rounding; fills and trades in the same order."""
    for name in ("fills", "others", "trades"):
        mine, theirs = getattr(found, name), getattr(wanted, name)
        for at, (row, other) in enumerate(zip(mine, theirs, strict=False)):
            pairs = zip(_told(row), _told(other), strict=True)
            assert all(_near(a, b) for a, b in pairs), f"{name} {at}:\n found {row}\n wanted {other}"
        extra = (mine if len(mine) > len(theirs) else theirs)[min(len(mine), len(theirs)) :]
        assert len(mine) == len(theirs), f"{name}: found {len(mine)}, wanted {len(theirs)}; more: {extra[:3]}"
    scale = max(map(abs, wanted.equity))
    np.testing.assert_allclose(found.positions, wanted.positions, rtol=NEAR, atol=NEAR)
    np.testing.assert_allclose(found.equity, wanted.equity, rtol=0, atol=NEAR * scale)
    for name, amount in wanted.costs.items():
        assert found.costs[name] == pytest.approx(amount, rel=1e-8, abs=NEAR * scale), name


def _told(row: Row | Trade) -> tuple[Any, ...]:
    """A row as numbers and words; of what did not fill, the units and prices say nothing."""
    if isinstance(row, Row) and row.status not in FILLS:
        units = row.units if row.status.startswith(("cut", "blocked", "rejected")) else 0.0
        row = replace(row, units=units, quote=0.0, price=0.0)
    return astuple(row)


def _near(a: Any, b: Any) -> bool:
    if isinstance(a, str):
        return bool(a == b)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=NEAR, abs_tol=1e-8)


def check_books(out: Outcome, bars: Bars, cash: float, config: dict[str, Any]) -> None:
    """What must hold whatever the settings are."""
    execution, sizing = config.get("execution", {}), config.get("sizing", {})
    fills, closes = out.fills, bars.close
    late = execution.get("fill") == "same_close"  # such fills are in the books of the next bar
    seen = [row.bar + (late and row.reason == "signal" and row.kind == "market") for row in fills]
    flows = [-row.side * row.units * row.price - row.commission for row in fills]
    scale = cash + sum(row.units * row.price for row in fills)
    rates = ("borrow_pct", "margin_rate_pct", "cash_interest_pct", "funding_pct", "funding_column")
    financed = any(config.get("costs", {}).get(rate) for rate in rates)  # bar by bar it is in no table
    financing = sum(out.costs[name] for name in ("borrow", "funding", "margin_interest", "cash_interest"))

    # cash + positions = equity, from the fills alone
    for t in range(len(bars)):
        held = sum(row.side * row.units for row, at in zip(fills, seen, strict=True) if at <= t)
        assert out.positions[t] == pytest.approx(held, abs=NEAR * scale / closes.min())
        if not financed or t == len(bars) - 1:
            money = cash + sum(flow for flow, at in zip(flows, seen, strict=True) if at <= t) - financing
            assert out.equity[t] == pytest.approx(money + held * closes[t], abs=NEAR * scale)

    # no fill outside its bar; a price is off the quote by slippage and spread alone, never for the better
    traded: dict[int, float] = defaultdict(float)
    for row in fills:
        assert bars.low[row.bar] * (1 - NEAR) <= row.quote <= bars.high[row.bar] * (1 + NEAR), row
        assert row.side * (row.price - row.quote) >= -NEAR * row.quote, row
        assert row.units * abs(row.price - row.quote) == pytest.approx(
            row.slippage + row.spread, abs=NEAR * scale
        )
        assert min(row.units, row.commission + 1e-300, row.slippage + 1e-300, row.spread + 1e-300) > 0.0, row
        traded[row.bar] += row.units

    # no bar's fills above the participation cap, none on a halted bar
    if share := execution.get("max_participation_pct"):
        for bar, units in traded.items():
            assert units <= share / 100 * bars.volume[bar] * (1 + NEAR)
    if not late:
        halted = (
            bars.extra["halt"] != 0 if execution.get("halted_column") else np.zeros(len(bars), dtype=bool)
        )
        if execution.get("halt_on_zero_volume"):
            halted |= bars.volume == 0
        assert not any(halted[bar] for bar in traded)

    # costs are paid; what funding and interest bring may have any sign
    assert (
        min(out.costs[name] for name in ("commission", "slippage", "spread", "borrow", "margin_interest"))
        >= 0
    )
    assert out.costs["cash_interest"] <= 0
    assert out.costs["commission"] == pytest.approx(sum(row.commission for row in fills), abs=NEAR * scale)

    # flat at the end: what the trades made and the interest beside them is the change of the equity
    if out.positions[-1] == 0:
        beside = financing - sum(trade.financing for trade in out.trades)
        made = sum(trade.pnl for trade in out.trades) - beside
        assert out.equity[-1] - cash == pytest.approx(made, abs=NEAR * scale)

    for trade in out.trades:
        assert trade.mae <= 0 <= trade.mfe
        gross = trade.side * (trade.exit_price / trade.entry_price - 1)
        assert trade.mae - 1e-9 <= gross <= trade.mfe + 1e-9
        assert trade.exit_bar >= trade.entry_bar
    if lot := sizing.get("lot_size"):
        lots = np.array(out.positions) / lot
        if config.get("margin", {}).get("locates") != "column":
            np.testing.assert_allclose(lots, np.round(lots), atol=1e-6)
    if execution.get("direction") == "long_only":
        assert min(out.positions) >= 0
    if execution.get("direction") == "short_only":
        assert max(out.positions) <= 0
