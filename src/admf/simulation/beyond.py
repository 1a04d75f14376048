"""Refuses keys of a config that an engine does not honour: a result must not pass over what was asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from admf.core.config.plain import short
from admf.errors import ConfigError, Problem

if TYPE_CHECKING:
    from admf.core.config.models import BacktestConfig

# What every engine of this package does, by section.
BASIC = {
    "execution": (
        "fill",
        "direction",
        "stop_loss_pct",
        "take_profit_pct",
        "trailing_stop_pct",
        "stop_basis",
        "repeat_signal",
        "reentry_after_stop",
    ),
    "sizing": ("method", "fraction", "units", "lot_size"),
    "costs": ("commission_bps", "commission_per_unit", "commission_fixed", "slippage_bps", "spread_bps"),
    "margin": (),
    "risk": (),
}
BASIC_METHODS = ("cash_fraction", "fixed_units")


def beyond_basic(config: BacktestConfig, honoured: Collection[str] = ()) -> list[str]:
    """List the keys that differ from their default and are beyond the basic ones, as ``costs.borrow_pct``.

    Parameters
    ----------
    honoured
        Keys that are not listed, written in the same way; a section's name stands for all of its keys.
    """
    found = []
    for name, basic in BASIC.items():
        section = getattr(config, name)
        for key, info in type(section).model_fields.items():
            path, value = f"{name}.{key}", getattr(section, key)
            usual = value == info.get_default(call_default_factory=True, validated_data={})
            known = key in basic and (key != "method" or value in BASIC_METHODS)
            if not (usual or known or name in honoured or path in honoured):
                found.append(path)
    if config.pessimistic_rerun and "pessimistic_rerun" not in honoured:
        found.append("pessimistic_rerun")
    return found


def refuse_beyond(config: BacktestConfig, engine: str, honoured: Collection[str] = ()) -> None:
    """Raise ConfigError with every key that an engine does not honour.

    Parameters
    ----------
    engine
        What does not honour them, as "a sweep".
    """
    problems = []
    for path in beyond_basic(config, honoured):
        value = config
        for key in path.split("."):
            value = getattr(value, key)
        hint = "remove it, or use admf.simulate on one symbol"
        problems.append(Problem(path, f"is not simulated by {engine}", found=short(value), hint=hint))
    if problems:
        raise ConfigError(problems, "BacktestConfig")
