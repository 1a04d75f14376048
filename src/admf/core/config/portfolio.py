"""The portfolio of a backtest: several symbols that share cash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import Positive
from admf.core.config.section import Section

Band = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class AllocationConfig(Section):
    """The allocation and its parameters."""

    name: str = Field(
        "equal_weight",
        title="Allocation",
        description="A built-in name (`admf components allocation`) or module:Name.",
        min_length=1,
    )
    params: dict[str, Any] = Field(
        default={}, title="Parameters", description="Those not named keep their defaults."
    )


def _bars_where_used(values: Mapping[str, Any]) -> Iterator[Fault]:
    counted, bars = values["schedule"] == "every_n_bars", values["every_bars"]
    if counted and bars is None:
        yield Fault("is required by schedule every_n_bars", ("every_bars",), missing=True)
    elif not counted and bars is not None:
        yield Fault(
            "goes with schedule every_n_bars alone",
            ("every_bars",),
            hint="write schedule: every_n_bars, or remove every_bars",
        )


class RebalanceConfig(Section):
    """When the weights are brought back to their targets."""

    checks: ClassVar[tuple[Check, ...]] = (_bars_where_used,)

    schedule: Literal["daily", "weekly", "monthly", "quarterly", "every_n_bars", "on_change"] | None = Field(
        None,
        title="Schedule",
        description="Decided at the close of the first bar of each period; on_change: whenever a target "
        "changes. Default: monthly; on_change for allocations that follow strategies.",
    )
    every_bars: Annotated[int, Field(ge=1)] | None = Field(
        None, title="Interval (bars)", description="From one decision to the next, of schedule every_n_bars."
    )
    band: Band = Field(
        0.0,
        title="Band",
        description="A weight within this distance of its target is left alone (0.02: two percent of the "
        "equity). Opening and closing a position is never left out.",
    )
    stale_after_days: Positive | None = Field(
        10.0,
        title="Stale after (days)",
        description="A symbol without a bar for longer gets no weight. Null: it stays eligible.",
    )


class PortfolioConfig(Section):
    """Many symbols that share cash."""

    allocation: AllocationConfig = Field(
        default=AllocationConfig(), title="Allocation", description="Which weight each symbol gets."
    )
    rebalance: RebalanceConfig = Field(
        default=RebalanceConfig(), title="Rebalancing", description="When weights are brought to target."
    )
