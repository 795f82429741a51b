"""The checks of a schema, one by one and in a fixed order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from dovetail.errors import DefinitionError
from dovetail.graph import value_fingerprint
from dovetail.spec import CheckInfo

from dovetail_pandera._frames import Frame, Level, is_builtin
from dovetail_pandera._suites import Suite

Kind = Literal[
    "present", "strict", "ordered", "names_unique", "coerce", "dtype", "not_null", "unique", "joint_unique", "check"
]

_KINDS = {
    "greater_than": "in_range",
    "greater_than_or_equal_to": "in_range",
    "less_than": "in_range",
    "less_than_or_equal_to": "in_range",
    "in_range": "in_range",
    "isin": "in_set",
    "notin": "not_in_set",
    "str_matches": "regex",
    "str_contains": "regex",
    "str_length": "length",
}


@dataclass(slots=True)
class Step:
    """One check to make.

    Attributes:
        info: What it asserts.
        kind: How it is made.
        key: The column or index level that it looks at; several of them for a check of the whole table.
        dtype: The type that a column should have.
        check: Pandera's check.
        columns: The schema's columns, to see which of them are patterns.
        needs: Columns without which it cannot be evaluated.
    """

    info: CheckInfo
    kind: Kind
    key: Any = None
    dtype: Any = None
    check: Any = None
    columns: Any = None
    needs: tuple[Hashable, ...] = ()


_SIGNS = {
    "equal_to": "==",
    "not_equal_to": "!=",
    "greater_than": ">",
    "greater_than_or_equal_to": ">=",
    "less_than": "<",
    "less_than_or_equal_to": "<=",
    "isin": "one of",
    "notin": "none of",
    "str_matches": "matches",
    "str_contains": "contains",
    "str_startswith": "starts with",
    "str_endswith": "ends with",
}


def plan(suite: Suite, frame: Frame | None = None) -> list[Step]:
    """All checks of the schema; with a frame, patterns are replaced by the columns that they match.

    Raises:
        DefinitionError: There is no check.
    """
    steps = list(_steps(suite.schema, frame))
    if not steps:
        raise DefinitionError(
            f"the Pandera schema {suite.name!r} checks nothing", fix="give it columns or checks: a gate must gate"
        )
    seen: dict[str, int] = {}
    for step in steps:
        times = seen[step.info.id] = seen.get(step.info.id, 0) + 1
        if times > 1:
            step.info = replace(step.info, id=f"{step.info.id}#{times}")
    return steps


def source_of(step: Step) -> str:
    """What decides a step's outcome beyond what people read of it: parameters, and the code of a custom check."""
    if step.kind in ("strict", "ordered"):
        return repr(step.key)
    if step.kind != "check":
        return ""
    check = step.check
    facts: list[Any] = [check.ignore_na, check.element_wise]
    held: list[Any] = [check.groups, check.statistics, check.groupby]
    if not is_builtin(check):
        held.extend(_functions(check._check_fn))
    return repr([*facts, *map(value_fingerprint, held)])


def _functions(function: Any) -> Iterator[Any]:
    """The user's functions in a check, unwrapped from a partial, whose arguments come too, or from a model's adapter."""
    if isinstance(function, partial):
        yield function.args, function.keywords
        yield from _functions(function.func)
        return
    adapted = False
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held = getattr(cell.cell_contents, "check_fn", None)
        except ValueError:  # a cell that is not filled yet
            continue
        if held is not None:
            adapted = True
            yield from _functions(getattr(held, "__func__", held))
    if not adapted:
        yield function


def _steps(schema: Any, frame: Frame | None) -> Iterator[Step]:
    components = dict(_components(schema, frame))
    needed = tuple(key for key, column in schema.columns.items() if column.required)
    if needed:
        names = ", ".join(map(str, needed))
        yield Step(
            _table("present", "column_exists", f"has {names}", needed), "present", needed, columns=schema.columns
        )
    if schema.strict:
        # "filter" asks Pandera to take other columns away. A gate does not, so they are only warned about.
        lenient = schema.strict == "filter"
        info = _table("strict", "column_exists", "no other columns", (), "warning" if lenient else "error")
        yield Step(info, "strict", tuple(components))
    if schema.ordered:
        yield Step(_table("ordered", "column_order", "columns in order", ()), "ordered", tuple(components))
    if getattr(schema, "unique_column_names", False):
        yield Step(_table("unique_names", "column_exists", "column names are unique", ()), "names_unique")
    if frame is None and not schema.columns and schema.dtype is not None:
        yield Step(_table("dtype", "dtype", f"every column is {schema.dtype}", ()), "dtype")
    for key, (component, required) in components.items():
        if frame is None or required or key in frame.names:
            yield from _column_steps(schema, key, str(key), component)
    if getattr(schema, "index", None) is not None and frame is not None:
        for key, component, name in frame.index_keys(schema):
            yield from _column_steps(schema, key, name, component)
    elif getattr(schema, "index", None) is not None:
        for position, component in enumerate(index_components(schema)):
            yield from _column_steps(schema, Level(position), index_name(component, position), component)
    if schema.unique:
        keys = tuple(schema.unique)
        columns = tuple(map(str, keys))
        info = CheckInfo(f"{','.join(columns)}.unique", f"{', '.join(columns)} unique", "unique", columns)
        yield Step(replace(info, dimension="uniqueness", expected="unique"), "joint_unique", keys, needs=keys)
    for position, check in enumerate(schema.checks):
        yield Step(_check_info(check, None, position), "check", None, check=check)


