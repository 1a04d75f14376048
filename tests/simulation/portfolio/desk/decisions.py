"""What is decided at a close: by the allocation, and by the rules of losses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .account import Account
from .holding import Holding
from .rows import Order


def decide(account: Account, weights: Sequence[float]) -> None:
    """Take a weight a symbol; NaN leaves it alone. What risk closes is closed first."""
    for at, weight in enumerate(weights):
        if math.isnan(weight):
            continue
        account.aims[at] = weight
        if not closes(account.holdings[at]):
            order_signal(account, at)


def order_signal(account: Account, at: int) -> None:
    holding, aim = account.holdings[at], account.aims[at]
    if holding.barred * aim > 0.0:
        return  # a level has closed this side: not before it was decided otherwise once
    holding.barred = 0.0
    order(account, holding, aim * account.scale, "signal")


def closes(holding: Holding) -> bool:
    """Whether an order of risk to close is pending."""
    return any(each.reason == "risk" and each.target == 0.0 for each in holding.pending)


def order(account: Account, holding: Holding, target: float, reason: str) -> None:
    """Give an order for a weight, unless the position is within the band of it, or it is on its way.

    What has become needless is called off at once; with latency by a decision that travels like others.
    """
    late = holding.rules.latency_bars and reason == "signal"
    needless = not holding.drifted(target)
    if needless and not (late and holding.pending):
        holding.end_all()
        return
    newest = holding.pending[-1] if holding.pending else None
    if newest and newest.target == target:
        if reason == "risk":
            newest.reason = reason  # it is risk's, and risk does not wait
            newest.arrives = min(newest.arrives, holding.own_bar + 1)
            holding.end_all(travelling_only=True, but=newest)
        return
    if reason == "risk":
        holding.end_all(travelling_only=True)
    late = 0 if reason == "risk" else holding.rules.latency_bars
    for old in [each for each in holding.travelling if each.given == holding.own_bar]:
        if old.arrives == holding.own_bar + 1 + late:  # what risk has ordered comes before what is late
            holding.travelling.remove(old)
            holding.end(old, "replaced by a later decision", bar=-1)
    new = Order(
        target, reason=reason, decided=account.row, basis=holding.mark, best=holding.mark,
        given=holding.own_bar, arrives=holding.own_bar + 1 + late,
    )  # fmt: skip
    holding.judge(new)
    holding.travelling.append(new)


def judge_losses(account: Account, later: int) -> None:
    """Look at the losses of the day and since the peak, and give the orders that follow."""
    risk, equity = account.config.risk, account.equity
    if equity > account.peak:
        account.peak = equity
        if account.scale != 1.0:
            account.scale = 1.0
            for at in sorted(account.aims):
                holding = account.holdings[at]
                if (holding.units or holding.pending) and not closes(holding):
                    order_signal(account, at)
    flat = reduce = False
    blocked = (account.day or 0) + later
    if account.lost_day != blocked and lost(equity, account.day_equity, risk.daily_loss_pct):
        account.lost_day = blocked
        flat = risk.on_daily_loss == "flatten"
    if not account.halted and lost(equity, account.peak, risk.max_drawdown_pct):
        if risk.on_drawdown == "halt":
            account.halted = flat = True
        elif account.scale == 1.0:
            account.scale, reduce = risk.reduce_to_pct / 100.0, True
    if flat:
        by_risk(account, dict.fromkeys(range(len(account.holdings)), 0.0))
    elif reduce:
        by_risk(account, {at: aim * account.scale for at, aim in account.aims.items()})


def by_risk(account: Account, targets: Mapping[int, float]) -> None:
    """Order what is held or pending anew; only what is held is closed or reduced by risk."""
    for at, target in sorted(targets.items()):
        holding = account.holdings[at]
        if (holding.units or holding.pending) and not closes(holding):
            order(account, holding, target, "risk" if holding.units else "signal")


def lost(equity: float, before: float, percent: float | None) -> bool:
    return percent is not None and equity <= before * (1.0 - percent / 100.0)


def watch_margin(account: Account) -> None:
    """At a close: too little equity for what is held is a margin call."""
    margin, gross = account.config.margin, account.gross(account.marks)
    called = bool(margin.maintenance_pct) and account.equity < margin.maintenance_pct / 100.0 * gross
    for holding in account.holdings:
        holding.called = 1.0
        if called and holding.units and margin.on_margin_call == "reduce":
            holding.called = min(1.0, max(account.equity, 0.0) * margin.leverage / gross)
        elif called and holding.units and not holding.forced:
            holding.liquidate_next()
