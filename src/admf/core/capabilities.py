"""Capabilities: what a component of any class can be given beside what its class has.

A capability is a function of the component and its surroundings. It gives an `Attachment`: attributes to add
to the instance, and a wrapper around the public methods of its class. `compose` puts several on one instance.
Two that add the same name, or one that adds what the component has, are an error, so that the order never
decides which of two methods is called.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from inspect import getattr_static, isfunction
from threading import Lock
from time import perf_counter
from typing import Any

from admf.core.events import ERROR, EventBus
from admf.core.registry import registry_of
from admf.errors import ComponentError

Method = Callable[..., Any]


@dataclass(frozen=True)
class Surroundings:
    """What a capability may use: the component's name, and the bus and log of its container."""

    name: str
    bus: EventBus
    log: logging.Logger


@dataclass(frozen=True)
class Attachment:
    """What a capability does to one instance.

    Parameters
    ----------
    adds
        Attributes that the instance gains.
    around
        Called with name and bound method of each public method of the class; gives what takes its place.
    """

    adds: Mapping[str, Any] = field(default_factory=dict)
    around: Callable[[str, Method], Method] | None = None


Capability = Callable[[Any, Surroundings], Attachment]


def compose(component: Any, names: Iterable[str], surroundings: Surroundings) -> None:
    """Give capabilities to a component.

    Parameters
    ----------
    component
        The instance; it is changed.
    names
        Registered capabilities, the outermost first.
    surroundings
        What they may use.

    Raises
    ------
    ComponentError
        If a name is unknown or given twice, two capabilities add the same attribute, one adds what the
        component has, or the class takes no further attributes. Nothing is attached then.
    """
    attachments: dict[str, Attachment] = {}
    registry = registry_of("capability")
    for name in names:
        canonical = registry.entry(name).name
        if canonical in attachments:
            raise ComponentError(
                f"component {surroundings.name!r} is given the capability {canonical!r} twice"
            )
        attachments[canonical] = registry.get(canonical)(component, surroundings)
    owner: dict[str, str] = {}
    for capability, attachment in attachments.items():
        for attribute in attachment.adds:
            rival = owner.get(attribute)
            if getattr_static(component, attribute, None) is not None:
                rival = f"class {type(component).__qualname__.rpartition('.')[2]}"
            if rival:
                raise ComponentError(
                    f"capability {capability!r} of component {surroundings.name!r} adds {attribute!r}, "
                    f"which {rival} has already",
                    "leave one of them out",
                )
            owner[attribute] = f"capability {capability!r}"
    changes = {name: attribute for each in attachments.values() for name, attribute in each.adds.items()}
    arounds = [each.around for each in attachments.values() if each.around]
    if arounds:
        for name in _public_methods(component):
            method = getattr(component, name)
            for around in reversed(arounds):
                method = around(name, method)
            changes[name] = method
    cls = type(component)
    if changes and not hasattr(component, "__dict__"):
        raise ComponentError(
            f"component {surroundings.name!r} takes no capability: its class {cls.__qualname__} has __slots__"
        )
    if changes:
        vars(component).update(changes)  # so that a frozen dataclass takes them too


def _public_methods(component: Any) -> list[str]:
    names = (name for name in dir(type(component)) if not name.startswith("_"))
    # Only plain functions: a property or a nested class is no method, and a static one has no instance.
    return [name for name in names if isfunction(getattr_static(type(component), name))]


def monitoring(component: Any, surroundings: Surroundings) -> Attachment:
    """Count the calls of each method, their errors and seconds: ``get_metrics()``."""
    calls: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    lock = Lock()

    def around(name: str, method: Method) -> Method:
        @wraps(method)
        def counted(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            failed = 1
            try:
                value = method(*args, **kwargs)
                failed = 0
                return value
            finally:
                with lock:
                    calls[name] += 1
                    errors[name] += failed
                    seconds[name] += perf_counter() - start

        return counted

    def get_metrics() -> dict[str, dict[str, float]]:
        """Give calls, errors and seconds of each method that was called."""
        with lock:
            return {
                name: {"calls": calls[name], "errors": errors[name], "seconds": seconds[name]}
                for name in sorted(calls)
            }

    return Attachment({"get_metrics": get_metrics}, around)


def logging_(component: Any, surroundings: Surroundings) -> Attachment:
    """Write each call to the log of the container, at DEBUG; give the component ``log``."""
    log = surroundings.log

    def around(name: str, method: Method) -> Method:
        @wraps(method)
        def logged(*args: Any, **kwargs: Any) -> Any:
            if not log.isEnabledFor(logging.DEBUG):
                return method(*args, **kwargs)
            # Neither arguments nor values: they may be large, or secret.
            log.debug("%s.%s is called", surroundings.name, name)
            start = perf_counter()
            try:
                value = method(*args, **kwargs)
            except Exception as error:
                log.debug("%s.%s raised %s", surroundings.name, name, type(error).__name__)
                raise
            log.debug("%s.%s took %.6f s", surroundings.name, name, perf_counter() - start)
            return value

        return logged

    return Attachment({"log": log}, around)


def error_handling(component: Any, surroundings: Surroundings) -> Attachment:
    """Publish an ERROR event for each exception that leaves a method; the exception goes on."""

    def around(name: str, method: Method) -> Method:
        @wraps(method)
        def reported(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                if not surroundings.bus.closed:
                    surroundings.bus.publish(
                        ERROR,
                        {
                            "component": surroundings.name,
                            "method": name,
                            "error": f"{type(error).__name__}: {error}",
                        },
                    )
                raise

        return reported

    return Attachment({}, around)


_REGISTRY = registry_of("capability")
_REGISTRY.add("monitoring", monitoring)
_REGISTRY.add("logging", logging_)
_REGISTRY.add("error_handling", error_handling)
_REGISTRY.add(
    "optimization",
    "admf.core.optimizable:optimization",
    summary="Make a plain class with a ``parameter_space`` optimizable.",
)
