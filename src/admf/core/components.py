"""Components: what is written about one (`ComponentSpec`), and what one must be able to do (the protocols).

A component is an object of any class. What it can do is told by the methods that it has, not by a base class:
`require` compares them with a protocol and names what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from inspect import isclass, signature
from types import MappingProxyType
from typing import Any, Protocol

from admf.core.registry import KINDS, load, nearest, registry_of
from admf.errors import AdmfError, ComponentError


class Lifecycle(Protocol):
    """Has something to start after creation and to stop at the end."""

    def start(self) -> None:
        """Begin; everything that it depends on has been started."""

    def stop(self) -> None:
        """End; everything that depends on it has been stopped. Must not need a `start` that succeeded."""


class Configurable(Protocol):
    """Takes the ``config`` of its spec once, before it is started."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the config."""


class Optimizable(Protocol):
    """Has parameters that a search may set; the capability ``optimization`` supplies these methods."""

    def get_parameter_space(self) -> Mapping[str, Any]:
        """Give the space: parameter to domain."""

    def get_parameters(self) -> dict[str, Any]:
        """Give the present values."""

    def set_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Take new values, all or none."""

    def validate_parameters(self, parameters: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with these values; an empty list where nothing is."""


class Monitorable(Protocol):
    """Says how it is doing, in numbers; the capability ``monitoring`` supplies this method."""

    def get_metrics(self) -> Mapping[str, Any]:
        """Give the numbers."""


class Stateful(Protocol):
    """Has a state that can be taken out and put back, as plain values."""

    def get_state(self) -> Mapping[str, Any]:
        """Give the state."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take a state that `get_state` gave."""


class SignalGenerator(Protocol):
    """Decides on a bar; the names of its arguments say what it wants to see (`admf.strategies`)."""

    on_bar: Any


def missing_methods(component: object, protocol: type) -> list[str]:
    """List the methods of `protocol` that `component`, an object or a class, lacks."""
    wanted: dict[str, None] = {}
    for base in reversed(protocol.__mro__):
        if getattr(base, "_is_protocol", False) and base is not Protocol:
            names = (*vars(base), *vars(base).get("__annotations__", {}))
            wanted |= dict.fromkeys(name for name in names if not name.startswith("_"))
    return [name for name in wanted if not callable(getattr(component, name, None))]


def require(component: object, protocol: type, name: str) -> None:
    """Refuse a component that lacks a method of `protocol`.

    Raises
    ------
    ComponentError
        Says which component, of which class, lacks which methods.
    """
    missing = missing_methods(component, protocol)
    if missing:
        cls = component if isclass(component) else type(component)
        raise ComponentError(
            f"component {name!r} ({cls.__module__}.{cls.__qualname__}) is no {protocol.__name__}: "
            f"it has no method {' and no method '.join(missing)}"
        )


