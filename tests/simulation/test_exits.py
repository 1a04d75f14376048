"""Which order closed each trade, and how many exits the trades are, where a cap on volume spreads an exit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import admf
from admf.reports import parts, write_report
from admf.reports.summary import evidence
from admf.simulation.exits import Exits, closing_rows, count_exits, decided_bars
from admf.simulation.portfolio import records as of_portfolio
from admf.simulation.records import PARTLY_FILLED, is_fill

CAPPED = {"max_participation_pct": 0.5, "stop_loss_pct": 3, "take_profit_pct": 6, "partial_fill": "carry"}


def made(result, fills):
    orders, trades = result.order_table, result.trade_table
    return orders, trades, closing_rows(trades, orders, fills(orders["status"]))


def assert_closed_by(orders, trades, rows):
    """The fill that is found has the bar, price, side and reason of the trade."""
    assert (rows >= 0).all()
    assert len(np.unique(rows)) == len(rows)
    for ours, theirs in (("exit_bar", "bar"), ("exit_price", "price"), ("reason", "reason")):
        np.testing.assert_array_equal(trades[ours], orders[theirs][rows])
    np.testing.assert_array_equal(trades["side"], -orders["side"][rows])


@pytest.mark.parametrize(
    "execution", [{}, CAPPED, {**CAPPED, "latency_bars": 1}], ids=["whole", "cap", "late"]
)
@pytest.mark.parametrize("seed", range(4))
def test_each_trade_is_closed_by_a_fill_of_its_bar_and_price(random_bars, execution, seed):
    cash = 1_000 * float(random_bars(seed, n=400).close[0])
    result = admf.simulate(
        random_bars(seed, n=400), "sma_cross", {"fast": 5, "slow": 20}, execution=execution, initial_cash=cash
    )
    assert_closed_by(*made(result, is_fill))
    assert result.exits.trades == len(result.trades)


def test_trades_of_a_portfolio_are_closed_by_fills_of_their_symbol(random_bars):
    bars = {f"S{at}": random_bars(at, n=300) for at in range(3)}
    weights = {"S0": 0.5, "S1": -0.2, "S2": 0.3}
    cash = 1_000 * max(float(each.close[0]) for each in bars.values())
    result = admf.simulate_portfolio(
        bars, "fixed_weights", {"weights": weights}, rebalance="weekly", execution=CAPPED, initial_cash=cash
    )
    orders, trades, rows = made(result, of_portfolio.is_fill)
    assert_closed_by(orders, trades, rows)
    np.testing.assert_array_equal(trades["symbol"], orders["symbol"][rows])
    assert result.exits.parts > 0
    assert any(f"{len(rows)} trades are {result.exits.orders} exits" in text for text in result.warnings)


ROWS, TARGETS = [[10, 10, 10, 10]] * 20, [1.0] + [np.nan] * 9 + [0.0] + [np.nan] * 9
SIZING = {"method": "fixed_units", "units": 1_000}


def test_an_exit_over_several_bars_is_counted_once_among_the_exits(by_hand, tmp_path):
    """1,000 units are bought and sold, 20 % of the volume of 1,000 a bar: five trades, one exit."""
    execution = {"max_participation_pct": 20, "partial_fill": "carry"}
    bars = by_hand(ROWS, TARGETS)
    result = admf.simulate(bars, "signals", {"target": "target"}, sizing=SIZING, execution=execution)
    assert result.trades["units"].tolist() == [200.0] * 5
    assert result.trades["exit_decided_bar"].tolist() == [10] * 5
    assert result.trades["exit_bar"].tolist() == [11, 12, 13, 14, 15]
    assert result.exits == Exits(trades=5, orders=1, parts=5)
    assert result.metrics["trades"] == 5
    assert any(text.startswith("5 trades are 1 exit: ") for text in result.warnings)
    assert "a trade for each of them, in the metrics of trades too" in result.assumptions["trades"]
    assert "5 closed trades, parts of 1 exit<" in parts.tiles(result)
    assert "There is only 1 exit." in evidence(
        replace(result, equity_values=np.linspace(1e5, 2e5, 20) ** 1.1)
    )
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "These 5 are 1 exit: 5 of them are parts of exits that took several bars" in page


def test_without_parts_each_trade_is_an_exit_and_nothing_is_told(by_hand, tmp_path):
    result = admf.simulate(by_hand(ROWS, TARGETS), "signals", {"target": "target"}, sizing=SIZING)
    assert result.exits == Exits(1, 1, 0)
    assert not any("exit" in text for text in result.warnings)
    assert result.assumptions["trades"].endswith("at the average price of its entry")
    assert "parts of" not in parts.tiles(result)
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert "A trade is a closed position, or the part of one that a fill closed" in page
    assert "These 1 are" not in page


def test_a_trade_that_no_order_closed_has_none():
    """No engine gives one; a table made by hand may."""
    whole = {"side": np.array([-1.0]), "reason": np.array([0]), "status": np.array([PARTLY_FILLED])}
    orders = {"bar": np.array([3]), "decided_bar": np.array([2]), **whole}
    trades = {"exit_bar": np.array([3, 3]), "side": np.ones(2), "reason": np.zeros(2), "pnl": np.zeros(2)}
    filled = is_fill(orders["status"])
    rows = closing_rows(trades, orders, filled)
    assert rows.tolist() == [0, -1]
    assert decided_bars(trades, orders, filled).tolist() == [2, -1]
    assert count_exits(trades, orders, filled) == Exits(2, 2, 0)
