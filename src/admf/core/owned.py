"""The components of one container: made, started, stopped in reverse order, and owned by it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any

from admf.core.capabilities import Surroundings, compose
from admf.core.components import ComponentSpec, require
from admf.errors import ComponentError

_owners: dict[int, str] = {}  # id of a component -> id of the container that owns it
_lock = RLock()  # of the one above


class OwnedComponents:
    """Components in the order of their creation.

    Parameters
    ----------
    owner
        Id of the container.
    label
        What messages call it.
    lock
        Of the container; held while the components change.
    """

    def __init__(self, owner: str, label: str, lock: RLock) -> None:
        self.classes: dict[str, str] = {}  # stays when the components are gone
        self._owner = owner
        self._label = label
        self._lock = lock
        self._made: dict[str, Any] = {}
        self._started: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._made

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    def by_name(self) -> dict[str, Any]:
        """Give those that there are now."""
        with self._lock:
            return dict(self._made)

    def make(
        self,
        spec: ComponentSpec,
        conforms_to: tuple[type, ...],
        dependencies: Mapping[str, Any],
        surroundings: Surroundings,
    ) -> None:
        """Make a component with its capabilities, and own it.

        Raises
        ------
        ComponentError
            If it cannot be made, is owned already, or is not what it has to be. What was made is torn down
            with the others.
        """
        component = spec.create(dependencies)
        self._own(spec.name, component)
        for method in ("start", "stop", "close"):
            if iscoroutinefunction(getattr(component, method, None)):
                raise ComponentError(
                    f"{method} of component {spec.name!r} is a coroutine function, which is not awaited",
                    "make it a plain method that schedules the work",
                )
        compose(component, spec.capabilities, surroundings)
        for protocol in conforms_to:
            require(component, protocol, spec.name)

    def _own(self, name: str, component: Any) -> None:
        # Values and code are shared freely; what has attributes may carry state.
        if hasattr(component, "__dict__") and not isinstance(component, type | FunctionType | ModuleType):
            with _lock:
                owner = _owners.setdefault(id(component), self._owner)
            if owner != self._owner or any(each is component for each in self._made.values()):
                raise ComponentError(
                    f"component {name!r} of {self._label} is an object that {owner} owns already",
                    "make a new one each time, or pass it as a shared service",
                )
        with self._lock:
            self._made[name] = component
            self.classes[name] = type(component).__qualname__

    def start(self) -> None:
        """Start those that can be started, in order."""
        for name, component in list(self._made.items()):
            if hasattr(component, "start"):
                self._started.add(name)
                component.start()

    def stop(self, report: Callable[[str], None]) -> BaseException | None:
        """Stop and close all in reverse order, whatever raises; what does is reported.

        Returns
        -------
        The last that was no `Exception`, an interrupt, for the caller to raise when all is done.
        """
        interrupt: BaseException | None = None
        for name, component in reversed(list(self._made.items())):
            for method in ("stop", "close"):
                if not hasattr(component, method) or (
                    method == "stop" and hasattr(component, "start") and name not in self._started
                ):
                    continue
                try:
                    getattr(component, method)()
                except BaseException as failure:  # noqa: BLE001 - the others must be torn down all the same
                    if not isinstance(failure, Exception):
                        interrupt = failure
                    report(f"{method} of component {name!r} raised {type(failure).__name__}: {failure}")
        return interrupt

    def release(self) -> None:
        """Let them go: each may belong to another container from now on."""
        with self._lock, _lock:
            for component in self._made.values():
                if _owners.get(id(component)) == self._owner:
                    del _owners[id(component)]
            self._made.clear()
