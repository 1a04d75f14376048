"""From a strategy and its parameters to what an engine, simulated or live, runs: a `BoundStrategy`.

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

One that has `configure(params)` and no `on_bar` makes such a strategy of its parameters, as `rules` does.

Functions take no ``self``. A strategy whose `on_bar` has it still runs: in Python, with a fresh instance a
simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from admf.core.registry import nearest
from admf.errors import ComponentError, Problem, StrategyError
from admf.indicators import Indicator
from admf.indicators.spec import BAR_COLUMNS
from admf.indicators.table import first_value
from admf.strategies.expressions import parse_expression
from admf.strategies.locate import locate
from admf.strategies.protocol import (
    argument_names,
    check_arguments,
    check_names,
    constraint_names,
    constraints_of,
    function_of,
    instance_of,
    mapping_of,
    require_on_bar,
    space_of,
    state_of,
    takes_self,
)
from admf.strategies.space import Parameter, Parameters
from admf.typing import FloatArray


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
    needs_python
        Why it cannot be compiled, to follow "because"; None: it may be tried. Its source is what
        `inspect.getsource` gives, also for generated steps.
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
    needs_python: str | None
    _owner: Any = field(default=None, repr=False)

    def new_step(self) -> Callable[..., Any]:
        """Give the function to call for one simulation, with the values of `arguments` by position.

        For an `on_bar` with ``self``: bound to a fresh instance (a class is made anew, an instance copied).
        """
        if self._owner is None:
            return self.on_bar
        instance = instance_of(self._owner, self.name, fresh=True)
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
                first = max(first, min(first_value(row) + later, len(row)))
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
    if hasattr(strategy, "configure") and function_of(strategy, "on_bar") is None:
        return _bind(strategy.configure(given), name, source, given, {})
    require_on_bar(strategy, name)
    space = space_of(strategy, name)
    return _bind(
        strategy, name, source, bind_parameters(name, space, constraints_of(strategy, name), given), space
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
            empty = key in given
            problems.append(Problem(key, "is empty" if empty else "has no default and must be given"))
            continue
        try:
            values[key] = parameter.accept(value)
        except ValueError as error:
            problems.append(Problem(key, str(error)))
    # Only constraints whose parameters are all sound can be judged.
    for text in constraints:
        try:
            rule = parse_expression(text, constraint_names(space), "a constraint")
        except ComponentError as error:
            raise StrategyError(
                f"strategy {name!r}: constraint {text!r}: {error.message}", error.hint
            ) from None
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
    on_bar = function_of(strategy, "on_bar")
    p = Parameters(params)
    indicators = mapping_of(strategy, name, "indicators", p)
    for key, spec in indicators.items():
        if not isinstance(spec, Indicator):
            raise StrategyError(f"{where}: indicator {key!r} must be a spec such as SMA(20); found {spec!r}")
        try:
            spec.require_single()
        except ComponentError as error:
            raise StrategyError(f"{where}: indicator {key!r}: {error.message}", error.hint) from None
    columns = mapping_of(strategy, name, "columns", p)
    for key, column in columns.items():
        if not isinstance(column, str):
            raise StrategyError(f"{where}: column {key!r} must be the name of a column; found {column!r}")
    check_names(where, {"parameter": space, "indicator": indicators, "column": columns})
    state = state_of(strategy, name, p)
    arguments = argument_names(on_bar, f"{where}: on_bar")
    check_arguments(where, arguments, [*space], [*indicators], [*columns], state)
    return BoundStrategy(
        name=name, source_ref=source, params=params, parameters=space, indicators=indicators, columns=columns,
        arguments=arguments, on_bar=on_bar, initial_state=state,
        needs_python="on_bar takes self" if takes_self(on_bar) else None,
        _owner=strategy if takes_self(on_bar) else None,
    )  # fmt: skip
