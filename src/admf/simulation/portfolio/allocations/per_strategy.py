"""One strategy a symbol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import Universe, symbol_weights
from admf.simulation.portfolio.sleeves import Sleeves, read_members, record
from admf.simulation.portfolio.view import View
from admf.typing import FloatArray


class PerStrategy:
    """Each symbol is traded by a strategy of its own, with its share of the capital.

    Parameters
    ----------
    strategies
        Symbol -> ``{name, params, capital, label}``, or the name alone. ``capital`` is a share of the equity;
        those without one split evenly what the others leave. Symbols that are not named are not traded.
    """

    default_schedule = "on_change"

    def __init__(self, strategies: Mapping[str, Any]) -> None:
        if not isinstance(strategies, Mapping) or not strategies:
            problem = Problem(
                "strategies", "must be a mapping of symbols to strategies", found=repr(strategies)
            )
            raise ConfigError([problem], "per_strategy")
        self._strategies = dict(strategies)
        self.members = read_members(strategies.items(), "strategies", "per_strategy", also=("capital",))

    def prepare(self, universe: Universe) -> Sleeves:
        """Record the signals of every strategy."""
        symbols = universe.joined.symbols
        given = {
            symbol: entry["capital"]
            for symbol, entry in self._strategies.items()
            if isinstance(entry, Mapping) and entry.get("capital") is not None
        }
        open_ = [symbol for symbol in self._strategies if symbol not in given]
        capital = symbol_weights(
            "per_strategy", {**dict.fromkeys(open_, 0.0), **given}, symbols, "strategies"
        )
        left = 1.0 - float(np.sum(np.abs(capital)))
        if np.any(capital < 0.0) or left < -1e-9 or (open_ and left <= 1e-9):
            problem = Problem(
                "strategies",
                "the capital of the strategies must be positive and add to 1 at most",
                found=", ".join(f"{symbol} {value}" for symbol, value in given.items()),
            )
            raise ConfigError([problem], "per_strategy")
        for symbol in open_:
            capital[symbols.index(symbol)] = left / len(open_)
        shape = (len(universe.joined.timestamps), len(symbols), len(self.members))
        signals, weights = np.zeros(shape), np.zeros(shape[1:])
        for at, (symbol, member) in enumerate(zip(self._strategies, self.members, strict=True)):
            column = symbols.index(symbol)
            signals[:, column, at] = record(universe, symbol, member, float(capital[column]))
            weights[column, at] = 1.0
        labels = [member.label for member in self.members]
        return Sleeves(labels, signals, weights, capital, "weighted")

    def weights(self, view: View) -> FloatArray:
        """Do nothing before `prepare`: nothing is recorded."""
        return np.full(len(view.symbols), np.nan)
