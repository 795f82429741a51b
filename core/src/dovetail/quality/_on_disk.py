"""What a gate looks at where the rows are too many to be held: run once into a file, checked on the way, and read from it.

What lies in a file of the store already is read from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail.quality import _rows
from dovetail.quality._arrays import arrow_scalar
from dovetail.quality._lookup import catalogue_of, find_frame_spec, load_engine
from dovetail.quality._scratch import scratch_path
from dovetail.quality.checks import Suite
from dovetail.quality.checks._stream import StreamChecks
from dovetail.spec import CheckEngine, CheckOutcome
from dovetail.types import TypeEngine
from dovetail.types.arrow import normalise_table
from dovetail.types.table_files import PIECE_ROWS, Place, TableFile, file_of, value_in, write_table_file

_HELD = 64 << 20
"""Bytes of rows that are held in memory."""
_PIECE = 32 << 20
"""Bytes of rows that are looked at at a time."""
ARROW = "pyarrow.Table"


@dataclass(slots=True)
class OnDisk:
    """Rows that come as a stream, or lie in a file.

    Attributes:
        type_name: Type of the value.
        schema: Its columns (``pyarrow.Schema``).
        types: The type engine.
        place: Gives paths for files.
        stream: The rows, where they are not in a file yet.
        file: The file that they lie in, once they do.
        own: The file is ours: nobody else reads it.
        piece_rows: Rows that are looked at at a time.
        checks: The evaluation.
        fed: All rows were looked at.
        trouble: What the engine raised.
    """

    type_name: str
    schema: Any
    types: TypeEngine
    place: Place
    stream: Iterator[Any] | None = None
    file: TableFile | None = None
    own: bool = False
    piece_rows: int = PIECE_ROWS
    checks: StreamChecks = field(init=False)
    fed: bool = False
    trouble: Exception | None = None

    @property
    def rows(self) -> int:
        """How many rows there are; known once they lie in a file."""
        return 0 if self.file is None else self.file.num_rows

    def engine(self, engine: CheckEngine, suite: Any) -> CheckEngine:
        """The engine that evaluates the pieces, which are Arrow tables."""
        catalogue = catalogue_of(self.types)
        spec = find_frame_spec(ARROW, catalogue, self.rows)
        return engine if spec is None else load_engine(spec, catalogue)

    def run(self, engine: CheckEngine, suite: Any) -> None:
        """Run a stream into a file; each piece is looked at on its way. What the stream raises is raised."""
        self.checks = StreamChecks(suite, self.schema, engine)
        if self.stream is None:
            return
        self.file = write_table_file(
            self.schema, _seen(self.schema, self.stream, self._look, self.piece_rows), self.place
        )
        self.stream, self.own, self.fed = None, True, True

    def _look(self, piece: Any) -> None:
        """Let the checks look at a piece. What the engine raises has to wait until the rows are in safety."""
        if self.trouble is None:
            try:
                self.checks.feed(piece)
            except Exception as error:
                self.trouble = error

    def outcomes(self, engine: CheckEngine, suite: Any) -> list[CheckOutcome]:
        """What was found; raises what the engine raised."""
        if self.trouble is not None:
            raise self.trouble
        if not self.fed:
            for piece in self.lying.pieces(self.checks.columns, self.piece_rows):
                self.checks.feed(piece)
        return self.checks.finish(self.lying)

    @property
    def lying(self) -> TableFile:
        """The file in which the rows lie by now."""
        assert self.file is not None
        return self.file

    def pieces(self) -> Iterator[Any]:
        """All rows as ``pyarrow.Table``, piece by piece."""
        return self.lying.pieces(None, self.piece_rows)

    def shown(self, rows: Any, columns: Sequence[str]) -> Any:
        """These columns of a few rows (ascending int64 Arrow array) as ``pyarrow.Table``."""
        names = [name for name in self.schema.names if name in columns]
        return self.lying.take(rows.to_pylist(), names)

    def failing(self, rows: Any) -> Iterator[Any]:
        """These rows as ``pyarrow.Table``, piece by piece."""
        return self._split(rows, keep=True)

    def whole(self, value: Any) -> Any:
        """What was checked, in the type of the value: a plan or stream of the file."""
        return value_in(self.types, self.lying, self.type_name) if self.own else value

    def without(self, removed: Any) -> tuple[Any, int]:
        """What was checked without these rows, in the type of the value: a plan or stream of a second file."""
        batches = (batch for piece in self._split(removed, keep=False) for batch in piece.to_batches())
        clean = write_table_file(self.schema, batches, self.place)
        self.drop()
        return value_in(self.types, clean, self.type_name), clean.num_rows

    def refused(self, value: Any) -> Any:
        """What was checked, for people to look at."""
        return self.whole(value)

    def drop(self) -> None:
        """Remove the file, if nobody else reads it."""
        if self.own and self.file is not None:
            self.file.path.unlink(missing_ok=True)

    def _split(self, rows: Any, keep: bool) -> Iterator[Any]:
        """Only these rows, or all but these, piece by piece."""
        start = 0
        for piece in self.lying.pieces(None, self.piece_rows):
            here = _rows.between(rows, start, start + piece.num_rows)
            if keep:
                if len(here):
                    yield piece.take(_shifted(here, start))
            elif not len(here):
                yield piece
            else:
                yield piece.take(_rows.complement(_shifted(here, start), piece.num_rows))
            start += piece.num_rows


def staged_rows(value: Any, types: TypeEngine, place: Place | None) -> tuple[OnDisk | None, Any]:
    """A lazy value as rows that are not held; or, where they are few, as the ``pyarrow.Table`` that they are.

    Args:
        value: A lazy value.
        types: The type engine.
        place: Where files may be put; default: the scratch directory of this process.

    Returns:
        The rows, or None and the table; None twice where its type gives no stream.
    """
    transformer = types.transformer_for(value)
    place = place or scratch_path
    schema = transformer.arrow_schema(value)
    if schema is None or not schema.names or len(set(schema.names)) < len(schema.names):
        return None, None
    file = file_of(value)
    if file is not None and file.schema.equals(schema):
        if sum(field.type.bit_width if _fixed(field.type) else 256 for field in schema) * file.num_rows <= 8 * _HELD:
            return None, None
        return OnDisk(transformer.type_name, schema, types, place, file=file), None
    batches = transformer.batches(value)
    if batches is None:
        return None, None
    return _peeked(OnDisk(transformer.type_name, schema, types, place), batches)


def _peeked(rows: OnDisk, batches: Iterator[Any]) -> tuple[OnDisk | None, Any]:
    import pyarrow as pa

    first: list[Any] = []
    size, fileable = 0, None
    for batch in batches:
        first.append(batch)
        size += batch.nbytes
        if size > _HELD and (fileable := _fileable(rows) if fileable is None else fileable):
            rows.stream = _chained(first, batches)
            return rows, None
    return None, pa.Table.from_batches(first, first[0].schema if first else rows.schema)


def _fileable(rows: OnDisk) -> bool:
    """Whether a file holds such columns, written bit by bit: tried with no rows."""
    try:
        write_table_file(rows.schema, (), rows.place).path.unlink()
    except NotImplementedError:
        return False
    return True


def _chained(first: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    try:
        first.reverse()
        while first:
            yield first.pop()
        yield from rest
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _seen(schema: Any, batches: Iterator[Any], look: Callable[[Any], None], rows: int) -> Iterator[Any]:
    """The batches, each shown in pieces of about ``rows`` rows with the types of the schema."""
    import pyarrow as pa

    held: list[Any] = []
    count = size = 0
    for batch in batches:
        table = normalise_table(pa.Table.from_batches([batch]))
        table = table if table.schema.equals(schema) else table.cast(schema)
        for start in range(0, table.num_rows, rows):
            held.append(table.slice(start, rows))
            count, size = count + held[-1].num_rows, size + held[-1].nbytes
            if count >= rows or size >= _PIECE:
                look(pa.concat_tables(held))
                held, count, size = [], 0, 0
        yield from table.to_batches()
    if held:
        look(pa.concat_tables(held))


def _fixed(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_primitive(kind))


def _shifted(rows: Any, start: int) -> Any:
    import pyarrow.compute as pc

    return pc.subtract(rows, arrow_scalar(start))


def is_native(suite: Any) -> bool:
    """True for the suites that are evaluated piece by piece."""
    return isinstance(suite, Suite)
