"""Fills: how a working order, or a level, changes the account, and the rows that say so."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.orders.layout import (
    HAS_FINANCING,
    HAS_ORDERS,
    HAS_RISK,
    HAS_VOLUME,
    IS_ORDER,
    IS_TRADE,
    L_ACTIVE,
    L_AGAIN,
    L_CLOSE,
    L_DECIDED,
    L_REASON,
    L_SIDE,
    L_STOP_LOSS,
    L_TAKE_PROFIT,
    L_TARGET,
    L_TIF,
    L_TRAILING,
    L_TRIGGERED,
    L_TYPE,
    L_WANT,
    S_BAR,
    S_BLOCKED_BAR,
    S_BLOCKED_DAY,
    S_CASH,
    S_COOLING,
    S_DAY,
    S_ENTRY,
    S_ENTRY_BAR,
    S_ENTRY_FEE,
    S_FINANCING,
    S_FORBIDDEN,
    S_GOAL,
    S_GROSS_OTHERS,
    S_HALTED,
    S_HELD,
    S_HIGH,
    S_LOST,
    S_LOW,
    S_MONTH_TRADED,
    S_OPEN_OTHERS,
    S_OWN_GOAL,
    S_OWN_STOP,
    S_OWN_TRAIL,
    S_POS,
    S_ROWS,
    S_STOP,
    S_TRADES,
    S_TRAIL,
    S_USED_VOLUME,
    S_WINS,
    S_WON,
    X_ATR,
    X_VOLUME,
    place_of,
)
from admf.simulation.orders.money import (
    FIXED_UNITS,
    affordable,
    allowed,
    entry_prices,
    equity_at,
    exit_price,
    fee_of,
    in_lots,
    unit_cost_of,
    wanted,
)
from admf.simulation.records import (
    BELOW_MINIMUM,
    BLOCKED_BY,
    CUT_BY,
    FILL_OR_KILL,
    FILLED,
    NOT_AFFORDABLE,
    PARTLY_FILLED,
    REMAINDER,
    SIGNAL,
    TOO_SMALL,
)
from admf.simulation.risk import blocked_by
from admf.strategies.orders import FOK, MARKET

P_METHOD, P_MIN_VALUE = place_of("method"), place_of("min_value")
P_STOP_LOSS, P_TAKE_PROFIT = place_of("stop_loss"), place_of("take_profit")
P_TRAILING_ATR, P_SIGNAL_CLOSE = place_of("trailing_stop_atr"), place_of("stop_basis")
P_PARTICIPATION, P_PARTIAL_FILL = place_of("max_participation"), place_of("partial_fill")
P_TIER_VOLUME = place_of("tier_volume")
P_SYMBOL_BLOCKED = place_of("symbol_blocked")
P_MAX_POSITIONS = place_of("max_open_positions")

NAN = math.nan
REBALANCE = 2.0  # an order of a portfolio: the size is to be that of its target, also where that is held


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


def room_of(s: Any, p: Any, x: Any) -> float:
    """Units that the participation cap leaves on this bar."""
    if HAS_VOLUME and p[P_PARTICIPATION] > 0.0:
        return in_lots(p, max(p[P_PARTICIPATION] * x[X_VOLUME] - s[S_USED_VOLUME], 0.0))
    return math.inf


def count_fill(s: Any, p: Any, units: float, price: float) -> None:
    """Enter a fill in what the bar has used of its volume, and in the month's traded volume."""
    s[S_USED_VOLUME] += units
    s[S_MONTH_TRADED] += units * price if p[P_TIER_VOLUME] == 0.0 else units


def close_out(
    s: Any, p: Any, x: Any, box: Any, out: float, left: float, target: float, q: float, bar: float,
    decided: float, reason: float, bound: float, maker: bool, whole: bool, kind: float,
) -> None:  # fmt: skip
    """Close `out` units of the position at quote `q`, so that `left` remain."""
    side = 1.0 if s[S_POS] > 0.0 else -1.0
    size = side * s[S_POS]
    price = exit_price(p, x, side, q, out, bound)
    fee = fee_of(s, p, out, price, maker)
    share = s[S_ENTRY_FEE] * (out / size)
    s[S_CASH] += side * out * price
    s[S_CASH] -= fee
    entry = s[S_ENTRY]
    top = price if price > s[S_HIGH] else s[S_HIGH]
    bottom = price if price < s[S_LOW] else s[S_LOW]
    worst = (bottom - entry) / entry if side > 0.0 else (entry - top) / entry
    best = (top - entry) / entry if side > 0.0 else (entry - bottom) / entry
    pnl = side * out * (price - entry) - share - fee
    financing = 0.0
    if HAS_FINANCING:
        financing = s[S_FINANCING] * (out / size)
        pnl -= financing
    write_row(
        s, box, IS_TRADE, s[S_ENTRY_BAR], bar, side, out, entry, price, pnl, share + fee,
        worst if worst < 0.0 else 0.0, best if best > 0.0 else 0.0, reason, s[S_HELD], financing,
    )  # fmt: skip
    write_row(
        s, box, IS_ORDER, decided, bar, -side, target, out, q, price, fee, out * abs(price - q), 0.0, reason,
        float(FILLED) if whole else float(PARTLY_FILLED), kind,
    )  # fmt: skip
    count_fill(s, p, out, price)
    s[S_TRADES] += 1.0
    if pnl > 0.0:
        s[S_WINS] += 1.0
        s[S_WON] += pnl
    else:
        s[S_LOST] -= pnl
    if left > 0.0:
        s[S_POS] = side * left
        s[S_ENTRY_FEE] -= share
        s[S_FINANCING] -= financing
        if whole:
            s[S_HELD] = target
    else:
        s[S_POS] = 0.0
        s[S_ENTRY] = NAN
        s[S_ENTRY_FEE] = 0.0
        s[S_FINANCING] = 0.0
        s[S_HELD] = 0.0
        s[S_TRAIL] = 0.0


