"""The plan of a common fill: which orders fill now, and how much each would trade."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.lots import in_lots
from admf.simulation.orders.booking import room_of, within
from admf.simulation.orders.layout import (
    EXIT_LEG,
    FIRST_LEG,
    HAS_MARGIN,
    HAS_ORDERS,
    HAS_VOLUME,
    L_ACTIVE,
    L_CLOSE_FIRST,
    L_TARGET,
    L_TIF,
    L_TYPE,
    L_WANT,
    S_POS,
    S_ROW,
    X_FIRST_OF_SESSION,
    X_LAST_OF_SESSION,
    X_LOCATE,
    place_of,
)
from admf.simulation.orders.money import (
    LOCATES_COLUMN,
    LOCATES_NONE,
    P_LOCATES,
    P_LOT,
    entry_prices,
)
from admf.simulation.orders.rows import write_end
from admf.simulation.orders.touch import bound_of, touch_of
from admf.simulation.portfolio.desk.layout import (
    C_ASKED_MORE,
    C_ASKED_OUT,
    C_DUE,
    C_FACT,
    C_MORE,
    C_OPEN,
    C_OUT,
    C_QUOTE,
    C_REST,
    C_SHORT,
    C_TOUCHED,
    C_WANT,
)
from admf.simulation.portfolio.desk.purse import lend, refuse_units, take_back
from admf.simulation.records import (
    BELOW_MINIMUM,
    FILL_OR_KILL,
    NO_LOCATE,
    NO_PRICE,
    NOT_AFFORDABLE,
    TOO_SMALL,
)
from admf.strategies.orders import AT_THE_CLOSE, AT_THE_OPEN, FOK, MARKET

P_MIN_VALUE = place_of("min_value")


def find_due(states: Any, plan: Any, facts: Any, p: Any, closing: bool) -> bool:
    """Mark the orders that fill at these quotes; tell whether there are any."""
    found = False
    for i in range(len(states)):
        c = plan[i]
        c[C_DUE] = 0.0
        s = states[i]
        leg = FIRST_LEG
        if c[C_OPEN] == 0.0 or s[leg + L_ACTIVE] == 0.0 or s[EXIT_LEG + L_ACTIVE] == 1.0:
            continue
        c[C_TOUCHED] = 1.0
        if HAS_ORDERS:
            x = facts[int(c[C_FACT])]
            tif = s[leg + L_TIF]
            if (tif == AT_THE_CLOSE) != closing or (closing and x[X_LAST_OF_SESSION] == 0.0):
                continue
            if tif == AT_THE_OPEN and x[X_FIRST_OF_SESSION] == 0.0:
                continue
            q = c[C_QUOTE]
            c[C_TOUCHED] = 1.0 if touch_of(s, p, leg, q, q, q) > 0.0 else 0.0
            if c[C_TOUCHED] == 0.0 and (closing or s[leg + L_CLOSE_FIRST] == 0.0):
                continue  # what a change of side closes first is closed at the market
        c[C_DUE] = 1.0
        found = True
    return found


def size_up(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, worth: float, dust: float
) -> None:
    """Work out by how many units each due order reduces a position, and opens or enlarges one."""
    for i in range(len(states)):
        c = plan[i]
        if c[C_DUE] == 0.0:
            continue
        s = states[i]
        leg = FIRST_LEG
        q = c[C_QUOTE]
        goal = s[leg + L_TARGET]
        pos = s[S_POS]
        size = abs(pos)
        want = goal * worth / q if worth > 0.0 else 0.0
        lots = in_lots(abs(want), p[P_LOT])
        want = lots if want > 0.0 else -lots
        c[C_REST] = 0.0
        if HAS_VOLUME and s[leg + L_WANT] == s[leg + L_WANT]:  # the rest of an order that was sized before
            c[C_REST] = 1.0
            rest = s[leg + L_WANT]
            if rest > size and abs(want) < rest:
                rest = abs(want) if abs(want) > size else size
            want = rest if goal > 0.0 else -rest
        if goal * pos > 0.0:
            change = abs(want) - size
            if s[leg + L_TYPE] != MARKET and change < 0.0:
                change = 0.0  # its price was judged for the other direction than the size asks for
            out = -change if change < 0.0 else 0.0
            more = change if change > 0.0 else 0.0
        else:
            out = size
            more = abs(want)
        if c[C_TOUCHED] == 0.0:
            more = 0.0  # its entry waits
        if out < size and out * q <= dust:
            out = 0.0
        side = 1.0 if goal > 0.0 else -1.0
        c[C_WANT], c[C_ASKED_OUT], c[C_SHORT] = want, out, 0.0
        if HAS_VOLUME:
            turns = out > 0.0 and out == size
            s[leg + L_WANT] = math.nan if turns or c[C_TOUCHED] == 0.0 else size - out + more
            room = room_of(s, p, facts[int(c[C_FACT])])
            if s[leg + L_TIF] == FOK and c[C_TOUCHED] == 1.0 and not within(out + more, room):
                stays = HAS_ORDERS and s[leg + L_CLOSE_FIRST] == 1.0
                if not stays or within(out, room):
                    kill(s, account, sheet, i, stays)
                    more = 0.0
                if not stays:
                    c[C_DUE] = 0.0
                    continue
            if not within(out, room):
                out, more, c[C_SHORT] = room, 0.0, 1.0
        if more * q <= dust:
            if goal != 0.0 and pos == 0.0 and c[C_TOUCHED] == 1.0 and c[C_SHORT] == 0.0:
                status = float(TOO_SMALL) if worth > 0.0 else float(NOT_AFFORDABLE)
                refuse_units(s, account, sheet, i, side, 0.0, q, status, q)
            more = 0.0
        c[C_OUT] = out
        c[C_MORE] = more
        if more > 0.0:
            c[C_MORE] = acceptable(s, account, plan, facts[int(c[C_FACT])], p, sheet, i, side)


def acceptable(
    s: Any, account: Any, plan: Any, x: Any, p: Any, sheet: Any, i: int, side: float
) -> float:  # fmt: skip
    """Units of an enlargement that are left by the price and the shares to borrow."""
    c = plan[i]
    q: float = c[C_QUOTE]
    more: float = c[C_MORE]
    price = entry_prices(p, x, side, q, 0.0, bound_of(s, FIRST_LEG))[1]
    if not price > 0.0:
        refuse_units(s, account, sheet, i, side, more, price, float(NO_PRICE), q)
        return 0.0
    if HAS_MARGIN and side < 0.0 and p[P_LOCATES] == LOCATES_NONE:
        refuse_units(s, account, sheet, i, side, more, price, float(NO_LOCATE), q)
        return 0.0
    if HAS_MARGIN and side < 0.0 and p[P_LOCATES] == LOCATES_COLUMN and not more <= x[X_LOCATE]:
        there = x[X_LOCATE]
        held = max(-s[S_POS], 0.0)
        more = in_lots(held + there, p[P_LOT]) - held if there > 0.0 else 0.0
        if not more > 0.0:
            refuse_units(s, account, sheet, i, side, c[C_MORE], price, float(NO_LOCATE), q)
            return 0.0
    return more


def worth_it(s: Any, account: Any, plan: Any, x: Any, p: Any, sheet: Any, i: int, more: float) -> float:
    """Units of an enlargement if they reach the least value of an order, else none."""
    if p[P_MIN_VALUE] > 0.0:
        c = plan[i]
        side = 1.0 if c[C_WANT] > 0.0 else -1.0
        price = entry_prices(p, x, side, c[C_QUOTE], 0.0, bound_of(s, FIRST_LEG))[1]
        if more * price < p[P_MIN_VALUE]:
            refuse_units(s, account, sheet, i, side, more, price, float(BELOW_MINIMUM), c[C_QUOTE])
            return 0.0
    return more


def kill(s: Any, account: Any, sheet: Any, i: int, stays: bool) -> None:
    """Cancel an order that was to fill whole at once, and cannot for the volume; what closes first stays."""
    lend(s, account)
    write_end(s, sheet, FIRST_LEG, s[S_ROW], math.nan, float(FILL_OR_KILL))
    take_back(s, account, sheet, i, math.nan)
    if not stays:
        s[FIRST_LEG + L_ACTIVE] = 0.0


def cap(states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any) -> None:
    """Refuse enlargements below the least value of an order, and cut the rest to what the volume leaves."""
    for i in range(len(states)):
        c = plan[i]
        if c[C_DUE] == 0.0:
            continue
        s = states[i]
        x = facts[int(c[C_FACT])]
        more = c[C_MORE]
        rest = c[C_REST] == 1.0
        if more > 0.0 and not rest:
            more = c[C_MORE] = worth_it(s, account, plan, x, p, sheet, i, more)
        c[C_ASKED_MORE] = more
        if not HAS_VOLUME or c[C_SHORT] == 1.0:
            continue
        size = abs(s[S_POS])
        turns = c[C_OUT] > 0.0 and c[C_OUT] == size
        if more > 0.0 and not turns:
            s[FIRST_LEG + L_WANT] = size - c[C_OUT] + more
        left = max(room_of(s, p, x) - c[C_OUT], 0.0)
        if not within(more, left):
            c[C_MORE], c[C_SHORT] = left, 1.0
            if turns:
                s[FIRST_LEG + L_WANT] = more
