"""Checks against other data: foreign keys, sums and numbers of rows. Nothing here looks at data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dovetail.config import mask_url, url_scheme
from dovetail.errors import DefinitionError, DovetailError, shorten
from dovetail.quality.checks._check import Check, Nulls, Severity, row_check, whole_check
from dovetail.quality.checks._whole import non_negative
from dovetail.spec import TypeRef
from dovetail.types import File, current_types

FILES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
"""Formats of files that a check may refer to, by the ends of their names."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Other data that a check refers to.

    Attributes:
        kind: ``table``: given as a value; ``file``; ``name``: an input of the node or a dataset; ``dataset``.
        name: The name, the path or URL; ``""`` for a table.
        value: The table (``pyarrow.Table``), or what stands for a dataset.
        columns: What is read of it.
    """

    kind: Literal["table", "file", "name", "dataset"]
    name: str
    value: Any
    columns: tuple[str, ...]

    @classmethod
    def to(cls, given: Any, columns: tuple[str, ...]) -> Reference:
        """What a user means by it; see :func:`foreign_key`."""
        if isinstance(given, os.PathLike):
            return cls("file", os.fspath(given), None, columns)
        if isinstance(given, str) and given.strip():
            is_file = url_scheme(given) or os.path.splitext(given)[1].lower() in FILES  # noqa: PTH122 - it may be a URL
            return cls("file" if is_file else "name", given, None, columns)
        if getattr(given, "__dovetail_task_type__", None) == "dataset":
            return cls("dataset", given.name, given, columns)
        return cls("table", "", _table(given), columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        same = (self.kind, self.name, self.columns) == (other.kind, other.name, other.columns)
        return same and (self.value is other.value or (self.kind == "dataset" and self.value == other.value))

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.columns))

    def told(self) -> str:
        """For people: the name, or that it is a table."""
        if self.kind == "table":
            return "another table"
        return self.name.partition("?")[0].rpartition("/")[2] if self.kind == "file" else self.name

    def identity(self) -> tuple[str, str, tuple[str, ...], str]:
        """What of it belongs to the fingerprint of its check: its content, where that is given as a value or file."""
        name, content = self.name, ""
        if self.kind == "table":
            content = current_types().content_hash(self.value)
        elif self.kind == "file":
            name = mask_url(name)
            try:
                with local_file(self.name).open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except (OSError, DovetailError):
                content = "missing"  # evaluating it says why
        elif self.value is not None:
            content = str(self.value.version or "")
        return self.kind, name, self.columns, content


def local_file(name: str) -> Path:
    """The file of a path or URL; that of a URL is fetched."""
    if url_scheme(name):
        return File(name).download()
    return Path(name.removeprefix("file://"))


def _table(given: Any) -> Any:
    what = f"{shorten(given)} is no other data that a check can refer to"
    fix = "give a table, a Parquet, CSV or Arrow file, an input of the node by its name, or a dataset by its name"
    if given is None or isinstance(given, (str, bytes, int, float, list, tuple, dict, set)):
        raise DefinitionError(what, fix=fix)
    try:
        return current_types().convert(given, TypeRef("pyarrow.Table"))
    except DovetailError as error:
        raise DefinitionError(what, why=error.what, fix=fix) from error


def foreign_key(
    columns: str | Sequence[str],
    reference: Any,
    reference_columns: str | Sequence[str] | None = None,
    *,
    nulls: Nulls = "ignore",
    severity: Severity = "error",
) -> Check:
    """Every key occurs in other data: each order's customer is a customer.

    Args:
        columns: One column, or those that make the key.
        reference: Another input of the node, or else a published dataset, by its name (``"shop/customers"``, or
            ``"shop/customers@3"``); what ``dt.dataset`` gave; a table; or the path or URL of a Parquet, CSV or Arrow file,
            which is read when the check is made.
        reference_columns: The columns there, in the same order. Default: of the same names.
        nulls: ``"ignore"``: rows with a null in the key are not evaluated. ``"fail"``: they fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.

    Raises:
        DefinitionError: The two sides have different numbers of columns, or ``reference`` is nothing of that.
    """
    own = _names("columns", columns)
    theirs = own if reference_columns is None else _names("reference_columns", reference_columns)
    if len(own) != len(theirs):
        raise DefinitionError(
            f"foreign_key() compares {len(own)} columns with {len(theirs)}",
            why=f"{', '.join(own)} with {', '.join(theirs)}",
            fix="give as many reference_columns as columns",
        )
    found = Reference.to(reference, theirs)
    told = f"in {found.told()}" + ("" if theirs == own else f" ({', '.join(theirs)})")
    return row_check("foreign_key", own, {"reference": found}, told, "consistency", severity, nulls)


def reconciles(
    column: str,
    reference: Any,
    reference_column: str | None = None,
    *,
    tolerance: float = 0.0,
    severity: Severity = "error",
) -> Check:
    """The sum of a column is that of a column of other data: what left one system has arrived in the other.

    Args:
        column: A column of numbers; nulls count as nothing.
        reference: As for :func:`foreign_key`.
        reference_column: The column there. Default: of the same name.
        tolerance: Largest difference that is allowed, in the unit of the column.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    non_negative("tolerance", tolerance)
    theirs = column if reference_column is None else reference_column
    found = Reference.to(reference, _names("reference_column", theirs))
    told = f"sum = sum of {theirs} in {found.told()}" + (f" +- {tolerance:g}" if tolerance else "")
    params = {"reference": found, "tolerance": tolerance}
    return whole_check("reconciliation", (column,), params, told, "consistency", severity)


def same_row_count(reference: Any, *, tolerance: int = 0, severity: Severity = "error") -> Check:
    """There are as many rows as in other data.

    Args:
        reference: As for :func:`foreign_key`.
        tolerance: Largest difference that is allowed, in rows.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    non_negative("tolerance", tolerance)
    found = Reference.to(reference, ())
    told = f"as many rows as {found.told()}" + (f" +- {tolerance:g}" if tolerance else "")
    params = {"reference": found, "tolerance": tolerance}
    return whole_check("same_row_count", (), params, told, "completeness", severity)


def _names(option: str, given: str | Sequence[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, (list, tuple)) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise DefinitionError(f"{option} names columns, not {shorten(given)}", fix=f'{option}="customer"')
    if len(set(names)) < len(names):
        raise DefinitionError(f"{option} names a column twice: {', '.join(names)}", fix="name each once")
    return names
