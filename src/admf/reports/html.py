"""The report of a backtest: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.reports import parts
from admf.reports.picture import equity_svg
from admf.reports.script import JS
from admf.reports.style import CSS
from admf.reports.summary import bars_text, evidence, headline, params_text, period_text
from admf.simulation.figures_data import monthly_returns, rolling_window

if TYPE_CHECKING:
    from admf.simulation import SimulationResult

# The page may run its own script and show its own data, and may not ask any server for anything.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def write_report(
    result: SimulationResult,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    workflow: Any = None,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a simulation.

    Parameters
    ----------
    result
        What is reported.
    path
        The file, if it ends in ``.html``; else the folder that gets ``report.html``.
    title
        Heading; without it the workflow's name, or strategy and symbol.
    workflow
        The workflow's result (a mapping, or a model with ``model_dump``): shown are its id, warnings, errors.
    manifest
        What the run recorded about itself: versions, fingerprints; shown as it is. It must hold no secret.

    Returns
    -------
    Path of the file. It appears whole or not at all.
    """
    target = Path(path)
    if target.suffix.lower() != ".html":
        target = target / "report.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = render(result, title=title, workflow=workflow, manifest=manifest)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)  # mkstemp's 0600 would keep it from other users of the folder
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def render(
    result: SimulationResult,
    *,
    title: str | None = None,
    workflow: Any = None,
    manifest: Mapping[str, Any] | None = None,
) -> str:
    """Make the report's HTML; parameters as in `write_report`."""
    from plotly.offline import get_plotlyjs

    run = _mapping(workflow)
    name = title or str(run.get("name") or "") or f"{result.strategy} on {result.bars.symbol}"
    sections, figures = _sections(result, run, manifest)
    links = "".join(f'<li><a href="#{key}">{escape(label)}</a></li>' for key, label, _ in sections)
    body = "".join(content for _, _, content in sections)
    data = "".join(
        f'<script type="application/json" id="figure-{key}">{_figure_json(figure)}</script>'
        for key, figure in figures.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(name)}</title>
