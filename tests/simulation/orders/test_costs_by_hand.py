"""Every cost, by hand. Fixed positions of 10 units unless said otherwise; 10,000 in cash."""

from __future__ import annotations

import math
import statistics

import pytest

from .book import NAN, Leg

N = NAN
START = (100, 101, 99, 100)
TEN = {"method": "fixed_units", "units": 10}
YEAR = 365.0


def round_trip(play, costs, sizing=TEN, **more):
    """Buy at an open of 100, sell at an open of 110."""
    rows = [START, START, (110, 111, 109, 110), (110, 111, 109, 110)]
    return play(rows, [1.0, 0.0, N, N], cash=10_000, costs=costs, sizing=sizing, **more)


def commissions(out):
    return pytest.approx([row.commission for row in out.fills])


@pytest.mark.parametrize(
    ("costs", "buy", "sell"),
    [
        ({"commission_bps": 10}, 10 * 100 * 0.001, 10 * 110 * 0.001),
        ({"commission_per_unit": 0.02}, 0.2, 0.2),
        ({"commission_fixed": 3}, 3, 3),
        ({"commission_per_unit": 0.02, "commission_min": 1}, 1, 1),
        ({"commission_per_unit": 0.5, "commission_min": 1, "commission_max": 4}, 4, 4),
        ({"commission_per_unit": 0.5, "commission_max": 7}, 5, 5),
        ({"commission_per_unit": 0.5, "commission_max_pct": 0.2}, 2, 2.2),
        # the share of the value limits the minimum too
        ({"commission_per_unit": 0.02, "commission_min": 5, "commission_max_pct": 0.3}, 3, 3.3),
        ({"maker_bps": 2, "taker_bps": 5}, 0.5, 0.55),
        ({"maker_bps": 2, "taker_bps": 5, "commission_fixed": 1}, 1.5, 1.55),
    ],
)
def test_commissions(play, costs, buy, sell):
    out = round_trip(play, costs)
    assert commissions(out) == [buy, sell]
    assert out.trades[0].pnl == pytest.approx(10 * (110 - 100) - buy - sell)
    assert out.equity[-1] == pytest.approx(10_000 + 100 - buy - sell)
    assert out.costs["commission"] == pytest.approx(buy + sell)
    assert out.costs["total"] == pytest.approx(buy + sell)


def test_maker_rests_and_taker_does_not(play):
    costs = {"maker_bps": 2, "taker_bps": 5}
    rows = [START, (100, 101, 94, 96), (96, 106, 95, 104), (106, 107, 105, 106)]
    orders = [Leg(1.0, "limit", limit=95), Leg(0.0, "limit", limit=105), N, N]
    out = play(rows, orders, cash=10_000, costs=costs, sizing=TEN)
    assert commissions(out) == [10 * 95 * 0.0002, 10 * 105 * 0.0002]
    # a limit that is marketable at the open takes
    orders = [Leg(1.0, "limit", limit=105), N, N, N]
    out = play(rows, orders, cash=10_000, costs=costs, sizing=TEN)
    assert commissions(out) == [10 * 100 * 0.0005]


def test_tiers_by_the_value_traded_in_the_month(play):
    tiers = [{"above": 0, "bps": 20}, {"above": 1500, "bps": 10}, {"above": 3000, "bps": 5}]
    rows = [START] * 8
    # fills on 29, 30, 31 January, 1, 2 and 3 February, each of 1000
    out = play(
        rows, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, N, N], cash=10_000, sizing=TEN, start="2020-01-28",
        costs={"commission_tiers": tiers},
    )  # fmt: skip
    # traded before: 0, 1000, 2000 | 0, 1000, 2000
    assert commissions(out) == [2, 2, 1, 2, 2, 1]


def test_tiers_by_units(play):
    tiers = [{"above": 0, "bps": 20}, {"above": 20, "bps": 10}]
    out = play(
        [START] * 5, [1.0, 0.0, 1.0, N, N], cash=10_000, sizing=TEN, start="2020-01-06",
        costs={"commission_tiers": tiers, "tier_volume": "units"},
    )  # fmt: skip
    assert commissions(out) == [2, 2, 1]


@pytest.mark.parametrize(
    ("costs", "price", "columns"),
    [
        ({"spread_bps": 40}, 100 * 1.004, {}),
        ({"spread_fixed": 0.25}, 100.25, {}),
        ({"spread_column": "gap"}, 100.5, {"gap": [9, 0.5, 0.75, 9]}),
    ],
)
def test_spreads_are_paid_at_entry(play, costs, price, columns):
    out = round_trip(play, costs, columns=columns)
    assert [row.price for row in out.fills] == pytest.approx([price, 110])
    assert [row.spread for row in out.fills] == pytest.approx([10 * (price - 100), 0])
    assert out.costs["spread"] == pytest.approx(10 * (price - 100))


