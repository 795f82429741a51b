"""Native checks as entries of a document and back: what a rule of the engine ``dovetail`` holds in a contract."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from dovetail.errors import DefinitionError, shorten
from dovetail.quality import Check, check_from_entry

_NAMES = {
    **{kind: kind for kind in ("not_null", "unique", "in_range", "in_set", "compare", "length", "monotonic")},
    **{kind: kind for kind in ("expression", "row_count")},
    "regex": "matches",
    "column_exists": "columns_present",
    "dtype": "has_type",
    "mean": "mean_between",
    "stddev": "stddev_between",
    "quantile": "quantile_between",
    "sum": "sum_equals",
    "freshness": "fresh",
}
"""Kind of a check to the name of its function."""
_MANY = ("unique", "column_exists")
_DEFAULTS: dict[str, Any] = {
    "inclusive": "both",
    "minimum": None,
    "maximum": None,
    "strict": False,
    "descending": False,
}
_DEFAULTS |= {"exact": False, "tolerance": 0.0}

_WRITERS: dict[type, tuple[str, Callable[[Any], str]]] = {
    datetime.datetime: ("timestamp", datetime.datetime.isoformat),
    datetime.date: ("date", datetime.date.isoformat),
    datetime.time: ("time", datetime.time.isoformat),
    Decimal: ("decimal", str),
}
_PYTHON: dict[str, type] = {
    each.__name__: each
    for each in (bool, int, float, str, bytes, Decimal, datetime.datetime, datetime.date, datetime.time)
}
_READERS: dict[str, Callable[[str], Any]] = {
    "python": _PYTHON.__getitem__,
    "timestamp": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "decimal": Decimal,
}


def entry_of(check: Check) -> dict[str, Any] | None:
    """A check as an entry; None if no entry makes the same check again."""
    name = _NAMES.get(check.info.kind)
    if name is None:
        return None
    entry: dict[str, Any] = {"check": name}
    info, params = check.info, dict(check.params)
    if info.kind == "expression":
        entry["text"] = info.expected.removesuffix(", nulls fail")
        params = {}
    elif info.kind == "compare":
        entry |= {"left": info.columns[0], "right": info.columns[1]}
    elif info.kind in _MANY:
        entry["columns"] = list(info.columns)
    elif info.columns:
        entry["column"] = info.columns[0]
    if info.kind == "dtype":
        declared = params["declared"]
        params = {"kind": declared if isinstance(declared, (type, str)) else params["type"]}
    elif info.kind == "freshness":
        params = {"within": params["seconds"]}
        words = info.expected.removeprefix("newest within ")
        params["within"] = words if not words.endswith(" s") else params["within"]
    if check.nulls == "fail":
        params["nulls"] = "fail"
    if info.severity != "error":
        params["severity"] = info.severity
    try:
        entry |= {key: plain(value) for key, value in params.items() if not _is_default(key, value)}
        return entry if _same(check_of(entry), check) else None
    except (DefinitionError, TypeError, ValueError):
        return None


def _same(one: Check, other: Check) -> bool:
    """Equal; a type of Arrow and its name are."""
    if one.info.kind == "dtype" and not isinstance(other.params["declared"], type):
        return one.info == other.info and one.params["type"] == other.params["type"]
    return one == other


def check_of(entry: Mapping[str, Any], who: str = "") -> Check:
    """The check of an entry.

    Raises:
        DefinitionError: It is none.
    """
    if not isinstance(entry, Mapping):
        raise DefinitionError(f"a rule of the engine dovetail is a table, not {shorten(entry)}", who=who or None)
    return check_from_entry({key: _read(value) for key, value in entry.items() if key != "fail"}, who)


def plain(value: Any) -> Any:
    """A value of a check as YAML has it; what YAML does not have is a table of its kind and its text.

    Raises:
        TypeError: There is no such form.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, type) and _PYTHON.get(value.__name__) is value:
        return {"python": value.__name__}
    if type(value) in _WRITERS:
        word, write = _WRITERS[type(value)]
        return {word: write(value)}
    raise TypeError(f"{type(value).__name__} has no form in YAML")


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((word, text),) = value.items()
            if word in _READERS and isinstance(text, str):
                try:
                    return _READERS[word](text)
                except (ValueError, ArithmeticError, KeyError):
                    pass
        raise DefinitionError(f"{shorten(value)} is no value", fix='such as {date: "2026-01-31"}')
    return value


def _is_default(key: str, value: Any) -> bool:
    return key in _DEFAULTS and value == _DEFAULTS[key] and type(value) is type(_DEFAULTS[key])
