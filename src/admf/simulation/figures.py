"""Pictures of a simulation as plotly figures, for notebooks and for the report.

Backgrounds are transparent and text is a mid grey, so that a figure stands on a light and on a dark page.
Colours are told apart by people with the usual colour blindnesses (bluish green against vermillion), and
never stand alone: signs, shapes or positions say the same. What a picture leaves out stands in
``layout.meta["note"]`` and below its title.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.cost_kinds import kind_title, paid_costs, received
from admf.simulation.figures_data import (
    LEAST_BARS,
    Reported,
    buy_and_hold,
    largest,
    local_index,
    moments_text,
    monthly_returns,
    rolling_sharpe,
    rolling_window,
    thin,
    thinned_note,
    words_of,
)
from admf.simulation.metrics import bar_returns, drawdown_of
from admf.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from admf.simulation.result import SimulationResult

STRATEGY, BENCHMARK = "#2f86d1", "#8b93a1"
GAIN, LOSS = "#0f9d8a", "#d9601a"
TEXT, GRID = "#7c8594", "rgba(128,136,150,0.22)"
FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MAX_CANDLES = 300


def overview_figure(result: SimulationResult) -> go.Figure:
    """Price with entries and exits, equity and drawdown, one below the other on one time axis."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.04, row_heights=[0.42, 0.36, 0.22])
    price, note = _price_traces(result)
    for row, traces in enumerate((price, _equity_traces(result), [_drawdown_trace(result)]), start=1):
        for trace in traces:
            figure.add_trace(trace, row=row, col=1)
    title = f"{result.strategy} on {result.bars.symbol}"
    styled(figure, title, note, height=760)
    figure.update_yaxes(title_text="price", row=1, col=1)
    figure.update_yaxes(title_text="equity", row=2, col=1)
    figure.update_yaxes(title_text="drawdown", tickformat=".0%", row=3, col=1)
    figure.update_xaxes(rangeslider_visible=False)
    return from_first_to_last(figure, result)


def equity_figure(result: Reported) -> go.Figure:
    """Equity against buy and hold of the same bars, with the drawdown below."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.7, 0.3])
    for trace in _equity_traces(result):
        figure.add_trace(trace, row=1, col=1)
    figure.add_trace(_drawdown_trace(result), row=2, col=1)
    styled(figure, "Equity and drawdown", thinned_note(len(result.bars)), height=460)
    figure.update_yaxes(tickformat=".0%", row=2, col=1)
    return from_first_to_last(figure, result)


def price_figure(result: SimulationResult) -> go.Figure:
    """Price with entries and exits: candles up to 300 bars, beyond that a line through the closes."""
    import plotly.graph_objects as go

    traces, note = _price_traces(result)
    figure = styled(go.Figure(traces), "Price, entries and exits", note, height=420)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(rangeslider_visible=False)
    return from_first_to_last(figure, result)


def monthly_figure(result: Reported) -> go.Figure:
    """Heat map of the monthly returns, with the year's total in the last column."""
    import plotly.graph_objects as go

    table = monthly_returns(result)
    values = np.column_stack((table.months, table.totals)) * 100.0
    finite = np.abs(table.months[np.isfinite(table.months)])
    scale = max(float(np.quantile(finite, 0.95)) if finite.size else 0.0, 0.001) * 100.0
    heatmap = go.Heatmap(
        z=values,
        x=[*MONTHS, "Year"],
        y=[str(year) for year in table.years],
        text=[["" if np.isnan(value) else f"{value:.1f}" for value in row] for row in values],
        texttemplate="%{text}",
        colorscale=[[0.0, LOSS], [0.5, "rgba(128,136,150,0.08)"], [1.0, GAIN]],
        zmin=-scale,
        zmax=scale,
        showscale=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{x} %{y}: %{z:.2f} %<extra></extra>",
    )
    height = 110 + 26 * len(table.years)
    figure = styled(go.Figure(heatmap), "Monthly returns in percent", None, height=height)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(side="top", type="category", showgrid=False)
    return figure


def rolling_sharpe_figure(result: Reported) -> go.Figure:
    """Sharpe ratio of the last year of bars (of a quarter of the bars in a short simulation)."""
    import plotly.graph_objects as go

    bars = result.bars
    window = rolling_window(len(bars), bars.periods_per_year)
    if window is None:
        return _empty("Rolling Sharpe ratio", "Too few bars: it needs 40.")
    risk_free = (1.0 + result.risk_free_pct / 100.0) ** (1.0 / bars.periods_per_year) - 1.0
    returns = bar_returns(result.equity_values, result.initial_cash)
    held = np.abs(result.position_values.reshape(len(bars), -1)).sum(axis=1) > 0.0
    ratio = rolling_sharpe(returns, window, bars.periods_per_year, risk_free, held)
    chosen = thin(ratio)
    line = _line(result, ratio, chosen, "rolling Sharpe ratio", STRATEGY, "%{y:.2f}")
    gaps = (
        f"A gap: fewer than {LEAST_BARS} bars of the window in a position, or no return differs."
        if np.isnan(ratio[window:]).any()
        else None
    )
    note = " ".join(filter(None, (f"Window: {window:,} bars.", gaps, thinned_note(len(bars)))))
    figure = styled(go.Figure(line), "Rolling Sharpe ratio", note, height=280)
    figure.add_hline(y=0, line_width=1, line_color=TEXT)
    figure.update_layout(showlegend=False)
    return figure


