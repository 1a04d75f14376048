"""Risk rules as pure functions on numbers: the simulation and live trading ask the same ones.

All are in the part of Python that numba compiles. A limit that is switched off is infinite.
"""

from __future__ import annotations

import math

# Rules in the order in which they are asked; their positions are the codes that the functions return.
RULES = (
    "none",
    "allowed_symbols",
    "max_drawdown",
    "daily_loss",
    "cooldown",
    "max_open_positions",
    "max_position_units",
    "max_position_value",
    "max_exposure",
    "max_leverage",
    "max_concentration",
)


def blocked_by(
    allowed: bool, halted: bool, day_lost: bool, cooling: bool, open_positions: float, most_positions: float
) -> int:
    """Tell which rule forbids to open or enlarge a position; 0: none does.

    Parameters
    ----------
    allowed
        Whether the symbol may be traded.
    halted
        Whether the drawdown limit has stopped trading.
    day_lost
        Whether the loss of this day has reached its limit.
    cooling
        Whether the time after a stop is not over.
    open_positions
        Positions that would be open with this one.
    most_positions
        Largest number of open positions.
    """
    if not allowed:
        return 1
    if halted:
        return 2
    if day_lost:
        return 3
    if cooling:
        return 4
    if open_positions > most_positions:
        return 5
    return 0


def units_within(
    units: float,
    price: float,
    equity: float,
    gross_others: float,
    most_units: float,
    most_value: float,
    most_exposure: float,
    most_leverage: float,
    most_concentration: float,
) -> tuple[float, int]:
    """Cut a wanted position to the limits, and tell which rule cut it most.

    Parameters
    ----------
    units
        Size of the wanted position, without sign.
    price
        Quoted, of a unit.
    equity
        Of the account, currency.
    gross_others
        Value of all other positions, long and short added, currency.
    most_units, most_value
        Of one position, units and currency.
    most_exposure, most_concentration
        Value of one position as a fraction of the equity.
    most_leverage
        Value of all positions as a multiple of the equity.

    Returns
    -------
    tuple of float and int
        Units that are allowed, 0 at least, and the rule's code in `RULES`, 0 where nothing was cut.
    """
    rule = 0
    if units > most_units:
        units, rule = most_units, 6
    if units * price > most_value:
        units, rule = most_value / price, 7
    worth = equity if equity > 0.0 else 0.0
    if units * price > worth * most_exposure:
        units, rule = worth * most_exposure / price, 8
    room = worth * most_leverage - gross_others
    if units * price > room:
        units, rule = (room / price if room > 0.0 else 0.0), 9
    if units * price > worth * most_concentration:
        units, rule = worth * most_concentration / price, 10
    return units, rule


def share_within(wanted: float, gross_others: float, equity: float, most_leverage: float) -> float:
    """Tell which share of several orders the leverage leaves, all cut alike; 1 where they are within it.

    Parameters
    ----------
    wanted
        Value by which the orders open or enlarge positions, added, currency.
    gross_others
        Value of all that is held beside that, long and short added, currency.
    equity
        Of the account, currency.
    most_leverage
        Value of all positions as a multiple of the equity.
    """
    worth = equity if equity > 0.0 else 0.0
    room = worth * most_leverage - gross_others
    if wanted > room:
        return room / wanted if room > 0.0 else 0.0
    return 1.0


def has_lost(equity: float, before: float, most: float) -> bool:
    """Tell whether the equity lies `most` (a fraction) or more below what it was; not if `most` is infinite.

    Used with the equity at the day's start for the daily loss, and with its peak for the drawdown.
    """
    return most != math.inf and equity <= before * (1.0 - most)
