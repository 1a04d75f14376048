"""From a strategy and its parameters to what the engine, live or simulated, runs: a `BoundStrategy`.

A strategy is a class, an instance or a module; there is no base class. It has::

    parameters = {"fast": Int(5, 50, default=20), "slow": Int(20, 200, default=50)}   # may be absent
    constraints = ("fast < slow",)                                                    # may be absent
    def indicators(p): return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}        # may be absent
    def columns(p): return {"score": "model score"}      # columns of the data file; may be absent
    def initial_state(p): return (0.0, 0)                # may be absent
    def on_bar(fast_ma, slow_ma): return 1.0 if fast_ma > slow_ma else 0.0

The argument names of `on_bar` say which scalars it gets: bar fields, its indicators, columns and parameters,
``prev_NAME`` (bar fields and indicators one bar before), what is held (`HELD`), and ``state``. It returns a
target: NaN for no decision, 0.0 for flat, up to +1.0 or -1.0 for the share of the sizing's budget held long
or short; with a state, ``(target, state)``.

Functions take no ``self``. A strategy whose `on_bar` has it still runs: in Python, with a fresh instance a
simulation.
"""

from __future__ import annotations

import copy
import inspect
import keyword
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from admf.core.registry import nearest
from admf.errors import AdmfError, Problem, StrategyError
from admf.indicators import Indicator
from admf.indicators.spec import BAR_COLUMNS
from admf.strategies.expressions import Names, parse_expression
from admf.strategies.locate import describe_failure, locate
from admf.strategies.source import argument_names, globals_used, step_source
from admf.strategies.space import Bool, Choice, Float, Int, Parameter, Parameters
from admf.typing import FloatArray

HELD = ("position", "entry_price", "bars_held", "equity")
RESERVED = (*BAR_COLUMNS, *HELD, "state", "p", "self", "nan")


