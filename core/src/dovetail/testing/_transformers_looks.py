"""Whether a preview fits a page."""

from __future__ import annotations

from typing import Any

from dovetail.spec import Preview, TypeTransformer
from dovetail.testing._base import fail

_TEXT, _COLUMNS, _CELL = 400, 20, 80
"""Limits of a preview: characters of text, columns, characters of a cell."""


def check_preview(transformer: TypeTransformer, value: Any) -> None:
    """Fail for a preview that is longer than its limit, or than a page takes."""
    for limit in (0, 3, 10):
        preview = transformer.preview(value, limit)
        if not isinstance(preview, Preview):
            fail(f"preview() gave a {type(preview).__name__}", fix="give a dovetail.spec.Preview")
        cells = [cell for row in preview.rows for cell in row]
        if not all(isinstance(cell, str) for cell in (*cells, *preview.columns, preview.text)):
            fail("preview() gives cells that are not text", fix="str(cell)")
        for what, found, allowed in (
            ("rows", len(preview.rows), limit),
            ("columns", max([len(preview.columns), *map(len, preview.rows)]), _COLUMNS),
            ("characters in a cell", max(map(len, cells), default=0), _CELL),
            ("characters of text", len(preview.text), _TEXT),
        ):
            if found > allowed:
                fail(f"preview(limit={limit}) has {found} {what}, at most {allowed} are allowed", fix="cut it")
