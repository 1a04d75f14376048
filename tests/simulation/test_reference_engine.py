"""65 backtests that an independent engine ran, through the public `simulate`."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import admf
from admf.market import Bars

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"


@lru_cache(maxsize=1)
def all_cases() -> dict:
    path = REFERENCE / "engine_backtestingpy" / "cases.json"
    return json.loads(path.read_text()) if path.is_file() else {"cases": []}


CASES = {case["name"]: case for case in all_cases()["cases"]}


@lru_cache(maxsize=1)
def prices(dataset: str) -> pd.DataFrame:
    return pd.read_parquet(REFERENCE / "data" / f"{dataset}.parquet")


def bars_of(case: dict, equity: pd.DataFrame) -> Bars:
    frame = prices(case["dataset"]).copy()
    frame["up"] = equity["up"].to_numpy()
    frame["dn"] = equity["dn"].to_numpy()
    timeframe = case["dataset"].rsplit("_", 1)[1]
    return admf.load_bars(frame, timeframe=timeframe)


def settings_of(case: dict) -> dict:
    """The conventions of that engine in the words of this one (see the README of the reference cases)."""
    reverse = case["mode"] == "reverse"
    execution = {
        "fill": "same_close" if case.get("trade_on_close") else "next_open",
        # in "reverse" every signal closes and opens anew, in "long" one for what is held is ignored
        "repeat_signal": "reenter" if reverse else "hold",
        "reentry_after_stop": "immediate",
        "stop_basis": "signal_close",
    }
    if case["sl"]:
        execution |= {"stop_loss_pct": 100 * case["sl"], "take_profit_pct": 100 * case["tp"]}
    return {
        "strategy": "signals",
        "params": {"long_entry": "up", "short_entry" if reverse else "long_exit": "dn"},
        "execution": execution,
        "sizing": {"method": "cash_fraction", "fraction": all_cases()["size_default"], "lot_size": 1.0},
        "costs": {
            "commission_bps": 1e4 * case.get("commission", 0.0),
            "spread_bps": 1e4 * case.get("spread", 0.0),
        },
        "initial_cash": float(case["cash"]),
    }


def test_there_are_65_cases(reference):
    assert len(CASES) == 65


@pytest.mark.parametrize("name", CASES or ["absent"])
def test_case(reference, name):
    folder, case = reference / "engine_backtestingpy", CASES[name]
    equity = pd.read_parquet(folder / f"{name}.equity.parquet")
    expected = pd.read_csv(folder / f"{name}.trades.csv")
    result = admf.simulate(bars_of(case, equity), **settings_of(case))
    assert result.compiled

    trades = result.trade_table
    # of trades that close on one bar, theirs are in another order
    ours = np.lexsort((trades["entry_bar"], trades["exit_bar"]))
    theirs = np.lexsort((expected["EntryBar"], expected["ExitBar"]))
    expected = expected.iloc[theirs]
    for column, values in (("EntryBar", trades["entry_bar"]), ("ExitBar", trades["exit_bar"])):
        np.testing.assert_array_equal(values[ours], expected[column])
    np.testing.assert_array_equal((trades["side"] * trades["units"])[ours], expected["Size"])
    np.testing.assert_allclose(trades["entry_price"][ours], expected["EntryPrice"], rtol=1e-12)
    np.testing.assert_allclose(trades["exit_price"][ours], expected["ExitPrice"], rtol=1e-12)
    scale = np.abs(expected["Size"] * expected["EntryPrice"]).to_numpy()
    np.testing.assert_array_less(np.abs(trades["pnl"][ours] - expected["PnL"]), 1e-10 * scale)
    np.testing.assert_allclose(trades["commission"][ours], expected["Commission"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(result.equity_values, equity["equity"], rtol=1e-10)
    assert result.equity_values[-1] == pytest.approx(case["equity_final"], rel=1e-10)


SMA = [f"GOOG_1d__sma_10_20__{costs}" for costs in ("comm20bp__sltp", "comm20bp_onclose")]


@pytest.mark.parametrize("name", SMA)
def test_the_built_in_crossover_makes_the_same_trades(reference, name):
    case = CASES[name]
    equity = pd.read_parquet(reference / "engine_backtestingpy" / f"{name}.equity.parquet")
    bars, settings = bars_of(case, equity), settings_of(case)
    from_columns = admf.simulate(bars, **settings)
    native = admf.simulate(bars, **settings | {"strategy": "sma_cross", "params": {"fast": 10, "slow": 20}})
    np.testing.assert_array_equal(native.equity_values, from_columns.equity_values)
    assert native.trades.equals(from_columns.trades)


def test_goog_10_20_with_commission_ends_at_the_published_equity(reference):
    result = admf.simulate(
        reference / "data" / "bt_GOOG_1d.parquet",
        strategy="sma_cross",
        params={"fast": 10, "slow": 20},
        execution={"repeat_signal": "reenter"},
        sizing={"fraction": 0.9999999999999998, "lot_size": 1.0},
        costs={"commission_bps": 20.0},
        initial_cash=10_000.0,
    )
    assert result.equity_values[-1] == pytest.approx(56263.51934, abs=1e-5)
