from __future__ import annotations

import asyncio
import gc
import logging
import threading
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from admf.core import events
from admf.core.components import ComponentSpec, Lifecycle
from admf.core.container import ContainerState, UniversalScopedContainer, live_containers
from admf.core.events import Event
from admf.errors import ComponentError, StateError, WorkflowCancelledError

S = ContainerState


@pytest.fixture(autouse=True)
def _nothing_stays_alive() -> Iterator[None]:
    assert live_containers() == ()
    yield
    assert live_containers() == ()


@pytest.fixture
def diary() -> list[str]:
    return []


def recorder(name: str, diary: list[str], fail_at: str = "") -> ComponentSpec:
    class Recorder:
        def __init__(self, **services: Any) -> None:
            self.services = services
            self._note("create")

        def start(self) -> None:
            self._note("start")

        def stop(self) -> None:
            self._note("stop")

        def close(self) -> None:
            self._note("close")

        def _note(self, moment: str) -> None:
            diary.append(f"{moment} {name}")
            if moment in fail_at.split():
                raise RuntimeError(f"{name} fails at {moment}")

    return ComponentSpec(name, Recorder)


def depend(spec: ComponentSpec, *dependencies: str) -> ComponentSpec:
    return ComponentSpec(spec.name, spec.class_, dependencies=dependencies)


def test_creation_follows_dependencies_and_teardown_reverses_it(diary: list[str]) -> None:
    container = UniversalScopedContainer("w")
    container.add(depend(recorder("broker", diary), "feed", "risk"))
    container.add(depend(recorder("risk", diary), "feed"))
    container.add(recorder("feed", diary))
    with container:
        broker = container.resolve("broker")
        assert broker.services["feed"] is container.resolve("feed")
        assert set(broker.services) == {"feed", "risk"}
        assert diary == [
            f"{moment} {name}" for moment in ("create", "start") for name in ("feed", "risk", "broker")
        ]
        diary.clear()
    assert diary == [
        f"{moment} {name}" for name in ("broker", "risk", "feed") for moment in ("stop", "close")
    ]
    assert container.state is S.STOPPED


def test_a_circle_is_named_and_nothing_is_made(diary: list[str]) -> None:
    container = UniversalScopedContainer("w")
    for name, needs in (("first", "a"), ("a", "b"), ("b", "c"), ("c", "a")):
        container.add(depend(recorder(name, diary), needs))
    with pytest.raises(ComponentError, match=r"'w' depend on each other in a circle: a -> b -> c -> a$"):
        container.initialize()
    assert diary == []
    assert container.state is S.FAILED


def test_a_component_that_needs_itself() -> None:
    container = UniversalScopedContainer("w")
    container.add(ComponentSpec("a", dict, dependencies=("a",)))
    with pytest.raises(ComponentError, match=r"in a circle: a -> a$"):
        container.initialize()


def test_a_missing_dependency_is_named_with_its_path(diary: list[str]) -> None:
    container = UniversalScopedContainer("w", shared={"market": object()})
    container.add(depend(recorder("a", diary), "b"))
    container.add(depend(recorder("b", diary), "marke"))
    with pytest.raises(ComponentError) as caught:
        container.initialize()
    assert str(caught.value) == (
        "component 'b' needs 'marke', which workflow container 'w' does not have (a -> b -> marke); "
        "it has: a, b, bus, cancel, logger, market, seeds\n  hint: did you mean 'market'?"
    )
    assert diary == []


@pytest.mark.parametrize("moment", ["create", "start"])
def test_what_had_been_made_is_torn_down_if_initialization_fails(diary: list[str], moment: str) -> None:
    container = UniversalScopedContainer("w")
    container.add(recorder("a", diary))
    container.add(recorder("b", diary, fail_at=moment))
    container.add(recorder("c", diary))
    with pytest.raises((ComponentError, RuntimeError), match=f"b fails at {moment}"):
        container.initialize()
    torn_down = [each for each in diary if each.startswith(("stop", "close"))]
    if moment == "create":
        assert torn_down == ["close a"]  # it was never started, so there is nothing to stop
    else:
        assert torn_down == ["close c", "stop b", "close b", "stop a", "close a"]
    assert container.state is S.FAILED
    assert container.bus.closed


