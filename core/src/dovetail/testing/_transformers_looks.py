"""Whether a preview fits a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hypothesis import target

from dovetail.spec import Preview, TypeTransformer
from dovetail.testing._base import fail
from dovetail.testing._strategies import for_each

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_TEXT, _COLUMNS, _CELL = 400, 20, 80
"""Limits of a preview: characters of text, columns, characters of a cell."""
_SEARCH = 60
"""Values of a strategy among which large ones are looked for."""


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


def largest(type_name: str, values: SearchStrategy[Any] | Sequence[Any]) -> list[Any]:
    """The values whose text is longer than a preview may be; of a strategy the largest that a search finds.

    Raises:
        AssertionError: None is.
    """
    found: list[Any] = []

    def keep(value: Any) -> None:
        length = len(repr(value))
        if not isinstance(values, Sequence):
            target(float(length), label="length of its text")
        if length > 1.25 * _TEXT:
            found.append(value)

    for_each(values, keep, _SEARCH, fixed=True)
    if not found:
        fail(
            f"no value of {type_name} is so large that its preview has to be cut, so nobody sees whether it is",
            fix='def large_values(self): return [...], or gaps = {"large_values": never("it is always small")}',
        )
    return found[-8:]
