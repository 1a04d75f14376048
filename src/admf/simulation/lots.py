"""Sizes in lots as a pure function on numbers: all engines ask the same one, and live trading will.

It is in the part of Python that numba compiles, and its text goes into the generated kernels.
"""

from __future__ import annotations

NOTHING = 1e-12  # share of a size, or of the cash, that is rounding


def in_lots(units: float, lot_size: float) -> float:
    """Cut units to whole lots; a count that lies below a whole number by rounding alone is that number.

    0.3 units are three lots of 0.1, though 0.3 / 0.1 is 2.9999999999999996 in binary. Rounding is at most
    `NOTHING` of the count: so lots cost at most that share more than the cash that they were cut from.

    Parameters
    ----------
    units
        Without sign; what is below 0 stays below, and NaN stays NaN.
    lot_size
        Units of a lot; 0 where units are fractional: nothing is cut then.

    Returns
    -------
    float
        The count of lots times the size of one: the same bits for the same count.
    """
    if lot_size == 0.0:
        return units
    lots = units / lot_size
    nearest = (lots + 0.5) // 1.0  # of floats a float, compiled too; `math.floor` gives integers
    if nearest - lots > NOTHING * abs(lots):
        nearest -= 1.0
    return nearest * lot_size
