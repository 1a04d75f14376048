"""One strategy a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import Universe, symbol_weights
from admf.simulation.portfolio.sleeves import Sleeve, Sleeves, read_members, record_all
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
    example: ClassVar[dict[str, str]] = {
        "strategies": "{AAA: {name: sma_cross, params: {fast: 10, slow: 30}, capital: 0.6}, BBB: momentum}"
    }

    def __init__(self, strategies: Mapping[str, Any]) -> None:
        if not isinstance(strategies, Mapping) or not strategies:
            problem = Problem(
                "strategies", "must be a mapping of symbols to strategies", found=repr(strategies)
            )
            raise ConfigError([problem], "per_strategy")
        self._strategies = dict(strategies)
        self.members = read_members(strategies.items(), "strategies", "per_strategy", also=("capital",))

    def sleeves(self, symbols: Sequence[str]) -> list[Sleeve]:
        """Give each strategy with its symbol and capital.

        Raises
        ------
        ConfigError
            A symbol is not in the portfolio, or the capital is wrong.
        """
        given = {
            symbol: entry["capital"]
            for symbol, entry in self._strategies.items()
            if isinstance(entry, Mapping) and entry.get("capital") is not None
        }
        open_ = [symbol for symbol in self._strategies if symbol not in given]
        shares = symbol_weights(
            "per_strategy", {**dict.fromkeys(open_, 0.0), **given}, tuple(symbols), "strategies"
        )
        capital = dict(zip(symbols, shares.tolist(), strict=True))
        left = 1.0 - sum(abs(share) for share in capital.values())
        if any(capital[symbol] <= 0.0 for symbol in given) or left < -1e-9 or (open_ and left <= 1e-9):
            problem = Problem(
                "strategies",
                "the capital of the strategies must be positive and add to 1 at most"
                + (f", with some left for {', '.join(open_)}" if open_ else ""),
                found=", ".join(f"{symbol} {value}" for symbol, value in given.items()),
            )
            raise ConfigError([problem], "per_strategy")
        return [
            Sleeve(symbol, member, capital[symbol] if symbol in given else left / len(open_))
            for symbol, member in zip(self._strategies, self.members, strict=True)
        ]

    def prepare(self, universe: Universe) -> Sleeves:
        """Record the signals of every strategy."""
        sleeves = self.sleeves(universe.joined.symbols)
        return record_all(universe, sleeves, self.members, "weighted")

    def weights(self, view: View) -> FloatArray:
        """Do nothing before `prepare`: nothing is recorded."""
        return np.full(len(view.symbols), np.nan)
