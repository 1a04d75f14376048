"""The backtest: its phases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from admf.core.config import BacktestConfig, WorkflowConfig
from admf.errors import Problem
from admf.flows.context import WorkflowContext
from admf.flows.incidents import publish_incidents
from admf.flows.job import Job
from admf.flows.manager import BaseWorkflowManager, WorkflowPhase
from admf.flows.one_symbol import OneSymbol
from admf.flows.portfolio import Portfolio
from admf.simulation.check import check_workflow
from admf.tasks import shared

if TYPE_CHECKING:
    from admf.flows.job import Result


class BacktestManager(BaseWorkflowManager):
    """Simulates one strategy on one symbol, or a portfolio."""

    job: Job
    result: Result

    def get_execution_phases(self) -> list[WorkflowPhase]:
        """Give the five phases of a backtest."""
        return [
            WorkflowPhase("initialization", description="resolve strategy or allocation, and parameters"),
            WorkflowPhase("data_preparation", description="choose the bars, compute the indicators once"),
            WorkflowPhase("computation", description="simulate, on the workflow's task runner"),
            WorkflowPhase("aggregation", description="metrics, costs, assumptions, digest"),
            WorkflowPhase("finalization", critical=False, description="tables, pictures and the report"),
        ]

    def check(self, config: WorkflowConfig) -> list[Problem]:
        """List what is wrong with symbols, strategies, allocation and parameters."""
        return check_workflow(config)

    async def execute_phase(
        self, phase: WorkflowPhase, config: WorkflowConfig, context: WorkflowContext
    ) -> Mapping[str, Any]:
        """Run one phase; what phases hand on are typed attributes of this object."""
        section = config.section
        assert isinstance(section, BacktestConfig)  # noqa: S101 - the config was validated as this type
        match phase.name:
            case "initialization":
                kind = OneSymbol if section.portfolio is None else Portfolio
                self.job = kind(section, config, context)
                return await asyncio.to_thread(self.job.initialize)
            case "data_preparation":
                return await asyncio.to_thread(self.job.prepare)
            case "computation":
                return await self._compute(context)
            case "aggregation":
                return await asyncio.to_thread(self._aggregate, context)
            case _:
                return await asyncio.to_thread(self._finalize, context)

    async def _compute(self, context: WorkflowContext) -> Mapping[str, Any]:
        folder = context.run.scratch / "market"
        in_process = context.resources.in_process
        await asyncio.to_thread(shared.publish, folder, context.market, to_disk=not in_process)
        try:
            future = self.job.submit(str(folder))
            self.result = await asyncio.to_thread(future.result)
        finally:
            shared.withdraw(folder)
        await asyncio.to_thread(publish_incidents, context.container.bus, self.job.incidents(self.result))
        return {"compiled": self.result.compiled, "trades": len(self.result.trades)}

    def _aggregate(self, context: WorkflowContext) -> Mapping[str, Any]:
        result, outcome = self.result, context.outcome
        outcome.metrics.update(result.metrics)
        outcome.warnings.extend(result.warnings)
        outcome.digest = result.digest
        outcome.final_results.update(
            **self.job.facts(result),
            costs=result.costs,
            assumptions=result.assumptions,
            trades=len(result.trades),
        )
        return {"metrics": len(result.metrics), "digest": result.digest}

    def _finalize(self, context: WorkflowContext) -> Mapping[str, Any]:
        from admf.reports import equity_svg, summary_markdown, write_report  # plotly: only when it is needed

        result, run, outcome = self.result, context.run, context.outcome
        for name, frame in self.job.tables(result).items():
            outcome.artifacts[name] = run.write_parquet(f"{name}.parquet", frame).name
        outcome.picture_svg = equity_svg(result)
        outcome.artifacts["picture"] = run.write_text("equity.svg", outcome.picture_svg).name
        outcome.summary_markdown = summary_markdown(result)
        if context.config.output.report:
            config = context.config
            title = config.as_written(config.name)
            path = write_report(result, run.path / "report.html", manifest=run.manifest, title=title)
            text = path.read_text(encoding="utf-8")
            shown = config.as_written(text)
            if shown != text:
                run.write_text(path.name, shown)
            outcome.artifacts["report"] = path.name
        return {"artifacts": sorted(outcome.artifacts)}
