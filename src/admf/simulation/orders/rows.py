"""Rows of the order and trade tables, as the engine puts them into the box."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.orders.layout import (
    IS_ORDER,
    L_DECIDED,
    L_REASON,
    L_SIDE,
    L_TARGET,
    L_TYPE,
    L_WANT,
    S_POS,
    S_ROWS,
)

NAN = math.nan


def write_row(
    s: Any, box: Any, kind: float, c0: float, c1: float, c2: float, c3: float, c4: float, c5: float,
    c6: float, c7: float, c8: float, c9: float, c10: float, c11: float, c12: float,
) -> None:  # fmt: skip
    """Put a row of the order or trade table into the box."""
    row = box[int(s[S_ROWS])]
    row[0] = kind
    row[1], row[2], row[3], row[4], row[5], row[6], row[7] = c0, c1, c2, c3, c4, c5, c6
    row[8], row[9], row[10], row[11], row[12], row[13] = c7, c8, c9, c10, c11, c12
    s[S_ROWS] += 1.0


def rest_of(s: Any, leg: int) -> float:
    """Units that a working order still wants; NaN where it was not sized."""
    rest: float = abs(s[leg + L_WANT] - abs(s[S_POS]))
    return rest


def write_end(s: Any, box: Any, leg: int, bar: float, units: float, status: float) -> None:
    """Put a row into the box for an order, or a part of it, that is not filled."""
    write_row(
        s, box, IS_ORDER, s[leg + L_DECIDED], bar, s[leg + L_SIDE], s[leg + L_TARGET], units, NAN, NAN, 0.0,
        0.0, 0.0, s[leg + L_REASON], status, s[leg + L_TYPE],
    )  # fmt: skip
