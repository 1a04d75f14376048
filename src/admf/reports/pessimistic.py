"""The pessimistic rerun beside the result: how much hangs on the assumptions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from admf.reports import frame
from admf.reports.summary import comparison
from admf.simulation.figures_data import words_of
from admf.simulation.pessimistic import differing_assumptions

if TYPE_CHECKING:
    from admf.simulation.figures_data import Reported

TITLE = "Pessimistic rerun"


def rerun(result: Reported) -> list[frame.Part]:
    """Show both results side by side; nothing where there is no rerun."""
    worse = result.pessimistic
    if worse is None:
        return []
    note = (
        f"The same {words_of(result).what} on the same bars under worse assumptions: what a bar leaves open "
        "goes the worse way, all costs are doubled, decisions come a bar later."
    )
    if worse.metrics["final_equity"] > result.metrics["final_equity"]:
        note += (
            " It ends higher here, which is no error: a later fill or another stop can by chance keep it out "
            "of positions that lost, by more than the costs take."
        )
    html = frame.section("pessimistic", TITLE, note, comparison_table(result, worse), long=True)
    return [frame.Part("pessimistic", TITLE, html)]


def comparison_table(result: Reported, worse: Reported) -> str:
    """Lay the comparison out for the report, with the assumptions that differ below it."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("As configured", "Pessimistic"))
    body = "".join(
        f'<tr><th scope="row" class="text">{escape(title)}</th><td>{escape(ours)}</td>'
        f"<td>{escape(theirs)}</td></tr>"
        for title, ours, theirs in comparison(result, worse)
    )
    lines = "".join(
        f'<tr><th scope="row" class="text">{escape(name.capitalize())}</th>'
        f'<td class="text">{escape(text)}</td></tr>'
        for name, text in differing_assumptions(result, worse).items()
    )
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col" class="text"></th>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table></div><h3>What it assumes instead</h3><table class="wide">'
        f"<tbody>{lines}</tbody></table>"
    )
