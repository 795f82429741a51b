"""What native checks assert. Nothing here looks at data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dovetail.errors import DefinitionError, listing, nearest, shorten
from dovetail.spec import CheckInfo

Nulls = Literal["ignore", "fail"]
Severity = Literal["error", "warning"]
Operator = Literal["<", "<=", "==", "!=", ">=", ">"]
Inclusive = Literal["both", "left", "right", "neither"]

OPERATORS: tuple[str, ...] = ("<", "<=", "==", "!=", ">=", ">")
INCLUSIVE: tuple[str, ...] = ("both", "left", "right", "neither")


@dataclass(frozen=True)
class Check:
    """One native check; made by the functions of :mod:`dovetail.quality.checks`.

    Attributes:
        info: What it asserts.
        params: Its parameters by name.
        nulls: Whether a null in a column that it reads is ignored or fails.
    """

    info: CheckInfo
    params: dict[str, Any] = field(default_factory=dict)
    nulls: Nulls = "ignore"


class Suite:
    """A named list of native checks.

    Args:
        name: For people; part of the reports.
        checks: At least one check, no two of the same id.

    Raises:
        DefinitionError: There is no check, something else than a check, or one check twice.
    """

    def __init__(self, name: str, checks: Iterable[Check]) -> None:
        given = tuple(checks)
        if not given:
            raise DefinitionError(f"the suite {name!r} has no check", fix="give it at least one, such as not_null('a')")
        found: list[Check] = []
        for check in given:
            if not isinstance(check, Check):
                raise DefinitionError(
                    f"the suite {name!r} holds {shorten(check)}, which is no native check",
                    fix="use the functions of dovetail.quality.checks; a library's own suite goes to Gate() as it is",
                )
            if check in found:
                raise DefinitionError(
                    f"the suite {name!r} has the check {check.info.id} twice", fix="remove one of them"
                )
            found.append(_distinct(check, found))
        self.name = name
        self.checks = tuple(found)

    def __repr__(self) -> str:
        return f"Suite({self.name!r}, {len(self.checks)} checks)"


def _distinct(check: Check, others: Sequence[Check]) -> Check:
    """The check with an id of its own: ids shorten long parameters, so two different checks may have the same one."""
    same = sum(other.info.id.partition("#")[0] == check.info.id for other in others)
    return replace(check, info=replace(check.info, id=f"{check.info.id}#{same + 1}")) if same else check


def not_null(column: str, *, severity: Severity = "error") -> Check:
    """No value of the column is null or NaN."""
    return _rows("not_null", (column,), {}, "not null", "completeness", severity)


def unique(*columns: str, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """No key occurs twice. Every row of a key that does is a failure; ``n_keys`` counts such keys.

    Args:
        columns: Columns that make the key.
        nulls: ``"ignore"``: rows with a null in the key are not evaluated. ``"fail"``: they fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    return _rows("unique", columns, {}, "unique", "uniqueness", severity, nulls)


