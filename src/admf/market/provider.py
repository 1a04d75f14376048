"""Bars that the caller already has: the shared service ``market_data``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from admf.core.config import DataConfig
from admf.errors import DataError
from admf.market.bars import Bars
from admf.market.configured import MarketBars
from admf.market.finer import finer_config, with_finer
from admf.market.from_frame import Loaded
from admf.market.load import load_one

ACCEPTED = (
    "Bars, a DataFrame, a mapping symbol -> either, or an object with load_bars(data_config) or "
    "load(symbols, timeframe, start, end)"
)


def bars_from_provider(provider: Any, config: DataConfig) -> dict[str, Bars]:
    """Take the bars that `config` asks for from what the caller gave.

    Parameters
    ----------
    provider
        Bars, a DataFrame, a mapping from symbol to either, an object with ``load_bars(data_config)``, or one
        with ``load(symbols, timeframe, start, end)``; the last two return any of the former.
    config
        Its symbols, timeframe, dates and reading rules apply as to any other source.

    Returns
    -------
    dict
        Symbol to bars, in the order of ``config.symbols``.

    Raises
    ------
    DataError
        The provider is none of these, or has no bars of a symbol.
    """
    return {symbol: each.bars for symbol, each in _loaded(provider, config).items()}


def market_from_provider(provider: Any, config: DataConfig) -> MarketBars:
    """Take bars, and the finer ones that `config` asks for, from what the caller gave.

    Raises
    ------
    DataError
        As `bars_from_provider`; or the provider is no object that could be asked for a second timeframe.
    """
    wanted = finer_config(config)
    if wanted is None:
        return with_finer(_loaded(provider, config), None)
    if isinstance(provider, (Bars, pd.DataFrame, Mapping)):
        raise DataError(
            "shared service 'market_data' gives bars of one timeframe, and data_config.finer asks for others",
            hint="give an object with load_bars(data_config), which is asked for each timeframe",
        )
    return with_finer(_loaded(provider, config), lambda: bars_from_provider(provider, wanted))


def _loaded(provider: Any, config: DataConfig) -> dict[str, Loaded]:
    if isinstance(provider, Bars):
        pass
    elif callable(getattr(provider, "load_bars", None)):
        provider = provider.load_bars(config)
    elif callable(getattr(provider, "load", None)):
        provider = provider.load(
            symbols=list(config.symbols),
            timeframe=config.timeframe,
            start=config.start_date,
            end=config.end_date,
        )
    named = list(config.symbols) if "symbols" in config.model_fields_set else []
    if isinstance(provider, (Bars, pd.DataFrame)):
        # One set of bars has one symbol: the one that the config names, else its own.
        symbol = named[0] if named else getattr(provider, "symbol", "DATA")
        provider = {symbol: provider}
        wanted = [symbol]
    elif isinstance(provider, Mapping):
        wanted = named or list(provider)
    else:
        raise DataError(
            f"shared service 'market_data' is {type(provider).__name__}, which gives no bars",
            hint=f"give {ACCEPTED}",
        )
    missing = [symbol for symbol in wanted if symbol not in provider]
    if missing:
        raise DataError(
            f"shared service 'market_data' has no bars of {', '.join(missing)}",
            hint=f"it has: {', '.join(map(str, provider)) or 'nothing'}",
        )
    return {
        symbol: load_one(
            provider[symbol],
            symbol=symbol,
            timeframe=config.timeframe,
            columns=config.columns,
            timezone=config.timezone,
            calendar=config.calendar,
            adjustment=config.adjustment,
            actions=config.actions,
            start=config.start_date,
            end=config.end_date,
            periods_per_year=config.periods_per_year,
            min_bars=config.min_bars,
        )
        for symbol in wanted
    }
