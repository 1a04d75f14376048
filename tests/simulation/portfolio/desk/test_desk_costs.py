"""Costs of a portfolio by hand: what the account pays for trading, and for holding."""

from __future__ import annotations

import pytest

from .rows import NAN
from .test_desk_decisions import flat, rows_of

N = NAN
DAY = 1 / 365


def test_tiers_count_the_volume_of_all_symbols(play):
    tiers = [{"above": 0, "bps": 100}, {"above": 400, "bps": 50}]
    out = play(
        {"A": flat(10, 3), "B": flat(10, 3)}, {0: [0.4, 0.4], 1: [0.2, N]}, costs={"commission_tiers": tiers}
    )
    # A: 400 at 1 %; then 400 are traded, and B pays 0.5 %. Row 1 is worth 994: 198.8 of A are wanted, and
    # 201.2 are sold at 0.5 %
    assert [row.commission for row in out.fills] == pytest.approx([4, 2, 201.2 * 0.005])


def test_a_new_month_begins_with_the_first_tier(play):
    tiers = [{"above": 0, "bps": 100}, {"above": 400, "bps": 50}]
    out = play(
        {"A": flat(10, 4), "B": flat(10, 4)}, {0: [0.5, N], 1: [N, 0.2], 2: [N, 0.0]},
        start="2020-01-29", costs={"commission_tiers": tiers},
    )  # fmt: skip
    # rows: 29, 30, 31 January, 1 February. 500 at 1 %; 199 (of 995) at 0.5 %; in February 1 % again
    assert [row.commission for row in out.fills] == pytest.approx([5, 199 * 0.005, 1.99])


def test_tiers_by_units(play):
    tiers = [{"above": 0, "bps": 100}, {"above": 30, "bps": 0}]
    out = play(
        {"A": flat(10, 2), "B": flat(10, 2)},
        {0: [0.3, 0.3]},
        costs={"commission_tiers": tiers, "tier_volume": "units"},
    )
    assert [row.commission for row in out.fills] == pytest.approx([3, 0])


def test_purchases_are_scaled_to_the_cash_with_all_their_costs(play):
    costs = {"commission_bps": 100, "slippage_bps": 200, "commission_fixed": 1}
    out = play({"A": flat(10, 2), "B": flat(10, 2)}, {0: [0.5, 0.5]}, costs=costs)
    # each wants 50 units at 10.2 x 1.01 = 10.302; both and 2 in fees: 1032.2, and there are 1000
    units = 50 * (1000 - 2) / (100 * 10.302)
    assert (
        rows_of(out, "wanted", "units", "status") == [(50, pytest.approx(units), "filled in part: cash")] * 2
    )
    assert out.cash[-1] == pytest.approx(0)


def test_the_least_commission_is_kept_free_too(play):
    out = play(
        {"A": flat(10, 2), "B": flat(10, 2)},
        {0: [0.5, 0.5]},
        costs={"commission_bps": 10, "commission_min": 5},
    )
    # 2 x 5 may be paid beside 1000 x 1.001
    units = 50 * 990 / 1001
    assert [row.units for row in out.fills] == pytest.approx([units, units])
    assert [row.commission for row in out.fills] == [5, 5]


@pytest.mark.parametrize(
    ("costs", "fee"),
    [
        ({"commission_bps": 100, "commission_max": 3}, 3),
        ({"commission_min": 8, "commission_max_pct": 1}, 5),
        ({"commission_per_unit": 0.01}, 0.5), ({"commission_per_unit": 0.01, "commission_min": 1}, 1),
        ({"maker_bps": 1, "taker_bps": 20}, 1),
    ],
)  # fmt: skip
def test_fees_of_a_fill(play, costs, fee):
    out = play({"A": flat(10, 2)}, {0: [0.5]}, costs=costs)
    assert out.fills[0].commission == pytest.approx(fee)


def test_a_resting_limit_is_a_maker_and_pays_no_spread(play):
    costs = {"maker_bps": 10, "taker_bps": 50, "spread_fixed": 0.2, "slippage_bps": 100}
    execution = {"order_type": "limit", "limit_offset_bps": 1000}
    out = play(
        {"A": [(10, 10, 10, 10), (10, 10, 9, 9), (9, 9, 9, 9)]},
        {0: [0.5], 1: [0.0]},
        costs=costs,
        execution=execution,
    )
    # bought at 9: 500 of value; sold at 9 less 1 %
    bought, sold = out.fills
    assert (bought.price, bought.commission, bought.slippage, bought.spread) == pytest.approx((9, 0.5, 0, 0))
    assert sold.price == pytest.approx(8.91)
    assert sold.commission == pytest.approx(500 / 9 * 8.91 * 0.005)


