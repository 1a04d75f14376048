"""The assumption card of a portfolio: under which assumptions its numbers hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from admf.simulation import words
from admf.simulation.assumptions import engine_text, halted_bars
from admf.simulation.portfolio.ground import is_limited
from admf.simulation.portfolio.join import Joined
from admf.simulation.settings import OFF, Settings
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.core.config.portfolio import RebalanceConfig
    from admf.market import Bars

_DIRECTIONS = {
    "both": "long and short",
    "long_only": "long only: a negative weight counts as 0",
    "short_only": "short only: a positive weight counts as 0",
}


def assumption_card(
    joined: Joined,
    first: int,
    last: int,
    settings: Settings,
    schedule: str,
    when: RebalanceConfig,
    allocation: str,
    ending: FloatArray,
    finer: Mapping[str, Bars],
    compiled: bool,
) -> dict[str, str]:
    """Say in words under which assumptions the numbers of a portfolio hold.

    Parameters
    ----------
    ending
        Units at the end, shape (symbols,).
    finer
        Symbol -> finer bars that decide what happens inside a bar.
    compiled
        Whether the compiled engine ran; else plain Python did.
    """
    open_ = [
        f"{units:.10g} {name}" for name, units in zip(joined.symbols, ending.tolist(), strict=True) if units
    ]
    return {
        "allocation": f"{allocation}; what strategies see is their own account, simulated alone, at market "
        "and with the plain costs (commission, slippage and spread in bps, commission a unit and a fill)"
        if schedule == "on_change"
        else allocation,
        "rebalancing": _schedule(schedule, when),
        "fill": _fill(settings),
        "orders": words.orders_text(settings) + _one_order(settings),
        "calendar": _calendar(joined, first, last),
        "absent symbols": "are not traded; they are marked at their last close, and their orders wait for "
        "the next bar unless a later decision replaces them"
        + (
            f"; {when.stale_after_days:g} days after their last bar they get no weight"
            if when.stale_after_days is not None
            else ""
        ),
        "order of fills": _order_of_fills(settings),
        "inside a bar": words.inside_text(settings, finer=_finer(joined, finer)),
        "stops": words.stops_text(settings),
        "re-entry": words.reentry_text(settings, who="the allocation"),
        "sizing": _sizing(settings),
        "costs": words.costs_text(settings, "where a position opens or grows")
        + ("; what is traded in a month is that of all symbols" if settings.tiers else ""),
        "direction": _DIRECTIONS[settings.direction],
        "borrowing": _borrowing(settings),
        "volume": words.volume_text(settings),
        "trades": words.trades_text(settings),
        "halted bars": words.halts_text(settings) + _halted(settings, joined, first, last),
        "risk": _risk(settings, joined),
        "open positions": ("; ".join(open_) + "; marked at the last close, not among the trades")
        if open_
        else "none at the end",
        "data": "; ".join(_data(joined)),
        "bars per year": f"{joined.periods_per_year:g}",
        "engine": engine_text(None if compiled else ""),
    }


def _fill(settings: Settings) -> str:
    plain = settings.order_type == "market" and settings.time_in_force == "gtc" and not settings.latency_bars
    if plain:
        return "a decision made at a close is filled at the next open of each symbol, if there is one"
    return f"{words.fill_text(settings)}; bars are those of each symbol"


def _one_order(settings: Settings) -> str:
    """Say what becomes of an order that a decision finds still working, or on its way."""
    if settings.order_features() & {"orders", "latency", "volume", "halts"}:
        return (
            "; a decision leaves an order that waits for the same weight as it is, and replaces any other of "
            "the symbol"
        )
    return ""


def _order_of_fills(settings: Settings) -> str:
    text = (
        "what reduces positions and short sales first, then purchases, all scaled alike where the cash does "
        "not suffice; what is cut off is not ordered again; what reduces a position asks for no cash"
    )
    if settings.leverage > 1:
        text = text.replace("the cash does", "the cash and what may be borrowed do")
    if settings.order_features() & {"orders", "leverage"} or "stops" in settings.features:
        text += "; inside a bar the symbols come one by one, in their order, with the cash that there is then"
    return text


def _finer(joined: Joined, finer: Mapping[str, Bars]) -> str | None:
    """Name the timeframe of the finer bars, and the symbols where not all have them."""
    if not finer:
        return None
    frame = next(iter(finer.values())).timeframe
    return frame if set(joined.symbols) <= set(finer) else f"{frame} (of {', '.join(finer)})"


def _sizing(settings: Settings) -> str:
    text = f"units = weight x {settings.fraction:g} x equity / price, both at the opens, in "
    text += f"lots of {settings.lot_size:g}" if settings.lot_size else "fractional units"
    text += "; costs come out of the cash"
    if settings.min_value:
        text += f"; an entry or enlargement of less than {settings.min_value:,.10g} is rejected"
    return text


def _borrowing(settings: Settings) -> str:
    """Say what the account may borrow, what that costs, and when a margin call comes."""
    if not settings.order_features() & {"financing", "leverage"}:
        return (
            "none: the absolute weights add to 1 at most; cash goes below zero only where a position costs "
            "more to close than there is; no borrow cost, no margin call and no interest on cash"
        )
    most = f"the absolute weights add to {settings.leverage / max(settings.fraction, 1.0):g} at most"
    if settings.fraction > 1:
        most += (
            f" (times sizing.fraction, {settings.fraction:g}, that is the leverage, {settings.leverage:g})"
        )
    parts = [most]
    if settings.leverage > 1:
        parts.append(f"purchases may borrow up to {settings.leverage - 1:g} x the equity")
    else:
        parts.append("purchases borrow no cash")
    if settings.maintenance:
        below = f"{words.percent(settings.maintenance)} of the value of all positions"
        happens = {
            "liquidate": "inside a bar a position is closed at its price where that happens, the others "
            "being at their opens or last closes; at a close all are closed at their next opens",
            "reduce": "all positions are reduced alike to the leverage at their next opens",
        }[settings.on_margin_call]
        parts.append(f"margin call at equity below {below}: {happens}")
    else:
        parts.append("no margin call")
    return "; ".join([*parts, *words.financing_texts(settings)])


def _halted(settings: Settings, joined: Joined, first: int, last: int) -> str:
    """Count the halted bars of all symbols, where any may be."""
    counts = []
    for column, bars in enumerate(joined.bars.values()):
        halted = halted_bars(settings, bars)
        if halted is None:
            return ""
        rows = joined.rows[column]
        counts.append(halted[(rows >= first) & (rows < last)])
    each = np.concatenate(counts)
    return f" ({np.count_nonzero(each)} of {len(each)} bars of all symbols)"


def _risk(settings: Settings, joined: Joined) -> str:
    """Say which limits there are, and when they are looked at."""
    if not is_limited(settings):
        return "no limits"
    text = words.risk_text(settings, "every position is closed at the next open of its symbol")
    parts = [text]
    if settings.cooldown_bars:
        parts.append("a cooldown is of its symbol alone, in its own bars")
    parts += [
        "sizes are checked at the opens, before costs, where an order opens or enlarges a position",
    ]
    if settings.max_leverage < OFF:
        parts.append("what the leverage does not allow is taken from all such orders of a bar alike")
    if settings.max_open_positions < OFF:
        parts.append("the symbols get the free places in their order")
    if settings.daily_loss < OFF or settings.max_drawdown < OFF:
        parts.append(f"losses are judged at every close; days are those of {joined.timezone}")
        parts.append("what was closed is opened again at the next decision that asks for it")
    return "; ".join(parts)


def _schedule(schedule: str, when: RebalanceConfig) -> str:
    band = f", weights within {when.band:g} of their target left alone" if when.band else ""
    if schedule == "on_change":
        return f"when the target of a symbol changes, that symbol alone{band}"
    if schedule == "every_n_bars":
        return f"every {when.every_bars} bars, decided at the close{band}"
    return f"{schedule}, decided at the close of the first bar of the period{band}"


def _calendar(joined: Joined, first: int, last: int) -> str:
    inside = joined.present[first:last]
    whole = int(np.sum(inside.all(axis=1)))
    return (
        f"{len(inside)} bars, the union of {len(joined.symbols)} symbols' timestamps; on {whole} of them all "
        f"symbols have a bar; days are those of {joined.timezone}"
    )


def _data(joined: Joined) -> list[str]:
    sources: dict[str, list[str]] = {}
    for symbol, bars in joined.bars.items():
        adjusted = [finding.message for finding in bars.findings if finding.kind == "adjusted"]
        state = adjusted[0] if adjusted else "prices as they are in the source, not adjusted"
        sources.setdefault(f"{bars.source}: {state}", []).append(symbol)
    return [
        text if len(sources) == 1 else f"{', '.join(symbols)}: {text}" for text, symbols in sources.items()
    ]
