"""Expressions over the columns of a row: text is parsed into a tree that any engine can translate. Nothing is ever executed.

The syntax is a part of Python's; the parser is Python's own, and whatever the rules below do not name is refused. A tree is made
of tuples, the first member of which is the operation::

    ("col", name)  ("lit", value)  ("neg", x)  ("+" "-" "*" "/", a, b)  ("<" "<=" "==" "!=" ">=" ">", a, b)
    ("and" "or", a, b)  ("not", x)  ("in", x, (values,))  ("is_null", x)  ("call", name, x)  ("coalesce", a, b)
"""

from __future__ import annotations

import ast
import datetime
from collections.abc import Callable, Iterator
from typing import Any, Final

from dovetail.errors import DefinitionError, nearest, shorten

Tree = tuple[Any, ...]

FUNCTIONS: Final = ("abs", "length", "lower", "upper")
"""Functions of one value: text, or numbers for ``abs``."""
MAX_DEPTH: Final = 40
_MAX_TEXT = 4000

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.GtE: ">=",
    ast.Gt: ">",
}
_TRUTH = {"<", "<=", "==", "!=", ">=", ">", "and", "or", "not", "in", "is_null"}
_LITERALS: dict[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "timestamp": datetime.datetime.fromisoformat,
}
_NAMES = ("col", "is_null", "coalesce", *_LITERALS, *FUNCTIONS)


def parse_expression(text: str) -> Tree:
    """The tree of an expression that is true or false.

    Args:
        text: Such as ``"arr_time >= dep_time and distance / air_time * 60 < 900"``. Columns stand by name, or as
            ``col("any name")``.

    Raises:
        DefinitionError: It is no expression of the language, or not one of truth; says where and what there is instead.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_TEXT:
        raise DefinitionError(
            f"an expression is a text of at most {_MAX_TEXT} characters, not {shorten(text)}",
            fix='expression("dep_time <= arr_time")',
        )
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise DefinitionError(
            f"the expression {shorten(text)} cannot be read{place}",
            why=error.msg if isinstance(error, SyntaxError) else str(error),
            fix="write it as in Python: \"dep_time <= arr_time and status in ('ok', 'late')\"",
        ) from None
    tree = _Parser(text).tree(body, 0)
    if tree[0] not in _TRUTH and tree[0] != "col":
        raise DefinitionError(
            f"the expression {shorten(text)} is no condition", fix="compare it with something: ... >= 0"
        )
    return tree


def columns_of(tree: Tree) -> tuple[str, ...]:
    """The columns that a tree reads, in the order of their first mention."""
    return tuple(dict.fromkeys(_columns(tree)))


def _columns(tree: Tree) -> Iterator[str]:
    if tree[0] == "col":
        yield tree[1]
    elif tree[0] != "lit":
        for part in tree[1:2] if tree[0] == "in" else tree[1:]:
            if isinstance(part, tuple):
                yield from _columns(part)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text

    def tree(self, node: ast.expr, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise self._refused(node, f"it is nested deeper than {MAX_DEPTH} levels")
        match node:
            case ast.Name(id=name):
                return ("col", name)
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return ("lit", value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if value is not True:
                return ("lit", -value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return ("neg", self.tree(operand, depth + 1))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ("not", self._truth(operand, depth + 1))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                return (_ARITHMETIC[type(operator)], self.tree(left, depth + 1), self.tree(right, depth + 1))
            case ast.BoolOp(op=operator, values=values):
                return self._joined("and" if isinstance(operator, ast.And) else "or", values, depth)
            case ast.Compare(left=left, ops=operators, comparators=others):
                return self._compared(left, operators, others, depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._called(node, name, arguments, depth)
        raise self._refused(node, f"it is a Python {type(node).__name__}, which has no place in an expression")

    def _truth(self, node: ast.expr, depth: int) -> Tree:
        tree = self.tree(node, depth)
        if tree[0] not in _TRUTH and tree[0] != "col":
            raise self._refused(node, "it is no condition")
        return tree

    def _joined(self, word: str, values: list[ast.expr], depth: int) -> Tree:
        tree = self._truth(values[0], depth + 1)
        for value in values[1:]:
            tree = (word, tree, self._truth(value, depth + 1))
        return tree

    def _compared(self, left: ast.expr, operators: list[ast.cmpop], others: list[ast.expr], depth: int) -> Tree:
        tree: Tree | None = None
        for operator, right in zip(operators, others, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                step: Tree = ("in", self.tree(left, depth + 1), self._values(right))
                step = ("not", step) if isinstance(operator, ast.NotIn) else step
            elif type(operator) in _COMPARISONS:
                step = (_COMPARISONS[type(operator)], self.tree(left, depth + 1), self.tree(right, depth + 1))
            else:
                raise self._refused(right, "'is' has no place in an expression; write is_null(x)")
            tree = step if tree is None else ("and", tree, step)
            left = right
        assert tree is not None
        return tree

    def _values(self, node: ast.expr) -> tuple[Any, ...]:
        if not isinstance(node, (ast.Tuple, ast.List, ast.Set)) or not node.elts:
            raise self._refused(node, "after 'in' stand the values, in brackets")
        found = []
        for element in node.elts:
            tree = self.tree(element, MAX_DEPTH)
            if tree[0] != "lit":
                raise self._refused(element, "the values after 'in' are constants")
            found.append(tree[1])
        return tuple(found)

    def _called(self, node: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> Tree:
        wanted = 2 if name == "coalesce" else 1
        if name in _NAMES and len(arguments) != wanted:
            raise self._refused(node, f"{name}() takes {wanted} argument{'s' * (wanted - 1)}")
        if name == "coalesce":
            return ("coalesce", *(self.tree(argument, depth + 1) for argument in arguments))
        if name == "is_null":
            return ("is_null", self.tree(arguments[0], depth + 1))
        if name in FUNCTIONS:
            return ("call", name, self.tree(arguments[0], depth + 1))
        if name in ("col", *_LITERALS):
            return self._constant(node, name, arguments[0])
        guess = nearest(name, _NAMES)
        told = f"; did you mean {guess}()?" if guess else f"; there are {', '.join(_NAMES)}"
        raise self._refused(node, f"there is no function {name}(){told}")

    def _constant(self, node: ast.expr, name: str, argument: ast.expr) -> Tree:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str) or not argument.value:
            raise self._refused(node, f"{name}() takes a text in quotes")
        if name == "col":
            return ("col", argument.value)
        try:
            return ("lit", _LITERALS[name](argument.value))
        except ValueError as error:
            raise self._refused(node, str(error)) from None

    def _refused(self, node: ast.expr, why: str) -> DefinitionError:
        part = ast.get_source_segment(self._text.strip(), node) or ""
        return DefinitionError(
            f"the expression {shorten(self._text)} cannot be used",
            why=f"{shorten(part)}: {why}" if part else why,
            fix="columns, constants, + - * /, comparisons, and or not, in (...), and "
            + ", ".join(f"{n}()" for n in _NAMES),
        )
