"""A session stepped through random orders and settings, saved and restored: the bits of `simulate`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admf.simulation.session import SimulationSession

from .cases import random_frame, random_orders, random_targets, settings_of
from .scripts import Script, by_simulate, outcome_of, written
from .test_properties import CASH, QUICK, fits, load

NUMBERS = ("units", "quote", "price")


@pytest.mark.parametrize("kind", ["targets", "orders"])
@given(data=st.data(), seed=st.integers(0, 100_000), count=st.integers(2, 30))
@settings(QUICK, max_examples=25)
def test_bar_by_bar_saved_and_restored(tmp_path_factory, kind, data, seed, count):
    plain = kind == "targets"
    config = fits(kind, data.draw(settings_of(plain=plain)))
    frame = random_frame(seed, count)
    bars = load(written(frame, random_targets(seed, count) if plain else random_orders(seed, frame), plain))
    first, stop = data.draw(st.sampled_from([0, count // 3])), data.draw(st.integers(0, count))
    strategy, params = ("signals", {"target": "target"}) if plain else (Script, None)
    session = SimulationSession(strategy, params, history=bars.slice(0, first), initial_cash=CASH, **config)
    rows = bars.frame.to_dict("records")
    path = tmp_path_factory.mktemp("session") / "saved"
    for at in range(first, count):
        if at == stop:
            session.save(path)
            session = SimulationSession.load(path, strategy=None if plain else Script)
        session.on_bar({"timestamp": int(bars.timestamps[at]), **rows[at]})
    found, wanted = outcome_of(session.result()), by_simulate(bars, plain, CASH, None, first=first, **config)
    assert (found.equity, found.positions, found.trades) == (wanted.equity, wanted.positions, wanted.trades)
    assert [told(row) for row in found.orders] == [told(row) for row in wanted.orders]
    assert found.costs == wanted.costs


def told(row):
    """A row without its NaN, which equals nothing."""
    return replace(row, **{name: str(getattr(row, name)) for name in NUMBERS})
