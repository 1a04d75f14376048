"""`CostsConfig`: what trading, borrowing and holding cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import BasisPoints, Column, NonNegative, Percent, Positive
from admf.core.config.section import Section

#: As many as the engine's numbers have room for.
MOST_TIERS = 8

Periods = Annotated[int, Field(ge=2, le=10_000)]
AnnualPercent = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class CommissionTier(Section):
    """A commission rate, and from how much traded in a month on it holds."""

    above: NonNegative = Field(title="Above", description="Traded in the month before the fill.")
    bps: BasisPoints = Field(title="Commission (bps)", description="Of the traded value.")


def _tiers_in_order(values: Mapping[str, Any]) -> Iterator[Fault]:
    tiers = values["commission_tiers"]
    if not all(isinstance(tier, CommissionTier) for tier in tiers):
        return  # one is wrong, and reported already
    for position, tier in enumerate(tiers):
        key = ("commission_tiers", position, "above")
        if position == 0 and tier.above != 0:
            yield Fault("must be 0 in the first tier", key, hint="every trade needs a rate")
        elif position and tier.above <= tiers[position - 1].above:
            yield Fault("must be greater than in the tier before", key, hint="order the tiers")


def _one_rate(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["commission_bps"] and values["commission_tiers"]:
        hint = "keep one of commission_bps and commission_tiers"
        yield Fault("stands beside commission_bps", ("commission_tiers",), hint=hint)
    if values["tier_volume"] != "value" and not values["commission_tiers"]:
        hint = "write commission_tiers, or remove it"
        yield Fault("needs commission_tiers", ("tier_volume",), hint=hint)


def _maker_and_taker(values: Mapping[str, Any]) -> Iterator[Fault]:
    maker, taker = values["maker_bps"], values["taker_bps"]
    for key, given, other in (("taker_bps", taker, maker), ("maker_bps", maker, taker)):
        if given is None and other is not None:
            needer = "maker_bps" if key == "taker_bps" else "taker_bps"
            yield Fault(f"is required beside {needer}", (key,), missing=True)
        elif given is not None and values["commission_bps"]:
            hint = "keep commission_bps, or maker_bps and taker_bps"
            yield Fault("stands beside commission_bps", (key,), hint=hint)


def _minimum_below_maximum(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["commission_max"] is not None and values["commission_max"] < values["commission_min"]:
        yield Fault(
            "is less than commission_min", ("commission_max",), f"at least {values['commission_min']:g}"
        )


def _one_spread(values: Mapping[str, Any]) -> Iterator[Fault]:
    given = [key for key in ("spread_bps", "spread_fixed", "spread_column") if values[key]]
    for key in given[1:]:
        hint = "keep one of spread_bps, spread_fixed and spread_column"
        yield Fault(f"stands beside {given[0]}", (key,), hint=hint)


def _one_funding(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["funding_pct"] and values["funding_column"] is not None:
        hint = "keep one of funding_pct and funding_column"
        yield Fault("stands beside funding_pct", ("funding_column",), hint=hint)
    funded = values["funding_pct"] or values["funding_column"] is not None
    if values["funding_paid_multiple"] != 1 and not funded:
        hint = "write one of them, or remove it"
        yield Fault("needs funding_pct or funding_column", ("funding_paid_multiple",), hint=hint)


def _bars_of_an_estimate(values: Mapping[str, Any]) -> Iterator[Fault]:
    for key, users in (("volatility_bars", ("slippage_volatility", "impact")), ("adv_bars", ("impact",))):
        if values[key] != CostsConfig.model_fields[key].default and not any(values[user] for user in users):
            hint = f"write {' or '.join(users)}, or remove it: no other cost is measured by it"
            yield Fault(f"needs {' or '.join(users)}", (key,), hint=hint)


class CostsConfig(Section):
    """What trading costs."""

    checks: ClassVar[tuple[Check, ...]] = (
        _tiers_in_order,
        _one_rate,
        _maker_and_taker,
        _minimum_below_maximum,
        _one_spread,
        _one_funding,
        _bars_of_an_estimate,
    )

    commission_bps: NonNegative = Field(
        0.0, title="Commission (bps)", description="Of the traded value.", lt=10000
    )
    commission_per_unit: NonNegative = Field(
        0.0, title="Commission per unit", description="Currency per unit."
    )
    commission_fixed: NonNegative = Field(
        0.0,
        title="Fixed commission",
        description="Currency per fill: an order that is filled in parts pays it for each.",
    )
    commission_min: NonNegative = Field(
        0.0, title="Least commission", description="Currency per fill; 0 is none."
    )
    commission_max: Positive | None = Field(
        None, title="Most commission", description="Currency per fill. Default: no limit."
    )
    commission_max_pct: Percent | None = Field(
        None,
        title="Most commission (%)",
        description="Of the fill's value; it limits the least commission too. Default: no limit.",
    )
    maker_bps: BasisPoints | None = Field(
        None,
        title="Maker fee (bps)",
        description="Of a fill at the limit of an order that rested there, on top of other commissions; not "
        "of the target of a position.",
    )
    taker_bps: BasisPoints | None = Field(
        None,
        title="Taker fee (bps)",
        description="Of every other fill, at stops and targets of a position too, on top of other "
        "commissions.",
    )
    commission_tiers: Annotated[list[CommissionTier], Field(max_length=MOST_TIERS)] = Field(
        default=[],
        title="Commission tiers",
        description="Rates in place of commission_bps, by what was traded in the calendar month.",
    )
    tier_volume: Literal["value", "units"] = Field(
        "value", title="Volume of the tiers", description="What a tier's above counts: currency, or units."
    )
    slippage_bps: NonNegative = Field(
        0.0,
        title="Slippage (bps)",
        description="Against you at every fill, at stops and targets too, but for a limit order that rested.",
        lt=10000,
    )
    slippage_volatility: NonNegative = Field(
        0.0,
        title="Slippage by volatility",
        description="Multiple of the volatility of a bar that is added to the slippage.",
    )
    impact: NonNegative = Field(
        0.0,
        title="Market impact",
        description="Y of the square-root law: Y x volatility x sqrt(units / mean volume) of slippage.",
    )
    volatility_bars: Periods = Field(
        20, title="Volatility (bars)", description="Bars that slippage_volatility and impact measure it by."
    )
    adv_bars: Periods = Field(20, title="Mean volume (bars)", description="Bars that impact measures it by.")
    spread_bps: NonNegative = Field(
        0.0, title="Spread (bps)", description="Full bid-ask spread, paid at entry.", lt=10000
    )
    spread_fixed: NonNegative = Field(
        0.0, title="Spread (price)", description="Full bid-ask spread in units of the price, paid at entry."
    )
    spread_column: Column | None = Field(
        None, title="Column of the spread", description="Data column with the spread in units of the price."
    )
    borrow_pct: AnnualPercent = Field(
        0.0, title="Borrow rate (%)", description="Annual, paid on the value of a short position."
    )
    margin_rate_pct: AnnualPercent = Field(
        0.0, title="Margin rate (%)", description="Annual, paid on borrowed cash."
    )
    cash_interest_pct: AnnualPercent = Field(
        0.0, title="Interest on cash (%)", description="Annual, received on free cash."
    )
    funding_pct: Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)] = Field(
        0.0,
        title="Funding rate (%)",
        description="Annual, paid by longs to shorts on the position's value; negative: by shorts to longs.",
    )
    funding_column: Column | None = Field(
        None, title="Column of funding", description="Data column with the rate of each bar as a fraction."
    )
    funding_paid_multiple: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = Field(
        1.0,
        title="Multiple of paid funding",
        description="What a position pays of funding is multiplied by it; what one receives is not.",
    )
