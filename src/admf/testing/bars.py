"""Made-up bars to check components on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from admf.market import load_bars
from admf.market.bars import Bars


def example_bars(seed: int = 0, count: int = 400) -> Bars:
    """Make daily bars of a random walk: valid, without gaps.

    Parameters
    ----------
    seed
        The same seed gives the same bars.
    count
        How many.
    """
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, count)))
    open_ = close * np.exp(random.normal(0.0, 0.01, count))
    frame = pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * np.exp(random.exponential(0.005, count)),
            "low": np.minimum(open_, close) * np.exp(-random.exponential(0.005, count)),
            "close": close,
            "volume": np.floor(random.lognormal(10.0, 1.0, count)) + 1.0,
        },
        index=pd.date_range("2015-01-01", periods=count, freq="D", tz="UTC"),
    )
    return load_bars(frame, symbol="EXAMPLE", timeframe="1d", min_bars=1)


def change_after(bars: Bars, last: int, seed: int = 0) -> Bars:
    """Give the same bars up to `last`, and others after it.

    Prices after it are scaled bar by bar, so that they stay valid; volumes and other columns are put in
    another order, so that they stay what they are.
    """
    random = np.random.default_rng([seed, last])
    after = np.arange(len(bars)) > last
    factor = np.where(after, np.exp(random.normal(0.0, 0.2, len(bars))), 1.0)
    order = np.arange(len(bars))
    order[after] = random.permutation(order[after])
    return replace(
        bars,
        open=bars.open * factor,
        high=bars.high * factor,
        low=bars.low * factor,
        close=bars.close * factor,
        volume=bars.volume[order],
        extra={name: column[order] for name, column in bars.extra.items()},
    )
