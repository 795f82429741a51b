"""Gates as data: native checks by name and parameters, and what the gate does with what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dovetail.errors import DefinitionError
from dovetail.graph._constants import read_value, write_value
from dovetail.graph._references import Importer, reference_in
from dovetail.quality import Check, Gate, Policy, Suite, checks

_COLUMNS: dict[str, tuple[str, ...]] = {
    "unique": (),
    "columns_present": (),
    "compare": ("left", "right"),
    "row_count": (),
}
"""Arguments that name columns; ``()`` is any number of them. All other checks have one, called ``column``."""

_FUNCTIONS: dict[str, Callable[..., Check]] = {
    "not_null": checks.not_null,
    "unique": checks.unique,
    "in_range": checks.in_range,
    "in_set": checks.in_set,
    "regex": checks.matches,
    "compare": checks.compare,
    "row_count": checks.row_count,
    "column_exists": checks.columns_present,
    "mean": checks.mean_between,
}
"""Kind of a native check -> the function that makes it."""

CHECKS = {function.__name__: function for function in _FUNCTIONS.values()}


def write_gate(gate: Gate, where: str, modules: Iterable[str], known: str | None = None) -> dict[str, Any]:
    """A gate as JSON: by the reference that is known or by which one of the modules has it, else as data.

    Raises:
        DefinitionError: It has another library's suite, and no name.
    """
    reference = known or reference_in(gate, modules)
    if reference is not None:
        return {"name": gate.name, "ref": reference, "fingerprint": gate.fingerprint()}
    if type(gate.suite) is not Suite:
        raise DefinitionError(
            f"gate {gate.name!r} of {where} cannot be exported",
            why=f"its suite is a {type(gate.suite).__qualname__}, which is code",
            fix="give the gate a name at the top of a module, such as good = dt.Gate(...), and use that",
        )
    policy = gate.policy
    if policy.stable:
        raise DefinitionError(
            f"gate {gate.name!r} of {where} cannot be exported",
            why="its limits from history are not part of the format",
            fix="give the gate a name at the top of a module, such as good = dt.Gate(...), and use that",
        )
    written: dict[str, Any] = {
        "name": gate.name,
        "suite": {
            "name": gate.suite.name,
            "checks": [_write_check(check, f"gate {gate.name!r}") for check in gate.suite.checks],
        },
    }
    for name, value in {**policy.to_dict(), "thresholds": _overrides(policy)}.items():
        if value != _DEFAULTS.get(name):
            written[name] = value
    if gate.keys:
        written["keys"] = list(gate.keys)
    if not gate.sample_values:
        written["sample_values"] = False
    if gate.profile:
        written["profile"] = True
    return written


_DEFAULTS = Policy().to_dict()


def _overrides(policy: Policy) -> dict[str, Any]:
    limits = {pattern: found.to_dict() for pattern, found in policy.overrides}
    if len(limits) < len(policy.overrides):  # the first of two equal patterns counts
        limits = {pattern: found.to_dict() for pattern, found in reversed(policy.overrides)}
    return limits


def _write_check(check: Check, where: str) -> dict[str, Any]:
    function = _FUNCTIONS.get(check.info.kind)
    if function is None:
        raise DefinitionError(f"the check {check.info.id} of {where} cannot be exported", why="it is no native check")
    written: dict[str, Any] = {"check": function.__name__}
    columns = check.info.columns
    named = _COLUMNS.get(function.__name__, ("column",))
    if named:
        written.update(zip(named, columns, strict=True))
    elif columns:
        written["columns"] = list(columns)
    for name, value in check.params.items():
        if value is not None:
            written[name] = write_value(list(value) if name == "values" else value, where)
    if check.nulls != "ignore":
        written["nulls"] = check.nulls
    if check.info.severity != "error":
        written["severity"] = check.info.severity
    return written


def read_gate(data: dict[str, Any], path: str, importer: Importer) -> Gate:
    """The gate that :func:`write_gate` wrote as data.

    Raises:
        DefinitionError: A check is unknown, or an argument or option makes no sense; the message has the place.
    """
    suite = data["suite"]
    read = [_read_check(item, f"{path}.suite.checks[{i}]", importer) for i, item in enumerate(suite["checks"])]
    options = {name: value for name, value in data.items() if name not in ("suite", "keys")}
    try:
        return Gate(Suite(suite["name"], read), keys=tuple(data.get("keys", ())), **options)
    except DefinitionError as error:
        error.who = path
        raise


def _read_check(data: dict[str, Any], path: str, importer: Importer) -> Check:
    function = CHECKS[data["check"]]
    arguments = {
        name: read_value(value, f"{path}.{name}", importer)
        for name, value in data.items()
        if name not in ("check", "columns")
    }
    try:
        return function(*data.get("columns", ()), **arguments)
    except DefinitionError as error:
        error.who = path
        raise
    except TypeError as error:
        raise DefinitionError(
            f"{path}: {data['check']}() does not take these arguments", why=str(error), fix="see its documentation"
        ) from error
