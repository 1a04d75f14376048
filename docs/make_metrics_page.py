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
`b` the returns of the symbol itself; `pnl` the profits of closed trades after costs; `cutoff` is 5 %. Annual
figures take the bars per year that the result's assumptions name (`data_config.periods_per_year`).

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
    """Give the first formula of the docstring of the metric's function; some need none."""
    found = re.search(r"``([^`]+)``", getattr(metrics, name, page).__doc__ or "")
    return f"`{found[1]}`".replace("|", "\\|").replace("\n", " ") if found else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
