"""Logical types and the types of Arrow: does a column hold what the contract says, nested types included?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def column_of(prop: Mapping[str, Any]) -> str:
    """The name of a property in the data: the physical one where it has one."""
    return str(prop.get("physicalName") or prop.get("name") or "")


def mismatches(prop: Mapping[str, Any], found: pa.DataType, where: str = "") -> Iterator[str]:
    """How a type differs from what a property says; nothing if it does not.

    Args:
        prop: The property.
        found: The type of the column.
        where: What precedes the names of nested properties.
    """
    import pyarrow.types as t

    kind = prop.get("logicalType")
    if t.is_null(found) or not isinstance(kind, str):
        return  # a column without any value is of every type; whether nulls are allowed is another check
    if t.is_dictionary(found):
        found = found.value_type
    if not _FAMILIES[kind](found):
        yield f"{where or 'it'} is {found}, not {kind}"
        return
    options = prop.get("logicalTypeOptions") or {}
    if kind == "timestamp" and options.get("timezone") is True and found.tz is None:
        yield f"{where or 'it'} is {found}, which has no time zone"
    yield from _nested(prop, kind, found, where, options)


def _nested(
    prop: Mapping[str, Any], kind: str, found: pa.DataType, where: str, options: Mapping[str, Any]
) -> Iterator[str]:
    import pyarrow.types as t

    if kind == "object":
        there = {found.field(number).name: found.field(number).type for number in range(found.num_fields)}
        for inner in prop.get("properties") or ():
            name = column_of(inner)
            if name not in there:
                yield f"{where + '.' if where else ''}{name} is not there"
            else:
                yield from mismatches(inner, there[name], f"{where + '.' if where else ''}{name}")
    elif kind == "array" and isinstance(prop.get("items"), Mapping):
        yield from mismatches(prop["items"], found.value_type, f"{where}[]")
    elif kind == "map" and isinstance(prop.get("map"), Mapping):
        for part, inner in (("key", found.key_type), ("value", found.item_type)):
            if isinstance(prop["map"].get(part), Mapping):
                yield from mismatches(prop["map"][part], inner, f"{where}{{{part}}}")
    elif kind == "vector" and t.is_fixed_size_list(found) and options.get("dimensions") != found.list_size:
        yield f"{where or 'it'} has {found.list_size} dimensions, not {options.get('dimensions')}"


def _is_list(found: pa.DataType) -> bool:
    import pyarrow.types as t

    return bool(t.is_list(found) or t.is_large_list(found) or t.is_fixed_size_list(found) or t.is_list_view(found))


def _by_name(*names: str) -> Callable[[Any], bool]:
    def test(found: Any) -> bool:
        import pyarrow.types as t

        return any(getattr(t, f"is_{name}")(found) for name in names)

    return test


_FAMILIES: dict[str, Callable[[Any], bool]] = {
    "string": _by_name("string", "large_string", "string_view"),
    "date": _by_name("date"),
    "timestamp": _by_name("timestamp"),
    "time": _by_name("time"),
    "number": _by_name("integer", "floating", "decimal"),
    "integer": lambda found: _by_name("integer")(found) or (_by_name("decimal")(found) and found.scale <= 0),
    "boolean": _by_name("boolean"),
    "object": _by_name("struct"),
    "array": _is_list,
    "map": _by_name("map"),
    "vector": lambda found: _is_list(found) and _by_name("integer", "floating")(found.value_type),
}


def logical_type(name: str) -> tuple[str, dict[str, Any]] | None:
    """The logical type of a type of Arrow, with its options; None where the standard has none.

    Args:
        name: Name of the type of Arrow: ``"int32"``.
    """
    for pattern, kind in _ARROW:
        found = pattern.fullmatch(name.strip())
        if found is None:
            continue
        if kind == "integer":
            return kind, {"format": f"{'u' if found[1] else 'i'}{found[2]}"}
        return kind, {"timezone": True} if kind == "timestamp" and "tz=" in name else {}
    return None


_ARROW: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(u?)int(8|16|32|64)"), "integer"),
    (re.compile(r"(half)?_?float(16|32|64)?|double|decimal(128|256)?\(.*\)"), "number"),
    (re.compile(r"(large_)?string(_view)?|str|utf8"), "string"),
    (re.compile(r"bool|boolean"), "boolean"),
    (re.compile(r"date(32|64)(\[.*\])?"), "date"),
    (re.compile(r"timestamp\[.*\]"), "timestamp"),
    (re.compile(r"time(32|64)\[.*\]"), "time"),
)
