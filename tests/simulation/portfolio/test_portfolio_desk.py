"""The desk compiled: the bits of plain Python, and nothing to compile in the second process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.simulation import compile
from admf.simulation.api import settings_of
from admf.simulation.orders import layout
from admf.simulation.portfolio import engine
from admf.simulation.portfolio.desk import generate
from admf.simulation.portfolio.records import ORDER_COLUMNS

from .desk.cases import many_settings, random_bars, random_weights

LEVELS = {"stop_loss_pct": 4.0, "take_profit_pct": 6.0, "trailing_stop_pct": 5.0, "intrabar": "path"}
CASES = [
    {"execution": LEVELS | {"latency_bars": 1, "reentry_after_stop": "immediate"}},
    {
        "execution": LEVELS | {"order_type": "limit", "limit_offset_bps": 60.0, "cancel_after_bars": 3},
        "costs": {"maker_bps": 1.0, "taker_bps": 6.0, "commission_min": 0.5},
    },
    {
        "execution": {"max_participation_pct": 15.0, "trailing_stop_atr": 2.0, "atr_bars": 5},
        "costs": {"borrow_pct": 9.0, "margin_rate_pct": 8.0, "cash_interest_pct": 3.0, "funding_pct": 4.0},
        "margin": {"leverage": 2.0, "maintenance_pct": 40.0, "on_margin_call": "reduce"},
    },
    {
        "execution": {"order_type": "stop_market", "stop_offset_bps": 40.0, "time_in_force": "day"},
        "costs": {"slippage_volatility": 0.1, "impact": 0.2, "volatility_bars": 5, "adv_bars": 4},
        "sizing": {"lot_size": 0.5, "min_value": 20.0},
        "risk": {
            "daily_loss_pct": 3.0, "on_daily_loss": "flatten", "max_drawdown_pct": 12.0, "cooldown_bars": 2,
            "on_drawdown": "reduce", "max_open_positions": 2, "max_leverage": 0.9,
        },
    },
]  # fmt: skip
TABLES = ("equity_values", "cash_values", "position_values")


@pytest.mark.slow
@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_compiled_desk_gives_the_bits_of_the_plain_one(monkeypatch, case):
    everything = frozenset(layout.FLAGS)
    compiled = generate.compiled_desk(everything)
    monkeypatch.setattr(generate, "compiled_desk", lambda features: compiled)
    for seed in range(6):
        bars = random_bars(seed, 3, 80, "D", wild=False)
        weights = random_weights(seed, 3, 80, shorts=True)

        def allocation(view, weights=weights):
            row = len(view.timestamps) - 1
            return np.array(weights.get(row, [np.nan] * 3))

        found = []
        for cells in (1_000_000, 0):
            monkeypatch.setattr(engine, "PLAIN_CELLS", cells)
            rebalance = {"schedule": "every_n_bars", "every_bars": 1}
            found.append(
                admf.simulate_portfolio(
                    bars, allocation, rebalance=rebalance, initial_cash=1000.0, **CASES[case]
                )
            )
        plain, quick = found
        for name in TABLES:
            np.testing.assert_array_equal(getattr(plain, name), getattr(quick, name), err_msg=name)
        for name in ORDER_COLUMNS:
            np.testing.assert_array_equal(plain.order_table[name], quick.order_table[name], err_msg=name)
        assert plain.digest == quick.digest
        assert len(plain.fills.bar) > 0


def test_parts_that_the_settings_do_not_use_change_nothing(monkeypatch):
    """A compiled desk leaves them out: here the plain one does."""
    modules = [
        module
        for name, module in sys.modules.items()
        if name.startswith(("admf.simulation.orders.", "admf.simulation.portfolio.desk."))
    ]

    def outcome(seed):
        rebalance = {"schedule": "every_n_bars", "every_bars": 1}
        weights = random_weights(seed, 3, 40, shorts=True)
        result = admf.simulate_portfolio(
            random_bars(seed, 3, 40, "D", wild=seed % 2 == 0),
            lambda view: np.array(weights.get(len(view.timestamps) - 1, [np.nan] * 3)),
            rebalance=rebalance,
            initial_cash=1000.0,
            **many_settings(seed),
        )
        return result.digest, len(result.fills.bar)

    traded = 0
    for seed in range(60):
        digest, fills = outcome(seed)
        features = settings_of(BacktestConfig(portfolio={}, **many_settings(seed))).order_features()
        with monkeypatch.context() as patch:
            for feature, flag in layout.FLAGS.items():
                for module in modules:
                    if hasattr(module, flag):
                        patch.setattr(module, flag, feature in features or feature == "account")
            assert outcome(seed) == (digest, fills), seed
        traded += fills
    assert traded > 200


@pytest.mark.parametrize("volume", [52.0, 77.0, 130.0, 301.0])
@pytest.mark.parametrize("bars_held", [3, 5, 7])
def test_what_rounding_leaves_of_a_capped_position_is_no_trade(hand_bars, volume, bars_held):
    frame = hand_bars([(10, 10)] * 24).frame.assign(volume=volume)
    bars = {"A": admf.load_bars(frame, symbol="A", timeframe="1d", min_bars=1)}

    def weights(view):
        return np.array([0.9 if len(view.timestamps) <= bars_held else 0.0])

    run = {"execution": {"max_participation_pct": 10.0}, "costs": {"commission_min": 1.0}}
    many = admf.simulate_portfolio(bars, weights, rebalance="on_change", initial_cash=10_000.0, **run)
    assert many.position_values[-1, 0] == 0.0
    assert many.trade_table["units"].min() > 1.0


@pytest.mark.parametrize(
    ("cells", "kept", "compiled"), [(500, True, False), (100, False, False), (100, True, True)]
)
def test_a_desk_that_is_compiled_already_is_taken_sooner(monkeypatch, cells, kept, compiled):
    """Compiling takes half a minute, loading two seconds, and plain Python a second for 10,000 bars."""

    def chosen(features):
        raise InterruptedError

    monkeypatch.setattr(engine, "KEPT_CELLS", cells)
    monkeypatch.setattr(generate, "is_compiled", lambda features: kept)
    monkeypatch.setattr(generate, "compiled_desk", chosen)
    bars = random_bars(1, 3, 80, "D", wild=False)
    with pytest.raises(InterruptedError) if compiled else contextlib.nullcontext():
        admf.simulate_portfolio(bars, "equal_weight", execution={"stop_loss_pct": 5.0, "latency_bars": 1})


def test_what_is_compiled_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("ADMF_CACHE_DIR", str(tmp_path))
    source = "from numba import njit\n\n\n@njit(['f8(f8)'], cache=True)\ndef run(x):\n    return x + 41.0\n"
    assert not compile.is_kept(source)
    assert compile.compile_kernel(source)(1.0) == 42.0
    assert compile.is_kept(source)
    monkeypatch.setattr(compile, "_kernels", {})  # another process
    assert compile.is_kept(source)
    assert not compile.is_kept(source + "\n")


SCRIPT = """
import sys
import numpy as np, pandas as pd
import numba.core.compiler as compiler
import admf
from admf.simulation import engine as one
from admf.simulation.portfolio import engine as many
one.PLAIN_BARS = many.PLAIN_CELLS = 0
if sys.argv[1] == "second":
    def refuse(*args, **kwargs):
        raise SystemExit("something is compiled")
    compiler.compile_extra = refuse