class ParameterError(StrategyError):
    """Parameters of a strategy are wrong; carries every problem, its path being the parameter's name."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"strategy {name!r}: {count} problem{'s' if count != 1 else ''} in its parameters"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


@dataclass(frozen=True)
class BoundStrategy:
    """A strategy with its parameters, checked and ready to run. Made by `resolve_strategy`.

    Parameters
    ----------
    name, source_ref
        Name for people; the registered name or ``module:Name`` that it comes from.
    params
        Every parameter with its value, defaults filled in.
    parameters
        The space that they come from; empty for the configurable ones (`rules`, `signals`).
    indicators
        Name -> spec; the row's values are given to `on_bar` under that name.
    columns
        Name -> column of the data file (``Bars.extra``), given likewise.
    arguments
        What `on_bar` wants, in order: its argument names without ``self``.
    on_bar
        The plain function, called with the values of `arguments` by position. With ``self`` it is unbound:
        use `new_step`.
    initial_state
        First value of ``state``; None: it keeps none.
    step_source, step_name
        Source of one ``def`` without decorators, annotations and comments, and the function's name: what the
        kernel is generated from. None where `needs_python` is set.
    globals_used
        Names that the source takes from around it, with their values: numbers, modules, functions.
    needs_python
        Why it cannot be compiled, to follow "because"; None: it may be tried.
    """

    name: str
    source_ref: str
    params: dict[str, Any]
    parameters: dict[str, Parameter]
    indicators: dict[str, Indicator]
    columns: dict[str, str]
    arguments: tuple[str, ...]
    on_bar: Callable[..., Any] = field(repr=False)
    initial_state: tuple[Any, ...] | None
    step_source: str | None = field(repr=False)
    step_name: str
    globals_used: dict[str, Any] = field(repr=False)
    needs_python: str | None
    _owner: Any = field(default=None, repr=False)

    def new_step(self) -> Callable[..., Any]:
        """Give the function to call for one simulation, with the values of `arguments` by position.

        For an `on_bar` with ``self``: bound to a fresh instance (a class is made anew, an instance copied).
        """
        if self._owner is None:
            return self.on_bar
        instance = _instance_of(self._owner, self.name, fresh=True)
        return lambda *values: self.on_bar(instance, *values)

    def first_complete_bar(self, values: Mapping[str, FloatArray]) -> int:
        """Give the warm-up: the first bar where all that `on_bar` asks for is there.

        Bar fields and indicators count, with ``prev_NAME`` one bar later. Columns of the data file do not:
        NaN may be what they have to say.

        Parameters
        ----------
        values
            Name -> row of shape (bars,) of at least the indicators that are asked for.

        Returns
        -------
        int
            A position; the number of bars if there is no such bar.
        """
        first = 0
        for argument in self.arguments:
            base = argument.removeprefix("prev_")
            later = int(base != argument)
            if base in self.indicators:
                row = values[base]
                there = ~np.isnan(row)
                start = int(np.argmax(there)) if there.any() else len(row)
                first = max(first, min(start + later, len(row)))
            elif base in BAR_COLUMNS:
                first = max(first, later)
        return first


def resolve_strategy(
    ref: Any, params: Mapping[str, Any] | None = None, allow_modules: Iterable[str] = ()
) -> BoundStrategy:
    """Find a strategy, check it against the protocol, and bind its parameters.

    Parameters
    ----------
    ref
        A registered name (`sma_cross`), ``module:Name``, or the strategy: class, instance or module. A
        `BoundStrategy` is given back as it is, if no parameters come with it.
    params
        Values of its parameters; the rest take their defaults.
    allow_modules
        Modules that ``module:Name`` may import, with their submodules.

    Raises
    ------
    ComponentError
        If no strategy of that name is registered.
    ParameterError
        If parameters are unknown, missing, of the wrong type, out of range or violate a constraint; says all.
    StrategyError
        If its module may not or cannot be imported, or it does not conform: says what is missing or wrong.
    """
    if isinstance(ref, BoundStrategy) and not params:
        return ref
    if params is not None and not isinstance(params, Mapping):
        raise StrategyError(f"strategy parameters must be a mapping of names to values; found {params!r}")
    strategy, name, source = locate(ref, allow_modules)
    given = dict(params or {})
    if hasattr(strategy, "configure"):
        strategy = strategy.configure(given)
        return _bind(strategy, name, source, given, {})
    _require_on_bar(strategy, name)
    space = _space_of(strategy, name)
    return _bind(
        strategy, name, source, bind_parameters(name, space, _constraints_of(strategy, name), given), space
    )


def bind_parameters(
    name: str, space: Mapping[str, Parameter], constraints: Iterable[str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Check values against a parameter space and fill in defaults.

    Raises
    ------
    ParameterError
        With every problem.
    """
    problems = []
    values: dict[str, Any] = {}
    for key in given:
        if key not in space:
            near = nearest(str(key), space)
            problems.append(
                Problem(
                    str(key), "is no parameter of this strategy", allowed=", ".join(space) or "no parameters",
                    hint=f"did you mean {near}?" if near else None,
                )
            )  # fmt: skip
    for key, parameter in space.items():
        value = given.get(key, parameter.default)
        if value is None:
            problems.append(Problem(key, "has no default and must be given"))
            continue
        try:
            values[key] = parameter.accept(value)
        except ValueError as error:
            problems.append(Problem(key, str(error)))
    # Only constraints whose parameters are all sound can be judged.
    for text in constraints:
        rule = parse_expression(text, _constraint_names(space), "a constraint")
        if set(rule.names) <= set(values) and not rule.evaluate(values):
            found = ", ".join(f"{key}={values[key]}" for key in rule.names)
            problems.append(Problem(", ".join(rule.names), f"must satisfy {text}; found {found}"))
    if problems:
        raise ParameterError(name, problems)
    return values


def _bind(
    strategy: Any, name: str, source: str, params: dict[str, Any], space: dict[str, Parameter]
) -> BoundStrategy:
    where = f"strategy {name!r}"
    on_bar = _function(strategy, "on_bar")
    p = Parameters(params)
    indicators = _mapping(strategy, name, "indicators", p)
    for key, spec in indicators.items():
        if not isinstance(spec, Indicator):
            raise StrategyError(f"{where}: indicator {key!r} must be a spec such as SMA(20); found {spec!r}")
        spec.require_single(f"{where}: indicator {key!r}: ")
    columns = _mapping(strategy, name, "columns", p)
    for key, column in columns.items():
        if not isinstance(column, str):
            raise StrategyError(f"{where}: column {key!r} must be the name of a column; found {column!r}")
    _check_names(where, {"parameter": space, "indicator": indicators, "column": columns})
    state = _initial_state(strategy, name, p)
    arguments = argument_names(on_bar, f"{where}: on_bar")
    _check_arguments(where, arguments, [*space], [*indicators], [*columns], state)
    takes_self = _takes_self(on_bar)
    text: str | None = None
    step_name, reason = getattr(on_bar, "__name__", "on_bar"), None
    try:
        if takes_self:
            raise ValueError("on_bar takes self")
        text, step_name = getattr(strategy, "step_source", None) or step_source(on_bar)
    except ValueError as error:
        reason = str(error)
    return BoundStrategy(
        name=name, source_ref=source, params=params, parameters=space, indicators=indicators, columns=columns,
        arguments=arguments, on_bar=on_bar, initial_state=state, step_source=text, step_name=step_name,
        globals_used=globals_used(on_bar), needs_python=reason, _owner=strategy if takes_self else None,
    )  # fmt: skip


