"""How expressions over columns are computed in Arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail.errors import shorten
from dovetail.quality._arrays import arrow_array, arrow_scalar
from dovetail.quality.checks._expression import Tree

_COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    "==": "equal",
    "!=": "not_equal",
    ">=": "greater_equal",
    ">": "greater",
}
_CHECKED = {"+": "add_checked", "-": "subtract_checked", "*": "multiply_checked"}


class NoCondition(Exception):
    """An expression is of another kind than its operation takes."""


def evaluate_expression(tree: Tree, column: Callable[[str], Any], rows: int) -> Any:
    """The truth of a tree for each row: true, false or null.

    Args:
        tree: What :func:`parse_expression` made.
        column: Gives a column, NaN as null.
        rows: Number of rows.

    Raises:
        NoCondition: It is not true or false.
        pa.ArrowException: Operands do not go together, or an integer overflows.
    """
    import pyarrow as pa

    value = _Evaluation(column).value(tree)
    if not pa.types.is_boolean(value.type):
        raise NoCondition(f"the expression is of type {value.type}, not true or false")
    return pa.repeat(value, rows) if isinstance(value, pa.Scalar) else value


class _Evaluation:
    def __init__(self, column: Callable[[str], Any]) -> None:
        self._column = column
        self._seen: dict[str, Any] = {}

    def value(self, tree: Tree) -> Any:
        import pyarrow.compute as pc

        word = tree[0]
        if word == "col":
            if tree[1] not in self._seen:
                self._seen[tree[1]] = self._column(tree[1])
            return self._seen[tree[1]]
        if word == "lit":
            return arrow_scalar(tree[1])
        if word == "in":
            return self._member(self.value(tree[1]), tree[2])
        operands = [self.value(part) for part in (tree[2:] if word == "call" else tree[1:])]
        if word in _COMPARISONS:
            return pc.call_function(_COMPARISONS[word], _alike(*operands))
        if word in _CHECKED:
            return pc.call_function(_CHECKED[word], operands)
        return self._other(tree, operands)

    def _other(self, tree: Tree, operands: list[Any]) -> Any:
        import pyarrow.compute as pc

        match tree[0]:
            case "/":
                return _quotient(*operands)
            case "neg":
                return pc.negate_checked(operands[0])
            case "and":
                return pc.and_kleene(*operands)
            case "or":
                return pc.or_kleene(*operands)
            case "not":
                return pc.invert(operands[0])
            case "is_null":
                return pc.is_null(operands[0])
            case "coalesce":
                return pc.coalesce(*operands)
            case "call":
                return call(tree[1], operands[0])
        raise NoCondition(f"the operation {shorten(tree[0])} is unknown")

    @staticmethod
    def _member(value: Any, values: tuple[Any, ...]) -> Any:
        import pyarrow.compute as pc

        found = pc.is_in(value, value_set=arrow_array(list(values), value.type))
        return pc.if_else(pc.is_valid(value), found, None)


def call(name: str, value: Any) -> Any:
    """A function of one value: ``abs``, ``length``, ``lower``, ``upper``."""
    import pyarrow.compute as pc

    if name == "length":
        return lengths(value)
    return pc.call_function({"abs": "abs_checked", "lower": "utf8_lower", "upper": "utf8_upper"}[name], [value])


def lengths(value: Any) -> Any:
    """Characters of texts, members of lists, bytes of binary values."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = value.type
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return pc.utf8_length(value)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return pc.list_value_length(value)
    return pc.binary_length(value)


def _alike(left: Any, right: Any) -> list[Any]:
    """Operands of a comparison; what Arrow does not compare of itself is brought to one type: text with a view of text."""
    import pyarrow.types as t

    if t.is_string_view(left.type) or t.is_string_view(right.type):
        import pyarrow as pa

        return [side.cast(pa.large_string()) if t.is_string_view(side.type) else side for side in (left, right)]
    return [left, right]


def _quotient(left: Any, right: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    left, right = (side.cast(pa.float64()) if pa.types.is_integer(side.type) else side for side in (left, right))
    zero = pc.equal(right, arrow_scalar(0, right.type))
    return pc.divide_checked(left, pc.if_else(zero, pa.scalar(None, right.type), right))
