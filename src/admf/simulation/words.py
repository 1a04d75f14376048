"""Settings in words: each function says one line of the assumption card."""

from __future__ import annotations

from admf.simulation.settings import OFF, Settings

_FILLS = {
    "next_open": "a decision made at a close is filled at the next bar's open",
    "same_close": "a decision made at a close is filled at that close (optimistic: it is known only then)",
}
_FORCES = {
    "gtc": "until it is filled or replaced",
    "day": "until the end of the session",
    "ioc": "once: what the first bar's open does not fill is cancelled",
    "fok": "once, as a whole: what the first bar's open does not fill whole is cancelled",
    "at_the_open": "at the open of a session",
    "at_the_close": "at the close of a session",
}
_AT_SESSIONS = {"at_the_open": "open", "at_the_close": "close"}
_PATH = "prices run open, low, high, close in a bar that rises, open, high, low, close in one that falls"


def percent(fraction: float) -> str:
    """Write a fraction in percent."""
    return f"{100 * fraction:.10g} %"


def bps(fraction: float) -> str:
    """Write a fraction in basis points."""
    return f"{1e4 * fraction:.10g} bps"


def count_of(number: float, word: str) -> str:
    """Write a number with its word: ``1 bar``, ``2 bars``."""
    return f"{number:g} {word}{'' if number == 1 else 's'}"


def fill_text(settings: Settings, own_orders: bool = False) -> str:
    """Say at what price a decision is filled, or from when on its order works, and how late it comes."""
    late = settings.latency_bars
    at = f"{count_of(late, 'bar')} after the open of the next bar"
    session = None if own_orders else _AT_SESSIONS.get(settings.time_in_force)
    if session:
        first = at if late else "at the next bar's open"
        return (
            f"what closes or reduces is filled {first}; an entry waits from there on for the {session} of a "
            "session"
        )
    if late:
        return f"a decision reaches the market {at}"
    if not own_orders and settings.order_type == "market":
        return _FILLS[settings.fill]
    if settings.fill == "same_close":
        return f"{_FILLS['same_close']}; an order with a price works from the next bar on"
    return "an order that is given at a close works from the next bar's open on"


def orders_text(settings: Settings, own_orders: bool = False) -> str:
    """Say as what order a plain target is carried out, and how long that works."""
    if own_orders:
        return "as the strategy gives them"
    low, high = bps(settings.limit_offset), bps(settings.stop_offset)
    kinds = {
        "market": "a target is an order at market",
        "limit": f"an entry is a limit order {low} below the close of its decision (a sale: above)",
        "stop_market": f"an entry is a stop order {high} above the close of its decision (a sale: below)",
        "stop_limit": f"an entry is a stop-limit order: stop {high} above the close of its decision, limit "
        f"{low} above the stop (a sale: both below)",
        "trailing_stop_market": f"an entry is a trailing stop order, {bps(settings.trail_offset)} from the "
        "best price since the close of its decision",
    }
    text = kinds[settings.order_type]
    force, most = settings.time_in_force, settings.cancel_after_bars
    if settings.order_type == "market" and force == "gtc" and not most:
        return text
    text += "; what closes or reduces goes at market until it is done; "
    if force in ("ioc", "fok"):
        text += f"an entry is tried {_FORCES[force]}"
    else:
        text += f"the order of an entry works {_FORCES[force]}"
    if most:
        text += f"; it expires after {count_of(most, 'bar')}"
    return text


