"""Codes of the portfolio's tables, and which settings the fast loop does not know."""

import numpy as np
import pytest

from admf.core.config import BacktestConfig
from admf.simulation import records as one_symbol
from admf.simulation.portfolio import records
from admf.simulation.portfolio.engine import needs_desk
from admf.simulation.settings import Settings


def test_codes_of_one_symbol_are_those_of_the_same_words():
    words = {"partly filled": "filled in part: volume", "cancelled: replaced": "replaced by a later decision"}
    none = {"cancelled: one cancels other", "rejected: no volatility yet"}
    for code, word in enumerate(one_symbol.STATUSES):
        here = int(records.TO_PORTFOLIO[code])
        if word in none:
            assert here == len(records.STATUSES)
        else:
            assert records.STATUSES[here] == words.get(word, word)


def test_fills_are_those_that_say_so():
    codes = np.arange(len(records.STATUSES))
    filled = [records.STATUSES[code] for code in codes[records.is_fill(codes)]]
    assert filled == ["filled", "filled in part: cash", "filled in part: volume"]
    assert len(set(records.STATUSES)) == len(records.STATUSES)


def orders_of(*rows):
    """Orders of (status, bar, wanted, units, commission), at a quote of 10."""
    status, bar, wanted, units, commission = (np.array(column) for column in zip(*rows, strict=True))
    none = np.zeros(len(rows))
    return {
        "status": status,
        "bar": bar,
        "wanted": wanted.astype(float),
        "units": units.astype(float),
        "quote": none + 10.0,
        "commission": commission.astype(float),
        "slippage": none,
        "spread": none,
    }


def test_what_costs_alone_take_from_the_purchases_is_not_cut_short():
    whole, cut = records.FILLED, records.REDUCED
    # the cash is 1000 and costs are 1 %: 100 / 1.01 units of both; then a sale's commission as well
    half = 50 / 1.01
    alone = orders_of((cut, 1, 50, half, half * 0.1), (cut, 1, 50, half, half * 0.1))
    assert records.cut_short(alone).tolist() == [False, False]
    sold = orders_of((whole, 2, 100, 100, 10), (cut, 2, 100, 990 / 10.1, 9.80198))
    assert records.cut_short(sold).tolist() == [False, False]


def test_what_the_cash_cuts_beyond_the_costs_is_cut_short():
    whole, cut, refused = records.FILLED, records.REDUCED, records.NOT_AFFORDABLE
    # 1 % less, without costs; with 4 of costs for the 1000 that are wanted; with those of another bar
    assert records.cut_short(orders_of((cut, 1, 100, 99, 0))).tolist() == [True]
    assert records.cut_short(orders_of((cut, 1, 100, 99, 4))).tolist() == [True]
    assert records.cut_short(orders_of((whole, 0, 100, 100, 10), (cut, 1, 100, 99, 0))).tolist() == [0, 1]
    assert records.cut_short(orders_of((cut, 1, 100, 99.6, 0))).tolist() == [False]  # of no weight
    assert records.cut_short(orders_of((refused, -1, 100, 0, 0))).tolist() == [False]  # told otherwise


@pytest.mark.parametrize(
    ("sections", "desk"),
    [
        ({}, False),
        ({"costs": {"commission_bps": 5, "commission_per_unit": 0.01, "commission_fixed": 1}}, False),
        ({"costs": {"slippage_bps": 2, "spread_bps": 3}, "sizing": {"lot_size": 1, "fraction": 0.5}}, False),
        ({"risk": {"max_leverage": 1, "daily_loss_pct": 3}}, False),
        ({"execution": {"direction": "long_only"}}, False),
        ({"execution": {"stop_loss_pct": 5}}, True),
        ({"execution": {"take_profit_pct": 5}}, True),
        ({"execution": {"trailing_stop_pct": 5}}, True),
        ({"execution": {"trailing_stop_atr": 2}}, True),
        ({"execution": {"order_type": "limit"}}, True),
        ({"execution": {"time_in_force": "day"}}, True),
        ({"execution": {"cancel_after_bars": 2}}, True),
        ({"execution": {"max_participation_pct": 10}}, True),
        ({"execution": {"latency_bars": 1}}, True),
        ({"execution": {"halt_on_zero_volume": True}}, True),
        ({"costs": {"commission_min": 1}}, True),
        ({"costs": {"borrow_pct": 1}}, True),
        ({"costs": {"cash_interest_pct": 1}}, True),
        ({"costs": {"spread_fixed": 0.01}}, True),
        ({"costs": {"impact": 0.1}}, True),
        ({"sizing": {"min_value": 100}}, True),
        ({"margin": {"leverage": 2}}, True),
        ({"margin": {"maintenance_pct": 25}}, True),
        ({"margin": {"locates": "none"}}, True),
    ],
)
def test_the_desk_is_needed_for_what_the_fast_loop_does_not_know(sections, desk):
    config = BacktestConfig(portfolio={}, **sections)
    settings = Settings.from_config(
        config.execution, config.sizing, config.costs, config.initial_cash, config.margin, config.risk
    )
    assert needs_desk(settings) is desk
