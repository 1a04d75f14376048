"""Where things stand in the arrays of the order engine, and the flags of its parts.

The engine is written once, in the part of Python that numba compiles, over flat arrays of floats: the same
text runs compiled (arrays) and in plain Python (lists). Names: ``S_`` is a place in the state, ``L_`` in a
working order (leg), ``D_`` in a leg of a decision, ``P_`` in the settings, ``X_`` in the facts of a bar.
"""

from __future__ import annotations

from admf.simulation.facts import FACTS
from admf.simulation.records import ORDER_COLUMNS
from admf.simulation.settings import ORDER_NUMBERS
from admf.strategies.orders import LEG_FIELDS

# Parts that a compiled engine leaves out where they are not in use: `generate` turns these off. Plain Python
# runs with all on, and gets the same numbers, as what is off has numbers that change nothing.
HAS_ORDERS = True  # order types beside market, time in force, a second leg
HAS_VOLUME = True  # participation cap
HAS_HALTS = True
HAS_PATH = True  # intrabar rule path, or finer bars
HAS_FEES = True  # minimum, maximum, tiers, maker and taker
HAS_SPREAD_PRICE = True  # a spread in price units
HAS_IMPACT = True  # slippage that depends on volatility and size
HAS_FINANCING = True
HAS_SIZING = True  # methods beside cash_fraction and fixed_units
HAS_MARGIN = True  # leverage, maintenance margin, locates
HAS_RISK = True
HAS_ACCOUNT = True  # the symbol is one of several that share cash: a portfolio's

FLAGS = {
    "orders": "HAS_ORDERS", "volume": "HAS_VOLUME", "halts": "HAS_HALTS", "path": "HAS_PATH",
    "fees": "HAS_FEES", "spread_price": "HAS_SPREAD_PRICE", "impact": "HAS_IMPACT",
    "financing": "HAS_FINANCING", "sizing": "HAS_SIZING", "leverage": "HAS_MARGIN", "risk": "HAS_RISK",
    "account": "HAS_ACCOUNT",
}  # fmt: skip

STATE = (
    "cash", "position", "entry_price", "entry_fee", "entry_bar", "high_since", "low_since", "held",
    "bar", "previous_close", "equity", "stop", "goal", "trail", "blocked", "clamped",
    "own_stop", "own_goal", "own_trail", "rows", "outstanding", "last_target", "used_volume",
    "previous_halted",
    # accrued on the open position; then totals of the run
    "financing", "borrow", "funding", "margin_interest", "cash_interest",
    "day", "month", "day_equity", "peak", "month_traded",
    "cooling_until", "blocked_day", "blocked_bar", "halted", "reducing", "margin_call", "forced",
    # closed trades, for Kelly
    "trades", "wins", "won", "lost",
    # extremes that the present sub-bar may add to those since the entry
    "new_high", "new_low",
    # row of the calendar that the bar stands in: where one symbol trades alone, the bar itself
    "row",
    # of a portfolio: whether it is one; value, gross value and number of the other positions; units that the
    # cash did not suffice for; the slot of the newest decision on its way; whether risk forbids the symbol
    "shared", "others", "gross_others", "open_others", "cash_cut", "last_slot",
    "forbidden",
)  # fmt: skip
S = {name: at for at, name in enumerate(STATE)}
S_CASH, S_POS, S_ENTRY, S_ENTRY_FEE = S["cash"], S["position"], S["entry_price"], S["entry_fee"]
S_ENTRY_BAR, S_HIGH, S_LOW, S_HELD = S["entry_bar"], S["high_since"], S["low_since"], S["held"]
S_BAR, S_PREVIOUS_CLOSE, S_EQUITY = S["bar"], S["previous_close"], S["equity"]
S_STOP, S_GOAL, S_TRAIL = S["stop"], S["goal"], S["trail"]
S_OWN_STOP, S_OWN_GOAL, S_OWN_TRAIL = S["own_stop"], S["own_goal"], S["own_trail"]
S_BLOCKED, S_CLAMPED, S_ROWS = S["blocked"], S["clamped"], S["rows"]
S_OUTSTANDING, S_LAST_TARGET = S["outstanding"], S["last_target"]
S_USED_VOLUME, S_PREVIOUS_HALTED = S["used_volume"], S["previous_halted"]
S_FINANCING, S_BORROW, S_FUNDING = S["financing"], S["borrow"], S["funding"]
S_MARGIN_INTEREST, S_CASH_INTEREST = S["margin_interest"], S["cash_interest"]
S_DAY, S_MONTH, S_DAY_EQUITY, S_PEAK = S["day"], S["month"], S["day_equity"], S["peak"]
S_MONTH_TRADED, S_COOLING, S_BLOCKED_DAY = S["month_traded"], S["cooling_until"], S["blocked_day"]
S_BLOCKED_BAR = S["blocked_bar"]
S_HALTED, S_REDUCING, S_MARGIN_CALL, S_FORCED = S["halted"], S["reducing"], S["margin_call"], S["forced"]
S_TRADES, S_WINS, S_WON, S_LOST = S["trades"], S["wins"], S["won"], S["lost"]
S_NEW_HIGH, S_NEW_LOW = S["new_high"], S["new_low"]
S_ROW, S_SHARED, S_OTHERS = S["row"], S["shared"], S["others"]
S_GROSS_OTHERS, S_OPEN_OTHERS = S["gross_others"], S["open_others"]
S_CASH_CUT, S_LAST_SLOT = S["cash_cut"], S["last_slot"]
S_FORBIDDEN = S["forbidden"]

