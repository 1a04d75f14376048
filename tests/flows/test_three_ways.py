"""The same config through Python, the shell and a Prefect deployment gives the same digest."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import yaml
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL

from admf.core.coordinator import Coordinator, WorkflowConfig
from admf.core.runs import RunStore

ROOT = Path(__file__).resolve().parents[2]


async def call(*command: str, cwd: Path) -> str:
    """Run a command of this environment against the session's server; give its standard output."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / command[0]),
        *command[1:],
        cwd=cwd,
        # Prefect's worker keeps files in a folder of one name for all users of a machine.
        env={
            **os.environ,
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "NO_COLOR": "1",
            "TMPDIR": str(cwd),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), timeout=180)
    assert process.returncode == 0, out.decode() + error.decode()
    return out.decode()


async def test_yaml_dict_model_shell_and_deployment_agree(backtest, tmp_path):
    config = backtest()
    path = tmp_path / "backtest.yaml"
    path.write_text(yaml.safe_dump({"workflow": config}))
    async with Coordinator(config_path=path) as coordinator:
        digests = {
            "yaml": (await coordinator.execute_workflow()).digest,
            "dict": (await coordinator.execute_workflow(config)).digest,
            "model": (await coordinator.execute_workflow(WorkflowConfig(**config))).digest,
        }
    digests["shell"] = json.loads(await call("admf", "run", str(path), "--json", cwd=tmp_path))["digest"]

    await call("prefect", "work-pool", "create", "admf", "--type", "process", cwd=tmp_path)
    await call(
        "prefect", "--no-prompt", "deploy", "--prefect-file", str(ROOT / "deployments" / "prefect.yaml"),
        "--name", "workflow", cwd=tmp_path,
    )  # fmt: skip
    config["metadata"] = {"from": "deployment"}
    run = await run_deployment("coordinator/workflow", parameters={"config": {"workflow": config}}, timeout=0)
    await call("prefect", "worker", "start", "--pool", "admf", "--run-once", cwd=tmp_path)
    async with get_client() as client:
        for _ in range(300):
            state = (await client.read_flow_run(run.id)).state
            if state.is_final():
                break
            await asyncio.sleep(0.2)
    assert state.is_completed(), state
    store = RunStore(tmp_path / "runs")
    deployed = [each for each in store.list() if each.manifest["flow_run_id"] == str(run.id)]
    digests["deployment"] = deployed[0].manifest["digest"]

    assert len(set(digests.values())) == 1, digests
    assert digests["yaml"]
