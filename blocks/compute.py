"""What a workflow runs on, as a block."""

from __future__ import annotations

import os
from typing import Any, Literal

from prefect.blocks.core import Block
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from admf.core.config import InfrastructureConfig
from admf.errors import ConfigError, Problem


class ComputeResources(Block):
    """Task runner, workers and limits of a workflow; a config names it as ``compute: block:NAME``."""

    _block_type_name = "ADMF compute resources"
    _block_type_slug = "admf-compute-resources"
    _description = "Task runner, number of workers and memory limit of a workflow."

    task_runner: Literal["threads", "processes", "dask", "ray"] = Field(
        title="Task runner", description="Where computation runs; results are the same with all."
    )
    workers: int | None = Field(
        None, title="Workers", description="Default: the number of processors.", ge=1, le=1024
    )
    memory_limit_mb: int | None = Field(
        None, title="Memory limit (MB)", description="A run that is estimated above it is refused.", ge=64
    )

    @classmethod
    def from_config(cls, config: InfrastructureConfig) -> ComputeResources:
        """Take the resources that a config spells out."""
        return cls(
            task_runner=config.task_runner, workers=config.workers, memory_limit_mb=config.memory_limit_mb
        )

    @property
    def worker_count(self) -> int:
        """Workers that will run: the number set, or one a processor."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def in_process(self) -> bool:
        """Whether tasks share this process's memory."""
        return self.task_runner == "threads"

    def create_task_runner(self) -> TaskRunner[Any]:
        """Make a task runner that belongs to one workflow alone.

        Raises
        ------
        ConfigError
            The task runner is in a package that is not installed.
        """
        match self.task_runner:
            case "threads":
                return ThreadPoolTaskRunner(max_workers=self.worker_count)
            case "processes":
                return ProcessPoolTaskRunner(max_workers=self.worker_count)
            case "dask":
                try:
                    from prefect_dask import DaskTaskRunner
                except ImportError as error:
                    raise _missing("dask") from error
                runner: TaskRunner[Any] = DaskTaskRunner(
                    cluster_kwargs={
                        "n_workers": self.worker_count,
                        "threads_per_worker": 1,
                        "dashboard_address": None,
                    }
                )
                return runner
            case "ray":
                try:
                    from prefect_ray import RayTaskRunner
                except ImportError as error:
                    raise _missing("ray") from error
                local: TaskRunner[Any] = RayTaskRunner(
                    init_kwargs={"num_cpus": self.worker_count, "include_dashboard": False}
                )
                return local


def _missing(extra: str) -> ConfigError:
    return ConfigError(
        [
            Problem(
                "workflow.infrastructure_config.task_runner",
                f"the {extra} task runner is not installed",
                found=extra,
                allowed="threads, processes; dask and ray with their extras",
                hint=f"pip install 'admf[{extra}]', or choose threads",
            )
        ]
    )
