"""Rule expressions such as ``fast_ma > slow_ma and rsi < 70``: read, checked, written out again as source.

Text from a config is never evaluated. It is parsed into Python's syntax tree, every node must be of a listed
kind, and what is run is source that this module writes.

Meaning: a comparison with NaN is false (``!=`` is true), a division by zero is NaN, ``crosses_above(a, b)``
is true where a was strictly below b one bar before and is strictly above it now.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from admf.core.registry import nearest
from admf.indicators.text import MAX_DEPTH, FormulaError, parse_tree

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
FUNCTIONS = ("abs", "min", "max", "crosses_above", "crosses_below")
MAX_NODES = 400


@dataclass(frozen=True)
class Names:
    """What an expression may speak of.

    Parameters
    ----------
    numbers
        Names of numbers.
    flags
        Names of truth values.
    with_previous
        Those of `numbers` whose value one bar before is there too, as ``prev_NAME``.
    """

    numbers: Collection[str]
    flags: Collection[str] = ()
    with_previous: Collection[str] = ()

    def listed(self) -> list[str]:
        """All of them, in order."""
        return [*self.numbers, *self.flags, *(f"prev_{name}" for name in self.with_previous)]


@dataclass(frozen=True)
class Expression:
    """A condition that was read and found sound.

    Parameters
    ----------
    text
        Canonical text; reading it again gives the same.
    names
        Every name whose value it needs (``prev_...`` included), in order of appearance.
    tree
        The checked syntax tree, crossings written out.
    """

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def source(self, numbering: count[int] | None = None) -> tuple[list[str], str]:
        """Write Python source that computes it.

        Parameters
        ----------
        numbering
            Numbers for helper variables (``_t1 = ...``); shared by expressions of one function.

        Returns
        -------
        lines, expression
            Assignments that come first, then an expression of type bool. It needs the name ``nan``.
        """
        writer = _Writer(numbering or count(1))
        expression = writer.write(self.tree)
        return writer.lines, expression

    def evaluate(self, values: Mapping[str, Any]) -> bool:
        """Compute it from values, in plain Python."""
        return bool(_evaluate(self.tree, values))


def parse_expression(text: Any, names: Names, what: str = "a condition") -> Expression:
    """Read a condition.

    Parameters
    ----------
    text
        Comparisons (also chained), ``and``/``or``/``not``, ``+ - * /``, parentheses, numbers, names, and
        `FUNCTIONS`.
    names
        What it may speak of.
    what
        What it is, for messages.

    Raises
    ------
    FormulaError
        If it cannot be read, says something that is not allowed, or is no condition; says at which column and
        which names there are.
    """
    tree, offset = parse_tree(text, what)
    checker = _Checker(text, offset, names)
    checked = checker.condition(tree, 0)
    canonical = ast.unparse(tree)
    return Expression(canonical, tuple(checker.used), checked)


class _Checker:
    """Walks a tree once; gives back a tree of the allowed nodes alone, with crossings written out."""

    def __init__(self, text: str, offset: int, names: Names) -> None:
        self._text = text
        self._offset = offset
        self._names = names
        self._nodes = 0
        self.used: dict[str, None] = {}

    def condition(self, node: ast.expr, depth: int) -> ast.expr:
        self._enter(node, depth)
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(node.op, [self.condition(part, depth + 1) for part in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, self.condition(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("crosses_above", "crosses_below"):
                return self._crossing(node, node.func.id, depth)
            if node.func.id not in FUNCTIONS:
                raise self._unknown_function(node)
        if isinstance(node, ast.Name):
            if node.id in self._names.flags:
                return self._use(node)
            self.number(node, depth)  # an unknown name is the better message
        raise self._error("a condition (true or false) is expected here; compare it with something", node)

    def number(self, node: ast.expr, depth: int, previous: bool = False) -> ast.expr:
        self._enter(node, depth)
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._name(node, previous)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return ast.UnaryOp(node.op, self.number(node.operand, depth + 1, previous))
        if isinstance(node, ast.BinOp):
            if type(node.op) not in ARITHMETIC:
                raise self._error("of arithmetic, + - * / are allowed", node)
            left = self.number(node.left, depth + 1, previous)
            return ast.BinOp(left, node.op, self.number(node.right, depth + 1, previous))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("abs", "min", "max"):
                args = self._arguments(node, 1 if node.func.id == "abs" else None)
                return ast.Call(node.func, [self.number(arg, depth + 1, previous) for arg in args], [])
            if node.func.id not in FUNCTIONS:
                raise self._unknown_function(node)
        if isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Call):
            raise self._error("a number is expected here, not a condition", node)
        raise self._error("a number or a name is expected here", node)

    def _comparison(self, node: ast.Compare, depth: int) -> ast.expr:
        for operator in node.ops:
            if type(operator) not in COMPARISONS:
                raise self._error(f"to compare, write one of {' '.join(COMPARISONS.values())}", node)
        left = self.number(node.left, depth + 1)
        return ast.Compare(left, node.ops, [self.number(part, depth + 1) for part in node.comparators])

    def _crossing(self, node: ast.Call, name: str, depth: int) -> ast.expr:
        first, second = self._arguments(node, 2)
        before, now = (ast.Lt(), ast.Gt()) if name == "crosses_above" else (ast.Gt(), ast.Lt())
        return ast.BoolOp(
            ast.And(),
            [
                ast.Compare(
                    self.number(first, depth + 1, previous=True), [before],
                    [self.number(second, depth + 1, previous=True)],
                ),
                ast.Compare(self.number(first, depth + 1), [now], [self.number(second, depth + 1)]),
            ],
        )  # fmt: skip

    def _arguments(self, node: ast.Call, wanted: int | None) -> list[ast.expr]:
        name = ast.unparse(node.func)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            raise self._error(f"{name} takes its values by position", node)
        if (wanted is not None and len(node.args) != wanted) or len(node.args) < 1:
            takes = {1: "1 value", 2: "2 values", None: "at least 1 value"}[wanted]
            raise self._error(f"{name} takes {takes}; found {len(node.args)}", node)
        return node.args

    def _constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self._error(f"a number is expected; found {node.value!r}", node)
        try:
            value = float(node.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self._error("this number is too large", node)
        return ast.Constant(value)

    def _name(self, node: ast.Name, previous: bool) -> ast.expr:
        if node.id in self._names.flags:
            raise self._error(f"{node.id} is true or false, not a number", node)
        if node.id not in self._names.listed():
            raise self._unknown_name(node)
        if not previous:
            return self._use(node)
        if node.id not in self._names.with_previous:
            raise self._error(f"the value of {node.id} one bar before is not known, so it cannot cross", node)
        return self._use(ast.Name(f"prev_{node.id}"))

    def _use(self, node: ast.Name) -> ast.expr:
        self.used.setdefault(node.id)
        return ast.Name(node.id)

    def _unknown_name(self, node: ast.Name) -> FormulaError:
        there = self._names.listed()
        near = nearest(node.id, there)
        shown = ", ".join(name for name in there if not name.startswith("prev_")) or "none"
        also = "; and prev_NAME, the value one bar before" if self._names.with_previous else ""
        hint = f"did you mean {near}?" if near else None
        return self._error(f"there is no {node.id!r}; there is: {shown}{also}", node, hint)

    def _unknown_function(self, node: ast.Call) -> FormulaError:
        name = ast.unparse(node.func)
        near = nearest(name, FUNCTIONS)
        hint: str | None
        if name.isupper():
            hint = "give an indicator a name under `indicators`, and use that name here"
        else:
            hint = f"did you mean {near}?" if near else None
        return self._error(f"there is no function {name!r}; there is: {', '.join(FUNCTIONS)}", node, hint)

    def _enter(self, node: ast.expr, depth: int) -> None:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise self._error("the expression is too large from here on", node)

    def _error(self, message: str, node: ast.expr, hint: str | None = None) -> FormulaError:
        return FormulaError(message, self._text, node.col_offset + self._offset, hint)


class _Writer:
    """Writes a checked tree as source that numba and Python compute alike."""

    def __init__(self, numbering: count[int]) -> None:
        self.lines: list[str] = []
        self._numbering = numbering

    def write(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.BoolOp):
            joint = " and " if isinstance(node.op, ast.And) else " or "
            return f"({joint.join(self.write(part) for part in node.values)})"
        if isinstance(node, ast.UnaryOp):
            sign = {ast.Not: "not ", ast.USub: "-", ast.UAdd: "+"}[type(node.op)]
            return f"({sign}{self.write(node.operand)})"
        if isinstance(node, ast.Compare):
            parts = [self.write(node.left)]
            for operator, right in zip(node.ops, node.comparators, strict=True):
                parts += [COMPARISONS[type(operator)], self.write(right)]
            return f"({' '.join(parts)})"
        if isinstance(node, ast.BinOp):
            first, second = self.write(node.left), self.write(node.right)
            if isinstance(node.op, ast.Div):
                # Python raises on a division by zero, numba gives inf: neither is wanted.
                second = self._keep(second)
                return f"({first} / {second} if {second} != 0.0 else nan)"
            return f"({first} {ARITHMETIC[type(node.op)]} {second})"
        assert isinstance(node, ast.Call)  # noqa: S101 - the checker lets nothing else through
        return self._call(ast.unparse(node.func), [self.write(arg) for arg in node.args])

    def _call(self, name: str, args: list[str]) -> str:
        if name == "abs":
            return f"abs({args[0]})"
        # Written out, since with NaN the order of comparison decides, and numba's min may order otherwise.
        best = self._keep(args[0])
        for arg in args[1:]:
            other = self._keep(arg)
            best = self._keep(f"{other} if {other} {'<' if name == 'min' else '>'} {best} else {best}")
        return best

    def _keep(self, expression: str) -> str:
        name = f"_t{next(self._numbering)}"
        self.lines.append(f"{name} = {expression}")
        return name


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BoolOp):
        found = [_evaluate(part, values) for part in node.values]
        return all(found) if isinstance(node.op, ast.And) else any(found)
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, values)
        if isinstance(node.op, ast.Not):
            return not value
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.Compare):
        line = [_evaluate(node.left, values), *(_evaluate(part, values) for part in node.comparators)]
        return all(
            _compare(type(operator), left, right)
            for operator, left, right in zip(node.ops, line, line[1:], strict=False)
        )
    if isinstance(node, ast.BinOp):
        return _arithmetic(type(node.op), _evaluate(node.left, values), _evaluate(node.right, values))
    assert isinstance(node, ast.Call)  # noqa: S101
    args = [_evaluate(arg, values) for arg in node.args]
    name = ast.unparse(node.func)
    if name == "abs":
        return abs(args[0])
    return min(args) if name == "min" else max(args)


def _compare(operator: type[ast.cmpop], left: Any, right: Any) -> bool:
    return bool(
        {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
         "==": left == right, "!=": left != right}[COMPARISONS[operator]]
    )  # fmt: skip


def _arithmetic(operator: type[ast.operator], left: float, right: float) -> float:
    if operator is ast.Div:
        return left / right if right != 0.0 else math.nan
    return {"+": left + right, "-": left - right, "*": left * right}[ARITHMETIC[operator]]
