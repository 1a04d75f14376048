"""A strategy of your own: a class with a parameter space, the indicators it needs, and one step.

The step gets numbers by the names of its arguments: bar fields, its indicators and parameters, what it holds.
It returns the exposure it wants: 1.0 all in, 0.0 flat, -1.0 short, NaN to leave things as they are.
"""

from admf.indicators import MAX, MIN
from admf.strategies import Float, Int


class ChannelTrend:
    """Buy in the upper part of the price channel of the last bars, sell in the lower."""

    parameters = {
        "window": Int(20, 400, default=120),
        "enter": Float(0.5, 1.0, default=0.8),
        "leave": Float(0.0, 0.5, default=0.35),
    }

    def indicators(p):
        return {"top": MAX(p.window, price="high"), "bottom": MIN(p.window, price="low")}

    def on_bar(close, top, bottom, position, enter, leave):
        width = top - bottom
        if width <= 0.0:
            return 0.0
        place = (close - bottom) / width
        if position > 0.0:
            return 1.0 if place > leave else 0.0
        return 1.0 if place > enter else 0.0
