"""The configuration of a workflow: these models are the keys of the YAML.

A name carries its unit: ``_pct`` is percent (5 means 5 %), ``_bps`` basis points (10 means 0.1 %),
``_seconds`` seconds; a plain ``fraction`` runs from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.costs import CommissionTier, CostsConfig
from admf.core.config.data import DataConfig, FinerConfig, dates_in_order
from admf.core.config.execution import ExecutionConfig
from admf.core.config.faults import Check, Fault
from admf.core.config.fields import (
    Block,
    Device,
    Moment,
    NonNegative,
    Positive,
    Secret,
)
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


def _bars_of_an_atr(values: Mapping[str, Any]) -> Iterator[Fault]:
    execution, sizing = values["execution"], values["sizing"]
    if not isinstance(execution, ExecutionConfig) or not isinstance(sizing, SizingConfig):
        return
    unset = execution.atr_bars == ExecutionConfig.model_fields["atr_bars"].default
    if not unset and execution.trailing_stop_atr is None and sizing.method != "atr_risk":
        yield Fault(
            "needs execution.trailing_stop_atr or sizing.method atr_risk",
            ("execution", "atr_bars"),
            hint="write one of them, or remove it: nothing else is measured by it",
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
        dates_in_order,
        _strategy_or_portfolio,
        _fraction_within_leverage,
        _one_volatility,
        _bars_of_an_atr,
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
