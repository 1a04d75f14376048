"""A result in words and in a short table: what the report, the run's page and a terminal say first."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from admf.market.timeframes import elapsed_years
from admf.simulation.cost_kinds import kind_title, paid_costs, received
from admf.simulation.figures_data import local_index, words_of
from admf.simulation.metrics import (
    annual_return,
    annual_volatility,
    bar_returns,
    max_drawdown,
    sharpe_ratio,
)
from admf.simulation.metrics_glossary import GLOSSARY

if TYPE_CHECKING:
    from admf.simulation.figures_data import Reported

KEY_METRICS = (
    "final_equity",
    "cum_returns_final",
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "probabilistic_sharpe_ratio",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure",
)


def benchmark_metrics(result: Reported) -> dict[str, float]:
    """Measure the benchmark, first close to last and without costs, by metric name."""
    close, period = result.bars.close, result.bars.periods_per_year
    returns = bar_returns(close, float(close[0]))
    risk_free = (1.0 + result.risk_free_pct / 100.0) ** (1.0 / period) - 1.0
    return {
        "cum_returns_final": float(close[-1] / close[0]) - 1.0,
        "annual_return": annual_return(returns, period),
        "annual_volatility": annual_volatility(returns, period),
        "sharpe_ratio": sharpe_ratio(returns, risk_free, period),
        "max_drawdown": max_drawdown(returns),
    }


def percent(value: float, digits: int = 1) -> str:
    """Write a fraction as percent; a dash where it is not defined."""
    if not math.isfinite(value):
        return "\N{EN DASH}"
    return f"{value * 100:,.{digits}f} %" if abs(value) < 1e9 else f"{value * 100:.2e} %"


def symbols_of(result: Reported) -> Sequence[str]:
    """Give the symbols by their number in the tables; one symbol has no such column."""
    return getattr(result, "symbols", ())


def period_text(result: Reported) -> str:
    """Write first and last day of the simulated bars."""
    index = local_index(result.bars)
    return f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"


def names_text(names: Sequence[str]) -> str:
    """Write several names; of many the first ones and how many more."""
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"


def bars_text(result: Reported) -> str:
    """Write the number of bars."""
    count = len(result.bars)
    return "1 bar" if count == 1 else f"{count:,} bars"


def growth_by_calendar(result: Reported) -> tuple[float, float] | None:
    """Give the yearly growth of the result and of its benchmark over the elapsed time, as fractions.

    None where less than a year elapsed, or where nothing is left to grow.
    """
    years = elapsed_years(result.bars.timestamps)
    ends = (
        result.metrics["final_equity"] / result.initial_cash,
        float(result.bars.close[-1] / result.bars.close[0]),
    )
    if years < 1 or ends[0] <= 0:
        return None
    return ends[0] ** (1.0 / years) - 1.0, ends[1] ** (1.0 / years) - 1.0


def bars_a_year(result: Reported) -> str:
    """Say by how many bars a year the metrics count, where the headline's calendar gives other numbers.

    Both are right by their own rule; empty where they are the same as the headline prints them.
    """
    growth = growth_by_calendar(result)
    if growth is None:
        return ""
    counted = result.metrics["annual_return"], benchmark_metrics(result)["annual_return"]
    same = [percent(each) for each in growth] == [percent(each) for each in counted]
    return "" if same else f"at {result.bars.periods_per_year:,.6g} bars a year"


def headline(result: Reported) -> str:
    """Say in two sentences what happened, against the benchmark.

    The yearly growth is that of the elapsed time which the sentence names, whatever counts as a year's bars;
    where the metric by those bars is another number, the sentence says so.
    """
    name = words_of(result).held
    metrics, held = result.metrics, benchmark_metrics(result)
    years = elapsed_years(result.bars.timestamps)
    span = f"{years:.1f} years" if years >= 1 else bars_text(result)
    first = f"{result.initial_cash:,.0f} became {metrics['final_equity']:,.0f} in {span}"
    growth = growth_by_calendar(result)
    if growth is not None:
        rule = " by the calendar" if bars_a_year(result) else ""
        first += f": {percent(growth[0])} a year{rule}, against {percent(growth[1])} for holding {name}"
    else:
        first += f", against {percent(held['cum_returns_final'])} for holding {name}"
    return (
        f"{first}. The deepest fall from a high was {percent(abs(metrics['max_drawdown']))} "
        f"(holding: {percent(abs(held['max_drawdown']))})."
    )


def evidence(result: Reported) -> str:
    """Say how far the result can be told from luck, and what that does not cover."""
    probability = result.metrics["probabilistic_sharpe_ratio"]
    if not math.isfinite(probability):
        return "The returns do not vary enough to tell skill from luck."
    exits = result.exits.orders  # an exit that took several bars is one piece of evidence
    likely = percent(probability) if probability <= 0.9995 else "more than 99.9 %"
    text = f"Judged by this sample alone, the true Sharpe ratio is above 0 with a probability of {likely}"
    what = "exit" if result.exits.parts else "closed trade"
    counted = f"is only 1 {what}" if exits == 1 else f"are only {exits} {what}s"
    few = f" There {counted}." if exits < 30 else ""
    return f"{text}; every variant that was tried before this one makes it less.{few}"


def comparison(result: Reported, worse: Reported) -> list[tuple[str, str, str]]:
    """Give key metrics and costs of a result and its pessimistic rerun: title, value, value of the rerun."""
    rows = [
        (info.title, info.format(result.metrics[name]), info.format(worse.metrics[name]))
        for name in KEY_METRICS
        for info in (GLOSSARY[name],)
    ]
    for title, chosen in (("Costs paid", _paid), ("Received", _received)):
        values = chosen(result), chosen(worse)
        if title == "Costs paid" or any(values):
            rows.append((title, f"{values[0]:,.2f}", f"{values[1]:,.2f}"))
    return rows


def _paid(result: Reported) -> float:
    return paid_costs(result.costs)["total"]


def _received(result: Reported) -> float:
    return sum(received(result.costs).values())


def summary_markdown(result: Reported) -> str:
    """Write a result as markdown: headline, key metrics, costs, warnings. Names are escaped."""
    held, words = benchmark_metrics(result), words_of(result)
    rows = []
    for name in KEY_METRICS:
        info = GLOSSARY[name]
        theirs = info.format(held[name]) if name in held else ""
        title = info.title
        if name == "annual_return" and (rule := bars_a_year(result)):
            title += f", {rule}"
        rows.append(f"| {title} | {info.format(result.metrics[name])} | {theirs} |")
    money = f"Costs paid: {_list(paid_costs(result.costs))}."
    if income := received(result.costs):
        money += f" Received: {_list(income)}."
    parts = [
        f"### {_plain(result.strategy)} on {_plain(result.bars.symbol)}, {period_text(result)}",
        _plain(headline(result)),
        "\n".join([f"| metric | {words.what} | {words.benchmark} |", "|---|--:|--:|", *rows]),
        money,
    ]
    worse = result.pessimistic
    if worse is not None:
        table = [f"| {title} | {ours} | {theirs} |" for title, ours, theirs in comparison(result, worse)]
        parts.append("Under pessimistic assumptions:")
        parts.append("\n".join(["| metric | as configured | pessimistic |", "|---|--:|--:|", *table]))
    if result.warnings:
        parts.append("Warnings:\n" + "\n".join(f"- {_plain(warning)}" for warning in result.warnings))
    return "\n\n".join(parts) + "\n"


def _list(costs: Mapping[str, float]) -> str:
    return ", ".join(f"{kind_title(kind)} {value:,.2f}" for kind, value in costs.items())


def _plain(text: str) -> str:
    """Take the markup out of text that a user gave."""
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", escape(text, quote=False).replace("\n", " "))


def params_text(params: Mapping[str, object]) -> str:
    """Write parameters as ``name value, name value``."""
    return ", ".join(f"{name} {_short(value)}" for name, value in params.items())


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