def in_range(
    column: str,
    minimum: Any = None,
    maximum: Any = None,
    *,
    inclusive: Inclusive = "both",
    nulls: Nulls = "ignore",
    severity: Severity = "error",
) -> Check:
    """Every value lies between two bounds; a bound of None is open.

    Args:
        column: A column of numbers, dates, times or text.
        minimum: Lower bound, of the column's kind.
        maximum: Upper bound, of the column's kind.
        inclusive: Which bounds are allowed values themselves.
        nulls: Whether nulls are ignored or fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    if minimum is None and maximum is None:
        raise DefinitionError("in_range() has no bound", fix=f"in_range({column!r}, 0, 100)")
    _one_of("inclusive", inclusive, INCLUSIVE)
    left = "[" if inclusive in ("both", "left") else "("
    right = "]" if inclusive in ("both", "right") else ")"
    expected = f"{left}{_text(minimum)}, {_text(maximum)}{right}"
    params = {"minimum": minimum, "maximum": maximum, "inclusive": inclusive}
    return _rows("in_range", (column,), params, expected, "conformity", severity, nulls)


def in_set(column: str, values: Iterable[Any], *, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """Every value is one of ``values``."""
    allowed = tuple(sorted(values, key=repr) if isinstance(values, (set, frozenset)) else values)
    if not allowed or isinstance(values, str):
        raise DefinitionError(f"in_set() got {values!r} as values", fix=f"in_set({column!r}, ['a', 'b'])")
    return _rows(
        "in_set", (column,), {"values": allowed}, f"one of {shorten(list(allowed))}", "conformity", severity, nulls
    )


def matches(column: str, pattern: str, *, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """The whole of every text matches the regular expression (RE2 syntax: no backreferences, no lookaround)."""
    return _rows("regex", (column,), {"pattern": pattern}, f"matches {pattern}", "conformity", severity, nulls)


def compare(left: str, op: Operator, right: str, *, severity: Severity = "error") -> Check:
    """Two columns compare row by row: ``compare("start", "<=", "end")``. Rows with a null on either side are not evaluated."""
    _one_of("op", op, OPERATORS)
    return _rows("compare", (left, right), {"op": op}, f"{left} {op} {right}", "consistency", severity)


def row_count(minimum: int = 0, maximum: int | None = None, *, severity: Severity = "error") -> Check:
    """The table has at least ``minimum`` and at most ``maximum`` rows; None is no limit."""
    expected = f">= {minimum:,}" if maximum is None else f"{minimum:,} to {maximum:,}"
    params = {"minimum": minimum, "maximum": maximum}
    return _whole("row_count", (), params, expected, "completeness", severity)


def min_rows(minimum: int, *, severity: Severity = "error") -> Check:
    """The table has at least ``minimum`` rows."""
    return row_count(minimum, severity=severity)


def columns_present(*columns: str, exact: bool = False, severity: Severity = "error") -> Check:
    """The table has these columns; with ``exact``, no others."""
    if not columns:
        raise DefinitionError("columns_present() names no column", fix="columns_present('a', 'b')")
    word = "exactly" if exact else "has"
    return _whole("column_exists", columns, {"exact": exact}, f"{word} {', '.join(columns)}", "conformity", severity)


def mean_between(column: str, minimum: float, maximum: float, *, severity: Severity = "error") -> Check:
    """The mean of the values that are not null lies between two bounds, both allowed. Without any value it is an error."""
    params = {"minimum": minimum, "maximum": maximum}
    return _whole("mean", (column,), params, f"mean in [{minimum}, {maximum}]", "accuracy", severity)


def _rows(
    kind: str,
    columns: Sequence[str],
    params: dict[str, Any],
    expected: str,
    dimension: Any,
    severity: Severity,
    nulls: Nulls = "ignore",
) -> Check:
    _one_of("nulls", nulls, ("ignore", "fail"))
    return _check(kind, columns, params, expected, dimension, severity, nulls, True)


def _whole(
    kind: str, columns: Sequence[str], params: dict[str, Any], expected: str, dimension: Any, severity: Severity
) -> Check:
    return _check(kind, columns, params, expected, dimension, severity, "ignore", False)


def _check(
    kind: str,
    columns: Sequence[str],
    params: dict[str, Any],
    expected: str,
    dimension: Any,
    severity: Severity,
    nulls: Nulls,
    row_scoped: bool,
) -> Check:
    _one_of("severity", severity, ("error", "warning"))
    if (row_scoped and not columns) or not all(isinstance(column, str) and column for column in columns):
        raise DefinitionError(f"{kind} needs names of columns, not {shorten(list(columns))}", fix="name them as text")
    name = f"{', '.join(columns)} {expected}" if columns and kind not in ("compare", "column_exists") else expected
    if kind == "row_count":
        name = f"rows {expected}"
    elif kind == "in_range":
        name = f"{columns[0]} in {expected}"
    told = "" if kind in ("not_null", "unique", "compare", "column_exists") else f"({expected})"
    if kind == "compare":
        told = f"({params['op']})"
    identity = ",".join(columns) + f".{kind}{told}" if columns else f"{kind}{told}"
    if nulls == "fail":
        identity += "[nulls=fail]"
        expected += ", nulls fail"
    info = CheckInfo(
        id=identity,
        name=name,
        kind=kind,
        columns=tuple(columns),
        row_scoped=row_scoped,
        dimension=dimension,
        severity=severity,
        expected=expected,
    )
    return Check(info, params, nulls)


def _one_of(option: str, value: Any, allowed: Sequence[str]) -> None:
    if value in allowed:
        return
    guess = nearest(str(value), allowed)
    raise DefinitionError(
        f"{option}={value!r} is not allowed",
        why=f"{option} is one of {listing(allowed)}",
        fix=f'{option}="{guess}"' if guess else None,
    )


def _text(bound: Any) -> str:
    return "..." if bound is None else str(bound)
