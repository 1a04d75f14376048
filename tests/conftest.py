"""What all tests share: the reference cases, and random bars that are valid."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from admf.market import Bars, load_bars

# No test of time: a first call that imports or compiles takes long on a busy machine, and is right.
settings.register_profile("admf", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("admf")


def pytest_configure(config: pytest.Config) -> None:
    # exchange_calendars 4.13 uses what pandas 3.1 deprecates; that is theirs to change, and harms nothing.
    for message in (
        "Series.values returning an ndarray that drops timezone",
        "DatetimeIndex.weekday is deprecated",
    ):
        config.addinivalue_line("filterwarnings", f"ignore:{message}:DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the domain first, those that start Prefect last (each group in its usual order).

    Prefect's threads outlive the test that started them and draw from the module `random`; Hypothesis
    takes that for a strategy that does so, and fails a property test that happens to run meanwhile.
    """
    folder = Path(__file__).parent
    with_prefect = {folder / name for name in ("flows", "tasks", "blocks", "cli", "packaging")}
    items.sort(key=lambda item: not with_prefect.isdisjoint(item.path.parents))


REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference cases; the test is skipped where it is absent."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference cases (../shared/reference beside the project) are not on this machine")
    return REFERENCE


def _random_frame(seed: int, n: int = 200, timeframe: str = "1d") -> pd.DataFrame:
    """OHLCV frame with a UTC index: a random walk with gaps, flat bars and bars without volume in it."""
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.integers(-2, 5)
    volatility = random.choice([0.001, 0.01, 0.03])
    close = scale * np.exp(np.cumsum(np.clip(random.standard_t(4, n), -8, 8) * volatility))
    previous = np.concatenate(([scale], close[:-1]))
    open_ = previous * np.where(random.random(n) < 0.5, 1.0, np.exp(random.normal(0, volatility / 2, n)))
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    wick = random.exponential(volatility / 2, (2, n)) * (random.random((2, n)) < 0.8)
    flat = random.random(n) < 0.03
    close, high, low = (
        np.where(flat, open_, array) for array in (close, top * (1 + wick[0]), bottom / (1 + wick[1]))
    )
    volume = np.where(random.random(n) < 0.05, 0.0, np.floor(random.lognormal(10, 1, n)))
    units = {"m": "min", "h": "h", "d": "B", "w": "W"}
    index = pd.date_range("2015-01-05", periods=n, freq=f"{timeframe[:-1]}{units[timeframe[-1]]}", tz="UTC")
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(columns, index=index)


@pytest.fixture(scope="session")
def random_frame() -> Callable[..., pd.DataFrame]:
    """``random_frame(seed, n=200, timeframe="1d")``: valid OHLCV; the same seed, the same frame."""
    return _random_frame


@pytest.fixture(scope="session")
def random_bars() -> Callable[..., Bars]:
    """``random_bars(seed, n=200, timeframe="1d")``: valid `Bars`; the same seed, the same bars."""

    def make(seed: int, n: int = 200, timeframe: str = "1d", symbol: str = "RANDOM") -> Bars:
        return load_bars(_random_frame(seed, n, timeframe), symbol=symbol, timeframe=timeframe, min_bars=1)

    return make


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One temporary Prefect server for the whole session; it takes some seconds to start."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
