"""What an indicator is, before anything is computed: a frozen, hashable description.

Two specs that mean the same are equal and have the same `Indicator.key`, so that a table computes each
distinct one once, whoever asks for it.
"""

from __future__ import annotations

import hashlib
import inspect
import marshal
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from admf.errors import ComponentError
from admf.indicators import library

BAR_COLUMNS = ("open", "high", "low", "close", "volume")

Number = int | float


class UnknownOutputError(ComponentError, AttributeError):
    """An indicator has no output of that name (an AttributeError too, so that `hasattr` works)."""


@dataclass(frozen=True)
class CustomFunction:
    """A user's function, identified by where it stands and what its source says.

    Parameters
    ----------
    identity
        ``module:qualname#hash``; specs compare by it.
    call
        The function itself.
    """

    identity: str
    call: Callable[..., Any] = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """Module and qualified name, without the hash."""
        return self.identity.partition("#")[0]


@dataclass(frozen=True)
class Indicator:
    """An indicator that can be computed on bars. Made by `admf.indicators.SMA` and its like, or by `custom`.

    Parameters
    ----------
    function
        TA-Lib's name of the function, or a user's function.
    params
        Name and value of every parameter, defaults included, in the function's order.
    inputs
        Name of every input and what it reads: a column of the bars, or another indicator.
    output
        Which of several outputs. None: the only one, or not chosen yet (such a spec cannot be computed).
    timeframe
        Coarser timeframe that it is computed on, as ``1w``; None: that of the bars. See `on`.
    """

    function: str | CustomFunction
    params: tuple[tuple[str, Any], ...]
    inputs: tuple[tuple[str, str | Indicator], ...]
    output: str | None = None
    timeframe: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the function's outputs."""
        return library.facts(self.function).outputs if isinstance(self.function, str) else ("real",)

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function if isinstance(self.function, str) else self.function.name

    @cached_property
    def call_key(self) -> str:
        """Canonical text of the call, whichever output is taken; equal calls have equal keys."""
        if isinstance(self.function, str):
            free = library.facts(self.function).free_inputs
            shown = [(name, source) for name, source in self.inputs if name in free]
            head = self.function
        else:
            shown, head = [], self.function.identity
        parts = [f"{name}={value!r}" for name, value in self.params]
        parts += [
            f"{name}={source.key if isinstance(source, Indicator) else source}" for name, source in shown
        ]
        coarse = "" if self.timeframe is None else f'.on("{self.timeframe}")'
        return f"{head}({', '.join(parts)}){coarse}"

    @cached_property
    def key(self) -> str:
        """Canonical text, such as ``SMA(timeperiod=20, price=close)``; `parse_indicator` reads TA-Lib's."""
        return self.call_key if self.output is None else f"{self.call_key}.{self.output}"

    def on(self, timeframe: str) -> Indicator:
        """Give the same indicator on a coarser timeframe than the bars: ``SMA(20).on("1w")``.

        The bars are put together to coarser ones, it is computed there (with the indicators that it reads),
        and each bar gets the value of the last coarse bar that has closed by its own close, NaN before there
        is one. When a coarse bar counts as closed: see `admf.indicators.coarse`.

        Parameters
        ----------
        timeframe
            A multiple of the bars' own, as ``1h``, ``1d``, ``1w`` or ``1mo``.

        Raises
        ------
        ComponentError
            If it is no timeframe, does not divide the day, or one was chosen before. Whether it is coarser
            than the bars shows when it is computed.
        """
        from admf.indicators.coarse import check_coarse

        if self.timeframe is not None:
            raise ComponentError(f"{self.key} is on a timeframe already; found .on({timeframe!r}) after it")
        return replace(self, timeframe=check_coarse(timeframe))

    def require_single(self, where: str = "") -> Indicator:
        """Give the spec itself if it stands for one row of numbers.

        Raises
        ------
        ComponentError
            If the function has several outputs and none was chosen.
        """
        if self.output is None and len(self.outputs) > 1:
            raise ComponentError(
                f"{where}{self.name} has {len(self.outputs)} outputs and none is chosen: "
                f"{', '.join(self.outputs)}",
                f"write {self.name}(...).{self.outputs[0]}",
            )
        return self

    def __getattr__(self, name: str) -> Indicator:
        # Only reached for names that are no field. Underscore names belong to copy, pickle and friends.
        if name.startswith("_"):
            raise AttributeError(name)
        if self.output is None and len(self.outputs) > 1 and name in self.outputs:
            return replace(self, output=name)
        if self.output is not None:
            message = f"{self.key} is one row already; it has no output {name!r}"
        elif len(self.outputs) == 1:
            message = f"{self.name} has one output and no name for it; it has no {name!r}"
        else:
            message = f"{self.name} has no output {name!r}; it has: {', '.join(self.outputs)}"
        raise UnknownOutputError(message)

    def __str__(self) -> str:
        return self.key


