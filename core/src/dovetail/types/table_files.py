"""Tables that lie in files and are looked at a piece at a time, as often as wanted, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import no_room, unwritable
from dovetail.spec import Artifact, Blob, TypeRef
from dovetail.types._arrow_files import ipc_schema, open_ipc, parquet_schema, parquet_table, reading
from dovetail.types._arrow_layout import normalise_table, plain_type
from dovetail.types._backing import Backing, backing_of, remember_backing
from dovetail.types._engine import TypeEngine
from dovetail.types._stream_files import write_ipc_batches, write_parquet_batches

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "PIECE_ROWS",
    "TableFile",
    "file_of",
    "plain_schema",
    "release_memory",
    "table_in",
    "value_in",
    "write_table_file",
]

PIECE_ROWS = 1 << 17
"""Rows of one piece."""
_PIECE_BYTES = 64 << 20
"""Bytes of one piece, as the file tells them."""
_WRITERS = (("parquet", write_parquet_batches), ("arrow", write_ipc_batches))

Place = Callable[[str], Path]
"""Suffix of a file -> a path for it, which does not exist yet."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table in one file.

    Attributes:
        path: The file; nobody changes it.
        format: ``"parquet"`` or ``"arrow"``.
        schema: Its columns, with the types that the table had (``pyarrow.Schema``).
        num_rows: Its rows.
    """

    path: Path
    format: str
    schema: Any
    num_rows: int

    def pieces(self, columns: Sequence[str] | None = None, rows: int = PIECE_ROWS) -> Iterator[Any]:
        """The rows in their order, as tables of at most ``rows`` rows; one is held at a time.

        Args:
            columns: These only, in this order, each of which occurs once; None: all.
            rows: Rows of one table.

        Raises:
            ArtifactCorrupt: The file is broken.
        """
        import pyarrow as pa

        if columns is not None and not columns:
            for start in range(0, self.num_rows, rows):
                count = min(rows, self.num_rows - start)
                batch = pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
                yield pa.Table.from_batches([batch])
            return
        read = _parquet_pieces if self.format == "parquet" else _ipc_pieces
        yield from read(self.path, columns, rows)

    def read(self, columns: Sequence[str]) -> Any:
        """A ``pyarrow.Table`` of these columns."""
        import pyarrow as pa

        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.concat_tables([schema.empty_table(), *(p.cast(schema) for p in self.pieces(columns))])

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> Any:
        """The rows with these ordinals (ascending) as a ``pyarrow.Table``; nothing behind the last of them is read."""
        import pyarrow as pa

        schema = pa.schema([self.schema.field(name) for name in columns])
        found, start, place = [schema.empty_table()], 0, 0
        for piece in self.pieces(columns):
            if place == len(rows):
                break
            end, first = start + piece.num_rows, place
            while place < len(rows) and rows[place] < end:
                place += 1
            if place > first:
                local = pa.array([int(row) - start for row in rows[first:place]], pa.int64())
                found.append(piece.take(local).cast(schema))
            start = end
        return pa.concat_tables(found)


def table_in(path: Path, format: str) -> TableFile:
    """The table in a Parquet or Arrow file; of its rows none is read.

    Raises:
        ArtifactCorrupt: It is no such file.
    """
    import pyarrow.parquet as pq

    if format == "parquet":
        schema = parquet_schema(path)
        with reading(path, "Parquet"):
            return TableFile(path, format, schema, pq.read_metadata(path).num_rows)
    with reading(path, "Arrow IPC"):
        reader = open_ipc(path, None)
        rows = sum(reader.get_batch(number).num_rows for number in range(reader.num_record_batches))
    return TableFile(path, format, ipc_schema(path), rows)


def plain_schema(schema: Any) -> Any:
    """The columns in the layouts that files have: ``string`` for any layout of text, for one."""
    for position, field in enumerate(schema):
        schema = schema.set(position, field.with_type(plain_type(field.type)))
    return schema


def write_table_file(schema: Any, batches: Iterable[Any], place: Place) -> TableFile:
    """Write record batches to a file, holding one piece of them; as Arrow where Parquet does not have a type.

    Raises:
        NotImplementedError: No format holds these columns, bit by bit. No batch was taken then.
        ValueMismatch: A column has a value that Parquet cannot hold.
        PlatformError: There is no room for it.
    """
    for format, write in _WRITERS:
        path = place(f".{format}")
        try:
            write(schema, batches, path)
        except NotImplementedError:  # and no batch is gone
            path.unlink(missing_ok=True)
            continue
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and no_room(error) is not None:  # and nothing that the plan itself raised
                told = "the rows that a gate looks at"
                raise unwritable(told, path, error, "let it look at fewer columns") from error
            raise
        release_memory()
        return table_in(path, format)
    raise NotImplementedError("no file holds these columns bit by bit")


def release_memory() -> None:
    """Give back what Arrow keeps of the memory that it has freed, before another kind of work begins."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def value_in(types: TypeEngine, file: TableFile, type_name: str, ours: bool = True) -> Any:
    """The table in a file as a plan or stream of a type, which reads the file when its rows are wanted.

    The store takes the file as it is when the value is stored; ``ours``: it may move it.
    """
    artifact = Artifact("", "pyarrow.Table", file.format, "", (Blob(f"data.{file.format}", "", 0),))
    value = types.load(artifact, _Source(file.path), TypeRef(type_name))
    remember_backing(value, Backing(file.path, file.format, file.num_rows, movable=ours))
    return value


def file_of(value: Any) -> TableFile | None:
    """The file that a plan or stream reads, all of it and nothing else, where it is one that nobody changes."""
    found = backing_of(value)
    return None if found is None or not found.path.exists() else table_in(found.path, found.format)


class _Source:
    """Gives one file, whatever is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open_path(self, blob: Blob) -> Path:
        return self._path


def _parquet_pieces(path: Path, columns: Sequence[str] | None, rows: int) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = None if columns is None else list(columns)
    with reading(path, "Parquet"):
        file = pq.ParquetFile(path, pre_buffer=False)
        size = sum(file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups))
        fitting = _PIECE_BYTES * file.metadata.num_rows // max(1, size)
        batches = file.iter_batches(max(1, min(rows, fitting)), columns=names)
    while True:
        with reading(path, "Parquet"):
            batch = next(batches, None)
            if batch is None:
                return
            table = parquet_table(pa.Table.from_batches([batch]), path, names)
        yield table


def _ipc_pieces(path: Path, columns: Sequence[str] | None, rows: int) -> Iterator[pa.Table]:
    import pyarrow as pa

    with reading(path, "Arrow IPC"):
        reader = open_ipc(path, columns)
    for number in range(reader.num_record_batches):
        with reading(path, "Arrow IPC"):
            table = normalise_table(pa.Table.from_batches([reader.get_batch(number)]))
        table = table if columns is None else table.select(list(columns))
        for start in range(0, table.num_rows, rows):
            yield table.slice(start, rows)
