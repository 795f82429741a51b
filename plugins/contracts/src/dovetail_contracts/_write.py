"""Contracts written: from the checks of a gate, or from what a profile proposes.

Each check is written as the standard says it where that means exactly the same, and is read back to see. What the standard has no
words for is a rule of the engine ``dovetail``, and what no file can hold (a function) a text, which blocks where it is read.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from dovetail.errors import DovetailError, UsageError, shorten
from dovetail.quality import Check, Gate, Suite, check_from_entry
from yaml import YAMLError

from dovetail_contracts._entries import entry_of
from dovetail_contracts._formats import anchored
from dovetail_contracts._keys import WRITTEN
from dovetail_contracts._lint import lint_object
from dovetail_contracts._shape import logical_type
from dovetail_contracts._suite import Contract
from dovetail_contracts._translate import steps_of
from dovetail_contracts._yaml import dump, parse

_TOGETHER = ({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}, {"minLength", "maxLength"})
"""Options that are read as one check."""
_NUMBER = re.compile(r"#[0-9]+$")
_MOMENTS = (datetime.datetime, datetime.date, datetime.time)


@dataclass
class Written:
    """A contract that was made, and what of it the standard has no words for.

    Attributes:
        contract: The contract.
        own: Checks that are rules of the engine ``dovetail``.
        texts: Checks that are texts: no file can hold them.
    """

    contract: Contract
    own: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The contract as YAML."""
        return dump(self.contract.document)


def write_contract(
    suite: Gate | Suite | Iterable[Check],
    name: str | None = None,
    *,
    version: str = "1.0.0",
    exact_types: bool = True,
) -> Written:
    """A contract that asks what native checks ask.

    Args:
        suite: Native checks; of a gate also the limits of failing rows are written.
        name: Of the contract and of its object; default: that of the suite.
        version: Of the contract.
        exact_types: False writes logical types for what ``has_type`` asks (``integer``), True the type of Arrow besides.

    Raises:
        UsageError: The gate's suite is one of a library: there is nothing native to write.
    """
    limits: Callable[[str], int | float] = lambda check_id: 0  # noqa: E731
    if isinstance(suite, Gate):
        if not isinstance(suite.suite, Suite):
            raise UsageError(
                f"only native checks can be written as a contract; the suite of {suite.name} is a {type(suite.suite).__name__}",
                fix="give a suite of dovetail.quality.checks, or a TOML file",
            )
        policy = suite.policy
        limits = lambda check_id: policy.thresholds_of(check_id).fail.value  # noqa: E731
        name, checks = name or suite.name, suite.suite.checks
    elif isinstance(suite, Suite):
        name, checks = name or suite.name, suite.checks
    else:
        checks = tuple(suite)
    return _Writer(name or "data", version, exact_types).write(checks, limits)


def propose_contract(entries: Iterable[Mapping[str, Any]], name: str, *, version: str = "1.0.0") -> Written:
    """A contract of what :func:`dovetail.quality.propose` found.

    Args:
        entries: Its checks.
        name: Of the contract and of its object.
        version: Of the contract.
    """
    checks = [check_from_entry(entry, "the proposal") for entry in entries]
    return write_contract(checks, name, version=version, exact_types=False)


