"""The source of a strategy's step and of what it needs, so that a kernel module can stand on its own.

A generated module may not import the strategy: numba would then recompile it in every process. So the step,
the plain functions it calls and the constants it reads are written out.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

# Names that the generated module uses itself.
RESERVED = frozenset(
    {"run", "_nan", "_njit", "_t", "_store", "_roomy", "_trial", "_measure", "_book_trade", "_market_sums"}
    | {"_begin_run", "_begin_bar", "_take_target", "_take_order", "_write_pending", "_sort_rows"}
    | {"_in_lots", "_ROW", "_OUT", "_ROWS", "_TABLE", "_INDEX", "_FLAGS", "_OPTIONS"}
)
_MODULES: dict[str, ModuleType] = {"math": math, "numpy": np}


_ORDERS = "admf.strategies.orders"  # the module whose functions make orders of a step's answers


class NotEmbeddableError(Exception):
    """The step cannot be written into a module of its own; the message says what stands in the way."""


@dataclass
class StepSource:
    """Text of a step and of everything it reads.

    Parameters
    ----------
    name
        Name of the step function in the text.
    constants
        Assignments and imports, by name.
    functions
        Source of the functions by name, helpers before the ones that call them.
    gives_orders
        Whether it uses the functions of `admf.strategies.orders`: its answers are orders then, not targets.
    """

    name: str
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    gives_orders: bool = False


def collect(step: Callable[..., Any], strings: Mapping[str, str]) -> StepSource:
    """Collect the source of `step`, its helper functions and constants.

    Parameters
    ----------
    step
        Plain function.
    strings
        Arguments of the step that hold text: they become constants, because text is slow in compiled code.

    Raises
    ------
    NotEmbeddableError
        The step reads something that cannot be written as source, or its own source is not to be had.
    """
    function = _plain(step)
    if function is None:
        raise NotEmbeddableError(f"the step is a {type(step).__name__}, not a plain function")
    source = StepSource(name=function.__name__)
    _add_function(source, function.__name__, function, dict(strings))
    for name, text in strings.items():
        add(source.constants, name, f"{name} = {text!r}")
    return source


def _plain(value: Any) -> FunctionType | None:
    """Return the Python function behind a function, a static method or a numba-compiled function."""
    value = getattr(value, "py_func", value)
    value = getattr(value, "__func__", value)
    return value if isinstance(value, FunctionType) else None


def add(table: dict[str, str], name: str, text: str) -> None:
    """Enter a named text; NotEmbeddableError if the name has another one already."""
    if name in RESERVED or table.get(name, text) != text:
        raise NotEmbeddableError(f"two different things are called {name!r} in the step and its helpers")
    table[name] = text


def _add_function(source: StepSource, name: str, function: FunctionType, strings: Mapping[str, str]) -> None:
    text, used = _function_text(function.__code__, name, tuple(sorted(strings)))
    if source.functions.get(name) == text:
        return
    cells = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
    for other in used:
        if other == name or other in strings:
            continue
        if other in cells:
            _add_value(source, other, cells[other])
        elif other in function.__globals__:
            _add_value(source, other, function.__globals__[other])
        elif not hasattr(builtins, other):
            raise NotEmbeddableError(f"{name} reads {other!r}, which is not defined")
    if name in source.constants:
        raise NotEmbeddableError(f"two different things are called {name!r} in the step and its helpers")
    add(source.functions, name, text)


def gives_orders(step: Callable[..., Any], params: Mapping[str, Any]) -> bool:
    """Tell whether a step gives orders in place of targets; also of one that cannot be compiled.

    Parameters
    ----------
    step
        The strategy's `on_bar`.
    params
        Its parameters: those that are text are part of the source.
    """
    try:
        texts = {name: value for name, value in params.items() if isinstance(value, str)}
        return collect(step, texts).gives_orders
    except NotEmbeddableError:
        code = getattr(step, "__code__", None)
        known = getattr(step, "__globals__", {})
        used = (known.get(name) for name in code.co_names) if code is not None else ()
        return any(getattr(value, "__module__", None) == _ORDERS for value in used)


def _add_value(source: StepSource, name: str, value: Any) -> None:
    if isinstance(value, ModuleType):
        module = next((key for key, known in _MODULES.items() if known is value), None)
        if module is None:
            raise NotEmbeddableError(f"it uses the module {value.__name__!r}; math and numpy can be compiled")
        add(source.constants, name, f"import {module} as {name}")
        return
    literal = _literal(value)
    if literal is not None:
        add(source.constants, name, f"{name} = {literal}")
        return
    own_name = getattr(value, "__name__", "")
    for module, known in _MODULES.items():
        if callable(value) and getattr(known, own_name, None) is value:
            add(source.constants, name, f"from {module} import {own_name} as {name}")
            return
    helper = _plain(value)
    if helper is None:
        raise NotEmbeddableError(
            f"it reads {name!r}, a {type(value).__name__}; numbers, text and functions can be"
        )
    source.gives_orders |= helper.__module__ == _ORDERS
    _add_function(source, name, helper, {})


def _literal(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return repr(bool(value))
    if isinstance(value, (int, np.integer)):
        return repr(int(value))
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return repr(number) if math.isfinite(number) else f'float("{number}")'
    if type(value) is str:
        return repr(value)
    if type(value) is tuple:
        parts = [_literal(part) for part in value]
        if all(part is not None for part in parts):
            return "(" + "".join(f"{part}, " for part in parts) + ")"
    return None


@lru_cache(maxsize=512)
def _function_text(code: CodeType, name: str, strings: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return a function's source, free of decorators, annotations and comments, and the names it reads."""
    node = definition_of(code)
    node.name = name
    if strings:
        # a text argument is read as the constant of that name instead
        node.args.args = [arg for arg in node.args.args if arg.arg not in strings]
    if node.args.defaults or node.args.kw_defaults:
        _literal_defaults(node, name)
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    bound = {arg.arg for arg in ast.walk(node) if isinstance(arg, ast.arg)}
    bound |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return ast.unparse(node), tuple(sorted(read - bound))


