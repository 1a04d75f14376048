"""Bars of one date that begin at different moments share no row, and the result says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

import admf
from admf.simulation.portfolio.join import calendar_warnings

HOURS = 3600 * 10**9
PRICES = [(10, 10), (11, 11), (12, 12)]


@pytest.fixture
def apart(hand_bars):
    """Midnights of UTC, and of New York, five hours later; the last day has no STOCK."""
    bars = hand_bars(PRICES)
    york = replace(bars.slice(0, 2), timestamps=bars.timestamps[:2] + 5 * HOURS, timezone="America/New_York")
    return {"COIN": bars, "STOCK": york}


def test_midnights_of_two_zones_are_told(apart):
    result = admf.simulate_portfolio(apart)
    assert len(result.equity_values) == 5
    said = (
        "4 of 5 rows split bars of one date, which begin at different times (2020-01-06: COIN at "
        "2020-01-06T00:00 UTC, STOCK at 2020-01-06T05:00 UTC): each of them is a row without the other "
        "symbol; if they are meant as one day, give all symbols timestamps of one time zone"
    )
    assert said in result.warnings
    # a symbol of the same moments adds nothing
    assert calendar_warnings({**apart, "OTHER": apart["STOCK"]}) == [said]


def test_a_date_is_that_of_the_symbol_s_own_zone(hand_bars):
    bars = hand_bars(PRICES)
    # midnight in Tokyo is 15:00 UTC of the day before: of another UTC date, of the same local one
    tokyo = replace(bars, timestamps=bars.timestamps - 9 * HOURS, timezone="Asia/Tokyo")
    (said,) = calendar_warnings({"A": bars, "B": tokyo})
    assert said.startswith(
        "6 of 6 rows split bars of one date, which begin at different times (2020-01-06: B at "
        "2020-01-05T15:00 UTC, A at 2020-01-06T00:00 UTC)"
    )


def test_gaps_and_bars_within_the_day_are_no_split(hand_bars, apart):
    bars = hand_bars(PRICES)
    assert calendar_warnings({"A": bars, "B": bars}) == []
    assert calendar_warnings({"A": bars.slice(0, 2), "B": bars.slice(1, 3)}) == []
    assert calendar_warnings({name: replace(each, timeframe="1h") for name, each in apart.items()}) == []
