"""Make docs/metrics.md, the page of all metrics, from the glossary.

python docs/make_metrics_page.py

A test compares the page with what this makes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from admf.simulation import metrics
from admf.simulation.metrics import STREAMED
from admf.simulation.metrics_glossary import GLOSSARY, LOWER_IS_BETTER, MetricInfo

PAGE = Path(__file__).resolve().parent / "metrics.md"

_HEAD = """# All metrics
Made from the glossary by `python docs/make_metrics_page.py`. `result.metrics` of a simulation or a portfolio
has each of them by name; `admf.sweep(..., metrics=[...])`, `trials.best(name)` and the columns of
`trials.table` use the same names, reports and the terminal the titles. Names and values are empyrical's
where it has them.

A fraction is shown as percent in reports: 0.05 is 5 %. Where a metric is not defined it is NaN, a dash in a
report: where the table says so, and most of them where there are too few bars.

In formulas `r` are the returns per bar, the first against the initial cash, and `n` how many; `x` are those
less the risk-free return of a bar, which is what the Sortino ratio requires (the downside risk requires 0);
`b` the returns of the symbol itself; `pnl` the profits of closed trades after costs; `cutoff` is 5 %. `SR` is
`mean(x) / std(x, ddof=1)`, the Sharpe ratio of a bar, and `SR*` the one to beat, 0; `Phi` is the distribution
function of the standard normal. `drawdown_series` is the equity for its highest value so far, less 1, and the
initial cash counts as a high; `m2`, `m3` and `m4` are the central moments of `x`. Annual figures take the
bars per year that the result's assumptions name (`data_config.periods_per_year`).

`best()` and `top()` sort by the better direction; what only describes, as `trades`, `beta` or `skew`, counts
as higher. Those that a sweep does not compute need the returns in order of size, which it does not keep.
"""
_COLUMNS = (
    "name",
    "title in reports",
    "unit",
    "what it says",
    "formula",
    "NaN where",
    "better",
    "in a sweep",
)
# Metrics that are read off a result and have no function of their own.
_READ_OFF = {
    "final_equity": "cash + units * last close",
    "buy_and_hold_return": "last close / first close - 1",
    "trades": "count(pnl)",
    "avg_trade": "mean(pnl / (units * entry price))",
    "best_trade": "max(pnl / (units * entry price))",
    "worst_trade": "min(pnl / (units * entry price))",
    "avg_bars": "mean(exit bar - entry bar)",
}
_UNITS = {"percent": "fraction", "ratio": ""}


def page() -> str:
    """Give the text of the page."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(name, info) for name, info in GLOSSARY.items())]
    return f"{_HEAD}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str, info: MetricInfo) -> tuple[str, ...]:
    return (
        f"`{name}`",
        info.title,
        _UNITS.get(info.unit, info.unit),
        info.explanation,
        _formula(name),
        info.undefined if info.undefined != MetricInfo.undefined else "",
        "lower" if name in LOWER_IS_BETTER else "higher",
        "yes" if name in STREAMED else "no",
    )


def _formula(name: str) -> str:
    """Give the formula of a metric: the first one in the docstring of its function."""
    text = _READ_OFF.get(name)
    if text is None:
        found = re.search(r"``([^`]+)``", getattr(metrics, name).__doc__ or "")
        if found is None:
            raise ValueError(f"{name} has no formula: put one in ``...`` into the docstring of its function")
        text = found[1]
    return f"`{text}`".replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
