"""Expressions over columns as SQL. What might come out otherwise than in Arrow is left to it, for single values by a guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.quality.checks._expression import Tree
from dovetail.quality.checks.sql._dialect import INT64, Column, Family, LeftToArrow
from dovetail.quality.checks.sql._source import Source
from dovetail.quality.checks.sql._text import Sql, joined, say

_COMPARISONS = {"<": "<", "<=": "<=", "==": "=", "!=": "<>", ">=": ">=", ">": ">"}
_INT32 = (-(2**31), 2**31 - 1)
_EXACT = 2**53
_LARGE = 2**31
"""Integers of columns within these bounds are calculated with; what comes out has bounds that are known beforehand."""
_HUGE, _TINY = 1e30, 1e-30
_MOST_STEPS = 8
"""Of floats within these bounds, so many operations neither overflow nor underflow: databases differ there."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of an expression.

    Attributes:
        code: As SQL.
        family: Of its values; None for a column that can only be asked whether it is null.
        limits: Least and greatest integer of its type.
        column: The column that it is, if it is one.
        constant: It is one; the value is ``value``.
        value: See ``constant``.
        bound: Of an integer that was calculated: it is not farther from 0.
    """

    code: Sql
    family: Family | None
    limits: tuple[int, int] = INT64
    column: Column | None = None
    constant: bool = False
    value: Any = None
    bound: int = 0


def compiled_condition(tree: Tree, source: Source) -> tuple[Sql, tuple[Sql, ...]]:
    """A condition, and the guards that it needs.

    Raises:
        LeftToArrow: It is not sure that the database would find the same.
    """
    compiler = _Compiler(source)
    found = compiler.term(tree)
    if found.family != "bool":
        raise LeftToArrow
    return found.code, tuple(compiler.guards)


class _Compiler:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._dialect = source.dialect
        self._steps = 0
        self.guards: list[Sql] = []

    def term(self, tree: Tree) -> _Term:
        match tree[0]:
            case "col":
                return self._column(self._source.columns[tree[1]])
            case "lit":
                return self._literal(tree[1])
            case "and" | "or":
                left, right = self._truth(tree[1]), self._truth(tree[2])
                return _Term(say("(", left, f" {tree[0]} ", right, ")"), "bool")
            case "not":
                return _Term(say("(not ", self._truth(tree[1]), ")"), "bool")
            case "is_null":
                return _Term(say("(", self.term(tree[1]).code, " is null)"), "bool")
            case "in":
                return self._member(self.term(tree[1]), tree[2])
            case "neg" | "call":
                return self._called(tree[1] if tree[0] == "call" else "neg", self.term(tree[-1]))
            case "coalesce":
                return self._first(self.term(tree[1]), self.term(tree[2]))
            case "/":
                return self._quotient(self.term(tree[1]), self.term(tree[2]))
            case "+" | "-" | "*":
                return self._calculated(tree[0], self.term(tree[1]), self.term(tree[2]))
        return self._compared(tree[0], self.term(tree[1]), self.term(tree[2]))

    def _truth(self, tree: Tree) -> Sql:
        found = self.term(tree)
        if found.family != "bool":
            raise LeftToArrow
        return found.code

    def _column(self, column: Column) -> _Term:
        if column.family is None:
            return _Term(self._dialect.column(column), None, column=column)
        code = say("(", self._dialect.value(column), ")")
        return _Term(code, column.family, column.limits, column)

    def _literal(self, value: Any) -> _Term:
        families: dict[type, Family] = {int: "int", float: "float", str: "text"}
        if isinstance(value, bool):
            return _Term(say(f"(1 = {int(value)})"), "bool", constant=True, value=value)
        family = families.get(type(value)) or self._time(value)
        return _Term(self._dialect.constant(value, family), family, constant=True, value=value)

    @staticmethod
    def _time(value: Any) -> Family:
        if not hasattr(value, "tzinfo"):
            return "date"
        return "moment" if value.tzinfo is None else "instant"

    def _compared(self, word: str, left: _Term, right: _Term) -> _Term:
        left, right = self._alike(left, right)
        signs = left.limits == right.limits or max(left.limits[1], right.limits[1]) < 2**63
        if left.family is None or left.family == "bool" or left.family != right.family or not signs:
            raise LeftToArrow
        if word not in _COMPARISONS:
            raise LeftToArrow
        return _Term(say("(", left.code, f" {_COMPARISONS[word]} ", right.code, ")"), "bool")

    def _alike(self, left: _Term, right: _Term) -> tuple[_Term, _Term]:
        """A whole number beside floats is one of them."""
        if (left.family, right.family) == ("int", "float") and left.constant:
            return self._as_float(left), right
        if (left.family, right.family) == ("float", "int") and right.constant:
            return left, self._as_float(right)
        return left, right

    def _as_float(self, term: _Term) -> _Term:
        return _Term(self._dialect.constant(term.value, "float"), "float", constant=True, value=float(term.value))

    def _member(self, term: _Term, values: tuple[Any, ...]) -> _Term:
        if term.family not in ("int", "text") or not values:
            raise LeftToArrow
        constants = [self._dialect.constant(value, term.family, term.limits) for value in values]
        return _Term(say("(", term.code, " in (", joined(", ", constants), "))"), "bool")

    def _called(self, name: str, term: _Term) -> _Term:
        if name == "length" and term.family == "text" and term.column is not None:
            code = self._dialect.column(term.column)
            self._guard(self._dialect.unsure_length(code))
            return _Term(self._dialect.length(code), "int", _INT32)
        if name not in ("neg", "abs") or term.family not in ("int", "float"):
            raise LeftToArrow  # upper and lower case are not the same everywhere
        bound = self._bound(term)
        return _Term(say("abs(" if name == "abs" else "(- ", term.code, ")"), term.family, bound=bound)

    def _first(self, left: _Term, right: _Term) -> _Term:
        left, right = self._alike(left, right)
        if left.family in (None, "bool") or (left.family, left.limits) != (right.family, right.limits):
            raise LeftToArrow
        return _Term(say("coalesce(", left.code, ", ", right.code, ")"), left.family, left.limits)

    def _calculated(self, word: str, left: _Term, right: _Term) -> _Term:
        left, right = self._alike(left, right)
        if left.family not in ("int", "float") or left.family != right.family:
            raise LeftToArrow
        one, other = self._bound(left), self._bound(right)
        bound = one * other if word == "*" else one + other
        if left.family == "int" and bound > INT64[1]:
            raise LeftToArrow  # it may overflow, which not every database refuses
        self._check_float(left)
        self._check_float(right)
        return _Term(say("(", left.code, f" {word} ", right.code, ")"), left.family, bound=bound)

    def _quotient(self, left: _Term, right: _Term) -> _Term:
        sides = []
        for term in (left, right):
            if term.family == "int" and term.constant:
                term = self._as_float(term)
            elif term.family == "int" and term.column is not None:
                if term.limits[1] > _EXACT:
                    self._guard(say("(", term.code, f" > {_EXACT} or ", term.code, f" < -{_EXACT})"))
                term = _Term(say("cast(", term.code, f" as {self._dialect.double})"), "float")
            elif term.family != "float":
                raise LeftToArrow
            self._check_float(term)
            sides.append(term.code)
        return _Term(say("(", sides[0], " / nullif(", sides[1], ", 0))"), "float")

    def _bound(self, term: _Term) -> int:
        """How far from 0 an integer of 64 bits can be."""
        if term.family != "int":
            return 0
        if term.limits != INT64:
            raise LeftToArrow  # Arrow calculates with fewer bits
        if term.constant:
            return abs(int(term.value))
        if term.bound:
            return term.bound
        self._guard(say("(", term.code, f" > {_LARGE} or ", term.code, f" < -{_LARGE})"))
        return _LARGE

    def _check_float(self, term: _Term) -> None:
        """Floats with which nothing can overflow, or be infinite or NaN."""
        if term.family != "float":
            return
        self._steps += 1
        if self._steps > 2 * _MOST_STEPS:
            raise LeftToArrow
        if term.constant and term.value != 0 and not _TINY <= abs(term.value) <= _HUGE:
            raise LeftToArrow
        if term.column is not None:
            size = say("abs(", term.code, ")")
            self._guard(say("(", size, f" > {_HUGE} or (", size, f" < {_TINY} and ", size, " > 0))"))

    def _guard(self, guard: Sql | None) -> None:
        if guard is not None and guard not in self.guards:
            self.guards.append(guard)
