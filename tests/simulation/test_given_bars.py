"""What is no bars is refused kindly, with the function that takes it."""

from __future__ import annotations

import pytest

import admf
from admf.errors import DataError

OF_ONE = (
    "one symbol's bars are needed, as of admf.load_bars, or a DataFrame; found a mapping of 'AAA', 'BBB'\n"
    "  hint: give one of them; several symbols together are simulated by admf.simulate_portfolio"
)
OF_MANY = (
    "{} of a portfolio must be a mapping of symbols to their bars; found {}\n"
    '  hint: write {{"AAA": bars, "BBB": others}}; a strategy on one symbol is simulated by admf.simulate'
)
LOADED = "  hint: load them first: admf.load_bars(..., symbol='AAA')"


def message_of(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def test_bars_of_several_symbols_where_one_is_simulated(random_bars):
    bars = random_bars(1)
    both = {"AAA": bars, "BBB": bars}
    assert message_of(lambda: admf.simulate(both, "sma_cross")) == OF_ONE
    assert message_of(lambda: admf.simulate(bars, "sma_cross", finer=both)) == OF_ONE
    assert message_of(lambda: admf.sweep(both, "sma_cross", {"fast": [5]})) == OF_ONE


def test_what_cannot_be_loaded(random_bars):
    bars = random_bars(1)
    for call in (lambda: admf.load_bars([bars]), lambda: admf.simulate([bars], "sma_cross")):
        assert message_of(call) == (
            "bars are loaded from a DataFrame or a file; found list\n  hint: give a DataFrame, the path of a "
            "CSV or Parquet file, sample:NAME, or bars that are loaded"
        )


def test_bars_of_a_portfolio_without_their_symbols(random_bars):
    bars = random_bars(1)
    assert message_of(lambda: admf.simulate_portfolio([bars])) == OF_MANY.format("bars", "list")
    assert message_of(lambda: admf.simulate_portfolio(bars)) == OF_MANY.format("bars", "Bars")
    finer = message_of(lambda: admf.simulate_portfolio({"AAA": bars}, finer=[bars]))
    assert finer == OF_MANY.format("finer", "list")


def test_bars_of_a_portfolio_that_are_not_loaded(random_bars):
    found = message_of(lambda: admf.simulate_portfolio({"AAA": random_bars(1).frame}))
    first = OF_MANY.partition("\n")[0].format("bars", "'AAA': DataFrame")
    assert found == f"{first}\n{LOADED}"
