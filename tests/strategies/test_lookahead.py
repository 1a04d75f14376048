"""No built-in strategy sees the future: changing any bar after t changes nothing up to t, in a simulation.

The plain engine runs it, which compiles nothing. That the kernel does the same is tested elsewhere, and
here among the slow tests.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import admf
import admf.simulation.api as api
from admf.market import load_bars
from admf.simulation.engine import run_plain
from admf.testing.bars import change_after, example_bars

COUNT = 160


def bars_with_signals(seed):
    bars = example_bars(seed, COUNT)
    random = np.random.default_rng(seed)
    frame = bars.frame
    for name in ("up", "dn"):
        frame[name] = (random.random(COUNT) < 0.08).astype(float)
    frame["target"] = np.where(random.random(COUNT) < 0.7, np.nan, random.uniform(-1, 1, COUNT))
    return load_bars(frame, symbol="X", timeframe="1d", min_bars=1)


CASES = {
    "sma_cross": {"fast": 4, "slow": 9},
    "ema_cross": {"fast": 4, "slow": 9},
    "macd_cross": {"fast": 5, "slow": 11, "signal": 4},
    "rsi_reversion": {"period": 5, "oversold": 40, "overbought": 60},
    "bollinger_breakout": {"period": 8, "deviations": 1.0},
    "donchian_breakout": {"entry": 8, "exit": 4},
    "momentum": {"period": 6},
    "buy_and_hold": {},
    "rules": {
        "indicators": {"fast": "SMA(4)", "slow": "SMA(9)", "rsi": "RSI(5)"},
        "entry": "crosses_above(fast, slow) and rsi < 90",
        "exit": "bars_held > 6 or close < entry_price * 0.97",
        "short_entry": "crosses_below(fast, slow)",
        "short_exit": "rsi < 30 or close / prev_close > 1.03",
    },
    "signals": {"long_entry": "up", "short_entry": "dn"},
    "signals of targets": {"target": "target"},
}
EXECUTIONS = [
    {},
    {"fill": "same_close"},
    {"stop_loss_pct": 3.0, "take_profit_pct": 6.0},
    {"trailing_stop_pct": 4.0, "direction": "long_only", "reentry_after_stop": "immediate"},
]


@pytest.fixture(scope="module")
def plain_engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "run_engine", lambda *args: (run_plain(*args), "a test wants it plain"))
        yield


@pytest.mark.usefixtures("plain_engine")
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    last=st.integers(0, COUNT - 2),
    execution=st.sampled_from(EXECUTIONS),
)
def test_changing_later_bars_changes_no_decision(name, seed, last, execution):
    check_decisions(name, seed, last, execution)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_compiled_engine_too(name):
    for last in (50, 100, COUNT - 2):
        check_decisions(name, seed=last, last=last, execution=EXECUTIONS[2])


def check_decisions(name, seed, last, execution):
    bars = bars_with_signals(seed)
    strategy = name.partition(" ")[0]
    results = [
        admf.simulate(each, strategy, CASES[name], execution=execution, costs={"commission_bps": 5.0})
        for each in (bars, change_after(bars, last, seed))
    ]
    # Position and equity at every close up to `last`.
    for what in ("positions", "equity"):
        first, second = (getattr(result, what).to_numpy()[: last + 1] for result in results)
        np.testing.assert_array_equal(first, second, err_msg=what)
    # Orders decided up to `last`. One decided at its close fills on the next bar, whose price may differ.
    decided = [result.orders[result.orders["decided_bar"] <= last] for result in results]
    known = [column for column in ("decided_bar", "side", "target") if column in decided[0].columns]
    assert "decided_bar" in known
    assert decided[0][known].reset_index(drop=True).equals(decided[1][known].reset_index(drop=True))
    filled = [orders[orders["bar"] <= last].reset_index(drop=True) for orders in decided]
    assert filled[0].equals(filled[1])


def test_every_built_in_strategy_is_here():
    from admf.core.registry import registry_of

    here = {entry.name for entry in registry_of("strategy").entries() if entry.address.startswith("admf.")}
    assert here == {name.partition(" ")[0] for name in CASES}


@pytest.mark.usefixtures("plain_engine")
def test_these_cases_trade():
    bars = bars_with_signals(1)
    for name, params in CASES.items():
        assert len(admf.simulate(bars, name.partition(" ")[0], params).orders) >= 1, name
