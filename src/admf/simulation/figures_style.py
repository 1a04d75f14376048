"""The look of all pictures: colours, heading, lines, time axis.

Backgrounds are transparent and text is a mid grey, so that a figure stands on a light and on a dark page.
Colours are told apart by people with the usual colour blindnesses (bluish green against vermillion), and
never stand alone: signs, shapes or positions say the same. What a picture leaves out stands in
``layout.meta["note"]`` and below its title.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.figures_data import Reported, local_index, moments_text
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import plotly.graph_objects as go

STRATEGY, BENCHMARK, WORSE = "#2f86d1", "#8b93a1", "#8a63c9"
GAIN, LOSS = "#0f9d8a", "#d9601a"
TEXT, GRID = "#7c8594", "rgba(128,136,150,0.22)"
RERUN = "pessimistic rerun"  # what its dashed line is called
FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def styled(figure: go.Figure, title: str, note: str | None, height: int) -> go.Figure:
    """Give a figure the look of all: heading with its note, colours that stand on light and dark."""
    heading: dict[str, Any] = {
        "text": escape(title),
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "font": {"size": 16},
    }
    if note:
        heading["subtitle"] = {"text": escape(note), "font": {"size": 11}}
    figure.update_layout(
        title=heading,
        meta={"note": note},
        height=height,
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": TEXT},
        hovermode="x unified",
        hoverlabel={"font": {"family": FONT, "size": 12}},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        margin={"l": 56, "r": 12, "t": 104 if note else 76, "b": 36},  # the legend is below both
        bargap=0.05,
    )
    axis = {"gridcolor": GRID, "zeroline": False, "showline": False, "automargin": True, "ticks": ""}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def empty(title: str, why: str) -> go.Figure:
    """Say in place of a picture why there is none."""
    import plotly.graph_objects as go

    figure = styled(go.Figure(), title, None, height=220)
    figure.add_annotation(text=why, xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def curve(
    result: Reported,
    values: FloatArray,
    chosen: IntArray,
    name: str,
    colour: str,
    hover: str,
    width: float = 1.5,
) -> Any:
    """Draw the `chosen` bars of a curve as a line over time; a single bar as a dot."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=moments_text(local_index(result.bars)[chosen]),
        y=rounded(values[chosen]),
        mode="lines" if values.size > 1 else "lines+markers",
        name=name,
        line={"color": colour, "width": width},
        connectgaps=False,
        hovertemplate=hover,
    )


def from_first_to_last(figure: go.Figure, result: Reported) -> go.Figure:
    """Let the time axis span the bars (markers would widen it); a single bar gets the one label."""
    ends = moments_text(local_index(result.bars)[[0, -1]])
    if len(result.bars) > 1:
        return figure.update_xaxes(range=ends)
    return figure.update_xaxes(tickmode="array", tickvals=ends[:1], ticktext=ends[:1])


def rounded(values: FloatArray) -> FloatArray:
    """Round to seven digits of the largest value: more cannot be seen, and makes the file longer."""
    finite = np.abs(values[np.isfinite(values)])
    largest_value = float(finite.max()) if finite.size else 0.0
    digits = 7 - int(np.ceil(np.log10(largest_value))) if largest_value > 0 else 0
    return np.round(values, min(max(digits, 0), 12))
