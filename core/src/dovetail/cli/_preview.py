"""A bounded look at a value."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail.cli._output import console_for, table, text
from dovetail.cli._text import one_line, plural
from dovetail.errors import DovetailError
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from rich.console import RenderableType

_CELL = 40
_FLOATS = {"double", "float", "halffloat", "float16", "float32", "float64"}


def preview_document(engine: TypeEngine, value: Any, limit: int = 10) -> dict[str, Any]:
    """A value as JSON: ``type, rows, schema, preview``; the last is ``{text}`` or ``{columns, rows}`` of texts."""
    try:
        preview = engine.preview(value, limit)
        schema = engine.schema(value)
        rows = engine.num_rows(value)
    except DovetailError as error:
        return {
            "type": engine.type_name(type(value)),
            "rows": None,
            "schema": None,
            "preview": None,
            "reason": error.what,
        }
    fields = (
        None if schema is None else [{"name": f.name, "type": f.type, "nullable": f.nullable} for f in schema.fields]
    )
    if preview.columns:
        shown: dict[str, Any] = {"columns": list(preview.columns), "rows": [list(row) for row in preview.rows]}
    else:
        shown = {"text": preview.text}
    return {"type": engine.type_name(type(value)), "rows": rows, "schema": fields, "preview": shown}


def preview_parts(engine: TypeEngine, value: Any, limit: int = 10) -> Iterator[RenderableType]:
    """A value for people."""
    yield from document_parts(preview_document(engine, value, limit))


def document_parts(document: dict[str, Any]) -> Iterator[RenderableType]:
    """What :func:`preview_document` gave, for people; of a wide table the columns that fit."""
    preview = document["preview"]
    if preview is None:
        yield text(document.get("reason", ""), "yellow")
    elif "columns" in preview:
        names = [one_line(name, _CELL) for name in preview["columns"]]
        floats = {f["name"] for f in document["schema"] or () if f["type"].lower() in _FLOATS}
        columns = [name in floats for name in preview["columns"]]
        rows = [
            [one_line(_number(cell) if number else cell, _CELL) for cell, number in zip(row, columns, strict=True)]
            for row in preview["rows"]
        ]
        fit = _fitting(names, rows, console_for(sys.stdout).width)
        yield table(names[:fit], [row[:fit] for row in rows])
        left_out = [f"{len(rows)} of {plural(document['rows'], 'row')}"] if (document["rows"] or 0) > len(rows) else []
        if fit < len(names):
            left_out.append(f"{fit} of {len(names)} columns: {len(names) - fit} did not fit")
        if left_out:
            yield text(f"... {', '.join(left_out)}", "dim")
    else:
        yield text(preview["text"])


def _number(cell: object) -> str:
    """A float with at most six digits that count, but with all those before the point: 516.721, 67.0, 20130101.0."""
    try:
        value = float(str(cell))
    except ValueError:
        return str(cell)
    if not math.isfinite(value) or value.is_integer():
        return str(cell)
    return f"{value:.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:.6g}"


def _fitting(names: list[str], rows: list[list[str]], width: int) -> int:
    """How many columns fit beside each other; at least one."""
    used = 0
    for index, name in enumerate(names):
        used += max(len(name), *(len(row[index]) for row in rows), 1) + 3
        if used > width + 3 and index > 0:
            return index
    return len(names)
