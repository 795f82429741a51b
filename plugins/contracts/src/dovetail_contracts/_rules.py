"""Rules of quality as steps: metrics, SQL, the checks of dovetail itself, and what can only be listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dovetail.errors import DefinitionError, DovetailError, shorten
from dovetail.quality import Check
from dovetail.quality.checks import expression, in_set, matches, not_null, row_count, unique
from dovetail.spec import CheckInfo

from dovetail_contracts._entries import check_of
from dovetail_contracts._formats import whole
from dovetail_contracts._keys import DIMENSIONS, METRICS, is_number
from dovetail_contracts._steps import Demands, Step, demands_of, short_hash, told, tolerated

_OLD_NAMES = {"duplicateCount": "duplicateValues", "nullCount": "nullValues", "nullCheck": "nullValues"}
"""Metrics as the standard's version 3.0 called them."""


def steps_of_rule(rule: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str = "") -> Iterator[Step]:
    """The steps of a rule.

    Args:
        rule: As the contract has it.
        column: The column of the property that it stands at; empty at an object.
        columns: Names of properties to the names of their columns.
        kind: Logical type of the property.
    """
    try:
        found = list(_READERS[rule.get("type") or "library"](rule, column, columns, kind))
    except Unsupported as error:
        found = [unsupported(rule, column, str(error))]
    except DovetailError as error:
        found = [unsupported(rule, column, "; ".join(filter(None, (error.what, error.why))))]
    for step in found:
        yield _dressed(step, rule)


class Unsupported(Exception):
    """The rule cannot be evaluated; the text says why."""


def unsupported(rule: Mapping[str, Any], column: str, why: str) -> Step:
    """A rule that is listed and counted, and does not pass."""
    word = str(rule.get("engine") or rule.get("type") or "library")
    about = str(rule.get("name") or rule.get("metric") or rule.get("description") or word)
    info = CheckInfo(
        id=f"{column + '.' if column else ''}{word}({short_hash(repr(sorted(rule.items(), key=repr)))})",
        name=f"{column + ' ' if column else ''}{shorten(about.strip(), 100)}",
        kind="unsupported",
        columns=(column,) if column else (),
        row_scoped=False,
        expected=shorten(about.strip(), 100),
    )
    return Step(info, unsupported=why)


def _dressed(step: Step, rule: Mapping[str, Any]) -> Step:
    """The step with the rule's own name, dimension and severity."""
    given: dict[str, Any] = {}
    if rule.get("name"):
        given["name"] = str(rule["name"])
    if rule.get("dimension"):
        given["dimension"] = DIMENSIONS[str(rule["dimension"]).lower()]
    if str(rule.get("severity", "")).lower() in ("warning", "warn", "info", "information", "low"):
        given["severity"] = "warning"
    return replace(step, info=replace(step.info, **given)) if given else step


# -- metrics ------------------------------------------------------------------------------------


