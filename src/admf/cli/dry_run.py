"""`admf validate`: config, data and components are checked, time and memory estimated; nothing is run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.cli.execute import silence
from admf.cli.failures import DONE
from admf.cli.output import add_row, plain, stdout_console, table, write_json
from admf.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from admf.core.config import WorkflowConfig
    from admf.core.config.models import BacktestConfig
    from admf.market import Bars
    from admf.market.configured import MarketBars
    from admf.simulation.check import Estimate

_BLOCK = "block:"


def validate_config(
    path: Path, overrides: tuple[str, ...], allow_modules: tuple[str, ...], as_json: bool
) -> int:
    """Check a config and print what a run would do.

    Returns
    -------
    int
        0: it would run.

    Raises
    ------
    ConfigError
        It would not; carries every problem of config, data and strategy.
    """
    from admf.core.config import load_config
    from admf.simulation.check_all import further_problems

    with silence():
        config = load_config(path, overrides, allow_modules, further_problems)
        report = dry_run(config, str(path))
    if as_json:
        write_json(report)
    else:
        _show(report)
    return DONE


def dry_run(config: WorkflowConfig, source: str) -> dict[str, Any]:
    """Say what a run of this config would do.

    Parameters
    ----------
    config
        Checked by its models already.
    source
        What to call it in messages.

    Raises
    ------
    ConfigError
        Data or components are wrong; carries every problem that was found.
    """
    from admf.core.config.models import BacktestConfig

    problems: list[Problem] = []
    report: dict[str, Any] = {
        "ok": True,
        "config": source,
        "config_hash": config.hash(),
        "name": config.name,
        "type": str(config.type),
        "components": {
            "data source": config.data_config.source,
            "task runner": config.infrastructure_config.task_runner,
        },
        "notes": [],
    }
    _check_infrastructure(config, problems, report["notes"])
    market = _load(config, problems, report["notes"])
    loaded = market.bars
    report["data"] = [_describe(bars) for each in market for bars in each.values()]
    if isinstance(config.section, BacktestConfig):
        _check_backtest(config, config.section, loaded, problems, report)
    if problems:
        raise ConfigError(problems, source)
    return report


def _check_infrastructure(config: WorkflowConfig, problems: list[Problem], notes: list[str]) -> None:
    """Look for the package of the task runner, and name the blocks that only a run can look up."""
    infrastructure = config.infrastructure_config
    runner = infrastructure.task_runner
    if runner in ("dask", "ray") and find_spec(f"prefect_{runner}") is None:
        problem = config.problem(
            "infrastructure_config.task_runner",
            f"the {runner} task runner is not installed",
            found=runner,
            allowed="threads, processes; dask and ray with their extras",
            hint=f"pip install 'admf[{runner}]', or choose threads",
        )
        problems.append(problem)
    for block in (infrastructure.compute, infrastructure.indicators, config.output.store):
        if block is not None:
            notes.append(f"{block} is looked up when the run starts")


def _load(config: WorkflowConfig, problems: list[Problem], notes: list[str]) -> MarketBars:
    from admf.market.configured import MarketBars, load_what_can_be
    from admf.simulation.check_all import data_problems

    if config.data_config.source.startswith(_BLOCK):
        notes.append(f"{config.data_config.source} is looked up when the run starts: its data is not checked")
        return MarketBars({}, {})
    try:
        market, error = load_what_can_be(config.data_config)
    except DataError as failed:
        market, error = MarketBars({}, {}), failed
    if error is not None:
        problems += data_problems(config, error)
    return market


def _check_backtest(
    config: WorkflowConfig,
    section: BacktestConfig,
    loaded: dict[str, Bars],
    problems: list[Problem],
    report: dict[str, Any],
) -> None:
    """Check strategy or portfolio on the bars, and say what would be simulated."""
    from admf.simulation.check import check_workflow, memory_problem

    missing = [symbol for symbol in config.data_config.symbols if loaded and symbol not in loaded]
    found = check_workflow(config, loaded or None, missing=missing)
    problems.extend(found)
    if found or missing:
        return
    describe = _describe_strategy if section.portfolio is None else _describe_portfolio
    cost = describe(config, section, loaded, report)
    if cost is None:
        return
    report["estimate"] = {"seconds": cost.seconds, "bytes": cost.bytes}
    problem = memory_problem(config, config.infrastructure_config.memory_limit_mb, cost)
    if problem is not None:
        problems.append(problem)


def _describe_strategy(
    config: WorkflowConfig, section: BacktestConfig, loaded: dict[str, Bars], report: dict[str, Any]
) -> Estimate | None:
    from admf.market.timeframes import rate_warnings
    from admf.simulation import estimate
    from admf.simulation.api import simulated_range
    from admf.strategies import resolve_strategy

    assert section.strategy is not None  # noqa: S101 - the section was validated
    chosen, allowed = section.strategy, tuple(config.allow_modules)
    strategy = resolve_strategy(chosen.name, chosen.params, allow_modules=allowed)
    report["components"]["strategy"] = strategy.source_ref
    report["strategy"] = {
        "name": strategy.name,
        "params": dict(strategy.params),
        "indicators": {name: spec.key for name, spec in strategy.indicators.items()},
        "columns": dict(strategy.columns),
    }
    bars = next(iter(loaded.values()), None)
    if bars is None:
        return None
    first, last = simulated_range(bars, section)
    report["simulated"] = _span(bars.index, first, last)
    report["notes"] += rate_warnings(bars.timestamps[first:last], bars.periods_per_year)
    return estimate(len(bars), strategy, section, finer=config.data_config.finer is not None)


def _describe_portfolio(
    config: WorkflowConfig, section: BacktestConfig, loaded: dict[str, Bars], report: dict[str, Any]
) -> Estimate | None:
    import pandas as pd

    from admf.market.timeframes import rate_warnings
    from admf.simulation.portfolio.allocation import resolve_allocation
    from admf.simulation.portfolio.api import simulated_rows
    from admf.simulation.portfolio.check import bound_sleeves, estimate_portfolio
    from admf.simulation.portfolio.decider import schedule_of
    from admf.simulation.portfolio.join import calendar_warnings, join

    assert section.portfolio is not None  # noqa: S101 - the section was validated
    allow_modules = tuple(config.allow_modules)
    chosen, when = section.portfolio.allocation, section.portfolio.rebalance
    name, allocation, params = resolve_allocation(chosen.name, chosen.params, allow_modules)
    report["components"]["allocation"] = chosen.name
    report["portfolio"] = {
        "allocation": name,
        "params": params,
        "schedule": schedule_of(when, allocation),
        "band": when.band,
        "strategies": [
            {"symbol": sleeve.symbol, "strategy": bound.source_ref, "params": dict(bound.params)}
            for sleeve, bound in bound_sleeves(allocation, list(loaded), allow_modules)
        ],
    }
    if not loaded:
        return None
    report["notes"] += calendar_warnings(loaded)
    joined = join(loaded)
    index = pd.DatetimeIndex(joined.timestamps.view("M8[ns]"), tz="UTC")
    first, last = simulated_rows(joined, section)
    report["simulated"] = _span(index, first, last)
    report["notes"] += rate_warnings(joined.timestamps[first:last], joined.periods_per_year)
    finer = config.data_config.finer is not None
    return estimate_portfolio(loaded, section, allow_modules, finer=finer)


def _span(index: pd.DatetimeIndex, first: int, last: int) -> dict[str, Any]:
    return {
        "bars": last - first,
        "first": index[first].isoformat(),
        "last": index[last - 1].isoformat(),
    }


def _describe(bars: Bars) -> dict[str, Any]:
    return {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe,
        "bars": len(bars),
        "first": bars.index[0].isoformat(),
        "last": bars.index[-1].isoformat(),
        "fingerprint": bars.fingerprint,
        "findings": [{"severity": each.severity, "message": each.message} for each in bars.findings],
    }


def _show(report: dict[str, Any]) -> None:
    console = stdout_console()
    console.print(plain(f"{report['config']}: ok; nothing was executed"), soft_wrap=True)
    sheet = table(None, "", "")
    add_row(sheet, "workflow", f"{report['type']}: {report['name']}")
    for data in report["data"]:
        span = f"{data['first'][:10]} to {data['last'][:10]}"
        add_row(sheet, "data", f"{data['symbol']}: {data['bars']:,} bars of {data['timeframe']}, {span}")
        for finding in data["findings"]:
            add_row(sheet, f"  {finding['severity']}", finding["message"])
    if "simulated" in report:
        span = f"{report['simulated']['first'][:10]} to {report['simulated']['last'][:10]}"
        add_row(sheet, "simulated", f"{report['simulated']['bars']:,} bars, {span}")
    if "strategy" in report:
        strategy = report["strategy"]
        params = ", ".join(f"{key}={value}" for key, value in strategy["params"].items())
        add_row(sheet, "strategy", f"{report['components']['strategy']}({params})")
        for name, key in (strategy["indicators"] | strategy["columns"]).items():
            add_row(sheet, f"  {name}", key)
    if "portfolio" in report:
        _show_portfolio(sheet, report["portfolio"])
    for name in ("data source", "task runner"):
        add_row(sheet, name, report["components"][name])
    if "estimate" in report:
        cost = report["estimate"]
        add_row(
            sheet,
            "estimate",
            f"{cost['seconds']:.1f} s, {cost['bytes'] / 1e6:.0f} MB; Prefect's start comes on top",
        )
    for note in report["notes"]:
        add_row(sheet, "note", note)
    console.print(sheet)


def _show_portfolio(sheet: Table, portfolio: dict[str, Any]) -> None:
    band = f", band {portfolio['band']:g}" if portfolio["band"] else ""
    add_row(sheet, "allocation", portfolio["allocation"])
    if portfolio["strategies"]:
        for each in portfolio["strategies"]:
            params = ", ".join(f"{key}={value}" for key, value in each["params"].items())
            add_row(sheet, f"  {each['symbol']}", f"{each['strategy']}({params})")
    else:
        for key, value in portfolio["params"].items():
            add_row(sheet, f"  {key}", value)
    add_row(sheet, "rebalancing", f"{portfolio['schedule']}{band}")