def custom(function: Callable[..., Any], *params: Any, **named: Any) -> Indicator:
    """Make an indicator of a user's function.

    The function's first arguments are the columns of the bars that it reads, by name (open, high, low, close,
    volume, or another column of the data file); the arguments that get a value here are its parameters. It is
    called with read-only float64 arrays of shape (bars,) and returns one of that shape, NaN where there is
    no value yet.

    Parameters
    ----------
    function
        A plain function without captured variables: what it depends on stands in its parameters, so that
        equal specs mean equal numbers.
    *params, **named
        Values of its parameters: positional ones fill its last arguments that have no other value.

    Raises
    ------
    ComponentError
        If the function captures variables, has ``*args``, or the values do not fit its arguments.

    Examples
    --------
    >>> def distance(close, volume, days): ...
    >>> custom(distance, 20)   # reads close and volume, with days=20
    """
    if not inspect.isfunction(function):
        raise ComponentError(f"custom() takes a plain function; found {function!r}")
    where = f"{function.__module__}:{function.__qualname__}"
    if function.__closure__:
        captured = ", ".join(function.__code__.co_freevars)
        raise ComponentError(
            f"custom indicator {where} captures variables of the function around it: {captured}",
            "pass them as parameters: custom(function, value)",
        )
    arguments = inspect.signature(function).parameters
    if any(a.kind in (a.VAR_POSITIONAL, a.VAR_KEYWORD) for a in arguments.values()):
        raise ComponentError(
            f"custom indicator {where} has *args or **kwargs; name its columns and parameters"
        )
    unknown = [name for name in named if name not in arguments]
    if unknown:
        raise ComponentError(
            f"custom indicator {where} has no parameter {unknown[0]!r}; its arguments are: "
            f"{', '.join(arguments)}"
        )
    # Positional values fill the tail that is neither named nor one of the five bar fields.
    open_places = [n for n in arguments if n not in named and n not in BAR_COLUMNS]
    with_default = [n for n in open_places if arguments[n].default is not inspect.Parameter.empty]
    if len(params) > len(open_places):
        raise ComponentError(
            f"custom indicator {where} takes at most {len(open_places)} parameter values; found {len(params)}"
        )
    required = [n for n in open_places if n not in with_default]
    optional = len(params) - len(required)
    filled = required + with_default[:optional] if optional > 0 else required[len(required) - len(params) :]
    values = {**dict(zip(filled, params, strict=True)), **named}
    for name in with_default:
        values.setdefault(name, arguments[name].default)
    columns = [name for name in arguments if name not in values]
    if not columns:
        raise ComponentError(f"custom indicator {where} reads no column of the bars")
    for name, value in values.items():
        if not isinstance(value, bool | int | float | str):
            raise ComponentError(
                f"custom indicator {where}: parameter {name} must be a number, text or bool; found {value!r}"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ComponentError(
                f"custom indicator {where}: parameter {name} must be finite; found {value!r}"
            )
    return Indicator(
        CustomFunction(f"{where}#{_source_hash(function)}", function),
        tuple((name, values[name]) for name in arguments if name in values),
        tuple((name, name) for name in columns),
    )


def _source_hash(function: Callable[..., Any]) -> str:
    try:
        content = inspect.getsource(function).encode()
    except (OSError, TypeError):  # typed at a prompt: no file to read it from
        content = marshal.dumps(function.__code__)
    return hashlib.sha256(content).hexdigest()[:16]
