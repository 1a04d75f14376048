"""What a backtest simulates: one strategy on one symbol, or a portfolio. The manager drives either alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prefect.futures import PrefectFuture

from admf.core.config import BacktestConfig, WorkflowConfig
from admf.errors import ConfigError
from admf.flows.context import WorkflowContext
from admf.simulation.check import check_workflow
from admf.simulation.incidents import Incident

if TYPE_CHECKING:
    import pandas as pd

    from admf.simulation import SimulationResult
    from admf.simulation.portfolio import PortfolioResult

    Result = SimulationResult | PortfolioResult


class Job(ABC):
    """The part of a backtest that depends on what is simulated.

    Parameters
    ----------
    section, config
        What to simulate.
    context
        Of the workflow: its bars are loaded.
    """

    def __init__(self, section: BacktestConfig, config: WorkflowConfig, context: WorkflowContext) -> None:
        self.section = section
        self.config = config
        self.context = context

    def refuse(self) -> None:
        """Refuse what only the loaded bars show to be wrong; ConfigError has all of it."""
        problems = check_workflow(self.config, self.context.market.bars, self.context.market.tables)
        if problems:
            raise ConfigError(problems)

    def simulate_arguments(self, folder: str) -> dict[str, Any]:
        """Give what the task is told: plain data, small, without a secret."""
        return {
            "folder": folder,
            "indicator_directory": self.context.library.directory,
            "config": self.section.model_dump(mode="json"),
            "allow_modules": list(self.config.allow_modules),
        }

    @abstractmethod
    def initialize(self) -> Mapping[str, Any]:
        """Resolve the components; gives the phase's summary."""

    @abstractmethod
    def prepare(self) -> Mapping[str, Any]:
        """Compute the indicators, once; gives the phase's summary."""

    @abstractmethod
    def submit(self, folder: str) -> PrefectFuture[Any]:
        """Start the simulation of what is published under `folder`, on the workflow's task runner."""

    @abstractmethod
    def incidents(self, result: Any) -> Iterable[Incident]:
        """List the orders that were refused, blocked or cut."""

    @abstractmethod
    def facts(self, result: Any) -> Mapping[str, Any]:
        """Say what was simulated, for ``final_results``."""

    @abstractmethod
    def tables(self, result: Any) -> Mapping[str, pd.DataFrame]:
        """Give the tables that are stored with the run, by name."""