def definition_of(code: CodeType) -> ast.FunctionDef:
    """Find the def that this code was compiled from, without decorators and annotations.

    The file may have been edited since it was imported, so it is compiled again: the def is the one whose
    code is still the same.
    """
    try:
        lines, _ = inspect.findsource(code)
        nodes, codes = _functions_of("".join(lines), code.co_filename)
    except (OSError, TypeError, SyntaxError, ValueError) as error:
        raise NotEmbeddableError(f"the source of {code.co_name} is not to be had ({error})") from None
    named = [found for found in codes if found.co_name == code.co_name]
    same = {found.co_firstlineno for found in named if _shape(found) == _shape(code)}
    for node in nodes:
        if node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first in same:
                node = copy.deepcopy(node)
                node.decorator_list = []
                _strip_annotations(node)
                return node
    if code.co_name == "<lambda>":
        raise NotEmbeddableError("a lambda is not written as a def")
    raise NotEmbeddableError(f"the source of {code.co_name} has changed since it was imported")


@lru_cache(maxsize=32)
def _functions_of(text: str, name: str) -> tuple[list[ast.FunctionDef], list[CodeType]]:
    """Give the defs of a file, and all code in it."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return nodes, list(_codes(compile(text, name, "exec", dont_inherit=True)))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


def _shape(code: CodeType) -> tuple[Any, ...]:
    consts = tuple(
        _shape(c) if isinstance(c, CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts
    )
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, consts


def _strip_annotations(node: ast.FunctionDef) -> None:
    node.returns = None
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            inner.annotation = None


def _literal_defaults(node: ast.FunctionDef, name: str) -> None:
    for default in [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
        try:
            ast.literal_eval(default)
        except ValueError:
            raise NotEmbeddableError(f"a default of {name} is not a plain number or text") from None