def inside_text(settings: Settings, own_orders: bool = False, finer: str | None = None) -> str:
    """Say what is taken to happen inside a bar.

    Parameters
    ----------
    own_orders
        Whether the strategy gives orders, and levels with them.
    finer
        Timeframe of finer bars that decide it.
    """
    resting = own_orders or settings.order_type != "market" or settings.maintenance > 0
    if "stops" not in settings.features and not settings.trailing_stop_atr and not resting:
        return "nothing happens inside a bar: no stop or target is set"
    text = (
        "a level that the bar's range touches is filled at the level, or at the open where the bar opens "
        "beyond it; "
    )
    ambiguous = {
        "pessimistic": "of a stop and a target in one bar the stop is taken (pessimistic)",
        "optimistic": "of a stop and a target in one bar the target is taken (optimistic)",
        "path": f"{_PATH}, and what comes first on the way is taken",
    }
    text += ambiguous[settings.intrabar]
    if resting and settings.intrabar != "path":
        better = "worse" if settings.intrabar == "pessimistic" else "better"
        text += f", of several orders the one with the {better} outcome"
    if finer:
        text += f"; bars of {finer} decide it where they reach its high and its low, each in this way"
    return text


def stops_text(settings: Settings, own_orders: bool = False) -> str:
    """Say at what distance a position is closed."""
    parts = []
    basis = "the decision bar's close" if settings.stop_basis == "signal_close" else "the average entry price"
    if settings.stop_loss:
        parts.append(f"stop-loss {percent(settings.stop_loss)} from {basis}")
    if settings.take_profit:
        parts.append(f"take-profit {percent(settings.take_profit)} from {basis}")
    if settings.trailing_stop:
        parts.append(
            f"trailing stop {percent(settings.trailing_stop)} from the best price of the bars before"
        )
    if settings.trailing_stop_atr:
        parts.append(
            f"trailing stop {settings.trailing_stop_atr:g} x ATR({settings.atr_bars}), as known before the "
            "entry, from the best price of the bars before"
        )
    if own_orders:
        parts.append("those that the strategy gives with its orders")
    if parts and (settings.maker or settings.taker):
        parts.append("each is filled as a taker, with slippage, targets too")
    elif parts and (settings.slippage or settings.slippage_volatility or settings.impact):
        parts.append("each is filled with slippage, targets too")
    return "; ".join(parts) or "none"


def reentry_text(settings: Settings, own_orders: bool = False, who: str = "the strategy") -> str:
    """Say when a position may be opened again after a stop, and `who` has to say so."""
    exits = []
    if "stops" in settings.features or settings.trailing_stop_atr or own_orders:
        exits.append("stop, target or trailing exit")
    if settings.maintenance and settings.on_margin_call == "liquidate":
        exits.append("liquidation")
    if not exits:
        return "no stop is set"
    what = " or ".join(exits)
    if own_orders:
        return f"at once after a {what}: an order that the strategy gives is taken as it comes"
    if settings.exit_memory:
        return f"after a {what}, not before {who} has decided otherwise once"
    return f"at once after a {what}, if {who} still says so"


def costs_text(settings: Settings, spread_is_paid: str = "at entry", own_orders: bool = False) -> str:
    """Say what trading costs; of a strategy that gives its own orders, some may rest at a limit."""
    limits = own_orders or settings.order_type in ("limit", "stop_limit")
    except_for = ", but for a limit order that rested and is hit" if limits else ""
    parts = []
    if settings.commission:
        parts.append(f"commission {bps(settings.commission)} of the value, each side")
    if settings.tiers:
        what = "value" if settings.tier_volume == "value" else "units"
        steps = ", ".join(f"{bps(rate)} from {low:,.10g} on" for low, rate in settings.tiers)
        parts.append(f"commission by the {what} traded in the calendar month: {steps}")
    if settings.maker or settings.taker:
        parts.append(
            f"{bps(settings.maker)} where a resting limit is hit (maker), {bps(settings.taker)} elsewhere, "
            "at stops and targets of a position too (taker)"
        )
    if settings.commission_per_unit:
        parts.append(f"commission {settings.commission_per_unit:g} a unit, each side")
    if settings.commission_fixed:
        parts.append(f"commission {settings.commission_fixed:g} a fill")
    if settings.commission_min:
        parts.append(f"commission of a fill at least {settings.commission_min:g}")
    if settings.commission_max < OFF:
        parts.append(f"commission of a fill at most {settings.commission_max:g}")
    if settings.commission_max_fraction < OFF:
        parts.append(f"commission of a fill at most {percent(settings.commission_max_fraction)} of its value")
    if settings.slippage:
        parts.append(f"slippage {bps(settings.slippage)} at every fill{except_for}")
    volatility = f"the volatility of the last {count_of(settings.volatility_bars, 'bar')}"
    if settings.slippage_volatility:
        parts.append(f"slippage {settings.slippage_volatility:g} x {volatility}")
    if settings.impact:
        parts.append(
            f"market impact {settings.impact:g} x {volatility} x sqrt(units / mean volume of the last "
            f"{count_of(settings.adv_bars, 'bar')})"
        )
    if settings.slippage_volatility or settings.impact:
        parts.append("slippage is at most 90 % in all")
    if settings.spread:
        parts.append(f"spread {bps(settings.spread)}, paid {spread_is_paid}")
    if settings.spread_fixed:
        parts.append(f"spread {settings.spread_fixed:g} in the price, paid {spread_is_paid}")
    if settings.spread_column:
        parts.append(f"spread as in column {settings.spread_column}, paid {spread_is_paid}")
    return "; ".join(parts) or "none: every fill at the quoted price, free of charge"


