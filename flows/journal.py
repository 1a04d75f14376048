"""Where a workflow's events go: the audit trail, Prefect's event feed, and whoever else listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from logging import Logger

from prefect.events import emit_event
from prefect.logging.handlers import APILogHandler
from prefect.runtime import flow_run

from admf.core.config import WorkflowConfig
from admf.core.events import Event, EventBus
from admf.core.run_folder import RunFolder


@contextmanager
def keep_journal(
    bus: EventBus,
    logger: Logger,
    run: RunFolder,
    config: WorkflowConfig,
    on_event: Callable[[Event], None] | None,
) -> Iterator[None]:
    """Take every event into the audit trail, the lifecycle's into Prefect's feed; call `on_event`."""
    flow_run_id = flow_run.get_id()

    def as_written(event: Event) -> Event:
        return replace(event, data=config.as_written(dict(event.data)))

    def to_prefect(event: Event) -> None:
        emit_event(
            event=f"admf.{event.type}",
            occurred=event.time,
            resource={"prefect.resource.id": f"admf.workflow.{run.id}", "prefect.resource.name": run.id},
            related=[
                {
                    "prefect.resource.id": f"prefect.flow-run.{flow_run_id}",
                    "prefect.resource.role": "flow-run",
                }
            ],
            payload={"sequence": event.sequence, **as_written(event).data},
        )

    # The workflow's log goes to the run's page as well.
    logger.addHandler(APILogHandler())
    ends = [
        bus.subscribe(lambda event: run.append_event(as_written(event))),
        bus.subscribe(to_prefect, "workflow.*"),
    ]
    if on_event is not None:
        ends.append(bus.subscribe(on_event))
    try:
        yield
    finally:
        for end in ends:
            end()
