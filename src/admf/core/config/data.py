"""`DataConfig`: where the bars come from and how to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import Moment, Positive, Secret, Timeframe, TimeZone, instant
from admf.core.config.hints import nearest
from admf.core.config.section import Section


def dates_in_order(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that start_date does not come after end_date."""
    start, end = values["start_date"], values["end_date"]
    if start is not None and end is not None and instant(start) > instant(end, last=True):
        yield Fault("is after end_date", ("start_date",))


#: Keys of data_config that a kind of source needs, and may have.
_SOURCE_KEYS = {
    "sample": ((), ()),
    "csv": (("path",), ()),
    "parquet": (("path",), ()),
    "sql": (("url",), ("table", "query")),
    "block": ((), ()),
}


def _source_has_its_keys(values: Mapping[str, Any]) -> Iterator[Fault]:
    source = str(values["source"])
    kind = "block" if source.startswith("block:") else source
    if kind not in _SOURCE_KEYS:
        return  # a source that a user registered: its keys are its own affair
    required, optional = _SOURCE_KEYS[kind]
    for key in ("path", "url", "table", "query"):
        if key in required and values[key] is None:
            yield Fault(f"is required by source {kind}", (key,), missing=True)
        elif key not in required + optional and values[key] is not None:
            fitting = [name for name, (needs, may) in _SOURCE_KEYS.items() if key in needs + may]
            yield Fault(
                f"does not go with source {kind}",
                (key,),
                hint=f"it belongs to source {' or '.join(fitting)}",
            )


