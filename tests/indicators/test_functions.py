"""Every TA-Lib function, as a spec: its names, its errors, and what the engine relies on."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import admf.indicators as ta
from admf.errors import ComponentError
from admf.indicators import Indicator, IndicatorTable, library, parse_indicator
from admf.testing import check_indicator
from admf.testing.bars import example_bars

BARS = example_bars(seed=5, count=300)


def rows_of(spec):
    return [getattr(spec, output) for output in spec.outputs] if len(spec.outputs) > 1 else [spec]


def test_all_of_talib_is_there():
    import talib

    assert set(talib.get_functions()) <= set(dir(ta))
    assert len(library.names()) == len(talib.get_functions()) >= 150


@pytest.mark.parametrize("name", library.names())
def test_every_function_gives_rows_without_look_ahead(name):
    spec = ta.MAVP(periods=ta.MAX(5)) if name == "MAVP" else getattr(ta, name)()
    for row in rows_of(spec):
        check_indicator(row, BARS)
        assert parse_indicator(row.key) == row
        assert pickle.loads(pickle.dumps(row)) == row


@pytest.mark.parametrize("name", ["HT_TRENDMODE", "CDLDOJI", "MAXINDEX", "CDLMORNINGSTAR"])
def test_no_number_before_the_first_valid_bar_where_talib_writes_zero(name):
    from talib import abstract

    row = IndicatorTable(BARS).row(getattr(ta, name)())
    lookback = abstract.Function(name).lookback
    assert lookback > 0
    assert np.isnan(row[:lookback]).all()
    assert not np.isnan(row[lookback:]).any()


def test_positional_named_and_default_parameters_are_one_spec():
    assert ta.SMA(20) == ta.SMA(timeperiod=20) == ta.SMA(20, price="close")
    assert hash(ta.SMA(20)) == hash(ta.SMA(timeperiod=20.0))
    assert ta.SMA() == ta.SMA(30)  # TA-Lib's default
    assert ta.BBANDS(20, 2, 2) == ta.BBANDS(20, 2.0, 2.0, 0) == ta.BBANDS(20, matype="SMA")
    assert ta.SMA(np.int64(20)) == ta.SMA(20)
    assert ta.SMA(20) != ta.SMA(20, price="volume")
    assert ta.SMA(20).key == "SMA(timeperiod=20, price=close)"
    upper = ta.BBANDS(20, 2, 2).upperband
    assert upper.key == "BBANDS(timeperiod=20, nbdevup=2.0, nbdevdn=2.0, matype=0, price=close).upperband"


def test_an_indicator_of_an_indicator():
    smoothed = ta.SMA(3, price=ta.RSI(14))
    table = IndicatorTable(BARS)
    import talib

    np.testing.assert_array_equal(table.row(smoothed), talib.SMA(talib.RSI(BARS.close, 14), 3))
    assert int(np.argmax(~np.isnan(table.row(smoothed)))) == 14 + 2
    assert table.computed == 2


def test_the_right_columns_reach_talib():
    import talib

    table = IndicatorTable(BARS)
    o, h, low, c, v = BARS.open, BARS.high, BARS.low, BARS.close, BARS.volume
    for spec, expected in [
        (ta.ATR(7), talib.ATR(h, low, c, 7)),
        (ta.ADOSC(), talib.ADOSC(h, low, c, v)),
        (ta.VWMA(10), talib.VWMA(c, v, 10)),
        (ta.OBV(price="open"), talib.OBV(o, v)),
        (ta.BOP(), talib.BOP(o, h, low, c)),
        (ta.IMI(), talib.IMI(o, c)),
        (ta.CORREL(10), talib.CORREL(h, low, 10)),
        (ta.CORREL(10, price0="close", price1="volume"), talib.CORREL(c, v, 10)),
        (ta.MAVP(periods=ta.MAX(5, price="volume")), talib.MAVP(c, talib.MAX(v, 5))),
    ]:
        np.testing.assert_array_equal(table.row(spec), expected, err_msg=spec.key)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ta.SMA(0), "SMA: timeperiod is out of range; found 0, allowed 1 to 100000"),
        (lambda: ta.RSI(1), "RSI: timeperiod is out of range; found 1, allowed 2 to 100000"),
        (lambda: ta.T3(5, 1.5), "T3: vfactor is out of range; found 1.5, allowed 0 to 1"),
        (lambda: ta.SMA(2.5), "SMA: timeperiod must be a whole number; found 2.5"),
        (lambda: ta.SMA(True), "SMA: timeperiod must be a number; found True"),
        (lambda: ta.SMA("20"), "SMA: timeperiod must be a number; found '20'"),
        (lambda: ta.SMA(-(2**31)), "SMA: timeperiod must lie within +-2147483647; found -2147483648"),
        (
            lambda: ta.BBANDS(20, float("nan")),
            "BBANDS: nbdevup must be a finite number within +-3e+37; found nan",
        ),
        (
            lambda: ta.SMA(timeperod=20),
            "SMA has no parameter 'timeperod'; it has: timeperiod, price\n  hint: did you mean timeperiod?",
        ),
        (lambda: ta.SMA(20, timeperiod=3), "SMA: timeperiod is given twice"),
        (lambda: ta.SMA(20, 30), "SMA takes 1 (timeperiod) parameters by position; found 2"),
        (lambda: ta.OBV(20), "OBV takes none parameters by position; found 1"),
        (
            lambda: ta.ATR(14, price="open"),
            "ATR has no input 'price' to choose: it reads high, low, close of the bars",
        ),
        (lambda: ta.OBV(volume="open"), "OBV: input 'volume' cannot be chosen; these can: price"),
        (lambda: ta.MAVP(), "MAVP: input periods must be given: a column of the bars, or an indicator"),
        (
            lambda: ta.SMA(price=ta.MACD()),
            "SMA: input price: MACD has 3 outputs and none is chosen: macd, macdsignal, macdhist\n"
            "  hint: write MACD(...).macd",
        ),
        (
            lambda: ta.SMA(price=3),
            "SMA: input price must be the name of a column or an indicator; found 3",
        ),
        (
            lambda: ta.MA(20, "EMB"),
            "MA: matype must be one of SMA, EMA, WMA, DEMA, TEMA, TRIMA, KAMA, MAMA, T3, HMA, DISABLED, "
            "DEFAULT, ZLEMA, RMA; found 'EMB'",
        ),
        (
            lambda: ta.BBANDS(20).uper,
            "BBANDS has no output 'uper'; it has: upperband, middleband, lowerband",
        ),
        (
            lambda: ta.SMA(20).upperband,
            "SMA has one output and no name for it; it has no 'upperband'",
        ),
    ],
)
def test_what_a_user_is_told(make, message):
    with pytest.raises(ComponentError) as caught:
        make()
    assert str(caught.value) == message


def test_an_unknown_function_is_an_attribute_error_with_the_nearest_name():
    with pytest.raises(AttributeError, match=r"no indicator is called 'SMAA'.*\n.*did you mean SMA\?"):
        _ = ta.SMAA
    with pytest.raises(ImportError):
        from admf.indicators import BOLLINGER  # noqa: F401
    with pytest.raises(AttributeError, match="has no attribute 'sma'"):
        _ = ta.sma


def test_a_spec_cannot_be_changed_and_answers_hasattr():
    spec = ta.MACD()
    assert hasattr(spec, "macdhist")
    assert not hasattr(spec, "hist")
    with pytest.raises(AttributeError):
        spec.output = "macd"


@given(
    period=st.integers(-5, 200_000) | st.floats() | st.booleans() | st.text(max_size=3) | st.none(),
    name=st.sampled_from([n for n in library.names() if "timeperiod" in library.facts(n).parameters]),
)
def test_any_period_gives_a_spec_that_computes_or_our_error(name, period):
    if name == "MAVP":
        return
    try:
        spec = getattr(ta, name)(timeperiod=period)
    except ComponentError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert "timeperiod" in said
        return
    for row in rows_of(spec):
        assert isinstance(row, Indicator)
        assert IndicatorTable(BARS).row(row).shape == (len(BARS),)
