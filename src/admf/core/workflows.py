"""The built-in workflow types. By address only: their managers belong to the flows, which import Prefect."""

from admf.core.registry import registry_of

WORKFLOWS = registry_of("workflow")
WORKFLOWS.add(
    "backtest", "admf.flows.backtest:BacktestManager", summary="historical simulation of a strategy"
)
