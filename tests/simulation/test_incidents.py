"""Refused, blocked and cut orders are listed with their rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from admf.simulation import records
from admf.simulation.incidents import Incident, incidents_of


def test_what_is_no_incident_is_left_out_and_rules_are_named(follow):
    result = follow([(10, 10, 10, 10)] * 6, [1, 1, 1, 1, 1, 1])
    rows = [
        ("signal", "filled", 2.0),
        ("signal", "rejected: not affordable", 5.0),
        ("signal", "blocked: cooldown", 0.0),
        ("signal", "cut: max_exposure", 3.0),
        ("signal", "cancelled: replaced", np.nan),
        ("liquidation", "filled", 7.0),
        ("risk", "expired", np.nan),
        ("signal", "unfilled: last bar", np.nan),
        ("stop_loss", "filled", 1.0),
        ("signal", "rejected: no volatility yet", np.nan),
    ]
    n = len(rows)
    table = {
        "bar": np.array([0, 1, 2, 3, 3, 4, 4, -1, 5, 5]),
        "reason": np.array([records.REASONS.index(reason) for reason, _, _ in rows]),
        "status": np.array([records.STATUSES.index(status) for _, status, _ in rows]),
        "units": np.array([units for _, _, units in rows]),
        "side": np.array([1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0]),
        "target": np.full(n, 0.5),
        "type": np.array([0, 0, 1, 0, 0, 2, 0, 0, 0, 0]),
    }
    found = list(incidents_of(replace(result, order_table=table)))
    day = "2020-01-0{}T00:00:00+00:00"
    assert found == [
        Incident("rejected", "not affordable", day.format(2), 1, "buy", 0.5, 5.0, "market"),
        Incident("blocked", "cooldown", day.format(3), 2, "sell", 0.5, 0.0, "limit"),
        Incident("cut", "max_exposure", day.format(4), 3, "buy", 0.5, 3.0, "market"),
        Incident("cut", "liquidation", day.format(5), 4, "sell", 0.5, 7.0, "stop_market"),
        Incident("rejected", "no volatility yet", day.format(6), 5, "buy", 0.5, None, "market"),
    ]


def test_a_simulation_without_refusals_has_none(follow):
    assert list(incidents_of(follow([(10, 10, 10, 10)] * 4, [1, 0, 1, 0]))) == []
