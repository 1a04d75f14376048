"""Pictures of the closed trades: their returns, their worst and best moments, their marks on the price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.figures_data import Reported, largest, local_index, moments_text
from admf.simulation.figures_style import GAIN, LOSS, STRATEGY, TEXT, empty, styled
from admf.typing import FloatArray

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from admf.simulation.result import SimulationResult


def distribution_figure(result: Reported) -> go.Figure:
    """Histogram of the closed trades' returns; zero is a border between two bars."""
    import plotly.graph_objects as go

    returns = _trade_returns(result) * 100.0
    if not returns.size:
        return empty("Returns of trades", "No trade was closed.")
    low, high = min(float(returns.min()), 0.0), max(float(returns.max()), 0.0)
    width = _round_step((high - low) / min(max(12, int(np.sqrt(returns.size) * 2)), 60) or 1.0)
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1.5) * width
    # A return on a border belongs to the bar away from zero's loss side: breaking even is not a loss.
    counts, _ = np.histogram(returns, edges)
    centers = edges[:-1] + width / 2.0
    bars = go.Bar(
        x=centers,
        y=counts,
        width=width * 0.94,
        marker_color=np.where(centers > 0, GAIN, LOSS),
        customdata=np.column_stack((edges[:-1], edges[1:])),
        hovertemplate="%{customdata[0]:.2f} to %{customdata[1]:.2f} %<br>%{y} trades<extra></extra>",
    )
    figure = styled(go.Figure(bars), "Returns of trades", None, height=300)
    mean = float(returns.mean())
    figure.add_vline(x=mean, line_width=1.5, line_dash="dash", line_color=TEXT)
    figure.add_annotation(
        x=mean,
        y=1,
        yref="paper",
        text=f"mean {mean:.2f} %",
        showarrow=False,
        xanchor="left",
        xshift=4,
        yshift=6,
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    figure.update_xaxes(title_text="return of a trade", ticksuffix=" %")
    figure.update_yaxes(title_text="trades", tickformat=",d", **({"dtick": 1} if counts.max() <= 6 else {}))
    return figure


def excursion_figure(result: Reported) -> go.Figure:
    """How far each closed trade went against its entry and for it, before it was closed."""
    import plotly.graph_objects as go

    trades = result.trade_table
    pnl = trades["pnl"]
    if not pnl.size:
        return empty("Excursions", "No trade was closed.")
    chosen = largest(pnl)
    figure = go.Figure()
    for name, wanted, colour, symbol in (
        ("profit", pnl[chosen] > 0, GAIN, "circle"),
        ("loss", pnl[chosen] <= 0, LOSS, "x"),
    ):
        rows = chosen[wanted]
        figure.add_scatter(
            x=trades["mae"][rows] * 100.0,
            y=trades["mfe"][rows] * 100.0,
            customdata=np.column_stack((rows + 1, _trade_returns(result)[rows] * 100.0)),
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
            hovertemplate="trade %{customdata[0]}: %{customdata[1]:.2f} %"
            "<br>worst %{x:.2f} %, best %{y:.2f} %<extra></extra>",
        )
    styled(figure, "Worst and best moment of each trade", markers_note(pnl.size), height=300)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title_text="worst against entry (MAE)", ticksuffix=" %")
    figure.update_yaxes(title_text="best (MFE)", ticksuffix=" %")
    return figure


def trade_markers(result: SimulationResult) -> list[Any]:
    """Mark entries and exits of the trades where they were filled.

    A triangle points at its price from a few pixels away, a long entry from below, a short one from above:
    where a position is turned over, its entry and the exit before it have one bar and one price.
    """
    import plotly.graph_objects as go

    trades, index = result.trade_table, local_index(result.bars)
    chosen = largest(trades["pnl"])
    side, pnl = trades["side"][chosen], trades["pnl"][chosen]
    returns = _trade_returns(result)[chosen] * 100.0
    pointing = {"symbol": "triangle-up", "size": 10, "standoff": 9}
    kinds = (
        ("long entry", side > 0, "entry", {**pointing, "color": STRATEGY, "angle": 0}),
        ("short entry", side < 0, "entry", {**pointing, "color": "#8a63c9", "angle": -180}),
        ("exit with profit", pnl > 0, "exit", {"symbol": "circle", "color": GAIN, "size": 8}),
        ("exit with loss", pnl <= 0, "exit", {"symbol": "x", "color": LOSS, "size": 8}),
    )
    traces = []
    for name, wanted, end, marker in kinds:
        rows = chosen[wanted]
        if rows.size:
            traces += [
                _legend_marker(name, marker),
                go.Scatter(
                    x=moments_text(index[trades[f"{end}_bar"][rows].astype(np.int64)]),
                    y=trades[f"{end}_price"][rows],
                    customdata=np.column_stack((rows + 1, returns[wanted])),
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=False,
                    cliponaxis=False,
                    marker={**marker, "line": {"width": 1, "color": "rgba(255,255,255,0.85)"}},
                    hovertemplate=f"{name}, trade %{{customdata[0]}}<br>%{{x}} at %{{y:,.6~g}}<br>"
                    "return %{customdata[1]:.2f} %<extra></extra>",
                ),
            ]
    return traces


def _legend_marker(name: str, marker: dict[str, Any]) -> Any:
    """Draw the legend's marker: that of the marks themselves would stand off its line as they do."""
    import plotly.graph_objects as go

    in_line = {key: value for key, value in marker.items() if key != "standoff"}
    return go.Scatter(x=[None], y=[None], mode="markers", name=name, legendgroup=name, marker=in_line)


def markers_note(trades: int) -> str | None:
    """Say that not every trade is marked; None where each is."""
    shown = largest(np.zeros(trades)).size
    if shown == trades:
        return None
    return f"Of {trades:,} trades, the {shown:,} with the largest profit or loss are marked."


def _trade_returns(result: Reported) -> FloatArray:
    trades = result.trade_table
    returns: FloatArray = trades["pnl"] / (trades["units"] * trades["entry_price"])
    return returns


def _round_step(width: float) -> float:
    scale = 10.0 ** np.floor(np.log10(width))
    return float(
        scale * min((step for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * scale >= width), default=10.0)
    )
