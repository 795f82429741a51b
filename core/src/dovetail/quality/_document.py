"""Gates as TOML files: native checks and a policy, for people who check data without writing Python."""

from __future__ import annotations

import datetime
import inspect
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dovetail.errors import DefinitionError, DovetailError, UsageError, listing, nearest, shorten
from dovetail.quality import checks
from dovetail.quality._gate import Gate
from dovetail.quality.checks import Check, Suite

_NOT_IN_FILES = ("Check", "Suite", "custom", "schema", "min_rows")
CHECKS: dict[str, Callable[..., Check]] = {
    name: getattr(checks, name) for name in checks.__all__ if name not in _NOT_IN_FILES
}
"""The checks that a file can name, by the names of their functions. A function of one's own has no place in a file."""
_POLICY = ("on_fail", "max_quarantined", "warn", "fail", "thresholds", "min_rows", "keys", "sample_values", "profile")
_KEYS = ("name", "checks", "gate")


def read_gate(path: Path, **changes: Any) -> Gate:
    """The gate of a TOML file.

    Its keys are ``name``, a table ``gate`` with options of :class:`Gate`, and an array of tables ``checks``, each with the name
    of the check under ``check`` and the arguments of its function; columns under ``column`` or ``columns``.

    Args:
        path: The file.
        changes: Options of :class:`Gate` that go before those of the file.

    Raises:
        UsageError: There is no such file, or it is no TOML.
        DefinitionError: A check or an option is unknown, or its arguments make no sense; says which.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows write the mark
    except FileNotFoundError:
        raise UsageError(f"there is no file {str(path)!r}", fix=f"dovetail check init DATA > {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read as TOML", why=str(error)) from error
    return gate_from_document(document, str(path), path.stem, **changes)


def gate_from_document(document: Mapping[str, Any], who: str, name: str, **changes: Any) -> Gate:
    """The gate of a document as :func:`read_gate` reads it.

    Args:
        document: As TOML has it.
        who: Where it comes from, for errors.
        name: Of the gate, if the document has none.
        changes: Options of :class:`Gate` that go before those of the document.
    """
    _known(document, _KEYS, who)
    entries = document.get("checks")
    if not isinstance(entries, list) or not entries:
        raise DefinitionError("the file has no checks", who=who, fix='[[checks]]\ncheck = "not_null"\ncolumn = "a"')
    made = [check_from_entry(entry, f"{who}, check {number}") for number, entry in enumerate(entries, 1)]
    policy = document.get("gate", {})
    if not isinstance(policy, Mapping):
        raise DefinitionError(f"gate is a table, not {shorten(policy)}", who=who)
    _known(policy, _POLICY, f"{who}, gate")
    title = document.get("name", name)
    if not isinstance(title, str) or not title:
        raise DefinitionError(f"name is a text, not {shorten(title)}", who=who)
    try:
        return Gate(Suite(title, made), name=title, **{**policy, **changes})
    except DovetailError as error:
        error.who = error.who or who
        raise


def check_from_entry(entry: Any, who: str) -> Check:
    """The check of one table of a document.

    Args:
        entry: As :func:`read_gate` finds it below ``checks``.
        who: Where it comes from, for errors.

    Raises:
        DefinitionError: The check is unknown, or its arguments make no sense; says which.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("check"), str):
        raise DefinitionError(f"a check is a table with its name under 'check', not {shorten(entry)}", who=who)
    name = entry["check"]
    if name not in CHECKS:
        close = nearest(name, CHECKS)
        raise DefinitionError(
            f"there is no check {name!r}", who=who, fix=f"did you mean {close!r}?" if close else listing(CHECKS)
        )
    function = CHECKS[name]
    parameters = inspect.signature(function).parameters
    given = {key: value for key, value in entry.items() if key != "check"}
    columns = _columns(given, parameters, who)
    named = [key for key, p in parameters.items() if p.kind is not inspect.Parameter.VAR_POSITIONAL]
    _known(given, [*named, "columns"], f"{who} ({name})")
    try:
        return function(*columns, **given)
    except DovetailError as error:
        error.who = error.who or f"{who} ({name})"
        raise
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"{name} cannot be made of {shorten(given)}", who=who, why=str(error)) from None


def _columns(given: dict[str, Any], parameters: Mapping[str, inspect.Parameter], who: str) -> list[str]:
    """The columns of a check whose function takes any number of them, out of what is given."""
    if not any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values()):
        return []
    columns = given.pop("columns", given.pop("column", []))
    columns = [columns] if isinstance(columns, str) else columns
    if not isinstance(columns, list):
        raise DefinitionError(f"columns are a list of names, not {shorten(columns)}", who=who)
    return columns


def _known(table: Mapping[str, Any], keys: Iterable[str], who: str) -> None:
    for key in table:
        if key not in keys:
            close = nearest(key, keys)
            raise DefinitionError(
                f"there is no key {key!r}",
                who=who,
                fix=f"did you mean {close!r}?" if close else f"keys: {listing(keys)}",
            )


def write_document(name: str, entries: Iterable[Mapping[str, Any]], policy: Mapping[str, Any], head: str = "") -> str:
    """A gate as the text of a TOML file that :func:`read_gate` reads.

    Args:
        name: Of the gate.
        entries: Its checks, as tables.
        policy: Options of the gate.
        head: Text to stand before it, as a comment.
    """
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines += [f"name = {_toml(name)}", "", "[gate]", *(f"{key} = {_toml(value)}" for key, value in policy.items())]
    for entry in entries:
        lines += ["", "[[checks]]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    # JSON's texts are TOML's, but for the one character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
