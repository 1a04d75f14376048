"""The life of one workflow, from its run folder to its result: the body of the parent flow."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner

from admf.blocks import ComputeResources, IndicatorLibrary, ResultStore, load_block
from admf.core.config import WorkflowConfig
from admf.core.container import UniversalScopedContainer
from admf.core.events import WORKFLOW_CANCEL, WORKFLOW_COMPLETE, WORKFLOW_ERROR, WORKFLOW_START
from admf.core.result import WorkflowResult, digest_of
from admf.core.run_folder import RESULT, RunFolder
from admf.core.seeds import SeedTree
from admf.errors import AdmfError, describe
from admf.flows.context import CONTEXT, HandOver, WorkflowContext, status_of
from admf.flows.journal import keep_journal
from admf.flows.manager import BaseWorkflowManager
from admf.flows.monitor import announce
from admf.flows.registry import new_manager
from admf.flows.workflow import workflow_flow
from admf.tasks.provision import provision
from admf.tasks.publish import publish_artifacts
from admf.tasks.step import step


async def run_workflow(hand_over: HandOver) -> WorkflowResult:
    """Run a validated workflow; whatever happens, it is recorded and what it used is released.

    The result is returned and put into `hand_over`, beside the error if there was one: a workflow that
    fails is a result too.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    config = _with_seed(hand_over.config)
    # What the config names and is not there is found before anything is created.
    store = await _result_store(config, hand_over)
    resources, library = await _resources(config, hand_over)
    task_runner = resources.create_task_runner()
    run = store.runs().create(
        config, started=started, name=config.as_written(config.name), flow_run_id=flow_run.get_id()
    )
    hand_over.workflow_id = run.id
    await announce(run.id, str(config.type), run.path)
    container = UniversalScopedContainer(
        config.as_written(config.name),
        shared=hand_over.services,
        seed=config.random_seed,
        container_id=f"workflow-{run.id}",
        log_level=config.log_level,
    )
    hand_over.stop.on_stop(container.cancel.cancel)
    manager = new_manager(str(config.type))
    context: WorkflowContext | None = None
    try:
        async with container:
            with keep_journal(container.bus, container.logger, run, config, hand_over.on_event):
                container.bus.publish(
                    WORKFLOW_START,
                    {"workflow_id": run.id, "type": str(config.type), "name": config.name},
                )
                try:
                    context = await _provision(config, hand_over, container, run, manager, resources, library)
                    await _run_flow(context, task_runner)
                except Exception as error:  # noqa: BLE001 - whatever went wrong becomes part of the result
                    hand_over.error = error
                seconds = time.perf_counter() - clock
                result = await step(
                    "aggregate", lambda: _aggregate(hand_over, config, run, context, started, seconds)
                )
                container.bus.publish(*_last_event(result))
        hand_over.result = result
    finally:
        try:
            await step("cleanup", lambda: _clean_up(run, store))
        except AdmfError as error:  # the folder is the truth: a catalogue that is away costs no result
            if hand_over.result is not None:
                await asyncio.to_thread(_warn, run, hand_over.result, describe(error))
    return result


def _with_seed(config: WorkflowConfig) -> WorkflowConfig:
    if config.random_seed is not None:
        return config
    return config.model_copy(update={"random_seed": SeedTree(None).seed})


async def _result_store(config: WorkflowConfig, hand_over: HandOver) -> ResultStore:
    if "result_store" in hand_over.services:
        store: ResultStore = hand_over.services["result_store"]
        return store
    if config.output.store:
        return await load_block(ResultStore, config.output.store, "workflow.output.store")
    return ResultStore.from_config(config.output)


async def _resources(
    config: WorkflowConfig, hand_over: HandOver
) -> tuple[ComputeResources, IndicatorLibrary]:
    infrastructure, services = config.infrastructure_config, hand_over.services
    compute = services.get("compute")
    if compute is None and infrastructure.compute:
        compute = await load_block(
            ComputeResources, infrastructure.compute, "workflow.infrastructure_config.compute"
        )
    library = services.get("indicators")
    if library is None and infrastructure.indicators:
        library = await load_block(
            IndicatorLibrary, infrastructure.indicators, "workflow.infrastructure_config.indicators"
        )
    return (
        compute or ComputeResources.from_config(infrastructure),
        library or IndicatorLibrary.from_config(infrastructure),
    )


