"""The engine's loop as text, from which `admf.simulation.kernel` generates one module a strategy.

It reads as the whole engine with every feature on. Lines between ``#if`` and ``#end`` are kept where one of
the named features is in use, so that what a run does not use costs it nothing; ``#include`` puts a piece in
place; ``$name`` is an expression that depends on the features. `admf.simulation.plain` says the same in plain
Python and is the oracle: both do the same float operations in the same order, and are tested to be bit-equal.
"""

from __future__ import annotations

# Sizes the position that `target` asks for at quote `q`: `want` units, each costing `unit_cost` to buy.
SIZE = """\
side = 1.0 if target > 0.0 else -1.0
slipped = $entry_slipped
price = $entry_price
unit_cost = $unit_cost
#if cash_fraction
budget = (cash + pos * q) * (side * target) * fraction
#end
want = $want
if abs(want - side * pos) <= $nothing * want:
    want = side * pos  # that much is rounding, and no trade
"""

# Sells (or buys back) all but `left` units of the position at quote `q` on bar `at`, because of `reason`.
EXIT = """\
side = 1.0 if pos > 0.0 else -1.0
size = side * pos
out = size - left
price = $exit_price
fee = $exit_fee
share = entry_fee * (out / size)
cash += side * out * price
cash -= fee
#if record
top = price if price > high_since else high_since
bottom = price if price < low_since else low_since
if pos > 0.0:
    worst = (bottom - entry) / entry
    best = (top - entry) / entry
else:
    worst = (entry - top) / entry
    best = (entry - bottom) / entry
#end
pnl = side * out * (price - entry) - share - fee
#if record
_store(
    trades, n_trades,
    float(entry_bar), float(at), side, out, entry, price, pnl, share + fee,
    worst if worst < 0.0 else 0.0, best if best > 0.0 else 0.0, float(reason), held, 0.0,
)
n_trades += 1
_store(
    orders, n_orders,
    float(decided), float(at), -side, target, out, q, price, fee, $exit_slippage, 0.0, float(reason), 0.0,
    $exit_type,
)
n_orders += 1
#end
#if !record
_book_trade(book, pnl, out * entry, float(at - entry_bar))
book[$traded] += out * price
#end
if left > 0.0:
    pos = side * left
    entry_fee -= share
    held = target
else:
    #if !record
    invested += t - opened
    #end
    pos = 0.0
    entry = _nan
    entry_fee = 0.0
    held = 0.0
"""

# Opens or enlarges the position to `want` units.
ENTER = """\
size = side * pos
more = want - size
#if fixed_units
free = cash + pos * q - size * q
affordable = $affordable
#end
if not want > 0.0:
    #if record
    _store(
        orders, n_orders,
        float(decided), float(at), side, target, 0.0, q, price, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0,
    )
    n_orders += 1
    #end
    #if !record
    book[$too_small] += 1.0
    #end
#if fixed_units
elif not affordable:
    #if record
    _store(
        orders, n_orders,
        float(decided), float(at), side, target, more, q, price, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0,
    )
    n_orders += 1
    #end
    #if !record
    book[$too_dear] += 1.0
    #end
#end
else:
    held = target
    if more > 0.0:
        fee = $entry_fee
        cash -= side * more * price
        cash -= fee
        if pos == 0.0:
            entry = price
            entry_fee = fee
            entry_bar = at
            #if !record
            opened = t
            #end
            high_since = price
            low_since = price
        else:
            entry = (size * entry + more * price) / want
            entry_fee += fee
        pos = side * want
        #if stop_loss
        stop = $basis * (1.0 - side * stop_loss)
        #end
        #if take_profit
        goal = $basis * (1.0 + side * take_profit)
        #end
        #if record
        _store(
            orders, n_orders,
            float(decided), float(at), side, target, more, q, price, fee,
            $entry_slippage, $entry_spread, 0.0, 0.0, 0.0,
        )
        n_orders += 1
        #end
        #if !record
        book[$traded] += more * price
        #end
"""

# Closes the position inside bar t where a level is touched: the tighter stop first, then the target.
STOPS = """\
if pos != 0.0:
    hit = False
    q = 0.0
    reason = 0
    if pos > 0.0:
        #if stop_loss
        level = stop
        why = 1
        #end
        #if trailing_stop
        trail = high_since * (1.0 - trailing_stop)
        #end
        #if stop_loss&trailing_stop
        if trail > level:
            level = trail
            why = 3
        #end
        #if trailing_stop&!stop_loss
        level = trail
        why = 3
        #end
        #if stop_loss trailing_stop
        if low[u] <= level:
            hit = True
            q = open[u] if open[u] < level else level
            reason = why
        #end
        #if take_profit
        if not hit and high[u] >= goal:
            hit = True
            q = open[u] if open[u] > goal else goal
            reason = 2
        #end
    else:
        #if stop_loss
        level = stop
        why = 1
        #end
        #if trailing_stop
        trail = low_since * (1.0 + trailing_stop)
        #end
        #if stop_loss&trailing_stop
        if trail < level:
            level = trail
            why = 3
        #end
        #if trailing_stop&!stop_loss
        level = trail
        why = 3
        #end
        #if stop_loss trailing_stop
        if high[u] >= level:
            hit = True
            q = open[u] if open[u] > level else level
            reason = why
        #end
        #if take_profit
        if not hit and low[u] <= goal:
            hit = True
            q = open[u] if open[u] < goal else goal
            reason = 2
        #end
    if hit:
        at = t - first
        decided = at
        if open[u] > high_since:
            high_since = open[u]
        if open[u] < low_since:
            low_since = open[u]
        #if exit_memory
        blocked = held
        #end
        target = 0.0
        left = 0.0
        #include exit
"""

