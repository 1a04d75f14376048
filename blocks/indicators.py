"""The shared indicator table, as a block."""

from __future__ import annotations

import os
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

from admf.core.config import InfrastructureConfig
from admf.indicators import IndicatorTable
from admf.market import Bars


class IndicatorLibrary(Block):
    """Indicators that are computed once and shared; a config names it as ``indicators: block:NAME``."""

    _block_type_name = "ADMF indicator library"
    _block_type_slug = "admf-indicator-library"
    _description = (
        "The shared indicator table: each distinct indicator is computed once, and where rows are kept."
    )

    directory: str | None = Field(
        title="Directory", description="Folder of the rows that are kept between runs; empty: memory alone."
    )

    @classmethod
    def from_config(cls, config: InfrastructureConfig) -> IndicatorLibrary:
        """Take the library that a config spells out."""
        return cls(directory=str(_cache_directory()) if config.indicator_cache == "disk" else None)

    def table(self, bars: Bars) -> IndicatorTable:
        """Make the table of one symbol's bars."""
        return IndicatorTable(bars, cache=Path(self.directory).expanduser() if self.directory else None)


def _cache_directory() -> Path:
    base = os.environ.get("ADMF_CACHE_DIR")
    if base:
        return Path(base) / "indicators"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "admf" / "indicators"
