"""`MarginConfig` and `RiskConfig`: what may be borrowed, and what stops or cuts trading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import Column, Percent, Positive
from admf.core.config.section import Section


def _maintenance_below_initial(values: Mapping[str, Any]) -> Iterator[Fault]:
    maintenance, initial = values["maintenance_pct"], 100.0 / values["leverage"]
    if maintenance is not None and maintenance >= initial:
        yield Fault(
            "is not below the initial margin: a full position would be called at once",
            ("maintenance_pct",),
            allowed=f"less than {initial:g}, which is 100 / leverage",
        )


def _call_needs_maintenance(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["on_margin_call"] != "liquidate" and values["maintenance_pct"] is None:
        hint = "write maintenance_pct, or remove it: without it there is no margin call"
        yield Fault("needs maintenance_pct", ("on_margin_call",), hint=hint)


def _locates_and_column(values: Mapping[str, Any]) -> Iterator[Fault]:
    by_column, column = values["locates"] == "column", values["locate_column"]
    if by_column and column is None:
        yield Fault("is required by locates column", ("locate_column",), missing=True)
    elif not by_column and column is not None:
        hint = "remove it, or write locates: column"
        yield Fault(f"does not go with locates {values['locates']}", ("locate_column",), hint=hint)


class MarginConfig(Section):
    """What the account may borrow: cash, and shares to sell."""

    checks: ClassVar[tuple[Check, ...]] = (
        _maintenance_below_initial,
        _call_needs_maintenance,
        _locates_and_column,
    )

    leverage: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = Field(
        1.0,
        title="Leverage",
        description="Largest value of a position at its entry as a multiple of the equity; of a portfolio, "
        "of all positions: what its absolute weights may add to.",
    )
    maintenance_pct: Percent | None = Field(
        None,
        title="Maintenance margin (%)",
        description="Of all positions' value; equity below it is a margin call. Default: no margin call.",
    )
    on_margin_call: Literal["liquidate", "reduce"] = Field(
        "liquidate",
        title="On a margin call",
        description="liquidate inside the bar, or reduce to the leverage at the next open.",
    )
    locates: Literal["all", "none", "column"] = Field(
        "all",
        title="Shares to borrow",
        description="For short positions: as many as wanted, none, or as a data column says.",
    )
    locate_column: Column | None = Field(
        None,
        title="Column of shares to borrow",
        description="Data column with the units that can be borrowed.",
    )


def _reactions_need_limits(values: Mapping[str, Any]) -> Iterator[Fault]:
    for key, usual, limit in (
        ("on_daily_loss", "block", "daily_loss_pct"),
        ("on_drawdown", "halt", "max_drawdown_pct"),
    ):
        if values[key] != usual and values[limit] is None:
            yield Fault(f"needs {limit}", (key,), hint=f"write {limit}, or remove it")


def _reduced_to(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["reduce_to_pct"] != 50.0 and values["on_drawdown"] != "reduce":
        hint = "write on_drawdown: reduce, or remove it"
        yield Fault(f"does not go with on_drawdown {values['on_drawdown']}", ("reduce_to_pct",), hint=hint)


def _symbols_once(values: Mapping[str, Any]) -> Iterator[Fault]:
    symbols = values["allowed_symbols"]
    for position, symbol in enumerate(symbols):
        if not symbol.strip():
            yield Fault("must not be empty", ("allowed_symbols", position))
        elif symbol in symbols[:position]:
            yield Fault("is there twice", ("allowed_symbols", position))


class RiskConfig(Section):
    """Limits that cut, block or close positions; every time they do is in the order table."""

    checks: ClassVar[tuple[Check, ...]] = (_reactions_need_limits, _reduced_to, _symbols_once)

    max_position_units: Positive | None = Field(
        None, title="Largest position (units)", description="Of one symbol; more is cut. Default: no limit."
    )
    max_position_value: Positive | None = Field(
        None, title="Largest position (value)", description="Currency; more is cut. Default: no limit."
    )
    max_exposure_pct: Positive | None = Field(
        None,
        title="Largest exposure (%)",
        description="A position's value, of the equity; more is cut. Default: no limit.",
    )
    max_leverage: Positive | None = Field(
        None,
        title="Largest leverage",
        description="Value of all positions as a multiple of the equity; more is cut. Default: no limit.",
    )
    max_concentration_pct: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = Field(
        None,
        title="Largest concentration (%)",
        description="Share of the equity in one symbol; more is cut. For portfolios and live trading: on one "
        "symbol it is max_exposure_pct again. Default: no limit.",
    )
    daily_loss_pct: Percent | None = Field(
        None,
        title="Loss of a day (%)",
        description="Of the equity at the day's start; reached, no entry for the rest of the day; on bars of "
        "a day or longer none that is decided at the close of that bar. Default: no limit.",
    )
    on_daily_loss: Literal["block", "flatten"] = Field(
        "block",
        title="On the loss of a day",
        description="block entries, or flatten the position too.",
    )
    max_drawdown_pct: Percent | None = Field(
        None, title="Largest drawdown (%)", description="Of the highest equity so far. Default: no limit."
    )
    on_drawdown: Literal["halt", "reduce"] = Field(
        "halt",
        title="On the largest drawdown",
        description="halt: flatten and trade no more; reduce: smaller positions until a new high.",
    )
    reduce_to_pct: Percent = Field(
        50.0, title="Reduce to (%)", description="Of every position, while on_drawdown reduces."
    )
    cooldown_bars: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        0,
        title="Cooldown (bars)",
        description="Bars without an entry in a symbol after its stop-loss, trailing stop or liquidation.",
    )
    max_open_positions: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        title="Most open positions",
        description="Further ones are blocked. For portfolios and live trading: on one symbol there is never "
        "more than one. Default: no limit.",
    )
    allowed_symbols: list[str] = Field(
        default=[], title="Allowed symbols", description="Others are not traded. Default: all are."
    )
