"""Every rule of the risk section, by hand."""

from __future__ import annotations

import pytest

from .book import NAN, Leg

N = NAN
START = (100, 101, 99, 100)


def at(*prices):
    return [(p, p, p, p) for p in prices]


def rows_of(out):
    return [(row.bar, pytest.approx(row.units), row.status) for row in out.orders]


@pytest.mark.parametrize(
    ("risk", "rule", "kept", "cut"),
    [
        ({"max_position_units": 4}, "max_position_units", 4, 6),
        ({"max_position_value": 350}, "max_position_value", 3.5, 6.5),
        ({"max_exposure_pct": 70}, "max_exposure", 7, 3),
        ({"max_leverage": 0.8}, "max_leverage", 8, 2),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_positions_are_cut(play, risk, rule, kept, cut, side):
    out = play([START, START], [side, N], risk=risk)
    assert rows_of(out) == [(1, cut, f"cut: {rule}"), (1, kept, "filled")]
    assert out.positions[-1] == pytest.approx(side * kept)


def test_a_cut_keeps_whole_lots(play):
    out = play([START, START], [1.0, N], risk={"max_position_value": 350}, sizing={"lot_size": 1})
    assert out.positions[-1] == 3


def test_a_limit_of_as_many_lots_as_are_wanted_cuts_nothing(play):
    sizing = {"method": "fixed_units", "units": 0.3, "lot_size": 0.1}
    out = play([START, START], [1.0, N], risk={"max_position_units": 0.3}, sizing=sizing)
    assert rows_of(out) == [(1, 0.3, "filled")]  # 3 x 0.1 is 0.30000000000000004
    out = play([START, START], [1.0, N], risk={"max_position_units": 0.25}, sizing=sizing)
    assert rows_of(out) == [(1, 0.05, "cut: max_position_units"), (1, 0.2, "filled")]


def test_leverage_is_cut(play):
    out = play(
        [START, START], [1.0, N], risk={"max_leverage": 1.5}, margin={"leverage": 3}, sizing={"fraction": 3}
    )
    assert rows_of(out) == [(1, 15, "cut: max_leverage"), (1, 15, "filled")]


def test_nothing_is_cut_below_the_limits(play):
    risk = {
        "max_position_units": 10.5,
        "max_position_value": 1050,
        "max_exposure_pct": 101,
        "max_leverage": 1.1,
    }
    assert rows_of(play([START, START], [1.0, N], risk=risk)) == [(1, 10, "filled")]


HOURS = {"start": "2020-01-01 20:00", "freq": "h"}  # four hours, then the next day


def test_a_loss_of_the_day_blocks_entries_for_its_rest(play):
    bars = at(100, 100, 94, 94, 94, 94, 94)
    # bought at 21 o'clock; at 22 the day has lost 6 %; sold at 23, not bought again before midnight
    out = play(bars, [1.0, N, 0.0, N, N, N, N], risk={"daily_loss_pct": 5}, **HOURS)
    assert out.positions == pytest.approx([0, 10, 10, 0, 0, 0, 0])
    bars = at(100, 100, 94, 94, 94, 94, 94)
    out = play(bars, [0.5, N, 0.6, 0.6, 0.6, N, N], risk={"daily_loss_pct": 2}, **HOURS)
    assert [row.status for row in out.orders] == ["filled", "blocked: daily_loss", "filled"]
    assert [row.bar for row in out.orders] == [1, 3, 4]


def test_a_daily_bars_loss_blocks_what_is_decided_at_its_close(play):
    # 5 units at 100: at 94 the day has lost 3 %; the order of that close is blocked, that of the next is not
    bars = at(100, 100, 94, 94, 94)
    out = play(bars, [0.5, N, 0.6, 0.6, N], risk={"daily_loss_pct": 2})
    assert [(row.bar, row.status) for row in out.orders] == [
        (1, "filled"), (3, "blocked: daily_loss"), (4, "filled"),
    ]  # fmt: skip


def test_a_reduced_size_is_no_new_decision_after_a_stop(play):
    # stopped at 90, a drawdown of 10 %: half the size from now on, of what is still the same decision
    bars = at(100, 100, 89, 89, 89)
    risk = {"max_drawdown_pct": 5, "on_drawdown": "reduce"}
    out = play(bars, [1.0] * 5, execution={"stop_loss_pct": 10}, risk=risk)
    assert [row.reason for row in out.orders] == ["signal", "stop_loss"]


def test_a_loss_of_the_day_flattens(play):
    bars = at(100, 100, 94, 95, 96, 97)
    risk = {"daily_loss_pct": 5, "on_daily_loss": "flatten"}
    out = play(bars, [1.0, N, N, N, N, N], risk=risk, **HOURS)
    assert [(row.bar, row.price, row.reason) for row in out.fills] == [(1, 100, "signal"), (3, 95, "risk")]


def test_the_day_begins_with_the_equity_of_the_last_close(play):
    # 3 % lost on each of two days: no day has lost 5 %
    bars = at(100, 100, 97, 97, 94.1, 94.1)
    out = play(bars, [1.0, N, N, N, N, N], risk={"daily_loss_pct": 5, "on_daily_loss": "flatten"})
    assert len(out.fills) == 1


def test_a_drawdown_halts_for_good(play):
    bars = at(100, 100, 120, 107, 105, 130, 140)
    # the peak is 1200, 12 % below it 1056: not reached at 107, but at 105
    out = play(bars, [1.0, N, N, N, N, 1.0, N], risk={"max_drawdown_pct": 12})
    assert [(row.bar, row.price, row.reason) for row in out.fills] == [(1, 100, "signal"), (5, 130, "risk")]
    assert [row.status for row in out.orders] == ["filled", "filled", "blocked: max_drawdown"]
    assert out.positions[-1] == 0


def test_a_drawdown_reduces_until_a_new_peak(play):
    bars = at(100, 100, 88, 90, 90, 150, 150, 150)
    risk = {"max_drawdown_pct": 10, "on_drawdown": "reduce", "reduce_to_pct": 40}
    out = play(bars, [1.0] * 8, risk=risk)
    # 880 of a peak of 1000: at 90, 0.4 of an equity of 900 is kept
    kept = 0.4 * 900 / 90
    assert kept == pytest.approx(4)
    # at 150: 1000 - 10 * 10 + ... = 900 + 4 * 60 = 1140, a new peak: the whole target again
    whole = 1140 / 150
    assert out.positions == pytest.approx([0, 10, 10, kept, kept, kept, whole, whole])
    assert [row.reason for row in out.fills] == ["signal", "risk", "signal"]


def test_cooldown_after_a_stop(play):
    bars = [START, START, (100, 101, 94, 96), *[START] * 5]
    enter = Leg(1.0, stop_loss=95)
    out = play(
        bars, [enter, N, *[Leg(1.0)] * 5, N], risk={"cooldown_bars": 3},
        execution={"reentry_after_stop": "immediate"},
    )  # fmt: skip
    # stopped in bar 2: blocked on bars 3, 4 and 5
    assert [(row.bar, row.status) for row in out.orders] == [
        (1, "filled"), (2, "filled"), *[(bar, "blocked: cooldown") for bar in (3, 4, 5)], (6, "filled"),
    ]  # fmt: skip


def test_no_cooldown_after_a_target(play):
    bars = [START, START, (100, 106, 99, 104), START, START]
    out = play(
        bars, [Leg(1.0, take_profit=105), N, Leg(1.0), N, N], risk={"cooldown_bars": 3},
        execution={"reentry_after_stop": "immediate"},
    )  # fmt: skip
    assert [row.bar for row in out.fills] == [1, 2, 3]


def test_symbols_that_are_not_allowed(play):
    out = play([START, START], [1.0, N], risk={"allowed_symbols": ["OTHER"]})
    assert [row.status for row in out.orders] == ["blocked: allowed_symbols"]
    assert [
        row.status for row in play([START, START], [1.0, N], risk={"allowed_symbols": ["HAND"]}).orders
    ] == ["filled"]


def test_open_positions(play):
    out = play([START, START], [1.0, N], risk={"max_open_positions": 1})
    assert [row.status for row in out.orders] == ["filled"]
