"""Reading a step function: its arguments, its source, and the names it takes from around it."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from admf.errors import StrategyError


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


def step_source(function: Callable[..., Any]) -> tuple[str, str]:
    """Give the source of a step function as one ``def``, and its name.

    Comments, docstring, annotations and decorators are left out, so that only a change of what it does changes the text.

    Raises
    ------
    ValueError
        If there is none to give; the message says why, to follow "because".
    """
    if not inspect.isfunction(function):
        raise ValueError("on_bar is no plain function")
    if hasattr(function, "__wrapped__"):
        raise ValueError("on_bar is wrapped by a decorator")
    if function.__name__ == "<lambda>":
        raise ValueError("on_bar is a lambda")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        raise ValueError("the source of on_bar cannot be read") from None
    node = tree.body[0]
    if not isinstance(node, ast.FunctionDef):
        raise ValueError("on_bar is no plain function")
    node.decorator_list = []
    node.returns = None
    if len(node.body) > 1 and ast.get_docstring(node) is not None:
        del node.body[0]
    for argument in (*node.args.posonlyargs, *node.args.args):
        argument.annotation = None
    return ast.unparse(node), node.name


def globals_used(function: Callable[..., Any]) -> dict[str, Any]:
    """Give what a function takes from its module or from a function around it, by name; builtins left out.

    Raises
    ------
    StrategyError
        If it names something that exists nowhere.
    """
    found: dict[str, Any] = {}
    if not inspect.isfunction(function):
        return found
    outer = inspect.getclosurevars(function).nonlocals
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            found[name] = function.__globals__[name]
        elif not hasattr(builtins, name):
            raise StrategyError(
                f"on_bar ({function.__code__.co_filename}, line {function.__code__.co_firstlineno}) uses "
                f"{name!r}, which is not defined in its module",
                "a value it should be given stands in its arguments",
            )
    return {**found, **outer}


def _global_names(code: CodeType) -> Iterator[str]:
    import dis

    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
