"""Orders that a step may return in place of a plain target.

Each function gives one decision: a tuple of floats, all of the same length, so that compiled code can hold
it. Prices are in the currency of the bars; 0.0 stands for "none". A strategy that uses one of these returns
a decision on every path (`keep()` for none)::

    def on_bar(close, atr, fast_ma, slow_ma):
        if fast_ma > slow_ma:
            return limit_order(1.0, close - atr, stop_loss=close - 3.0 * atr, cancel_after_bars=5)
        return market_order(0.0)
"""

from __future__ import annotations

import math
from typing import Any

# Order types and times in force, by FIX's names; their positions in these tuples are the codes in a decision.
ORDER_TYPES = ("market", "limit", "stop_market", "stop_limit", "trailing_stop_market")
TIMES_IN_FORCE = ("gtc", "day", "ioc", "fok", "at_the_open", "at_the_close")

MARKET, LIMIT, STOP_MARKET, STOP_LIMIT, TRAILING_STOP_MARKET = 0.0, 1.0, 2.0, 3.0, 4.0
GTC, DAY, IOC, FOK, AT_THE_OPEN, AT_THE_CLOSE = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0

#: Fields of one leg; a decision is two legs, the second with a target of NaN where there is none.
LEG_FIELDS = (
    "target", "type", "limit", "stop", "trail", "time_in_force", "cancel_after_bars",
    "stop_loss", "take_profit", "trailing_stop",
)  # fmt: skip

Decision = tuple[float, ...]

_NONE = (float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def market_order(
    target: float,
    stop_loss: float = 0.0,
    take_profit: float = 0.0,
    trailing_stop: float = 0.0,
    time_in_force: float = 0.0,
    cancel_after_bars: float = 0.0,
) -> Decision:
    """Reach the target exposure at the market.

    Parameters
    ----------
    target
        Exposure from -1 to 1, as a plain target.
    stop_loss, take_profit
        Prices at which the position that this order leads to is closed: with an entry, a bracket.
    trailing_stop
        Distance of a trailing stop from the best price since the entry.
    time_in_force
        GTC, DAY, IOC, FOK, AT_THE_OPEN or AT_THE_CLOSE.
    cancel_after_bars
        Bars that the order works at most; 0: no such limit.
    """
    return (1.0 * target, 0.0, 0.0, 0.0, 0.0, 1.0 * time_in_force, 1.0 * cancel_after_bars,
            1.0 * stop_loss, 1.0 * take_profit, 1.0 * trailing_stop) + _NONE  # fmt: skip


def limit_order(
    target: float,
    limit: float,
    stop_loss: float = 0.0,
    take_profit: float = 0.0,
    trailing_stop: float = 0.0,
    time_in_force: float = 0.0,
    cancel_after_bars: float = 0.0,
) -> Decision:
    """Reach the target exposure at `limit` or better; the rest is as for `market_order`."""
    return (1.0 * target, 1.0, 1.0 * limit, 0.0, 0.0, 1.0 * time_in_force, 1.0 * cancel_after_bars,
            1.0 * stop_loss, 1.0 * take_profit, 1.0 * trailing_stop) + _NONE  # fmt: skip


def stop_order(
    target: float,
    stop: float,
    stop_loss: float = 0.0,
    take_profit: float = 0.0,
    trailing_stop: float = 0.0,
    time_in_force: float = 0.0,
    cancel_after_bars: float = 0.0,
) -> Decision:
    """Reach the target exposure at the market once the price touches `stop` (STOP_MARKET)."""
    return (1.0 * target, 2.0, 0.0, 1.0 * stop, 0.0, 1.0 * time_in_force, 1.0 * cancel_after_bars,
            1.0 * stop_loss, 1.0 * take_profit, 1.0 * trailing_stop) + _NONE  # fmt: skip


def stop_limit_order(
    target: float,
    stop: float,
    limit: float,
    stop_loss: float = 0.0,
    take_profit: float = 0.0,
    trailing_stop: float = 0.0,
    time_in_force: float = 0.0,
    cancel_after_bars: float = 0.0,
) -> Decision:
    """Become a limit order at `limit` once the price touches `stop` (STOP_LIMIT)."""
    return (1.0 * target, 3.0, 1.0 * limit, 1.0 * stop, 0.0, 1.0 * time_in_force, 1.0 * cancel_after_bars,
            1.0 * stop_loss, 1.0 * take_profit, 1.0 * trailing_stop) + _NONE  # fmt: skip


def trailing_stop_order(
    target: float,
    distance: float,
    stop_loss: float = 0.0,
    take_profit: float = 0.0,
    trailing_stop: float = 0.0,
    time_in_force: float = 0.0,
    cancel_after_bars: float = 0.0,
) -> Decision:
    """Reach the target at the market once the price turns by `distance` from its best (TRAILING_STOP_MARKET).

    The best price (the lowest for a buy) is counted from the close of the decision. A percentage or a
    multiple of the ATR is computed in the step: ``0.02 * close``, ``3.0 * atr``.
    """
    return (1.0 * target, 4.0, 0.0, 0.0, 1.0 * distance, 1.0 * time_in_force, 1.0 * cancel_after_bars,
            1.0 * stop_loss, 1.0 * take_profit, 1.0 * trailing_stop) + _NONE  # fmt: skip


def one_cancels_other(first: Decision, second: Decision) -> Decision:
    """Let two orders work; a fill of one cancels the other."""
    return first[:10] + second[:10]


def keep() -> Decision:
    """Decide nothing: what is held and what works stays."""
    return _NONE + _NONE


def is_decision(answer: tuple[Any, ...]) -> bool:
    """Tell whether a tuple is a decision: two legs of numbers, no infinite target."""
    return (
        len(answer) == 2 * len(LEG_FIELDS)
        and all(isinstance(part, int | float) for part in answer)
        and not math.isinf(answer[0])
        and not math.isinf(answer[len(LEG_FIELDS)])
    )
