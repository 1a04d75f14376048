"""Where bars come from, as a block that several workflows share."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field

from admf.core.config import DataConfig
from admf.market import Bars, load_market_data


class MarketData(Block):
    """A source of bars: file, database or sample, with its symbols, timeframe, names, zone and calendar.

    A config names it as ``data_config: {source: block:NAME}``; keys that stand beside ``source`` there win
    over the block's.
    """

    _block_type_name = "ADMF market data"
    _block_type_slug = "admf-market-data"
    _description = "Where bars come from: source, symbols, timeframe, column names, time zone, calendar."

    data: DataConfig = Field(title="Data", description="The keys of data_config in a workflow's YAML.")

    def resolve(self, config: DataConfig) -> DataConfig:
        """Give the block's settings with those that `config` sets itself on top."""
        own = {key: getattr(config, key) for key in config.model_fields_set if key != "source"}
        return self.data.model_copy(update=own)

    def load_bars(self, config: DataConfig | None = None) -> dict[str, Bars]:
        """Load the bars of every symbol, checked by the quality gate."""
        return load_market_data(self.resolve(config) if config is not None else self.data)
