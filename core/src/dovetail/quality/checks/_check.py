"""What a native check is, and a suite of them. Nothing here looks at data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dovetail.errors import DefinitionError, listing, nearest, shorten
from dovetail.spec import CheckInfo, Dimension

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


def row_check(
    kind: str,
    columns: Sequence[str],
    params: dict[str, Any],
    expected: str,
    dimension: Dimension,
    severity: Severity,
    nulls: Nulls = "ignore",
) -> Check:
    """A check that single rows can fail."""
    one_of("nulls", nulls, ("ignore", "fail"))
    return _check(kind, columns, params, expected, dimension, severity, nulls, True)


def whole_check(
    kind: str, columns: Sequence[str], params: dict[str, Any], expected: str, dimension: Dimension, severity: Severity
) -> Check:
    """A check that the table as a whole passes or fails."""
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
    one_of("severity", severity, ("error", "warning"))
    if (row_scoped and not columns) or not all(isinstance(column, str) and column for column in columns):
        raise DefinitionError(f"{kind} needs names of columns, not {shorten(list(columns))}", fix="name them as text")
    name, told = _wording(kind, columns, params, expected)
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


_PLAIN = ("not_null", "unique", "column_exists")
_SELF_EXPLAINED = ("compare", "column_exists", "expression", "sum")
"""Kinds whose expectation names their columns itself."""


def _wording(kind: str, columns: Sequence[str], params: dict[str, Any], expected: str) -> tuple[str, str]:
    """The name of a check for people, and what of it stands in brackets in its id."""
    if kind == "row_count":
        return f"rows {expected}", f"({expected})"
    told = "" if kind in _PLAIN else f"({params['op']})" if kind == "compare" else f"({expected})"
    if kind == "in_range":
        return f"{columns[0]} in {expected}", told
    return f"{', '.join(columns)} {expected}" if columns and kind not in _SELF_EXPLAINED else expected, told


def one_of(option: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse a value that is not one of those that are allowed."""
    if value in allowed:
        return
    guess = nearest(str(value), allowed)
    raise DefinitionError(
        f"{option}={value!r} is not allowed",
        why=f"{option} is one of {listing(allowed)}",
        fix=f'{option}="{guess}"' if guess else None,
    )


def bound_text(bound: Any) -> str:
    return "..." if bound is None else str(bound)