def _library(rule: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> Iterator[Step]:
    metric = str(rule.get("metric") or _OLD_NAMES.get(str(rule.get("rule")), rule.get("rule")))
    if metric == "validValues" and rule.get("validValues"):
        yield Step.of(in_set(_needed(column, metric), rule["validValues"]))
        return
    if metric not in METRICS:
        raise Unsupported(f"unsupported: the standard has no metric {shorten(metric)}")
    demands, unit = demands_of(rule), str(rule.get("unit") or "rows").lower()
    if unit not in ("rows", "row", "percent", "%"):
        raise Unsupported(f"unsupported: the unit {shorten(unit)}; there are rows and percent")
    for name, value in demands:
        if not (is_number(value) or (isinstance(value, list) and all(map(is_number, value)))):
            raise Unsupported(f"unsupported: {name} compares a count with {shorten(value)}, which is no number")
    percent = unit in ("percent", "%")
    if metric == "rowCount":
        yield _row_count(demands, percent)
        return
    arguments = rule.get("arguments") or {}
    yield from (_counted(check, demands, percent) for check in _METRICS[metric](arguments, column, columns, kind))


def _row_count(demands: Demands, percent: bool) -> Step:
    if percent:
        raise Unsupported("unsupported: a number of rows in percent; of what is not said")
    low, high = 0, None
    if len(demands) == 1:
        name, value = demands[0]
        if name == "mustBe" and type(value) is int and value >= 0:
            low, high = value, value
        elif name == "mustBeGreaterOrEqualTo" and type(value) is int:
            low = max(value, 0)
        elif name == "mustBeGreaterThan" and type(value) is int:
            low = max(value + 1, 0)
        elif name == "mustBeLessOrEqualTo" and type(value) is int and value >= 0:
            high = value
        elif name == "mustBeLessThan" and type(value) is int and value >= 1:
            high = value - 1
        elif name == "mustBeBetween" and all(type(each) is int and each >= 0 for each in value):
            low, high = value
        else:
            return _whole(row_count(0), demands, False, "rows")
        return Step.of(row_count(low, high))
    return _whole(row_count(0), demands, False, "rows")


def _counted(check: Check, demands: Demands, percent: bool) -> Step:
    """A check of rows whose failures are counted: a limit where that says it, else a demand on the count."""
    limit = tolerated(demands, percent)
    if limit == 0 and type(limit) is int:
        return Step.of(check)
    if limit is not None:
        return replace(Step.of(check), limit=limit)
    return _whole(check, demands, percent, f"{check.info.name}: failing")


def _whole(check: Check, demands: Demands, percent: bool, what: str) -> Step:
    expected = told(demands, percent)
    head = check.info.id if check.info.columns else "rows"
    info = replace(check.info, id=f"{head}[{expected}]", name=f"{what} {expected}", row_scoped=False, expected=expected)
    return Step(info, check, demands=demands, percent=percent)


def _null_values(arguments: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> list[Check]:
    _only(arguments)
    return [not_null(_needed(column, "nullValues"))]


def _missing_values(arguments: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> list[Check]:
    _only(arguments, "missingValues")
    values = arguments.get("missingValues", [None])
    column = _needed(column, "missingValues")
    if not isinstance(values, list) or any(isinstance(value, (list, dict)) for value in values):
        raise Unsupported("unsupported: missingValues is no list of values")
    wanted = [value for value in values if value is not None and _comparable(value, kind)]
    if not wanted:
        if None not in values:
            raise Unsupported("unsupported: missingValues names no value that the column can have")
        return [not_null(column)]
    text = f"not (col({column!r}) in ({', '.join(map(repr, wanted))},))"
    return [expression(text, nulls="fail" if None in values else "ignore")]


def _invalid_values(arguments: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> list[Check]:
    _only(arguments, "validValues", "pattern")
    column = _needed(column, "invalidValues")
    values, pattern = arguments.get("validValues"), arguments.get("pattern")
    if (values is None) == (pattern is None):
        raise Unsupported("unsupported: invalidValues takes either validValues or a pattern")
    if values is not None:
        if not isinstance(values, list) or any(isinstance(value, (list, dict)) for value in values):
            raise Unsupported("unsupported: validValues is no list of values")
        return [in_set(column, [value for value in values if value is not None])]
    if not isinstance(pattern, str):
        raise Unsupported("unsupported: the pattern is no text")
    return [matches(column, whole(pattern))]


def _duplicate_values(arguments: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> list[Check]:
    _only(arguments, "properties")
    named: Sequence[Any] = arguments.get("properties") or ([] if not column else [column])
    if not isinstance(named, list) or not named or not all(isinstance(name, str) and name for name in named):
        raise Unsupported("unsupported: duplicateValues of an object names its properties under arguments")
    return [unique(*(columns.get(name, name) for name in named))]


_METRICS: dict[str, Callable[[Mapping[str, Any], str, Mapping[str, str], str], list[Check]]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
}


def _needed(column: str, metric: str) -> str:
    if not column:
        raise Unsupported(f"unsupported: {metric} stands at a property, not at an object")
    return column


def _only(arguments: Mapping[str, Any], *known: str) -> None:
    for name in arguments:
        if name not in known:
            raise Unsupported(f"unsupported: the metric has no argument {shorten(name)}")


def _comparable(value: Any, kind: str) -> bool:
    """Whether a column of the kind can hold the value at all; a text is no missing number."""
    if kind in ("integer", "number"):
        return is_number(value)
    return isinstance(value, str) if kind == "string" else not isinstance(value, bool) or kind == "boolean"


# -- other types --------------------------------------------------------------------------------


def _sql(rule: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> Iterator[Step]:
    query, demands = str(rule["query"]), demands_of(rule)
    for name, value in demands:
        if not (is_number(value) or isinstance(value, (bool, list))):
            raise Unsupported(f"unsupported: {name} compares the answer with {shorten(value)}")
    about = " ".join(str(rule.get("description") or query).split())
    info = CheckInfo(
        id=f"{column + '.' if column else ''}sql({short_hash(query)})",
        name=f"{column + ' ' if column else ''}{shorten(about, 100)}",
        kind="sql",
        columns=(column,) if column else (),
        row_scoped=False,
        dimension="accuracy",
        expected=told(demands),
    )
    yield Step(info, demands=demands, query=query)


def _text(rule: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> Iterator[Step]:
    raise Unsupported("unsupported: a rule of type text is for people; nothing evaluates it")


def _custom(rule: Mapping[str, Any], column: str, columns: Mapping[str, str], kind: str) -> Iterator[Step]:
    if str(rule["engine"]) != "dovetail":
        raise Unsupported(f"unsupported: a rule of the engine {shorten(str(rule['engine']))}")
    entry = rule["implementation"]
    check = check_of(entry)
    limit = entry.get("fail")
    if limit is None:
        yield Step.of(check)
        return
    if not check.info.row_scoped:
        raise DefinitionError(f"fail is a limit of failing rows; {check.info.name} has none")
    yield replace(Step.of(check), limit=_limit(limit))


def _limit(given: Any) -> int | float:
    if isinstance(given, str) and given.endswith("%"):
        given = float(given[:-1]) / 100
        if 0 <= given <= 1:
            return float(given)
    elif type(given) is int and given >= 0:
        return given
    raise DefinitionError(f"fail is {shorten(given)}, which is no limit of failing rows", fix='fail: 10, or fail: "1%"')


_READERS: dict[str, Callable[[Mapping[str, Any], str, Mapping[str, str], str], Iterator[Step]]] = {
    "library": _library,
    "sql": _sql,
    "text": _text,
    "custom": _custom,
}
