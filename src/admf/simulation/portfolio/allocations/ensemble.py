"""Several strategies on each symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import Universe, symbol_weights
from admf.simulation.portfolio.sleeves import AGGREGATIONS, Aggregation, Sleeves, read_members, record
from admf.simulation.portfolio.view import View
from admf.typing import FloatArray


class Ensemble:
    """Every symbol is traded by all members, whose signals are put together.

    Parameters
    ----------
    members
        Strategies: ``{name, params, weight, label}``, or the name alone.
    aggregation
        ``weighted``, ``majority`` or ``unanimous``: see `admf.simulation.portfolio.sleeves.aggregate`.
    capital
        Symbol -> share of the equity that a full signal uses. Default: the same for every symbol.
    """

    default_schedule = "on_change"

    def __init__(
        self,
        members: Sequence[Any],
        aggregation: Aggregation = "weighted",
        capital: Mapping[str, Any] | None = None,
    ) -> None:
        if aggregation not in AGGREGATIONS:
            problem = Problem(
                "aggregation", "is unknown", found=repr(aggregation), allowed=", ".join(AGGREGATIONS)
            )
            raise ConfigError([problem], "ensemble")
        if isinstance(members, str | Mapping) or not isinstance(members, Sequence):
            problem = Problem("members", "must be a list of strategies", found=repr(members))
            raise ConfigError([problem], "ensemble")
        self.members = read_members(enumerate(members), "members", "ensemble")
        self._aggregation: Aggregation = aggregation
        self._capital = None if capital is None else dict(capital)

    def prepare(self, universe: Universe) -> Sleeves:
        """Record the signals of every member on every symbol."""
        symbols = universe.joined.symbols
        if self._capital is None:
            capital = np.full(len(symbols), 1.0 / len(symbols))
        else:
            capital = symbol_weights("ensemble", self._capital, symbols, "capital")
            if np.any(capital < 0.0) or capital.sum() > 1.0 + 1e-9:
                problem = Problem(
                    "capital", "shares must not be negative, and add to 1 at most", found=str(self._capital)
                )
                raise ConfigError([problem], "ensemble")
        shape = (len(universe.joined.timestamps), len(symbols), len(self.members))
        signals, weights = np.zeros(shape), np.zeros(shape[1:])
        for column, symbol in enumerate(symbols):
            if capital[column] == 0.0:
                continue
            for at, member in enumerate(self.members):
                signals[:, column, at] = record(universe, symbol, member, float(capital[column]))
                weights[column, at] = member.weight
        labels = [member.label for member in self.members]
        return Sleeves(labels, signals, weights, capital, self._aggregation)

    def weights(self, view: View) -> FloatArray:
        """Do nothing before `prepare`: nothing is recorded."""
        return np.full(len(view.symbols), np.nan)
