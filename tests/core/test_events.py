from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from admf.core import events
from admf.core.events import Event, EventBus, phase_event
from admf.errors import ComponentError, StateError


@pytest.fixture
def bus() -> EventBus:
    return EventBus("w-1")


def test_an_event_says_who_when_and_what(bus: EventBus) -> None:
    seen: list[Event] = []
    bus.subscribe(seen.append)
    event = bus.publish(events.METRIC, {"sharpe_ratio": 1.5})
    assert seen == [event]
    assert (event.type, event.source, event.sequence) == ("METRIC", "w-1", 1)
    assert event.time.tzinfo is UTC
    assert abs(event.time - datetime.now(UTC)) < timedelta(seconds=5)
    assert event.to_mapping()["data"] == {"sharpe_ratio": 1.5}
    with pytest.raises(TypeError):
        event.data["sharpe_ratio"] = 9.0  # type: ignore[index]
    with pytest.raises(AttributeError):
        event.type = "BAR"  # type: ignore[misc]


def test_what_is_published_does_not_change_with_the_publishers_mapping(bus: EventBus) -> None:
    data = {"a": 1}
    event = bus.publish("x", data)
    data["a"] = 2
    assert event.data["a"] == 1


def test_types_and_patterns(bus: EventBus) -> None:
    exact: list[str] = []
    phases: list[str] = []
    both: list[str] = []
    everything: list[str] = []
    bus.subscribe(lambda e: exact.append(e.type), "workflow.start")
    bus.subscribe(lambda e: phases.append(e.type), "workflow.phase.*")
    bus.subscribe(lambda e: both.append(e.type), events.BAR, "workflow.st*")
    bus.subscribe(lambda e: everything.append(e.type), "*")
    published = ["workflow.start", "workflow.starter", phase_event("computation", "start"), "BAR", "bar"]
    for each in published:
        bus.publish(each)
    assert exact == ["workflow.start"]
    assert phases == ["workflow.phase.computation.start"]
    assert both == ["workflow.start", "workflow.starter", "BAR"]
    assert everything == published


