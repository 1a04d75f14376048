"""Pictures of a simulation as plotly figures, for notebooks and for the report: curves, months, costs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.simulation.cost_kinds import kind_title, paid_costs, received
from admf.simulation.figures_data import (
    LEAST_BARS,
    Reported,
    buy_and_hold,
    local_index,
    moments_text,
    monthly_returns,
    rolling_sharpe,
    rolling_window,
    thin,
    thinned_note,
    words_of,
)
from admf.simulation.figures_style import (
    BENCHMARK,
    GAIN,
    LOSS,
    RERUN,
    STRATEGY,
    TEXT,
    WORSE,
    curve,
    empty,
    from_first_to_last,
    styled,
)
from admf.simulation.figures_trades import markers_note, trade_markers
from admf.simulation.metrics import bar_returns, drawdown_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from admf.simulation.result import SimulationResult

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MAX_CANDLES = 300


def overview_figure(result: SimulationResult) -> go.Figure:
    """Price with entries and exits, equity and drawdown, one below the other on one time axis."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.04, row_heights=[0.42, 0.36, 0.22])
    price, note = _price_traces(result)
    for row, traces in enumerate((price, equity_traces(result), [drawdown_trace(result)]), start=1):
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
    """Equity against buy and hold of the same bars and a pessimistic rerun, with the drawdown below."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.7, 0.3])
    for trace in equity_traces(result):
        figure.add_trace(trace, row=1, col=1)
    figure.add_trace(drawdown_trace(result), row=2, col=1)
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
        return empty("Rolling Sharpe ratio", "Too few bars: it needs 40.")
    risk_free = (1.0 + result.risk_free_pct / 100.0) ** (1.0 / bars.periods_per_year) - 1.0
    returns = bar_returns(result.equity_values, result.initial_cash)
    held = np.abs(result.position_values.reshape(len(bars), -1)).sum(axis=1) > 0.0
    ratio = rolling_sharpe(returns, window, bars.periods_per_year, risk_free, held)
    chosen = thin(ratio)
    line = curve(result, ratio, chosen, "rolling Sharpe ratio", STRATEGY, "%{y:.2f}")
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


def equity_traces(result: Reported) -> list[Any]:
    """Draw the benchmark, the equity of a pessimistic rerun where there is one, and the equity on top."""
    market, equity, words = buy_and_hold(result), result.equity_values, words_of(result)
    traces = [curve(result, market, thin(market), words.benchmark, BENCHMARK, "%{y:,.0f}", width=1.3)]
    worse = result.pessimistic
    if worse is not None:
        line = curve(
            worse, worse.equity_values, thin(worse.equity_values), RERUN, WORSE, "%{y:,.0f}", width=1.3
        )
        traces.append(line.update(line_dash="dash"))
    traces.append(curve(result, equity, thin(equity), words.what, STRATEGY, "%{y:,.0f}", width=2.0))
    return traces


def drawdown_trace(result: Reported) -> Any:
    """Draw how far the equity is below its highest value so far, as a filled area."""
    drawdown = drawdown_of(result.equity_values, result.initial_cash)
    line = curve(result, drawdown, thin(drawdown), "drawdown", LOSS, "%{y:.1%}", width=1.0)
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
        return [candles, *trade_markers(result)], _price_note(result)
    line = curve(
        result, bars.close, thin(bars.close), escape(bars.symbol), BENCHMARK, "%{y:,.6~g}", width=1.2
    )
    notes = filter(None, (thinned_note(len(bars)), _price_note(result)))
    return [line, *trade_markers(result)], " ".join(notes) or None


def _price_note(result: SimulationResult) -> str | None:
    """Say how the marks on the price are read; None where there are none."""
    trades = len(result.trade_table["pnl"])
    if not trades:
        return None
    return " ".join(filter(None, ("A triangle points at the price of its entry.", markers_note(trades))))
