"""Constructors of specs: one for each TA-Lib function, under TA-Lib's name."""

from __future__ import annotations

import inspect
from functools import cache, lru_cache
from typing import Any

from admf.core.registry import nearest
from admf.errors import ComponentError
from admf.indicators import library
from admf.indicators.spec import Indicator


class TalibFunction:
    """Makes specs of one TA-Lib function: ``SMA(20)``, ``SMA(timeperiod=20, price="volume")``.

    Parameters
    ----------
    name
        TA-Lib's name of the function.
    """

    def __init__(self, name: str) -> None:
        self._facts = library.facts(name)
        self._made = lru_cache(maxsize=4096, typed=True)(self._make)
        self.__name__ = self.__qualname__ = name
        self.__doc__ = _document(self._facts)
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
                for key, default in self._facts.parameters.items()
            ]
            + [
                inspect.Parameter(
                    key, inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if column is None else column,
                )
                for key, column in self._facts.inputs
                if key in self._facts.free_inputs
            ]
        )  # fmt: skip

    def __call__(self, *args: Any, **named: Any) -> Indicator:
        """Make a spec.

        Parameters
        ----------
        *args, **named
            TA-Lib's parameters, by position or name. Inputs that may be chosen (``price=``, ``price0=``,
            ``price1=``, ``periods=``): a column of the bars, or another indicator; only by name.

        Raises
        ------
        ComponentError
            For an unknown name, a value of the wrong type or out of TA-Lib's range, or an input left open.
        """
        try:
            return self._made(*args, **named)  # a sweep asks for the same few specs again and again
        except TypeError:  # something that cannot be hashed: no value of a parameter, as the error will say
            return self._make(*args, **named)

    def _make(self, *args: Any, **named: Any) -> Indicator:
        fact = self._facts
        if len(args) > len(fact.parameters):
            takes = f"{len(fact.parameters)} ({', '.join(fact.parameters)})" if fact.parameters else "none"
            raise ComponentError(f"{fact.name} takes {takes} parameters by position; found {len(args)}")
        given = dict(zip(fact.parameters, args, strict=False))
        for name, value in named.items():
            if name in given:
                raise ComponentError(f"{fact.name}: {name} is given twice")
            given[name] = value
        self._refuse_unknown(given)
        params = {
            name: library.parameter_value(fact, name, given.get(name, default))
            for name, default in fact.parameters.items()
        }
        library.check_ranges(fact, params)
        inputs = tuple(
            (name, self._source(name, given.get(name, column)) if name in fact.free_inputs else str(column))
            for name, column in fact.inputs
        )
        return Indicator(fact.name, tuple(params.items()), inputs)

    def _refuse_unknown(self, given: dict[str, Any]) -> None:
        fact = self._facts
        allowed = [*fact.parameters, *fact.free_inputs]
        for name in given:
            if name in allowed:
                continue
            if name == "price" or name in dict(fact.inputs):
                reads = ", ".join(column or name for name, column in fact.inputs)
                raise ComponentError(
                    f"{fact.name} has no input {name!r} to choose: it reads {reads} of the bars"
                    if not fact.free_inputs
                    else f"{fact.name}: input {name!r} cannot be chosen; these can: "
                    f"{', '.join(fact.free_inputs)}"
                )
            near = nearest(name, allowed)
            raise ComponentError(
                f"{fact.name} has no parameter {name!r}; it has: {', '.join(allowed) or 'none'}",
                f"did you mean {near}?" if near else None,
            )

    def _source(self, name: str, source: Any) -> str | Indicator:
        where = f"{self._facts.name}: input {name}"
        if source is None:
            raise ComponentError(f"{where} must be given: a column of the bars, or an indicator")
        if isinstance(source, Indicator):
            return source.require_single(f"{where}: ")
        if isinstance(source, str) and source.isidentifier():
            return source
        raise ComponentError(f"{where} must be the name of a column or an indicator; found {source!r}")

    def __repr__(self) -> str:
        return f"<indicator {self._facts.name}{self.__signature__}>"


@cache
def talib_function(name: str) -> TalibFunction:
    """Give the constructor of a TA-Lib function.

    Raises
    ------
    ComponentError
        If TA-Lib has none of that name; says which is nearest.
    """
    return TalibFunction(name)


def _document(fact: library.Facts) -> str:
    reads = ", ".join(f"{name} (required)" if column is None else column for name, column in fact.inputs)
    takes = ", ".join(f"{name}={value}" for name, value in fact.parameters.items()) or "none"
    return (
        f"{fact.title} (TA-Lib's {fact.name}).\n\nParameters: {takes}. Reads: {reads}. "
        f"Outputs: {', '.join(fact.outputs)}."
    )
