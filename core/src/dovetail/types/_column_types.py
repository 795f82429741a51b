"""Types of declared columns: what a declaration means, which Arrow types fit it, and which may be widened to it."""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from dovetail.errors import nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.types._refine import Columns

_PYTHON: dict[Any, str] = {
    bool: "bool",
    int: "int64",
    float: "double",
    str: "string",
    bytes: "binary",
    datetime.date: "date32[day]",
}
_FAMILIES: dict[Any, str] = {
    datetime.datetime: "timestamp",
    datetime.time: "time",
    datetime.timedelta: "duration",
    decimal.Decimal: "decimal",
    list: "list",
    dict: "struct",
}
_SPELLINGS = {
    "str": "string",
    "object": "string",
    "boolean": "bool",
    "utf8": "string",
    "float": "double",
    "int": "int64",
}
_WITH_ZONE = re.compile(r"timestamp\[(s|ms|us|ns), *(?:tz=)?([\w/+:-]+)\]")
_PANDAS_TIME = re.compile(r"(datetime|timedelta)64\[(s|ms|us|ns)(?:, *([\w/+:-]+))?\]")
_DECIMAL = re.compile(r"decimal(?:128|256)?\((\d+), *(\d+)\)")
_LIST = re.compile(r"(?:large_)?list<(?:item: *)?(.+)>")


@dataclass(frozen=True)
class Expected:
    """What a declaration means: one Arrow type, a family of them (``"timestamp"``), a list of something, or anything."""

    exact: Any = None
    family: str | None = None
    item: Expected | None = None


ANYTHING = Expected()


def expect(kind: Any) -> Expected:
    """What a declared type means. Raises ValueError for what is no type of a column."""
    if kind is Any or kind is object:
        return ANYTHING
    if get_origin(kind) in (list, collections.abc.Sequence) and get_args(kind):
        return Expected(family="list", item=expect(get_args(kind)[0]))
    if isinstance(kind, type):
        if kind in _FAMILIES:
            return Expected(family=_FAMILIES[kind])
        name = _PYTHON.get(kind)
        if name is None:
            raise ValueError("columns hold bool, int, float, str, bytes, dates and times, Decimal, lists and dicts")
        return Expected(exact=_arrow(name))
    if isinstance(kind, str):
        return Expected(exact=_arrow(kind))
    if not type(kind).__module__.startswith("pyarrow") or not hasattr(kind, "num_fields"):
        raise ValueError("it is neither a Python type nor a pyarrow one")
    return Expected(exact=kind)


def declared_type(kind: Any) -> None:
    """Raise ValueError unless ``kind`` declares the type of a column: a Python type, the name of an Arrow type, or one."""
    expect(kind)


def fits_type(actual: pa.DataType, kind: Any) -> bool:
    """True if every value of a column of the type ``actual`` is one of the declared type."""
    return fits(actual, expect(kind)) is not None


@lru_cache(maxsize=512)
def _arrow(name: str) -> pa.DataType:
    """The Arrow type of a name, in the spelling of Arrow, pandas or numpy."""
    import pyarrow as pa

    text = name.strip()
    if found := _WITH_ZONE.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    if found := _PANDAS_TIME.fullmatch(text):
        return pa.timestamp(found[2], found[3]) if found[1] == "datetime" else pa.duration(found[2])
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    if found := _LIST.fullmatch(text):
        return pa.list_(_arrow(found[1]))
    folded = text.removesuffix("[pyarrow]").casefold()
    try:
        return pa.type_for_alias(_SPELLINGS.get(folded, folded))
    except ValueError:
        raise ValueError(f"pyarrow knows no type {name!r}") from None


# -- fitting -------------------------------------------------------------------------------------------


def fits(actual: pa.DataType, expected: Expected) -> pa.DataType | None:
    """The type that a column has after the border: its own, or a wider one. None if it does not fit."""
    from dovetail.types._arrow_layout import plain_type

    actual = plain_type(actual)
    if expected.exact is not None:
        return _widened(actual, plain_type(expected.exact))
    if expected.item is not None:
        return _list_of(actual, expected.item)
    return actual if expected.family is None or _is_of(actual, expected.family) else None


def _list_of(actual: pa.DataType, item: Expected) -> pa.DataType | None:
    import pyarrow as pa

    if not _is_of(actual, "list"):
        return None
    inside = fits(actual.value_type, item)
    if inside is None or inside == actual.value_type:
        return actual if inside is not None else None
    field = actual.value_field.with_type(inside)
    return pa.list_(field, actual.list_size) if pa.types.is_fixed_size_list(actual) else pa.list_(field)


def _is_of(kind: pa.DataType, family: str) -> bool:
    import pyarrow.types as t

    if family == "list":
        return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))
    if family == "struct":
        return bool(t.is_struct(kind) or t.is_map(kind))
    check = {"timestamp": t.is_timestamp, "time": t.is_time, "duration": t.is_duration, "decimal": t.is_decimal}
    return bool(check[family](kind))


def _widened(actual: pa.DataType, wanted: pa.DataType) -> pa.DataType | None:
    """``wanted`` if every value of ``actual`` is one of it, and stays what it is; else None."""
    import pyarrow.types as t

    if actual == wanted or t.is_null(actual):
        return wanted
    if t.is_dictionary(actual) and not t.is_dictionary(wanted):
        return _widened(actual.value_type, wanted)
    if t.is_integer(actual) and t.is_integer(wanted):
        room = wanted.bit_width - actual.bit_width
        same = t.is_signed_integer(actual) == t.is_signed_integer(wanted)
        return wanted if room > 0 and (same or t.is_signed_integer(wanted)) else None
    if t.is_floating(actual) and t.is_floating(wanted):
        return wanted if wanted.bit_width > actual.bit_width else None
    if t.is_decimal(actual) and t.is_decimal(wanted):
        return wanted if actual.scale == wanted.scale and actual.precision <= wanted.precision else None
    if t.is_list(actual) and t.is_list(wanted):
        return wanted if _widened(actual.value_type, wanted.value_type) is not None else None
    return None


def may_fit(source: Expected, target: Expected) -> bool | None:
    """Whether what one end declares fits what the other declares; None where only the value can tell."""
    if target == ANYTHING or source == target:
        return True
    if source == ANYTHING:
        return None
    if source.exact is not None:
        return fits(source.exact, target) is not None
    if source.item is not None and target.item is not None:
        return may_fit(source.item, target.item)
    if target.exact is not None:
        family = "list" if source.item is not None else source.family
        return None if family is not None and _is_of(target.exact, family) else False
    return None if source.family == target.family else False


def declared_misfit(given: Columns, wanted: Columns) -> tuple[list[str], bool]:
    """What keeps one end's declared columns from being those of the other; and whether that is all, before a value is there."""
    source = dict(given.declared)
    problems, certain = [], given.extra != "keep"
    for name, column in wanted.declared:
        have = source.get(name)
        if have is None:
            if given.extra != "keep":
                close = nearest(name, source)
                problems.append(f"column {name!r} is not declared there" + (f" (there is {close!r})" if close else ""))
            continue
        fit = may_fit(expect(have.type), expect(column.type))
        if fit is False:
            problems.append(f"column {name!r} is {have!r} there, and {column!r} is wanted")
        elif have.nullable and not column.nullable:
            problems.append(f"column {name!r} may hold nulls there, and {column!r} is wanted")
        certain = certain and fit is True
    if wanted.extra == "refuse":
        problems += [f"column {name!r} is not wanted" for name in source if name not in dict(wanted.declared)]
    return problems, certain