def _components(schema: Any, frame: Frame | None) -> Iterator[tuple[Hashable, tuple[Any, bool]]]:
    """Column -> its component and whether it must be there. A column named outright is not governed by a pattern."""
    explicit = {key for key, column in schema.columns.items() if not column.regex}
    if not schema.columns and schema.dtype is not None and frame is not None:
        for name, component in zip(frame.names, schema.infer_columns(list(frame.names)), strict=True):
            yield name, (component, True)
    for key, column in schema.columns.items():
        if not column.regex or frame is None:
            yield key, (column, column.required)
            continue
        for name in frame.matching(column):
            if name not in explicit:
                yield name, (column, True)


def index_components(schema: Any) -> list[Any]:
    """The components of a schema's index: one, or one per level."""
    return list(getattr(schema.index, "indexes", None) or [schema.index])


def index_name(component: Any, position: int) -> str:
    """How reports call a level of the index."""
    return str(component.name) if component.name is not None else f"index{position or ''}"


def _column_steps(schema: Any, key: Hashable, name: str, component: Any) -> Iterator[Step]:
    columns = (name,)
    needs = (key,)
    dtype = component.dtype if schema.dtype is None else schema.dtype
    if dtype is not None:
        coerce = bool(schema.coerce or component.coerce)
        info = CheckInfo(
            f"{name}.dtype",
            f"{name} is {dtype}",
            "dtype",
            columns,
            row_scoped=False,
            dimension="conformity",
            # With coerce, Pandera would convert the column. A gate does not change data, so it says so and goes on.
            severity="warning" if coerce else "error",
            expected=str(dtype),
        )
        yield Step(info, "dtype", key, dtype, needs=needs)
        if coerce:
            info = CheckInfo(f"{name}.coerce", f"{name} converts to {dtype}", "dtype", columns, dimension="conformity")
            yield Step(replace(info, expected=f"converts to {dtype}"), "coerce", key, dtype, needs=needs)
    if not component.nullable:
        info = CheckInfo(f"{name}.not_null", f"{name} not null", "not_null", columns, dimension="completeness")
        yield Step(replace(info, expected="not null"), "not_null", key, needs=needs)
    if component.unique:
        info = CheckInfo(f"{name}.unique", f"{name} unique", "unique", columns, dimension="uniqueness")
        yield Step(replace(info, expected="unique"), "unique", key, needs=needs)
    for position, check in enumerate(component.checks):
        yield Step(_check_info(check, name, position), "check", key, check=check, needs=needs)


def _check_info(check: Any, column: str | None, position: int) -> CheckInfo:
    """A Pandera check for people. Whether single rows can fail a custom check is only known once it was evaluated."""
    builtin = is_builtin(check)
    own = check.name if check.name and check.name != "<lambda>" else f"check{position}"
    if builtin:
        function = check._check_fn.__name__
        given = {name: value for name, value in sorted(check.statistics.items()) if value is not None}
        label = f"{function}({','.join(f'{name}={_text(value)}' for name, value in given.items())})"
        kind, expected = _KINDS.get(function, function), _phrase(function, given) or label
    else:
        label, kind, expected = own, "custom", str(check.error or check.description or "")
    told = check.title or (expected if builtin else check.error or own)
    return CheckInfo(
        id=f"{column or 'table'}.{label}",
        name=f"{column} {told}" if column else str(told),
        kind=kind,
        columns=(column,) if column else (),
        row_scoped=not (builtin and check._check_fn.__name__ == "unique_values_eq"),
        dimension="conformity" if builtin else None,
        severity="warning" if check.raise_warning else "error",
        expected=shorten_text(expected),
    )


def shorten_text(text: str, width: int = 120) -> str:
    """The text in at most ``width`` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."


def _phrase(function: str, given: dict[str, Any]) -> str:
    """What a built-in check expects, as people write it; "" where its name and parameters say it best."""
    if function in _SIGNS and len(given) == 1:
        return f"{_SIGNS[function]} {_text(next(iter(given.values())))}"
    if function == "in_range":
        left = "[" if given.get("include_min", True) else "("
        right = "]" if given.get("include_max", True) else ")"
        return f"in {left}{_text(given.get('min_value'))}, {_text(given.get('max_value'))}{right}"
    return ""


def canonical(value: Any) -> str:
    """Parameters as text that is the same in every process: sets have no order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {canonical(item)}" for key, item in sorted(value.items(), key=str)) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(canonical, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(canonical, value)) + "]"
    return repr(value)


def _text(value: Any) -> str:
    return shorten_text(canonical(value), 60) if value is not None else "..."


def _table(label: str, kind: str, name: str, columns: tuple[Hashable, ...], severity: Any = "error") -> CheckInfo:
    return CheckInfo(
        id=f"table.{label}",
        name=shorten_text(name),
        kind=kind,
        columns=tuple(map(str, columns)),
        row_scoped=False,
        dimension="conformity",
        severity=severity,
        expected=shorten_text(name),
    )
