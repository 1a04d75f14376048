"""What a strategy must have and may have: read off a class, an instance or a module, and checked.

Every function here raises `StrategyError` that names the strategy, what was found and what is wanted.
"""

from __future__ import annotations

import copy
import inspect
import keyword
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from admf.core.registry import nearest
from admf.errors import AdmfError, StrategyError
from admf.indicators.spec import BAR_COLUMNS
from admf.strategies.expressions import Names
from admf.strategies.locate import describe_failure
from admf.strategies.space import Bool, Choice, Float, Int, Parameter, Parameters

HELD = ("position", "entry_price", "bars_held", "equity")
RESERVED = (*BAR_COLUMNS, *HELD, "state", "p", "self", "nan", "abs", "min", "max", "on_bar")


def argument_names(function: Callable[..., Any], where: str) -> tuple[str, ...]:
    """Give the names of a function's arguments, a leading ``self`` left out.

    Raises
    ------
    StrategyError
        If it has ``*args``, ``**kwargs``, defaults or keyword-only arguments: the names say what is wanted,
        and every one of them gets a value.
    """
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise StrategyError(
            f"{where} is no function whose arguments can be read; found {function!r}"
        ) from None
    if arguments and arguments[0].name == "self":
        arguments = arguments[1:]
    for argument in arguments:
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise StrategyError(f"{where} has {argument}", "name the values that it wants, one by one")
        if argument.kind is argument.KEYWORD_ONLY:
            raise StrategyError(f"{where}: {argument.name} is keyword-only", "remove the * before it")
        if argument.default is not argument.empty:
            raise StrategyError(
                f"{where}: {argument.name} has a default",
                f"make it a parameter: parameters = {{{argument.name!r}: ...}}",
            )
    return tuple(argument.name for argument in arguments)


def function_of(strategy: Any, name: str) -> Any:
    """Give a strategy's function as it was written: static methods unwrapped, ``self`` not bound."""
    found = inspect.getattr_static(strategy, name, None)
    if isinstance(found, staticmethod):
        found = found.__func__
    elif isinstance(found, classmethod):
        found = getattr(strategy, name)
    return getattr(found, "py_func", found)  # of a function that numba has compiled, the Python one


def takes_self(function: Any) -> bool:
    """Tell whether a function's first argument is ``self``."""
    try:
        return next(iter(inspect.signature(function).parameters), None) == "self"
    except (TypeError, ValueError):
        return False


def instance_of(strategy: Any, name: str, fresh: bool = False) -> Any:
    """Give the instance to call methods of: a class is made anew; `fresh` copies an instance."""
    if not inspect.isclass(strategy):
        return copy.deepcopy(strategy) if fresh else strategy
    try:
        return strategy()
    except Exception as error:
        raise StrategyError(
            f"strategy {name!r}: {strategy.__name__}() fails: {describe_failure(error)}",
            "a class whose on_bar takes self is made anew for every simulation, without arguments",
        ) from error


def require_on_bar(strategy: Any, name: str) -> None:
    """Refuse a strategy without a plain function `on_bar`."""
    found = function_of(strategy, "on_bar")
    if callable(found) and not inspect.iscoroutinefunction(found) and not inspect.isgeneratorfunction(found):
        return
    if found is not None:
        raise StrategyError(f"strategy {name!r}: on_bar must be a plain function; found {found!r}")
    near = nearest(
        "on_bar", [each for each in dir(strategy) if each != "on_bar" and not each.startswith("_")]
    )
    raise StrategyError(
        f"strategy {name!r} has no on_bar",
        f"it has {near}: rename it"
        if near
        else "it needs a function on_bar(close, ...) that returns a target",
    )


def space_of(strategy: Any, name: str) -> dict[str, Parameter]:
    """Give the parameter space."""
    space = getattr(strategy, "parameters", {})
    if not isinstance(space, Mapping):
        raise StrategyError(f"strategy {name!r}: parameters must be a mapping; found {space!r}")
    for key, parameter in space.items():
        if not isinstance(parameter, Int | Float | Bool | Choice):
            raise StrategyError(
                f"strategy {name!r}: parameter {key!r} must be an Int, Float, Bool or Choice; "
                f"found {parameter!r}"
            )
    return dict(space)


def constraints_of(strategy: Any, name: str) -> tuple[str, ...]:
    """Give the texts of the constraints."""
    constraints = getattr(strategy, "constraints", ())
    if isinstance(constraints, str) or not isinstance(constraints, Collection):
        raise StrategyError(
            f"strategy {name!r}: constraints must be a list of texts; found {constraints!r}",
            'write constraints = ("fast < slow",)',
        )
    return tuple(constraints)