def test_spread_of_a_short(play):
    out = play([START] * 3, [-1.0, N, N], cash=10_000, costs={"spread_fixed": 0.25}, sizing=TEN)
    assert out.fills[0].price == pytest.approx(99.75)


def test_slippage_in_basis_points(play):
    out = round_trip(play, {"slippage_bps": 10})
    assert [row.price for row in out.fills] == pytest.approx([100.1, 110 * 0.999])
    assert [row.slippage for row in out.fills] == pytest.approx([1, 1.1])


CLOSES = [100, 102, 101, 103, 103, 105]
MOVING = [
    (c, c + 1, c - 1, c, volume) for c, volume in zip(CLOSES, (400, 600, 500, 700, 900, 800), strict=True)
]


def sigma_before(bar: int, bars: int) -> float:
    """Standard deviation of the log returns of the last `bars` closes, the present one not known."""
    returns = [math.log(CLOSES[i] / CLOSES[i - 1]) for i in range(bar - bars, bar)]
    return statistics.stdev(returns)


def test_slippage_by_volatility(play):
    costs = {"slippage_volatility": 0.5, "volatility_bars": 2, "slippage_bps": 10}
    out = play(MOVING, [N, N, 1.0, 0.0, N, N], cash=10_000, costs=costs, sizing=TEN)
    buy, sell = 103 * (1 + 0.001 + 0.5 * sigma_before(3, 2)), 103 * (1 - 0.001 - 0.5 * sigma_before(4, 2))
    assert [row.price for row in out.fills] == pytest.approx([buy, sell])


def test_slippage_by_the_square_root_of_the_volume(play):
    costs = {"impact": 0.7, "volatility_bars": 2, "adv_bars": 3}
    out = play(MOVING, [N, N, 1.0, 0.0, N, N], cash=10_000, costs=costs, sizing=TEN)
    # mean volumes of the three bars before: 500 and 600
    buy = 103 * (1 + 0.7 * sigma_before(3, 2) * math.sqrt(10 / 500))
    sell = 103 * (1 - 0.7 * sigma_before(4, 2) * math.sqrt(10 / 600))
    assert [row.price for row in out.fills] == pytest.approx([buy, sell])


def test_impact_before_the_windows_are_complete_is_nothing(play):
    costs = {"impact": 0.7, "volatility_bars": 4, "adv_bars": 3}
    out = play(MOVING, [N, N, 1.0, N, N, N], cash=10_000, costs=costs, sizing=TEN)
    assert out.fills[0].price == 103


def test_impact_does_not_overdraw(play):
    costs = {"impact": 0.7, "volatility_bars": 2, "adv_bars": 3, "commission_bps": 10}
    out = play(MOVING, [N, N, 1.0, N, N, N], cash=10_000, costs=costs)
    sigma = sigma_before(3, 2)
    # as many units as if there were no impact, then those that its price allows
    most = 10_000 / (103 + 103 * 0.001)
    worst = 103 * (1 + 0.7 * sigma * math.sqrt(most / 500))
    units = 10_000 / (worst + worst * 0.001)
    price = 103 * (1 + 0.7 * sigma * math.sqrt(units / 500))
    assert (out.fills[0].units, out.fills[0].price) == pytest.approx((units, price))
    assert units * price * 1.001 < 10_000


def test_borrowing_costs_a_short(play):
    rows = [START, START, (100, 104, 99, 104), (90, 91, 89, 90)]
    out = play(rows, [-1.0, N, 0.0, N], cash=10_000, costs={"borrow_pct": 10}, sizing=TEN)
    # a day on the value at the close before: 1000, then 1040
    paid = (1000 + 1040) * 0.10 / YEAR
    assert out.costs["borrow"] == pytest.approx(paid)
    assert out.trades[0].financing == pytest.approx(paid)
    assert out.trades[0].pnl == pytest.approx(10 * (100 - 90) - paid)
    assert out.equity == pytest.approx([10_000, 10_000, 9_960 - 1000 * 0.1 / YEAR, 10_100 - paid])


def test_funding_is_paid_by_longs_and_received_by_shorts(play):
    rows = [START, START, START, (104, 104, 104, 104)]
    for side in (1, -1):
        out = play(rows, [side * 1.0, N, 0.0, N], cash=10_000, costs={"funding_pct": 20}, sizing=TEN)
        paid = side * 2 * 1000 * 0.2 / YEAR
        assert out.costs["funding"] == pytest.approx(paid)
        assert out.trades[0].pnl == pytest.approx(side * 40 - paid)