def _function(strategy: Any, name: str) -> Any:
    """Give a strategy's function as it was written: static methods unwrapped, ``self`` not bound."""
    found = inspect.getattr_static(strategy, name, None)
    if isinstance(found, staticmethod):
        found = found.__func__
    elif isinstance(found, classmethod):
        found = getattr(strategy, name)
    return getattr(found, "py_func", found)  # of a function that numba has compiled, the Python one


def _takes_self(function: Any) -> bool:
    try:
        return next(iter(inspect.signature(function).parameters), None) == "self"
    except (TypeError, ValueError):
        return False


def _instance_of(strategy: Any, name: str, fresh: bool = False) -> Any:
    if not inspect.isclass(strategy):
        return copy.deepcopy(strategy) if fresh else strategy
    try:
        return strategy()
    except Exception as error:
        raise StrategyError(
            f"strategy {name!r}: {strategy.__name__}() fails: {describe_failure(error)}",
            "a class whose on_bar takes self is made anew for every simulation, without arguments",
        ) from error


def _require_on_bar(strategy: Any, name: str) -> None:
    found = _function(strategy, "on_bar")
    if callable(found) and not inspect.iscoroutinefunction(found) and not inspect.isgeneratorfunction(found):
        return
    if found is not None:
        raise StrategyError(f"strategy {name!r}: on_bar must be a plain function; found {found!r}")
    near = nearest("on_bar", [each for each in dir(strategy) if not each.startswith("_")])
    raise StrategyError(
        f"strategy {name!r} has no on_bar",
        f"it has {near}: rename it"
        if near
        else "it needs a function on_bar(close, ...) that returns a target",
    )


def _space_of(strategy: Any, name: str) -> dict[str, Parameter]:
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


def _constraints_of(strategy: Any, name: str) -> tuple[str, ...]:
    constraints = getattr(strategy, "constraints", ())
    if isinstance(constraints, str) or not isinstance(constraints, Collection):
        raise StrategyError(
            f"strategy {name!r}: constraints must be a list of texts; found {constraints!r}",
            'write constraints = ("fast < slow",)',
        )
    return tuple(constraints)


def _constraint_names(space: Mapping[str, Parameter]) -> Names:
    flags = [key for key, parameter in space.items() if isinstance(parameter, Bool)]
    return Names([key for key in space if key not in flags], flags)


def _ask(strategy: Any, name: str, what: str, p: Parameters) -> Any:
    """Call one of a strategy's functions of the parameters."""
    found = _function(strategy, what)
    if not callable(found):
        return found
    args = [_instance_of(strategy, name), p] if _takes_self(found) else [p]
    try:
        return found(*args)
    except AdmfError as error:
        raise StrategyError(f"strategy {name!r}: {what}: {error.message}", error.hint) from error
    except Exception as error:
        raise StrategyError(f"strategy {name!r}: {what} fails: {describe_failure(error)}") from error


def _mapping(strategy: Any, name: str, what: str, p: Parameters) -> dict[str, Any]:
    found = _ask(strategy, name, what, p)
    if found is None and _function(strategy, what) is None:
        return {}
    if not isinstance(found, Mapping):
        raise StrategyError(f"strategy {name!r}: {what} must give a mapping by name; found {found!r}")
    return dict(found)


def _initial_state(strategy: Any, name: str, p: Parameters) -> tuple[Any, ...] | None:
    if _function(strategy, "initial_state") is None:
        return None
    state = _ask(strategy, name, "initial_state", p)
    if not isinstance(state, tuple) or not state:
        raise StrategyError(
            f"strategy {name!r}: initial_state must give a tuple of at least one value; found {state!r}"
        )
    return state


def _check_names(where: str, kinds: Mapping[str, Iterable[str]]) -> None:
    taken: dict[str, str] = {}
    for kind, names in kinds.items():
        for name in names:
            if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
                raise StrategyError(f"{where}: {name!r} cannot name a {kind}", "use letters, digits and _")
            if name in RESERVED or name.startswith(("prev_", "_")):
                raise StrategyError(
                    f"{where}: {kind} {name!r} has a name that is taken",
                    f"names that are taken: {', '.join(RESERVED)}, and those beginning with prev_ or _",
                )
            if name in taken:
                raise StrategyError(
                    f"{where}: {name!r} names a {taken[name]} and a {kind}; rename one of them"
                )
            taken[name] = kind


def _check_arguments(
    where: str, arguments: tuple[str, ...], space: list[str], indicators: list[str], columns: list[str],
    state: tuple[Any, ...] | None,
) -> None:  # fmt: skip
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