def test_a_spread_column_is_of_each_symbol(play):
    columns = {"A": {"gap": [0, 0.5, 0.1]}, "B": {"gap": [0, 1.0, 0.1]}}
    out = play(
        {"A": flat(10, 3), "B": flat(10, 3)},
        {0: [0.2, -0.2], 1: [0, 0]},
        columns=columns,
        costs={"spread_column": "gap"},
    )
    # paid at the entry: 20 x 0.5 and 20 x 1
    assert rows_of(out, "symbol", "side", "price", "spread") == [
        ("B", -1, 9, 20), ("A", 1, 10.5, 10), ("A", -1, 10, 0), ("B", 1, 10, 0),
    ]  # fmt: skip


def test_impact_grows_with_the_root_of_the_size(play):
    # closes 10, 11, 10, 11: log returns of +-0.0953; volume 100 each
    prices = [(10, 10, 10, 10, 100), (10, 11, 10, 11, 100), (11, 11, 10, 10, 100), (10, 10, 10, 10, 100)]
    out = play({"A": prices}, {2: [0.25]}, costs={"impact": 0.5, "volatility_bars": 2, "adv_bars": 2})
    # two returns: +x and -x of mean 0: deviation x sqrt 2; 25 units of 100: root 0.5
    sigma = 0.09531017980432493 * 2**0.5
    assert out.fills[0].price == pytest.approx(10 * (1 + 0.5 * sigma * 0.5))


def test_borrowed_shares_cost_by_the_symbols_own_time(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), None, (10, 10, 10, 10)]
    out = play({"A": a, "B": flat(10, 4)}, {0: [-0.5, 0]}, costs={"borrow_pct": 36.5})
    # 50 short at 10, 36.5 % a year: 0.5 a day; row 3 pays two days
    assert out.carry == [[0, 0], [0, 0], [0, 0], [pytest.approx(1.0), 0]]
    assert out.financing["borrow"] == pytest.approx(1.0)
    assert out.equity[-1] == pytest.approx(999)


def test_funding_goes_from_longs_to_shorts(play):
    out = play({"A": flat(10, 3), "B": flat(10, 3)}, {0: [0.5, -0.5]}, costs={"funding_pct": 36.5})
    assert out.carry[2] == pytest.approx([0.5, -0.5])
    assert out.equity[-1] == pytest.approx(1000)


def test_funding_by_column(play):
    columns = {"A": {"rate": [0.5, 0.5, 0.01]}, "B": {"rate": [0, 0, 0.02]}}
    out = play(
        {"A": flat(10, 3), "B": flat(10, 3)},
        {0: [0.5, 0.3]},
        columns=columns,
        costs={"funding_column": "rate"},
    )
    # of the bar that is held into: 500 x 1 %, 300 x 2 %
    assert out.carry == [[0, 0], [0, 0], pytest.approx([5, 6])]


def test_interest_on_cash_is_of_the_account_and_its_rows(play):
    a = [(10, 10, 10, 10), None, (10, 10, 10, 10)]
    out = play({"A": a, "B": flat(10, 3)}, {}, costs={"cash_interest_pct": 36.5})
    # a day each: 1 of 1000, then of 1001
    assert out.interest == pytest.approx([0, -1, -1.001])
    assert out.financing["cash_interest"] == pytest.approx(-2.001)


def test_proceeds_of_a_short_earn_nothing(play):
    out = play({"A": flat(10, 3)}, {0: [-0.5]}, costs={"cash_interest_pct": 36.5})
    # row 1 earns 1 before the sale of 50.05 units; then 1501.5 of cash are 1001 of one's own
    assert out.interest == pytest.approx([0, -1, -1.001])


def test_borrowed_cash_costs(play):
    out = play(
        {"A": flat(10, 3)},
        {0: [1.0]},
        costs={"margin_rate_pct": 36.5},
        margin={"leverage": 2},
        sizing={"fraction": 2},
    )
    # 2000 bought with 1000: the other 1000 cost 1 a day
    assert out.cash == pytest.approx([1000, -1000, -1001])
    assert out.interest == pytest.approx([0, 0, 1])


def test_a_trade_remembers_its_carry(play):
    out = play({"A": flat(10, 4)}, {0: [-0.5], 1: [-0.25], 2: [0]}, costs={"borrow_pct": 36.5})
    # 0.5 for the first day, of which about half goes with the half that is closed at the open of row 2; the
    # worth there is 999.5: 24.9875 stay, 25.0125 are closed
    first, second = out.trades
    assert (first.units, second.units) == pytest.approx((25.0125, 24.9875))
    assert first.financing == pytest.approx(0.5 * 25.0125 / 50)
    assert second.financing == pytest.approx(0.5 * 24.9875 / 50 + 0.249875)
    assert first.pnl + second.pnl == pytest.approx(out.equity[-1] - 1000)


def test_fees_that_a_sale_cannot_pay(play):
    a = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 0.01, 0.01), (0.01, 0.01, 0.01, 0.01)]
    out = play({"A": a}, {0: [1.0], 2: [0.0]}, costs={"commission_fixed": 2})
    # 99.8 units for 998 + 2; worth 0.998 at 0.01, and the fee is 2: what closes asks for no cash
    assert out.positions[-1] == [0.0]
    assert out.cash[-1] == pytest.approx(99.8 * 0.01 - 2)
