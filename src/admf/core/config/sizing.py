"""`SizingConfig`: how large a position is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from admf.core.config.faults import Check, Fault
from admf.core.config.fields import Positive
from admf.core.config.section import Section

#: Keys that belong to some methods only: the key, its methods, whether they need it.
_KEYS_OF_METHODS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("units", ("fixed_units",), True),
    ("fraction", ("cash_fraction", "kelly"), False),
    ("value", ("fixed_value",), True),
    ("target_volatility_pct", ("volatility_target",), True),
    ("volatility_bars", ("volatility_target",), False),
    ("risk_pct", ("atr_risk",), True),
    ("atr_multiple", ("atr_risk",), False),
    ("kelly_fraction", ("kelly",), False),
    ("kelly_trades", ("kelly",), False),
)


def _keys_of_the_method(values: Mapping[str, Any]) -> Iterator[Fault]:
    method = values["method"]
    for key, methods, needed in _KEYS_OF_METHODS:
        if key not in values:
            continue  # it is itself wrong, and reported already
        unset = values[key] == SizingConfig.model_fields[key].default
        if method in methods:
            if needed and unset:
                yield Fault(f"is required by method {method}", (key,), missing=True)
        elif not unset:
            hint = f"remove it, or write method: {' or '.join(methods)}"
            yield Fault(f"does not go with method {method}", (key,), hint=hint)


def _units_of_a_lot(values: Mapping[str, Any]) -> Iterator[Fault]:
    units, lot = values["units"], values["lot_size"]
    if units is not None and lot is not None and units < lot:
        yield Fault(
            "is less than one lot: no position could be opened",
            ("units",),
            allowed=f"at least {lot:g}, which is lot_size",
            hint="raise it, or lower lot_size",
        )


class SizingConfig(Section):
    """How large a position is."""

    checks: ClassVar[tuple[Check, ...]] = (_keys_of_the_method, _units_of_a_lot)

    method: Literal[
        "cash_fraction", "fixed_units", "fixed_value", "volatility_target", "atr_risk", "kelly"
    ] = Field(
        "cash_fraction",
        title="Method",
        description="cash_fraction of the equity; fixed_units; fixed_value; volatility_target: the value "
        "that has this volatility; atr_risk: a move of some ATR costs risk_pct; kelly: by the trades so far.",
    )
    fraction: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = Field(
        1.0,
        title="Fraction",
        description="Share of the equity that a full position uses (cash_fraction, and kelly before it knows "
        "enough trades); above 1 as far as the margin section's leverage goes.",
    )
    units: Positive | None = Field(None, title="Units", description="Units of a full position (fixed_units).")
    value: Positive | None = Field(
        None, title="Value", description="Currency value of a full position (fixed_value)."
    )
    target_volatility_pct: Positive | None = Field(
        None,
        title="Target volatility (%)",
        description="Annual volatility that a full position brings to the equity (volatility_target).",
    )
    volatility_bars: Annotated[int, Field(ge=2, le=10_000)] = Field(
        20, title="Volatility (bars)", description="Bars that it is measured by (volatility_target)."
    )
    risk_pct: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = Field(
        None, title="Risk (%)", description="Of the equity, lost by a move of atr_multiple ATR (atr_risk)."
    )
    atr_multiple: Positive = Field(
        2.0, title="ATR multiple", description="Move that costs risk_pct, in average true ranges (atr_risk)."
    )
    kelly_fraction: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        0.5, title="Kelly fraction", description="Share of the full Kelly bet that is taken (kelly)."
    )
    kelly_trades: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        20,
        title="Kelly trades",
        description="Closed trades that it needs; until then fraction is used (kelly).",
    )
    lot_size: Positive | None = Field(
        None,
        title="Lot size",
        description="Positions are multiples of it, cut downwards (0.3 is three lots of 0.1, however it is "
        "rounded in binary); 1 is whole units. Default: fractional.",
    )
    min_value: Positive | None = Field(
        None,
        title="Least value",
        description="Currency value below which an entry or enlargement is rejected. Default: none.",
    )