def borrowing_text(settings: Settings) -> str:
    """Say what may be borrowed, what it costs, and when a margin call comes."""
    basic = not settings.order_features() & {"financing", "leverage"}
    if basic:
        return "no leverage at entry; no borrow cost, no margin call and no interest on cash"
    leverage = f"a position's value is up to {settings.leverage:g} x the equity at entry"
    parts = [leverage if settings.leverage > 1 else "no leverage at entry"]
    if settings.maintenance:
        happens = {
            "liquidate": "the position is liquidated at the price where that happens, inside the bar",
            "reduce": "the position is reduced to the leverage at the next open",
        }[settings.on_margin_call]
        below = f"equity below {percent(settings.maintenance)} of the position's value"
        parts.append(f"margin call at {below}: {happens}")
    else:
        parts.append("no margin call")
    return "; ".join([*parts, *financing_texts(settings)])


def financing_texts(settings: Settings) -> list[str]:
    """Say which shares can be borrowed, and what is paid for holding and borrowing, part by part."""
    shares = {
        "all": "shares to sell short can always be borrowed",
        "none": "no shares can be borrowed: short entries are rejected",
        "column": f"shares that can be borrowed are those of column {settings.locate_column}",
    }
    parts = [shares[settings.locates]]
    parts.append(f"short positions pay {_yearly(settings.borrow)}" if settings.borrow else "no borrow cost")
    if settings.margin_rate:
        parts.append(f"borrowed cash pays {_yearly(settings.margin_rate)}")
    else:
        parts.append("borrowed cash is free of charge")
    if settings.cash_interest:
        parts.append(f"free cash earns {_yearly(settings.cash_interest)}")
    else:
        parts.append("no interest on cash")
    if settings.funding:
        payer, receiver = ("long", "short") if settings.funding > 0 else ("short", "long")
        parts.append(f"{payer} positions pay {_yearly(abs(settings.funding))} of funding to {receiver} ones")
    if settings.funding_column:
        parts.append(f"long positions pay the funding of column {settings.funding_column} to short ones")
    if settings.funding_paid_multiple != 1.0:
        parts.append(f"funding that is paid counts {settings.funding_paid_multiple:g} x")
    return parts


def _yearly(rate: float) -> str:
    return f"{percent(rate)} a year"


def volume_text(settings: Settings) -> str:
    """Say how much of an order a bar fills."""
    if not settings.max_participation:
        return "orders fill whole, whatever the bar's volume"
    rest = {
        "carry": "the rest is carried to the next bars",
        "cancel": "the rest of an order is cancelled, but that of a stop, target or limit of risk is carried "
        "to the next bars",
    }[settings.partial_fill]
    return f"the fills of a bar take at most {percent(settings.max_participation)} of its volume; {rest}"


