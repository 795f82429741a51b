"""The content hash of a table that is read piece by piece: the same as :func:`hash_table` gives for the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dovetail.types import _table_hash as plain

if TYPE_CHECKING:
    import pyarrow as pa

Pieces = Callable[[str], "Iterable[pa.Array]"]
"""Name of a column -> its rows in pieces, anew each time that it is called."""


def hash_pieces(schema: pa.Schema, rows: int, pieces: Pieces) -> str:
    """SHA-256 in hex of a table of ``rows`` rows.

    Of numbers, times and text one piece is held at a time, and about a dozen bytes for each row; of nested columns one column.
    """
    whole = plain.begin(rows)
    for field in schema:
        part = hashlib.sha256()
        _feed_column(part, field.type, rows, lambda name=field.name: pieces(name))  # type: ignore[misc]
        plain.add_column(whole, field, part)
    return str(whole.hexdigest())


def _feed_column(digest: Any, kind: pa.DataType, rows: int, pieces: Callable[[], Iterable[pa.Array]]) -> None:
    import pyarrow as pa
    import pyarrow.types as t

    def laid_out() -> Iterable[pa.Array]:
        return (plain.plain_layout(piece) for piece in pieces())

    shape = plain.plain_layout(pa.nulls(0, kind)).type if not t.is_union(kind) else kind
    if t.is_nested(shape):
        plain.feed(digest, plain.contiguous(pa.chunked_array(list(pieces()), kind)))
        return
    digest.update(rows.to_bytes(8, "little"))
    if t.is_null(shape):
        return
    text, boolean = plain.type_text(shape) in ("string", "binary"), t.is_boolean(shape)
    nulls, bits, held = _first_pass(laid_out(), text, boolean)
    digest.update(nulls.to_bytes(8, "little"))
    if nulls:
        digest.update(plain.bits(_joined(bits, pa.bool_())))
    if boolean:
        digest.update(plain.bits(_joined(held, pa.bool_())))
        return
    if text:
        digest.update(plain.memory(plain.narrow(_joined(held, pa.int64()))))
    for piece in laid_out():
        if text:
            digest.update(plain.texts(piece))
        else:
            plain.feed_fixed(digest, piece)


def _first_pass(pieces: Iterable[pa.Array], text: bool, boolean: bool) -> tuple[int, list[pa.Array], list[pa.Array]]:
    """Nulls; which rows are valid; and of texts the lengths, of booleans the values."""
    import pyarrow as pa

    nulls, valid, held = 0, [], []
    for piece in pieces:
        nulls += piece.null_count
        valid.append(piece.is_valid())
        if boolean:
            held.append(piece.fill_null(False) if piece.null_count else piece)
        elif text:
            held.append(plain.text_lengths(piece).cast(pa.int64()))
    return nulls, valid, held


def _joined(parts: list[pa.Array], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays(parts) if parts else pa.nulls(0, kind)
