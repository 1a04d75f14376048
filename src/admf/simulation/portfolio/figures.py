"""Pictures that only a portfolio has."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.figures import drawdown_trace, equity_traces
from admf.simulation.figures_data import local_index, moments_text, thin, thinned_note
from admf.simulation.figures_style import (
    BENCHMARK,
    GAIN,
    LOSS,
    TEXT,
    curve,
    from_first_to_last,
    rounded,
    styled,
)
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from admf.simulation.portfolio.result import PortfolioResult

# Told apart by people with the usual colour blindnesses where they touch; the legend and the hover name them.
COLOURS = (
    *("#2f86d1", "#e0a63a", "#0f9d8a", "#cc79a7", "#7f9bd8", "#b5672b"),
    *("#5fb3a8", "#8a63c9", "#c9c04f", "#4b5d9b", "#d98f6a", "#6b8e23"),
)
CASH = "rgba(139,147,161,0.28)"
MAX_WEIGHT_POINTS = 1500
MAX_BARS = 30


def overview_figure(result: PortfolioResult) -> go.Figure:
    """Equity, drawdown, cash and weights of the symbols, one below the other on one time axis."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=4, shared_xaxes=True, vertical_spacing=0.035, row_heights=[0.38, 0.17, 0.13, 0.32]
    )
    weights, note = _weight_traces(result)
    held = [trace.update(legend="legend2") for trace in weights if trace.name != "cash"]
    cash = curve(result, result.cash_values, thin(result.cash_values), "cash", TEXT, "%{y:,.0f}", width=1.2)
    rows = (equity_traces(result), [drawdown_trace(result)], [cash.update(showlegend=False)], held)
    for row, traces in enumerate(rows, start=1):
        for trace in traces:
            figure.add_trace(trace, row=row, col=1)
    notes = filter(None, (thinned_note(len(result.bars)), f"Weights: {note}" if note else None))
    styled(figure, f"{result.allocation} on {result.bars.symbol}", " ".join(notes) or None, height=900)
    for row, name in enumerate(("equity", "drawdown", "cash", "weights"), start=1):
        shown = {"tickformat": ".0%"} if name in ("drawdown", "weights") else {}
        figure.update_yaxes(title_text=name, row=row, col=1, **shown)
    # of many symbols it takes several lines: below the last row it is in nothing's way
    below = {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.05, "yanchor": "top"}
    figure.update_layout(legend2={**below, "traceorder": "normal"})
    return from_first_to_last(figure, result)


def weights_figure(result: PortfolioResult) -> go.Figure:
    """Share of each symbol in the equity at each close, stacked; what is left is cash.

    Of many symbols those with the largest mean weight are drawn, the others together; a long history is
    drawn at every n-th bar.
    """
    import plotly.graph_objects as go

    traces, note = _weight_traces(result)
    figure = styled(go.Figure(traces), "Weights", note, height=380)
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(legend={"traceorder": "normal"})
    return from_first_to_last(figure, result)


def _weight_traces(result: PortfolioResult) -> tuple[list[Any], str | None]:
    shares = np.nan_to_num(result.weights.to_numpy(), nan=0.0, posinf=0.0, neginf=0.0)
    rows = _rows(len(shares))
    times = moments_text(local_index(result.bars)[rows])
    chosen, rest = _largest(np.abs(shares).mean(axis=0))
    longs, shorts = np.maximum(shares, 0.0), np.minimum(shares, 0.0)
    traces = []
    for side, part in (("long", longs), ("short", shorts)):
        for place, at in enumerate(chosen):
            if side == "long" or part[:, at].any():
                traces.append(_area(times, part[rows, at], result.symbols[at], COLOURS[place], side))
        together = part[rows][:, rest].sum(axis=1)
        if together.any() or (rest and side == "long"):  # the legend stands on the long side
            traces.append(_area(times, together, "others", BENCHMARK, side))
    cash = 1.0 - shares.sum(axis=1)[rows]
    if not (shares < 0.0).any():
        traces.append(_area(times, np.maximum(cash, 0.0), "cash", CASH, "long"))
    notes = [
        "What is above 100 % is bought with borrowed cash." if (cash < -0.01).any() else "",
        f"The {len(rest)} smallest of {len(result.symbols)} symbols are drawn together." if len(rest) else "",
        f"One point for every {rows[1] - rows[0]} of {len(shares):,} bars."
        if len(rows) < len(shares)
        else "",
    ]
    return traces, " ".join(filter(None, notes)) or None


def attribution_figure(profits: pd.Series, title: str) -> go.Figure:
    """Profit of each part as a bar, the largest on top.

    Parameters
    ----------
    profits
        Currency, by name.
    title
        Heading.
    """
    import plotly.graph_objects as go

    largest = profits.loc[profits.abs().sort_values(ascending=False, kind="stable").index[:MAX_BARS]]
    shown = largest.sort_values(kind="stable")
    bars = go.Bar(
        x=shown.to_numpy(),
        y=[escape(str(name)) for name in shown.index],
        orientation="h",
        marker_color=np.where(shown.to_numpy() >= 0.0, GAIN, LOSS),
        hovertemplate="%{y}: %{x:,.2f}<extra></extra>",
    )
    note = f"The {MAX_BARS} largest of {len(profits)}." if len(profits) > MAX_BARS else None
    figure = styled(go.Figure(bars), title, note, height=attribution_height(len(profits)))
    figure.update_layout(showlegend=False, hovermode="closest", bargap=0.3)
    figure.update_yaxes(type="category", showgrid=False)
    figure.add_vline(x=0, line_width=1, line_color=TEXT)
    return figure


def attribution_height(count: int) -> int:
    """Pixels that so many bars need."""
    return 90 + 26 * min(count, MAX_BARS)


def _area(times: list[str], values: FloatArray, name: str, colour: str, side: str) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=times,
        y=rounded(values),
        name=escape(name),
        mode="lines",
        line={"width": 0, "color": colour},
        fillcolor=colour,
        stackgroup=side,
        legendgroup=name,
        showlegend=side == "long",
        hovertemplate="%{y:.1%}",
    )


def _rows(count: int) -> IntArray:
    """Bars that are drawn: evenly spaced, first and last among them."""
    step = max(-(-count // MAX_WEIGHT_POINTS), 1)
    rows = np.arange(0, count, step)
    return rows if rows[-1] == count - 1 else np.append(rows, count - 1)


def _largest(size: FloatArray) -> tuple[list[int], list[int]]:
    """Choose the symbols that are drawn on their own, and those that are left over, both in their order."""
    order = np.argsort(-size, kind="stable").tolist()
    return sorted(order[: len(COLOURS)]), sorted(order[len(COLOURS) :])
