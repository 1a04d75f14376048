"""Results to report: of the engine, and made of arrays for what an engine rarely gives."""

from html.parser import HTMLParser

import numpy as np
import pytest

from admf.market import Bars
from admf.simulation import SimulationResult
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS

VOID = {"meta", "link", "br", "hr", "img", "input", "line", "rect", "path"}
HOSTILE = "<script>alert('x')</script>\"&'</title><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Reads a page: its elements, their text, and whether every tag is closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open, self.faults = [], {}, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id")))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, text):
        for _, key in self.open:
            if key:
                self.texts[key] = self.texts.get(key, "") + text

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def _without_plotly(text):
    """The page less the library's own source, which is not ours to check."""
    from plotly.offline import get_plotlyjs

    assert text.count(get_plotlyjs()) == 1
    return text.replace(get_plotlyjs(), "")


def _make(
    equity, *, close=None, positions=None, trades=0, symbol="TEST", strategy="by hand", warnings=(), seed=0
):
    """A result with this equity; trades are drawn at random within the bars."""
    equity = np.asarray(equity, dtype=float)
    n = equity.size
    rng = np.random.default_rng(seed)
    close = np.linspace(50.0, 60.0, n) if close is None else np.asarray(close, dtype=float)
    bars = Bars(
        symbol,
        "1d",
        np.datetime64("2001-02-03", "ns").astype(np.int64) + np.arange(n) * 3_600_000_000_000,
        *(close for _ in range(4)),
        volume=np.zeros(n),
        periods_per_year=252.0 * 24,
    )
    starts = np.sort(rng.integers(0, max(n - 1, 1), trades))
    ends = np.minimum(starts + rng.integers(0, 5, trades), n - 1)
    units = np.full(trades, 2.0)
    side = rng.choice([-1.0, 1.0], trades)
    pnl = side * units * (close[ends] - close[starts]) + rng.normal(0, 1, trades)
    table = {
        "entry_bar": starts,
        "exit_bar": ends,
        "side": side,
        "units": units,
        "entry_price": close[starts],
        "exit_price": close[ends],
        "pnl": pnl,
        "commission": np.full(trades, 0.5),
        "mae": -rng.random(trades),
        "mfe": rng.random(trades),
        "reason": rng.integers(0, 4, trades),
        "target": np.sign(side),
        "financing": np.zeros(trades),
    }
    assert tuple(table) == TRADE_COLUMNS
    return SimulationResult(
        bars,
        strategy=strategy,
        params={"window": 20},
        initial_cash=100.0,
        risk_free_pct=0.0,
        equity_values=equity,
        position_values=np.zeros(n) if positions is None else np.asarray(positions, dtype=float),
        order_table={name: np.zeros(0) for name in ORDER_COLUMNS},
        trade_table=table,
        assumptions={"fill": "a decision made at a close is filled at the next bar's open"},
        warnings=list(warnings),
    )


@pytest.fixture(scope="session")
def make_result():
    """``make_result(equity, close=None, trades=0, ...)``."""
    return _make


@pytest.fixture(scope="session")
def result(make_result):
    """Two thousand hourly bars with 60 trades."""
    rng = np.random.default_rng(3)
    return make_result(
        100 * np.cumprod(1 + rng.normal(0.0002, 0.01, 2000)),
        close=50 * np.cumprod(1 + rng.normal(0, 0.01, 2000)),
        trades=60,
    )


@pytest.fixture(scope="session")
def read_page():
    """``read_page(text)``: the page's elements and texts, and whether every tag is closed in order."""
    return Page


@pytest.fixture(scope="session")
def without_plotly():
    """``without_plotly(text)``: the page less the library's own source."""
    return _without_plotly


@pytest.fixture(scope="session")
def hostile():
    """A name that would do harm where it is not escaped."""
    return HOSTILE