def test_a_handler_that_raises_is_recorded_and_hurts_nobody(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    def broken(event: Event) -> None:
        raise RuntimeError("no disk")

    bus.subscribe(lambda e: seen.append(1))
    bus.subscribe(broken)
    bus.subscribe(lambda e: seen.append(2))
    event = bus.publish("x")
    bus.publish("x")
    assert seen == [1, 2, 1, 2]
    assert len(bus.failures) == 2
    failure = bus.failures[0]
    assert (failure.event, failure.error) == (event, "RuntimeError: no disk")
    assert failure.handler.endswith("broken")
    assert bus.statistics()["handler_failures"] == 2
    assert "no disk" in caplog.text


def test_unsubscribe_ends_that_subscription_alone_and_may_be_repeated(bus: EventBus) -> None:
    seen: list[str] = []

    def handler(event: Event) -> None:
        seen.append(event.type)

    first = bus.subscribe(handler, "a")
    bus.subscribe(handler, "a")
    first()
    first()
    bus.publish("a")
    assert seen == ["a"]


def test_a_handler_may_unsubscribe_a_later_one_at_once(bus: EventBus) -> None:
    seen: list[str] = []
    bus.subscribe(lambda e: end())
    end = bus.subscribe(lambda e: seen.append(e.type))
    bus.publish("a")
    assert seen == []


def test_order_is_kept_when_handlers_publish(bus: EventBus) -> None:
    first: list[int] = []
    second: list[int] = []

    def chain(event: Event) -> None:
        first.append(event.sequence)
        if event.type == events.SIGNAL:
            bus.publish(events.ORDER)

    bus.subscribe(chain)
    bus.subscribe(lambda e: second.append(e.sequence))
    bus.publish(events.SIGNAL)
    assert first == second == [1, 2]


def test_follow_gives_what_belongs_together(bus: EventBus) -> None:
    bus.subscribe(lambda e: bus.publish(events.ORDER), events.SIGNAL)
    bus.subscribe(lambda e: bus.publish(events.FILL, {"units": 3}), events.ORDER)
    signal = bus.publish(events.SIGNAL)
    other = bus.publish(events.SIGNAL)
    assert [e.type for e in bus.follow(signal.correlation_id)] == ["SIGNAL", "ORDER", "FILL"]
    assert other.correlation_id != signal.correlation_id
    given = bus.publish(events.METRIC, correlation_id="trade-7")
    assert bus.follow("trade-7") == (given,)
    assert bus.follow("unknown") == ()


def test_history_is_bounded_and_counts_are_not() -> None:
    bus = EventBus("w", history=3)
    for _ in range(5):
        bus.publish("a")
    bus.publish("b")
    assert [e.sequence for e in bus.history] == [4, 5, 6]
    assert bus.counts == {"a": 5, "b": 1}
    assert bus.statistics() == {
        "published": 6,
        "by_type": {"a": 5, "b": 1},
        "kept": 3,
        "handlers": 0,
        "handler_failures": 0,
    }


def test_close_is_final_and_idempotent(bus: EventBus) -> None:
    seen: list[Event] = []
    bus.subscribe(seen.append)
    bus.publish("a")
    bus.close()
    bus.close()
    assert bus.closed
    with pytest.raises(StateError, match="cannot publish 'b': the event bus of w-1 is closed"):
        bus.publish("b")
    with pytest.raises(StateError, match="cannot subscribe"):
        bus.subscribe(seen.append)
    assert len(seen) == 1
    assert [e.type for e in bus.history] == ["a"]


def test_a_handler_that_closes_the_bus_stops_delivery_at_once(bus: EventBus) -> None:
    seen: list[str] = []

    def closing(event: Event) -> None:
        bus.publish("late")
        bus.close()

    bus.subscribe(closing)
    bus.subscribe(lambda e: seen.append(e.type))
    bus.publish("a")
    assert seen == []


def test_close_waits_for_the_delivery_of_another_thread(bus: EventBus) -> None:
    entered, release, seen = threading.Event(), threading.Event(), []

    def slow(event: Event) -> None:
        entered.set()
        assert release.wait(5)
        seen.append(event.type)

    bus.subscribe(slow)
    publisher = threading.Thread(target=bus.publish, args=("a",))
    publisher.start()
    assert entered.wait(5)
    bus.publish("b")  # waits in the queue of the publishing thread
    closer = threading.Thread(target=bus.close)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    release.set()
    closer.join(5)
    publisher.join(5)
    assert seen == ["a", "b"]


def test_an_interrupted_handler_leaves_the_bus_usable(bus: EventBus) -> None:
    seen: list[str] = []

    def interrupted(event: Event) -> None:
        if event.type == "a":
            bus.publish("b")
            raise KeyboardInterrupt

    bus.subscribe(interrupted)
    bus.subscribe(lambda e: seen.append(e.type))
    with pytest.raises(KeyboardInterrupt):
        bus.publish("a")
    bus.publish("c")
    assert seen == ["b", "c"]


def test_many_threads_lose_nothing_and_keep_the_order(bus: EventBus) -> None:
    first: list[int] = []
    second: list[int] = []
    bus.subscribe(lambda e: first.append(e.sequence))
    bus.subscribe(lambda e: second.append(e.sequence))

    def publish_many(thread: int) -> None:
        for _ in range(250):
            bus.publish(f"t{thread}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish_many, range(8)))
    bus.close()
    assert first == second == list(range(1, 2001))
    assert bus.counts == {f"t{thread}": 250 for thread in range(8)}


def test_coroutine_handlers_are_refused(bus: EventBus) -> None:
    async def handler(event: Event) -> None: ...

    with pytest.raises(ComponentError, match="is a coroutine function"):
        bus.subscribe(handler)


def test_phase_event_names() -> None:
    assert phase_event("data_preparation", "complete") == "workflow.phase.data_preparation.complete"
    with pytest.raises(ValueError, match="start, complete and error"):
        phase_event("computation", "finish")
