"""The backtest: its phases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pandas as pd

from admf.core.components import ComponentSpec, SignalGenerator
from admf.core.config import BacktestConfig, WorkflowConfig
from admf.errors import ConfigError, Problem
from admf.flows.context import WorkflowContext
from admf.flows.incidents import publish_incidents
from admf.flows.manager import BaseWorkflowManager, WorkflowPhase
from admf.simulation import SimulationResult
from admf.simulation.check import check_workflow, memory_problem, one_symbol
from admf.simulation.incidents import incidents_of
from admf.strategies import BoundStrategy, resolve_strategy
from admf.tasks import shared
from admf.tasks.simulate import simulate


class BacktestManager(BaseWorkflowManager):
    """Simulates one strategy on one symbol."""

    strategy: BoundStrategy
    symbol: str
    result: SimulationResult

    def get_execution_phases(self) -> list[WorkflowPhase]:
        """Give the five phases of a backtest."""
        return [
            WorkflowPhase("initialization", description="resolve the strategy and its parameters"),
            WorkflowPhase("data_preparation", description="choose the bars, compute the indicators once"),
            WorkflowPhase("computation", description="simulate, on the workflow's task runner"),
            WorkflowPhase("aggregation", description="metrics, costs, assumptions, digest"),
            WorkflowPhase("finalization", critical=False, description="tables, pictures and the report"),
        ]

    def check(self, config: WorkflowConfig) -> list[Problem]:
        """List what is wrong with symbols, strategy and parameters."""
        return check_workflow(config)

    async def execute_phase(
        self, phase: WorkflowPhase, config: WorkflowConfig, context: WorkflowContext
    ) -> Mapping[str, Any]:
        """Run one phase; what phases hand on are typed attributes of this object."""
        section = config.section
        assert isinstance(section, BacktestConfig)  # noqa: S101 - the config was validated as this type
        match phase.name:
            case "initialization":
                return self._initialize(section, config, context)
            case "data_preparation":
                return await asyncio.to_thread(self._prepare, context)
            case "computation":
                return await self._compute(section, config, context)
            case "aggregation":
                return await asyncio.to_thread(self._aggregate, context)
            case _:
                return await asyncio.to_thread(self._finalize, context)

    def _initialize(
        self, section: BacktestConfig, config: WorkflowConfig, context: WorkflowContext
    ) -> Mapping[str, Any]:
        symbols = list(context.market.bars)
        if len(symbols) != 1:
            raise ConfigError([one_symbol(config, symbols)])
        self.symbol = symbols[0]
        scope = context.container.child(self.symbol, kind="trial")
        scope.add(
            ComponentSpec(
                "strategy",
                resolve_strategy,
                params={
                    "ref": section.strategy.name,
                    "params": section.strategy.params,
                    "allow_modules": tuple(config.allow_modules),
                },
            ),
            conforms_to=(SignalGenerator,),
        )
        self.strategy = scope.initialize().resolve("strategy")
        bars = context.market.bars[self.symbol]
        problem = memory_problem(config, context.resources.memory_limit_mb, len(bars), self.strategy)
        if problem is not None:
            raise ConfigError([problem])
        return {"strategy": self.strategy.name, "params": dict(self.strategy.params), "symbol": self.symbol}

    def _prepare(self, context: WorkflowContext) -> Mapping[str, Any]:
        bars, table = context.market.bars[self.symbol], context.market.tables[self.symbol]
        table.rows(self.strategy.indicators.values())
        return {
            "bars": len(bars),
            "first": bars.index[0].isoformat(),
            "last": bars.index[-1].isoformat(),
            "fingerprint": bars.fingerprint,
            "indicators_computed": table.computed,
            "findings": [finding.message for finding in bars.findings],
        }

    async def _compute(
        self, section: BacktestConfig, config: WorkflowConfig, context: WorkflowContext
    ) -> Mapping[str, Any]:
        folder = context.run.scratch / "market"
        in_process = context.resources.in_process
        await asyncio.to_thread(shared.publish, folder, context.market, to_disk=not in_process)
        try:
            future = simulate.submit(
                folder=str(folder),
                indicator_directory=context.library.directory,
                symbol=self.symbol,
                config=section.model_dump(mode="json"),
                allow_modules=list(config.allow_modules),
            )
            self.result = cast("SimulationResult", await asyncio.to_thread(future.result))
        finally:
            shared.withdraw(folder)
        await asyncio.to_thread(publish_incidents, context.container.bus, incidents_of(self.result))
        return {"compiled": self.result.compiled, "trades": len(self.result.trades)}

    def _aggregate(self, context: WorkflowContext) -> Mapping[str, Any]:
        result, outcome = self.result, context.outcome
        outcome.metrics.update(result.metrics)
        outcome.warnings.extend(result.warnings)
        outcome.digest = result.digest
        outcome.final_results.update(
            strategy=self.strategy.name,
            params=dict(self.strategy.params),
            symbol=self.symbol,
            costs=result.costs,
            assumptions=result.assumptions,
            data_findings=[finding.message for finding in result.bars.findings],
            trades=len(result.trades),
        )
        return {"metrics": len(result.metrics), "digest": result.digest}

    def _finalize(self, context: WorkflowContext) -> Mapping[str, Any]:
        from admf.reports import equity_svg, summary_markdown, write_report  # plotly: only when it is needed

        result, run, outcome = self.result, context.run, context.outcome
        curve = pd.DataFrame({"equity": result.equity, "units": result.positions})
        for name, frame in (("equity", curve), ("orders", result.orders), ("trades", result.trades)):
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