# Working orders: the remainder of an exit that a level caused, and two legs of a decision.
LEG = (
    *LEG_FIELDS,
    "active", "side", "again", "close_first", "want", "decided", "close", "best", "triggered", "reason",
    "live",
)  # fmt: skip
LEG_SIZE = len(LEG)
_L = {name: at for at, name in enumerate(LEG)}
L_TARGET, L_TYPE, L_LIMIT, L_STOP, L_TRAIL = (_L[n] for n in ("target", "type", "limit", "stop", "trail"))
L_TIF, L_CANCEL_AFTER = _L["time_in_force"], _L["cancel_after_bars"]
L_STOP_LOSS, L_TAKE_PROFIT, L_TRAILING = _L["stop_loss"], _L["take_profit"], _L["trailing_stop"]
L_SIDE = _L["side"]
L_ACTIVE, L_AGAIN, L_CLOSE_FIRST, L_WANT = _L["active"], _L["again"], _L["close_first"], _L["want"]
L_DECIDED, L_CLOSE, L_BEST, L_TRIGGERED = _L["decided"], _L["close"], _L["best"], _L["triggered"]
L_REASON, L_LIVE = _L["reason"], _L["live"]
EXIT_LEG = len(STATE)
FIRST_LEG = EXIT_LEG + LEG_SIZE
SECOND_LEG = FIRST_LEG + LEG_SIZE

# Decisions on their way to the market, one slot a bar of latency and one more: flag, two legs, and a tail.
# The reason is a portfolio's, where risk gives orders: else it is the signal, 0.
DECISION_SIZE = len(LEG_FIELDS)
Q_FLAG, Q_LEGS = 0, 1
Q_AGAIN = 1 + 2 * DECISION_SIZE
Q_PLAIN, Q_CLOSE, Q_DECIDED, Q_REASON = (Q_AGAIN + at for at in range(1, 5))
SLOT_SIZE = Q_AGAIN + 5
MOST_LATENCY = 10
QUEUE = SECOND_LEG + LEG_SIZE
LAST_DECISION = QUEUE + (MOST_LATENCY + 1) * SLOT_SIZE  # the last explicit one, to know it again
STATE_SIZE = LAST_DECISION + 2 * DECISION_SIZE

_X = {name: at for at, name in enumerate(FACTS)}
X_OPEN, X_HIGH, X_LOW, X_CLOSE, X_VOLUME = (_X[n] for n in ("open", "high", "low", "close", "volume"))
X_SPREAD, X_SIGMA, X_ADV, X_ATR, X_YEARS = (_X[n] for n in ("spread", "sigma", "adv", "atr", "years"))
X_DAY, X_MONTH = _X["day"], _X["month"]
X_FIRST_OF_SESSION, X_LAST_OF_SESSION = _X["first_of_session"], _X["last_of_session"]
X_HALTED, X_LOCATE, X_FUNDING = _X["halted"], _X["locate"], _X["funding"]
X_FINE_FROM, X_FINE_TO = _X["fine_from"], _X["fine_to"]

# Rows that a bar brings, before they go to the tables: a flag (order or trade) and the columns.
BOX_ROWS = 32
BOX_WIDTH = 1 + len(ORDER_COLUMNS)
IS_ORDER, IS_TRADE = 0.0, 1.0


def place_of(name: str) -> int:
    """Give the position of a number in `Settings.order_numbers`."""
    return ORDER_NUMBERS.index(name)
