"""The event bus of a container, and the names of the events.

Each container has a bus of its own; nothing routes events from one to another. Delivery is in the order of
publication, for every handler, also when a handler publishes or several threads do: what is published while
another event is being delivered waits for its turn.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from threading import Condition, get_ident
from types import MappingProxyType
from typing import Any

from admf.errors import ComponentError, StateError

logger = logging.getLogger("admf.events")

BAR = "BAR"
SIGNAL = "SIGNAL"
ORDER = "ORDER"
FILL = "FILL"
REJECT = "REJECT"
BLOCK = "BLOCK"
CUT = "CUT"
CLASSIFICATION = "CLASSIFICATION"
REGIME_CHANGE = "REGIME_CHANGE"
METRIC = "METRIC"
TRIAL_START = "TRIAL_START"
TRIAL_END = "TRIAL_END"
ERROR = "ERROR"
WORKFLOW_START = "workflow.start"
WORKFLOW_COMPLETE = "workflow.complete"
WORKFLOW_ERROR = "workflow.error"
WORKFLOW_CANCEL = "workflow.cancel"


def phase_event(phase: str, moment: str) -> str:
    """Name the event of a phase: `moment` is ``start``, ``complete`` or ``error``."""
    if moment not in ("start", "complete", "error"):
        raise ValueError(f"a phase has start, complete and error, not {moment!r}")
    return f"workflow.phase.{phase}.{moment}"


@dataclass(frozen=True)
class Event:
    """Something that happened in one container.

    Parameters
    ----------
    type
        What happened; one of the names above, or a user's own.
    source
        Id of the container.
    sequence
        Position among the events of that container, from 1, without gaps.
    time
        When, in UTC.
    correlation_id
        Shared by the events that belong together, as a signal, its order and its fill.
    data
        What there is to say; read-only.
    """

    type: str
    source: str
    sequence: int
    time: datetime
    correlation_id: str
    data: Mapping[str, Any]

    def to_mapping(self) -> dict[str, Any]:
        """Give the event as a plain mapping, the time in ISO form."""
        return {
            "type": self.type,
            "source": self.source,
            "sequence": self.sequence,
            "time": self.time.isoformat(),
            "correlation_id": self.correlation_id,
            "data": dict(self.data),
        }


@dataclass(frozen=True)
class HandlerFailure:
    """A handler that raised: which, on what event, and what it said."""

    handler: str
    event: Event
    error: str  # text: an exception would keep alive everything that its frames refer to


Handler = Callable[[Event], object]


class EventBus:
    """Publish and subscribe within one container.

    Parameters
    ----------
    owner_id
        Id of the container; the source of every event.
    history
        How many of the latest events (and of the latest failures) are kept.
    """

    def __init__(self, owner_id: str, *, history: int = 10_000) -> None:
        self.owner_id = owner_id
        self._subscriptions: list[tuple[Handler, tuple[str, ...]]] = []
        self._queue: deque[Event] = deque()
        self._history: deque[Event] = deque(maxlen=history)
        self._failures: deque[HandlerFailure] = deque(maxlen=history)
        self._counts: Counter[str] = Counter()
        self._failure_count = 0
        self._sequence = 0
        self._closed = False
        self._deliverer: int | None = None  # the thread that is delivering
        self._current: Event | None = None  # what it delivers
        self._changed = Condition()

    def subscribe(self, handler: Handler, *types: str) -> Callable[[], None]:
        """Call `handler` with every later event of these types.

        Parameters
        ----------
        handler
            A plain function of one event; it runs in the thread that publishes.
        types
            Exact names, or a beginning followed by ``*``, as ``workflow.*``. None: every event.

        Returns
        -------
        Callable
            Ends the subscription; may be called twice.
        """
        if iscoroutinefunction(handler):
            raise ComponentError(
                f"handler {_name_of(handler)} is a coroutine function",
                "subscribe a plain function that schedules it",
            )
        subscription = (handler, types)
        with self._changed:
            self._require_open("subscribe")
            self._subscriptions.append(subscription)

        def unsubscribe() -> None:
            with self._changed:
                # By identity: equal subscriptions may be made twice, and each ends itself alone.
                self._subscriptions = [each for each in self._subscriptions if each is not subscription]

        return unsubscribe

    def publish(
        self, type: str, data: Mapping[str, Any] | None = None, *, correlation_id: str | None = None
    ) -> Event:
        """Publish an event, and deliver what is waiting.

        Parameters
        ----------
        type
            What happened.
        data
            What there is to say about it.
        correlation_id
            What it belongs to. Default: that of the event whose handler publishes this one, else a new one.

        Returns
        -------
        Event
            The event. It has been delivered on return, unless it was published by a handler or while another
            thread was delivering: then it follows in its turn.

        Raises
        ------
        StateError
            If the bus is closed.
        """
        with self._changed:
            self._require_open(f"publish {type!r}")
            if correlation_id is None and self._deliverer == get_ident() and self._current is not None:
                correlation_id = self._current.correlation_id
            self._sequence += 1
            event = Event(
                type=type,
                source=self.owner_id,
                sequence=self._sequence,
                time=datetime.now(UTC),
                correlation_id=correlation_id or f"{self.owner_id}/{self._sequence}",
                data=MappingProxyType(dict(data or {})),
            )
            self._counts[type] += 1
            self._history.append(event)
            self._queue.append(event)
            if self._deliverer is not None:
                return event
            self._deliverer = get_ident()
        self._deliver()
        return event

    def _deliver(self) -> None:
        try:
            while (event := self._next()) is not None:
                with self._changed:
                    due = [each for each in self._subscriptions if _wants(each[1], event.type)]
                for subscription in due:
                    with self._changed:
                        if not any(each is subscription for each in self._subscriptions):
                            continue  # an earlier handler of this event has ended it
                    handler = subscription[0]
                    try:
                        handler(event)
                    except Exception as error:  # noqa: BLE001 - one bad handler must not hurt the others
                        self._record(handler, event, error)
        except BaseException:  # a handler was interrupted: what waits is delivered with the next event
            with self._changed:
                self._rest()
            raise

    def _next(self) -> Event | None:
        with self._changed:
            if self._queue:
                self._current = self._queue.popleft()
                return self._current
            self._rest()  # in the same breath, or an event published just now would wait for ever
            return None

    def _rest(self) -> None:
        self._current = self._deliverer = None
        self._changed.notify_all()

    def _record(self, handler: Handler, event: Event, error: Exception) -> None:
        failure = HandlerFailure(_name_of(handler), event, f"{type(error).__name__}: {error}")
        with self._changed:
            self._failures.append(failure)
            self._failure_count += 1
        logger.warning(
            "%s: handler %s failed on %s: %s", self.owner_id, failure.handler, event.type, failure.error
        )

    @property
    def history(self) -> tuple[Event, ...]:
        """The latest events, oldest first."""
        with self._changed:
            return tuple(self._history)

    @property
    def failures(self) -> tuple[HandlerFailure, ...]:
        """The latest failures of handlers, oldest first."""
        with self._changed:
            return tuple(self._failures)

    @property
    def counts(self) -> dict[str, int]:
        """How many events of each type were published, all of them, not only those in the history."""
        with self._changed:
            return dict(self._counts)

    @property
    def closed(self) -> bool:
        """Whether the bus takes no more events."""
        return self._closed

    def follow(self, correlation_id: str) -> tuple[Event, ...]:
        """Give the events of the history that belong together, oldest first."""
        return tuple(event for event in self.history if event.correlation_id == correlation_id)

    def statistics(self) -> dict[str, Any]:
        """Give totals: events published, by type, kept in the history; handlers, and how often one failed."""
        with self._changed:
            return {
                "published": self._sequence,
                "by_type": dict(self._counts),
                "kept": len(self._history),
                "handlers": len(self._subscriptions),
                "handler_failures": self._failure_count,
            }

    def close(self) -> None:
        """Take no more events; deliver those that wait, then let go of the handlers. May be called twice."""
        with self._changed:
            self._closed = True
            if self._deliverer == get_ident():  # a handler closes its own bus: what waits is not delivered
                self._queue.clear()
            else:
                self._changed.wait_for(lambda: self._deliverer is None)
            self._subscriptions = []

    def _require_open(self, action: str) -> None:
        if self._closed:
            raise StateError(f"cannot {action}: the event bus of {self.owner_id} is closed")


def _wants(types: tuple[str, ...], type: str) -> bool:
    return not types or any(
        type.startswith(each[:-1]) if each.endswith("*") else each == type for each in types
    )


def _name_of(handler: Handler) -> str:
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
