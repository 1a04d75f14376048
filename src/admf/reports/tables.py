"""Tables of texts, and the texts of money and of shares in them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from admf.reports.summary import percent
from admf.simulation.metrics_glossary import DASH


def share(part: float, whole: float) -> str:
    """Write a part as percent of the whole; a dash where the whole is 0."""
    return percent(round(float(part) / whole, 3) + 0.0) if whole else DASH


def money(value: float, signed: bool = False) -> str:
    """Write an amount of money with two decimals."""
    cents = round(float(value), 2) + 0.0  # no minus before zero
    return f"{cents:+,.2f}" if signed else f"{cents:,.2f}"


def text_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    label: str,
    total: Sequence[str] | None = None,
    texts: Sequence[int] = (),
) -> str:
    """Lay out texts under a head; the first column is a heading of its row, `texts` are left-aligned."""
    kinds = [' class="text"' if at == 0 or at in texts else "" for at in range(len(head))]
    top = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    lines = [_line(row, kinds, bold=False) for row in rows]
    if total is not None:
        lines.append(_line(total, kinds, bold=True))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table><thead><tr>{top}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _line(cells: Sequence[str], kinds: Sequence[str], bold: bool) -> str:
    texts = [f"<b>{escape(cell)}</b>" if bold and cell else escape(cell) for cell in cells]
    first = f'<th scope="row"{kinds[0]}>{escape(cells[0])}</th>'
    return (
        "<tr>"
        + first
        + "".join(f"<td{kind}>{text}</td>" for kind, text in zip(kinds[1:], texts[1:], strict=True))
        + "</tr>"
    )