def test_every_component_is_torn_down_whatever_the_others_do(diary: list[str]) -> None:
    seen: list[Event] = []
    container = UniversalScopedContainer("w")
    container.bus.subscribe(seen.append, events.ERROR)
    for name in "abc":
        container.add(recorder(name, diary, fail_at="stop close" if name != "a" else ""))
    with container:
        pass
    assert diary[-6:] == ["stop c", "close c", "stop b", "close b", "stop a", "close a"]
    assert container.state is S.FAILED
    assert len(container.failures) == len(seen) == 4
    assert container.failures[0] == "stop of component 'c' raised RuntimeError: c fails at stop"


def test_an_interrupt_during_teardown_still_tears_down_the_rest(diary: list[str]) -> None:
    class Interrupted:
        def stop(self) -> None:
            raise KeyboardInterrupt

    container = UniversalScopedContainer("w")
    container.add(recorder("a", diary))
    container.add(ComponentSpec("b", Interrupted))
    container.initialize()
    with pytest.raises(KeyboardInterrupt):
        container.close()
    assert diary[-1] == "close a"
    assert container.state is S.FAILED


def test_a_body_that_raises_is_cleaned_up_and_its_error_goes_on(diary: list[str]) -> None:
    container = UniversalScopedContainer("w")
    container.add(recorder("a", diary))
    with pytest.raises(ZeroDivisionError), container:
        _ = 1 / 0
    assert diary[-1] == "close a"
    assert container.state is S.FAILED
    assert container.failures == ["ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("error", [WorkflowCancelledError("enough"), asyncio.CancelledError()])
def test_a_cancelled_body_is_no_failure(error: BaseException) -> None:
    container = UniversalScopedContainer("w")
    with pytest.raises(type(error)), container:
        raise error
    assert (container.state, container.failures) == (S.STOPPED, [])


async def test_async_context_manager_cleans_up(diary: list[str]) -> None:
    container = UniversalScopedContainer("w")
    container.add(recorder("a", diary))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), container:
            await asyncio.sleep(5)
    assert diary[-1] == "close a"
    assert container.bus.closed


def test_illegal_transitions_name_both_states() -> None:
    container = UniversalScopedContainer("w").initialize()
    with pytest.raises(StateError, match="'w' cannot go from RUNNING to INITIALIZING"):
        container.initialize()
    with pytest.raises(StateError, match="cannot add 'x': workflow container 'w' is RUNNING, not CREATED"):
        container.add(ComponentSpec("x", dict))
    container.close()
    container.close()
    with pytest.raises(StateError, match="cannot go from STOPPED to INITIALIZING"):
        container.initialize()
    with pytest.raises(StateError, match="cannot make child 't': workflow container 'w' is STOPPED"):
        container.child("t")


def test_closing_while_it_is_being_initialized_is_refused() -> None:
    container = UniversalScopedContainer("w")
    container.add(ComponentSpec("a", container.close))
    with pytest.raises(StateError, match="cannot go from INITIALIZING to STOPPING"):
        container.initialize()
    assert container.state is S.FAILED


def test_a_component_that_closes_its_container_while_stopping_does_no_harm() -> None:
    container = UniversalScopedContainer("w")

    class Closing:
        def stop(self) -> None:
            container.close()

    container.add(ComponentSpec("a", Closing))
    container.initialize()
    container.close()
    assert (container.state, container.failures) == (S.STOPPED, [])


