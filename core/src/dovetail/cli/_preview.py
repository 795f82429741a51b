"""A bounded look at a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail.cli._output import table, text
from dovetail.errors import DovetailError
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from rich.console import RenderableType


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
    """What :func:`preview_document` gave, for people."""
    preview = document["preview"]
    if preview is None:
        yield text(document.get("reason", ""), "yellow")
    elif "columns" in preview:
        yield table(preview["columns"], preview["rows"])
        if document["rows"] is not None and document["rows"] > len(preview["rows"]):
            yield text(f"... {len(preview['rows'])} of {document['rows']:,} rows", "dim")
    else:
        yield text(preview["text"])