def test_funding_by_a_column(play):
    rows = [START, START, (100, 110, 100, 110), START]
    out = play(
        rows, [1.0, N, N, N], cash=10_000, costs={"funding_column": "rate"}, sizing=TEN,
        columns={"rate": [0.5, 0.5, 0.001, -0.002]},
    )  # fmt: skip
    # bar 2 on the close of bar 1, bar 3 on that of bar 2; nothing was held before
    assert out.costs["funding"] == pytest.approx(10 * 100 * 0.001 - 10 * 110 * 0.002)
    assert out.equity[-1] == pytest.approx(10_000 - 1 + 2.2)


def test_margin_interest_on_borrowed_cash(play):
    out = play(
        [START] * 4, [1.0, N, 0.0, N], cash=1000, costs={"margin_rate_pct": 8},
        sizing={"fraction": 2.0}, margin={"leverage": 2},
    )  # fmt: skip
    first = 1000 * 0.08 / YEAR
    paid = first + (1000 + first) * 0.08 / YEAR
    assert out.costs["margin_interest"] == pytest.approx(paid)
    assert out.trades[0].financing == pytest.approx(paid)
    assert out.equity[-1] == pytest.approx(1000 - paid)


def test_cash_earns_interest(play):
    out = play([START] * 4, [N, 1.0, N, N], cash=10_000, costs={"cash_interest_pct": 5}, sizing=TEN)
    # two days on all of it, then one on what the position leaves
    first = 10_000 * 0.05 / YEAR
    second = (10_000 + first) * 0.05 / YEAR
    third = (9_000 + first + second) * 0.05 / YEAR
    assert out.costs["cash_interest"] == pytest.approx(-first - second - third)
    assert out.equity[-1] == pytest.approx(10_000 + first + second + third)


def test_the_proceeds_of_a_short_earn_nothing(play):
    out = play([START] * 3, [-1.0, N, N], cash=10_000, costs={"cash_interest_pct": 5}, sizing=TEN)
    first = 10_000 * 0.05 / YEAR
    second = (10_000 + first) * 0.05 / YEAR  # of 11,000 in cash, 1000 stand for the short
    assert out.costs["cash_interest"] == pytest.approx(-first - second)


def test_a_partial_exit_takes_its_share_of_the_financing(play):
    out = play(
        [START] * 4, [-1.0, -0.5, 0.0, N], cash=10_000, costs={"borrow_pct": 36.5}, sizing=TEN
    )  # fmt: skip
    # a day of 10 units costs 1, then one of 5 units 0.5; the first exit takes half of the first day
    assert [trade.financing for trade in out.trades] == pytest.approx([0.5, 1.0])


def test_intraday_bars_pay_for_their_hours(play):
    out = play([START] * 3, [-1.0, N, N], cash=10_000, costs={"borrow_pct": 10}, sizing=TEN, freq="h")
    assert out.costs["borrow"] == pytest.approx(1000 * 0.1 / YEAR / 24)


def test_costs_bound_the_size(play):
    costs = {
        "commission_min": 20,
        "commission_per_unit": 0.1,
        "spread_fixed": 0.5,
        "maker_bps": 1,
        "taker_bps": 3,
    }
    out = play([START, START], [1.0, N], cash=1000, costs=costs)
    # the minimum is set aside; a unit costs its price, the worse of the two rates of it, and 0.1
    assert out.fills[0].units == pytest.approx((1000 - 20) / (100.5 + 100.5 * 0.0003 + 0.1))


def test_a_spread_as_large_as_the_price_leaves_none(play):
    rows = [(0.05, 0.05, 0.05, 0.05)] * 3
    out = play(rows, [-1.0, math.nan, math.nan], costs={"spread_fixed": 0.05})
    assert [row.status for row in out.orders] == ["rejected: no valid price"]


def test_slippage_takes_nine_tenths_at_most(play):
    rows = [
        (100, 100, 100, 100, 1),
        (100, 104, 100, 104, 1),
        (104, 104, 99, 100, 1),
        *[(100, 100, 100, 100, 1)] * 3,
    ]
    out = play(
        rows, [math.nan, math.nan, math.nan, -1.0, math.nan, math.nan],
        sizing={"method": "fixed_units", "units": 5},
        costs={"slippage_volatility": 1000, "volatility_bars": 2},
    )  # fmt: skip
    assert [(row.bar, row.price) for row in out.fills] == [(4, pytest.approx(10))]


def test_a_fill_at_the_close_pays_from_that_close_on(play):
    # 10 units short from the close of bar 1 to the close of bar 2: one day at 36.5 % a year, 1000 x 0.001
    rows = [(100, 100, 100, 100)] * 5
    out = play(
        rows, [math.nan, -1.0, 0.0, math.nan, math.nan], execution={"fill": "same_close"},
        costs={"borrow_pct": 36.5},
    )  # fmt: skip
    assert out.costs["borrow"] == pytest.approx(1.0)
    assert [trade.financing for trade in out.trades] == [pytest.approx(1.0)]
