"""Fills: how far a working order brings the position to what it asks for."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.codes import CANCEL_REST
from admf.simulation.lots import NOTHING
from admf.simulation.orders.booking import close_out, open_up, room_of, within
from admf.simulation.orders.layout import (
    HAS_ACCOUNT,
    HAS_RISK,
    HAS_VOLUME,
    IS_ORDER,
    L_ACTIVE,
    L_AGAIN,
    L_DECIDED,
    L_REASON,
    L_SIDE,
    L_TARGET,
    L_TIF,
    L_TRIGGERED,
    L_TYPE,
    L_WANT,
    S_BAR,
    S_BLOCKED_BAR,
    S_BLOCKED_DAY,
    S_CASH_CUT,
    S_COOLING,
    S_DAY,
    S_FORBIDDEN,
    S_GROSS_OTHERS,
    S_HALTED,
    S_HELD,
    S_OPEN_OTHERS,
    S_POS,
    S_SHARED,
    S_USED_VOLUME,
    place_of,
)
from admf.simulation.orders.money import (
    FIXED_UNITS,
    affordable,
    allowed,
    entry_prices,
    equity_at,
    unit_cost_of,
    wanted,
    within_cash,
)
from admf.simulation.orders.rows import rest_of, write_end, write_row
from admf.simulation.records import (
    BELOW_MINIMUM,
    BLOCKED_BY,
    CUT_BY,
    FILL_OR_KILL,
    NOT_AFFORDABLE,
    REMAINDER,
    SIGNAL,
    TOO_SMALL,
)
from admf.simulation.risk import blocked_by
from admf.strategies.orders import FOK, MARKET

P_METHOD, P_MIN_VALUE = place_of("method"), place_of("min_value")
P_PARTICIPATION, P_PARTIAL_FILL = place_of("max_participation"), place_of("partial_fill")
P_SYMBOL_BLOCKED = place_of("symbol_blocked")
P_MAX_POSITIONS = place_of("max_open_positions")
NAN = math.nan
REBALANCE = 2.0  # an order of a portfolio: the size is to be that of its target, also where that is held


def rule_against(s: Any, p: Any) -> int:
    """Code of the risk rule that forbids entries now, 0 where none does."""
    if HAS_RISK:
        return blocked_by(
            p[P_SYMBOL_BLOCKED] == 0.0 and s[S_FORBIDDEN] == 0.0,
            s[S_HALTED] == 1.0,
            s[S_BLOCKED_DAY] == s[S_DAY] or s[S_BAR] == s[S_BLOCKED_BAR],
            s[S_BAR] <= s[S_COOLING],
            1.0 + s[S_OPEN_OTHERS],
            p[P_MAX_POSITIONS],
        )
    return 0


def enter(
    s: Any, p: Any, x: Any, box: Any, leg: int, want: float, q: float, bar: float,
    bound: float, maker: bool,
) -> bool:  # fmt: skip
    """Open or enlarge the position to `want` units; tell whether the order is done with."""
    target = s[leg + L_TARGET]
    side = 1.0 if target > 0.0 else -1.0
    size = side * s[S_POS]
    more = want - size
    if p[P_METHOD] == FIXED_UNITS:
        slipped, price = entry_prices(p, x, side, q, more, bound)
        if not affordable(s, p, q, size, more, unit_cost_of(s, p, x, slipped, price)):
            write_row(
                s, box, IS_ORDER, s[leg + L_DECIDED], bar, side, target, more, q, price, 0.0, 0.0, 0.0, 0.0,
                float(NOT_AFFORDABLE), s[leg + L_TYPE],
            )  # fmt: skip
            return True
    if not more > 0.0:
        s[S_HELD] = target
        return True
    room = room_of(s, p, x)
    units = more
    total = want
    whole = True
    if HAS_VOLUME and not within(more, room):
        if not room > 0.0:
            return False
        units, total, whole = room, size + room, False
    if HAS_ACCOUNT and s[S_SHARED] == 1.0 and side > 0.0:
        paid = within_cash(s, p, x, q, units, bound)
        if not paid > 0.0:
            refuse(s, p, x, box, leg, q, bar, bound, float(NOT_AFFORDABLE))
            return True
        s[S_CASH_CUT] = units - paid
        s[leg + L_WANT] -= units - paid  # what the volume has left over is still wanted
        if paid < units:
            units, total = paid, size + paid
    open_up(s, p, x, box, leg, units, total, q, bar, bound, maker, whole)
    return whole


def size_leg(s: Any, p: Any, x: Any, box: Any, leg: int, q: float, bar: float, bound: float) -> float:
    """Size what a working order wants, cut by risk and locates; returns the status of a refusal, or 0."""
    target = s[leg + L_TARGET]
    side = 1.0 if target > 0.0 else -1.0
    want, _, status = wanted(s, p, x, target, q, bound)
    if status != 0.0:
        return status
    if want > 0.0:
        size = side * s[S_POS]
        want, status, rule, lost = allowed(p, x, side, want, size, q, equity_at(s, q), s[S_GROSS_OTHERS])
        if rule != 0:
            write_end(s, box, leg, bar, lost, float(CUT_BY + rule - 1))
        if status != 0.0:
            s[leg + L_WANT] = 0.0
            return status
        if abs(want - size) <= NOTHING * want:
            want = size  # that much is rounding, as of lots that volume let through one by one: no trade
        more = want - size
        price = entry_prices(p, x, side, q, 0.0, bound)[1]
        if p[P_MIN_VALUE] > 0.0 and more > 0.0 and more * price < p[P_MIN_VALUE]:
            return float(BELOW_MINIMUM)
    s[leg + L_WANT] = want
    return 0.0 if want > 0.0 else float(TOO_SMALL)


def shrink_leg(s: Any, p: Any, x: Any, box: Any, leg: int, q: float, bar: float, bound: float) -> bool:
    """Cut the rest of an order to what the account and the limits bear now; tell whether there is a rest."""
    target = s[leg + L_TARGET]
    side = 1.0 if target > 0.0 else -1.0
    size = max(side * s[S_POS], 0.0)
    if s[leg + L_WANT] <= size or not room_of(s, p, x) > 0.0:
        return True  # it closes, or nothing is traded now
    now = wanted(s, p, x, target, q, bound)[0]
    if now > 0.0:
        now, _, rule, lost = allowed(
            p, x, side, min(now, s[leg + L_WANT]), size, q, equity_at(s, q), s[S_GROSS_OTHERS]
        )
        if rule != 0:
            write_end(s, box, leg, bar, lost, float(CUT_BY + rule - 1))
    s[leg + L_WANT] = min(now, s[leg + L_WANT])
    if s[leg + L_WANT] > size:
        return True
    s[S_HELD] = target
    s[leg + L_ACTIVE] = 0.0
    return False


def refuse(
    s: Any, p: Any, x: Any, box: Any, leg: int, q: float, bar: float, bound: float, status: float
) -> None:
    """Put the row of a refused order into the box, and end the order."""
    side = 1.0 if s[leg + L_TARGET] > 0.0 else -1.0
    price = entry_prices(p, x, side, q, 0.0, bound)[1]
    units = 0.0
    if HAS_ACCOUNT and s[S_SHARED] == 1.0:
        units = max(wanted(s, p, x, s[leg + L_TARGET], q, bound)[0] - max(side * s[S_POS], 0.0), 0.0)
    write_row(
        s, box, IS_ORDER, s[leg + L_DECIDED], bar, side, s[leg + L_TARGET], units, q, price, 0.0, 0.0, 0.0,
        s[leg + L_REASON], status, s[leg + L_TYPE],
    )  # fmt: skip
    s[leg + L_ACTIVE] = 0.0


def fall_short(s: Any, p: Any, box: Any, leg: int, bar: float, rest: float) -> None:
    """Carry what a bar's volume has left over of an order, or cancel it."""
    if p[P_PARTIAL_FILL] == CANCEL_REST and rest > 0.0 and s[leg + L_REASON] == float(SIGNAL):
        write_end(s, box, leg, bar, rest, float(REMAINDER))
        s[leg + L_ACTIVE] = 0.0
    s[leg + L_TRIGGERED] = 1.0


