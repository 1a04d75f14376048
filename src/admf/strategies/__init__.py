"""Strategies: a parameter space, the indicators needed, a step on scalars. See `admf.strategies.bind`."""

from __future__ import annotations

from admf.core.registry import registry_of
from admf.strategies.bind import BoundStrategy, ParameterError, resolve_strategy
from admf.strategies.space import Bool, Choice, Float, Int, Parameters

__all__ = [
    "Bool",
    "BoundStrategy",
    "Choice",
    "Float",
    "Int",
    "ParameterError",
    "Parameters",
    "resolve_strategy",
]

_BUILT_IN = (
    (
        "sma_cross", "SmaCross", ("MovingAverageCrossover", "TrendStrategy"),
        "Long and short on crossings of two simple moving averages.",
    ),
    ("ema_cross", "EmaCross", (), "Long and short on crossings of two exponential moving averages."),
    ("macd_cross", "MacdCross", (), "Long and short on crossings of the MACD line and its signal line."),
    (
        "rsi_reversion", "RsiReversion", ("MeanReversionStrategy",),
        "Long below the oversold level of the RSI, short above the overbought one.",
    ),
    (
        "bollinger_breakout", "BollingerBreakout", (),
        "Long above the upper Bollinger band, short below the lower one, flat at the middle.",
    ),
    (
        "donchian_breakout", "DonchianBreakout", ("BreakoutStrategy",),
        "Long above the range of the bars before, short below it.",
    ),
    (
        "momentum", "Momentum", ("MomentumStrategy",),
        "Long and short with the sign of the return over a period.",
    ),
    ("buy_and_hold", "BuyAndHold", (), "Long from the first bar on."),
    ("signals", "Signals", (), "Signals or targets that stand in columns of the data file."),
    ("rules", "Rules", ("RuleBasedStrategy",), "Conditions for entry and exit, written in the config."),
)  # fmt: skip
for _name, _class, _aliases, _summary in _BUILT_IN:
    registry_of("strategy").add(
        _name, f"admf.strategies.{_name}:{_class}", aliases=_aliases, summary=_summary
    )
