"""Loading what a config asks for: the bars of every symbol, and finer bars beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from admf.errors import DataError, TransientDataError
from admf.market.actions import read_actions
from admf.market.bars import Bars
from admf.market.findings import attempt, together
from admf.market.from_frame import Loaded, bars_from_frame

if TYPE_CHECKING:
    from admf.core.config.models import DataConfig


class MarketBars(NamedTuple):
    """Bars of every symbol, and finer bars of each where they were asked for."""

    bars: dict[str, Bars]
    finer: dict[str, Bars]


def load_market_data(config: DataConfig) -> dict[str, Bars]:
    """Load every symbol of a config's ``data_config``, without finer bars.

    Returns
    -------
    dict
        Symbol to bars, in the order of the config.

    Raises
    ------
    DataError
        The source cannot be read, or the data of a symbol are refused; all symbols are checked before it is
        raised.
    TransientDataError
        Reading failed in a way that may pass.
    """
    loaded, error = _load_all(config)
    if error is not None:
        raise error
    return {symbol: each.bars for symbol, each in loaded.items()}


def load_market(config: DataConfig) -> MarketBars:
    """Load every symbol, and the finer bars that ``data_config.finer`` asks for.

    Raises
    ------
    DataError
        As `load_market_data`; or the finer bars cannot be read, or be parts of the bars.
    """
    market, error = load_what_can_be(config)
    if error is not None:
        raise error
    return market


def load_what_can_be(config: DataConfig) -> tuple[MarketBars, DataError | None]:
    """Load as `load_market` does; where that fails, what can be loaded, and why the rest cannot.

    Raises
    ------
    TransientDataError
        Reading failed in a way that may pass.
    """
    from admf.market.finer import finer_config, with_finer

    loaded, error = _load_all(config)
    if error is None:
        wanted = finer_config(config)
        try:
            return with_finer(loaded, None if wanted is None else lambda: load_market_data(wanted)), None
        except TransientDataError:
            raise
        except DataError as refused:
            error = refused
    return MarketBars({symbol: each.bars for symbol, each in loaded.items()}, {}), error


def _load_all(config: DataConfig) -> tuple[dict[str, Loaded], DataError | None]:
    """Load every symbol that can be; the error says why the others cannot."""
    from admf.market import sources

    actions = None if config.actions is None else read_actions(config.actions)
    errors: list[DataError] = []
    try:
        tables: Mapping[str, Any] = sources.read(config)
    except TransientDataError:
        raise
    except DataError as error:
        errors.append(error)
        tables, error.done = error.done, {}
    calendar = config.calendar
    if calendar is not None:
        from admf.market.calendars import require_calendar

        try:
            require_calendar(calendar)
        except DataError as error:  # of no symbol, and the bars can be loaded without
            errors.append(error)
            calendar = None

    def load(symbol: str) -> Loaded:
        # a source that failed for some symbols gave the tables of the others without numbers of their rows
        frame, rows = tables[symbol] if isinstance(tables[symbol], tuple) else (tables[symbol], None)
        return bars_from_frame(
            frame,
            symbol=symbol,
            origin=config.source,
            timeframe=config.timeframe,
            columns=config.columns,
            timezone=config.timezone,
            calendar=calendar,
            adjustment=config.adjustment,
            actions=actions,
            start=config.start_date,
            end=config.end_date,
            per_year=config.periods_per_year,
            min_bars=config.min_bars,
            row_numbers=rows,
        )

    loaded, refused = attempt(tables, load)
    errors += refused
    return loaded, together(errors) if errors else None
