"""The configuration of a workflow: these models are the keys of the YAML.

A name carries its unit: ``_pct`` is percent (5 means 5 %), ``_bps`` basis points (10 means 0.1 %),
``_seconds`` seconds; a plain ``fraction`` runs from 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.costs import CommissionTier, CostsConfig
from admf.core.config.execution import ExecutionConfig
from admf.core.config.faults import Check, Fault
from admf.core.config.fields import (
    Block,
    Device,
    Moment,
    NonNegative,
    Positive,
    Secret,
    Timeframe,
    TimeZone,
    instant,
)
from admf.core.config.hints import nearest
from admf.core.config.portfolio import PortfolioConfig
from admf.core.config.risk import MarginConfig, RiskConfig
from admf.core.config.section import Section
from admf.core.config.sizing import SizingConfig

__all__ = [
    "BacktestConfig",
    "CommissionTier",
    "CostsConfig",
    "DataConfig",
    "ExecutionConfig",
    "FinerConfig",
    "InfrastructureConfig",
    "MarginConfig",
    "OutputConfig",
    "RiskConfig",
    "SizingConfig",
    "StrategyConfig",
    "WorkflowType",
]


class WorkflowType(StrEnum):
    """Workflow types that the specification names; a user may register more by name."""

    OPTIMIZATION = "optimization"
    BACKTEST = "backtest"
    LIVE_TRADING = "live_trading"
    ANALYSIS = "analysis"
    VALIDATION = "validation"


def _dates_in_order(values: Mapping[str, Any]) -> Iterator[Fault]:
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
        _dates_in_order,
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
        description="CSV file of corporate actions: symbol, date, kind (split, dividend), value. Default: "
        "columns of the data.",
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
        description="For annual figures. Default: from timeframe and trading days.",
    )
    min_bars: int = Field(2, title="Fewest bars", description="Fewer bars than this are an error.", ge=2)


class InfrastructureConfig(Section):
    """What a workflow runs on."""

    task_runner: Literal["threads", "processes", "dask", "ray"] = Field(
        "threads", title="Task runner", description="Where computation runs; results are the same with all."
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None, title="Workers", description="Parallel workers. Default: the number of processors."
    )
    device: Device = Field("cpu", title="Device", description="cpu; gpu is not supported.")
    memory_limit_mb: Annotated[int, Field(ge=64)] | None = Field(
        None, title="Memory limit (MB)", description="A run that is estimated above it is refused."
    )
    indicator_cache: Literal["memory", "disk"] = Field(
        "memory",
        title="Indicator cache",
        description="memory, or disk: kept between runs, shared by processes.",
    )
    read_retries: int = Field(
        2,
        title="Read retries",
        description="Further attempts to read data after a transient failure.",
        ge=0,
        le=20,
    )
    retry_delay_seconds: NonNegative = Field(
        1.0, title="Retry delay (s)", description="Wait before the first further attempt; doubles each time."
    )
    compute: Block | None = Field(
        None,
        title="Compute block",
        description="block:NAME of a saved ComputeResources block.",
    )
    indicators: Block | None = Field(
        None,
        title="Indicator block",
        description="block:NAME of a saved IndicatorLibrary block.",
    )


class OutputConfig(Section):
    """Where results go."""

    directory: str = Field("runs", title="Directory", description="Folder of the run folders.", min_length=1)
    report: bool = Field(True, title="Report", description="Write the HTML report.")
    catalogue_url: Secret = Field(
        None,
        title="Catalogue URL",
        description="SQLAlchemy URL of the catalogue. Default: SQLite in the directory.",
    )
    store: Block | None = Field(
        None,
        title="Store block",
        description="block:NAME of a saved ResultStore block.",
    )


class StrategyConfig(Section):
    """The strategy and its parameters."""

    name: str = Field(
        title="Strategy",
        description="A built-in name (`admf components strategy`) or module:Name.",
        min_length=1,
    )
    params: dict[str, Any] = Field(
        default={}, title="Parameters", description="Those not named keep their defaults."
    )


def _fraction_within_leverage(values: Mapping[str, Any]) -> Iterator[Fault]:
    sizing, margin = values["sizing"], values["margin"]
    if not isinstance(sizing, SizingConfig) or not isinstance(margin, MarginConfig):
        return  # one is wrong, and reported already
    if sizing.fraction > margin.leverage:
        yield Fault(
            "is more than the account may borrow",
            ("sizing", "fraction"),
            allowed=f"at most {margin.leverage:g}, which is margin.leverage",
            hint="raise margin.leverage, or lower it",
        )


def _one_volatility(values: Mapping[str, Any]) -> Iterator[Fault]:
    sizing, costs = values["sizing"], values["costs"]
    if not isinstance(sizing, SizingConfig) or not isinstance(costs, CostsConfig):
        return
    by_volatility = sizing.method == "volatility_target" and (costs.slippage_volatility or costs.impact)
    if by_volatility and sizing.volatility_bars != costs.volatility_bars:
        yield Fault(
            "differs from sizing.volatility_bars: one volatility is measured",
            ("costs", "volatility_bars"),
            allowed=f"{sizing.volatility_bars}",
            hint="give both the same value",
        )


def _columns_of_the_fill(values: Mapping[str, Any]) -> Iterator[Fault]:
    execution, costs, margin = values["execution"], values["costs"], values["margin"]
    if not isinstance(execution, ExecutionConfig) or execution.fill != "same_close":
        return
    for name, section, key in (("costs", costs, "spread_column"), ("margin", margin, "locate_column")):
        if getattr(section, key, None) is not None:
            yield Fault(
                "does not go with fill same_close: the fill would be told of the bar after it",
                (name, key),
                hint="write execution.fill: next_open, or remove it",
            )


def _strategy_or_portfolio(values: Mapping[str, Any]) -> Iterator[Fault]:
    strategy, portfolio = values["strategy"], values["portfolio"]
    if strategy is None and portfolio is None:
        yield Fault(
            "is required, unless there is a portfolio",
            ("strategy",),
            hint="strategy: {name: ...} trades one symbol; portfolio: {allocation: {name: ...}} several that "
            "share cash",
            missing=True,
        )
    elif strategy is not None and portfolio is not None:
        yield Fault(
            "stands beside strategy",
            ("portfolio",),
            hint="keep one of the two; strategies of a portfolio are named in the parameters of its "
            "allocation: per_strategy, ensemble",
        )


class BacktestConfig(Section):
    """A historical simulation."""

    checks: ClassVar[tuple[Check, ...]] = (
        _dates_in_order,
        _strategy_or_portfolio,
        _fraction_within_leverage,
        _one_volatility,
        _columns_of_the_fill,
    )

    start_date: Moment | None = Field(None, title="Start", description="First simulated day.")
    end_date: Moment | None = Field(None, title="End", description="Last simulated day, inclusive.")
    strategy: StrategyConfig | None = Field(
        None, title="Strategy", description="The strategy of one symbol and its parameters."
    )
    portfolio: PortfolioConfig | None = Field(
        None, title="Portfolio", description="Several symbols that share cash; in place of a strategy."
    )
    execution: ExecutionConfig = Field(
        default=ExecutionConfig(),
        title="Execution",
        description="When and at what price a decision is carried out.",
    )
    sizing: SizingConfig = Field(
        default=SizingConfig(), title="Sizing", description="How large a position is."
    )
    costs: CostsConfig = Field(default=CostsConfig(), title="Costs", description="What trading costs.")
    margin: MarginConfig = Field(
        default=MarginConfig(), title="Margin", description="What the account may borrow."
    )
    risk: RiskConfig = Field(
        default=RiskConfig(), title="Risk", description="Limits that cut, block or close positions."
    )
    pessimistic_rerun: bool = Field(
        False,
        title="Pessimistic rerun",
        description="A second simulation beside it: the worse inside a bar, costs doubled, a bar later.",
    )
    initial_cash: Positive = Field(
        100_000.0, title="Initial cash", description="In the currency of the prices."
    )
    risk_free_pct: Annotated[float, Field(ge=-50, le=100, allow_inf_nan=False)] = Field(
        0.0, title="Risk-free rate (%)", description="Annual; used by the ratios."
    )
