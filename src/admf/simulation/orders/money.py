"""What a fill costs, and how large a position becomes."""

from __future__ import annotations

import math
from typing import Any

from admf.simulation.lots import NOTHING, in_lots
from admf.simulation.orders.layout import (
    HAS_ACCOUNT,
    HAS_FEES,
    HAS_IMPACT,
    HAS_MARGIN,
    HAS_RISK,
    HAS_SIZING,
    HAS_SPREAD_PRICE,
    S_CASH,
    S_LOST,
    S_MONTH_TRADED,
    S_OTHERS,
    S_POS,
    S_SHARED,
    S_TRADES,
    S_WINS,
    S_WON,
    X_ADV,
    X_ATR,
    X_LOCATE,
    X_SIGMA,
    X_SPREAD,
    place_of,
)
from admf.simulation.records import NO_LOCATE, NO_PRICE, NO_VOLATILITY, NOT_AFFORDABLE, TOO_SMALL
from admf.simulation.risk import units_within

P_METHOD, P_FRACTION, P_UNITS, P_LOT = (place_of(n) for n in ("method", "fraction", "units", "lot_size"))
P_VALUE, P_TARGET_VOLATILITY = place_of("value"), place_of("target_volatility")
P_RISK, P_ATR_MULTIPLE = place_of("risk_per_trade"), place_of("atr_multiple")
P_KELLY, P_KELLY_TRADES = place_of("kelly_fraction"), place_of("kelly_trades")
P_PERIODS = place_of("periods_per_year")
P_COMMISSION, P_PER_UNIT = place_of("commission"), place_of("commission_per_unit")
P_FIXED, P_FEE_MIN, P_FEE_MAX = (place_of(f"commission_{n}") for n in ("fixed", "min", "max"))
P_FEE_SHARE = place_of("commission_max_fraction")
P_MAKER, P_TAKER = place_of("maker"), place_of("taker")
P_TIERS, P_TIER_ABOVE, P_TIER_RATE = place_of("tiers"), place_of("tier_above_1"), place_of("tier_rate_1")
P_SLIPPAGE, P_SLIPPAGE_VOLATILITY = place_of("slippage"), place_of("slippage_volatility")
P_IMPACT, P_SPREAD, P_SPREAD_FIXED = place_of("impact"), place_of("spread"), place_of("spread_fixed")
P_LEVERAGE, P_LOCATES = place_of("leverage"), place_of("locates")
P_MAX_UNITS, P_MAX_VALUE = place_of("max_position_units"), place_of("max_position_value")
P_MAX_EXPOSURE, P_MAX_LEVERAGE = place_of("max_exposure"), place_of("max_leverage")
P_MAX_CONCENTRATION = place_of("max_concentration")

MOST_SLIP = 0.9  # of the price
FIXED_UNITS, FIXED_VALUE, VOLATILITY_TARGET, ATR_RISK, KELLY = 1.0, 2.0, 3.0, 4.0, 5.0
LOCATES_NONE, LOCATES_COLUMN = 1.0, 2.0


def slip_of(p: Any, x: Any, units: float) -> float:
    """Slippage of a fill as a fraction of the price; square-root impact as in Almgren et al. (2005)."""
    slip: float = p[P_SLIPPAGE]
    if HAS_IMPACT:
        sigma = x[X_SIGMA]
        if sigma > 0.0 and (p[P_SLIPPAGE_VOLATILITY] > 0.0 or p[P_IMPACT] > 0.0):
            slip += p[P_SLIPPAGE_VOLATILITY] * sigma
            if x[X_ADV] > 0.0:
                slip += p[P_IMPACT] * sigma * math.sqrt(units / x[X_ADV])
            slip = min(slip, MOST_SLIP)  # beyond that, neither law says anything
    return slip


def entry_prices(p: Any, x: Any, side: float, q: float, units: float, bound: float) -> tuple[float, float]:
    """Price of an entry after slippage, and after spread too; never worse than `bound` (0: no bound)."""
    slipped = q * (1.0 + side * slip_of(p, x, units))
    price = slipped * (1.0 + side * p[P_SPREAD])
    if HAS_SPREAD_PRICE:
        price = price + side * (p[P_SPREAD_FIXED] + x[X_SPREAD])
    if bound > 0.0 and side * (price - bound) > 0.0:
        price = bound
        if side * (slipped - bound) > 0.0:
            slipped = bound
    return slipped, price


def exit_price(p: Any, x: Any, side: float, q: float, units: float, bound: float) -> float:
    """Price at which a position of this side is closed; never worse than `bound` (0: no bound)."""
    price: float = q * (1.0 - side * slip_of(p, x, units))
    if bound > 0.0 and side * (bound - price) > 0.0:
        price = bound
    return price


