"""Reading short formulas from a config: Python's grammar, of which only listed parts are let through.

Nothing is ever evaluated. Text is first cut into words by a fixed pattern, so that what reaches Python's
parser consists of names, numbers and a few signs.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from admf.core.registry import registry_of
from admf.errors import AdmfError, ComponentError
from admf.indicators import library
from admf.indicators.spec import Indicator, custom
from admf.indicators.talib_functions import talib_function

MAX_LENGTH = 2000
MAX_DEPTH = 40

_WORD = re.compile(
    r"""(?P<blank>\s+)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>"[A-Za-z_][A-Za-z0-9_]*"|'[A-Za-z_][A-Za-z0-9_]*')
    |(?P<timeframe>"\d{1,4}[a-z]{1,2}"|'\d{1,4}[a-z]{1,2}')
    |(?P<sign><=|>=|==|!=|[-+*/<>=(),.])""",
    re.VERBOSE,
)
_BARE_TIMEFRAME = re.compile(r"\d{1,4}(?:s|m|h|d|w|mo)\b")
_INSTEAD = {
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
    "^": "powers are not known",
    "[": "lists are not known; the bar before is prev_NAME",
    "%": "remainders are not known",
}


class FormulaError(ComponentError):
    """A formula that cannot be read, or says what is not allowed.

    Parameters
    ----------
    message
        What is wrong.
    text
        The formula.
    column
        Where, counted from 1.
    hint
        What to do.
    """

    def __init__(self, message: str, text: str, column: int, hint: str | None = None) -> None:
        shown = " ".join(text.split()) if len(text) <= 200 else ""
        # Collapsing blanks moves the column; then the mark is left out, and the number still says it.
        mark = f"\n    {text}\n    {' ' * (column - 1)}^" if shown == text and text else ""
        super().__init__(f"column {column}: {message}{mark}", hint)
        self.reason = message
        self.column = column


def parse_tree(text: Any, what: str, assignments: bool = False) -> tuple[ast.expr, int]:
    """Read a formula into Python's syntax tree.

    Parameters
    ----------
    text
        The formula.
    what
        What it should be, for messages: "an indicator".
    assignments
        Whether ``name=value`` may stand in it.

    Returns
    -------
    tree, offset
        What to add to the tree's ``col_offset`` to get a column of `text`, counted from 1.

    Raises
    ------
    FormulaError
        If it is not text, too long, or not well-formed.
    """
    if not isinstance(text, str) or not text.strip():
        raise FormulaError(f"{what} is expected; found {text!r}", "", 1)
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"{what} of {len(text)} characters; at most {MAX_LENGTH} are allowed", "", 1)
    _check_words(text, what, assignments)
    start = len(text) - len(text.lstrip())
    flat = re.sub(r"\s", " ", text).strip()
    try:
        return ast.parse(flat, mode="eval").body, start + 1
    except SyntaxError as error:
        column = start + min(max(error.offset or 1, 1), len(flat) + 1)
        raise FormulaError(f"{what} is not well-formed: {error.msg}", text, column) from None
    except (ValueError, MemoryError, RecursionError, OverflowError):
        raise FormulaError(f"{what} is too deeply nested", text, 1) from None


def _check_words(text: str, what: str, assignments: bool) -> None:
    place = depth = 0
    while place < len(text):
        match = _WORD.match(text, place)
        if match is None:
            found = text[place]
            if found.isdigit() or (found == "." and text[place + 1 : place + 2].isdigit()):
                bare = _BARE_TIMEFRAME.match(text, place)
                raise FormulaError(
                    f"{what} holds a number that is not well-formed", text, place + 1,
                    f'a timeframe stands in quotes: .on("{bare.group()}")' if bare else None,
                )  # fmt: skip
            raise FormulaError(
                f"{what} holds {found!r}, which has no meaning here", text, place + 1, _INSTEAD.get(found)
            )
        if match.group() == "=" and not assignments:
            raise FormulaError(f"{what} holds a single =", text, place + 1, "to compare, write ==")
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > MAX_DEPTH:
            raise FormulaError(f"{what} has more than {MAX_DEPTH} open parentheses", text, place + 1)
        place = match.end()


def parse_indicator(text: str) -> Indicator:
    """Read an indicator: ``SMA(20)``, ``BBANDS(20, 2, 2).upperband``, ``EMA(9, price=RSI(14))``.

    ``SMA(20).on("1w")`` is one on a coarser timeframe, as in Python (`Indicator.on`). Functions are TA-Lib's,
    or the user's own that are registered. Inputs are columns or indicators; a moving average's kind may be
    named (``matype=EMA``).

    Raises
    ------
    FormulaError
        If it cannot be read; says at which column.
    """
    tree, offset = parse_tree(text, "an indicator", assignments=True)
    try:
        return _Reader(text, offset).indicator(tree, 0).require_single()
    except FormulaError:
        raise
    except AdmfError as error:
        raise FormulaError(error.message, text, tree.col_offset + offset, error.hint) from None


class _Reader:
    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset

    def indicator(self, node: ast.expr, depth: int) -> Indicator:
        if depth > MAX_DEPTH:
            raise self._error("indicators are nested too deeply", node)
        if isinstance(node, ast.Attribute):
            spec = self.indicator(node.value, depth + 1)
            return self._said_at(node, lambda: _output(spec, node.attr))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "on":
            return self._coarse(node, node.func.value, depth)
        if isinstance(node, ast.Name):
            raise self._error(f"{node.id} must be called, as in {node.id}(20)", node)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise self._error("an indicator such as SMA(20) is expected", node)
        args = [self._value(arg, depth) for arg in node.args]
        named: dict[str, Any] = {}
        for word in node.keywords:
            if word.arg is None:
                raise self._error("** has no meaning here", word.value)
            if word.arg in named:
                raise self._error(f"{word.arg} is given twice", word.value)
            named[word.arg] = self._value(word.value, depth)
        name = node.func.id

        return self._said_at(node, lambda: _make(name, args, named))

    def _coarse(self, node: ast.Call, inner: ast.expr, depth: int) -> Indicator:
        argument = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise self._error('on takes a timeframe in quotes, as in SMA(20).on("1w")', node)
        timeframe, spec = argument.value, self.indicator(inner, depth + 1)
        return self._said_at(argument, lambda: spec.on(timeframe))

    def _value(self, node: ast.expr, depth: int) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            if isinstance(node.value, bool):
                raise self._error("a number, a column or an indicator is expected", node)
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._value(node.operand, depth) if isinstance(node.operand, ast.Constant) else None
            if isinstance(value, int | float):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Name):
            return node.id  # a column, or the kind of a moving average
        if isinstance(node, ast.Call | ast.Attribute):
            return self.indicator(node, depth + 1).require_single()
        raise self._error("a number, a column or an indicator is expected", node)

    def _said_at(self, node: ast.expr, build: Any) -> Indicator:
        try:
            found: Indicator = build()
        except FormulaError:
            raise
        except AdmfError as error:
            raise FormulaError(
                error.message, self._text, node.col_offset + self._offset, error.hint
            ) from None
        return found

    def _error(self, message: str, node: ast.expr) -> FormulaError:
        return FormulaError(message, self._text, node.col_offset + self._offset)


def _make(name: str, args: list[Any], named: dict[str, Any]) -> Indicator:
    registered = registry_of("indicator")
    if name not in library.names() and name in registered:
        return custom(registered.get(name), *args, **named)
    return talib_function(name)(*args, **named)


def _output(spec: Indicator, name: str) -> Indicator:
    if name.startswith("_"):
        raise ComponentError(f"{spec.name} has no output {name!r}; it has: {', '.join(spec.outputs)}")
    return spec.__getattr__(name)  # not getattr: ``.key`` and its like are no outputs
