"""Indicators: every TA-Lib function by its TA-Lib name, and functions of the user's own.

``SMA(20)`` is a description (`Indicator`), not numbers; an `IndicatorTable` computes each distinct one once.
"""

from __future__ import annotations

from typing import Any

from admf.errors import ComponentError
from admf.indicators.spec import Indicator, custom
from admf.indicators.table import IndicatorTable
from admf.indicators.text import parse_indicator

__all__ = ["Indicator", "IndicatorTable", "custom", "parse_indicator"]


def __getattr__(name: str) -> Any:
    # TA-Lib's names are all capitals; anything else is no reason to import it.
    if not name.isupper() or name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from admf.indicators.talib_functions import talib_function

    try:
        return talib_function(name)
    except ComponentError as error:
        raise AttributeError(str(error)) from None


def __dir__() -> list[str]:
    from admf.indicators import library

    return sorted([*__all__, *library.names()])
