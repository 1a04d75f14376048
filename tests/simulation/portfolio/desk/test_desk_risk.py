"""Limits of risk with orders, stops and latency: by hand, 1000 in cash, no costs."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import flat, rows_of

N = NAN


def test_cooldown_counts_the_symbols_own_bars(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 9, 9), (9, 9, 9, 9), None, (9, 9, 9, 9), (9, 9, 9, 9)]
    execution = {"stop_loss_pct": 10, "reentry_after_stop": "immediate"}
    out = play(
        {"A": a, "B": flat(10, 7)}, {0: [0.5, 0], 2: [0.5, 0.2], 3: [0.5, 0.2], 5: [0.5, N]},
        execution=execution, risk={"cooldown_bars": 2},
    )  # fmt: skip
    # stopped at own bar 2; own bars 3 and 4 (rows 3 and 5) are blocked; row 6 is free. B never was.
    assert rows_of(out, "symbol", "bar", "status") == [
        ("A", 1, "filled"), ("A", 2, "filled"), ("A", 3, "blocked: cooldown"), ("B", 3, "filled"),
        ("A", 5, "blocked: cooldown"), ("A", 6, "filled"),
    ]  # fmt: skip


def test_a_target_needs_no_cooldown(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 11, 10, 11), (11, 11, 11, 11)]
    execution = {"take_profit_pct": 10, "reentry_after_stop": "immediate"}
    out = play({"A": prices}, {0: [0.5], 2: [0.5]}, execution=execution, risk={"cooldown_bars": 2})
    assert out.positions[-1][0] == pytest.approx(0.5 * 1050 / 11)


def test_a_limit_inside_the_bar_is_cut(play):
    prices = [(10, 10, 10, 10), (10, 10, 9, 9)]
    execution = {"order_type": "limit", "limit_offset_bps": 1000}
    out = play({"A": prices}, {0: [0.9]}, execution=execution, risk={"max_position_value": 450})
    # 100 units at 9 are wanted, 450 allowed
    assert rows_of(out, "wanted", "units", "status") == [
        (pytest.approx(50), 0, "cut: max_position_value"), (pytest.approx(50), pytest.approx(50), "filled"),
    ]  # fmt: skip


def test_leverage_inside_the_bar_counts_the_others(play):
    a = [(10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9)]
    b = [(10, 10, 10, 10), (10, 10, 9, 9), (9, 9, 9, 9)]
    execution = {"order_type": "limit", "limit_offset_bps": 1000}
    out = play({"A": a, "B": b}, {0: [0.5, 0.5]}, execution=execution, risk={"max_leverage": 0.6})
    # A: 500 at its open; B inside, at 9: 600 less 500 are left
    assert out.positions[-1] == pytest.approx([500 / 9, 100 / 9])
    assert rows_of(out, "symbol", "status", "wanted")[1] == ("B", "cut: max_leverage", pytest.approx(400 / 9))


def test_open_positions_inside_the_bar(play):
    b = [(10, 10, 10, 10), (10, 10, 9, 9)]
    execution = {"order_type": "limit", "limit_offset_bps": 1000}
    out = play({"A": b, "B": b}, {0: [0.4, 0.4]}, execution=execution, risk={"max_open_positions": 1})
    assert rows_of(out, "symbol", "status") == [("A", "filled"), ("B", "blocked: max_open_positions")]


def test_orders_of_risk_do_not_wait_for_the_latency(play):
    prices = [*flat(10, 3), (10, 10, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8)]
    risk = {"max_drawdown_pct": 5}
    out = play({"A": prices}, {0: [0.5], 2: [0.7]}, execution={"latency_bars": 1}, risk=risk)
    # bought in row 2. 0.7 is decided there, to arrive in row 4; the drawdown of row 3 calls it off and sells
    assert rows_of(out, "bar", "decided", "status", "reason") == [
        (2, 0, "filled", "signal"), (-1, 2, "replaced by a later decision", "signal"),
        (4, 3, "filled", "risk"),
    ]  # fmt: skip
    assert out.positions[-1] == [0]


def test_a_daily_loss_makes_a_close_on_its_way_hurry(play):
    prices = [*flat(10, 4), (10, 10, 8, 8), *flat(8, 4)]
    risk = {"daily_loss_pct": 5, "on_daily_loss": "flatten"}
    out = play({"A": prices}, {0: [0.5], 3: [0.0]}, execution={"latency_bars": 2}, risk=risk)
    # bought in row 3, where 0 is decided, to arrive in row 6; the loss of row 4 wants the same, in row 5
    assert rows_of(out, "bar", "decided", "reason", "units") == [(3, 0, "signal", 50), (5, 3, "risk", 50)]


def test_what_risk_closes_over_several_bars_is_not_decided_on(play):
    prices = [(10, 10, 10, 10, 500), (10, 10, 10, 10, 500), (10, 10, 8, 8, 500), *[(8, 8, 8, 8, 200)] * 4]
    execution = {"max_participation_pct": 10, "partial_fill": "cancel"}
    risk = {"daily_loss_pct": 5, "on_daily_loss": "flatten"}
    out = play({"A": prices}, {0: [0.5], 3: [0.5], 4: [0.3], 5: [0.4]}, execution=execution, risk=risk)
    # 20 a bar go: 20, 20, 10; what is decided before the last is filled counts for nothing
    assert [each[0] for each in out.positions] == pytest.approx([0, 50, 50, 30, 10, 0, 20])
    assert rows_of(out, "bar", "decided", "reason")[1:] == [
        (3, 2, "risk"), (4, 2, "risk"), (5, 2, "risk"), (6, 5, "signal"), (6, 5, "signal"),
    ]  # fmt: skip


def test_a_drawdown_reduces_at_market(play):
    prices = [(10, 10, 10, 10), (9.9, 10, 9.9, 10), (10, 10, 8, 8), (8, 8, 8, 8)]
    execution = {"order_type": "limit", "limit_offset_bps": 100}
    out = play(
        {"A": prices}, {0: [0.5]}, execution=execution, risk={"max_drawdown_pct": 5, "on_drawdown": "reduce"}
    )
    # 50.5 at 9.9; row 2: 904 of 1005: reduced to 0.25 at the open of 8
    worth = 500 + 500 / 9.9 * 8
    sold = out.fills[1]
    assert (sold.bar, sold.reason, sold.kind) == (3, "risk", "market")
    assert out.positions[3][0] == pytest.approx(0.25 * worth / 8)


def test_a_new_high_brings_the_weights_back(play):
    prices = [
        (10, 10, 10, 10),
        (10, 10, 10, 10),
        (10, 10, 8, 8),
        (8, 8, 8, 8),
        (8, 20, 8, 20),
        (20, 20, 20, 20),
    ]
    risk = {"max_drawdown_pct": 5, "on_drawdown": "reduce"}
    out = play({"A": prices}, {0: [0.5]}, risk=risk)
    # 50 at 10; 900 at 8: a quarter is 28.125; at 20: 675 + 562.5 = 1237.5, half of it 30.9375
    assert [each[0] for each in out.positions] == pytest.approx([0, 50, 50, 28.125, 28.125, 30.9375])


def test_risk_reduces_what_a_level_has_barred(play):
    prices = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10.7, 10, 10.6), (10.6, 11.2, 10.6, 11.2), (11.2,) * 4]
    out = play(
        {"A": prices},
        {0: [-0.5], 1: [-0.4]},
        execution={"latency_bars": 1, "stop_loss_pct": 6},
        risk={"max_drawdown_pct": 5, "on_drawdown": "reduce"},
    )
    # short 50 in row 2, stopped at 10.6: 970. -0.4 was on its way, and is short 36.6 at 10.6 in row 3; at
    # 11.2 the equity is 948: the half of -0.4 may stay, whatever the memory of the stop says
    short = 0.4 * 970 / 10.6
    assert rows_of(out, "bar", "reason", "units") == [
        (2, "signal", 50),
        (2, "stop_loss", 50),
        (3, "signal", pytest.approx(short)),
        (4, "risk", pytest.approx(short - 0.2 * (970 - short * 0.6) / 11.2)),
    ]


def test_an_order_of_risk_is_not_replaced_by_one_that_comes_later(play):
    prices = [*flat(10, 3), (10, 10, 8, 8), *flat(8, 3)]
    risk = {"max_drawdown_pct": 5, "on_drawdown": "reduce"}
    out = play({"A": prices}, {0: [0.5], 3: [0.1]}, execution={"latency_bars": 2}, risk=risk)
    # bought in row 3: 900 at its close; 0.25 at once, in row 4; 0.1 x 0.5, of the same close, in row 6
    assert rows_of(out, "bar", "decided", "reason", "target") == [
        (3, 0, "signal", 0.5),
        (4, 3, "risk", 0.25),
        (6, 3, "signal", 0.05),
    ]