<style>{CSS}</style>
</head>
<body>
<a class="skip" href="#equity">Skip to the results</a>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<header>{_header(result, name)}</header>
<main>
{parts.tiles(result)}
{_warnings(result, run)}
{body}
</main>
<footer>{_footer(result)}</footer>
{data}
<script>{get_plotlyjs()}</script>
<script>{JS}</script>
</body>
</html>
"""


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    return dict(value)


def _figure_json(figure: Any) -> str:
    """Write a figure for the page: it brings its own headings and heights, and no ``</script>`` may occur."""
    figure.update_layout(title=None, height=None, margin={"l": 8, "r": 8, "t": 34, "b": 30})
    text: str = figure.to_json(engine="json")
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _header(result: SimulationResult, name: str) -> str:
    bars = result.bars
    params = params_text(result.params)
    facts = [
        f"{result.strategy}{f' ({params})' if params else ''}",
        f"{bars.symbol}, {bars.timeframe}",
        period_text(result),
        bars_text(result),
        f"initial cash {result.initial_cash:,.0f}",
    ]
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return (
        f'<p class="eyebrow">Backtest</p><h1>{escape(name)}</h1><ul class="facts">{items}</ul>'
        f'<p class="lead">{escape(headline(result))}</p><p class="fine">{escape(evidence(result))}</p>'
    )


def _warnings(result: SimulationResult, run: Mapping[str, Any]) -> str:
    texts = list(dict.fromkeys([*run.get("errors", ()), *result.warnings, *run.get("warnings", ())]))
    if not texts:
        return ""
    items = "".join(f"<li>{escape(str(text))}</li>" for text in texts)
    return f'<section class="warnings" id="warnings"><h2>Warnings</h2><ul>{items}</ul></section>'


def _sections(
    result: SimulationResult, run: Mapping[str, Any], manifest: Mapping[str, Any] | None
) -> tuple[list[tuple[str, str, str]], dict[str, Any]]:
    """Sections in order, as (anchor, label, HTML), and the figures they draw, by name."""
    from admf.simulation import figures as draw

    figures = {
        "equity": draw.equity_figure(result),
        "price": draw.price_figure(result),
    }
    window = rolling_window(len(result.bars), result.bars.periods_per_year)
    if window is not None:
        figures["rolling"] = draw.rolling_sharpe_figure(result)
    trades = len(result.trade_table["pnl"])
    if trades:
        figures["distribution"] = draw.distribution_figure(result)
        figures["excursion"] = draw.excursion_figure(result)
    notes = {key: (figure.layout.meta or {}).get("note") or "" for key, figure in figures.items()}
    log = (
        '<button type="button" class="button" data-scale="plot-equity" aria-pressed="false">'
        "Log scale</button>"
        if float(result.equity_values.min()) > 0
        else ""
    )
    equity_note = (
        f"Against holding {result.bars.symbol} from the first close, without costs. {notes['equity']}"
    )
    noscript = f"<noscript>{equity_svg(result)}</noscript>"
    sections = [
        (
            "equity",
            "Equity",
            _section(
                "equity",
                "Equity and drawdown",
                equity_note,
                _plot("equity", "Equity of the strategy and of buy and hold, drawdown below") + noscript,
                log,
            ),
        ),
        (
            "price",
            "Price",
            _section(
                "price",
                "Price, entries and exits",
                notes["price"],
                _plot("price", "Price with the entries and exits of the trades"),
            ),
        ),
        (
            "months",
            "Months",
            _section(
                "months",
                "Monthly returns",
                "In percent, of the equity; the year compounds its months.",
                parts.monthly_table(monthly_returns(result)),
                long=True,
            ),
        ),
        (
            "rolling",
            "Rolling Sharpe",
            _section(
                "rolling",
                "Rolling Sharpe ratio",
                notes.get("rolling", "Too few bars: it needs 40."),
                _plot("rolling", "Rolling Sharpe ratio") if "rolling" in figures else "",
            ),
        ),
        ("trades", "Trades", _trades(result, trades, notes.get("excursion", ""))),
        ("costs", "Costs", _section("costs", "Costs", "", parts.costs_table(result))),
        (
            "metrics",
            "Metrics",
            _section("metrics", "All metrics", "", parts.metrics_table(result), long=True),
        ),
        (
            "assumptions",
            "Assumptions",
            _section(
                "assumptions",
                "Assumptions",
                "The numbers hold under these, and only under these.",
                parts.pairs_table({key.capitalize(): text for key, text in result.assumptions.items()}),
                long=True,
            ),
        ),
        ("data", "Data", _section("data", "Data", "", _data(result))),
        (
            "reproduce",
            "Reproduce",
            _section("reproduce", "Reproduce", "", _reproduce(result, run, manifest), long=True),
        ),
    ]
    return sections, figures


def _section(key: str, title: str, note: str, content: str, tools: str = "", long: bool = False) -> str:
    said = f'<p class="note">{escape(note.strip())}</p>' if note.strip() else ""
    kind = ' class="long"' if long else ""
    return (
        f'<section id="{key}"{kind} aria-labelledby="{key}-title"><div class="head">'
        f'<h2 id="{key}-title">{escape(title)}</h2>{tools}</div>{said}{content}</section>'
    )


def _plot(key: str, label: str, size: str | None = None) -> str:
    return (
        f'<div class="plot plot-{size or key}" id="plot-{key}" data-figure="figure-{key}" role="img" '
        f'aria-label="{escape(label)}" aria-busy="true"></div>'
    )


def _trades(result: SimulationResult, trades: int, note: str) -> str:
    if not trades:
        text = (
            "No trade was closed: the position that was opened is still held."
            if result.position_values[-1]
            else "No trade was made."
        )
        return _section("trades", "Trades", text, "")
    histogram = _plot("distribution", "Histogram of the trades' returns", "half")
    scatter = _plot("excursion", "Worst and best moment of each trade", "half")
    pictures = (
        f'<div class="halves"><div><h3>Returns of the trades</h3>{histogram}</div>'
        f"<div><h3>Worst and best moment before the exit</h3>{scatter}</div></div>"
    )
    table = parts.trade_table(parts.trade_rows(result), trades)
    return _section("trades", "Trades", note, pictures + table, long=True)


def _data(result: SimulationResult) -> str:
    bars = result.bars
    facts = {
        "Source": bars.source,
        "Time zone": bars.timezone,
        "Bars per year": f"{bars.periods_per_year:g}",
        "Fingerprint": bars.fingerprint,
    }
    return parts.pairs_table(facts) + "<h3>Findings of the quality gate</h3>" + parts.findings_list(result)


def _reproduce(result: SimulationResult, run: Mapping[str, Any], manifest: Mapping[str, Any] | None) -> str:
    recorded = manifest or {}
    identity = run.get("workflow_id") or recorded.get("run_id")
    if identity:
        how = (
            "Run it again from what it recorded, and compare the digests:"
            f"<pre><code>admf replay {escape(str(identity))}</code></pre>"
        )
    else:
        params = json.dumps(dict(result.params), default=str)
        call = (
            f"bars = admf.load_bars(...)  # fingerprint {result.bars.fingerprint[:16]}\n"
            f"result = admf.simulate(bars, strategy={json.dumps(result.strategy)}, params={params}, ...)\n"
            f'assert result.digest == "{result.digest}"'
        )
        how = f"The same call gives the same digest:<pre><code>{escape(call)}</code></pre>"
    digest = f'<span class="mono">{result.digest}</span>'
    text = f'<div>{how}</div><p class="note">Digest of the result: {digest}</p>'
    if recorded:
        text += (
            "<details><summary>Manifest: versions, fingerprints, seed</summary>"
            f"<pre><code>{parts.as_json(recorded)}</code></pre></details>"
        )
    return text


def _footer(result: SimulationResult) -> str:
    from admf import __version__

    engine = "compiled engine" if result.compiled else "plain engine"
    warning = "A backtest tells what would have been, not what will be."
    return f"Made by admf {escape(__version__)}, {engine}. {warning}"
