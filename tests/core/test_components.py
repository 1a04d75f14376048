from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import pytest

from admf.core import events
from admf.core.capabilities import Attachment, Surroundings, compose
from admf.core.components import (
    ComponentSpec,
    Configurable,
    Lifecycle,
    Monitorable,
    Optimizable,
    SignalGenerator,
    Stateful,
    missing_methods,
    require,
)
from admf.core.container import UniversalScopedContainer
from admf.core.events import EventBus
from admf.core.registry import registry_of
from admf.errors import AdmfError, ComponentError
from admf.strategies import Choice, Float, Int


@pytest.fixture
def around() -> Surroundings:
    return Surroundings("thing", EventBus("w"), logging.Logger("admf.test"))


class Plain:
    """No base class, and still a component."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def get_state(self) -> dict[str, Any]:
        return self.state

    def set_state(self, state: dict[str, Any]) -> None:
        self.state = state


# --- protocols


def test_a_plain_class_with_the_methods_conforms() -> None:
    require(Plain(), Stateful, "plain")
    require(Plain, Stateful, "plain")


def test_one_that_does_not_conform_is_refused_by_name() -> None:
    with pytest.raises(ComponentError) as caught:
        require(Plain(), Lifecycle, "plain")
    assert str(caught.value) == (
        f"component 'plain' ({Plain.__module__}.Plain) is no Lifecycle: "
        "it has no method start and no method stop"
    )


def test_an_attribute_that_cannot_be_called_is_no_method() -> None:
    class Half:
        start = 3

        def stop(self) -> None: ...

    assert missing_methods(Half(), Lifecycle) == ["start"]


def test_every_protocol_is_told_by_its_methods() -> None:
    protocols = (Lifecycle, Configurable, Optimizable, Monitorable, Stateful, SignalGenerator)
    told = {each.__name__: missing_methods(object(), each) for each in protocols}
    assert told == {
        "Lifecycle": ["start", "stop"],
        "Configurable": ["configure"],
        "Optimizable": ["get_parameter_space", "get_parameters", "set_parameters", "validate_parameters"],
        "Monitorable": ["get_metrics"],
        "Stateful": ["get_state", "set_state"],
        "SignalGenerator": ["on_bar"],
    }


def test_a_users_protocol_may_extend_ours() -> None:
    class Feed(Lifecycle, Protocol):
        def latest(self) -> float: ...

    assert missing_methods(Plain(), Feed) == ["start", "stop", "latest"]


def test_every_strategy_that_ships_is_a_signal_generator() -> None:
    # Those two write their step when they are given their parameters.
    entries = [each for each in registry_of("strategy").entries() if each.name not in ("rules", "signals")]
    assert len(entries) >= 8
    for entry in entries:
        require(registry_of("strategy").get(entry.name), SignalGenerator, entry.name)


# --- specs


def test_a_spec_from_a_mapping() -> None:
    spec = ComponentSpec.from_mapping(
        {
            "name": "a",
            "class": "json.decoder:JSONDecoder",
            "params": {"strict": False},
            "dependencies": ["bus"],
        },
        allow_modules=["json"],
    )
    assert spec.resolve() is json.JSONDecoder
    assert (spec.params, spec.dependencies, spec.capabilities) == ({"strict": False}, ("bus",), ())
    assert spec.create({"bus": EventBus("w")}).strict is False  # it has no argument bus


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"name": "a", "clas": "x"}, "'a' has an unknown key 'clas'; .*\n.*did you mean 'class'"),
        ({"name": "a"}, "'a' needs the key 'class', a text; found None"),
        ({"class": "x"}, "needs the key 'name'"),
        ({"name": "a", "class": "os:system"}, "made by module 'os', which this config may not load"),
        ({"name": "a", "class": "jsonx:y"}, "made by module 'jsonx'"),
        ({"name": "a", "class": "x", "dependencies": "bus"}, "dependencies of component 'a' must be a list"),
    ],
)
def test_bad_mappings(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(ComponentError, match=message):
        ComponentSpec.from_mapping(mapping, allow_modules=["json"])


def test_registered_names_and_aliases() -> None:
    from admf.strategies.sma_cross import SmaCross

    assert ComponentSpec("a", "TrendStrategy").resolve() is SmaCross
    with pytest.raises(ComponentError, match=r"nothing is registered as 'TrendStrateg'\n.*'TrendStrategy'"):
        ComponentSpec("a", "TrendStrateg").resolve()


def test_what_makes_nothing_is_refused() -> None:
    with pytest.raises(ComponentError, match="class of component 'a' is 3, which makes nothing"):
        ComponentSpec("a", 3)


def test_a_constructor_that_raises() -> None:
    with pytest.raises(
        ComponentError, match=r"'a' \(Plain\) could not be created: TypeError: .*'size'"
    ) as caught:
        ComponentSpec("a", Plain, {"size": 3}).create({})
    assert isinstance(caught.value.__cause__, TypeError)


def test_errors_of_this_package_pass_as_they_are() -> None:
    def make() -> None:
        raise AdmfError("the licence has run out")

    with pytest.raises(AdmfError, match=r"^the licence has run out$"):
        ComponentSpec("a", make).create({})


def test_config_is_given_to_configure_and_refused_without() -> None:
    class Takes:
        def configure(self, config: dict[str, Any]) -> None:
            self.config = config

    given = {"deep": [1]}
    made = ComponentSpec("a", Takes, config=given).create({})
    assert made.config == given
    assert made.config["deep"] is not given["deep"]
    with pytest.raises(ComponentError, match="is no Configurable: it has no method configure"):
        ComponentSpec("a", Plain, config=given).create({})


# --- capabilities


class Worker:
    def work(self, amount: int) -> int:
        if amount < 0:
            raise ValueError("nothing to do")
        return self.half(amount) * 4

    def half(self, amount: int) -> int:
        return amount // 2

    @property
    def costly(self) -> int:
        raise AssertionError("a property is not touched")

    @staticmethod
    def helper() -> int:
        return 1


def test_monitoring_counts_calls_errors_and_seconds(around: Surroundings) -> None:
    worker = Worker()
    compose(worker, ["monitoring"], around)
    assert worker.work(4) == 8
    assert worker.helper() == 1
    with pytest.raises(ValueError, match="nothing to do"):
        worker.work(-1)
    require(worker, Monitorable, "worker")
    metrics = worker.get_metrics()  # type: ignore[attr-defined]
    assert metrics.keys() == {"work", "half"}
    assert (metrics["work"]["calls"], metrics["work"]["errors"]) == (2, 1)
    assert metrics["work"]["seconds"] >= metrics["half"]["seconds"] > 0
    assert not hasattr(Worker(), "get_metrics")


def test_error_handling_publishes_and_lets_the_error_go_on(around: Surroundings) -> None:
    worker = Worker()
    compose(worker, ["error_handling"], around)
    with pytest.raises(ValueError, match="nothing to do"):
        worker.work(-1)
    (event,) = around.bus.history
    assert event.type == events.ERROR
    assert event.data == {"component": "thing", "method": "work", "error": "ValueError: nothing to do"}
    around.bus.close()
    with pytest.raises(ValueError, match="nothing to do"):  # also when nobody can be told any more
        worker.work(-1)


def test_logging_says_what_is_called_and_neither_arguments_nor_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    container = UniversalScopedContainer("w", log_level="DEBUG")
    container.add(ComponentSpec("worker", Worker, capabilities=("logging",)))
    with container:
        worker = container.resolve("worker")
        worker.work(123456)
        with pytest.raises(ValueError, match="nothing to do"):
            worker.work(-1)
        worker.log.info("a word")
    assert "worker.work is called" in caplog.text
    assert "worker.half took" in caplog.text
    assert "worker.work raised ValueError" in caplog.text
    assert "a word" in caplog.text
    assert "123456" not in caplog.text


def test_capabilities_compose(around: Surroundings) -> None:
    worker = Worker()
    compose(worker, ["monitoring", "error_handling", "logging"], around)
    assert worker.work(4) == 8
    with pytest.raises(ValueError, match="nothing to do"):
        worker.work(-1)
    assert worker.get_metrics()["work"]["errors"] == 1  # type: ignore[attr-defined]
    assert len(around.bus.history) == 1


@pytest.fixture
def rival() -> Any:
    registry = registry_of("capability")
    registry.add("rival", lambda component, around: Attachment({"get_metrics": dict}))
    yield
    registry.remove("rival")


@pytest.mark.usefixtures("rival")
def test_two_capabilities_that_add_the_same_are_a_conflict(around: Surroundings) -> None:
    worker = Worker()
    with pytest.raises(
        ComponentError,
        match=r"'rival' of component 'thing' adds 'get_metrics', which capability 'monitoring' has already",
    ):
        compose(worker, ["monitoring", "rival"], around)
    assert vars(worker) == {}


def test_a_capability_that_adds_what_the_class_has_is_a_conflict(around: Surroundings) -> None:
    class Measured(Worker):
        def get_metrics(self) -> dict[str, int]:
            return {}

    with pytest.raises(ComponentError, match="adds 'get_metrics', which class Measured has already"):
        compose(Measured(), ["monitoring"], around)


def test_bad_capabilities(around: Surroundings) -> None:
    with pytest.raises(ComponentError, match="did you mean 'monitoring'"):
        compose(Worker(), ["monitorin"], around)
    with pytest.raises(ComponentError, match="given the capability 'logging' twice"):
        compose(Worker(), ["logging", "logging"], around)

    class Slotted:
        __slots__ = ()

        def work(self) -> None: ...

    with pytest.raises(ComponentError, match=r"takes no capability: .*Slotted has __slots__"):
        compose(Slotted(), ["monitoring"], around)


def test_frozen_components_take_capabilities(around: Surroundings) -> None:
    @dataclass(frozen=True)
    class Frozen:
        factor: int

        def times(self, number: int) -> int:
            return self.factor * number

    frozen = Frozen(3)
    compose(frozen, ["monitoring"], around)
    assert frozen.times(2) == 6
    assert frozen.get_metrics()["times"]["calls"] == 1  # type: ignore[attr-defined]


# --- optimization


class Trend:
    parameter_space: ClassVar = {
        "fast": Int(2, 20, default=5),
        "weight": Float(0.0, 1.0),
        "mode": Choice(("a", "b"), "a"),
    }


@pytest.fixture
def trend(around: Surroundings) -> Any:
    component = Trend()
    compose(component, ["optimization"], around)
    return component


def test_a_plain_class_with_a_parameter_space_is_optimizable(trend: Any) -> None:
    require(trend, Optimizable, "trend")
    assert trend.get_parameter_space() == Trend.parameter_space
    assert trend.get_parameters() == {"fast": 5, "weight": None, "mode": "a"}
    assert trend.fast == 5
    trend.set_parameters({"fast": 9, "weight": 1})
    assert trend.get_parameters() == {"fast": 9, "weight": 1.0, "mode": "a"}
    assert not hasattr(Trend(), "fast")


def test_parameters_are_taken_all_or_none(trend: Any) -> None:
    wrong = {"fast": 10, "weight": 2.0, "mod": "a", "mode": "c"}
    problems = trend.validate_parameters(wrong)
    assert len(problems) == 3
    assert problems[0].startswith("thing.weight must be from 0 to 1; found 2.0")
    assert problems[1] == "thing has no parameter 'mod'; did you mean 'mode'?"
    assert problems[2].startswith("thing.mode must be one of")
    with pytest.raises(ComponentError, match="no parameter 'mod'"):
        trend.set_parameters(wrong)
    assert trend.fast == 5
    assert trend.validate_parameters({"fast": 10}) == []


def test_history_and_best(trend: Any) -> None:
    assert trend.best() is None
    for fast, score in ((3, 1.0), (7, math.nan), (9, 2.5), (11, 2.5)):
        trend.set_parameters({"fast": fast})
        trend.record_result(score)
    assert trend.best()["parameters"]["fast"] == 9
    assert trend.best(maximize=False)["parameters"]["fast"] == 3
    assert [entry["parameters"]["fast"] for entry in trend.history] == [3, 7, 9, 11]
    trend.record_result(9.0, {"fast": 4})
    assert trend.best() == {"parameters": {"fast": 4}, "score": 9.0}


def test_a_plain_search_finds_the_planted_optimum(trend: Any) -> None:
    for fast in range(2, 21):
        trend.set_parameters({"fast": fast})
        trend.record_result(-((trend.fast - 13) ** 2))
    assert trend.best()["parameters"]["fast"] == 13


@pytest.mark.parametrize("space", [None, {}, [1], {"fast": 3}, {"fast": {"type": "int"}}])
def test_a_space_that_is_none(space: Any, around: Surroundings) -> None:
    class Bad:
        parameter_space = space

    with pytest.raises(ComponentError, match=r"'thing'.*(needs a parameter_space|is no domain of 'fast')"):
        compose(Bad(), ["optimization"], around)


def test_a_value_of_the_class_outside_its_own_space(around: Surroundings) -> None:
    class Bad:
        parameter_space: ClassVar = {"fast": Int(2, 20)}
        fast = 99

    with pytest.raises(ComponentError, match=r"thing\.fast must be from 2 to 20; found 99"):
        compose(Bad(), ["optimization"], around)


def test_listing_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    code = """
import sys
import admf.core.registry, admf.core.events, admf.core.container, admf.core.components
import admf.core.seeds, admf.core.result, admf.core.runs, admf.core.catalogue
from admf.core.registry import registry_of
assert registry_of("capability").entries()
heavy = {"pandas", "numpy", "sqlalchemy", "prefect", "pyarrow", "numba", "scipy", "yaml"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
