"""The Prefect flows: the parent (coordinator), one for each workflow type, and the managers behind them."""

from admf.flows.context import WorkflowContext
from admf.flows.manager import BaseWorkflowManager, WorkflowPhase
from admf.flows.registry import register_workflow

__all__ = ["BaseWorkflowManager", "WorkflowContext", "WorkflowPhase", "register_workflow"]
