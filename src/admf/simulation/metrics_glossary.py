"""What each metric of `compute_metrics` is called, which unit it has and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from admf.core.registry import nearest

DASH = "\N{EN DASH}"  # stands for a value that is not defined


@dataclass(frozen=True)
class MetricInfo:
    """One metric, for people.

    Parameters
    ----------
    title
        Short name.
    unit
        ``percent`` (the value is a fraction), ``ratio``, ``currency``, ``bars`` or ``count``.
    explanation
        One or two plain sentences.
    undefined
        Why the value can be missing.
    """

    title: str
    unit: str
    explanation: str
    undefined: str = "There are too few bars."

    def format(self, value: float) -> str:
        """Write a value with its unit; an undefined one as a dash."""
        if not math.isfinite(value):
            return DASH
        if abs(value) >= 1e9 and self.unit in ("percent", "ratio"):  # a few bars, taken to a year
            return f"{value * 100:.2e} %" if self.unit == "percent" else f"{value:.2e}"
        if self.unit == "percent":
            return f"{round(value * 100, 2) + 0.0:,.2f} %"  # + 0.0: no minus before a zero
        if self.unit == "currency":
            return f"{round(value, 2) + 0.0:,.2f}"
        if self.unit == "count":
            return f"{value:,.0f}"
        if self.unit == "bars":
            return f"{value:,.{0 if value.is_integer() else 1}f} bars"
        return f"{round(value, 2) + 0.0:,.2f}"


_STILL = "The returns do not vary, or there are fewer than two."
_NO_LOSS = "There is no loss to divide by."
_NO_TRADE = "No trade was closed."
_NO_PAIR = "It needs a closed trade with a profit and one with a loss."
_NO_DRAWDOWN = "The value never fell below an earlier high."

GLOSSARY: dict[str, MetricInfo] = {
    "final_equity": MetricInfo("Final equity", "currency", "Cash and open position at the last close."),
    "cum_returns_final": MetricInfo("Total return", "percent", "Gain on the initial cash."),
    "annual_return": MetricInfo(
        "Annual return",
        "percent",
        "The constant yearly growth that gives the total return, by the bars per year of the assumptions.",
        "The equity ended below zero.",
    ),
    "buy_and_hold_return": MetricInfo(
        "Buy and hold",
        "percent",
        "Gain of the symbol from the first close to the last, without costs.",
    ),
    "sharpe_ratio": MetricInfo(
        "Sharpe ratio",
        "ratio",
        "Yearly return above the risk-free rate for each unit of volatility. "
        "Above 1 is good, below 0 lost money.",
        _STILL,
    ),
    "probabilistic_sharpe_ratio": MetricInfo(
        "Probability of skill",
        "percent",
        "Probability that the true Sharpe ratio is above 0, given the length, skew and tails of this sample. "
        "It does not know how many variants were tried before this one.",
        _STILL,
    ),
    "sortino_ratio": MetricInfo(
        "Sortino ratio",
        "ratio",
        "The Sharpe ratio with losses alone as the risk.",
        "No bar lost money.",
    ),
    "omega_ratio": MetricInfo(
        "Omega ratio",
        "ratio",
        "Sum of the gains for the sum of the losses of all bars.",
        "No bar lost money.",
    ),
    "stability_of_timeseries": MetricInfo(
        "Stability",
        "ratio",
        "How close growth is to a constant rate: 1 is a straight line on a log scale, 0 has no trend.",
        "The value never changed, or fell to zero.",
    ),
    "alpha": MetricInfo(
        "Alpha",
        "percent",
        "Yearly return that holding the symbol does not explain.",
        "The symbol's price did not vary.",
    ),
    "beta": MetricInfo(
        "Beta", "ratio", "Move for each 1 % move of the symbol.", "The symbol's price did not vary."
    ),
    "annual_volatility": MetricInfo("Volatility", "percent", "Yearly standard deviation of the returns."),
    "downside_risk": MetricInfo(
        "Downside risk", "percent", "Yearly deviation of the losing bars below zero."
    ),
    "max_drawdown": MetricInfo(
        "Maximum drawdown",
        "percent",
        "Deepest fall from a high, which a holder had to sit through.",
    ),
    "longest_drawdown": MetricInfo("Longest drawdown", "bars", "Longest time below an earlier high."),
    "ulcer_index": MetricInfo("Ulcer index", "percent", "Depth and length of the drawdowns in one number."),
    "calmar_ratio": MetricInfo(
        "Calmar ratio", "ratio", "Annual return for the maximum drawdown.", _NO_DRAWDOWN
    ),
    "recovery_factor": MetricInfo(
        "Recovery factor", "ratio", "Total return for the maximum drawdown.", _NO_DRAWDOWN
    ),
    "value_at_risk": MetricInfo("Value at risk 5 %", "percent", "One bar in twenty was worse than this."),
    "conditional_value_at_risk": MetricInfo(
        "Expected shortfall 5 %", "percent", "Mean return of the worst twentieth of the bars."
    ),
    "tail_ratio": MetricInfo(
        "Tail ratio",
        "ratio",
        "Size of the best bars (95 %) for the worst (5 %); above 1 the good tail is the longer one.",
        "More than 95 % of the bars did not lose.",
    ),
    "skew": MetricInfo("Skew", "ratio", "Below 0: rare large losses. Above 0: rare large gains.", _STILL),
    "kurtosis": MetricInfo(
        "Kurtosis", "ratio", "Weight of extreme bars; the normal distribution has 3.", _STILL
    ),
    "trades": MetricInfo(
        "Closed trades",
        "count",
        "Each fill that closes a position, or a part of it, counts as one: an exit that takes several bars "
        "counts once a bar. An open position does not count.",
    ),
    "win_rate": MetricInfo(
        "Win rate", "percent", "Share of closed trades with a profit after costs.", _NO_TRADE
    ),
    "profit_factor": MetricInfo(
        "Profit factor", "ratio", "Sum of the profits for the sum of the losses of closed trades.", _NO_LOSS
    ),
    "expectancy": MetricInfo("Expectancy", "currency", "Mean profit of a closed trade.", _NO_TRADE),
    "payoff_ratio": MetricInfo("Payoff ratio", "ratio", "Average win for the average loss.", _NO_PAIR),
    "kelly": MetricInfo(
        "Kelly fraction",
        "percent",
        "Share of capital that grows fastest for trades like these; below 0: do not trade.",
        _NO_PAIR,
    ),
    "avg_trade": MetricInfo("Average trade", "percent", "Mean return of a closed trade.", _NO_TRADE),
    "best_trade": MetricInfo("Best trade", "percent", "Highest return of a closed trade.", _NO_TRADE),
    "worst_trade": MetricInfo("Worst trade", "percent", "Lowest return of a closed trade.", _NO_TRADE),
    "max_consecutive_losses": MetricInfo("Losing streak", "count", "Most losing trades in a row."),
    "avg_bars": MetricInfo("Average holding time", "bars", "Mean length of a closed trade.", _NO_TRADE),
    "exposure": MetricInfo("Exposure", "percent", "Share of bars with a position at the close."),
    "turnover": MetricInfo(
        "Turnover",
        "ratio",
        "Value bought and sold in a year for the mean equity: 2 is one full purchase and sale a year.",
        "The mean equity is not above 0.",
    ),
}

# The better of two values is the lower one; of every other metric it is the higher one (a drawdown or value
# at risk is below 0 for a loss). What only describes (trades, exposure, beta, skew) counts as higher.
LOWER_IS_BETTER = frozenset(
    {
        "annual_volatility",
        "downside_risk",
        "kurtosis",
        "longest_drawdown",
        "max_consecutive_losses",
        "turnover",
        "ulcer_index",
    }
)


def meant_metric(name: str, names: Iterable[str]) -> str | None:
    """Give the one of `names` that an unknown name means: a title of the reports, or a slip; None if none."""
    asked = name.casefold().replace("_", " ").strip()
    by_title = {GLOSSARY[each].title.casefold(): each for each in names}
    if asked in by_title:
        return by_title[asked]
    near = nearest(name, by_title.values()) or nearest(asked, by_title)
    return by_title.get(near, near) if near else None
