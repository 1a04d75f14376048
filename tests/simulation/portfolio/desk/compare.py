"""Hold two outcomes against each other, and one against what must always hold."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest

from admf.market import Bars

from .rows import FILLS, NAN, Outcome, Row, Trade

NEAR = 1e-9


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """The same rows with the same words, numbers within rounding; of what ends in one bar, no order is told.

    The fast loop does not look inside bars: what its trades went through is not known.
    """
    scale = max(map(abs, wanted.equity))
    for name in ("fills", "others", "trades"):
        mine, theirs = (_sorted(name, getattr(each, name)) for each in (found, wanted))
        for at, (row, other) in enumerate(zip(mine, theirs, strict=False)):
            if isinstance(row, Trade) and math.isnan(row.mae):
                other = replace(other, mae=NAN, mfe=NAN)
            pairs = zip(_told(row), _told(other), strict=True)
            assert all(_near(a, b) for a, b in pairs), f"{name} {at}:\n found {row}\n wanted {other}"
        extra = (mine if len(mine) > len(theirs) else theirs)[min(len(mine), len(theirs)) :]
        assert len(mine) == len(theirs), f"{name}: found {len(mine)}, wanted {len(theirs)}; more: {extra[:3]}"
    for name in ("equity", "cash", "carry", "interest"):
        mine, theirs = np.array(getattr(found, name)), np.array(getattr(wanted, name))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=NEAR * scale, err_msg=name)
    np.testing.assert_allclose(found.positions, wanted.positions, rtol=NEAR, atol=NEAR)
    for name, amount in wanted.financing.items():
        assert found.financing[name] == pytest.approx(amount, rel=1e-8, abs=NEAR * scale), name


def _sorted(name: str, rows: list[Any]) -> list[Any]:
    if name == "trades":
        return sorted(rows, key=lambda row: (row.exit_bar, row.symbol, row.reason))
    if name == "fills":
        return sorted(rows, key=lambda row: (row.bar, row.symbol))
    blocked = {(row.bar, row.symbol, row.decided) for row in rows if row.status.startswith("blocked")}
    return sorted(
        # what is blocked may have been cut before
        (
            row for row in rows
            if not (row.status.startswith("cut") and (row.bar, row.symbol, row.decided) in blocked)
        ),
        key=lambda row: (
            row.bar if row.bar >= 0 else math.inf, row.symbol, row.decided, row.status, row.reason,
            row.target,
        ),
    )  # fmt: skip


def _told(row: Row | Trade) -> tuple[Any, ...]:
    """A row as numbers and words; of what did not fill, the prices say nothing."""
    if isinstance(row, Trade):
        return astuple(row)
    if row.status not in FILLS:
        ended = not row.status.startswith(("cut", "blocked", "rejected"))
        row = replace(row, quote=0.0, price=0.0)
        # how much a limit takes of what lots, cash and other limits take as well is told in more than one way
        if ended or row.status.startswith(("rejected", "cut")):
            row = replace(row, wanted=0.0, side=0.0 if ended else row.side)
        if row.bar < 0:
            row = replace(row, kind="")  # it never came to the market
    return astuple(row)


def _near(a: Any, b: Any) -> bool:
    if isinstance(a, str):
        return bool(a == b)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=NEAR, abs_tol=1e-8)


def check_books(
    out: Outcome, bars: Mapping[str, Bars], cash: float, config: Mapping[str, Any], first: int = 0
) -> None:
    """What must hold whatever the settings are."""
    execution, sizing = config.get("execution", {}), config.get("sizing", {})
    equity, purse = np.array(out.equity), np.array(out.cash)
    held, marks = np.array(out.positions), np.array(out.marks)
    carry, interest = np.array(out.carry), np.array(out.interest)
    names = list(bars)
    fills = out.fills
    scale = cash + sum(row.units * row.price for row in fills)

    # cash + positions = equity
    np.testing.assert_allclose(purse + (held * marks).sum(axis=1), equity, rtol=0, atol=NEAR * scale)

    # positions and cash from the fills alone
    units, money = np.zeros_like(held), np.zeros(len(equity))
    gains = np.zeros(len(equity))  # at quoted prices, and costs
    for row in fills:
        at = names.index(row.symbol)
        units[row.bar, at] += row.side * row.units
        money[row.bar] -= row.side * row.units * row.price + row.commission
        gains[row.bar] += row.side * row.units * (marks[row.bar, at] - row.quote)
        gains[row.bar] -= row.commission + row.slippage + row.spread
    np.testing.assert_allclose(units.cumsum(axis=0), held, rtol=0, atol=NEAR * scale / marks[marks > 0].min())
    paid = carry.sum(axis=1) + interest
    np.testing.assert_allclose(cash + (money - paid).cumsum(), purse, rtol=0, atol=NEAR * scale)

    # the change of the equity is price profits - costs - carry - interest
    before = np.vstack([np.zeros(len(names)), held[:-1]])
    gains += (before * np.diff(marks, axis=0, prepend=marks[:1])).sum(axis=1) - paid
    np.testing.assert_allclose(np.diff(equity, prepend=cash), gains, rtol=0, atol=NEAR * scale)
    financed = sum(out.financing.values())
    assert financed == pytest.approx(paid.sum(), abs=NEAR * scale)

    # no fill outside its bar; a price is off the quote by slippage and spread alone, never for the better
    rows = sorted({int(stamp) for each in bars.values() for stamp in each.timestamps})[first:]
    own = {name: {int(stamp): at for at, stamp in enumerate(each.timestamps)} for name, each in bars.items()}
    traded: dict[tuple[int, str], float] = defaultdict(float)
    for row in fills:
        each, at = bars[row.symbol], own[row.symbol][rows[row.bar]]
        assert each.low[at] * (1 - NEAR) <= row.quote <= each.high[at] * (1 + NEAR), row
        assert row.side * (row.price - row.quote) >= -NEAR * row.quote, row
        off = row.units * abs(row.price - row.quote)
        assert off == pytest.approx(row.slippage + row.spread, abs=NEAR * scale)
        assert row.units > 0.0, row
        assert min(row.commission, row.slippage, row.spread) >= 0.0, row
        assert row.units <= row.wanted * (1 + NEAR), row
        traded[row.bar, row.symbol] += row.units
    share = execution.get("max_participation_pct")
    for (bar, symbol), amount in traded.items():
        each, at = bars[symbol], own[symbol][rows[bar]]
        assert not (execution.get("halt_on_zero_volume") and each.volume[at] == 0)
        assert not (execution.get("halted_column") and each.extra[execution["halted_column"]][at] != 0)
        if share:
            assert amount <= share / 100 * each.volume[at] * (1 + NEAR)

    # without credit, shorts and debt from elsewhere the cash stays
    leveraged = config.get("margin", {}).get("leverage", 1.0) > 1.0
    costs = config.get("costs", {})
    pays = any(costs.get(key) for key in ("funding_pct", "funding_column", "margin_rate_pct"))
    if (
        not leveraged
        and not pays
        and held.min() >= 0.0
        and all(row.side > 0 or row.target >= 0 for row in fills)
    ):
        assert purse.min() >= -NEAR * equity.max()

    # what is open and what is closed is all there is
    for trade in out.trades:
        assert trade.exit_bar >= trade.entry_bar
        if not math.isnan(trade.mae):
            assert trade.mae <= 0 <= trade.mfe
            gross = trade.side * (trade.exit_price / trade.entry_price - 1)
            assert trade.mae - 1e-9 <= gross <= trade.mfe + 1e-9
    if not held[-1].any():
        beside = financed - sum(trade.financing for trade in out.trades)
        made = sum(trade.pnl for trade in out.trades) - beside
        assert equity[-1] - cash == pytest.approx(made, abs=NEAR * scale)
    if (lot := sizing.get("lot_size")) and config.get("margin", {}).get("locates") != "column":
        np.testing.assert_allclose(held / lot, np.round(held / lot), atol=1e-6)
    if execution.get("direction") == "long_only":
        assert held.min() >= 0
