"""Newest values on growing bars are the batch's, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest

import admf.indicators
from admf.indicators import EMA, MACD, MAX, MFI, RSI, SMA, STOCH, IndicatorTable, custom
from admf.indicators.latest import WINDOWED, LatestValues
from admf.testing.bars import example_bars


def stepped(spec, bars, begin=0):
    """Values of a spec at each bar, and the position of the first that is one."""
    latest = LatestValues({"a": spec}, bars.slice(0, begin))
    values = []
    for count in range(begin + 1, len(bars) + 1):
        latest.update(bars.slice(0, count))
        values.append(latest.values["a"])
    return np.array(values), latest.first.get("a")


@pytest.fixture(scope="module")
def bars():
    made = example_bars(7, 90)
    prices = {name: np.round(getattr(made, name), 0) for name in ("open", "high", "low", "close")}
    return replace(made, **prices)  # rounded: there are ties, and bars of no range


@pytest.mark.parametrize("name", sorted(WINDOWED))
def test_a_window_is_enough(bars, name):
    function = getattr(admf.indicators, name)
    outputs = admf.indicators.library.facts(name).outputs
    for output in outputs:
        spec = getattr(function(), output) if len(outputs) > 1 else function()
        row = IndicatorTable(bars).row(spec)
        assert np.isfinite(row).any()
        found, first = stepped(spec, bars)
        assert found.tobytes() == row.tobytes()
        assert first == int(np.argmax(~np.isnan(row)))


def pair(close, volume, scale):
    return close * volume * scale


@pytest.mark.parametrize(
    "spec",
    [
        SMA(7), EMA(5), RSI(6), MACD(4, 9, 3).macdsignal, MFI(5), STOCH().slowd, MAX(4, price=SMA(3)),
        SMA(2).on("1w"), MAX(2).on("1w"), RSI(2).on("3d"), EMA(3, price=SMA(2).on("1w")), custom(pair, 2),
    ],
    ids=str,
)  # fmt: skip
def test_any_other_gets_all_bars(bars, spec):
    row = IndicatorTable(bars).row(spec)
    for begin in (0, 1, 33):
        found, first = stepped(spec, bars, begin)
        assert found.tobytes() == row[begin:].tobytes()
        assert first == int(np.argmax(~np.isnan(row)))


@pytest.mark.parametrize("name", [n for n in admf.indicators.library.names() if n not in WINDOWED])
def test_a_prefix_has_the_same_bits(bars, name):
    # What the whole rests on: later bars change not even the rounding of TA-Lib's earlier values.
    fact = admf.indicators.library.facts(name)
    spec = getattr(admf.indicators, name)(**{key: "volume" for key, column in fact.inputs if column is None})
    full = IndicatorTable(bars)._call(spec)
    for count in (1, 2, 31, 57, 89):
        part = IndicatorTable(bars.slice(0, count))._call(spec)
        assert part.tobytes() == full[:, :count].copy().tobytes()
