"""The report of a backtest: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from admf.reports import one_symbol, parts, portfolio
from admf.reports.script import JS
from admf.reports.style import CSS
from admf.reports.summary import evidence, headline
from admf.simulation.portfolio.result import PortfolioResult

if TYPE_CHECKING:
    from admf.simulation import SimulationResult
    from admf.simulation.figures_data import Reported

# The page may run its own script and show its own data, and may not ask any server for anything.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def write_report(
    result: SimulationResult | PortfolioResult,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    workflow: Any = None,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a simulation or of a portfolio.

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
    result: SimulationResult | PortfolioResult,
    *,
    title: str | None = None,
    workflow: Any = None,
    manifest: Mapping[str, Any] | None = None,
) -> str:
    """Make the report's HTML; parameters as in `write_report`."""
    from plotly.offline import get_plotlyjs

    run = _mapping(workflow)
    name = title or str(run.get("name") or "") or f"{result.strategy} on {result.bars.symbol}"
    if isinstance(result, PortfolioResult):
        facts, sections = portfolio.facts(result), portfolio.sections(result, run, manifest)
    else:
        facts, sections = one_symbol.facts(result), one_symbol.sections(result, run, manifest)
    links = "".join(f'<li><a href="#{part.key}">{escape(part.label)}</a></li>' for part in sections)
    body = "".join(part.html for part in sections)
    data = "".join(
        f'<script type="application/json" id="figure-{key}">{_figure_json(figure)}</script>'
        for part in sections
        for key, figure in part.figures.items()
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
<header>{_header(result, name, facts)}</header>
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


def _header(result: Reported, name: str, facts: list[str]) -> str:
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return (
        f'<p class="eyebrow">Backtest</p><h1>{escape(name)}</h1><ul class="facts">{items}</ul>'
        f'<p class="lead">{escape(headline(result))}</p><p class="fine">{escape(evidence(result))}</p>'
    )


def _warnings(result: Reported | PortfolioResult, run: Mapping[str, Any]) -> str:
    texts = list(dict.fromkeys([*run.get("errors", ()), *result.warnings, *run.get("warnings", ())]))
    if not texts:
        return ""
    items = "".join(f"<li>{escape(str(text))}</li>" for text in texts)
    return f'<section class="warnings" id="warnings"><h2>Warnings</h2><ul>{items}</ul></section>'


def _footer(result: Reported) -> str:
    from admf import __version__

    engine = "compiled engine" if result.compiled else "plain engine"
    warning = "A backtest tells what would have been, not what will be."
    return f"Made by admf {escape(__version__)}, {engine}. {warning}"
