"""Weights that the user writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from admf.errors import ConfigError, Problem
from admf.simulation.portfolio.allocation import LEVERAGE, Universe, symbol_weights
from admf.simulation.portfolio.view import View
from admf.typing import FloatArray


class FixedWeights:
    """The weights of the config, as long as the symbols are traded.

    Parameters
    ----------
    weights
        Symbol -> weight; negative is short. Symbols that are not named get 0, what is left stays in cash.
    """

    example: ClassVar[dict[str, str]] = {"weights": "{AAA: 0.6, BBB: -0.2}"}

    def __init__(self, weights: Mapping[str, Any]) -> None:
        if not isinstance(weights, Mapping) or not weights:
            raise ConfigError(
                [Problem("weights", "must be a mapping of symbols to weights", found=repr(weights))],
                "fixed_weights",
            )
        self._given = dict(weights)
        self._weights: FloatArray | None = None

    def check(self, symbols: Sequence[str], most: float) -> None:
        """Refuse weights of symbols that are not there, or that add to too much."""
        self._in_order(tuple(symbols), most)

    def prepare(self, universe: Universe) -> FixedWeights:
        """Bring the weights into the order of the symbols."""
        made = FixedWeights(self._given)
        made._weights = self._in_order(universe.joined.symbols, universe.most)
        return made

    def _in_order(self, symbols: tuple[str, ...], most: float) -> FloatArray:
        weights = symbol_weights("fixed_weights", self._given, symbols, "weights")
        gross = float(np.sum(np.abs(weights)))
        if gross > most + 1e-9:
            problem = Problem(
                "weights",
                f"the absolute weights add to more than {most:.10g}: {LEVERAGE}",
                found=f"{gross:.10g}",
                allowed=f"at most {most:.10g}",
                hint="scale them down, or raise margin.leverage",
            )
            raise ConfigError([problem], "fixed_weights")
        return weights

    def weights(self, view: View) -> FloatArray:
        """Give the weights."""
        if self._weights is None:
            return symbol_weights("fixed_weights", self._given, view.symbols, "weights")
        return self._weights
