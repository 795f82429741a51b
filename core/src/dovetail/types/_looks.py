"""Previews: bounded in every direction and harmless, whatever a value holds and whoever made the preview."""

from __future__ import annotations

import dataclasses
import reprlib
from typing import TYPE_CHECKING, Any

from dovetail.errors import visible
from dovetail.spec import Preview

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = 20
CELL = 80
TEXT = 400
_ITEMS = 81
"""Items of a list, and characters of a text, that are looked at for one cell: one more than it can show."""


def bounded(preview: Preview, limit: int) -> Preview:
    """A preview of any transformer with no more than is allowed, control characters and marks of direction written out."""
    columns = tuple(cut(visible(str(name)), CELL) for name in preview.columns[:COLUMNS])
    rows = tuple(
        tuple(cut(visible(str(cell)), CELL) for cell in row[: len(columns)]) for row in preview.rows[: max(limit, 0)]
    )
    return Preview(cut(visible(str(preview.text)[: TEXT + 1], keep="\n\t"), TEXT), columns, rows, preview.total_rows)


class _Short(reprlib.Repr):
    """The repr of plain data, cut as it is made: a dataclass field by field, since its own repr would go into all of them."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = limit
        self.maxstring = self.maxother = self.maxlong = TEXT

    def repr_instance(self, x: Any, level: int) -> str:
        if not dataclasses.is_dataclass(x) or not hasattr(type(x).__repr__, "__wrapped__"):
            return super().repr_instance(x, level)  # a repr of its own may hide what is nobody's business
        if level <= 0:
            return f"{type(x).__qualname__}(...)"
        shown = [each.name for each in dataclasses.fields(x) if each.repr]
        parts = [f"{name}={self.repr1(getattr(x, name, None), level - 1)}" for name in shown[:COLUMNS]]
        return f"{type(x).__qualname__}({', '.join([*parts, *(['...'] if len(shown) > COLUMNS else [])])})"


def plain_preview(value: Any, limit: int) -> Preview:
    """The repr, cut at ``limit`` members per container and 400 characters in all."""
    return Preview(cut(_Short(max(limit, 0)).repr(value), TEXT))


def cut(text: str, width: int) -> str:
    """At most so many characters; where some are left out, three points say so."""
    return text if len(text) <= width else text[: width - 3] + "..."


def table_preview(top: pa.Table, total_rows: int | None) -> Preview:
    """A preview of the first rows of a table, of which no more is read than is shown."""
    names = top.column_names[:COLUMNS]
    cells = [[_cell(scalar) for scalar in top.column(i)] for i in range(len(names))]
    hidden = top.num_columns - len(names)
    return Preview(
        text=f"and {hidden} more columns" if hidden else "",
        columns=tuple(cut(name, CELL) for name in names),
        rows=tuple(zip(*cells, strict=True)),
        total_rows=total_rows,
    )


def scalar_value(scalar: pa.Scalar) -> Any:
    """The Python value of an Arrow scalar; its text where Python has none: nanoseconds without pandas, the year 10000."""
    import pyarrow as pa

    try:
        return scalar.as_py()
    except (ValueError, OverflowError, ImportError):
        return pa.array([scalar], scalar.type).to_string(indent=0, skip_new_lines=True)[1:-1]


def _cell(scalar: pa.Scalar) -> str:
    item = _beginning(scalar)
    return cut("" if item is None else str(item), CELL)


def _beginning(scalar: pa.Scalar) -> Any:
    """As much of a value as a cell can show: the rest of a long text or list is not even copied."""
    import pyarrow.types as t

    kind = scalar.type
    if not scalar.is_valid:
        return None
    if t.is_dictionary(kind):
        return _beginning(scalar.value)
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        start = scalar.as_buffer()[: 4 * _ITEMS]  # a character takes at most four bytes
        return bytes(start).decode("utf-8", "ignore")[:_ITEMS]
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind):
        return bytes(scalar.as_buffer()[:_ITEMS])
    if t.is_map(kind):
        return [(_beginning(pair["key"]), _beginning(pair["value"])) for pair in scalar.values[:_ITEMS]]
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return [_beginning(item) for item in scalar.values[:_ITEMS]]
    if t.is_struct(kind):
        names = [kind.field(i).name for i in range(min(kind.num_fields, _ITEMS))]
        return {name: _beginning(scalar[i]) for i, name in enumerate(names)}
    return scalar_value(scalar)
