"""Numbers that may not be defined: NaN then."""

from __future__ import annotations

from math import nan


def finite(value: float) -> float:
    """Give the value; NaN where it is infinite, as JSON knows neither."""
    return value if value - value == 0.0 else nan


def ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN by 0."""
    return numerator / denominator if denominator != 0.0 else nan


def real_power(base: float, exponent: float) -> float:
    """Raise to a power; NaN of a negative base."""
    return base**exponent if base >= 0.0 else nan
