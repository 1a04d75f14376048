"""All columns of the reference, computed by TA-Lib elsewhere, against ours."""

import json

import numpy as np
import pandas as pd
import pytest

import admf.indicators as ta
from admf.indicators import IndicatorTable
from admf.market import load_bars

SPECS = {
    "SMA_10": ta.SMA(10),
    "SMA_20": ta.SMA(20),
    "SMA_50": ta.SMA(50),
    "SMA_200": ta.SMA(200),
    "EMA_12": ta.EMA(12),
    "EMA_26": ta.EMA(26),
    "EMA_50": ta.EMA(50),
    "WMA_20": ta.WMA(20),
    "DEMA_20": ta.DEMA(20),
    "TEMA_20": ta.TEMA(20),
    "KAMA_30": ta.KAMA(30),
    "RSI_2": ta.RSI(2),
    "RSI_14": ta.RSI(14),
    "MACD": ta.MACD(12, 26, 9).macd,
    "MACDSIG": ta.MACD(12, 26, 9).macdsignal,
    "MACDHIST": ta.MACD(12, 26, 9).macdhist,
    "BBU": ta.BBANDS(20, 2, 2).upperband,
    "BBM": ta.BBANDS(20, 2, 2).middleband,
    "BBL": ta.BBANDS(20, 2, 2).lowerband,
    "STDDEV_20": ta.STDDEV(20),
    "TRANGE": ta.TRANGE(),
    "ATR_14": ta.ATR(14),
    "NATR_14": ta.NATR(14),
    "ADX_14": ta.ADX(14),
    "PLUS_DI_14": ta.PLUS_DI(14),
    "MINUS_DI_14": ta.MINUS_DI(14),
    "STOCH_K": ta.STOCH(14, 3, 0, 3, 0).slowk,
    "STOCH_D": ta.STOCH(14, 3, 0, 3, 0).slowd,
    "STOCHF_K": ta.STOCHF().fastk,
    "STOCHF_D": ta.STOCHF().fastd,
    "WILLR_14": ta.WILLR(14),
    "CCI_20": ta.CCI(20),
    "MFI_14": ta.MFI(14),
    "OBV": ta.OBV(),
    "ROC_10": ta.ROC(10),
    "MOM_10": ta.MOM(10),
    "AROON_DN": ta.AROON(14).aroondown,
    "AROON_UP": ta.AROON(14).aroonup,
    "SAR": ta.SAR(0.02, 0.2),
    "DONCH_HI_20": ta.MAX(20, price="high"),
    "DONCH_LO_20": ta.MIN(20, price="low"),
    "LINREG_SLOPE_14": ta.LINEARREG_SLOPE(14),
    "TRIX_15": ta.TRIX(15),
    "ULTOSC": ta.ULTOSC(7, 14, 28),
}


@pytest.mark.parametrize(("dataset", "timeframe"), [("bt_GOOG_1d", "1d"), ("bt_EURUSD_1h", "1h")])
def test_every_column(reference, dataset, timeframe):
    frame = pd.read_parquet(reference / "data" / f"{dataset}.parquet")
    bars = load_bars(frame, symbol=dataset, timeframe=timeframe)
    expected = pd.read_parquet(reference / "indicators_talib" / f"{dataset}.parquet")
    summary = json.loads((reference / "indicators_talib" / "summary.json").read_text())
    first_valid = summary["sets"][dataset]["first_valid"]
    table = IndicatorTable(bars)
    assert set(SPECS) == set(expected.columns) == set(first_valid)
    for name, spec in SPECS.items():
        row = table.row(spec)
        tolerance = 1e-8 if name.startswith("BB") else 1e-9
        np.testing.assert_allclose(row, expected[name].to_numpy(), rtol=tolerance, atol=1e-12, err_msg=name)
        assert int(np.argmax(~np.isnan(row))) == first_valid[name], name
    # MACD, BBANDS, STOCH, STOCHF and AROON are one call each.
    assert table.computed == len(SPECS) - 2 - 2 - 1 - 1 - 1