def test_resolve() -> None:
    container = UniversalScopedContainer("w", shared={"market": "prices"})
    container.add(ComponentSpec("broker", list))
    with pytest.raises(
        StateError, match="component 'broker' of workflow container 'w' does not exist in state CREATED"
    ):
        container.resolve("broker")
    with container:
        assert container.resolve("broker") == []
        assert container.resolve("market") == "prices"
        assert container.resolve("bus") is container.bus
        with pytest.raises(
            ComponentError, match=r"has no 'brokr'; it has: broker, .*\n.*did you mean 'broker'"
        ):
            container.resolve("brokr")
    with pytest.raises(StateError, match="does not exist in state STOPPED"):
        container.resolve("broker")


@pytest.mark.parametrize("name", ["a", "market", "bus"])
def test_a_name_is_used_once(name: str) -> None:
    container = UniversalScopedContainer("w", shared={"market": 1})
    container.add(ComponentSpec("a", dict))
    with pytest.raises(ComponentError, match=f"has '{name}' already"):
        container.add(ComponentSpec(name, dict))
    container.close()


def test_shared_services_are_read_only_and_never_closed() -> None:
    class Provider:
        closed = False

        def close(self) -> None:
            self.closed = True

    provider, prices = Provider(), np.arange(3.0)
    shared = {"provider": provider, "prices": prices, "limits": {"symbols": ["A"]}}
    with UniversalScopedContainer("w", shared=shared) as container:
        shared["provider"] = None
        assert container.resolve("provider") is provider
        with pytest.raises(ValueError, match="read-only"):
            container.resolve("prices")[0] = 1.0
        with pytest.raises(TypeError):
            container.resolve("limits")["x"] = 1
        with pytest.raises(TypeError):
            container.shared["x"] = 1  # type: ignore[index]
        with container.child("t", shared={"extra": 1}) as child:
            assert child.resolve("provider") is provider
            assert child.resolve("extra") == 1
        assert "extra" not in container.shared
    assert not provider.closed


def test_children_are_closed_before_the_parents_components(diary: list[str]) -> None:
    container = UniversalScopedContainer("w")
    container.add(recorder("parent", diary))
    container.initialize()
    for name in ("t1", "t2"):
        child = container.child(name)
        child.add(recorder(name, diary))
        child.initialize()
    diary.clear()
    container.close()
    assert diary == ["stop t2", "close t2", "stop t1", "close t1", "stop parent", "close parent"]


def test_a_childs_failed_teardown_is_the_parents_failure_too(diary: list[str]) -> None:
    container = UniversalScopedContainer("w").initialize()
    child = container.child("t")
    child.add(recorder("a", diary, fail_at="close"))
    child.initialize()
    container.close()
    assert container.failures == [
        "trial container 't': close of component 'a' raised RuntimeError: a fails at close"
    ]
    assert container.state is S.FAILED


def test_a_trial_that_failed_by_itself_is_not_the_parents_failure() -> None:
    with UniversalScopedContainer("w") as container:
        with pytest.raises(ZeroDivisionError), container.child("t"):
            _ = 1 / 0
        assert container.statistics()["children"] == {"created": 1, "live": 0}
    assert container.state is S.STOPPED


def test_the_parent_waits_for_a_child_that_another_thread_is_initializing_or_closing(
    diary: list[str],
) -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow:
        def start(self) -> None:
            entered.set()
            assert release.wait(5)

        def stop(self) -> None:
            diary.append("stop child")

    container = UniversalScopedContainer("w")
    container.add(recorder("parent", diary))
    container.initialize()
    child = container.child("t")
    child.add(ComponentSpec("slow", Slow))
    starter = threading.Thread(target=child.initialize)
    starter.start()
    assert entered.wait(5)
    closer = threading.Thread(target=container.close)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    release.set()
    closer.join(5)
    starter.join(5)
    assert diary[-3:] == ["stop child", "stop parent", "close parent"]
    assert (container.state, container.failures) == (S.STOPPED, [])