prices = 100.0 + np.cumsum(np.tile([1.0, -0.5, 0.25, -0.7], 25))
frame = pd.DataFrame({"open": prices, "high": prices + 1, "low": prices - 1, "close": prices, "volume": 9.0},
                     index=pd.date_range("2020-01-01", periods=100, tz="UTC"))
alone = admf.simulate(frame, "sma_cross", {"fast": 3, "slow": 9}, execution={"max_participation_pct": 50.0})
bars = {name: admf.load_bars(frame, symbol=name, timeframe="1d") for name in ("A", "B")}
both = admf.simulate_portfolio(bars, "equal_weight", rebalance="weekly", execution={"stop_loss_pct": 1.0})
print(alone.digest, both.digest)
one.PLAIN_BARS = many.PLAIN_CELLS = 1_000_000
plain = admf.simulate_portfolio(bars, "equal_weight", rebalance="weekly", execution={"stop_loss_pct": 1.0})
assert plain.digest == both.digest, "with the parts that these settings use, compiled"
"""


@pytest.mark.slow
def test_a_second_process_compiles_neither_order_engine_nor_desk(tmp_path):
    environment = os.environ | {"ADMF_CACHE_DIR": str(tmp_path)}
    said = []
    for which in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, which],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout)
    assert said[0] == said[1]
