"""What holding a position and owing or having cash costs, as pure functions on numbers: above 0 is paid.

Rates are fractions of the value in a year, prices those of the last close. All are in the part of Python that
numba compiles: one symbol and a portfolio ask the same ones, and live trading will.
"""

from __future__ import annotations


def borrow_fee(pos: float, price: float, rate: float, years: float) -> float:
    """Fee for the shares that a short position borrows; 0 for a long one."""
    return -pos * price * rate * years if pos < 0.0 else 0.0


def funding_fee(pos: float, price: float, rate: float, paid_multiple: float) -> float:
    """Funding of a position: what is paid, not what is received, times `paid_multiple`.

    rate: of the whole time, not of a year. The long side pays where it is above 0, the short side below.
    """
    paid = pos * price * rate
    return paid * paid_multiple if paid > 0.0 else paid


def interest(cash: float, rate: float, years: float) -> float:
    """Interest on the cash that is owed; 0 where none is."""
    return -cash * rate * years if cash < 0.0 else 0.0


def interest_earned(free: float, rate: float, years: float) -> float:
    """Interest that cash brings, without the proceeds of short sales; 0 where there is none."""
    return free * rate * years if free > 0.0 else 0.0