def test_live_children_are_told_apart_by_name() -> None:
    with UniversalScopedContainer("w") as container:
        container.child("t")
        container.child("t", kind="stage")
        with pytest.raises(ComponentError, match="has a live trial 't'"):
            container.child("t")


def draws(container: UniversalScopedContainer, *names: str) -> dict[str, float]:
    found = {}
    for name in names:
        with container.child(name) as child:
            found[name] = float(child.seeds.generator("noise").random())
    return found


def test_a_trials_random_numbers_do_not_depend_on_order_or_company() -> None:
    with UniversalScopedContainer("w", seed=7) as one, UniversalScopedContainer("w", seed=7) as other:
        alone = draws(other, "b")
        assert draws(one, "a", "b", "c") == draws(other, "c", "a", "b")
        assert draws(one, "b") == alone
        assert len(set(draws(one, "a", "b", "c").values())) == 3
        with ThreadPoolExecutor(4) as pool:
            parallel = list(pool.map(lambda name: draws(one, name), "abc"))
        assert {k: v for each in parallel for k, v in each.items()} == draws(other, "a", "b", "c")


def test_cancel_reaches_children_and_not_the_parent() -> None:
    with UniversalScopedContainer("w") as container:
        child, other = container.child("a"), container.child("b")
        child.cancel.cancel("slow")
        assert child.cancel.is_set()
        assert not container.cancel.is_set()
        assert not other.cancel.wait(0)
        other.cancel.raise_if_cancelled()
        container.cancel.cancel("shutdown")
        with pytest.raises(WorkflowCancelledError, match=r"^trial 'b' was cancelled: shutdown$"):
            other.cancel.raise_if_cancelled()
        with pytest.raises(WorkflowCancelledError, match=r"^trial 'a' was cancelled: slow$"):
            child.cancel.raise_if_cancelled()
        assert container.child("late").cancel.is_set()


def test_closing_the_parent_cancels_children_that_still_run() -> None:
    with UniversalScopedContainer("w") as container:
        child = container.child("t").initialize()
    assert child.cancel.reason == "workflow container 'w' is closed"


def test_twenty_concurrent_containers_see_their_own_events_only() -> None:
    barrier = threading.Barrier(20)

    def run(number: int) -> tuple[str, list[Event], UniversalScopedContainer]:
        seen: list[Event] = []
        with UniversalScopedContainer(f"w{number}") as container:
            container.bus.subscribe(seen.append)
            barrier.wait(10)
            for step in range(50):
                container.bus.publish(events.METRIC, {"number": number, "step": step})
        return container.id, seen, container

    with ThreadPoolExecutor(20) as pool:
        runs = list(pool.map(run, range(20)))
    assert len({container_id for container_id, _, _ in runs}) == 20
    for number, (container_id, seen, container) in enumerate(runs):
        assert [(e.source, e.data["number"], e.data["step"]) for e in seen] == [
            (container_id, number, step) for step in range(50)
        ]
        assert container.bus.counts == {events.METRIC: 50}


def test_a_childs_events_are_its_own() -> None:
    with UniversalScopedContainer("w") as container, container.child("t") as child:
        child.bus.publish(events.TRIAL_START)
        assert container.bus.counts == {}


IMMUTABLE = (str, bytes, int, float, bool, type(None), types.ModuleType, type, types.FunctionType)


def reachable(root: object, stop: set[int]) -> dict[int, object]:
    """Give every mutable object that can be reached from `root`, without what is shared on purpose."""
    found: dict[int, object] = {}
    todo = [root]
    while todo:
        each = todo.pop()
        if id(each) in found or id(each) in stop or isinstance(each, IMMUTABLE):
            continue
        found[id(each)] = each
        if isinstance(
            each, types.BuiltinFunctionType | types.MethodDescriptorType | types.WrapperDescriptorType
        ):
            continue
        todo.extend(gc.get_referents(each))
    return found