async def _provision(
    config: WorkflowConfig,
    hand_over: HandOver,
    container: UniversalScopedContainer,
    run: RunFolder,
    manager: BaseWorkflowManager,
    resources: ComputeResources,
    library: IndicatorLibrary,
) -> WorkflowContext:
    market = await provision(config, hand_over.services, library, hand_over.stop.guard)
    container.logger.info(
        "results go to %s; data: %s",
        run.path,
        ", ".join(f"{each.symbol} {len(each)} bars" for each in market.bars.values()),
    )
    data = {symbol: bars.fingerprint for symbol, bars in market.bars.items()}
    data |= {f"{symbol} {bars.timeframe}": bars.fingerprint for symbol, bars in market.finer.items()}
    run.update_manifest(data=data)
    await asyncio.to_thread(run.record_code, config)
    return WorkflowContext(
        workflow_id=run.id,
        config=config,
        container=container,
        market=market,
        library=library,
        resources=resources,
        run=run,
        stop=hand_over.stop,
        execute=manager.execute,
    )


async def _run_flow(context: WorkflowContext, task_runner: TaskRunner[Any]) -> None:
    flow = workflow_flow(str(context.config.type), task_runner)
    token = CONTEXT.set(context)
    try:
        await flow(context.workflow_id, return_state=True)
    finally:
        CONTEXT.reset(token)
    error = context.stop.error or context.failure
    if error is not None:
        raise error


async def _aggregate(
    hand_over: HandOver,
    config: WorkflowConfig,
    run: RunFolder,
    context: WorkflowContext | None,
    started: datetime,
    seconds: float,
) -> WorkflowResult:
    error = hand_over.error
    outcome = context.outcome if context is not None else None
    warnings = list(outcome.warnings) if outcome else []
    if hand_over.config.random_seed is None:
        warnings.append(
            f"no random_seed was set: {config.random_seed} was drawn and is recorded with the run"
        )
    metrics = dict(outcome.metrics) if outcome else {}
    final = dict(outcome.final_results) if outcome else {}
    digest = None
    if error is None and outcome is not None:
        digest = outcome.digest or digest_of({"metrics": metrics, "final_results": final})
    result = WorkflowResult(
        workflow_id=run.id,
        type=str(config.type),
        name=config.as_written(config.name),
        status=status_of(error),
        phase_results=context.phases if context is not None else {},
        final_results=config.as_written(final),
        metrics=metrics,
        metadata=config.as_written(dict(config.metadata)),
        errors=config.as_written(
            [*(outcome.errors if outcome else []), *([describe(error)] if error else [])]
        ),
        warnings=config.as_written(warnings),
        started=started,
        duration_seconds=seconds,
        artifacts=dict(outcome.artifacts) if outcome else {},
        digest=digest,
        config_hash=config.hash(),
        random_seed=config.random_seed,
        run_folder=str(run.path),
    )
    await asyncio.to_thread(run.record_code, config)  # a phase may have imported more
    await asyncio.to_thread(run.finish, result)
    if outcome is not None and outcome.summary_markdown is not None:
        report = outcome.artifacts.get("report")
        try:
            await publish_artifacts(
                metrics,
                config.as_written(outcome.summary_markdown),
                outcome.picture_svg,
                str((run.path / report).resolve()) if report else None,
            )
        except (PrefectException, httpx.HTTPError, OSError) as error:  # the result stands without its page
            await asyncio.to_thread(
                _warn, run, result, f"nothing is shown on the run's page: {describe(error)}"
            )
    return result


def _last_event(result: WorkflowResult) -> tuple[str, dict[str, Any]]:
    data: dict[str, Any] = {"workflow_id": result.workflow_id, "duration_seconds": result.duration_seconds}
    if result.success:
        return WORKFLOW_COMPLETE, {**data, "digest": result.digest}
    kind = WORKFLOW_CANCEL if result.status == "cancelled" else WORKFLOW_ERROR
    return kind, {**data, "status": result.status, "errors": result.errors}


def _warn(run: RunFolder, result: WorkflowResult, warning: str) -> None:
    """Add a warning to a result that is stored already."""
    result.warnings.append(warning)
    run.write_text(RESULT, result.to_json() + "\n")


async def _clean_up(run: RunFolder, store: ResultStore) -> None:
    """Remove what was only for the work; may run twice."""

    def work() -> None:
        run.close()
        store.catalogue().record(run)

    await asyncio.to_thread(work)
