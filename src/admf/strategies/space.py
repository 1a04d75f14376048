"""The parameter space of a strategy: what each parameter may be, and its default."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from admf.core.registry import nearest
from admf.errors import StrategyError


@dataclass(frozen=True)
class Int:
    """A whole number.

    Parameters
    ----------
    low, high
        Smallest and largest value, both allowed.
    default
        Taken where nothing is given; None: it must be given.
    step
        Distance between the values that a search tries, counted from `low`; a value that is given may lie
        between.
    """

    low: int
    high: int
    default: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if not _is_whole(value):
                raise StrategyError(f"Int: {name} must be a whole number; found {value!r}")
        _check_span(self)

    def accept(self, value: Any) -> int:
        """Give the value as int; ValueError says what is wrong with it."""
        if not _is_whole(value):
            raise ValueError(f"must be a whole number; found {value!r}")
        if not self.low <= value <= self.high:
            raise ValueError(f"must be from {self.low} to {self.high}; found {value!r}")
        return int(value)


@dataclass(frozen=True)
class Float:
    """A number.

    Parameters
    ----------
    low, high
        Smallest and largest value, both allowed.
    default
        Taken where nothing is given; None: it must be given.
    step
        Distance between the values that a grid tries, counted from `low`; None: no grid.
    """

    low: float
    high: float
    default: float | None = None
    step: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if not (_is_number(value) or (name == "step" and value is None)):
                raise StrategyError(f"Float: {name} must be a finite number; found {value!r}")
        _check_span(self)

    def accept(self, value: Any) -> float:
        """Give the value as float; ValueError says what is wrong with it."""
        if not _is_number(value):
            raise ValueError(f"must be a finite number; found {value!r}")
        if not self.low <= value <= self.high:
            raise ValueError(f"must be from {self.low:g} to {self.high:g}; found {value!r}")
        return float(value) + 0.0  # -0.0 is 0.0: they are equal, and a sweep shares what is equal


@dataclass(frozen=True)
class Bool:
    """True or false.

    Parameters
    ----------
    default
        Taken where nothing is given; None: it must be given.
    """

    default: bool | None = None

    def __post_init__(self) -> None:
        if self.default is not None:
            _check_default(self)

    def accept(self, value: Any) -> bool:
        """Give the value as bool; ValueError says what is wrong with it (1 and 0 are numbers)."""
        if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
            raise ValueError(f"must be true or false; found {value!r}")
        return bool(value)


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Parameters
    ----------
    values
        Numbers, texts or bools.
    default
        Taken where nothing is given; None: it must be given.
    """

    values: tuple[Any, ...]
    default: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not self.values:
            raise StrategyError(f"Choice: values must be a list of at least one value; found {self.values!r}")
        object.__setattr__(self, "values", tuple(self.values))
        for value in self.values:
            if not isinstance(value, str | int | float):
                raise StrategyError(f"Choice: a value must be a number, text or bool; found {value!r}")
        if self.default is not None:
            _check_default(self)

    def accept(self, value: Any) -> Any:
        """Give the value itself; ValueError says what is wrong with it."""
        for allowed in self.values:
            # 1 == True in Python, but not here.
            if allowed == value and isinstance(allowed, bool) == isinstance(value, bool):
                return allowed
        raise ValueError(f"must be one of {', '.join(map(repr, self.values))}; found {value!r}")


Parameter: TypeAlias = Int | Float | Bool | Choice


_MAPPING = frozenset(dir(Mapping))  # a parameter of such a name is read as p["keys"]


class Parameters(Mapping[str, Any]):
    """Values of parameters, read as ``p.fast`` or ``p["fast"]``; they cannot be changed."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        # Attributes of its own are found far quicker than through __getattr__: a sweep reads many.
        own = self.__dict__
        if _MAPPING.isdisjoint(values):
            own.update(values)
        own["_values"] = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._values:
            return self._values[name]
        near = nearest(name, self._values)
        there = ", ".join(self._values) or "none"
        raise AttributeError(
            f"no parameter {name!r}; there is: {there}" + (f"; did you mean {near}?" if near else "")
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("parameters cannot be changed")

    def __reduce__(self) -> tuple[type[Parameters], tuple[dict[str, Any]]]:
        return Parameters, (self._values,)

    def __repr__(self) -> str:
        return f"Parameters({', '.join(f'{k}={v!r}' for k, v in self._values.items())})"


def _is_whole(value: Any) -> bool:
    # numpy's integers have __index__; bool has it too, and is none here.
    return hasattr(type(value), "__index__") and type(value).__name__ not in ("bool", "bool_")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or (not isinstance(value, int | float) and not _is_whole(value)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_span(space: Int | Float) -> None:
    if space.low > space.high:
        raise StrategyError(f"{type(space).__name__}: low {space.low} is above high {space.high}")
    if space.step is not None and space.step <= 0:
        raise StrategyError(f"{type(space).__name__}: step must be above 0; found {space.step!r}")
    if space.default is not None:
        _check_default(space)


def _check_default(space: Parameter) -> None:
    try:
        space.accept(space.default)
    except ValueError as error:
        raise StrategyError(f"{type(space).__name__}: default {error}") from None