class Ledger:
    def __init__(self, limits: list[int], options: dict[str, list[int]]) -> None:
        self.limits = limits
        self.options = options
        self.entries: list[int] = []

    def configure(self, config: dict[str, Any]) -> None:
        self.config = config


def test_no_mutable_object_is_reachable_from_two_containers() -> None:
    spec = ComponentSpec(
        "ledger",
        Ledger,
        {"limits": [1], "options": {"x": [2]}},
        ("monitoring", "logging"),
        (),
        {"deep": [[3]]},
    )
    containers = [UniversalScopedContainer(name) for name in "ab"]
    for container in containers:
        container.add(spec)
        container.initialize()
    # Shared on purpose: the spec (read-only mappings), enum members, and the logging tree of the process.
    shared = {
        id(each) for each in (spec, logging.root, logging.getLogger("admf"), logging.Logger.manager, *S)
    }
    first, second = (reachable(each, shared) for each in containers)
    both = [first[key] for key in first.keys() & second.keys()]
    mutable = [
        each for each in both if isinstance(each, list | dict | set | Ledger | np.ndarray | threading.Event)
    ]
    assert containers[0].resolve("ledger").limits == [1]
    assert id(containers[0].resolve("ledger").limits) in first
    # What is left is code: dictionaries of modules and of classes.
    namespaces = {id(vars(m)) for m in list(gc.get_objects()) if isinstance(m, types.ModuleType)}
    assert [each for each in mutable if id(each) not in namespaces] == []
    for container in containers:
        container.close()


def test_a_factory_that_hands_out_the_same_object_twice_is_refused() -> None:
    ledger = Ledger([], {})
    with UniversalScopedContainer("one") as one:
        pass
    one = UniversalScopedContainer("one")
    one.add(ComponentSpec("ledger", lambda: ledger))
    other = UniversalScopedContainer("other")
    other.add(ComponentSpec("ledger", lambda: ledger))
    with one:
        with pytest.raises(ComponentError, match=rf"is an object that {one.id} owns already"):
            other.initialize()
        assert one.resolve("ledger") is ledger
    again = UniversalScopedContainer("again")
    again.add(ComponentSpec("ledger", lambda: ledger))
    with again:  # the first owner is gone
        assert again.resolve("ledger") is ledger


def test_a_component_may_ask_for_what_its_container_has() -> None:
    class Trader:
        def __init__(self, bus: object, seeds: object, cancel: object) -> None:
            self.given = (bus, seeds, cancel)

    container = UniversalScopedContainer("w")
    container.add(ComponentSpec("trader", Trader, dependencies=("bus", "seeds", "cancel", "logger")))
    with container:
        assert container.resolve("trader").given == (container.bus, container.seeds, container.cancel)


def test_what_a_component_must_be_able_to_do_is_checked(diary: list[str]) -> None:
    class Half:
        def start(self) -> None: ...
        def close(self) -> None:
            diary.append("closed")

    container = UniversalScopedContainer("w")
    container.add(ComponentSpec("half", Half), conforms_to=(Lifecycle,))
    with pytest.raises(ComponentError, match=r"'half' \(.*Half\) is no Lifecycle: it has no method stop$"):
        container.initialize()
    assert diary == ["closed"]


def test_coroutine_methods_are_refused() -> None:
    class Async:
        async def start(self) -> None: ...

    container = UniversalScopedContainer("w")
    container.add(ComponentSpec("a", Async))
    with pytest.raises(ComponentError, match="start of component 'a' is a coroutine function"):
        container.initialize()


def test_statistics() -> None:
    container = UniversalScopedContainer("w", seed=5, container_id="run-1")
    container.add(ComponentSpec("ledger", Ledger, {"limits": [], "options": {}}, ("monitoring",)))
    with container, container.child("t"):
        container.bus.publish(events.BAR)
        given = container.statistics()
        assert given["state"] == "RUNNING"
        assert given["children"] == {"created": 1, "live": 1}
        assert given["metrics"] == {"ledger": {}}
        assert given["uptime_seconds"] >= 0
    after = container.statistics()
    assert (after["id"], after["kind"], after["state"], after["seed"]) == ("run-1", "workflow", "STOPPED", 5)
    assert after["components"] == {"ledger": "Ledger"}
    assert after["events"]["by_type"] == {"BAR": 1}
    assert after["uptime_seconds"] == container.statistics()["uptime_seconds"]