# Passes over bars on which nothing happens, 32 at a time. Nothing branches off in its two loops, so that they
# become vector instructions where the step allows it. All that could make something happen is asked here;
# where it may, the bars are looked at again, one by one.
CALM = """\
#if exit_memory
if not pending and start > 0 and blocked != blocked:
#end
#if !exit_memory
if not pending and start > 0:
#end
    #if stops
    floor = -np.inf
    ceiling = np.inf
    if pos > 0.0:
        #if stop_loss
        floor = stop
        #end
        #if take_profit
        ceiling = goal
        #end
    elif pos < 0.0:
        #if take_profit
        floor = goal
        #end
        #if stop_loss
        ceiling = stop
        #end
    #end
    events = 0
    for t in range(start, until):
        u = np.uint64(t)
        value = cash + pos * close[u]
        v = 1.0 * $preview
        beyond = (v > 1.0) | (v < -1.0)
        #if long_only
        v = 0.0 if v < 0.0 else v
        #end
        #if short_only
        v = 0.0 if v > 0.0 else v
        #end
        events += (v == v) & (beyond | ($differs))
        #if stops
        events += (low[u] <= floor) | (high[u] >= ceiling)
        #end
    if events == 0:
        for t in range(start, until):
            equity[np.uint64(t - first)] = cash + pos * close[np.uint64(t)]
        start = until
        continue
"""

LOOP = """\
def $name($arguments):
    # Bars first..last-1 are simulated; the step is asked from bar `warm` on. Equity and positions are filled.
    #if record
    orders = np.empty((64, $width))
    trades = np.empty((64, $width))
    n_orders = 0
    n_trades = 0
    clamped = 0
    #end
    #if !record
    invested = 0  # bars with a position at their close, entered when it ends
    opened = 0
    #end
    cash = initial_cash
    pos = 0.0
    entry = _nan
    entry_fee = 0.0
    entry_bar = 0
    high_since = 0.0
    low_since = 0.0
    held = 0.0
    target = 0.0
    pending = False
    #if stop_loss
    stop = 0.0
    #end
    #if take_profit
    goal = 0.0
    #end
    #if exit_memory
    blocked = _nan
    #end
    # nothing can happen before the first decision
    start = first
    while start < warm and start < last:
        equity[np.uint64(start - first)] = cash
        #if record
        positions[start - first] = 0.0
        #end
        start += 1
    until = last
    while start < last:
        #if calm
        until = start + 32 if start + 32 < last else last
        #include calm
        #end
        $before
        #if record
        # The tables grow out here: an array that is assigned inside the loop costs reference counting on
        # every bar (half the time). Between two checks of `room` a decision adds two rows at most, a stop
        # one, the last bar one.
        orders = _roomy(orders, n_orders)
        trades = _roomy(trades, n_orders)
        room = orders.shape[0] - 4
        #end
        for t in range(start, until):
            start = t + 1
            u = np.uint64(t)  # an index without a sign: numba need not ask whether it counts from the end
            # 1. what was decided on the close before
            if pending:
                #if record
                if n_orders > room:
                    start = t
                    break
                #end
                pending = False
                reason = 0
                decided = t - 1 - first
                #if next_open
                at = t - first
                q = open[u]
                #end
                #if same_close
                at = decided
                q = close[t - 1]
                #end
                want = 0.0
                left = 0.0
                resize = pos * target > 0.0 and target != held
                if resize:
                    #include size
                    left = want if want > 0.0 else 0.0
                shrink = pos != 0.0 and left < (pos if pos > 0.0 else -pos)
                if shrink:
                    #include exit
                if target != 0.0 and (pos == 0.0 or (resize and not shrink)):
                    #include size
                    #include enter
            #if stops
            # 2. stops and targets inside the bar
            #include stops
            #end
            # 3. extremes since the entry, known only after the bar; when flat too, as that spares a branch
            #if record trailing_stop
            high_since = high[u] if high[u] > high_since else high_since
            low_since = low[u] if low[u] < low_since else low_since
            #end
            # 4. mark at the close
            value = cash + pos * close[u]
            equity[np.uint64(t - first)] = value
            #if record
            positions[np.uint64(t - first)] = pos
            #end
            # 5. show the close to the strategy
            $decision
            $after
            v = 1.0 * answer
            if v == v:
                if v > 1.0:
                    if v == np.inf:
                        raise ValueError("the step returned infinity")
                    v = 1.0
                    #if record
                    clamped += 1
                    #end
                    #if !record
                    book[$clamped] += 1.0
                    #end
                elif v < -1.0:
                    if v == -np.inf:
                        raise ValueError("the step returned infinity")
                    v = -1.0
                    #if record
                    clamped += 1
                    #end
                    #if !record
                    book[$clamped] += 1.0
                    #end
                #if long_only
                v = 0.0 if v < 0.0 else v
                #end
                #if short_only
                v = 0.0 if v > 0.0 else v
                #end
                #if exit_memory
                if v != blocked:
                    blocked = _nan
                    if $differs:
                        pending = True
                        target = v
                #end
                #if !exit_memory
                if $differs:
                    pending = True
                    target = v
                #end
            #if exit_memory
            else:
                blocked = _nan
            #end
    #if record
    if pending:
        side = 1.0 if target > held or (target == held and target > 0.0) else -1.0
        _store(
            orders, n_orders,
            float(last - 1 - first), -1.0, side, target, _nan, _nan, _nan, 0.0, 0.0, 0.0, 0.0, 3.0,
            0.0,
        )
        n_orders += 1
    ending = (cash, pos, entry, float(entry_bar), held, float(clamped))
    return orders[:n_orders], trades[:n_trades], ending
    #end
    #if !record
    book[$in_market] = float(invested + (last - opened if pos != 0.0 else 0))
    #end
"""

