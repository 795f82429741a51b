"""What an expectation asserts, in the words of a report."""

from __future__ import annotations

import hashlib
from glob import escape
from typing import Any

from dovetail.graph import value_fingerprint
from dovetail.spec import CheckInfo

from dovetail_great_expectations._suites import Suite, Wanted

_KINDS: dict[str, tuple[str, Any]] = {
    "column_values_to_not_be_null": ("not_null", "completeness"),
    "column_values_to_be_unique": ("unique", "uniqueness"),
    "compound_columns_to_be_unique": ("unique", "uniqueness"),
    "column_values_to_be_between": ("in_range", "conformity"),
    "column_values_to_be_in_set": ("in_set", "conformity"),
    "column_values_to_not_be_in_set": ("not_in_set", "conformity"),
    "column_values_to_match_regex": ("regex", "conformity"),
    "column_value_lengths_to_be_between": ("length", "conformity"),
    "column_value_lengths_to_equal": ("length", "conformity"),
    "column_values_to_be_of_type": ("dtype", "conformity"),
    "column_values_to_be_in_type_list": ("dtype", "conformity"),
    "column_type_to_be": ("dtype", "conformity"),
    "column_to_exist": ("column_exists", "conformity"),
    "table_columns_to_match_set": ("column_exists", "conformity"),
    "table_columns_to_match_ordered_list": ("column_order", "conformity"),
    "table_row_count_to_be_between": ("row_count", "coverage"),
    "table_row_count_to_equal": ("row_count", "coverage"),
    "column_pair_values_a_to_be_greater_than_b": ("compare", "consistency"),
    "column_pair_values_to_be_equal": ("compare", "consistency"),
    "column_mean_to_be_between": ("mean", "accuracy"),
    "column_median_to_be_between": ("quantile", "accuracy"),
    "column_quantile_values_to_be_between": ("quantile", "accuracy"),
    "column_stdev_to_be_between": ("stddev", "accuracy"),
    "column_sum_to_be_between": ("sum", "accuracy"),
}
_COLUMNS = ("column", "column_A", "column_B", "column_list", "column_set")
_NOT_ASKED = (*_COLUMNS, "mostly", "batch_id", "windows")
_LONG = 100


def infos(suite: Suite) -> list[CheckInfo]:
    """A record for each expectation, in the order of the suite. Two that expect the same are told apart by a number."""
    found: list[CheckInfo] = []
    seen: dict[str, int] = {}
    for wanted in suite.wanted:
        info = _info(wanted)
        times = seen[info.id] = seen.get(info.id, 0) + 1
        if times > 1:
            info = _info(wanted, f"#{times}")
        found.append(info)
    return found


def is_row_scoped(expectation: Any) -> bool:
    """True for an expectation about every row."""
    return any(base.__name__.endswith("MapExpectation") for base in type(expectation).__mro__)


def columns_of(expectation: Any) -> list[str]:
    """The columns that an expectation names."""
    found: list[str] = []
    for name in _COLUMNS:
        told = getattr(expectation, name, None)
        more = [told] if isinstance(told, str) else list(told or ())
        found += [each for each in (sorted(more) if isinstance(told, (set, frozenset)) else more) if each not in found]
    return found


def mostly_of(expectation: Any) -> float:
    """The share of values that have to be as expected; 1.0 where the expectation does not say."""
    told = getattr(expectation, "mostly", 1)
    return float(told) if isinstance(told, (int, float)) else 1.0


def limits(suite: Suite) -> dict[str, float]:
    """What share of the values ``mostly`` lets be otherwise, by check id, as a gate's thresholds say it."""
    return {
        escape(info.id): round(1 - mostly, 12)
        for wanted, info in zip(suite.wanted, infos(suite), strict=True)
        if (mostly := mostly_of(wanted.expectation)) < 1
    }


def source_of(wanted: Wanted) -> str:
    """All that decides the outcome beyond what people read of it: every parameter, and the code of a user's own class."""
    own = type(wanted.expectation)
    code = "" if own.__module__.startswith("great_expectations.") else value_fingerprint(own)
    return f"{_text(wanted.configuration.kwargs)} {code}"


def _info(wanted: Wanted, number: str = "") -> CheckInfo:
    expectation, kwargs = wanted.expectation, wanted.configuration.kwargs
    word = str(wanted.configuration.type).removeprefix("expect_")
    kind, dimension = _KINDS.get(word, ("custom", None))
    columns = columns_of(expectation)
    asked = {name: value for name, value in sorted(kwargs.items()) if name not in _NOT_ASKED and value is not None}
    text = ", ".join(f"{name}={_text(value)}" for name, value in asked.items())
    subject = ",".join(columns) or "table"
    short = word.removeprefix("column_").removeprefix("values_to_").removeprefix("table_")
    mostly = mostly_of(expectation)
    description = getattr(expectation, "description", None)
    return CheckInfo(
        id=f"{subject}.{short}{_in_short(text)}{number}",
        name=description
        or f"{', '.join(columns) or 'table'} {short.replace('_', ' ')}" + (f" ({text[:_LONG]})" if text else ""),
        kind=kind,
        columns=tuple(columns),
        row_scoped=is_row_scoped(expectation),
        dimension=dimension,
        severity="error"
        if str(getattr(expectation.severity, "value", expectation.severity)) == "critical"
        else "warning",
        expected=(text[:_LONG] or short.replace("_", " ")) + (f", mostly {mostly:g}" if mostly < 1 else ""),
    )


def _in_short(text: str) -> str:
    """Parameters as part of an id: as they are where they are short."""
    if len(text) > _LONG:
        return f"({hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]})"
    return f"({text})" if text else ""


def _text(value: Any) -> str:
    """The same in every process: sets have no order, and objects are told by what they hold."""
    if hasattr(value, "dict") and hasattr(value, "__fields__"):
        value = {"_": type(value).__name__, **value.dict()}
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_text(value[name])}" for name in sorted(value, key=str)) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(_text, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_text, value)) + "]"
    return repr(value)
