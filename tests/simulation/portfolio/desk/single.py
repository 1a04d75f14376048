"""What is taken over from the oracle of one symbol: facts, prices, fees, and what a bar's pieces touch."""

from __future__ import annotations

from ...orders import cases  # noqa: TID252 - the tests are no package that has a name
from ...orders.book import Leg, Position  # noqa: TID252
from ...orders.facts import YEAR_NS, Bar, Span, bars_with_facts  # noqa: TID252
from ...orders.oracle import Oracle as OneSymbol  # noqa: TID252
from ...orders.pricing import Pricing, Touch, in_lots, sections  # noqa: TID252

__all__ = [
    "YEAR_NS", "Bar", "Leg", "OneSymbol", "Position", "Pricing", "Span", "Touch", "bars_with_facts", "cases",
    "in_lots", "sections",
]  # fmt: skip