PIECES = {"size": SIZE, "exit": EXIT, "enter": ENTER, "stops": STOPS, "calm": CALM}

# The head of every generated module; what follows it is one of the three tails.
HEAD = '''\
"""Generated by admf: $title."""

from __future__ import annotations

import numpy as np
from numba import njit as _njit
from numba import types as _t

_nan = np.nan
_ROW = _t.Array(_t.float64, 1, "C", readonly=True)
_OUT = _t.Array(_t.float64, 1, "C")
_ROWS = _t.Array(_t.float64, 2, "C", readonly=True)
_TABLE = _t.Array(_t.float64, 2, "C")
_INDEX = _t.Array(_t.int64, 2, "C")
_FLAGS = _t.Array(_t.int64, 1, "C")
_OPTIONS = {"error_model": "numpy", "nogil": True}

$constants

$functions
'''

# A single backtest: the loop, and what records orders and trades.
SINGLE = """

# Scalars, and loops in place of slices: numba compiles this in half the time.
@_njit(**_OPTIONS)
def _store(table, row, $cells):
    $stores


@_njit(**_OPTIONS)
def _roomy(table, used):
    if used + 4 <= table.shape[0]:
        return table
    grown = np.empty((2 * table.shape[0], table.shape[1]))
    for i in range(used):
        for j in range(table.shape[1]):
            grown[i, j] = table[i, j]
    return grown


@_njit(($signature,), cache=True, **_OPTIONS)
$loop
"""

# What a sweep takes from the module of its metrics, by names that no strategy may use.
MEASURED = """
from $module import book_trade as _book_trade
from $module import market_sums as _market_sums
from $module import measure as _measure
"""

# Many trials: `flags` holds a cancel flag, the count of trials done, and of those with each of
# `measures.TOLD`. A trial whose values never are complete is left as it is.
SWEEP = """

@_njit(**_OPTIONS)
$loop


@_njit(($signature,), cache=True, **_OPTIONS)
def run($arguments):
    held = _market_sums(market)
    for i in range(begin, end):
        if flags[0] != 0:
            break
        warm = warms[i]
        if warm < close.shape[0]:
            for j in range($book_size):
                book[j] = 0.0
            _trial($values)
            _measure(out, i, equity, market, held, book, $cash, risk_free, period)
            for j in range($told):
                flags[2 + j] += book[$first_told + j] != 0.0
        flags[1] += 1
"""

# Metrics of one simulation, into row `i` of `out`; `run` is for one that is there already: its trades and
# fills are entered in their order.
MEASURES = """

_PAIR = _t.UniTuple(_t.float64, 2)


@_njit((_TABLE, _t.int64, _ROW, _ROW, _PAIR, _OUT, *[_t.float64] * 3), cache=True, **_OPTIONS)
def measure(out, i, equity, market, held, book, cash, risk_free, period):
    blocks = (equity.shape[0] + $block - 1) // $block
    highs, lows = np.empty(blocks), np.empty(blocks)
    $measures


@_njit((_TABLE, _ROW, _ROW, _ROW, _ROW, _ROW, _ROW, _ROW, *[_t.float64] * 3), cache=True, **_OPTIONS)
def run(out, equity, market, positions, pnl, paid, bars, traded, cash, risk_free, period):
    book = np.zeros($book_size)
    for i in range(pnl.size):
        book_trade(book, pnl[i], paid[i], bars[i])
    for value in traded:
        book[$traded] += value
    for value in positions:
        if value != 0.0:
            book[$held] += 1.0
    measure(out, 0, equity, market, market_sums(market), book, cash, risk_free, period)
"""
