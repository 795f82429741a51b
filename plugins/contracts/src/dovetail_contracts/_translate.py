"""An object of a contract as the steps of a suite."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dovetail.errors import DovetailError, shorten
from dovetail.quality import Check
from dovetail.quality.checks import columns_present, custom, fresh, in_range, in_set, length, matches, not_null, unique
from dovetail.spec import CheckInfo

from dovetail_contracts._formats import FORMATS, FREE, INTEGERS, whole
from dovetail_contracts._rules import steps_of_rule, unsupported
from dovetail_contracts._shape import column_of
from dovetail_contracts._steps import Step

_MOMENTS: dict[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "timestamp": datetime.datetime.fromisoformat,
    "time": datetime.time.fromisoformat,
}
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
    **dict.fromkeys(("y", "yr", "year", "years"), 365 * 86400),
}


def steps_of(document: Mapping[str, Any], element: Mapping[str, Any]) -> tuple[Step, ...]:
    """All that a contract asks of the table of one of its objects; no two steps of one id.

    Args:
        document: The contract.
        element: The object.
    """
    properties = [p for p in element.get("properties") or () if p.get("semanticType") != "measure"]
    columns = {str(prop["name"]): column_of(prop) for prop in properties}
    found: list[Step] = []
    if properties:
        found.append(Step.of(columns_present(*dict.fromkeys(columns.values()))))
    for prop in properties:
        found += _of_property(prop, columns)
    found += _key(properties)
    for rule in element.get("quality") or ():
        found += steps_of_rule(rule, "", columns)
    found += _service_levels(document, element, columns)
    return tuple(_distinct(found))


def _distinct(steps: list[Step]) -> Iterator[Step]:
    """Every step once, and under an id of its own."""
    seen: dict[str, list[Step]] = {}
    for step in steps:
        same = seen.setdefault(step.info.id, [])
        if step in same:
            continue
        same.append(step)
        yield step if len(same) == 1 else step.named(f"{step.info.id}#{len(same)}")


def _of_property(prop: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[Step]:
    column, kind, rules = column_of(prop), str(prop.get("logicalType") or ""), prop.get("quality") or ()
    of_rules = [step for rule in rules for step in steps_of_rule(rule, column, columns, kind)]
    if kind and not any(step.info.kind == "dtype" for step in of_rules):
        yield _logical(prop, column, kind)
    if prop.get("required"):
        yield Step.of(not_null(column))
    if prop.get("unique"):
        yield Step.of(unique(column))
    if prop.get("enum"):
        yield Step.of(in_set(column, [each["value"] for each in prop["enum"] if each["value"] is not None]))
    yield from _guarded(prop.get("logicalTypeOptions") or {}, column, kind)
    yield from _inside(prop, column)
    yield from of_rules


def _logical(prop: Mapping[str, Any], column: str, kind: str) -> Step:
    nested = {name: prop[name] for name in ("properties", "items", "map", "logicalTypeOptions") if prop.get(name)}
    info = CheckInfo(
        id=f"{column}.logical_type({kind})",
        name=f"{column} is {kind}",
        kind="logical_type",
        columns=(column,),
        row_scoped=False,
        dimension="conformity",
        expected=kind,
    )
    return Step(info, shape={"name": column, "logicalType": kind, **nested})


def _key(properties: list[Mapping[str, Any]]) -> Iterator[Step]:
    keys = [prop for prop in properties if prop.get("primaryKey")]
    if keys:
        keys.sort(key=lambda prop: prop.get("primaryKeyPosition") or 0)
        yield from (Step.of(not_null(column_of(prop))) for prop in keys)
        yield Step.of(unique(*(column_of(prop) for prop in keys)))


# -- options ------------------------------------------------------------------------------------


def _guarded(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Step]:
    """The steps of the options; one that makes no sense is listed, and does not pass."""
    for read in (_bounds, _lengths, _pattern, _format, _members):
        told = {name: value for name, value in options.items() if value is not None}
        try:
            yield from (Step.of(check) for check in read(told, column, kind))
        except DovetailError as error:
            why = "; ".join(filter(None, (error.what, error.why)))
            yield unsupported({"type": "logicalTypeOptions", **told}, column, f"unsupported: {why}")
        except ValueError as error:
            yield unsupported({"type": "logicalTypeOptions", **told}, column, f"unsupported: {error}")


def _bounds(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Check]:
    low, low_open = _bound(options, "minimum", "exclusiveMinimum", kind)
    high, high_open = _bound(options, "maximum", "exclusiveMaximum", kind)
    if low is not None or high is not None:
        side = {(False, False): "both", (True, False): "right", (False, True): "left", (True, True): "neither"}
        yield in_range(column, low, high, inclusive=side[low_open, high_open])  # type: ignore[arg-type]
    for name, other, given in (("minimum", "exclusiveMinimum", low_open), ("maximum", "exclusiveMaximum", high_open)):
        if given and name in options and not isinstance(options[other], bool):
            value = _moment(options[name], kind)  # both bounds of one side are given: both must hold
            yield in_range(column, **{name: value})


def _bound(options: Mapping[str, Any], name: str, other: str, kind: str) -> tuple[Any, bool]:
    """A bound, and whether it is no allowed value itself."""
    exclusive = options.get(other)
    if exclusive is True:  # as the standard's version 3.0 had it
        return _moment(options.get(name), kind), True
    if exclusive is None or exclusive is False:
        return _moment(options.get(name), kind), False
    return _moment(exclusive, kind), True


def _moment(value: Any, kind: str) -> Any:
    return _MOMENTS[kind](value) if kind in _MOMENTS and isinstance(value, str) else value


def _lengths(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Check]:
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("dimensions", "dimensions")):
        if low in options or high in options:
            yield length(column, options.get(low, 0), options.get(high))


def _pattern(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Check]:
    if "pattern" in options:
        yield matches(column, whole(options["pattern"]))


def _format(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Check]:
    given = options.get("format")
    if given is None or kind not in ("string", "integer", "number") or given in FREE:
        return  # how dates and times are written is not how they are stored
    if kind == "string" and given in FORMATS:
        yield matches(column, FORMATS[given])
    elif kind == "integer" and given in INTEGERS:
        limits = INTEGERS[given]
        if limits is not None:
            yield in_range(column, *limits)
    elif kind != "number" or given not in ("f32", "f64"):
        raise ValueError(f"there is no format {shorten(given)} of a {kind}")


def _members(options: Mapping[str, Any], column: str, kind: str) -> Iterator[Check]:
    if "multipleOf" in options:
        step = options["multipleOf"]
        if step <= 0:
            raise ValueError(f"nothing is a multiple of {step}")
        yield custom(_Multiple(step), column, name=f"multiple of {step}")
    if options.get("uniqueItems"):
        yield custom(_UniqueItems(), column, name="unique items")
    for name in ("minProperties", "maxProperties", "required"):
        if name in options:
            raise ValueError(f"{name} of an object is not evaluated")


class _Multiple:
    """Whether values are multiples of a number, as both are written in decimals."""

    def __init__(self, step: float) -> None:
        self.step = step

    def __call__(self, table: Any) -> Any:
        """A mask of the only column."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table.column(0)
        if pa.types.is_integer(column.type) and type(self.step) is int:
            return pc.equal(pc.subtract(column, pc.multiply(pc.divide(column, self.step), self.step)), 0)
        ratio = pc.divide(column.cast(pa.float64()), float(self.step))
        return pc.less_equal(pc.abs(pc.subtract(ratio, pc.round(ratio))), pc.multiply(pc.abs(ratio), 1e-12))


