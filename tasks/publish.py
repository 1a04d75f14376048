"""What a run shows on its page: Prefect artifacts."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact


async def publish_artifacts(
    metrics: Mapping[str, float],
    summary_markdown: str,
    picture_svg: str | None,
    report_path: str | None,
) -> None:
    """Publish the result table, the equity picture and the way to the report.

    Called from the parent flow: artifacts of a subflow are not listed on the parent's page. The picture
    travels as an SVG data URI within markdown, which the page renders; the interactive report is a file,
    because the page strips frames and scripts.
    """
    await acreate_table_artifact(
        table=[{"metric": name, "value": _readable(value)} for name, value in metrics.items()],
        key="result",
        description="Result",
    )
    if picture_svg is not None:
        encoded = base64.b64encode(picture_svg.encode()).decode()
        await acreate_markdown_artifact(
            markdown=f"![Equity](data:image/svg+xml;base64,{encoded})",
            key="equity",
            description="Equity and drawdown",
        )
    where = f"\n\nReport: `{report_path}` (open it in a browser)\n" if report_path else ""
    await acreate_markdown_artifact(markdown=summary_markdown + where, key="report", description="Summary")


def _readable(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "undefined"
    return f"{value:.6g}"