def _table_or_query(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["source"] != "sql":
        return
    table, query = values["table"], values["query"]
    if table is None and query is None:
        yield Fault("is required by source sql, unless there is a query", ("table",), missing=True)
    elif table is not None and query is not None:
        yield Fault("stands beside table", ("query",), hint="keep one of table and query")


def _actions_are_used(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["actions"] is not None and values["adjustment"] in ("none", "adjusted_close"):
        yield Fault(
            f"is not read with adjustment {values['adjustment']}",
            ("actions",),
            hint="write adjustment: splits, dividends or splits_and_dividends",
        )


_PLACES = {"csv": ("path",), "parquet": ("path",), "sql": ("table", "query")}


def _finer_has_its_place(values: Mapping[str, Any]) -> Iterator[Fault]:
    finer, source = values["finer"], str(values["source"])
    if finer is None:
        return
    if source == "sample":
        yield Fault("does not go with source sample, which has daily bars alone", ("finer",))
    elif source in _PLACES:
        places = _PLACES[source]
        given = [key for key in ("path", "table", "query") if getattr(finer, key) is not None]
        for key in given:
            if key not in places:
                yield Fault(f"does not go with source {source}", ("finer", key), hint=f"write {places[0]}")
        fitting = [key for key in given if key in places]
        if not fitting:
            other = ", unless there is a query" if len(places) > 1 else ""
            yield Fault(f"is required by source {source}{other}", ("finer", places[0]), missing=True)
        elif len(fitting) > 1:
            yield Fault("stands beside table", ("finer", "query"), hint="keep one of table and query")


def _symbols_named(values: Mapping[str, Any]) -> Iterator[Fault]:
    source, symbols = values["source"], values["symbols"]
    if not symbols and source in _SOURCE_KEYS and not source.startswith("block:"):
        yield Fault(
            f"is required by source {source}: only sample and blocks know symbols of their own", ("symbols",)
        )
    for position, symbol in enumerate(symbols):
        if not symbol.strip():
            yield Fault("must not be empty", ("symbols", position))
        elif symbol in symbols[:position]:
            yield Fault("is there twice", ("symbols", position))


def _own_symbols(data: dict[str, Any]) -> list[str]:
    return ["SP500"] if data.get("source") == "sample" else []


def _source_named(values: Mapping[str, Any]) -> Iterator[Fault]:
    source = values["source"]
    if not re.fullmatch(r"block:\S+|[A-Za-z_][\w.\-]*", source):
        yield Fault(
            "is not a source", ("source",), allowed="sample, csv, parquet, sql, block:NAME, a registered name"
        )
    elif not (source.startswith("block:") or source in _SOURCE_KEYS) and (
        hint := nearest(source, _SOURCE_KEYS)
    ):
        yield Fault(
            "is not a known source",
            ("source",),
            "sample, csv, parquet, sql, block:NAME, a registered name",
            hint,
        )


class FinerConfig(Section):
    """Bars of a shorter timeframe, of the same source and symbols; they decide what happens inside a bar."""

    timeframe: Timeframe = Field(title="Timeframe", description="Length of a finer bar: 5m, 1h.")
    path: str | None = Field(
        None, title="Path", description="File of a csv or parquet source; {symbol} stands for the symbol."
    )
    table: str | None = Field(None, title="Table", description="Table of a sql source.")
    query: str | None = Field(None, title="Query", description="SQL query of a sql source.")
    columns: dict[str, str] | None = Field(
        None,
        title="Columns",
        description="Names in the file where they are unusual. Default: as of the bars.",
    )


class DataConfig(Section):
    """Where the bars come from and how to read them."""

    checks: ClassVar[tuple[Check, ...]] = (
        _source_named,
        _source_has_its_keys,
        _table_or_query,
        _symbols_named,
        dates_in_order,
        _actions_are_used,
        _finer_has_its_place,
    )

    source: str = Field(
        "sample",
        title="Source",
        description="sample (prices that ship with the installation), csv, parquet, sql, block:NAME, "
        "or a source registered by name.",
    )
    path: str | None = Field(
        None, title="Path", description="File of a csv or parquet source; {symbol} stands for the symbol."
    )
    url: Secret = Field(
        None, title="Database URL", description="SQLAlchemy URL of a sql source; keep it in ${ENV_VAR}."
    )
    table: str | None = Field(None, title="Table", description="Table of a sql source.")
    query: str | None = Field(
        None, title="Query", description="SQL query of a sql source; :symbol is bound to the symbol."
    )
    symbols: list[str] = Field(
        default_factory=_own_symbols,
        title="Symbols",
        description="Symbols to load, in this order. Default: SP500 of the sample source, all of a block.",
    )
    timeframe: Timeframe = Field(
        "1d",
        title="Timeframe",
        description="Length of a bar: 30s, 5m, 1h, 1d, 1w, 1mo.",
    )
    start_date: Moment | None = Field(
        None,
        title="Load from",
        description="First day that is loaded. Bars before the simulated range are warm-up.",
    )
    end_date: Moment | None = Field(
        None, title="Load until", description="Last day that is loaded, inclusive."
    )
    columns: dict[str, str] = Field(
        default={}, title="Columns", description="Names in the file where they are unusual: {close: Last}."
    )
    timezone: TimeZone | None = Field(
        None,
        title="Time zone",
        description="Zone of timestamps that carry none, as America/New_York. Default UTC.",
    )
    calendar: str | None = Field(
        None,
        title="Calendar",
        description="Exchange calendar that gaps are judged by: XNYS, 24/7. Default: none.",
    )
    adjustment: Literal["none", "adjusted_close", "splits", "dividends", "splits_and_dividends"] = Field(
        "none",
        title="Adjustment",
        description="none; adjusted_close: scale prices by it; or backward for splits, dividends or both, "
        "from columns of the data (split, dividend) or a file of actions.",
    )
    actions: str | None = Field(
        None,
        title="Actions",
        description="CSV or Parquet file of corporate actions: symbol, date, kind (split, dividend), value. "
        "Default: columns of the data.",
        min_length=1,
    )
    finer: FinerConfig | None = Field(
        None,
        title="Finer bars",
        description="Bars of a shorter timeframe that decide what happens inside a bar. Default: none.",
    )
    periods_per_year: Positive | None = Field(
        None,
        title="Bars per year",
        description="For annual figures. Default: of the timeframe, at 252 days a year, or 365 where "
        "weekends trade. A portfolio takes the rate of its symbols; where these differ, or calendars that "
        "differ make more than 3 % more rows, that of the longest, scaled to its rows.",
    )
    min_bars: int = Field(2, title="Fewest bars", description="Fewer bars than this are an error.", ge=2)
