"""Workflow types: name, manager, config section. A user's type is registered like the built-in ones."""

from __future__ import annotations

from admf.core.config import Section, register_section
from admf.core.workflows import WORKFLOWS
from admf.errors import ComponentError
from admf.flows.manager import BaseWorkflowManager

_NEEDED = ("get_execution_phases", "execute_phase", "execute")


def register_workflow(name: str, manager: type, section: type[Section], summary: str = "") -> None:
    """Add a workflow type.

    Parameters
    ----------
    name
        Value of ``workflow.type`` and name of the Prefect flow; its section is ``<name>_config``.
    manager
        Class of the manager, a `BaseWorkflowManager`; one instance is made for every workflow.
    section
        Keys of the section: a class derived from `admf.core.config.Section`.
    summary
        One line for `admf components`.

    Raises
    ------
    ComponentError
        The name is taken, or the manager lacks a method.
    """
    missing = [method for method in _NEEDED if not callable(getattr(manager, method, None))]
    if missing:
        raise ComponentError(
            f"workflow manager {manager.__qualname__} lacks {', '.join(missing)}",
            hint="derive it from BaseWorkflowManager and write get_execution_phases and execute_phase",
        )
    WORKFLOWS.add(name, manager, summary=summary)
    register_section(name, section)


def new_manager(name: str) -> BaseWorkflowManager:
    """Make the manager of one workflow.

    Raises
    ------
    ComponentError
        No manager of that name; the message lists those there are.
    """
    manager: BaseWorkflowManager = WORKFLOWS.get(name)()
    return manager
