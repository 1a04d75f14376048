"""Names of components: one registry a kind, loaded on first use.

A registry holds addresses (``module:attribute``), not objects, so that listing what there is imports nothing.
Names are looked up exactly as they were registered; collisions are judged without regard to case, so that no
two entries can be confused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from inspect import getdoc
from operator import attrgetter
from threading import RLock
from typing import Any, TypeVar, overload

from admf.errors import ComponentError

T = TypeVar("T")

# Kind -> module whose import registers the built-in components of that kind (addresses only, so it is cheap).
KINDS: dict[str, str] = {
    "allocation": "admf.simulation.portfolio.allocations",
    "capability": "admf.core.capabilities",
    "data_source": "admf.market",
    "indicator": "admf.indicators",
    "strategy": "admf.strategies",
    "workflow": "admf.core.workflows",
}


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Give the one of `names` that `name` was most likely meant to be; None if none is near."""
    folded = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


@dataclass(frozen=True)
class Entry:
    """What a registry knows about a component without loading it.

    Parameters
    ----------
    name
        Its canonical name.
    aliases
        Other names that it answers to.
    summary
        One line for people.
    target
        ``module:attribute``, or the object itself.
    """

    name: str
    aliases: tuple[str, ...]
    summary: str
    target: Any

    @property
    def address(self) -> str:
        """Where the component lives, as ``module:attribute``."""
        if isinstance(self.target, str):
            return self.target
        owner = self.target if hasattr(self.target, "__qualname__") else type(self.target)
        return f"{owner.__module__}:{owner.__qualname__}"


class Registry:
    """Components of one kind, by name.

    Parameters
    ----------
    kind
        What they are, in the singular: it stands in messages.
    home
        Module whose import adds the built-in ones; imported at the first look-up.
    """

    def __init__(self, kind: str, home: str | None = None) -> None:
        self.kind = kind
        self._home = home
        self._entries: dict[str, Entry] = {}
        self._names: dict[str, str] = {}  # every name and alias -> canonical name
        self._folded: dict[str, str] = {}  # the same, case-folded -> as it was written
        self._lock = RLock()

    @overload
    def add(
        self, name: str, target: None = None, *, aliases: Iterable[str] = (), summary: str = ""
    ) -> Callable[[T], T]: ...
    @overload
    def add(self, name: str, target: T, *, aliases: Iterable[str] = (), summary: str = "") -> T: ...
    def add(self, name: str, target: Any = None, *, aliases: Iterable[str] = (), summary: str = "") -> Any:
        """Register a component; without a target, as a decorator: ``@registry.add("my_strategy")``.

        Parameters
        ----------
        name
            Its name; the way it is written in a config.
        target
            ``module:attribute`` (loaded on first use) or the object itself.
        aliases
            Other names it answers to.
        summary
            One line for people. Default: the first line of an object's docstring.

        Returns
        -------
        Any
            The target, or the decorator.

        Raises
        ------
        ComponentError
            If a name is empty or taken (in any case), or the address is not ``module:attribute``.
        """
        if target is None:
            return lambda found: self.add(name, found, aliases=aliases, summary=summary)
        if isinstance(target, str):
            _split(target)
        elif not summary:
            summary = (getdoc(target) or "").partition("\n")[0]
        entry = Entry(name, tuple(aliases), summary, target)
        names = (name, *entry.aliases)
        with self._lock:
            seen: set[str] = set()
            for each in names:
                if not each or each != each.strip() or ":" in each:
                    raise ComponentError(
                        f"{each!r} cannot name a {self.kind}", "use a name without a colon and outer blanks"
                    )
                folded = each.casefold()
                if folded in seen:
                    raise ComponentError(f"{self.kind} {name!r} is given the name {each!r} twice")
                seen.add(folded)
                if folded in self._folded:
                    owner = self._entries[self._names[self._folded[folded]]]
                    raise ComponentError(
                        f"{self.kind} {each!r} is already registered: {owner.name!r} at {owner.address}",
                        "choose another name, or remove the first one",
                    )
            for each in names:
                self._names[each] = name
                self._folded[each.casefold()] = each
            self._entries[name] = entry
        return target

    def remove(self, name: str) -> None:
        """Take a component out, with its aliases."""
        entry = self.entry(name)
        with self._lock:
            for each in (entry.name, *entry.aliases):
                del self._names[each], self._folded[each.casefold()]
            del self._entries[entry.name]

    def entry(self, name: str) -> Entry:
        """Find a component by name or alias, without loading it.

        Raises
        ------
        ComponentError
            If there is none of that name; says which there are and which is nearest.
        """
        self._fill()
        with self._lock:
            if name in self._names:
                return self._entries[self._names[name]]
            near = nearest(name, self._names)
            known = ", ".join(sorted(self._entries)) or "none"
        raise ComponentError(
            f"no {self.kind} is called {name!r}; there is: {known}",
            f"did you mean {near!r}?" if near else None,
        )

    def get(self, name: str) -> Any:
        """Load a component by name or alias.

        Raises
        ------
        ComponentError
            If there is none of that name, or it cannot be imported.
        """
        entry = self.entry(name)
        return (
            load(entry.target, f"{self.kind} {entry.name!r}")
            if isinstance(entry.target, str)
            else entry.target
        )

    def entries(self) -> tuple[Entry, ...]:
        """List what is registered, by name; nothing is loaded."""
        self._fill()
        with self._lock:
            return tuple(self._entries[name] for name in sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        self._fill()
        return name in self._names

    def _fill(self) -> None:
        # Not under the lock: the import takes Python's own lock, and what it imports takes ours to add.
        if self._home is not None:
            import_module(self._home)
            self._home = None


def _split(address: str) -> tuple[str, str]:
    module, colon, attribute = address.partition(":")
    parts = (*module.split("."), *attribute.split("."))
    if not colon or not all(part.isidentifier() for part in parts):
        raise ComponentError(f"{address!r} is no address of a component", "write module:attribute")
    return module, attribute


def load(address: str, what: str = "component") -> Any:
    """Import what stands at ``module:attribute``.

    Parameters
    ----------
    address
        ``package.module:attribute``; the attribute may be dotted.
    what
        What it is for, in messages.

    Raises
    ------
    ComponentError
        If the module cannot be imported or has no such attribute; the cause is attached.
    """
    module_name, attribute = _split(address)
    try:
        module = import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise ComponentError(
            f"{what}: module {module_name!r} cannot be imported: {type(error).__name__}: {error}",
            "is it installed, or in the working folder?" if isinstance(error, ModuleNotFoundError) else None,
        ) from error
    try:
        return attrgetter(attribute)(module)
    except AttributeError as error:
        near = nearest(attribute, (name for name in vars(module) if not name.startswith("_")))
        raise ComponentError(
            f"{what}: module {module_name!r} has no {attribute!r}",
            f"did you mean {near!r}?" if near else None,
        ) from error


_registries: dict[str, Registry] = {}
_registries_lock = RLock()


def registry_of(kind: str) -> Registry:
    """Give the process-wide registry of a kind; built-in components are in it.

    Raises
    ------
    ComponentError
        If there is no such kind.
    """
    if kind not in KINDS:
        near = nearest(kind, KINDS)
        raise ComponentError(
            f"there is no kind of component {kind!r}; there is: {', '.join(sorted(KINDS))}",
            f"did you mean {near!r}?" if near else None,
        )
    with _registries_lock:
        return _registries.setdefault(kind, Registry(kind, KINDS[kind]))