class _UniqueItems:
    """Whether no member of a list is there twice."""

    def __call__(self, table: Any) -> Any:
        """A mask of the only column."""
        import pyarrow as pa

        values = table.column(0).to_pylist()
        return pa.array(
            [None if each is None else len(set(map(repr, each))) == len(each) for each in values], pa.bool_()
        )


# -- nested properties, service levels ----------------------------------------------------------


def _inside(prop: Mapping[str, Any], column: str) -> Iterator[Step]:
    """Demands on values inside of a column: their types are checked with the column's, the rest cannot be."""
    parts = [(f"{column}.{column_of(each)}", each) for each in prop.get("properties") or ()]
    if isinstance(prop.get("items"), Mapping):
        parts.append((f"{column}[]", prop["items"]))
    parts += [(f"{column}{{{name}}}", each) for name, each in (prop.get("map") or {}).items()]
    for place, inner in parts:
        asked = [name for name in ("required", "unique", "primaryKey", "enum", "quality") if inner.get(name)]
        asked += sorted(set(inner.get("logicalTypeOptions") or {}) - {"timezone", "defaultTimezone"})
        if asked:
            why = f"unsupported: {', '.join(asked)} of a nested property"
            step = unsupported({"type": "nested", "name": f"{place}: {', '.join(asked)}"}, column, why)
            yield replace(step, info=replace(step.info, name=f"{place}: {', '.join(asked)}"))
        yield from _inside(inner, place)


def _service_levels(
    document: Mapping[str, Any], element: Mapping[str, Any], columns: Mapping[str, str]
) -> Iterator[Step]:
    for level in document.get("slaProperties") or ():
        if str(level["property"]).lower() not in ("latency", "ly", "freshness"):
            continue
        value, factor = level["value"], _UNITS.get(str(level.get("unit") or "d").lower())
        column = _element_of(str(level.get("element") or ""), document, element, columns)
        if column and factor and isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            yield Step.of(fresh(column, value * factor))


def _element_of(
    told: str, document: Mapping[str, Any], element: Mapping[str, Any], columns: Mapping[str, str]
) -> str | None:
    """The column that a service level speaks of, if it is one of this object."""
    place, _, name = told.strip().rpartition(".")
    if place not in ({element["name"], element.get("physicalName")} if place else {""}):
        return None
    if not place and len(document.get("schema") or ()) != 1:
        return None
    return columns.get(name)
