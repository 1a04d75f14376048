"""Several strategies on each symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import Universe, symbol_weights
from admf.simulation.portfolio.sleeves import (
    AGGREGATIONS,
    Aggregation,
    Sleeve,
    Sleeves,
    read_members,
    record_all,
)
from admf.simulation.portfolio.view import View
from admf.typing import FloatArray


class Ensemble:
    """Every symbol is traded by all members, whose signals are put together.

    Parameters
    ----------
    members
        Strategies: ``{name, params, weight, label}``, or the name alone.
    aggregation
        How signals are put together: ``weighted`` takes their mean by weight; ``majority`` a full position
        where more than half of the weight agrees; ``unanimous`` where all do.
    capital
        Symbol -> share of the equity that a full signal uses. Default: the same for every symbol.
    """

    default_schedule = "on_change"
    example: ClassVar[dict[str, str]] = {
        "members": "[{name: sma_cross, params: {fast: 10, slow: 30}, weight: 2}, momentum]",
        "aggregation": "weighted",
    }

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

    def sleeves(self, symbols: Sequence[str]) -> list[Sleeve]:
        """Give every member on every symbol that has capital.

        Raises
        ------
        ConfigError
            The capital does not fit the symbols, or is too much.
        """
        if self._capital is None:
            capital = np.full(len(symbols), 1.0 / len(symbols))
        else:
            capital = symbol_weights("ensemble", self._capital, tuple(symbols), "capital")
            if np.any(capital < 0.0) or capital.sum() > 1.0 + 1e-9:
                problem = Problem(
                    "capital", "shares must not be negative, and add to 1 at most", found=str(self._capital)
                )
                raise ConfigError([problem], "ensemble")
        return [
            Sleeve(symbol, member, share)
            for symbol, share in zip(symbols, capital.tolist(), strict=True)
            for member in self.members
            if share
        ]

    def prepare(self, universe: Universe) -> Sleeves:
        """Record the signals of every member on every symbol."""
        sleeves = self.sleeves(universe.joined.symbols)
        return record_all(universe, sleeves, self.members, self._aggregation)

    def weights(self, view: View) -> FloatArray:
        """Do nothing before `prepare`: nothing is recorded."""
        return np.full(len(view.symbols), np.nan)
