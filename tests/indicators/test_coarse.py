"""Indicators on a coarser timeframe: which coarse bars there are, and when each may be seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import admf
from admf.core.config import load_config
from admf.errors import ComponentError
from admf.indicators import BBANDS, EMA, MAX, RSI, SMA, IndicatorTable, custom, parse_indicator
from admf.indicators.coarse import closes_one, coarse_bars
from admf.market import load_bars
from admf.simulation import run_backtest
from admf.simulation.inputs import gather
from admf.strategies import resolve_strategy
from admf.testing import check_indicator
from admf.testing.bars import change_after, example_bars

NAN = float("nan")


def bars_at(moments, timeframe, timezone="UTC", seed=0):
    """Bars at these moments, which are of the wall clock of that zone."""
    random = np.random.default_rng(seed)
    index = pd.DatetimeIndex(moments)
    index = index.tz_localize(timezone) if index.tz is None else index
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(index))))
    frame = pd.DataFrame(
        {"open": close * 1.001, "high": close * 1.01, "low": close * 0.99, "close": close}, index=index
    )
    frame["volume"] = random.integers(1, 1000, len(index)).astype(float)
    frame["score"] = random.normal(size=len(index))
    return load_bars(frame, symbol="X", timeframe=timeframe, timezone=timezone, min_bars=1)


def test_a_week_of_workdays_is_seen_at_mondays_close():
    bars = bars_at(pd.bdate_range("2024-01-01", periods=13), "1d")  # Monday, 1 January
    coarse, closed = coarse_bars(bars, "1w")
    assert closed.tolist() == [-1] * 5 + [0] * 5 + [1] * 3
    assert len(coarse) == 2  # the third week has not closed
    week = slice(5, 10)
    assert coarse.open[1] == bars.open[5]
    assert coarse.high[1] == bars.high[week].max()
    assert coarse.low[1] == bars.low[week].min()
    assert coarse.close[1] == bars.close[9]
    assert coarse.volume[1] == bars.volume[week].sum()
    assert coarse.extra["score"][1] == bars.extra["score"][9]
    assert coarse.timestamps[1] == bars.timestamps[5]


def test_a_week_of_seven_days_is_seen_at_sundays_close():
    bars = bars_at(pd.date_range("2024-01-01", periods=15), "1d")
    assert coarse_bars(bars, "1w").closed.tolist() == [-1] * 6 + [0] * 7 + [1] * 2


def test_an_hour_of_five_minutes_is_seen_when_its_last_bar_closes():
    bars = bars_at(pd.date_range("2024-01-01 10:00", periods=25, freq="5min"), "5m")
    assert coarse_bars(bars, "1h").closed.tolist() == [-1] * 11 + [0] * 12 + [1] * 2


def test_an_hour_whose_last_bar_is_missing_is_seen_at_the_next_bar():
    moments = pd.date_range("2024-01-01 10:00", periods=15, freq="5min").delete(11)  # no 10:55
    bars = bars_at(moments, "5m")
    assert coarse_bars(bars, "1h").closed.tolist() == [-1] * 11 + [0] * 3


def test_a_period_without_bars_has_no_coarse_bar():
    moments = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-02-27", "2024-02-28", "2024-03-05"])
    coarse, closed = coarse_bars(bars_at(moments, "1d"), "1w")
    assert closed.tolist() == [-1, -1, 0, 0, 1]
    assert coarse.timestamps.tolist() == bars_at(moments, "1d").timestamps[[0, 2]].tolist()


def test_the_first_period_counts_only_when_it_is_there_from_its_beginning():
    from_wednesday = bars_at(pd.date_range("2024-01-03", periods=14), "1d")
    coarse, closed = coarse_bars(from_wednesday, "1w")
    assert closed.tolist() == [-1] * 11 + [0] * 3
    assert coarse.open[0] == from_wednesday.open[5]  # Monday the 8th


@pytest.mark.parametrize(
    ("timeframe", "starts"),
    [
        ("1mo", ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]),
        ("3mo", ["2024-01-01", "2024-04-01"]),
    ],
)
def test_months_are_the_calendars(timeframe, starts):
    bars = bars_at(pd.date_range("2024-01-01", "2024-06-30"), "1d")
    assert coarse_bars(bars, timeframe).bars.index.strftime("%Y-%m-%d").tolist() == starts


def test_days_are_those_of_the_bars_time_zone():
    moments = pd.date_range("2024-01-01", periods=72, freq="h")
    here, there = bars_at(moments, "1h"), bars_at(moments, "1h", "America/New_York")
    assert coarse_bars(here, "1d").closed.tolist() == coarse_bars(there, "1d").closed.tolist()
    moved = replace(here, timezone="America/New_York")  # its first day begins at 19:00 there
    assert coarse_bars(moved, "1d").closed.tolist() == [-1] * 28 + [0] * 24 + [1] * 20


def test_changes_of_the_clocks():
    utc = pd.date_range("2024-03-30 23:00", periods=48, freq="h", tz="UTC")  # midnight in Berlin
    bars = bars_at(utc, "1h", "Europe/Berlin")
    assert int((coarse_bars(bars, "1d").closed == -1).sum()) == 22  # 31 March 2024 has 23 hours
    autumn = bars_at(pd.date_range("2024-10-26 22:00", periods=49, freq="h", tz="UTC"), "1h", "Europe/Berlin")
    assert int((coarse_bars(autumn, "1d").closed == -1).sum()) == 24  # 27 October 2024 has 25


SPECS = [
    SMA(3).on("1w"),
    RSI(4).on("3d"),
    BBANDS(3).on("1w").upperband,
    EMA(3, price=RSI(3)).on("1w"),
    EMA(4, price=SMA(2).on("1w")),
    MAX(2, price="volume").on("1mo"),
    SMA(2, price="score").on("1w"),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_each_bar_has_the_value_of_the_last_closed_coarse_bar(spec):
    bars = bars_at(pd.bdate_range("2024-01-01", periods=250), "1d")
    row = IndicatorTable(bars).row(spec)
    if spec.timeframe is None:
        coarse = IndicatorTable(bars).row(SMA(2).on("1w"))
        expected = IndicatorTable(replace(bars, close=np.where(np.isnan(coarse), 1.0, coarse))).row(EMA(4))
        assert np.isnan(row[:12]).all()
        assert np.allclose(row[100:], expected[100:], rtol=1e-9)
        return
    coarse, closed = coarse_bars(bars, spec.timeframe)
    there = IndicatorTable(coarse).row(replace(spec, timeframe=None))
    expected = [NAN if at < 0 else there[at] for at in closed]
    assert np.array_equal(row, expected, equal_nan=True)
    assert np.isfinite(row).any()
    check_indicator(spec, bars)


def test_against_pandas():
    bars = bars_at(pd.bdate_range("2024-01-01", periods=300), "1d", "America/New_York")
    close = pd.Series(bars.close, index=bars.index.tz_convert("America/New_York"))
    weekly = close.resample("W-SUN").last()
    seen = weekly.rolling(5).mean().shift(1).reindex(close.index, method="bfill")
    row = IndicatorTable(bars).row(SMA(5).on("1w"))
    assert np.allclose(row, seen, rtol=1e-12, equal_nan=True)


EXAMPLE = example_bars(1, 250)
GRIDS = [
    ("1d", "1w"), ("1d", "1mo"), ("1d", "5d"), ("1h", "1d"), ("1h", "4h"), ("15m", "1h"), ("1h", "1w"),
    ("1w", "2w"), ("1mo", "3mo"),
]  # fmt: skip
STEPS = {"15m": "15min", "1h": "h", "1d": "D", "1w": "W-FRI", "1mo": "MS"}


@settings(max_examples=80, deadline=None)
@given(
    grid=st.sampled_from(GRIDS),
    start=st.datetimes(
        pd.Timestamp("2020-01-01").to_pydatetime(), pd.Timestamp("2021-12-31").to_pydatetime()
    ),
    zone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"]),
    keep=st.lists(st.booleans(), min_size=150, max_size=150),
    jitter=st.booleans(),
    last=st.integers(0, 149),
    seed=st.integers(0, 99),
)
def test_no_bar_sees_what_comes_after_it(grid, start, zone, keep, jitter, last, seed):
    fine, coarse = grid
    moments = pd.date_range(pd.Timestamp(start).floor("h"), periods=150, freq=STEPS[fine], tz="UTC")
    stamps = moments.as_unit("ns").asi8[np.array(keep) | (np.arange(150) == 0)]
    if jitter:  # bars that come sooner after one another than their own length
        random = np.random.default_rng(seed)
        stamps = np.unique(stamps + random.integers(0, 3 * 86_400 * 10**9, len(stamps)))
    count = len(stamps)
    bars = replace(EXAMPLE.slice(seed, seed + count), timestamps=stamps, timeframe=fine, timezone=zone)
    last = min(last, len(bars) - 1)
    rows = [IndicatorTable(bars).row(spec) for spec in (SMA(2).on(coarse), MAX(2, price="high").on(coarse))]
    changed, cut = change_after(bars, last, seed), bars.slice(0, last + 1)
    for other in (changed, cut):
        table = IndicatorTable(other)
        again = [table.row(spec) for spec in (SMA(2).on(coarse), MAX(2, price="high").on(coarse))]
        for row, same in zip(rows, again, strict=True):
            assert row[: last + 1].tobytes() == same[: last + 1].tobytes()
    # other moments after it change nothing either
    later = np.concatenate((bars.timestamps[: last + 1], bars.timestamps[last + 1 :] + 3 * 3_600_000_000_000))
    moved = IndicatorTable(replace(bars, timestamps=later)).row(SMA(2).on(coarse))
    assert rows[0][: last + 1].tobytes() == moved[: last + 1].tobytes()
    closed = coarse_bars(bars, coarse).closed
    if last > 0 and closed[last] != closed[last - 1]:
        assert closes_one(cut, coarse)
    if not closes_one(cut, coarse):
        assert last == 0 or closed[last] == closed[last - 1]


def test_before_any_coarse_bar_closes_there_is_no_value():
    bars = bars_at(pd.date_range("2024-01-01", periods=4), "1d")
    assert np.isnan(IndicatorTable(bars).row(SMA(2).on("1w"))).all()
    assert len(IndicatorTable(bars.slice(0, 0)).row(SMA(2).on("1w"))) == 0


def spread(high, low):
    return high - low


def test_users_functions_get_coarse_columns():
    bars = bars_at(pd.date_range("2024-01-01", periods=70), "1d")
    row = IndicatorTable(bars).row(custom(spread).on("1w"))
    assert row[13] == bars.high[7:14].max() - bars.low[7:14].min()


@pytest.mark.parametrize(
    ("fine", "coarse", "message"),
    [
        ("1d", "1h", "an indicator on '1h' needs a timeframe longer than that of the bars, '1d'"),
        ("1d", "1d", "longer than that of the bars, '1d'\n  hint: leave out .on(\"1d\")"),
        ("2h", "3h", "bars of '2h' do not fill such a period exactly"),
        ("1w", "1mo", "bars of '1w' do not fill such a period exactly"),
        ("2d", "1w", "bars of '2d' do not fill such a period exactly"),
        ("7m", "1d", "bars of '7m' do not fill such a period exactly"),
    ],
)
def test_timeframes_that_do_not_fit(fine, coarse, message):
    bars = replace(bars_at(pd.date_range("2024-01-01", periods=30), "1d"), timeframe=fine)
    with pytest.raises(ComponentError) as caught:
        IndicatorTable(bars).row(SMA(2).on(coarse))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SMA(2).on("week"), "'week' is not a timeframe"),
        (lambda: SMA(2).on(7), 'a timeframe is a text such as "1w"; found 7'),
        (lambda: SMA(2).on("7h"), "timeframe '7h' does not divide the day"),
        (lambda: SMA(2).on("1w").on("1mo"), "close).on(\"1w\") is on a timeframe already; found .on('1mo')"),
        (lambda: parse_indicator("SMA(2).on(1w)"), 'a timeframe stands in quotes: .on("1w")'),
        (lambda: parse_indicator("SMA(2).on()"), 'on takes a timeframe in quotes, as in SMA(20).on("1w")'),
        (lambda: parse_indicator("SMA(2).on('7h')"), "column 11: timeframe '7h' does not divide the day"),
        (lambda: parse_indicator("SMA(2).on"), "it has no 'on'"),
    ],
)
def test_what_a_user_is_told(make, message):
    with pytest.raises(ComponentError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_key_reads_back(spec):
    assert parse_indicator(spec.key) == spec
    assert '.on("' in spec.key


def test_order_of_output_and_timeframe_is_free():
    assert BBANDS(20).on("1w").lowerband == BBANDS(20).lowerband.on("1w")
    assert parse_indicator("BBANDS(20).on('1w').lowerband") == BBANDS(20).lowerband.on("1w")


def test_nothing_that_depends_on_the_time_zone_is_kept_on_disk(tmp_path):
    bars = bars_at(pd.date_range("2024-01-01", periods=200, freq="h"), "1h")
    spec = EMA(2, price=SMA(2).on("1d"))
    here = IndicatorTable(bars, tmp_path).row(spec)
    there = IndicatorTable(replace(bars, timezone="Asia/Tokyo"), tmp_path).row(spec)
    assert here.tobytes() != there.tobytes()


def test_rules_read_it_and_the_kernel_runs_it():
    bars = bars_at(pd.bdate_range("2020-01-01", periods=600), "1d", seed=4)
    rules = {
        "indicators": {"trend": 'SMA(4).on("1w")', "fast": "SMA(5)"},
        "entry": "fast > trend and trend > prev_trend",
        "exit": "fast < trend",
    }
    result = admf.simulate(bars, "rules", rules)
    assert result.compiled
    assert len(result.trades) > 3
    weekly = IndicatorTable(bars).row(SMA(4).on("1w"))
    first = int(result.order_table["decided_bar"][0])
    assert weekly[first] > weekly[first - 1]


YAML = """
workflow:
  type: backtest
  data_config: {source: csv, path: bars.csv, symbols: [X], timeframe: 1d}
  backtest_config:
    strategy:
      name: rules
      params:
        indicators:
          trend: SMA(4).on("1w")
          band: BBANDS(5, 2, 2).on('1w').upperband
          fast: SMA(5)
        entry: fast > trend and close < band
        exit: fast < trend
"""


def test_a_config_says_it(tmp_path):
    bars = bars_at(pd.bdate_range("2020-01-01", periods=300), "1d", seed=4)
    (tmp_path / "workflow.yaml").write_text(YAML)
    config = load_config(tmp_path / "workflow.yaml").backtest_config
    strategy = resolve_strategy(config.strategy.name, config.strategy.params)
    assert strategy.indicators["trend"] == SMA(4).on("1w")
    assert strategy.indicators["band"] == BBANDS(5, 2.0, 2.0).upperband.on("1w")
    result = run_backtest(bars, config)
    assert len(result.orders) > 0
    first = gather(bars, strategy, IndicatorTable(bars)).warmup
    assert f"from bar {first} (" in result.assumptions["warm-up"]