def distribution_figure(result: Reported) -> go.Figure:
    """Histogram of the closed trades' returns; zero is a border between two bars."""
    import plotly.graph_objects as go

    returns = _trade_returns(result) * 100.0
    if not returns.size:
        return _empty("Returns of trades", "No trade was closed.")
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
        return _empty("Excursions", "No trade was closed.")
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
    styled(figure, "Worst and best moment of each trade", _markers_note(pnl.size), height=300)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title_text="worst against entry (MAE)", ticksuffix=" %")
    figure.update_yaxes(title_text="best (MFE)", ticksuffix=" %")
    return figure


def costs_figure(result: Reported) -> go.Figure:
    """Draw what was paid for trading, by kind; the title says what was received."""
    import plotly.graph_objects as go

    shown, income = paid_costs(result.costs), received(result.costs)
    total = shown.pop("total")
    names = list(reversed(shown))
    values = [shown[name] for name in names]
    bars = go.Bar(
        x=values,
        y=[kind_title(name) for name in names],
        orientation="h",
        marker_color=BENCHMARK,
        text=[f"{value:,.2f}" for value in values],
        hovertemplate="%{y}: %{x:,.2f}<extra></extra>",
    )
    title = f"Costs paid: {total:,.2f}" + (f"; received: {sum(income.values()):,.2f}" if income else "")
    figure = styled(go.Figure(bars), title, None, height=220)
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def _equity_traces(result: Reported) -> list[Any]:
    market, equity, words = buy_and_hold(result), result.equity_values, words_of(result)
    return [
        _line(result, market, thin(market), words.benchmark, BENCHMARK, "%{y:,.0f}", width=1.3),
        _line(result, equity, thin(equity), words.what, STRATEGY, "%{y:,.0f}", width=2.0),
    ]


def _drawdown_trace(result: Reported) -> Any:
    drawdown = drawdown_of(result.equity_values, result.initial_cash)
    line = _line(result, drawdown, thin(drawdown), "drawdown", LOSS, "%{y:.1%}", width=1.0)
    line.update(fill="tozeroy", fillcolor="rgba(217,96,26,0.22)", showlegend=False)
    return line


def _price_traces(result: SimulationResult) -> tuple[list[Any], str | None]:
    import plotly.graph_objects as go

    bars = result.bars
    if len(bars) <= MAX_CANDLES:
        candles = go.Candlestick(
            x=moments_text(local_index(bars)),
            open=bars.open,
            high=bars.high,
            low=bars.low,
            close=bars.close,
            name=escape(bars.symbol),
            increasing={"line": {"color": GAIN, "width": 1}, "fillcolor": "rgba(15,157,138,0.25)"},
            decreasing={"line": {"color": LOSS, "width": 1}, "fillcolor": LOSS},
        )
        return [candles, *_trade_markers(result)], _markers_note(len(result.trade_table["pnl"]))
    line = _line(
        result, bars.close, thin(bars.close), escape(bars.symbol), BENCHMARK, "%{y:,.6~g}", width=1.2
    )
    notes = filter(None, (thinned_note(len(bars)), _markers_note(len(result.trade_table["pnl"]))))
    return [line, *_trade_markers(result)], " ".join(notes) or None


def _trade_markers(result: SimulationResult) -> list[Any]:
    import plotly.graph_objects as go

    trades, index = result.trade_table, local_index(result.bars)
    chosen = largest(trades["pnl"])
    side, pnl = trades["side"][chosen], trades["pnl"][chosen]
    returns = _trade_returns(result)[chosen] * 100.0
    kinds = (
        ("long entry", side > 0, "entry", {"symbol": "triangle-up", "color": STRATEGY, "size": 10}),
        ("short entry", side < 0, "entry", {"symbol": "triangle-down", "color": "#8a63c9", "size": 10}),
        ("exit with profit", pnl > 0, "exit", {"symbol": "circle", "color": GAIN, "size": 8}),
        ("exit with loss", pnl <= 0, "exit", {"symbol": "x", "color": LOSS, "size": 8}),
    )
    traces = []
    for name, wanted, end, marker in kinds:
        rows = chosen[wanted]
        if rows.size:
            traces.append(
                go.Scatter(
                    x=moments_text(index[trades[f"{end}_bar"][rows].astype(np.int64)]),
                    y=trades[f"{end}_price"][rows],
                    customdata=np.column_stack((rows + 1, returns[wanted])),
                    mode="markers",
                    name=name,
                    cliponaxis=False,
                    marker={**marker, "line": {"width": 1, "color": "rgba(255,255,255,0.85)"}},
                    hovertemplate=f"{name}, trade %{{customdata[0]}}<br>%{{x}} at %{{y:,.6~g}}<br>"
                    "return %{customdata[1]:.2f} %<extra></extra>",
                )
            )
    return traces


def _markers_note(trades: int) -> str | None:
    shown = largest(np.zeros(trades)).size
    if shown == trades:
        return None
    return f"Of {trades:,} trades, the {shown:,} with the largest profit or loss are marked."


def _trade_returns(result: Reported) -> FloatArray:
    trades = result.trade_table
    returns: FloatArray = trades["pnl"] / (trades["units"] * trades["entry_price"])
    return returns


def _line(
    result: Reported,
    values: FloatArray,
    chosen: IntArray,
    name: str,
    colour: str,
    hover: str,
    width: float = 1.5,
) -> Any:
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


def _round_step(width: float) -> float:
    scale = 10.0 ** np.floor(np.log10(width))
    return float(
        scale * min((step for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * scale >= width), default=10.0)
    )


def _empty(title: str, why: str) -> go.Figure:
    import plotly.graph_objects as go

    figure = styled(go.Figure(), title, None, height=220)
    figure.add_annotation(text=why, xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


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
        margin={"l": 56, "r": 12, "t": 76, "b": 36},
        bargap=0.05,
    )
    axis = {"gridcolor": GRID, "zeroline": False, "showline": False, "automargin": True, "ticks": ""}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
