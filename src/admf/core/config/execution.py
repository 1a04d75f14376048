"""`ExecutionConfig`: when and at what price a decision is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import BasisPoints, Column, Percent, Positive
from admf.core.config.section import Section

#: Order types that use a price offset, by its key.
_OFFSETS = {
    "limit_offset_bps": ("limit", "stop_limit"),
    "stop_offset_bps": ("stop_market", "stop_limit"),
    "trail_offset_bps": ("trailing_stop_market",),
}


def _offsets_of_the_type(values: Mapping[str, Any]) -> Iterator[Fault]:
    kind = values["order_type"]
    for key, kinds in _OFFSETS.items():
        if values[key] and kind not in kinds:
            hint = f"remove it, or write order_type: {' or '.join(kinds)}"
            yield Fault(f"does not go with order_type {kind}", (key,), hint=hint)
    if kind == "trailing_stop_market" and values["trail_offset_bps"] is None:
        yield Fault("is required by order_type trailing_stop_market", ("trail_offset_bps",), missing=True)


def _same_close_is_at_market(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["fill"] != "same_close":
        return
    if values["order_type"] != "market":
        yield Fault(
            "does not go with fill same_close: the bar is over",
            ("order_type",),
            allowed="market",
            hint="write fill: next_open",
        )
    for key, plain in (
        ("time_in_force", "gtc"),
        ("cancel_after_bars", None),
        ("latency_bars", 0),
        ("max_participation_pct", None),
        ("halt_on_zero_volume", False),
        ("halted_column", None),
    ):
        if values[key] != plain:
            yield Fault(
                "does not go with fill same_close: the bar is over",
                (key,),
                allowed=None if plain is None else str(plain).lower(),
                hint="write fill: next_open, or remove it",
            )


def _tried_once(values: Mapping[str, Any]) -> Iterator[Fault]:
    force = values["time_in_force"]
    if force in ("ioc", "fok") and values["cancel_after_bars"] is not None:
        yield Fault(
            f"does not go with time_in_force {force}: such an order is tried once",
            ("cancel_after_bars",),
            hint="remove it, or write time_in_force: gtc",
        )


def _one_trailing_stop(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["trailing_stop_atr"] is not None and values["trailing_stop_pct"] is not None:
        hint = "keep one of trailing_stop_pct and trailing_stop_atr"
        yield Fault("stands beside trailing_stop_pct", ("trailing_stop_atr",), hint=hint)


def _partial_fill_where_capped(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["partial_fill"] != "carry" and values["max_participation_pct"] is None:
        hint = "write max_participation_pct, or remove it: without a cap every fill is whole"
        yield Fault("needs max_participation_pct", ("partial_fill",), hint=hint)


class ExecutionConfig(Section):
    """When and at what price a decision is carried out."""

    checks: ClassVar[tuple[Check, ...]] = (
        _offsets_of_the_type,
        _same_close_is_at_market,
        _tried_once,
        _one_trailing_stop,
        _partial_fill_where_capped,
    )

    fill: Literal["next_open", "same_close"] = Field(
        "next_open",
        title="Fill",
        description="Price of a decision made on a close: the next open or that close.",
    )
    direction: Literal["both", "long_only", "short_only"] = Field(
        "both", title="Direction", description="Sides that are traded; targets of the other side become flat."
    )
    order_type: Literal["market", "limit", "stop_market", "stop_limit", "trailing_stop_market"] = Field(
        "market",
        title="Order type",
        description="Of an entry or enlargement that a strategy asks for by a plain target; what closes or "
        "reduces goes at market. Not for strategies that give their own orders.",
    )
    limit_offset_bps: BasisPoints = Field(
        0.0,
        title="Limit offset (bps)",
        description="limit: limit below the close for a purchase, above for a sale; stop_limit: limit beyond "
        "the stop, above for a purchase, below for a sale.",
    )
    stop_offset_bps: BasisPoints = Field(
        0.0, title="Stop offset (bps)", description="Stop above the close for a purchase, below for a sale."
    )
    trail_offset_bps: Annotated[float, Field(gt=0, lt=10000, allow_inf_nan=False)] | None = Field(
        None,
        title="Trail offset (bps)",
        description="Distance of a trailing_stop_market order from the best price since it was given.",
    )
    time_in_force: Literal["gtc", "day", "ioc", "fok", "at_the_open", "at_the_close"] = Field(
        "gtc",
        title="Time in force",
        description="How long the order of an entry or enlargement works: until cancelled, for the session, "
        "once (in part or whole or not), at a session's open, at its close.",
    )
    cancel_after_bars: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        title="Cancel after (bars)",
        description="The order of an entry or enlargement expires after so many bars. Default: never.",
    )
    stop_loss_pct: Percent | None = Field(None, title="Stop-loss (%)", description="Distance of the stop.")
    take_profit_pct: Positive | None = Field(
        None, title="Take-profit (%)", description="Distance of the target."
    )
    trailing_stop_pct: Percent | None = Field(
        None, title="Trailing stop (%)", description="Distance from the best price since entry."
    )
    trailing_stop_atr: Positive | None = Field(
        None,
        title="Trailing stop (ATR)",
        description="Distance from the best price since entry, as a multiple of the average true range "
        "before the entry.",
    )
    atr_bars: Annotated[int, Field(ge=1, le=10_000)] = Field(
        14, title="ATR period (bars)", description="Of trailing_stop_atr and of sizing by atr_risk."
    )
    stop_basis: Literal["entry_price", "signal_close"] = Field(
        "entry_price",
        title="Stop basis",
        description="Price that stop and target distances are measured from.",
    )
    repeat_signal: Literal["hold", "reenter"] = Field(
        "hold",
        title="Repeated signal",
        description="A decision for what is held already: hold it, or close and enter anew.",
    )
    reentry_after_stop: Literal["on_new_signal", "immediate"] = Field(
        "on_new_signal",
        title="Re-entry after a stop",
        description="Of targets. on_new_signal: not before the strategy has decided otherwise once; "
        "immediate: at once. An order that a strategy gives is always taken.",
    )
    intrabar: Literal["pessimistic", "optimistic", "path"] = Field(
        "pessimistic",
        title="Inside a bar",
        description="What is taken to have come first where a bar allows several: the worse; the better; "
        "or what a path meets first (open, low, high, close of a rising bar; high before low of a falling).",
    )
    max_participation_pct: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = Field(
        None,
        title="Participation (%)",
        description="Most of a bar's volume that all fills of the bar take. Default: no cap.",
    )
    partial_fill: Literal["carry", "cancel"] = Field(
        "carry",
        title="Rest of a partial fill",
        description="What the cap leaves of an order: carried to the next bars, or cancelled.",
    )
    latency_bars: Annotated[int, Field(ge=0, le=10)] = Field(
        0, title="Latency (bars)", description="Bars between a decision and its arrival at the market."
    )
    halt_on_zero_volume: bool = Field(
        False, title="Halt on zero volume", description="A bar without volume is halted: nothing fills."
    )
    halted_column: Column | None = Field(
        None, title="Column of halts", description="Data column that is not 0 on a halted bar."
    )
