"""Tables on the wire: where each of their columns lies.

A table is a schema and, per column, pieces: rows of a column of a batch of a block. A block is one Arrow IPC stream, in a
segment or, if it is small, in the wire itself. Columns that lie in a segment already are pieces of the blocks there; the others
are written, those of equal chunks together.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dovetail.env.bridge._homes import Root
from dovetail.env.bridge._layouts import as_meant, for_everybody
from dovetail.env.bridge._mappings import Mappings, damaged, read_block, refuse_code
from dovetail.env.bridge._same import Finder
from dovetail.env.bridge._segments import Segment, Segments

if TYPE_CHECKING:
    import pyarrow as pa

INLINE = 16_384
"""Bytes up to which new columns travel in the wire."""
_ALIGN = 64
_SMALL = 4096
"""Bytes of a chunk below which nobody looks for it in a segment."""
_LONGEST = 1 << 30
_MANY, _SMALL_CHUNK = 16, 1 << 18
"""Chunks from which on they are joined, if they have fewer bytes than that."""

Found = tuple[str, str, str, int, int]


def lay_table(table: pa.Table, segments: Segments, mappings: Mappings) -> tuple[dict[str, Any], list[Segment]]:
    """The wire of a table, and the segments that were written for it.

    Raises:
        DataError: It has an extension type that carries code.
    """
    table, meant = for_everybody(table)
    schema = table.schema.serialize().to_pybytes()
    refuse_code(schema)
    wire: dict[str, Any] = {"rows": table.num_rows, "schema": _text(schema), "blocks": [], "columns": []}
    if meant is not None:
        wire["meant"] = _text(meant.serialize().to_pybytes())
    finder, known = Finder(mappings), _Blocks(wire["blocks"])
    laid = [_entries(finder, column) for column in table.columns]
    groups: dict[tuple[int, ...], _Group] = {}
    for position, entries in enumerate(laid):
        chunks = [entry for entry in entries if not isinstance(entry, tuple)]
        if chunks:
            groups.setdefault(tuple(len(chunk) for chunk in chunks), {})[position] = chunks
    written = _write_groups(list(groups.values()), table.schema, segments, known)
    places = {
        position: (number, at)
        for number, group in zip(written[0], groups.values(), strict=True)
        for at, position in enumerate(group)
    }
    for position, entries in enumerate(laid):
        wire["columns"].append(_pieces(entries, places.get(position), known))
    return wire, written[1]


_Group = dict[int, list[Any]]
"""New arrays by the position of their column; all columns have as many, and of the same lengths."""


def _entries(finder: Finder, column: pa.ChunkedArray) -> list[Any]:
    """The chunks of a column, those that lie in a segment by their place there; many small ones joined."""
    import pyarrow as pa

    chunks = [each for chunk in column.chunks if len(chunk) for each in _split(chunk)]
    found = [finder.find(chunk) if chunk.nbytes > _SMALL else None for chunk in chunks]
    if len(chunks) > _MANY and not any(found) and column.nbytes < _SMALL_CHUNK * len(chunks):
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            joined = pa.chunked_array(chunks).combine_chunks()
            return list(joined.chunks) if isinstance(joined, pa.ChunkedArray) else [joined]
    return [place or chunk for place, chunk in zip(found, chunks, strict=True)]


def _split(chunk: pa.Array) -> list[pa.Array]:
    """An array in pieces that Arrow IPC has numbers for."""
    return (
        [chunk.slice(start, _LONGEST) for start in range(0, len(chunk), _LONGEST)] if len(chunk) > _LONGEST else [chunk]
    )


def _pieces(entries: list[Any], place: tuple[int, int] | None, known: _Blocks) -> list[list[int]]:
    """Where a column lies: [block, column, batches] for all batches of a block, or single rows of batches."""
    if place is not None and not any(isinstance(entry, tuple) for entry in entries):
        return [[*place, len(entries)]]
    pieces, batch = [], 0
    for entry in entries:
        if isinstance(entry, tuple):
            pieces.append([known.number(entry[0]), *entry[1:]])
        else:
            assert place is not None
            pieces.append([place[0], batch, place[1], 0, len(entry)])
            batch += 1
    return pieces


class _Blocks:
    """The blocks of a wire, by number."""

    def __init__(self, listed: list[Any]) -> None:
        self._listed = listed
        self._numbers: dict[Any, int] = {}

    def number(self, where: Found) -> int:
        if where not in self._numbers:
            self._numbers[where] = len(self._listed)
            self._listed.append(list(where))
        return self._numbers[where]

    def add(self, entry: Any) -> int:
        self._listed.append(entry)
        return len(self._listed) - 1


def _write_groups(
    groups: list[_Group], schema: pa.Schema, segments: Segments, known: _Blocks
) -> tuple[list[int], list[Segment]]:
    """Write new columns; returns the numbers of their blocks, and the segment if one was needed."""
    import pyarrow as pa

    if not groups:
        return [], []
    streams: list[tuple[pa.Schema, list[pa.RecordBatch]]] = []
    for group in groups:
        part = pa.schema([schema.field(position).with_name(str(at)) for at, position in enumerate(group)])
        batches = [pa.RecordBatch.from_arrays(list(row), schema=part) for row in zip(*group.values(), strict=True)]
        streams.append((part, batches))
    spans: list[tuple[int, int]] = []

    def emit(sink: Any) -> None:
        spans.clear()
        for part, batches in streams:
            sink.write(b"\0" * (-sink.tell() % _ALIGN))
            start = sink.tell()
            _write_stream(sink, part, batches)
            spans.append((start, sink.tell() - start))

    measure = pa.MockOutputStream()
    emit(measure)
    size = measure.size()
    if size <= INLINE:
        small = pa.BufferOutputStream()
        emit(small)
        content = small.getvalue()
        return [known.add(_text(content.slice(*span).to_pybytes())) for span in spans], []
    segment = segments.write(emit, size)
    return [known.add([*segment.reference, *span]) for span in spans], [segment]


def _write_stream(sink: Any, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(allow_64bit=True)) as writer:
        for batch in batches:
            writer.write_batch(batch)


def lay_batches(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], segments: Segments
) -> tuple[dict[str, Any], list[Segment]]:
    """The wire of a table whose rows come bit by bit; they are written to the disk as they come."""
    import pyarrow as pa

    plain, meant = for_everybody(schema.empty_table())
    packed = plain.schema.serialize().to_pybytes()
    refuse_code(packed)
    rows = count = 0
    length = 0

    def emit(sink: Any) -> None:
        nonlocal rows, count, length
        with pa.ipc.new_stream(sink, plain.schema) as writer:
            for batch in batches:
                for each in for_everybody(pa.Table.from_batches([batch], schema))[0].cast(plain.schema).to_batches():
                    writer.write_batch(each)
                    rows += each.num_rows
                    count += 1
        length = sink.tell()

    segment = segments.write_stream(emit)
    columns = [[[0, number, count]] if count else [] for number in range(len(plain.schema))]
    wire = {
        "rows": rows,
        "schema": _text(packed),
        "blocks": [[*segment.reference, 0, length]],
        "columns": columns,
    }
    if meant is not None:
        wire["meant"] = _text(meant.serialize().to_pybytes())
    return wire, [segment]


# -- reading -------------------------------------------------------------------------------------------


def lies_in(tables: list[Any], roots: dict[str, Root]) -> Iterator[tuple[Root, str, str]]:
    """The segments that tables on a wire refer to: root, home, name. What is malformed is left out."""
    for table in tables:
        for block in table.get("blocks", ()):
            if isinstance(block, list) and len(block) == 5 and block[0] in roots:
                yield roots[block[0]], block[1], block[2]


class TableReader:
    """Reads the tables of one wire; a segment is mapped once."""

    def __init__(self, mappings: Mappings) -> None:
        self._mappings = mappings
        self._segments: dict[tuple[str, str, str], pa.Buffer] = {}
        self._batches: dict[Any, list[pa.RecordBatch]] = {}

    def hold(self, wire: dict[str, Any]) -> None:
        """Map what a table lies in, so that it stays."""
        for block in wire["blocks"]:
            if not isinstance(block, str):
                self._segment(block)

    def schema(self, wire: dict[str, Any]) -> pa.Schema:
        """The columns of a table."""
        table = self._schema(wire).empty_table()
        return (as_meant(table, base64.b64decode(wire["meant"])) if "meant" in wire else table).schema

    def _schema(self, wire: dict[str, Any]) -> pa.Schema:
        import pyarrow as pa

        packed = base64.b64decode(wire["schema"])
        refuse_code(packed)
        return _checked(lambda: pa.ipc.read_schema(pa.py_buffer(packed)))

    def table(self, wire: dict[str, Any], columns: list[str] | None = None) -> pa.Table:
        """The table, or these of its columns. Raises PlatformError if it does not fit together."""
        table = _checked(lambda: self._table(wire, columns))
        return as_meant(table, base64.b64decode(wire["meant"])) if "meant" in wire else table

    def _table(self, wire: dict[str, Any], columns: list[str] | None) -> pa.Table:
        import pyarrow as pa

        schema, rows = self._schema(wire), int(wire["rows"])
        wanted = range(len(schema)) if columns is None else [schema.names.index(name) for name in columns]
        if columns is not None:
            schema = pa.schema([schema.field(position) for position in wanted], schema.metadata)
        if not len(schema):
            return pa.table([pa.nulls(rows)], schema=pa.schema([("", pa.null())], schema.metadata)).select([])
        found = []
        for position, field in zip(wanted, schema, strict=True):
            chunks = [chunk for piece in wire["columns"][position] for chunk in self._pieces(wire, piece)]
            found.append(pa.chunked_array(chunks, field.type))
        table = pa.Table.from_arrays(found, schema=schema)
        if table.num_rows != rows:
            raise ValueError(f"it has {table.num_rows} rows instead of {rows}")
        table.validate()
        return table

    def _pieces(self, wire: dict[str, Any], piece: list[int]) -> list[pa.Array]:
        block = wire["blocks"][piece[0]]
        batches = self._block(block)
        if len(piece) == 3:
            _, column, count = piece
            if count != len(batches):
                raise ValueError(f"it has {len(batches)} batches instead of {count}")
            return [batch.column(column) for batch in batches]
        _, number, column, first, rows = piece
        whole = batches[number].column(column)
        if min(first, rows) < 0 or first + rows > len(whole):
            raise ValueError(f"rows {first} to {first + rows} of {len(whole)}")
        return [whole if rows == len(whole) else whole.slice(first, rows)]

    def _block(self, block: Any) -> list[pa.RecordBatch]:
        import pyarrow as pa

        key = block if isinstance(block, str) else tuple(block)
        if key not in self._batches:
            if isinstance(block, str):
                self._batches[key] = read_block(pa.py_buffer(base64.b64decode(block)))[1]
            else:
                _, _, _, start, length = block
                buffer = self._segment(block)
                if min(start, length) < 0 or start + length > buffer.size:
                    raise ValueError(f"bytes {start} to {start + length} of {buffer.size}")
                self._batches[key] = read_block(buffer.slice(start, length))[1]
                mapped = self._mappings.find(buffer.address)
                if mapped is not None:
                    mapped.blocks.setdefault((start, length), None)
        return self._batches[key]

    def _segment(self, block: list[Any]) -> pa.Buffer:
        where = (str(block[0]), str(block[1]), str(block[2]))
        if where not in self._segments:
            self._segments[where] = self._mappings.open(where)
        return self._segments[where]


def _checked(read: Callable[[], Any]) -> Any:
    import pyarrow as pa

    try:
        return read()
    except (pa.ArrowException, ValueError, LookupError, TypeError) as error:
        raise damaged(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
