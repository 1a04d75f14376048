"""A backtest of one strategy on one symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from prefect.futures import PrefectFuture

from admf.core.components import ComponentSpec, SignalGenerator
from admf.errors import ConfigError
from admf.flows.job import Job
from admf.simulation.check import estimate, memory_problem, one_symbol
from admf.simulation.incidents import Incident, incidents_of
from admf.simulation.pessimistic import rerun_facts
from admf.strategies import BoundStrategy, resolve_strategy
from admf.tasks.simulate import simulate

if TYPE_CHECKING:
    from admf.simulation import SimulationResult


class OneSymbol(Job):
    """One strategy, one symbol."""

    strategy: BoundStrategy
    symbol: str

    def initialize(self) -> Mapping[str, Any]:
        """Resolve the strategy in a scope of its own."""
        section, config, context = self.section, self.config, self.context
        symbols = list(context.market.bars)
        if len(symbols) != 1:
            raise ConfigError([one_symbol(config, symbols)])
        self.symbol = symbols[0]
        assert section.strategy is not None  # noqa: S101 - the section was validated
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
        bars, finer = context.market.bars[self.symbol], config.data_config.finer is not None
        cost = estimate(len(bars), self.strategy, section, finer=finer)
        problem = memory_problem(config, context.resources.memory_limit_mb, cost)
        if problem is not None:
            raise ConfigError([problem])
        return {"strategy": self.strategy.name, "params": dict(self.strategy.params), "symbol": self.symbol}

    def prepare(self) -> Mapping[str, Any]:
        """Compute the strategy's indicators."""
        market = self.context.market
        bars, table = market.bars[self.symbol], market.tables[self.symbol]
        table.rows(self.strategy.indicators.values())
        return {
            "bars": len(bars),
            "first": bars.index[0].isoformat(),
            "last": bars.index[-1].isoformat(),
            "fingerprint": bars.fingerprint,
            "indicators_computed": table.computed,
            "findings": [finding.message for finding in bars.findings],
        }

    def submit(self, folder: str) -> PrefectFuture[Any]:
        """Start the simulation."""
        future: PrefectFuture[Any] = simulate.submit(symbol=self.symbol, **self.simulate_arguments(folder))
        return future

    def incidents(self, result: SimulationResult) -> Iterable[Incident]:
        """List the orders that were refused, blocked or cut."""
        return incidents_of(result)

    def facts(self, result: SimulationResult) -> Mapping[str, Any]:
        """Name strategy, parameters and symbol."""
        return {
            "strategy": self.strategy.name,
            "params": dict(self.strategy.params),
            "symbol": self.symbol,
            "data_findings": [finding.message for finding in result.bars.findings],
        } | rerun_facts(result)

    def tables(self, result: SimulationResult) -> Mapping[str, pd.DataFrame]:
        """Give equity with position, beside that of a pessimistic rerun, orders and trades."""
        curves = {"equity": result.equity, "units": result.positions}
        if result.pessimistic is not None:
            curves |= {
                "pessimistic_equity": result.pessimistic.equity,
                "pessimistic_units": result.pessimistic.positions,
            }
        return {
            "equity": pd.DataFrame(curves),
            "orders": result.orders,
            "trades": result.trades,
        }
