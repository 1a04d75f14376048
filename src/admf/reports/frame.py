"""Sections of the report, and those that a portfolio has in common with one symbol."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from admf.reports import parts
from admf.reports.picture import equity_svg
from admf.simulation import figures as draw
from admf.simulation.figures_data import monthly_returns, rolling_window, words_of
from admf.simulation.figures_style import RERUN

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from admf.simulation.figures_data import Reported


class Part(NamedTuple):
    """A section of the page.

    Parameters
    ----------
    key
        Its anchor.
    label
        Its name in the navigation.
    html
        What it shows.
    figures
        What it draws, by name.
    """

    key: str
    label: str
    html: str
    figures: Mapping[str, go.Figure] = {}


def section(key: str, title: str, note: str, content: str, tools: str = "", long: bool = False) -> str:
    """Put content below a heading and a note; a long section may break over pages of paper."""
    said = f'<p class="note">{escape(note.strip())}</p>' if note.strip() else ""
    kind = ' class="long"' if long else ""
    return (
        f'<section id="{key}"{kind} aria-labelledby="{key}-title"><div class="head">'
        f'<h2 id="{key}-title">{escape(title)}</h2>{tools}</div>{said}{content}</section>'
    )


def plot(key: str, label: str, size: str | None = None, height: int | None = None) -> str:
    """Make the place of a figure; `height` in pixels where no class of the style sheet fits."""
    style = f' style="height:{height}px"' if height else ""
    return (
        f'<div class="plot plot-{size or key}" id="plot-{key}" data-figure="figure-{key}" role="img" '
        f'aria-label="{escape(label)}" aria-busy="true"{style}></div>'
    )


def note_of(figure: go.Figure) -> str:
    """Say what a figure leaves out."""
    return (figure.layout.meta or {}).get("note") or ""


def equity(result: Reported, against: str) -> Part:
    """Show equity and drawdown, beside the benchmark that `against` describes and a pessimistic rerun."""
    figure = draw.equity_figure(result)
    shown = [result] if result.pessimistic is None else [result, result.pessimistic]
    log = (
        '<button type="button" class="button" data-scale="plot-equity" aria-pressed="false">'
        "Log scale</button>"
        if min(float(each.equity_values.min()) for each in shown) > 0
        else ""
    )
    words = words_of(result)
    lines, dashed = f"Equity of the {words.what} and of {words.benchmark}", ""
    if len(shown) > 1:
        lines, dashed = f"{lines} and of the {RERUN}", f"Dashed: the {RERUN}; its numbers stand further down."
    content = plot("equity", f"{lines}, drawdown below")
    content += f"<noscript>{equity_svg(result)}</noscript>"
    note = " ".join(filter(None, (against, dashed, note_of(figure))))
    html = section("equity", "Equity and drawdown", note, content, log)
    return Part("equity", "Equity", html, {"equity": figure})


def months(result: Reported) -> Part:
    """Show monthly returns."""
    note = "In percent, of the equity; the year compounds its months."
    table = parts.monthly_table(monthly_returns(result))
    return Part("months", "Months", section("months", "Monthly returns", note, table, long=True))


def rolling(result: Reported) -> Part:
    """Show the rolling Sharpe ratio, where there are bars enough."""
    title = "Rolling Sharpe ratio"
    if rolling_window(len(result.bars), result.bars.periods_per_year) is None:
        html = section("rolling", title, "Too few bars: it needs 40.", "")
        return Part("rolling", "Rolling Sharpe", html)
    figure = draw.rolling_sharpe_figure(result)
    html = section("rolling", title, note_of(figure), plot("rolling", title))
    return Part("rolling", "Rolling Sharpe", html, {"rolling": figure})


def costs(result: Reported) -> Part:
    """Show the costs paid."""
    return Part("costs", "Costs", section("costs", "Costs", "", parts.costs_table(result)))


def metrics(result: Reported, note: str = "") -> Part:
    """Show all metrics."""
    html = section("metrics", "All metrics", note, parts.metrics_table(result), long=True)
    return Part("metrics", "Metrics", html)


def assumptions(result: Reported) -> Part:
    """Show the assumption card."""
    table = parts.pairs_table({key.capitalize(): text for key, text in result.assumptions.items()})
    note = "The numbers hold under these, and only under these."
    return Part("assumptions", "Assumptions", section("assumptions", "Assumptions", note, table, long=True))


_AT_THE_END = ("status", "finished", "duration_seconds", "digest", "metrics", "artifacts")


def reproduce(
    result: Reported, call: str, run: Mapping[str, Any], manifest: Mapping[str, Any] | None
) -> Part:
    """Say how to get the same numbers again: the command of a stored run, or else the `call` in Python."""
    # the report is written before the run ends
    recorded = {key: value for key, value in (manifest or {}).items() if key not in _AT_THE_END}
    identity = run.get("workflow_id") or recorded.get("run_id")
    if identity:
        how = (
            "Run it again from what it recorded, and compare the digests:"
            f"<pre><code>admf replay {escape(str(identity))}</code></pre>"
        )
    else:
        how = f"The same call gives the same digest:<pre><code>{escape(call)}</code></pre>"
    digest = f'<span class="mono">{result.digest}</span>'
    text = f'<div>{how}</div><p class="note">Digest of the result: {digest}</p>'
    if recorded:
        text += (
            "<details><summary>Manifest: versions, fingerprints, seed</summary>"
            f"<pre><code>{parts.as_json(recorded)}</code></pre></details>"
        )
    return Part("reproduce", "Reproduce", section("reproduce", "Reproduce", "", text, long=True))