@dataclass(frozen=True)
class ComponentSpec:
    """What is written about one component.

    Parameters
    ----------
    name
        Its name within the container.
    class_
        What makes it: a class or function, ``module:attribute``, or a registered name. In a mapping its
        key is ``class``.
    params
        Keyword arguments of the constructor.
    capabilities
        Names of the capabilities it is given, the outermost first.
    dependencies
        Names of the components and services that must exist before it. Each one is passed to the constructor
        where that has an argument of the same name.
    config
        Passed to ``configure(config)``.
    """

    name: str
    class_: Any
    params: Mapping[str, Any] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in ("params", "config"):
            object.__setattr__(self, each, MappingProxyType(dict(getattr(self, each))))
        for each in ("capabilities", "dependencies"):
            if isinstance(getattr(self, each), str):
                raise ComponentError(
                    f"{each} of component {self.name!r} must be a list, not the text {getattr(self, each)!r}"
                )
            object.__setattr__(self, each, tuple(getattr(self, each)))
        if not (isinstance(self.class_, str) or callable(self.class_)):
            raise ComponentError(
                f"class of component {self.name!r} is {self.class_!r}, which makes nothing",
                "give a class, a function that makes the component, module:attribute, or a registered name",
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], allow_modules: Iterable[str] = ()) -> ComponentSpec:
        """Read a spec from a config.

        Parameters
        ----------
        mapping
            Keys ``name, class, params, capabilities, dependencies, config``.
        allow_modules
            Modules (with what is inside them) that a ``module:attribute`` may name.

        Raises
        ------
        ComponentError
            If a key is unknown or missing, or names a module that is not allowed.
        """
        keys = ("name", "class", "params", "capabilities", "dependencies", "config")
        name = mapping.get("name", "?")
        for key in mapping:
            if key not in keys:
                near = nearest(str(key), keys)
                raise ComponentError(
                    f"component {name!r} has an unknown key {key!r}; there is: {', '.join(keys)}",
                    f"did you mean {near!r}?" if near else None,
                )
        for key in ("name", "class"):
            if not isinstance(mapping.get(key), str):
                raise ComponentError(
                    f"component {name!r} needs the key {key!r}, a text; found {mapping.get(key)!r}"
                )
        module, colon, _ = mapping["class"].partition(":")
        if colon and not any(module == each or module.startswith(f"{each}.") for each in allow_modules):
            raise ComponentError(
                f"component {name!r} is made by module {module!r}, which this config may not load",
                f"add {module!r} to allow_modules if you trust it",
            )
        return cls(
            mapping["name"],
            mapping["class"],
            mapping.get("params") or {},
            mapping.get("capabilities") or (),
            mapping.get("dependencies") or (),
            mapping.get("config") or {},
        )

    def resolve(self) -> Any:
        """Give the class or function that makes the component.

        Raises
        ------
        ComponentError
            If a registered name is unknown, or known to several kinds, or the address cannot be loaded.
        """
        if not isinstance(self.class_, str):
            return self.class_
        what = f"component {self.name!r}"
        if ":" in self.class_:
            return load(self.class_, what)
        owners = [registry for registry in map(registry_of, sorted(KINDS)) if self.class_ in registry]
        if len(owners) == 1:
            return owners[0].get(self.class_)
        if owners:
            kinds = ", ".join(registry.kind for registry in owners)
            raise ComponentError(
                f"{what}: {self.class_!r} is the name of several things: {kinds}", "write module:attribute"
            )
        names = [
            name
            for kind in KINDS
            for entry in registry_of(kind).entries()
            for name in (entry.name, *entry.aliases)
        ]
        near = nearest(self.class_, names)
        raise ComponentError(
            f"{what}: nothing is registered as {self.class_!r}",
            f"did you mean {near!r}?" if near else "`admf components` lists what is",
        )

    def create(self, services: Mapping[str, Any]) -> Any:
        """Make the component.

        Parameters
        ----------
        services
            What the dependencies lead to, by name.

        Returns
        -------
        Any
            A new object. Its params and config are copies: two components made of one spec share nothing.

        Raises
        ------
        ComponentError
            If the constructor raises; the cause is attached. Errors of this package pass as they are.
        """
        make = self.resolve()
        try:
            arguments = {**_accepted(make, services), **deepcopy(dict(self.params))}
            component = make(**arguments)
            if self.config:
                require(component, Configurable, self.name)
                component.configure(deepcopy(dict(self.config)))
        except AdmfError:
            raise
        except Exception as error:
            raise ComponentError(
                f"component {self.name!r} ({getattr(make, '__qualname__', make)}) could not be created: "
                f"{type(error).__name__}: {error}"
            ) from error
        return component


def _accepted(make: Any, services: Mapping[str, Any]) -> dict[str, Any]:
    try:
        arguments = signature(make).parameters.values()
    except (TypeError, ValueError):  # some classes written in C tell nothing
        return {}
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments):
        return dict(services)
    by_name = {argument.name for argument in arguments if argument.kind is not argument.POSITIONAL_ONLY}
    return {name: service for name, service in services.items() if name in by_name}


def creation_order(specs: Mapping[str, ComponentSpec], given: Collection[str], owner: str) -> list[str]:
    """Sort components so that each comes after what it depends on; otherwise they keep their order.

    Parameters
    ----------
    specs
        By name.
    given
        Names that need not be made.
    owner
        Whose components they are, for messages.

    Raises
    ------
    ComponentError
        If a dependency is missing or goes in a circle; names the path.
    """
    order: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        here = (*path, name)
        if name in path:
            circle = " -> ".join(here[path.index(name) :])
            raise ComponentError(f"components of {owner} depend on each other in a circle: {circle}")
        if name in order or name in given:
            return
        if name not in specs:
            known = (*specs, *given)
            near = nearest(name, known)
            raise ComponentError(
                f"component {path[-1]!r} needs {name!r}, which {owner} does not have ({' -> '.join(here)}); "
                f"it has: {', '.join(sorted(known))}",
                f"did you mean {near!r}?" if near else None,
            )
        for dependency in specs[name].dependencies:
            visit(dependency, here)
        order[name] = None

    for name in specs:
        visit(name, ())
    return list(order)
