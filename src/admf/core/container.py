"""The container: what one workflow, stage or trial owns, created in order and torn down in reverse."""

from __future__ import annotations

import logging
import time
import warnings
from asyncio import CancelledError
from collections.abc import Mapping
from enum import StrEnum
from threading import Event, RLock, get_ident
from types import MappingProxyType, TracebackType
from typing import Any, Self
from uuid import uuid4
from weakref import WeakSet

from admf.core.cancel import CancelToken
from admf.core.capabilities import Surroundings
from admf.core.components import ComponentSpec, creation_order
from admf.core.events import ERROR, EventBus
from admf.core.owned import OwnedComponents
from admf.core.plain import read_only
from admf.core.registry import nearest
from admf.core.seeds import SeedTree
from admf.errors import ComponentError, StateError, WorkflowCancelledError


class ContainerState(StrEnum):
    """Where a container is in its life."""

    CREATED = "CREATED"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


_S = ContainerState
_LEGAL: dict[ContainerState, tuple[ContainerState, ...]] = {
    _S.CREATED: (_S.INITIALIZING, _S.STOPPING),
    _S.INITIALIZING: (_S.RUNNING, _S.FAILED),
    _S.RUNNING: (_S.STOPPING,),
    _S.STOPPING: (_S.STOPPED, _S.FAILED),
    _S.STOPPED: (),
    _S.FAILED: (),
}
_ENDED = (_S.STOPPED, _S.FAILED)
_OWN = ("bus", "cancel", "logger", "seeds")  # names that lead to what every container has

_live: WeakSet[UniversalScopedContainer] = WeakSet()
_lock = RLock()  # of the one above


def live_containers() -> tuple[UniversalScopedContainer, ...]:
    """List the containers of this process that have not been closed."""
    with _lock:
        return tuple(_live)