def trades_text(settings: Settings) -> str:
    """Say what counts as a closed trade."""
    text = "a position, or the part of one, that a fill closed, at the average price of its entry"
    if settings.max_participation:
        text += (
            "; an exit that takes several bars is a trade for each of them, in the metrics of trades too: "
            "what they say of wins, streaks and expectancy depends on the cap"
        )
    return text


def halts_text(settings: Settings) -> str:
    """Say which bars are halted."""
    which = ["bars without volume"] if settings.halt_on_zero_volume or settings.max_participation else []
    if settings.halted_column:
        which.append(f"bars where column {settings.halted_column} is not 0")
    if not which:
        return "none: every bar is traded"
    return f"{' and '.join(which)}: nothing fills there, and no level is looked at"


def sizing_text(settings: Settings) -> str:
    """Say how large a position is."""
    full = {
        "fixed_units": f"{settings.units:g} units for a full position",
        "cash_fraction": f"{percent(settings.fraction)} of the equity for a full position, costs included",
        "fixed_value": f"{settings.value:,.10g} of value for a full position, costs included",
        "volatility_target": "a full position has a volatility of "
        f"{percent(settings.target_volatility)} of the equity a year, by the last "
        f"{count_of(settings.volatility_bars, 'bar')}",
        "atr_risk": f"a full position loses {percent(settings.risk_per_trade)} of the equity by a move of "
        f"{settings.atr_multiple:g} x ATR({settings.atr_bars})",
        "kelly": f"{settings.kelly_fraction:g} of the Kelly bet by the closed trades so far, "
        f"{percent(settings.fraction)} of the equity before there are {settings.kelly_trades}",
    }[settings.method]
    if settings.method in ("fixed_value", "volatility_target", "atr_risk", "kelly"):
        full += f", at most {settings.leverage:g} x the equity"
    text = f"{full}, in " + (f"lots of {settings.lot_size:g}" if settings.lot_size else "fractional units")
    if settings.min_value:
        text += f"; an entry or enlargement of less than {settings.min_value:,.10g} is rejected"
    return text


def risk_text(settings: Settings, closed: str = "the position is closed", *, whole_days: bool = False) -> str:
    """Say which limits cut, block or close positions.

    Parameters
    ----------
    closed
        What a loss does.
    whole_days
        Whether a bar is a day or longer: the loss of a bar then blocks what is decided at its close.
    """
    parts = []
    if settings.allowed_symbols:
        parts.append(f"only {', '.join(settings.allowed_symbols)} may be traded")
    cuts = (
        (settings.max_position_units, f"{settings.max_position_units:,.10g} units"),
        (settings.max_position_value, f"{settings.max_position_value:,.10g} of value"),
        (settings.max_exposure, f"{percent(settings.max_exposure)} of the equity"),
        (settings.max_concentration, f"{percent(settings.max_concentration)} of the equity in one symbol"),
    )
    limits = [words for limit, words in cuts if limit < OFF]
    if limits:
        parts.append(f"a position is cut to {', '.join(limits)}")
    if settings.max_leverage < OFF:
        parts.append(f"all positions are cut to {settings.max_leverage:g} x the equity")
    if settings.daily_loss < OFF:
        more = {"block": "no entry", "flatten": f"{closed}, and no entry"}[settings.on_daily_loss]
        lost = percent(settings.daily_loss)
        parts.append(
            f"after a loss of {lost} in a bar {more} that is decided at its close"
            if whole_days
            else f"after a loss of {lost} in a day {more} on that day"
        )
    if settings.max_drawdown < OFF:
        then = {
            "halt": f"{closed}, and trading ends",
            "reduce": f"positions are {percent(settings.reduce_to)} of their size until the next new high",
        }[settings.on_drawdown]
        parts.append(f"at a drawdown of {percent(settings.max_drawdown)} {then}")
    if settings.cooldown_bars:
        bars = count_of(settings.cooldown_bars, "bar")
        parts.append(f"no entry for {bars} after a stop-loss, trailing stop or liquidation")
    if settings.max_open_positions < OFF:
        parts.append(f"at most {count_of(settings.max_open_positions, 'open position')}")
    return "; ".join(parts) or "no limits"