def test_log_level_of_one_container_alone(caplog: pytest.LogCaptureFixture) -> None:
    with UniversalScopedContainer("a", log_level="DEBUG") as loud, UniversalScopedContainer("b") as quiet:
        loud.logger.debug("fine print")
        quiet.logger.debug("not this")
        with loud.child("t") as child:
            child.logger.debug("of a child")
    assert [record.message for record in caplog.records] == ["fine print", "of a child"]


def test_a_container_that_is_forgotten_while_running_warns() -> None:
    container = UniversalScopedContainer("w").initialize()
    containers = [container]
    del container
    with pytest.warns(ResourceWarning, match="'w' .* was never closed"):
        containers.clear()  # nothing else refers to it, and it is in no circle


def test_a_closed_container_is_collected() -> None:
    import weakref

    with UniversalScopedContainer("w") as container:
        child = container.child("t")
    reference = weakref.ref(child)
    del child, container
    gc.collect()
    assert reference() is None


class Lifecycles(RuleBasedStateMachine):
    """Whatever is called in whatever order: legal states, no leak, everything that was made is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.closed = 0

    @initialize(fails=st.sampled_from(["", "create", "start", "stop"]), components=st.integers(0, 3))
    def begin(self, fails: str, components: int) -> None:
        machine = self

        class Part:
            def __init__(self, last: bool) -> None:
                self.last = last
                self.may_fail("create")
                machine.made += 1

            def may_fail(self, moment: str) -> None:
                if self.last and fails == moment:
                    raise RuntimeError(moment)

            def start(self) -> None:
                self.may_fail("start")

            def stop(self) -> None:
                self.may_fail("stop")

            def close(self) -> None:
                machine.closed += 1

        self.fails = fails if components else ""
        self.container = UniversalScopedContainer("w")
        self.children: list[UniversalScopedContainer] = []
        for number in range(components):
            self.container.add(ComponentSpec(f"p{number}", Part, {"last": number == components - 1}))

    @rule()
    def start(self) -> None:
        before = self.container.state
        if before is S.CREATED and self.fails in ("", "stop"):
            self.container.initialize()
            assert self.container.state is S.RUNNING
            return
        with pytest.raises((StateError, ComponentError, RuntimeError)):
            self.container.initialize()
        assert self.container.state is (S.FAILED if before is S.CREATED else before)

    @rule()
    def make_child(self) -> None:
        if self.container.state is S.RUNNING:
            self.children.append(self.container.child(f"t{len(self.children)}"))
        else:
            with pytest.raises(StateError):
                self.container.child("t")

    @precondition(lambda self: self.children)
    @rule(data=st.data())
    def use_child(self, data: st.DataObject) -> None:
        child = data.draw(st.sampled_from(self.children))
        if child.state is S.CREATED:
            child.initialize()
        else:
            child.close()
            assert child.state is S.STOPPED

    @rule()
    def close(self) -> None:
        before = self.container.state
        self.container.close()
        after = self.container.state
        assert after in (S.STOPPED, S.FAILED)
        if before in (S.STOPPED, S.FAILED):
            assert after is before
        elif before is S.RUNNING:
            assert after is (S.FAILED if self.fails == "stop" else S.STOPPED)
        assert all(child.state is S.STOPPED for child in self.children)
        assert self.container.bus.closed

    def teardown(self) -> None:
        if hasattr(self, "container"):
            self.container.close()
            assert self.made == self.closed
            assert live_containers() == ()


TestLifecycles = Lifecycles.TestCase
TestLifecycles.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
