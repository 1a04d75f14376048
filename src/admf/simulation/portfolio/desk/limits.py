"""Risk at a common fill: what opens or enlarges positions is blocked, or cut to the limits."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.lots import in_lots
from admf.simulation.orders.layout import (
    FIRST_LEG,
    L_REASON,
    S_BAR,
    S_COOLING,
    S_FORBIDDEN,
    S_POS,
    place_of,
)
from admf.simulation.orders.money import (
    P_LOT,
    P_MAX_CONCENTRATION,
    P_MAX_EXPOSURE,
    P_MAX_LEVERAGE,
    P_MAX_UNITS,
    P_MAX_VALUE,
)
from admf.simulation.portfolio.desk.layout import (
    A_DAY,
    A_HALTED,
    A_LOST_DAY,
    C_DUE,
    C_FACT,
    C_HELD,
    C_MORE,
    C_OUT,
    C_QUOTE,
    C_REST,
    C_WANT,
)
from admf.simulation.portfolio.desk.plan import worth_it
from admf.simulation.portfolio.desk.purse import refuse_by
from admf.simulation.records import RISK
from admf.simulation.risk import blocked_by, share_within, units_within

P_MAX_POSITIONS = place_of("max_open_positions")

INF = math.inf
LEVERAGE_RULE = 9


def limit(
    states: Any, account: Any, plan: Any, facts: Any, p: Any, sheet: Any, worth: float, dust: float
) -> None:  # fmt: skip
    """Block, or cut to the limits, what the due orders open or enlarge, if all else goes as planned."""
    n = len(states)
    count = 0.0
    for i in range(n):
        c = plan[i]
        pos = states[i][S_POS]
        if pos != 0.0 and (c[C_DUE] == 0.0 or c[C_OUT] < abs(pos) or c[C_MORE] > 0.0):
            count += 1.0
    kept = 0.0
    asked = 0.0
    for i in range(n):
        c = plan[i]
        s = states[i]
        size = abs(s[S_POS])
        keep = size - c[C_OUT] if c[C_DUE] == 1.0 else size
        kept += keep * c[C_QUOTE]
        if c[C_DUE] == 0.0:
            continue
        if s[FIRST_LEG + L_REASON] == RISK:
            c[C_MORE] = 0.0  # risk never enlarges
        x = facts[int(c[C_FACT])]
        rest = c[C_REST] == 1.0
        if c[C_MORE] > 0.0 and not rest:
            c[C_MORE] = worth_it(s, account, plan, x, p, sheet, i, c[C_MORE])
            if c[C_MORE] == 0.0 and keep == 0.0 and size != 0.0:
                count -= 1.0  # it turns no more
        more = c[C_MORE]
        if not more > 0.0:
            continue
        q = c[C_QUOTE]
        side = 1.0 if c[C_WANT] > 0.0 else -1.0
        if size == 0.0:
            count += 1.0
        rule = blocked_by(
            s[S_FORBIDDEN] == 0.0,
            account[A_HALTED] == 1.0,
            account[A_LOST_DAY] == account[A_DAY],
            s[S_BAR] <= s[S_COOLING],
            count,
            p[P_MAX_POSITIONS],
        )
        left = 0.0
        if rule == 0:
            total = keep + more
            units, rule = units_within(
                total, q, worth, 0.0, p[P_MAX_UNITS], p[P_MAX_VALUE], p[P_MAX_EXPOSURE], INF,
                p[P_MAX_CONCENTRATION],
            )  # fmt: skip
            if (total - units) * q > dust:
                left = in_lots(units - keep, p[P_LOT]) if units > keep else 0.0
            else:
                left, rule = more, 0
        if rule != 0:
            refuse_by(s, account, sheet, i, side, more - left, rule, q)
            c[C_MORE] = left if left * q > dust else 0.0
            if c[C_MORE] > 0.0 and not rest:
                c[C_MORE] = worth_it(s, account, plan, x, p, sheet, i, c[C_MORE])
        if c[C_MORE] == 0.0 and keep == 0.0:
            count -= 1.0
        asked += c[C_MORE] * q
    share = share_within(asked, kept, worth, p[P_MAX_LEVERAGE])
    if asked - share * asked > dust:
        for i in range(n):
            c = plan[i]
            if c[C_DUE] == 1.0 and c[C_MORE] > 0.0:
                left = in_lots(c[C_MORE] * share, p[P_LOT])
                side = 1.0 if c[C_WANT] > 0.0 else -1.0
                refuse_by(states[i], account, sheet, i, side, c[C_MORE] - left, LEVERAGE_RULE, c[C_QUOTE])
                c[C_MORE] = left if left * c[C_QUOTE] > dust else 0.0


def granted(plan: Any, p: Any, i: int, units: float, worth: float, dust: float) -> tuple[float, int]:
    """Units that a position may be enlarged by as things stand, and the rule that takes the rest.

    What is held stands in the plan.
    """
    if p[P_MAX_POSITIONS] == INF and p[P_MAX_LEVERAGE] == INF:
        return units, 0
    count = 1.0
    gross = 0.0
    for j in range(len(plan)):
        if j != i:
            held = plan[j][C_HELD]
            count += 1.0 if held != 0.0 else 0.0
            gross += abs(held) * plan[j][C_QUOTE]
    rule = blocked_by(True, False, False, False, count, p[P_MAX_POSITIONS])
    if rule != 0:
        return 0.0, rule
    size = abs(plan[i][C_HELD])
    q = plan[i][C_QUOTE]
    most, rule = units_within(size + units, q, worth, gross, INF, INF, INF, p[P_MAX_LEVERAGE], INF)
    if (size + units - most) * q <= dust:
        return units, 0
    return (in_lots(most - size, p[P_LOT]) if most > size else 0.0), rule