class UniversalScopedContainer:
    """Owns components, an event bus, a cancel token and a seed; nothing of it is reachable from another one.

    Use it as a context manager, plain or ``async``: entering initializes, leaving closes, whatever happened.

    Parameters
    ----------
    name
        What it is for. With `kind`, the key of its random numbers below its parent's.
    kind
        ``workflow``, ``stage``, ``trial``.
    parent
        The container that this one is a child of; use `child`.
    shared
        Services that the caller owns: offered, never closed here. Plain dicts, lists, sets and numpy arrays
        among them cannot be written to; any other object is offered as it is.
    seed
        Of the container's random numbers. None: from the parent, or drawn (``container.seeds.drawn``).
    container_id
        Default: a new one.
    log_level
        Of this container's `logger` alone. Default: that of the logger ``admf``.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: str = "workflow",
        parent: UniversalScopedContainer | None = None,
        shared: Mapping[str, Any] | None = None,
        seed: int | None = None,
        container_id: str | None = None,
        log_level: int | str = logging.NOTSET,
    ) -> None:
        self.name = name
        self.kind = kind
        self.id = container_id or f"{kind}-{uuid4().hex[:12]}"
        self.bus = EventBus(self.id)
        self.failures: list[str] = []
        self._state = _S.CREATED
        self._lock = RLock()
        self._settled = Event()  # initialized, or failed to be
        self._ended = Event()
        self._closer: int | None = None  # the thread that closes it
        self._since = time.monotonic()
        self._until: float | None = None
        self._specs: dict[str, tuple[ComponentSpec, tuple[type, ...]]] = {}
        self._components = OwnedComponents(self.id, self._label, self._lock)
        self._children: dict[str, UniversalScopedContainer] = {}
        self._children_created = 0
        self._parent = parent
        self.parent_id = parent.id if parent else None
        offered = {
            **(parent.shared if parent else {}),
            **{k: read_only(v) for k, v in (shared or {}).items()},
        }
        for own in _OWN:
            if own in offered:
                raise ComponentError(
                    f"a shared service cannot be called {own!r}: every container has its own"
                )
        self.shared: Mapping[str, Any] = MappingProxyType(offered)
        if parent is None:
            self.cancel = CancelToken(f"{kind} {name!r}")
            self.seeds = SeedTree(seed)
        else:
            self.cancel = parent.cancel.child(f"{kind} {name!r}")
            self.seeds = parent.seeds.child(kind, name) if seed is None else SeedTree(seed)
        # Not from getLogger, which keeps every logger for ever.
        self.logger = logging.Logger(f"admf.{self.id}", log_level)
        self.logger.parent = parent.logger if parent else logging.getLogger("admf")
        with _lock:
            _live.add(self)

    def __repr__(self) -> str:
        return f"<UniversalScopedContainer {self.name!r} {self.id} {self._state}>"

    def __del__(self) -> None:
        if getattr(self, "_state", None) is _S.RUNNING:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self, stacklevel=1)

    @property
    def state(self) -> ContainerState:
        """Where it is in its life."""
        return self._state

    def add(self, spec: ComponentSpec, *, conforms_to: tuple[type, ...] = ()) -> None:
        """Plan a component; it is made when the container is initialized.

        Parameters
        ----------
        spec
            What is written about it.
        conforms_to
            Protocols that it must have the methods of, its capabilities included.

        Raises
        ------
        StateError
            If the container has been initialized.
        ComponentError
            If the name is taken by a component, a shared service, or what every container has.
        """
        with self._lock:
            if self._state is not _S.CREATED:
                raise StateError(
                    f"cannot add {spec.name!r}: {self._label} is {self._state}, not {_S.CREATED}"
                )
            if spec.name in self._specs or spec.name in self.shared or spec.name in _OWN:
                raise ComponentError(f"{self._label} has {spec.name!r} already")
            self._specs[spec.name] = (spec, conforms_to)

    def initialize(self) -> Self:
        """Make the components in the order of their dependencies, then start those that can be started.

        Raises
        ------
        StateError
            If it is not in state CREATED.
        ComponentError
            If a dependency is missing or goes in a circle (then nothing was made), or a component cannot be
            made. What had been made is torn down, and the state is FAILED.
        """
        self._move(_S.INITIALIZING)
        specs = {name: spec for name, (spec, _) in self._specs.items()}
        try:
            for name in creation_order(specs, (*self.shared, *_OWN), self._label):
                spec, conforms_to = self._specs[name]
                needed = {each: self.resolve(each) for each in spec.dependencies}
                around = Surroundings(name, self.bus, self.logger)
                self._components.make(spec, conforms_to, needed, around)
            self._components.start()
            self._move(_S.RUNNING)
        except BaseException as error:
            self._tear_down(error)
            raise
        finally:
            self._settled.set()
        return self

    def resolve(self, name: str) -> Any:
        """Give a component, a shared service, or one of bus, cancel, logger, seeds.

        Raises
        ------
        ComponentError
            If there is none of that name; says what there is.
        StateError
            If it is a component that is not made yet, or no longer there.
        """
        if name in _OWN:
            return getattr(self, name)
        with self._lock:
            if name in self._components:
                return self._components[name]
            if name in self.shared:
                return self.shared[name]
            if name in self._specs:
                raise StateError(f"component {name!r} of {self._label} does not exist in state {self._state}")
        raise ComponentError(f"{self._label} has no {name!r}; it has: {self._names()}", self._hint(name))

    def child(
        self,
        name: str,
        kind: str = "trial",
        *,
        shared: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> UniversalScopedContainer:
        """Make a container within this one, closed at the latest before this one is.

        It has a bus of its own, sees the shared services and no component of its parent. Its random numbers
        depend on the seed, `kind` and `name`: equal names give equal numbers, in whatever order.

        Raises
        ------
        StateError
            If this container is not running.
        ComponentError
            If a child of that kind and name lives.
        """
        with self._lock:
            if self._state is not _S.RUNNING:
                raise StateError(
                    f"cannot make child {name!r}: {self._label} is {self._state}, not {_S.RUNNING}"
                )
            if any((each.name, each.kind) == (name, kind) for each in self._children.values()):
                raise ComponentError(
                    f"{self._label} has a live {kind} {name!r}",
                    "its random numbers would be the same: name it apart",
                )
            made = UniversalScopedContainer(name, kind=kind, parent=self, shared=shared, seed=seed)
            self._children[made.id] = made
            self._children_created += 1
        return made

    def close(self) -> None:
        """Close the children, tear down in reverse order, close the bus. May be called again.

        What raises on the way is collected in `failures`, and the state is then FAILED, else STOPPED. While
        another thread closes it, this returns at once.

        Raises
        ------
        StateError
            If the container is being initialized.
        """
        self._close()

    def _close(self, error: BaseException | None = None, *, wait: bool = False) -> None:
        if wait and self._state is _S.INITIALIZING:
            self._settled.wait()
        with self._lock:
            mine = self._state not in (_S.STOPPING, *_ENDED)
            if mine:
                self._move(_S.STOPPING)
                self._closer = get_ident()
        if mine:
            self._tear_down(error)
        elif wait and self._closer != get_ident():
            self._ended.wait()

    def statistics(self) -> dict[str, Any]:
        """Give state, components, numbers of those that have ``get_metrics``, children, events and uptime."""
        with self._lock:
            components = self._components.by_name()
            classes = dict(self._components.classes)
            given = {
                "id": self.id,
                "name": self.name,
                "kind": self.kind,
                "state": str(self._state),
                "parent": self.parent_id,
                "seed": self.seeds.seed,
                "cancelled": self.cancel.is_set(),
                "uptime_seconds": (self._until or time.monotonic()) - self._since,
                "children": {"created": self._children_created, "live": len(self._children)},
                "failures": list(self.failures),
            }
        return {
            **given,
            "components": classes,
            "metrics": {
                n: each.get_metrics() for n, each in components.items() if hasattr(each, "get_metrics")
            },
            "events": self.bus.statistics(),
        }

    def __enter__(self) -> Self:
        return self.initialize()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    async def __aenter__(self) -> Self:
        return self.initialize()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    @property
    def _label(self) -> str:
        return f"{self.kind} container {self.name!r}"

    def _names(self) -> str:
        return ", ".join(sorted((*self._specs, *self.shared, *_OWN)))

    def _hint(self, name: str) -> str | None:
        near = nearest(name, (*self._specs, *self.shared, *_OWN))
        return f"did you mean {near!r}?" if near else None

    def _move(self, state: ContainerState) -> None:
        with self._lock:
            if state not in _LEGAL[self._state]:
                raise StateError(f"{self._label} cannot go from {self._state} to {state}")
            self._state = state

    def _tear_down(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, CancelledError | WorkflowCancelledError):
            self.failures.append(f"{type(error).__name__}: {error}")
        for child in reversed(list(self._children.values())):
            known = len(child.failures)
            child.cancel.cancel(f"{self._label} is closed")
            child._close(wait=True)
            self.failures.extend(f"{child._label}: {failure}" for failure in child.failures[known:])
        interrupt = self._components.stop(self._report)
        self.bus.close()
        with self._lock, _lock:
            self._components.release()
            _live.discard(self)
            self._until = time.monotonic()
            self._move(_S.FAILED if self.failures or self._state is _S.INITIALIZING else _S.STOPPED)
        if self._parent is not None:
            with self._parent._lock:
                self._parent._children.pop(self.id, None)
            self._parent = None
        self._ended.set()
        if interrupt is not None:
            raise interrupt

    def _report(self, failure: str) -> None:
        self.failures.append(failure)
        self.logger.error("%s: %s", self._label, failure)
        if not self.bus.closed:
            self.bus.publish(ERROR, {"error": failure})
