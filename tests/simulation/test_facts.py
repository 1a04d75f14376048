"""Facts of a bar: hand-computed, causal, and the same bits for one bar as for all."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.core.config.models import CostsConfig, ExecutionConfig, SizingConfig
from admf.errors import DataError
from admf.indicators import ATR, IndicatorTable
from admf.market import Bars, load_bars
from admf.simulation.facts import (
    FACTS,
    LAST_OF_SESSION,
    FactNeeds,
    facts_of,
    next_row,
    require_columns,
    require_sessions,
)
from admf.simulation.settings import Settings
from admf.testing.bars import change_after

EVERYTHING = FactNeeds("spread", 5, 3, 4, "halted", True, "locate", "funding")


def made(
    moments: Any, close: list[float], volume: list[float] | None = None, zone: str = "UTC", **extra: Any
) -> Bars:
    """Bars that open and close at the same price."""
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    frame = pd.DataFrame(
        {**columns, "volume": volume or [10.0] * len(close), **extra}, index=pd.DatetimeIndex(moments)
    )
    return load_bars(frame, symbol="X", timezone=zone, min_bars=1)


def bars_without(bars: Bars, *left_out: int) -> Bars:
    keep = np.setdiff1d(np.arange(len(bars)), left_out)
    fields = ("timestamps", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[keep] for name in fields}, extra={})


def column(name: str, bars: Bars, needs: FactNeeds = FactNeeds(), **more: Any) -> np.ndarray:  # noqa: B008
    return facts_of(bars, needs, **more).rows[:, FACTS.index(name)]


def rich(bars: Bars, seed: int) -> Bars:
    """The same bars with the four columns, and some bars halted."""
    random = np.random.default_rng([seed, 1])
    n = len(bars)
    extra = {
        "spread": random.random(n),
        "halted": (random.random(n) < 0.1).astype(float),
        "locate": np.where(random.random(n) < 0.1, np.nan, np.floor(100 * random.random(n))),
        "funding": random.normal(0, 1e-4, n),
    }
    return replace(bars, extra=extra)


DAYS = pd.date_range("2020-01-01", periods=6, freq="D", tz="UTC")


def test_a_bar_s_own_numbers_and_nothing_that_is_not_needed(random_bars: Callable[..., Bars]) -> None:
    bars = rich(random_bars(3, 20), 3)
    facts = facts_of(bars, FactNeeds())
    assert facts.rows.shape == (20, 19)
    assert facts.rows.flags.c_contiguous
    assert not facts.rows.flags.writeable
    assert facts.fine.shape == (0, 4)
    for at, name in enumerate(("open", "high", "low", "close", "volume")):
        np.testing.assert_array_equal(facts.rows[:, at], getattr(bars, name))
    for name in ("spread", "sigma", "adv", "atr", "halted", "locate", "funding", "fine_from", "fine_to"):
        assert not facts.rows[:, FACTS.index(name)].any(), name


def test_sigma_is_the_sample_deviation_of_the_returns_before() -> None:
    # log returns ln 2, ln 2, -ln 2, ln 2, ln 2: of three of them, two equal and one other, the mean is
    # ln 2 / 3, and the squares sum to (2/3)^2 * 2 + (4/3)^2 = 24/9, over 2 = 4/3; each times (ln 2)^2.
    bars = made(DAYS, [100.0, 200.0, 400.0, 200.0, 400.0, 800.0])
    sigma = column("sigma", bars, FactNeeds(volatility_bars=3))
    assert np.isnan(sigma[:4]).all()
    np.testing.assert_allclose(sigma[4:], math.log(2) * math.sqrt(4 / 3), rtol=1e-15)


@pytest.mark.parametrize("window", [2, 3, 7, 8, 20, 31])
def test_sigma_agrees_with_the_exact_deviation(window: int, random_bars: Callable[..., Bars]) -> None:
    bars = random_bars(window, 60)
    sigma = column("sigma", bars, FactNeeds(volatility_bars=window))
    returns = np.log(bars.close[1:] / bars.close[:-1])
    for t in range(60):
        if t <= window:
            assert math.isnan(sigma[t])
        else:
            exact = statistics.stdev(returns[t - 1 - window : t - 1].tolist())
            assert sigma[t] == pytest.approx(exact, rel=1e-12, abs=1e-15)


def test_prices_that_stand_still_have_no_volatility() -> None:
    sigma = column("sigma", made(DAYS, [7.3] * 6), FactNeeds(volatility_bars=3))
    assert sigma[4:].tolist() == [0.0, 0.0]


def test_adv_is_the_mean_volume_before() -> None:
    bars = made(DAYS, [1.0] * 6, [10.0, 20.0, 60.0, 0.0, 30.0, 99.0])
    adv = column("adv", bars, FactNeeds(adv_bars=3))
    assert np.isnan(adv[:3]).all()
    np.testing.assert_allclose(adv[3:], [90 / 3, 80 / 3, 90 / 3], rtol=1e-15)


def test_atr_is_that_of_the_bar_before(random_bars: Callable[..., Bars]) -> None:
    bars = random_bars(5, 40)
    table = IndicatorTable(bars)
    atr = column("atr", bars, FactNeeds(atr_bars=14), table=table)
    assert np.isnan(atr[:15]).all()
    np.testing.assert_array_equal(atr[1:], table.row(ATR(14))[:-1])
    np.testing.assert_array_equal(atr, column("atr", bars, FactNeeds(atr_bars=14)))


def test_years_are_true_seconds_over_a_clock_change_and_a_weekend() -> None:
    # New York went to summer time on Sunday 2020-03-08: Saturday's midnight to Sunday's is 24 h, Sunday's to
    # Monday's 23 h; a Friday to Monday over it is 71 h.
    days = pd.DatetimeIndex(["2020-03-06", "2020-03-07", "2020-03-08", "2020-03-09"], tz="America/New_York")
    years = column("years", made(days, [1.0] * 4, zone="America/New_York"))
    assert years.tolist() == [0.0, 24 / 8760, 24 / 8760, 23 / 8760]
    weekend = bars_without(made(days, [1.0] * 4, zone="America/New_York"), 1, 2)
    assert column("years", weekend).tolist() == [0.0, 71 / 8760]


def test_day_and_month_are_those_of_the_local_date() -> None:
    moments = pd.DatetimeIndex(
        ["2020-01-01T04:00Z", "2020-01-01T05:00Z", "2020-02-01T04:00Z", "2020-02-01T05:00Z"]
    )
    bars = made(moments, [1.0] * 4, zone="America/New_York")
    local = [dt.date(2019, 12, 31), dt.date(2020, 1, 1), dt.date(2020, 1, 31), dt.date(2020, 2, 1)]
    assert column("day", bars).tolist() == [day.toordinal() for day in local]
    assert column("month", bars).tolist() == [day.year * 12 + day.month for day in local]


def test_sessions_of_intraday_bars_follow_the_local_day() -> None:
    # 15:30 and 20:00 in New York are of one day, though 20:00 there is the next day's 01:00 in UTC.
    moments = [
        "2020-01-06T14:30Z",
        "2020-01-06T20:30Z",
        "2020-01-07T01:00Z",
        "2020-01-07T14:30Z",
        "2020-01-09T14:30Z",
    ]
    bars = replace(made(moments, [1.0] * 5, zone="America/New_York"), timeframe="30m")
    assert column("first_of_session", bars).tolist() == [1, 0, 0, 1, 1]
    assert column("last_of_session", bars).tolist() == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("timeframe", ["1d", "24h", "1w", "1mo"])
def test_a_bar_of_a_day_or_longer_is_a_session(timeframe: str) -> None:
    bars = replace(made(DAYS, [1.0] * 6), timeframe=timeframe)
    assert column("first_of_session", bars).all()
    assert column("last_of_session", bars).all()


def test_halted_bars_are_marked_by_their_column_and_by_no_volume() -> None:
    bars = made(DAYS, [1.0] * 6, [5.0, 0.0, 5.0, 0.0, 5.0, 5.0], stop=[0, 0, 1, 2, 0, -1])
    assert column("halted", bars, FactNeeds(halted_column="stop")).tolist() == [0, 0, 1, 2, 0, -1]
    assert column("halted", bars, FactNeeds(halt_on_zero_volume=True)).tolist() == [0, 1, 0, 1, 0, 0]
    both = FactNeeds(halted_column="stop", halt_on_zero_volume=True)
    assert (column("halted", bars, both) != 0).tolist() == [False, True, True, True, False, True]


def test_columns_of_the_data_are_those_of_the_bar_itself() -> None:
    rates, lent = [1, -1, 0, 0, 0, 0], [0, 1, np.nan, 2, 3, 4]
    bars = made(DAYS, [1.0] * 6, half=[0.1, 0.2, 0.0, 0.3, 0.4, 0.5], rate=rates, lend=lent)
    needs = FactNeeds(spread_column="half", funding_column="rate", locate_column="lend")
    assert column("spread", bars, needs).tolist() == [0.1, 0.2, 0.0, 0.3, 0.4, 0.5]
    assert column("funding", bars, needs).tolist() == [1, -1, 0, 0, 0, 0]
    np.testing.assert_array_equal(column("locate", bars, needs), [0, 1, np.nan, 2, 3, 4])


@pytest.mark.parametrize(
    ("needs", "extra", "message", "hint"),
    [
        (
            FactNeeds(halted_column="haltd"),
            {"halted": [0] * 6, "rate": [0] * 6},
            "X: halted_column names 'haltd', which the data do not have; columns there: 'halted', 'rate'",
            "did you mean 'halted'?",
        ),
        (
            FactNeeds(spread_column="spread"),
            {},
            "X: spread_column names 'spread', which the data do not have; columns there: none",
            None,
        ),
        (
            FactNeeds(spread_column="spread"),
            {"spread": [0.1, 0.1, np.nan, 0.1, np.nan, 0.1]},
            "X: spread_column 'spread' is nan at 2020-01-03T00:00:00+00:00, bar 2 (and in 1 more); it must "
            "be a number, 0 or more",
            "correct the data: nothing is repaired silently",
        ),
        (
            FactNeeds(spread_column="spread"),
            {"spread": [0.1, -0.1, 0.1, 0.1, 0.1, 0.1]},
            "X: spread_column 'spread' is -0.1 at 2020-01-02T00:00:00+00:00, bar 1; it must be a number, 0 "
            "or more",
            "correct the data: nothing is repaired silently",
        ),
        (
            FactNeeds(funding_column="rate"),
            {"rate": [0, -1, 0, 0, 0, np.inf]},
            "X: funding_column 'rate' is inf at 2020-01-06T00:00:00+00:00, bar 5; it must be a number",
            "correct the data: nothing is repaired silently",
        ),
        (
            FactNeeds(halted_column="stop"),
            {"stop": [0, np.nan, 0, 0, 0, 0]},
            "X: halted_column 'stop' is nan at 2020-01-02T00:00:00+00:00, bar 1; it must be a number",
            "correct the data: nothing is repaired silently",
        ),
        (
            FactNeeds(locate_column="lend"),
            {"lend": [np.nan, -5, 0, 0, 0, 0]},
            "X: locate_column 'lend' is -5 at 2020-01-02T00:00:00+00:00, bar 1; it must be a number, 0 or "
            "more",
            "correct the data: nothing is repaired silently",
        ),
        (
            FactNeeds(halted_column="stop"),
            {"stop": ["0", "0", "halted", "0", "0", "0"]},
            "X: halted_column 'stop' cannot be used: column 'stop' is left out: it holds text in 1 row: row "
            "2 (2020-01-03): 'halted'",
            "write numbers there",
        ),
    ],
)
def test_a_column_that_cannot_be_used_is_named(
    needs: FactNeeds, extra: dict[str, Any], message: str, hint: str | None
) -> None:
    bars = made(DAYS, [1.0] * 6, **extra)
    for call in (facts_of, require_columns):
        with pytest.raises(DataError) as caught:
            call(bars, needs)
        assert caught.value.message == message
        assert caught.value.hint == hint


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("timeframe", ["1d", "1h", "5m"])
def test_one_row_has_the_bits_of_all(seed: int, timeframe: str, random_bars: Callable[..., Bars]) -> None:
    bars = replace(rich(random_bars(seed, 80, timeframe), seed), timezone="America/New_York")
    batch = facts_of(bars, EVERYTHING).rows
    atr = IndicatorTable(bars).row(ATR(EVERYTHING.atr_bars))
    for t in range(len(bars)):
        row = np.array(next_row(bars.slice(0, t + 1), EVERYTHING, atr[t - 1] if t else math.nan))
        expected = batch[t].copy()
        if timeframe != "1d":
            expected[LAST_OF_SESSION] = 0.0  # nobody knows yet
        assert row.tobytes() == expected.tobytes(), t


@given(seed=st.integers(0, 30), t=st.integers(0, 59), timeframe=st.sampled_from(["1d", "1h"]))
@settings(max_examples=40, deadline=None)
def test_bars_after_a_row_change_nothing_in_it(
    seed: int, t: int, timeframe: str, random_bars: Callable[..., Bars]
) -> None:
    bars = rich(random_bars(seed, 60, timeframe), seed)
    before = facts_of(bars, EVERYTHING).rows[: t + 1]
    others = change_after(bars, t, seed)
    moved = np.array(others.timestamps)
    moved[t + 1 :] += 36 * 3600 * 10**9
    for changed in (replace(others, timestamps=moved), bars.slice(0, t + 1)):
        after = facts_of(changed, EVERYTHING).rows[: t + 1]
        # That a session ends is known beforehand, but not to the bars: it is read from the next one's day.
        kept = [at for at in range(len(FACTS)) if at != LAST_OF_SESSION]
        np.testing.assert_array_equal(before[:, kept], after[:, kept])
        np.testing.assert_array_equal(before[:-1, LAST_OF_SESSION], after[:-1, LAST_OF_SESSION])


def test_a_session_that_is_stepped_needs_to_know_its_end() -> None:
    bars = replace(made(DAYS, [1.0] * 6), timeframe="1h")

    def numbers(force: str) -> Settings:
        execution = ExecutionConfig(time_in_force=force)  # type: ignore[arg-type]
        return Settings.from_config(execution, SizingConfig(), CostsConfig(), 1.0)

    for force in ("gtc", "ioc", "fok", "at_the_open"):
        require_sessions(bars, numbers(force))
    require_sessions(replace(bars, timeframe="1d"), numbers("at_the_close"))
    with pytest.raises(DataError) as caught:
        require_sessions(bars, numbers("day"))
    assert caught.value.message == (
        "X: time_in_force day needs to know the last bar of a session, which bars of 1h that come one by one "
        "do not tell"
    )
