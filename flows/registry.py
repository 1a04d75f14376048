"""Workflow types: name, manager, config section. A user's type is registered like the built-in ones."""

from __future__ import annotations

from collections.abc import Container

from admf.core.config import Section, WorkflowConfig, register_section
from admf.core.config.rest import Rest
from admf.core.workflows import WORKFLOWS
from admf.errors import ComponentError, Problem
from admf.flows.manager import BaseWorkflowManager
from admf.simulation.check_all import further_problems

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


def check(config: WorkflowConfig, services: Container[str] = ()) -> list[Problem]:
    """List what is wrong with a config that its models cannot know; nothing is read where all is well."""
    problems = new_manager(str(config.type)).check(config)
    return list(dict.fromkeys([*problems, *check_rest(Rest(config), services)])) if problems else []


def check_rest(rest: Rest, services: Container[str] = ()) -> list[Problem]:
    """List what else is wrong with a config that something is wrong with; its data are read.

    Parameters
    ----------
    rest
        What is left of it.
    services
        Names of those that the caller gives: with ``market_data`` the config's own data are not used.
    """
    manager = new_manager(str(rest.config.type))
    return further_problems(rest, manager.check, read_data="market_data" not in services)
