"""Reports of results: one HTML file, a small picture, a summary in markdown."""

from __future__ import annotations

from admf.reports.html import write_report
from admf.reports.picture import equity_svg
from admf.reports.summary import summary_markdown

__all__ = ["equity_svg", "summary_markdown", "write_report"]
