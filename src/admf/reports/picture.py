"""The equity of a simulation as a small SVG, drawn here: no browser, no plotting library."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from admf.reports.summary import bars_a_year, percent, period_text
from admf.simulation.figures_data import Words, buy_and_hold, local_index, thin, words_of
from admf.simulation.figures_style import BENCHMARK, FONT, LOSS, RERUN, STRATEGY, WORSE
from admf.simulation.metrics import drawdown_of
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.simulation.figures_data import Reported

WIDTH, HEIGHT = 960, 460
LEFT, RIGHT = 70, 20
TOP, MIDDLE, LOWER, BOTTOM = 86, 318, 340, 424  # equity from TOP to MIDDLE, drawdown from LOWER to BOTTOM
INK, MUTED, LINE = "#18212f", "#5a6676", "#e1e6ec"
Scale = Callable[[FloatArray], FloatArray]


def equity_svg(result: Reported) -> str:
    """Draw equity, that of a pessimistic rerun where there is one, buy and hold, and drawdown.

    Parameters
    ----------
    result
        Of a simulation; a curve of any length is drawn with its extremes.

    Returns
    -------
    A standalone SVG document, 960 by 460, on a light card, so that it can be read on a dark page too.
    """
    equity, market = result.equity_values, buy_and_hold(result)
    drawdown = drawdown_of(equity, result.initial_cash)
    worse = None if result.pessimistic is None else result.pessimistic.equity_values
    curves = (equity, market) if worse is None else (equity, market, worse)
    low, high = _padded(min(float(c.min()) for c in curves), max(float(c.max()) for c in curves))
    depth = min(float(drawdown.min()), -0.01) * 1.05
    across = _scale(0.0, max(len(equity) - 1, 1), LEFT, WIDTH - RIGHT)
    money = _scale(low, high, MIDDLE, TOP)
    fall = _scale(depth, 0.0, BOTTOM, LOWER)
    shape = _path(drawdown, across, fall)
    first, last = float(across(np.array([0.0]))[0]), float(across(np.array([len(equity) - 1.0]))[0])
    title = f"{result.strategy} on {result.bars.symbol}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="{escape(FONT)}" style="max-width:100%;height:auto">',
        f"<title>{escape(title)}: equity and drawdown</title>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" fill="#fff" '
        f'stroke="{LINE}"/>',
        _text(24, 34, _cut(title, 62), size=17, weight=650, colour=INK),
        _text(24, 55, _subtitle(result), size=13),
        *_money_axis(low, high, money),
        *_fall_axis(depth, fall),
        *_time_axis(result, across),
        f'<path d="{shape} L{last:.1f} {LOWER} L{first:.1f} {LOWER} Z" fill="{LOSS}" fill-opacity="0.18"/>',
        f'<path d="{shape}" fill="none" stroke="{LOSS}" stroke-width="1.1"/>',
        f'<path d="{_path(market, across, money)}" fill="none" stroke="{BENCHMARK}" stroke-width="1.2"/>',
        *(() if worse is None else (_dashed(_path(worse, across, money)),)),
        f'<path d="{_path(equity, across, money)}" fill="none" stroke="{STRATEGY}" stroke-width="1.9" '
        'stroke-linejoin="round"/>',
        *_legend(words_of(result), rerun=worse is not None),
        "</svg>",
    ]
    return "\n".join(parts)


def _subtitle(result: Reported) -> str:
    metrics = result.metrics
    sharpe, growth, rule = metrics["sharpe_ratio"], percent(metrics["annual_return"]), bars_a_year(result)
    return "   ".join(
        (
            period_text(result),
            f"total {percent(metrics['cum_returns_final'])}",
            f"{growth} {rule}" if rule else f"a year {growth}",
            f"Sharpe {sharpe:.2f}" if math.isfinite(sharpe) else "Sharpe \N{EN DASH}",
            f"deepest fall {percent(abs(metrics['max_drawdown']))}",
        )
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _padded(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.04 or max(abs(high) * 0.01, 1.0)
    return low - room, high + room


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda values: start + (values - low) / (high - low) * (end - start)


def _path(values: FloatArray, across: Scale, up: Scale) -> str:
    chosen = thin(values, 1600)
    points = zip(across(chosen.astype(np.float64)), up(values[chosen]), strict=True)
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return path if values.size > 1 else f"{path} h3"  # a single bar is a dash


def _text(x: float, y: float, text: str, **style: object) -> str:
    size, weight = style.get("size", 12), style.get("weight", 400)
    anchor, colour = style.get("anchor", "start"), style.get("colour", MUTED)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}" xml:space="preserve">{escape(text)}</text>'
    )


def _ticks(low: float, high: float, about: int) -> list[float]:
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = min((factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= raw), default=10 * unit)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _money_text(value: float) -> str:
    size = abs(value)
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{value / limit:.6g}{letter}"
    return f"{value:.6g}"


def _rule(y: float) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>'


def _money_axis(low: float, high: float, up: Scale) -> list[str]:
    parts = []
    for value in _ticks(low, high, 5):
        y = float(up(np.array([value]))[0])
        parts += [_rule(y), _text(LEFT - 8, y + 4, _money_text(value), anchor="end")]
    return parts


def _fall_axis(depth: float, up: Scale) -> list[str]:
    parts = []
    for value in _ticks(depth, 0.0, 2):
        y = float(up(np.array([value]))[0])
        parts += [_rule(y), _text(LEFT - 8, y + 4, f"{value * 100 + 0.0:.4g} %", anchor="end")]
    return parts


def _time_axis(result: Reported, across: Scale) -> list[str]:
    """Label at most eight starts of a year, month or day; else the first and the last bar."""
    stamps = local_index(result.bars).to_numpy()
    for unit, steps in (("Y", (1, 2, 5, 10, 20)), ("M", (1, 3)), ("D", (1, 2, 5, 10))):
        numbers = stamps.astype(f"datetime64[{unit}]").astype(np.int64)
        starts = np.flatnonzero(np.diff(numbers)) + 1
        for step in steps:
            chosen = [
                start for start in starts if (numbers[start] + (1970 if unit == "Y" else 0)) % step == 0
            ]
            if 3 <= len(chosen) <= 10:
                texts = np.datetime_as_string(stamps[chosen].astype(f"datetime64[{unit}]"))
                return [
                    _tick(float(across(np.array([float(p)]))[0]), str(t))
                    for p, t in zip(chosen, texts, strict=True)
                ]
    ends = np.datetime_as_string(stamps[[0, -1]].astype("datetime64[D]"))
    labels = [_text(LEFT, BOTTOM + 18, str(ends[0]))]
    if len(stamps) > 1:
        labels.append(_text(WIDTH - RIGHT, BOTTOM + 18, str(ends[1]), anchor="end"))
    return labels


def _tick(x: float, text: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{BOTTOM}" y2="{BOTTOM + 4}" stroke="{MUTED}"/>' + _text(
        x, BOTTOM + 18, text, anchor="middle"
    )


def _dashed(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{WORSE}" stroke-width="1.3" stroke-dasharray="6 4"/>'


def _legend(words: Words, rerun: bool) -> list[str]:
    parts = []
    entries = [
        (WIDTH - 318, STRATEGY, words.what, ""),
        (WIDTH - 228, BENCHMARK, words.benchmark, ""),
        (WIDTH - 112, LOSS, "drawdown", ""),
    ]
    if rerun:
        entries.append((WIDTH - 466, WORSE, RERUN, ' stroke-dasharray="4 6"'))
    for x, colour, name, dash in entries:
        parts += [
            f'<line x1="{x}" x2="{x + 16}" y1="73" y2="73" stroke="{colour}" stroke-width="3" '
            f'stroke-linecap="round"{dash}/>',
            _text(x + 22, 77, name),
        ]
    return parts
