"""Random bars, decisions and settings: the engine does what the oracle does, and the books always balance."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import admf

from .cases import random_finer, random_frame, random_orders, random_targets, settings_of
from .compare import assert_same, check_books
from .scripts import by_oracle, by_simulate, written

CASH = 1000.0
SEEDS = {"seed": st.integers(0, 100_000), "count": st.integers(2, 60)}
QUICK = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
LONG = settings(QUICK, max_examples=1000, derandomize=False)


def story(kind: str, seed: int, count: int):
    """Bars, decisions, finer bars: plain targets or orders, on daily or hourly bars."""
    frame = random_frame(seed, count, "h" if kind == "hourly orders" else "D")
    decisions = random_targets(seed, count) if kind == "targets" else random_orders(seed, frame)
    finer = None
    if kind == "finer":
        inner = random_finer(frame, seed)
        finer = admf.load_bars(inner, symbol="RANDOM", timeframe="6h", min_bars=1) if len(inner) else None
    return load(written(frame, decisions, kind == "targets")), decisions, finer


def load(frame: pd.DataFrame) -> admf.market.Bars:
    timeframe = "1h" if len(frame) > 1 and frame.index[1] - frame.index[0] < pd.Timedelta("1D") else "1d"
    return admf.load_bars(frame, symbol="RANDOM", timeframe=timeframe, min_bars=1)


KINDS = ["targets", "orders", "hourly orders", "finer"]


def fits(kind: str, config: dict) -> dict:
    """Orders with their own types do not go with fills at the close before."""
    if kind != "targets" and config.get("execution", {}).get("fill") == "same_close":
        del config["execution"]["fill"]
    return config


@pytest.mark.parametrize("kind", KINDS)
@given(config=st.booleans().flatmap(settings_of), **SEEDS)
@QUICK
def test_the_oracle_keeps_its_books(kind, config, seed, count):
    bars, decisions, finer = story(kind, seed, count)
    config = fits(kind, config)
    check_books(by_oracle(bars, decisions, CASH, finer, **config), bars, CASH, config)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), **SEEDS)
@QUICK
def test_the_engine_is_the_oracle(kind, data, seed, count):
    compare_engines(kind, data, seed, count)


def compare_engines(kind, data, seed, count):
    config = fits(kind, data.draw(settings_of(plain=kind == "targets")))
    bars, decisions, finer = story(kind, seed, count)
    first = data.draw(st.sampled_from([0, 0, count // 3]), label="first simulated bar")
    found = by_simulate(bars, kind == "targets", CASH, finer, first=first, **config)
    check_books(found, bars.slice(first), CASH, config)
    assert_same(found, by_oracle(bars, decisions, CASH, finer, first=first, **config))


@pytest.mark.slow
@pytest.mark.search
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), **SEEDS)
@LONG
def test_the_engine_is_the_oracle_at_length(kind, data, seed, count):
    compare_engines(kind, data, seed, count)


@pytest.mark.parametrize("kind", ["targets", "orders"])
@given(data=st.data(), cut=st.integers(1, 40), **SEEDS)
@QUICK
def test_what_comes_later_changes_nothing_before(kind, data, seed, count, cut):
    config = fits(kind, data.draw(settings_of(plain=kind == "targets")))
    longer, _, _ = story(kind, seed, count + cut)
    shorter, _, _ = story(kind, seed, count)
    whole = by_simulate(longer, kind == "targets", CASH, None, **config)
    part = by_simulate(shorter, kind == "targets", CASH, None, **config)
    assert part.equity == whole.equity[:count]
    assert part.positions == whole.positions[:count]
    assert part.trades == whole.trades[: len(part.trades)]