def constraint_names(space: Mapping[str, Parameter]) -> Names:
    """Give what a constraint may speak of: numbers and truth values, not texts."""
    flags = [key for key, parameter in space.items() if isinstance(parameter, Bool)]
    texts = [
        key
        for key, parameter in space.items()
        if isinstance(parameter, Choice) and not all(_is_number(value) for value in parameter.values)
    ]
    return Names([key for key in space if key not in (*flags, *texts)], flags)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def ask(strategy: Any, name: str, what: str, p: Parameters) -> Any:
    """Call one of a strategy's functions of the parameters."""
    found = function_of(strategy, what)
    if not callable(found):
        return found
    args = [instance_of(strategy, name), p] if takes_self(found) else [p]
    try:
        inspect.signature(found).bind(*args)
    except TypeError as error:
        raise StrategyError(
            f"strategy {name!r}: {what} does not take the parameters: {error}",
            f"write `def {what}(p):`, a plain function of the parameters",
        ) from error
    except ValueError:  # no signature to be had, as of some functions in C
        pass
    try:
        return found(*args)
    except AdmfError as error:
        raise StrategyError(f"strategy {name!r}: {what}: {error.message}", error.hint) from error
    except Exception as error:
        raise StrategyError(f"strategy {name!r}: {what} fails: {describe_failure(error)}") from error


def mapping_of(strategy: Any, name: str, what: str, p: Parameters) -> dict[str, Any]:
    """Give what `indicators` or `columns` says for these parameters; empty if it is absent."""
    found = ask(strategy, name, what, p)
    if found is None and function_of(strategy, what) is None:
        return {}
    if not isinstance(found, Mapping):
        raise StrategyError(f"strategy {name!r}: {what} must give a mapping by name; found {found!r}")
    return dict(found)


def state_of(strategy: Any, name: str, p: Parameters) -> tuple[Any, ...] | None:
    """Give the first value of the state; None if the strategy keeps none."""
    if function_of(strategy, "initial_state") is None:
        return None
    state = ask(strategy, name, "initial_state", p)
    if not isinstance(state, tuple) or not state:
        raise StrategyError(
            f"strategy {name!r}: initial_state must give a tuple of at least one value; found {state!r}"
        )
    return state


def check_names(where: str, kinds: Mapping[str, Iterable[str]]) -> None:
    """Refuse names that are taken, or no names."""
    taken: dict[str, str] = {}
    for kind, names in kinds.items():
        for name in names:
            wrong = name_problem(name)
            if wrong:
                raise StrategyError(f"{where}: {kind} {name!r} {wrong}")
            if name in taken:
                raise StrategyError(f"{where}: {name!r} names a {taken[name]} and a {kind}", "rename one")
            taken[name] = kind


def name_problem(name: Any) -> str | None:
    """Say why something cannot name an indicator, a column or a parameter; None if it can."""
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        return "is no name: use letters, digits and _"
    if name in RESERVED or name.startswith(("prev_", "_")):
        return f"is a name that is taken, as are {', '.join(RESERVED)}, and those beginning with prev_ or _"
    return None


def check_arguments(
    where: str, arguments: tuple[str, ...], space: list[str], indicators: list[str], columns: list[str],
    state: tuple[Any, ...] | None,
) -> None:  # fmt: skip
    """Refuse arguments of `on_bar` that nothing gives a value to."""
    dated = [*BAR_COLUMNS, *indicators]
    plain = [*dated, *columns, *space, *HELD, "state"]
    allowed = {*plain, *(f"prev_{name}" for name in dated)}
    wrong = [name for name in arguments if name not in allowed]
    if wrong:
        near = {name: nearest(name, allowed) for name in wrong}
        meant = ", ".join(f"{name} -> {near[name]}" for name in wrong if near[name])
        raise StrategyError(
            f"{where}: on_bar asks for {', '.join(map(repr, wrong))}, which there is not; it may ask for: "
            f"{', '.join(plain)}; and prev_NAME of: {', '.join(dated)}",
            f"did you mean {meant}?" if meant else None,
        )
    if "state" in arguments and state is None:
        raise StrategyError(f"{where}: on_bar asks for state, but there is no initial_state(p)")
    if state is not None and "state" not in arguments:
        raise StrategyError(f"{where} has initial_state, but on_bar does not ask for state")
