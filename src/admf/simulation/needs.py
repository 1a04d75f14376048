"""Whether a backtest has what its settings read, and reads what they say: data, symbol, kind of strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admf.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from admf.core.config.models import BacktestConfig
    from admf.market import Bars
    from admf.strategies import BoundStrategy

_COLUMNS = ("execution.halted_column", "costs.spread_column", "costs.funding_column", "margin.locate_column")
# Keys that say nothing without volume, and what would happen.
_VOLUME = {
    "execution.max_participation_pct": "nothing would ever be filled",
    "execution.halt_on_zero_volume": "every bar would be halted",
    "costs.impact": "no fill would have any impact",
}

# Keys that shape the order of a plain target.
_OF_TARGETS = (
    "order_type",
    "limit_offset_bps",
    "stop_offset_bps",
    "trail_offset_bps",
    "time_in_force",
    "cancel_after_bars",
)


def unused_by_orders(config: BacktestConfig) -> list[Problem]:
    """List the keys that do nothing for a strategy that gives its own orders.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    execution = config.execution
    return [
        Problem(
            f"execution.{key}",
            "does nothing here: the strategy gives its own orders, and these say it themselves",
            found=str(value),
            hint="remove it, and say it in the step, as in limit_order(1.0, 0.99 * close, "
            "cancel_after_bars=5); or let the step return plain targets",
        )
        for key in _OF_TARGETS
        if (value := getattr(execution, key)) != type(execution).model_fields[key].default
    ]


def require_targets(strategy: BoundStrategy, config: BacktestConfig) -> None:
    """Refuse settings for the orders of plain targets, where the strategy gives its own orders.

    Raises
    ------
    ConfigError
        With every such key.
    """
    from admf.simulation.step_source import gives_orders

    problems = unused_by_orders(config)
    if problems and gives_orders(strategy.on_bar, strategy.params):
        raise ConfigError(problems, "BacktestConfig")


def too_few_bars(count: int, config: BacktestConfig) -> list[Problem]:
    """List the estimates that so many bars, up to the end of the simulated range, never complete.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    costs, sizing, execution = config.costs, config.sizing, config.execution
    uses = (
        # a bar's fills know what the bars before it say; a return takes two of these
        (
            "costs.volatility_bars",
            costs.slippage_volatility or costs.impact,
            1,
            "no fill would cost any of it",
        ),
        ("costs.adv_bars", costs.impact, 0, "no fill would have any impact"),
        ("sizing.volatility_bars", sizing.method == "volatility_target", 1, "no order could be sized"),
        ("execution.atr_bars", sizing.method == "atr_risk", 1, "no order could be sized"),
        ("execution.atr_bars", execution.trailing_stop_atr, 1, "no trailing stop would be set"),
    )
    problems: dict[str, Problem] = {}
    for path, used, more, outcome in uses:
        window = _value(config, path)
        assert isinstance(window, int)  # noqa: S101 - the section was validated
        if used and window + more > count - 1:
            problems.setdefault(
                path,
                Problem(
                    path,
                    f"is never complete: {outcome}",
                    found=f"{window}, of {count} bars to the end of the simulated range",
                    allowed=f"at most {max(count - 1 - more, 0)}",
                    hint="load more bars, or choose fewer",
                ),
            )
    return list(problems.values())


def symbol_not_allowed(symbol: str, config: BacktestConfig) -> list[Problem]:
    """Say that risk forbids the very symbol that is simulated; empty where it does not."""
    allowed = config.risk.allowed_symbols
    if not allowed or symbol in allowed:
        return []
    return [
        Problem(
            "risk.allowed_symbols",
            f"does not have {symbol}, which is what is traded: every order would be blocked",
            found=", ".join(allowed),
            hint=f"add {symbol}, or remove it",
        )
    ]


def missing_data(bars: Bars, config: BacktestConfig, *, volume: bool = True) -> list[Problem]:
    """List the keys that name a column which the bars have not, or not usable, or need volume without any.

    Parameters
    ----------
    volume
        Whether to look at the volume too.

    Returns
    -------
    list of Problem
        Paths count from the backtest's section.
    """
    from admf.simulation.facts import FactNeeds, require_columns

    problems = []
    for path in _COLUMNS:
        name = _value(config, path)
        if isinstance(name, str):
            try:
                require_columns(bars, FactNeeds(**{path.split(".")[1]: name}))  # type: ignore[arg-type]
            except DataError as error:
                problems.append(Problem(path, error.message, hint=error.hint))
    return problems + (_missing_volume(bars, config) if volume else [])


def _missing_volume(bars: Bars, config: BacktestConfig) -> list[Problem]:
    if not volume_keys(config) or bars.volume.any():  # a million bars are not looked at for nothing
        return []
    return without_volume("the data", config)


def without_volume(data: str, config: BacktestConfig) -> list[Problem]:
    """Say which keys need the volume that `data` has not; nothing where `data` is empty."""
    return [
        Problem(
            path,
            f"needs volume, and {data} has none: {_VOLUME[path]}",
            hint="load data with volume, or remove it",
        )
        for path in volume_keys(config)
        if data
    ]


def volume_keys(config: BacktestConfig) -> list[str]:
    """List the keys that say nothing without volume."""
    return [path for path in _VOLUME if _value(config, path)]


def silent_volume(bars: Bars, config: BacktestConfig) -> list[str]:
    """Warn of settings that need volume, where the bars of a session have none so far."""
    return [f"{problem.path} {problem.message}" for problem in _missing_volume(bars, config)]


def require_volume(bars: Bars, config: BacktestConfig) -> None:
    """Refuse settings that need volume, where the data has none.

    Raises
    ------
    ConfigError
        With every such key.
    """
    problems = _missing_volume(bars, config)
    if problems:
        raise ConfigError(problems, "BacktestConfig")


def _value(config: BacktestConfig, path: str) -> object:
    section, key = path.split(".")
    value: object = getattr(getattr(config, section), key)
    return value
