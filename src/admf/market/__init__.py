"""Market data: bars that were checked, read-only and shared.

Importing this package imports no pandas; names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from admf.core.registry import registry_of

if TYPE_CHECKING:
    from admf.market.bars import Bars as Bars
    from admf.market.configured import load_market as load_market
    from admf.market.configured import load_market_data as load_market_data
    from admf.market.estimate import bytes_per_bar as bytes_per_bar
    from admf.market.estimate import estimate_rows as estimate_rows
    from admf.market.findings import Finding as Finding
    from admf.market.load import load_bars as load_bars

_EXPORTS = {
    "Bars": "admf.market.bars",
    "Finding": "admf.market.findings",
    "load_bars": "admf.market.load",
    "bytes_per_bar": "admf.market.estimate",
    "estimate_rows": "admf.market.estimate",
    "load_market": "admf.market.configured",
    "load_market_data": "admf.market.configured",
}

__all__ = [
    "Bars",
    "Finding",
    "bytes_per_bar",
    "estimate_rows",
    "load_bars",
    "load_market",
    "load_market_data",
]

_sources = registry_of("data_source")
_sources.add(
    "sample", "admf.market.sources:read_samples", summary="Daily index prices that ship with a dependency."
)
_sources.add("csv", "admf.market.sources:read_csv", summary="A CSV file, or one a symbol.")
_sources.add("parquet", "admf.market.sources:read_parquet", summary="A Parquet file, or one a symbol.")
_sources.add(
    "sql", "admf.market.sql:read_sql", summary="A table or query of any database that SQLAlchemy speaks to."
)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'admf.market' has no attribute {name!r}")