def rate_of(s: Any, p: Any) -> float:
    """Commission as a fraction of the value; that of the month's tier where there are tiers."""
    rate: float = p[P_COMMISSION]
    if HAS_FEES:
        for i in range(int(p[P_TIERS])):
            if s[S_MONTH_TRADED] >= p[P_TIER_ABOVE + i]:
                rate = p[P_TIER_RATE + i]
    return rate


def fee_of(s: Any, p: Any, units: float, price: float, maker: bool) -> float:
    """Commission of a fill, currency."""
    rate = rate_of(s, p)
    if HAS_FEES:
        rate += p[P_MAKER] if maker else p[P_TAKER]
    fee: float = units * price * rate + units * p[P_PER_UNIT] + p[P_FIXED]
    if HAS_FEES:
        fee = max(fee, p[P_FEE_MIN])
        fee = min(fee, p[P_FEE_MAX])
        if p[P_FEE_SHARE] != math.inf:
            fee = min(fee, units * price * p[P_FEE_SHARE])
    return fee


def fixed_fee(p: Any) -> float:
    """Commission that does not depend on the size, at its highest."""
    fixed: float = p[P_FIXED]
    if HAS_FEES:
        fixed = max(fixed, p[P_FEE_MIN])
    return fixed


def unit_cost_of(s: Any, p: Any, x: Any, slipped: float, price: float) -> float:
    """Cash that a unit takes with its commission, at the highest rate that the fill may get."""
    rate = rate_of(s, p)
    if HAS_FEES:
        rate += max(p[P_MAKER], p[P_TAKER])
    cost: float = price + slipped * rate + p[P_PER_UNIT]
    if HAS_SPREAD_PRICE and price > slipped and p[P_SPREAD_FIXED] + x[X_SPREAD] > 0.0:
        cost = price + price * rate + p[P_PER_UNIT]
    return cost


def kelly_share(s: Any, p: Any) -> float:
    """Share of the equity by the fractional Kelly rule over the trades so far: W - (1 - W) / R, scaled.

    W is the share of winners, R the mean win over the mean loss. Before there are enough trades it is the
    fraction of the settings; without a loss so far it is as large as W, without a win 0.
    """
    trades = s[S_TRADES]
    if trades < p[P_KELLY_TRADES] or trades == 0.0:
        fraction: float = p[P_FRACTION]
        return fraction
    wins = s[S_WINS]
    losses = trades - wins
    if wins == 0.0 or s[S_WON] <= 0.0:
        return 0.0
    share = wins / trades
    if losses > 0.0 and s[S_LOST] > 0.0:
        ratio = (s[S_WON] / wins) / (s[S_LOST] / losses)
        share -= (1.0 - share) / ratio
    return max(p[P_KELLY] * share, 0.0)


def equity_at(s: Any, q: float) -> float:
    """Equity with the position at quote `q`."""
    equity: float = s[S_CASH] + s[S_POS] * q
    if HAS_ACCOUNT:
        equity += s[S_OTHERS]
    return equity


def credit_of(p: Any, equity: float) -> float:
    """Cash that an account may owe."""
    return (p[P_LEVERAGE] - 1.0) * equity if HAS_MARGIN and equity > 0.0 else 0.0


def within_cash(s: Any, p: Any, x: Any, q: float, units: float, bound: float) -> float:
    """Units of a purchase that the account's cash, and credit, suffice for."""
    price = entry_prices(p, x, 1.0, q, units, bound)[1]
    rate = rate_of(s, p)
    if HAS_FEES:
        rate += max(p[P_MAKER], p[P_TAKER])
    free = s[S_CASH] + credit_of(p, equity_at(s, q)) - fixed_fee(p)
    return min(units, in_lots(max(free, 0.0) / (price + price * rate + p[P_PER_UNIT]), p[P_LOT]))


def of_weight(
    s: Any, p: Any, x: Any, target: float, q: float, bound: float
) -> tuple[float, float, float]:  # fmt: skip
    """`wanted` of a symbol in a portfolio: its weight of the equity."""
    side = 1.0 if target > 0.0 else -1.0
    slipped, price = entry_prices(p, x, side, q, 0.0, bound)
    unit_cost = unit_cost_of(s, p, x, slipped, price)
    equity = equity_at(s, q)
    if not equity > 0.0:
        return 0.0, unit_cost, float(NOT_AFFORDABLE)
    want = in_lots(side * target * equity / q, p[P_LOT])
    return want, unit_cost, 0.0