class _Writer:
    def __init__(self, name: str, version: str, exact_types: bool) -> None:
        self.element: dict[str, Any] = {"name": name, "physicalType": "table", "properties": [], "quality": []}
        self.document: dict[str, Any] = {
            "apiVersion": WRITTEN,
            "kind": "DataContract",
            "id": _id(name),
            "name": name,
            "version": version,
            "status": "draft",
            "schema": [self.element],
        }
        self.exact_types = exact_types
        self.properties: dict[str, dict[str, Any]] = {}
        self.written = Written(Contract(self.document, name))

    def write(self, checks: Iterable[Check], limits: Callable[[str], int | float]) -> Written:
        checks = list(checks)
        for column in dict.fromkeys(column for check in checks for column in check.info.columns):
            prop: dict[str, Any] = {"name": column}
            self.properties[column] = prop
            self.element["properties"].append(prop)
        # Types first: options have a meaning only beside one.
        checks.sort(key=lambda check: check.info.kind != "dtype")
        for check in checks:
            limit = limits(check.info.id) if check.info.row_scoped else 0
            # Two checks of one suite that differ in what an id leaves out have numbers: they are given again where it is read.
            self._write(replace(check, info=replace(check.info, id=_NUMBER.sub("", check.info.id))), limit)
        for part in (self.element, *self.properties.values()):
            for key in ("properties", "quality"):
                if key in part and not part[key]:
                    del part[key]
        return self.written

    def _write(self, check: Check, limit: int | float) -> None:
        kind = check.info.kind
        if kind == "column_exists" and not check.params.get("exact") and check.info.severity == "error":
            return  # that its properties are there is what every contract asks
        if kind == "dtype":
            self._type(check)
            return
        if limit == 0 and self._standard(check):
            return
        rule = _METRICS[kind](check) if kind in _METRICS else None
        if rule is not None and self._same(
            {**rule, **(_limited(limit) if check.info.row_scoped else {})}, check, limit
        ):
            return
        self._own(check, limit)

    # -- ways to write a check ------------------------------------------------------------------

    def _type(self, check: Check) -> None:
        found = logical_type(str(check.params["type"]))
        prop = self.properties[check.info.columns[0]]
        if found is not None and "logicalType" not in prop:
            prop["logicalType"] = found[0]
        if self.exact_types or found is None:
            self._own(check, 0)
        elif found[1].get("timezone"):
            prop["logicalTypeOptions"] = {"timezone": True}

    def _standard(self, check: Check) -> bool:
        """A key of the property, if there is one that says the same."""
        if len(check.info.columns) != 1 or check.info.kind not in _KEYS:
            return False
        prop = self.properties[check.info.columns[0]]
        before = {**prop, "logicalTypeOptions": dict(prop.get("logicalTypeOptions", {}))}
        added = _KEYS[check.info.kind](check, str(prop.get("logicalType", "")))
        if added is None:
            return False
        options = added.pop("logicalTypeOptions", {})
        if any(key in before for key in added) or any(key in before["logicalTypeOptions"] for key in options):
            return False
        if any(set(options) & together and before["logicalTypeOptions"].keys() & together for together in _TOGETHER):
            return False  # a second range would be read as one with the first
        trial = {"name": check.info.columns[0], "logicalType": prop.get("logicalType"), **added}
        if not _reads_back(trial | ({"logicalTypeOptions": options} if options else {}), check, 0):
            return False
        prop.update(added)
        if options:
            prop.setdefault("logicalTypeOptions", {}).update(options)
        return True

    def _same(self, rule: dict[str, Any], check: Check, limit: int | float) -> bool:
        """A rule of quality, if it is read as this check."""
        column = check.info.columns[0] if len(check.info.columns) == 1 else None
        if check.info.severity == "warning":
            rule["severity"] = "warning"
        trial = {"name": column or "", "quality": [rule]}
        if not _reads_back(trial, check, limit, at_property=column is not None):
            return False
        self._place(column).append(rule)
        return True

    def _own(self, check: Check, limit: int | float) -> None:
        entry, column = entry_of(check), check.info.columns[0] if len(check.info.columns) == 1 else None
        if entry is None:
            told = f"{check.info.name} ({check.info.kind}): a check that no file can hold"
            self._place(column).append({"type": "text", "description": told})
            self.written.texts.append(check.info.id)
            return
        if limit:
            entry["fail"] = limit if isinstance(limit, int) else f"{_percent(limit)}%"
        self._place(column).append({"type": "custom", "engine": "dovetail", "implementation": entry})
        self.written.own.append(check.info.id)

    def _place(self, column: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (self.properties[column] if column else self.element).setdefault("quality", [])
        return found


def _reads_back(trial: Mapping[str, Any], check: Check, limit: int | float, at_property: bool = True) -> bool:
    """Whether the text of a property, or of a rule of the object, is read as exactly this check."""
    element: dict[str, Any] = {"name": "trial", "properties": [{key: value for key, value in trial.items() if value}]}
    if not at_property:
        element = {"name": "trial", "quality": trial["quality"]}
    try:
        parsed = parse(dump(element), "trial")
        if lint_object(parsed):
            return False
        read = steps_of({}, parsed.value)
    except (DovetailError, YAMLError, TypeError, ValueError, KeyError):
        return False
    found = [step for step in read if step.info.kind not in ("column_exists", "logical_type")]
    return [step.check for step in found] == [check] and (found[0].limit or 0) == limit and not found[0].demands


# -- what the standard says of a check ---------------------------------------------------------


def _range(check: Check, kind: str) -> dict[str, Any] | None:
    low, high, inclusive = (check.params[name] for name in ("minimum", "maximum", "inclusive"))
    given: dict[str, Any] = {}
    if low is not None:
        given["minimum" if inclusive in ("both", "left") else "exclusiveMinimum"] = low
    if high is not None:
        given["maximum" if inclusive in ("both", "right") else "exclusiveMaximum"] = high
    if kind in ("date", "timestamp", "time"):
        given = {name: value.isoformat() if isinstance(value, _MOMENTS) else value for name, value in given.items()}
    elif kind not in ("integer", "number"):
        return None
    return {"logicalTypeOptions": given} if check.nulls == "ignore" else None


def _length(check: Check, kind: str) -> dict[str, Any] | None:
    low, high = check.params["minimum"], check.params["maximum"]
    if kind != "string":
        return None
    return {"logicalTypeOptions": {"minLength": low, **({} if high is None else {"maxLength": high})}}


def _pattern(check: Check, kind: str) -> dict[str, Any] | None:
    return {"logicalTypeOptions": {"pattern": anchored(check.params["pattern"])}} if kind == "string" else None


_KEYS: dict[str, Callable[[Check, str], dict[str, Any] | None]] = {
    "not_null": lambda check, kind: {"required": True},
    "unique": lambda check, kind: {"unique": True},
    "in_range": _range,
    "length": _length,
    "regex": _pattern,
}
_METRICS: dict[str, Callable[[Check], dict[str, Any] | None]] = {
    "not_null": lambda check: {"metric": "nullValues"},
    "unique": lambda check: {
        "metric": "duplicateValues",
        **({"arguments": {"properties": list(check.info.columns)}} if len(check.info.columns) > 1 else {}),
    },
    "in_set": lambda check: {"metric": "invalidValues", "arguments": {"validValues": list(check.params["values"])}},
    "regex": lambda check: {"metric": "invalidValues", "arguments": {"pattern": anchored(check.params["pattern"])}},
    "row_count": lambda check: {"metric": "rowCount", **_rows(check.params["minimum"], check.params["maximum"])},
}


def _rows(low: int, high: int | None) -> dict[str, Any]:
    if high is None:
        return {"mustBeGreaterOrEqualTo": low}
    return {"mustBe": low} if low == high else {"mustBeBetween": [low, high]} if low else {"mustBeLessOrEqualTo": high}


def _limited(limit: int | float) -> dict[str, Any]:
    """The demand of a limit of failing rows."""
    if isinstance(limit, int):
        return {"mustBe": 0} if not limit else {"mustBeLessOrEqualTo": limit}
    return {"mustBeLessOrEqualTo": _percent(limit), "unit": "percent"}


def _percent(share: float) -> int | float:
    exact = Fraction(repr(share)) * 100
    return int(exact) if exact.denominator == 1 else float(exact)


def _id(name: str) -> str:
    return name if name and all(sign.isalnum() or sign in "-_." for sign in name) else shorten(name)
