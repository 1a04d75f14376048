"""Which parameters each indicator of a strategy reads, as the source of its `indicators` says.

Most strategies give a mapping such as ``{"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}``. A hundred values
of each parameter are ten thousand trials but two hundred indicators: where the source tells which parameters
an entry reads, the function is asked once for each combination of their values, not for each trial.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from admf.indicators import Indicator
from admf.simulation.step_source import NotEmbeddableError, definition_of
from admf.strategies.space import Parameters

KEPT = 10_000  # indicators of a name that are kept from chunk to chunk
_METHODS = frozenset(dir(Parameters))  # an attribute of such a name is no parameter
_ROUNDABOUT = frozenset({"locals", "vars", "globals", "eval", "exec", "dir"})  # they read by other ways
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr)


class _UnclearError(Exception):
    """The source does not tell."""


def reads_of(function: Any) -> dict[str, tuple[str, ...]] | None:
    """Give the parameters that each entry of `indicators` reads; None where the source does not tell.

    It tells where the function is a plain one of one argument: assignments to names, then one mapping that is
    written out. An assignment reads no more than some entry does, so that one which refuses a combination of
    values meets it. What is called must give the same for the same arguments, as everywhere in a sweep.
    """
    return _reads_of(function.__code__) if isinstance(function, FunctionType) else None


@lru_cache(maxsize=256)
def _reads_of(code: CodeType) -> dict[str, tuple[str, ...]] | None:
    try:
        found = definition_of(code)
    except NotEmbeddableError:
        return None
    if not found.args.args:
        return None
    if (
        code.co_argcount != 1
        or code.co_kwonlyargcount
        or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    ):
        return None
    known: dict[str, frozenset[str]] = {}
    assigned = []
    p = found.args.args[0].arg
    try:
        for line in found.body:
            if isinstance(line, ast.Assign) and len(line.targets) == 1:
                (target,) = line.targets
                if not isinstance(target, ast.Name) or target.id == p:
                    return None
                known[target.id] = _reads(line.value, p, known)
                assigned.append(known[target.id])
            elif isinstance(line, ast.Return) and isinstance(line.value, ast.Dict):
                names = [_text(key) for key in line.value.keys]
                entries = [_reads(value, p, known) for value in line.value.values]
                covered = all(any(read <= entry for entry in entries) for read in assigned)
                if len(set(names)) < len(names) or not covered:
                    return None
                return {name: tuple(sorted(read)) for name, read in zip(names, entries, strict=True)}
            elif not isinstance(line, ast.Expr) or not isinstance(line.value, ast.Constant):
                return None
    except _UnclearError:
        pass
    return None


def _text(key: ast.expr | None) -> str:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    raise _UnclearError


def _reads(node: ast.AST, p: str, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Give the parameters that an expression reads."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == p:
        if node.attr in _METHODS:
            raise _UnclearError
        return frozenset({node.attr})
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == p:
        return frozenset({_text(node.slice)})
    if isinstance(node, ast.Name):
        if node.id == p or node.id in _ROUNDABOUT:
            raise _UnclearError
        return known.get(node.id, frozenset())
    if isinstance(node, _SCOPES):  # they may give a name another meaning
        raise _UnclearError
    found = frozenset[str]().union(*(_reads(child, p, known) for child in ast.iter_child_nodes(node)))
    if isinstance(node, ast.Call):  # it may put what it reads into what a name stands for
        names = [known[each.id] for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in known]
        if any(found - read for read in names):
            raise _UnclearError
    return found


class SharedSpecs:
    """The indicators of many trials, from few calls of a strategy's function.

    Parameters
    ----------
    function
        The strategy's `indicators`, a function of the parameters alone.
    reads
        What `reads_of` says of it.
    """

    def __init__(self, function: Any, reads: Mapping[str, tuple[str, ...]]) -> None:
        self._function, self._reads = function, reads
        self._found: dict[Any, dict[Any, Indicator]] = {}

    def columns(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Indicator]] | None:
        """Give each trial's indicator of every name; None where the trials must be asked one by one.

        Parameters
        ----------
        columns
            Name -> value of each trial, all values of a name of one type.
        """
        count = len(next(iter(columns.values()), ()))
        specs = {}
        for name, read in self._reads.items():
            if not all(each in columns for each in read):
                return None
            own = [columns[each] for each in read]
            values: Sequence[Any] = own[0] if len(own) == 1 else list(zip(*own, strict=True)) or [()] * count
            kinds = (name, *(type(column[0]) for column in own))  # 1 and 1.0 are one key, and not one spec
            found = self._found.setdefault(kinds, {})
            if len(found) > KEPT:  # memory must not grow with the trials
                found.clear()
            new = set(values).difference(found)
            places = {value: at for at, value in enumerate(values)} if new else {}
            for value in new:
                at = places[value]
                answer = self._ask({key: column[at] for key, column in columns.items()})
                if answer is None:
                    return None
                found[value] = answer[name]
            specs[name] = [found[value] for value in values]
        return specs

    def _ask(self, params: dict[str, Any]) -> Mapping[str, Indicator] | None:
        try:
            found = self._function(Parameters(params))
        except Exception:  # noqa: BLE001 - the trial is asked again by itself, for the message
            return None
        if not isinstance(found, dict) or found.keys() != self._reads.keys():
            return None
        return found if all(isinstance(each, Indicator) for each in found.values()) else None