def wanted(s: Any, p: Any, x: Any, target: float, q: float, bound: float) -> tuple[float, float, float]:
    """Size the position that `target` asks for at quote `q`.

    Returns
    -------
    tuple of float
        Units without sign; what one costs; the status code of a refusal, 0 where there is none.
    """
    side = 1.0 if target > 0.0 else -1.0
    slipped, price = entry_prices(p, x, side, q, 0.0, bound)
    unit_cost = unit_cost_of(s, p, x, slipped, price)
    fixed = fixed_fee(p)
    equity = equity_at(s, q)
    if not (price > 0.0 and unit_cost > 0.0):
        return 0.0, unit_cost, float(NO_PRICE)
    if HAS_ACCOUNT and s[S_SHARED] == 1.0:
        return of_weight(s, p, x, target, q, bound)
    method = p[P_METHOD]
    if method == FIXED_UNITS:
        return in_lots(p[P_UNITS] * (side * target), p[P_LOT]), unit_cost, 0.0
    budget = equity * (side * target) * p[P_FRACTION]
    if HAS_SIZING:
        most = equity * p[P_LEVERAGE] if HAS_MARGIN else equity
        if method == FIXED_VALUE:
            budget = p[P_VALUE] * (side * target)
        elif method == VOLATILITY_TARGET:
            sigma = x[X_SIGMA]
            if not sigma > 0.0:
                return 0.0, unit_cost, float(NO_VOLATILITY)
            share = p[P_TARGET_VOLATILITY] / (sigma * math.sqrt(p[P_PERIODS]))
            budget = equity * (side * target) * min(share, p[P_LEVERAGE])
        elif method == ATR_RISK:
            if not x[X_ATR] > 0.0:
                return 0.0, unit_cost, float(NO_VOLATILITY)
            units = equity * (side * target) * p[P_RISK] / (p[P_ATR_MULTIPLE] * x[X_ATR])
            if HAS_IMPACT and p[P_IMPACT] > 0.0 and most > fixed:
                slipped, price = entry_prices(p, x, side, q, (most - fixed) / unit_cost, bound)
                unit_cost = unit_cost_of(s, p, x, slipped, price)
            return in_lots(min(units, (most - fixed) / unit_cost), p[P_LOT]), unit_cost, 0.0
        elif method == KELLY:
            budget = equity * (side * target) * min(kelly_share(s, p), p[P_LEVERAGE])
        budget = min(budget, most)
    budget -= fixed
    want = in_lots(budget / unit_cost, p[P_LOT])
    if HAS_IMPACT and p[P_IMPACT] > 0.0 and want > 0.0:
        # the price that this size would pay: a smaller one pays less, so the budget is never overdrawn
        slipped, price = entry_prices(p, x, side, q, budget / unit_cost, bound)
        unit_cost = unit_cost_of(s, p, x, slipped, price)
        want = in_lots(budget / unit_cost, p[P_LOT])
    return want, unit_cost, 0.0


def allowed(
    p: Any, x: Any, side: float, want: float, size: float, q: float, equity: float, others: float
) -> tuple[float, float, int, float]:
    """Cut a wanted position, where `size` units are held, by risk and locates; `others` are held beside it.

    Returns
    -------
    tuple
        Units; the status code of a refusal, 0 where there is none; the risk rule that cut, and how much.
    """
    rule = 0
    lost = 0.0
    if HAS_RISK:
        units, rule = units_within(
            want,
            q,
            equity,
            others,
            p[P_MAX_UNITS],
            p[P_MAX_VALUE],
            p[P_MAX_EXPOSURE],
            p[P_MAX_LEVERAGE],
            p[P_MAX_CONCENTRATION],
        )
        if want - units <= NOTHING * want:
            rule = 0  # that is how a limit over a price, or a count of lots, was rounded
        else:
            lost = want - units
            want = in_lots(units, p[P_LOT])
    if HAS_MARGIN and side < 0.0:
        if p[P_LOCATES] == LOCATES_NONE and want > size:
            return 0.0, float(NO_LOCATE), rule, lost
        if p[P_LOCATES] == LOCATES_COLUMN and want > size:
            there = x[X_LOCATE]
            if not there > 0.0:
                return 0.0, float(NO_LOCATE), rule, lost
            if want - size > there:
                want = in_lots(size + there, p[P_LOT])
    return want, (0.0 if want > 0.0 else float(TOO_SMALL)), rule, lost


def affordable(s: Any, p: Any, q: float, size: float, more: float, unit_cost: float) -> bool:
    """Tell whether fixed units are within the account's means."""
    equity = equity_at(s, q)
    if HAS_MARGIN:
        equity = equity * p[P_LEVERAGE]
    free: float = equity - size * q
    return not (more > 0.0 and more * unit_cost + fixed_fee(p) > free * (1.0 + NOTHING))
