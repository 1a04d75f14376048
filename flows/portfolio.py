"""A backtest of a portfolio: several symbols that share cash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from prefect.futures import PrefectFuture

from admf.errors import ConfigError
from admf.flows.job import Job
from admf.simulation.check import memory_problem
from admf.simulation.incidents import Incident
from admf.simulation.pessimistic import rerun_facts
from admf.simulation.portfolio.allocation import resolve_allocation
from admf.simulation.portfolio.check import bound_sleeves, estimate_portfolio
from admf.simulation.portfolio.incidents import incidents_of
from admf.simulation.portfolio.result import ACCOUNT
from admf.strategies import BoundStrategy
from admf.tasks.simulate import simulate_portfolio

if TYPE_CHECKING:
    from admf.simulation.portfolio import PortfolioResult
    from admf.simulation.portfolio.sleeves import Sleeve


class Portfolio(Job):
    """All loaded symbols, with the weights that an allocation gives them."""

    allocation: str
    sleeves: list[tuple[Sleeve, BoundStrategy]]

    def initialize(self) -> Mapping[str, Any]:
        """Resolve the allocation and the strategies that it follows; it must fit the symbols."""
        bars, allowed = self.context.market.bars, tuple(self.config.allow_modules)
        self.refuse()
        assert self.section.portfolio is not None  # noqa: S101 - the section was validated
        chosen = self.section.portfolio.allocation
        found = resolve_allocation(chosen.name, chosen.params, allowed)
        self.allocation = found.name
        self.sleeves = bound_sleeves(found.allocation, list(bars), allowed)
        cost = estimate_portfolio(bars, self.section, allowed, finer=bool(self.context.market.finer))
        problem = memory_problem(self.config, self.context.resources.memory_limit_mb, cost)
        if problem is not None:
            raise ConfigError([problem])
        return {
            "allocation": found.name,
            "params": dict(found.params),
            "symbols": list(bars),
            "strategies": [f"{strategy.name} on {sleeve.symbol}" for sleeve, strategy in self.sleeves],
        }

    def prepare(self) -> Mapping[str, Any]:
        """Compute the indicators of the strategies, if there are any."""
        market = self.context.market
        for sleeve, strategy in self.sleeves:
            market.tables[sleeve.symbol].rows(strategy.indicators.values())
        return {
            "bars": {symbol: len(bars) for symbol, bars in market.bars.items()},
            "first": min(bars.index[0] for bars in market.bars.values()).isoformat(),
            "last": max(bars.index[-1] for bars in market.bars.values()).isoformat(),
            "fingerprints": {symbol: bars.fingerprint for symbol, bars in market.bars.items()},
            "indicators_computed": sum(table.computed for table in market.tables.values()),
            "findings": _findings(market.bars),
        }

    def submit(self, folder: str) -> PrefectFuture[Any]:
        """Start the simulation."""
        future: PrefectFuture[Any] = simulate_portfolio.submit(
            allocation=self.allocation, **self.simulate_arguments(folder)
        )
        return future

    def incidents(self, result: PortfolioResult) -> Iterable[Incident]:
        """List the orders that were refused, blocked or cut."""
        return incidents_of(result)

    def facts(self, result: PortfolioResult) -> Mapping[str, Any]:
        """Name allocation, parameters and symbols, and where the profit comes from."""
        by_strategy = result.attribution_by_strategy["pnl"].groupby(level="strategy", sort=False).sum()
        return {
            "allocation": result.allocation,
            "params": dict(result.params),
            "symbols": list(result.symbols),
            "attribution": result.attribution["pnl"].to_dict(),
            **({"attribution_by_strategy": by_strategy.to_dict()} if len(by_strategy) else {}),
            "data_findings": _findings(result.joined.bars),
        } | rerun_facts(result)

    def tables(self, result: PortfolioResult) -> Mapping[str, pd.DataFrame]:
        """Give equity with cash, weights, units, decided targets, orders, trades, attributions, financing.

        Beside the equity stands that of a pessimistic rerun; financing is what holding each symbol cost at
        each bar, and the account.
        """
        curves = {"equity": result.equity, "cash": result.cash}
        if result.pessimistic is not None:
            curves |= {
                "pessimistic_equity": result.pessimistic.equity,
                "pessimistic_cash": result.pessimistic.cash,
            }
        tables = {
            "equity": pd.DataFrame(curves),
            "weights": result.weights,
            "positions": result.positions,
            "targets": result.targets,
            "orders": result.orders,
            "trades": result.trades,
            "attribution": result.attribution,
        }
        if any(result.financing.values()):
            tables["financing"] = pd.concat([result.carry, result.interest.rename(ACCOUNT)], axis=1)
        if len(result.strategies):
            tables["attribution_by_strategy"] = result.attribution_by_strategy
        return tables


def _findings(bars: Mapping[str, Any]) -> list[str]:
    return [f"{symbol}: {finding.message}" for symbol, each in bars.items() for finding in each.findings]
