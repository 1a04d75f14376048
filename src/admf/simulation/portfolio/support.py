"""What a portfolio simulates of a backtest's config: the rest is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from admf.core.config.models import BacktestConfig, RiskConfig
from admf.core.config.portfolio import PortfolioConfig
from admf.core.config.section import Section
from admf.errors import Problem

# Whatever the single-symbol engine learns is refused here until the portfolio's engine knows it too.
_KNOWN = {
    "execution": ("fill", "direction"),
    "sizing": ("method", "fraction", "lot_size"),
    "costs": ("commission_bps", "commission_per_unit", "commission_fixed", "slippage_bps", "spread_bps"),
    "risk": tuple(key for key in RiskConfig.model_fields if key != "cooldown_bars"),
}
_BESIDE = ("start_date", "end_date", "strategy", "portfolio", "initial_cash", "risk_free_pct")
_ONE_SYMBOL = "remove it, or run one workflow for each symbol, with a strategy in place of the portfolio"


def unsupported(config: BacktestConfig) -> list[Problem]:
    """List what the config asks for and a portfolio does not simulate.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    problems: list[Problem] = []
    default = type(config)(portfolio=PortfolioConfig())
    for name, value in config:
        if name in _BESIDE:
            continue
        if isinstance(value, Section):
            problems += _changed(name, value, _KNOWN.get(name, ()))
        elif value != getattr(default, name):
            problems.append(Problem(name, "is not simulated in a portfolio", hint=_ONE_SYMBOL))
    if config.execution.fill != "next_open":
        problems.append(
            Problem(
                "execution.fill",
                "must be next_open in a portfolio: what all symbols decide at a close is filled together, at "
                "their next opens",
                found=config.execution.fill,
                allowed="next_open",
                hint="remove it",
            )
        )
    if config.sizing.method != "cash_fraction":
        problems.append(
            Problem(
                "sizing.method",
                "must be cash_fraction in a portfolio: weights are shares of the equity",
                found=config.sizing.method,
                allowed="cash_fraction",
                hint="remove it; the allocation fixed_weights holds shares that you write",
            )
        )
    return problems


def _changed(name: str, section: Section, known: tuple[str, ...]) -> Iterator[Problem]:
    default = type(section)()
    for key, value in section:
        if (name, key) == ("risk", "cooldown_bars") and value != 0:
            yield Problem(
                "risk.cooldown_bars",
                "counts bars after a stop or liquidation, and a portfolio has neither",
                found=str(value),
                allowed="0",
                hint="remove it; daily_loss_pct stops entries for the rest of a day",
            )
        elif key not in known and value != getattr(default, key):
            found = str(value) if isinstance(value, str | int | float) else None
            yield Problem(
                f"{name}.{key}",
                "is not simulated in a portfolio",
                found=found,
                allowed=", ".join(known) or None,
                hint=_ONE_SYMBOL,
            )
