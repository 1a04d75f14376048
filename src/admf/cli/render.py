"""A workflow's result as text for people; the same for a run that just ended and for a stored one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from admf.cli.output import add_row, plain, table
from admf.simulation.cost_kinds import kind_title, paid_costs, received

# What a reader wants first, in this order; `--json` and the report have all metrics.
HEADLINE = (
    "final_equity",
    "cum_returns_final",
    "buy_and_hold_return",
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "longest_drawdown",
    "exposure",
    "turnover",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
)


def show_result(result: Mapping[str, Any], console: Console, *, command_seconds: float | None = None) -> None:
    """Print a result: what ran, its metrics, costs, warnings, and where its files are.

    Parameters
    ----------
    result
        The mapping of a `WorkflowResult`, as in ``result.json``.
    console
        Where to.
    command_seconds
        Wall time of the command that ran it; None where that is not known.
    """
    head = f"{result['name']}: {result['status']} in {result['duration_seconds']:.2f} s"
    if command_seconds is not None:
        head += f"; {command_seconds:.1f} s with the start of Python and Prefect"
    console.print(plain(head), soft_wrap=True)
    final = result.get("final_results") or {}
    sheet = table(None, "", "")
    add_row(sheet, "run", result["workflow_id"])
    params = ", ".join(f"{key}={_flow(value)}" for key, value in (final.get("params") or {}).items())
    if "strategy" in final:
        add_row(sheet, "strategy", f"{final['strategy']}({params}) on {final.get('symbol')}")
    elif "allocation" in final:
        add_row(sheet, "portfolio", f"{final['allocation']}({params}) on {', '.join(final['symbols'])}")
    for name, value in headline(result.get("metrics") or {}):
        add_row(sheet, name, value)
    for key in ("attribution", "attribution_by_strategy"):
        for part, profit in _largest(final.get(key) or {}):
            add_row(sheet, f"profit: {part}", f"{profit:,.2f}")
    for kind, cost in paid_costs(final.get("costs") or {}).items():
        add_row(sheet, f"costs: {kind_title(kind)}", f"{cost:,.2f}")
    for kind, income in received(final.get("costs") or {}).items():
        add_row(sheet, f"received: {kind_title(kind)}", f"{income:,.2f}")
    if result.get("digest"):
        add_row(sheet, "digest", result["digest"])
    folder = result.get("run_folder")
    if folder:
        add_row(sheet, "folder", folder)
        if "report" in (result.get("artifacts") or {}):
            add_row(sheet, "report", Path(folder) / result["artifacts"]["report"])
    console.print(sheet)
    if final.get("pessimistic"):
        console.print(_comparison(result, final["pessimistic"]))
    for label, texts in (("warning", result.get("warnings")), ("error", result.get("errors"))):
        for text in texts or ():
            console.print(plain(f"{label}: {text}"), soft_wrap=True)


def _comparison(result: Mapping[str, Any], worse: Mapping[str, Any]) -> Table:
    """Lay out the result and its pessimistic rerun side by side."""
    sheet = table(None, "", "as configured", "pessimistic", numbers=(1, 2))
    ours, theirs = headline(result.get("metrics") or {}), dict(headline(worse.get("metrics") or {}))
    for name, value in ours:
        add_row(sheet, name, value, theirs.get(name, ""))
    paid = paid_costs(result["final_results"].get("costs") or {}), paid_costs(worse["costs"])
    if paid[0]:
        add_row(sheet, "costs: total", *(f"{each['total']:,.2f}" for each in paid))
    return sheet


def _flow(value: Any) -> str:
    """Write a parameter in one line, mappings and lists as in YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _largest(profits: Mapping[str, float], count: int = 12) -> list[tuple[str, float]]:
    """Largest profits and losses in their order, and the sum of the others where there are more."""
    chosen = sorted(profits, key=lambda name: -abs(profits[name]))[:count]
    others = [value for name, value in profits.items() if name not in chosen]
    shown = [(name, value) for name, value in profits.items() if name in chosen]
    return shown + ([(f"{len(others)} others", sum(others))] if others else [])


def headline(metrics: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Title and formatted value of those headline metrics that are there; of all, if none of them is."""
    from admf.simulation.metrics_glossary import GLOSSARY

    chosen = [name for name in HEADLINE if name in metrics] or list(metrics)
    rows = []
    for name in chosen:
        value = math.nan if metrics[name] is None else float(metrics[name])  # type: ignore[arg-type]
        info = GLOSSARY.get(name)
        rows.append((info.title, info.format(value)) if info else (name, f"{value:g}"))
    return rows
