"""What a portfolio simulates of a backtest's config: the rest is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from admf.core.config.models import BacktestConfig, CostsConfig, ExecutionConfig, MarginConfig, RiskConfig
from admf.core.config.portfolio import PortfolioConfig
from admf.core.config.section import Section
from admf.errors import Problem

# A key that is new in the config is refused here until the portfolio knows it.
_KNOWN = {
    "execution": tuple(key for key in ExecutionConfig.model_fields if key != "repeat_signal"),
    "sizing": ("method", "fraction", "lot_size", "min_value"),
    "costs": tuple(CostsConfig.model_fields),
    "margin": tuple(MarginConfig.model_fields),
    "risk": tuple(RiskConfig.model_fields),
}
_BESIDE = (
    *("start_date", "end_date", "strategy", "portfolio", "initial_cash", "risk_free_pct"),
    "pessimistic_rerun",
)
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
                "must be next_open in a portfolio: what is decided at a close of all symbols is known only "
                "then, and goes to the market from their next opens on",
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
        if key in known or value == getattr(default, key):
            continue
        found = str(value) if isinstance(value, str | int | float) else None
        if (name, key) == ("execution", "repeat_signal"):
            yield Problem(
                f"{name}.{key}",
                "must be hold in a portfolio: what is held already is brought to its weight, not sold first",
                found=found,
                allowed="hold",
                hint="remove it",
            )
        else:
            yield Problem(
                f"{name}.{key}",
                "is not simulated in a portfolio",
                found=found,
                allowed=", ".join(known) or None,
                hint=_ONE_SYMBOL,
            )
