"""The parent flow: validate, provision what is shared, run the workflow's flow, aggregate, clean up."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from admf.core.config import WorkflowConfig, parse_config
from admf.errors import AdmfError, ConfigError, WorkflowCancelledError, WorkflowTimeoutError, describe
from admf.flows.context import HAND_OVER, HandOver
from admf.flows.lifecycle import run_workflow
from admf.flows.reaper import identify
from admf.flows.registry import check, check_rest
from admf.flows.watch import watching
from admf.tasks.step import step


@flow(name="coordinator", persist_result=False)
async def coordinator(config: dict[str, Any], allow_modules: list[str] | None = None) -> State[Any]:
    """Run one workflow.

    Parameters
    ----------
    config
        The workflow as in the YAML: ``{"workflow": {...}}`` or the inner mapping. Secrets stand in it as
        ``${ENV_VAR}`` or in blocks, never as they are: Prefect stores what a flow is called with.
    allow_modules
        Modules, beside those that the config allows, from which components may come.
    """
    given = HAND_OVER.get()
    await identify()

    async def validate() -> HandOver:
        order = given or HandOver(config=_parse(config, allow_modules or []), services={})
        problems = check(order.config, order.services)
        if problems:
            raise ConfigError(problems)
        return order

    try:
        hand_over = await step("validate", validate)
    except AdmfError as wrong:
        if given is not None:
            given.error = wrong
        return Failed(message=describe(wrong))
    async with watching(hand_over.stop, hand_over.config.timeout_seconds):
        try:
            result = await run_workflow(hand_over)
        except AdmfError as wrong:  # before there was a run that could tell of it
            hand_over.error = wrong
            return Failed(message=describe(wrong))
    error = hand_over.error
    if isinstance(error, WorkflowCancelledError):
        return Cancelled(message=hand_over.config.as_written(describe(error)))
    if isinstance(error, WorkflowTimeoutError):
        return Failed(name="TimedOut", message=hand_over.config.as_written(describe(error)))
    if error is not None:
        return Failed(message=hand_over.config.as_written(describe(error)))
    return Completed(message=f"{result.type} {result.workflow_id} digest {result.digest}")


def _parse(config: dict[str, Any], allow_modules: list[str]) -> WorkflowConfig:
    inner = config.get("workflow", config)
    if isinstance(inner, dict) and allow_modules:
        inner = {**inner, "allow_modules": [*inner.get("allow_modules", []), *allow_modules]}
    return parse_config(inner, further=check_rest)
