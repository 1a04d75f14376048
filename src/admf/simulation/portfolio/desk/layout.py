"""Where things stand in the arrays of the desk.

``A_`` is a place in the account that all symbols share, ``C_`` a column of the plan (one row a symbol) in
which a row of the calendar is worked out, ``R_`` a column of the sheet of rows that it brings. The state of a
symbol is that of the order engine, see `admf.simulation.orders.layout`.
"""

from __future__ import annotations

from admf.simulation.orders.layout import BOX_WIDTH
from admf.simulation.records import ORDER_COLUMNS

ACCOUNT = (
    "cash", "equity", "row", "rows", "peak", "day", "day_equity", "lost_day", "halted", "scale",
    "margin_call", "month", "month_traded", "borrow", "funding", "margin_interest", "cash_interest",
    # sums over all positions at their quotes, while symbols go through their bars
    "value", "gross", "open",
    # 1 where a row is a day: its loss blocks the orders of the next one
    "later",
)  # fmt: skip
_A = {name: at for at, name in enumerate(ACCOUNT)}
A_CASH, A_EQUITY, A_ROW, A_ROWS, A_PEAK = (_A[n] for n in ("cash", "equity", "row", "rows", "peak"))
A_DAY, A_DAY_EQUITY, A_LOST_DAY = _A["day"], _A["day_equity"], _A["lost_day"]
A_HALTED, A_SCALE, A_MARGIN_CALL = _A["halted"], _A["scale"], _A["margin_call"]
A_MONTH, A_TRADED, A_LATER = _A["month"], _A["month_traded"], _A["later"]
A_VALUE, A_GROSS, A_OPEN = _A["value"], _A["gross"], _A["open"]
A_BORROW, A_FUNDING = _A["borrow"], _A["funding"]
A_MARGIN_INTEREST, A_CASH_INTEREST = _A["margin_interest"], _A["cash_interest"]
ACCOUNT_SIZE = len(ACCOUNT)

# here: the symbol has a bar; fact: its row in the facts; open: it has one, and is not halted; touched: an
# entry that waits for a close to be whole; asked: units that an order wants before the volume's cap; rest:
# of an order that was sized before; short: the volume does not suffice; done:
# units traded; aim:
# weight that the allocation wants; carry: paid for holding it.
PLAN = (
    "here", "fact", "open", "due", "quote", "want", "out", "more", "asked_out", "asked_more", "rest", "short",
    "done", "touched", "late", "held", "aim", "carry",
)  # fmt: skip
_C = {name: at for at, name in enumerate(PLAN)}
C_HERE, C_FACT, C_OPEN, C_DUE, C_QUOTE = (_C[n] for n in ("here", "fact", "open", "due", "quote"))
C_WANT, C_OUT, C_MORE = _C["want"], _C["out"], _C["more"]
C_ASKED_OUT, C_ASKED_MORE, C_SHORT = _C["asked_out"], _C["asked_more"], _C["short"]
C_DONE, C_REST = _C["done"], _C["rest"]
C_TOUCHED, C_LATE, C_HELD = _C["touched"], _C["late"], _C["held"]
C_AIM, C_CARRY = _C["aim"], _C["carry"]
PLAN_SIZE = len(PLAN)

# A row of the box (flag and columns of an order or trade), then whose it is, units that were wanted (NaN: as
# many as the row says), and whether the cash cut it.
R_SYMBOL, R_WANTED, R_CASH_CUT = BOX_WIDTH, BOX_WIDTH + 1, BOX_WIDTH + 2
R_SIDE, R_TARGET, R_UNITS, R_PRICE, R_STATUS = (
    1 + ORDER_COLUMNS.index(n) for n in ("side", "target", "units", "price", "status")
)
SHEET_WIDTH = BOX_WIDTH + 3
ROWS_A_SYMBOL = 40  # that one row of the calendar brings at most

DUST = 1e-12  # of the equity: less than that is rounding, and is not traded