def set_levels(s: Any, p: Any, x: Any, leg: int, side: float, opens: bool) -> None:
    """Set stop, target and trailing distance of a position that was opened or enlarged."""
    basis = s[leg + L_CLOSE] if p[P_SIGNAL_CLOSE] == 1.0 else s[S_ENTRY]
    if opens:
        s[S_STOP] = NAN
        s[S_GOAL] = NAN
        s[S_TRAIL] = 0.0
        s[S_OWN_STOP] = s[S_OWN_GOAL] = s[S_OWN_TRAIL] = 0.0
    if p[P_STOP_LOSS] > 0.0 and s[S_OWN_STOP] == 0.0:
        s[S_STOP] = basis * (1.0 - side * p[P_STOP_LOSS])
    if p[P_TAKE_PROFIT] > 0.0 and s[S_OWN_GOAL] == 0.0:
        s[S_GOAL] = basis * (1.0 + side * p[P_TAKE_PROFIT])
    if opens:
        if p[P_TRAILING_ATR] > 0.0 and x[X_ATR] > 0.0:
            s[S_TRAIL] = p[P_TRAILING_ATR] * x[X_ATR]
    move_levels(s, leg)


def move_levels(s: Any, leg: int) -> None:
    """Set the levels that an order names."""
    if HAS_ORDERS:
        if s[leg + L_STOP_LOSS] > 0.0:
            s[S_STOP] = s[leg + L_STOP_LOSS]
            s[S_OWN_STOP] = 1.0
        if s[leg + L_TAKE_PROFIT] > 0.0:
            s[S_GOAL] = s[leg + L_TAKE_PROFIT]
            s[S_OWN_GOAL] = 1.0
        if s[leg + L_TRAILING] > 0.0:
            s[S_TRAIL] = s[leg + L_TRAILING]
            s[S_OWN_TRAIL] = 1.0


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
    if HAS_VOLUME and more > room:
        if not room > 0.0:
            return False
        units, total, whole = room, size + room, False
    open_up(s, p, x, box, leg, units, total, q, bar, bound, maker, whole)
    return whole


def open_up(
    s: Any, p: Any, x: Any, box: Any, leg: int, units: float, total: float, q: float, bar: float,
    bound: float, maker: bool, whole: bool,
) -> None:  # fmt: skip
    """Open or enlarge the position by `units` at quote `q`, so that it is `total` units."""
    target = s[leg + L_TARGET]
    side = 1.0 if target > 0.0 else -1.0
    size = side * s[S_POS]
    slipped, price = entry_prices(p, x, side, q, units, bound)
    s[S_HELD] = target
    fee = fee_of(s, p, units, price, maker)
    s[S_CASH] -= side * units * price
    s[S_CASH] -= fee
    opens = s[S_POS] == 0.0
    if opens:
        s[S_ENTRY] = price
        s[S_ENTRY_FEE] = fee
        s[S_ENTRY_BAR] = bar
        s[S_HIGH] = price
        s[S_LOW] = price
    else:
        s[S_ENTRY] = (size * s[S_ENTRY] + units * price) / total
        s[S_ENTRY_FEE] += fee
    s[S_POS] = side * total
    set_levels(s, p, x, leg, side, opens)
    write_row(
        s, box, IS_ORDER, s[leg + L_DECIDED], bar, side, target, units, q, price, fee,
        units * abs(slipped - q), units * abs(price - slipped), s[leg + L_REASON],
        float(FILLED) if whole else float(PARTLY_FILLED), s[leg + L_TYPE],
    )  # fmt: skip
    count_fill(s, p, units, price)


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
        if rule != 0 and lost > 1e-12 * s[leg + L_WANT]:  # less is how a limit over a price was rounded
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
    write_row(
        s, box, IS_ORDER, s[leg + L_DECIDED], bar, side, s[leg + L_TARGET], 0.0, q, price, 0.0, 0.0, 0.0,
        s[leg + L_REASON], status, s[leg + L_TYPE],
    )  # fmt: skip
    s[leg + L_ACTIVE] = 0.0


def fall_short(s: Any, p: Any, box: Any, leg: int, bar: float, rest: float) -> None:
    """Carry what a bar's volume has left over of an order, or cancel it."""
    if p[P_PARTIAL_FILL] == 1.0 and rest > 0.0 and s[leg + L_REASON] == float(SIGNAL):
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
    if HAS_VOLUME and s[leg + L_TIF] == FOK and units_needed(s, p, x, leg, q, bound) > room_of(s, p, x):
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
            if out > room:
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