def units_needed(s: Any, p: Any, x: Any, leg: int, q: float, bound: float) -> float:
    """Units that an order would trade, with the account as it stands."""
    target = s[leg + L_TARGET]
    size = abs(s[S_POS])
    want = 0.0
    if target != 0.0:
        side = 1.0 if target > 0.0 else -1.0
        want = wanted(s, p, x, target, q, bound)[0]
        if want > 0.0:
            held = max(side * s[S_POS], 0.0)
            want = allowed(p, x, side, want, held, q, equity_at(s, q), s[S_GROSS_OTHERS])[0]
    if s[S_POS] * target > 0.0 and s[leg + L_AGAIN] != 1.0:
        return abs(want - size)
    return size + want


def carry_out(
    s: Any, p: Any, x: Any, box: Any, leg: int, q: float, bar: float, bound: float, maker: bool
) -> None:  # fmt: skip
    """Bring the position to what a working order asks for, at quote `q`, as far as the volume goes."""
    target = s[leg + L_TARGET]
    pos = s[S_POS]
    size = abs(pos)
    if (
        HAS_VOLUME
        and s[leg + L_TIF] == FOK
        and not within(units_needed(s, p, x, leg, q, bound), room_of(s, p, x))
    ):
        write_end(s, box, leg, bar, NAN, float(FILL_OR_KILL))
        s[leg + L_ACTIVE] = 0.0
        return
    same = pos * target > 0.0
    sized = s[leg + L_WANT] == s[leg + L_WANT]
    resize = same and (target != s[S_HELD] or sized or s[leg + L_AGAIN] == REBALANCE)
    if same and not resize and s[leg + L_AGAIN] == 0.0:
        s[leg + L_ACTIVE] = 0.0
        return
    left = 0.0
    if resize:
        if not sized:
            status = size_leg(s, p, x, box, leg, q, bar, bound)
            if status != 0.0 and status != float(TOO_SMALL):
                refuse(s, p, x, box, leg, q, bar, bound, status)
                return
        elif not shrink_leg(s, p, x, box, leg, q, bar, bound):
            return
        left = max(s[leg + L_WANT], 0.0)
        if s[leg + L_TYPE] != MARKET and pos * (left - size) * s[leg + L_SIDE] < 0.0:
            # its price was judged for the other direction than the size asks for
            s[S_HELD] = target
            s[leg + L_ACTIVE] = 0.0
            return
    if pos != 0.0 and left < size:
        out = size - left
        rest = left
        whole = True
        if HAS_VOLUME:
            room = room_of(s, p, x)
            if not within(out, room):
                if not room > 0.0:
                    fall_short(s, p, box, leg, bar, 0.0)
                    return
                out, rest, whole = room, size - room, False
        close_out(
            s, p, x, box, out, rest, target, q, bar, s[leg + L_DECIDED], s[leg + L_REASON], bound, maker,
            whole, s[leg + L_TYPE],
        )  # fmt: skip
        if not whole:
            fall_short(s, p, box, leg, bar, rest - left)
            return
        if left > 0.0 or target == 0.0:
            s[leg + L_ACTIVE] = 0.0
            return
        s[leg + L_WANT] = NAN  # the account is another after the exit
    if target == 0.0:
        s[leg + L_ACTIVE] = 0.0
        return
    rule = rule_against(s, p)
    if rule != 0:
        refuse(s, p, x, box, leg, q, bar, bound, float(BLOCKED_BY + rule - 1))
        return
    if s[leg + L_WANT] != s[leg + L_WANT]:
        status = size_leg(s, p, x, box, leg, q, bar, bound)
        if status != 0.0:
            refuse(s, p, x, box, leg, q, bar, bound, status)
            return
    elif sized and not resize and not shrink_leg(s, p, x, box, leg, q, bar, bound):
        return
    used = s[S_USED_VOLUME]
    if enter(s, p, x, box, leg, s[leg + L_WANT], q, bar, bound, maker):
        s[leg + L_ACTIVE] = 0.0
    else:
        fall_short(s, p, box, leg, bar, rest_of(s, leg) if s[S_USED_VOLUME] > used else 0.0)
