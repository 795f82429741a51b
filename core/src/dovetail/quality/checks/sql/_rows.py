"""Checks of rows as SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail.quality.checks._check import Check
from dovetail.quality.checks._found import whole_bound
from dovetail.quality.checks.sql._dialect import Column, LeftToArrow
from dovetail.quality.checks.sql._expression import compiled_condition
from dovetail.quality.checks.sql._plans import KeysPlan, OrderPlan, Plan, row_plan
from dovetail.quality.checks.sql._source import Source
from dovetail.quality.checks.sql._text import Sql, joined, say

OPPOSITE = {"<": ">=", "<=": ">", "==": "<>", "!=": "=", ">=": "<", ">": "<="}


def _not_null(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    code = source.dialect.column(column)
    bad = say(code, " is null")
    nan = source.dialect.is_nan(code) if column.family in ("float", "float32") else None
    if nan is not None:
        bad = say("(", bad, " or ", nan, ")")
    return row_plan(check, source, bad, say("1"))


def _in_range(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    value = source.dialect.value(column)
    inclusive = check.params["inclusive"]
    beyond = [
        _beyond(source, column, value, bound, lower, closed)
        for bound, lower, closed in (
            (check.params["minimum"], True, inclusive in ("both", "left")),
            (check.params["maximum"], False, inclusive in ("both", "right")),
        )
        if bound is not None
    ]
    return row_plan(check, source, say("(", joined(" or ", beyond), ")"), value)


def _beyond(source: Source, column: Column, value: Sql, bound: Any, lower: bool, closed: bool) -> Sql:
    if column.family == "int" and type(bound) in (int, float):
        if bound != bound:
            raise LeftToArrow
        whole = whole_bound(bound, lower, closed, column.limits)
        if isinstance(whole, bool):
            return say("case when ", value, f" is not null then 1 = {int(whole)} end")
        bound, closed = whole
    constant = source.dialect.constant(bound, column.family, column.limits)
    operator = ("<" if closed else "<=") if lower else (">" if closed else ">=")
    return say(value, f" {operator} ", constant)


def _in_set(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    values = [value for value in check.params["values"] if value is not None]
    if column.family not in ("int", "text") or not values:
        raise LeftToArrow
    constants = [source.dialect.constant(value, column.family, column.limits) for value in values]
    value = source.dialect.value(column)
    return row_plan(check, source, say(value, " not in (", joined(", ", constants), ")"), value)


def _regex(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    if column.family != "text":
        raise LeftToArrow
    code = source.dialect.column(column)
    return row_plan(check, source, say("not ", source.dialect.matches(code, check.params["pattern"])), code)


def _length(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    if column.family != "text":
        raise LeftToArrow
    dialect = source.dialect
    code = dialect.column(column)
    size = dialect.length(code)
    low, high = check.params["minimum"], check.params["maximum"]
    bad = say(size, " < ", dialect.constant(min(low, 2**40), "int"))
    if high is not None:
        bad = say("(", bad, " or ", size, " > ", dialect.constant(min(high, 2**40), "int"), ")")
    return row_plan(check, source, bad, code, dialect.unsure_length(code))


def _compare(check: Check, source: Source) -> Plan:
    left, right = (source.columns[name] for name in check.info.columns)
    if not comparable(left, right):
        raise LeftToArrow
    one, other = source.dialect.value(left), source.dialect.value(right)
    return row_plan(check, source, say(one, f" {OPPOSITE[check.params['op']]} ", other), None)


def comparable(left: Column, right: Column) -> bool:
    """Columns that compare in the database as in Arrow: of one family, and not of 64 bits with and without a sign."""
    if left.family is None or left.family == "bool" or left.family != right.family:
        return False
    return left.limits == right.limits or max(left.limits[1], right.limits[1]) < 2**63


def _unique(check: Check, source: Source) -> Plan:
    dialect = source.dialect
    columns = [source.columns[name] for name in check.info.columns]
    # of floats, engines do not agree whether 0.0 and -0.0 are one key
    if any(column.family in (None, "float", "float32") for column in columns):
        raise LeftToArrow
    keys = tuple(dialect.value(column) for column in columns)
    unsure = (dialect.unsure_key(dialect.column(column), column.family) for column in columns if column.family)
    present = joined(" and ", [say(key, " is not null") for key in keys])
    there = say("count(case when ", present, " then 1 end)")
    return KeysPlan(check, source, (there,), tuple(guard for guard in unsure if guard is not None), keys=keys)


def _monotonic(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    if column.family == "bool":
        raise LeftToArrow
    value = source.dialect.value(column)
    wrong = {(False, False): "<", (True, False): "<=", (False, True): ">", (True, True): ">="}
    operator = wrong[check.params["strict"], check.params["descending"]]
    return OrderPlan(check, source, (say("count(", value, ")"),), value=value, wrong=operator)


def _expression(check: Check, source: Source) -> Plan:
    fine, guards = compiled_condition(check.params["tree"], source)
    return row_plan(check, source, say("not (", fine, ")"), None, *guards)


ROWS: dict[str, Callable[[Check, Source], Plan]] = {
    "not_null": _not_null,
    "unique": _unique,
    "in_range": _in_range,
    "in_set": _in_set,
    "regex": _regex,
    "length": _length,
    "compare": _compare,
    "monotonic": _monotonic,
    "expression": _expression,
}
"""Compilers by kind of check."""
