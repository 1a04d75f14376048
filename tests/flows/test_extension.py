"""Workflow types, blocks and services that come from outside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client

from admf.blocks import ComputeResources, IndicatorLibrary, MarketData, ResultStore
from admf.core.config import DataConfig, Section
from admf.core.coordinator import Coordinator
from admf.core.runs import RunStore
from admf.errors import ComponentError, ConfigError
from admf.flows import BaseWorkflowManager, WorkflowPhase, register_workflow
from admf.flows.registry import WORKFLOWS
from admf.market import load_bars


class CountConfig(Section):
    """Section of the workflow type of this test."""

    upto: int = 3


class CountManager(BaseWorkflowManager):
    """A manager as a user writes it."""

    def get_execution_phases(self):
        return [WorkflowPhase("counting"), WorkflowPhase("polish", critical=False), WorkflowPhase("closing")]

    async def execute_phase(self, phase, config, context):
        match phase.name:
            case "counting":
                self.total = sum(range(config.section.upto + 1))
                return {"total": self.total}
            case "polish":
                raise RuntimeError("no polish left")
            case _:
                context.outcome.metrics["total"] = float(self.total)
                return None


@pytest.fixture(scope="module")
def counting():
    if "counting" not in WORKFLOWS:
        register_workflow("counting", CountManager, CountConfig)


async def test_own_workflow_type(backtest, counting):
    config = backtest(type="counting", counting_config={"upto": 4})
    del config["backtest_config"]
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
        status = await coordinator.get_workflow_status(result.workflow_id)
    assert result.success
    assert result.metrics == {"total": 10.0}
    assert status.completed_phases == ("counting", "closing")  # read from Prefect: phases are tasks there
    assert result.phase_results["polish"].status == "failed"
    assert result.warnings == ["phase polish failed: RuntimeError: no polish left"]


async def test_own_workflow_type_comes_with_an_allowed_module(backtest, tmp_path, monkeypatch):
    (tmp_path / "my_types.py").write_text(
        "from admf.core.config import Section\n"
        "from admf.flows import BaseWorkflowManager, WorkflowPhase, register_workflow\n"
        "class Empty(Section): pass\n"
        "class Greeter(BaseWorkflowManager):\n"
        "    def get_execution_phases(self):\n"
        "        return [WorkflowPhase('greeting')]\n"
        "    async def execute_phase(self, phase, config, context):\n"
        "        return {'said': 'hello'}\n"
        "register_workflow('greeting', Greeter, Empty)\n"
    )
    monkeypatch.chdir(tmp_path)
    config = backtest(type="greeting", greeting_config={})
    del config["backtest_config"]
    async with Coordinator() as coordinator:
        with pytest.raises(ConfigError, match="is not a workflow type"):
            await coordinator.execute_workflow(config)
        result = await coordinator.execute_workflow({**config, "allow_modules": ["my_types"]})
    assert result.phase_results["greeting"].summary == {"said": "hello"}


def test_manager_without_its_methods_is_refused():
    class Half:
        def get_execution_phases(self):
            return []

    with pytest.raises(ComponentError, match="lacks execute_phase"):
        register_workflow("half", Half, CountConfig)


@pytest.fixture
def block_name() -> str:
    return f"test-{uuid4().hex[:8]}"


async def test_market_data_block_is_named_in_a_config(backtest, block_name):
    data = DataConfig(source="sample", symbols=["NASDAQ"], start_date="2004-01-01", end_date="2006-12-31")
    await MarketData(data=data).asave(block_name)
    config = backtest(data_config={"source": f"block:{block_name}", "end_date": "2005-12-30"})
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    prepared = result.phase_results["data_preparation"].summary
    assert result.final_results["symbol"] == "NASDAQ"
    assert (prepared["first"][:10], prepared["last"][:10]) == ("2004-01-02", "2005-12-30")


async def test_unknown_block_is_said_well(backtest):
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(data_config={"source": "block:missing"}))
    assert (
        "workflow.data_config.source: no admf-market-data block is saved under 'missing'" in result.errors[0]
    )


async def test_compute_indicator_and_store_blocks(backtest, block_name, tmp_path):
    await ComputeResources(task_runner="threads", workers=1).asave(block_name)
    await IndicatorLibrary(directory=str(tmp_path / "rows")).asave(block_name)
    await ResultStore(directory=str(tmp_path / "elsewhere")).asave(block_name)
    reference = f"block:{block_name}"
    config = backtest(
        infrastructure_config={"compute": reference, "indicators": reference}, output={"store": reference}
    )
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    assert Path(result.run_folder).parent == tmp_path / "elsewhere"
    assert list((tmp_path / "rows").rglob("*.npy"))


async def test_blocks_carry_a_description_and_register(prefect_server):
    for kind in (MarketData, IndicatorLibrary, ComputeResources, ResultStore):
        await kind.aregister_type_and_schema()
        async with get_client() as client:
            block_type = await client.read_block_type_by_slug(kind.get_block_type_slug())
        assert block_type.description == kind.get_description()
        assert len(block_type.description) > 30


async def test_secret_is_never_stored_in_the_open(backtest, block_name, tmp_path, monkeypatch):
    secret = f"sqlite:///{tmp_path}/prices-{uuid4().hex}.db"
    frame = load_bars("sample:SP500").frame.iloc[:400]
    from sqlalchemy import create_engine

    engine = create_engine(secret)
    frame.to_sql("prices", engine, index_label="timestamp")
    engine.dispose()
    monkeypatch.setenv("PRICES_URL", secret)
    data = {"source": "sql", "url": "${PRICES_URL}", "table": "prices", "symbols": ["SP500"]}
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(backtest(data_config=data, log_level="DEBUG"))
        literal = await coordinator.execute_workflow(backtest(data_config={**data, "url": secret}))
    assert result.success, result.errors
    assert literal.success, literal.errors
    assert result.digest == literal.digest
    for run in (result, literal):
        for path in Path(run.run_folder).rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path
        flow_run_id = json.loads((Path(run.run_folder) / "manifest.json").read_text())["flow_run_id"]
        async with get_client() as client:
            assert secret not in (await client.read_flow_run(flow_run_id)).model_dump_json()
    saved = DataConfig(source="sql", url=secret, table="prices", symbols=["SP500"])
    await MarketData(data=saved).asave(block_name)
    async with get_client() as client:
        document = await client.read_block_document_by_name(
            block_name, "admf-market-data", include_secrets=False
        )
    assert secret not in document.model_dump_json()
    loaded = await MarketData.aload(block_name)
    assert loaded.data.url.get_secret_value() == secret


async def test_what_comes_from_the_environment_is_stored_as_written(backtest, tmp_path, monkeypatch):
    folder = tmp_path / f"private-{uuid4().hex}"
    folder.mkdir()
    load_bars("sample:SP500").frame.iloc[:600].to_csv(folder / "prices.csv", index_label="date")
    monkeypatch.setenv("PRICES", str(folder))
    monkeypatch.setenv("SHORT", folder.name)
    data = {"source": "csv", "path": "${PRICES}/prices.csv", "symbols": ["X"]}
    config = backtest(data_config=data, name="of ${SHORT}", output__report=True)
    wrong = backtest(data_config={**data, "path": "${PRICES}/absent.csv"})
    async with Coordinator() as coordinator:
        for result in (await coordinator.execute_workflow(config), await coordinator.execute_workflow(wrong)):
            stored = [path for path in Path(result.run_folder).rglob("*") if path.is_file()]
            assert len(stored) >= 4
            for path in stored:
                assert folder.name.encode() not in path.read_bytes(), path
            flow_run_id = json.loads((Path(result.run_folder) / "manifest.json").read_text())["flow_run_id"]
            async with get_client() as client:
                assert folder.name not in (await client.read_flow_run(flow_run_id)).model_dump_json()
    assert "${PRICES}/absent.csv" in result.errors[0]


async def test_shared_service_replaces_the_source(backtest):
    bars = load_bars("sample:NASDAQ", start="2004-01-01", end="2006-12-31")
    config = backtest(data_config={"symbols": ["MINE"]})
    async with Coordinator(shared_services={"market_data": bars}) as coordinator:
        result = await coordinator.execute_workflow(config)
    assert result.success, result.errors
    assert result.phase_results["data_preparation"].summary["bars"] == len(bars)


@pytest.mark.parametrize(
    "runner",
    ["processes", pytest.param("dask", marks=pytest.mark.slow), pytest.param("ray", marks=pytest.mark.slow)],
)
async def test_task_runners_give_the_same_result(backtest, runner):
    if runner in ("dask", "ray"):
        pytest.importorskip(f"prefect_{runner}", reason=f"the extra {runner} is not installed")
    async with Coordinator() as coordinator:
        threads = await coordinator.execute_workflow(backtest())
        other = await coordinator.execute_workflow(backtest(infrastructure_config={"task_runner": runner}))
    assert other.success, other.errors
    assert other.digest == threads.digest


async def test_replay_reproduces_and_says_what_differs(backtest, tmp_path):
    frame = load_bars("sample:SP500").frame.iloc[:600]
    path = tmp_path / "prices.csv"
    frame.to_csv(path, index_label="date")
    config = backtest(data_config={"source": "csv", "path": str(path), "symbols": ["X"], "timeframe": "1d"})
    async with Coordinator() as coordinator:
        result = await coordinator.execute_workflow(config)
        assert result.success, result.errors
        same = await coordinator.replay(result.workflow_id, store=tmp_path / "runs")
        assert same.reproduced
        assert same.differences == []
        assert {run.id for run in RunStore(tmp_path / "runs").list()} == {same.original, same.replay}
        frame.iloc[-1, frame.columns.get_loc("close")] = frame["low"].iloc[-1]
        await asyncio.to_thread(frame.to_csv, path, index_label="date")
        other = await coordinator.replay(result.workflow_id, store=tmp_path / "runs")
    assert not other.reproduced
    assert any("data" in difference for difference in other.differences)
