"""Arrow tables: the common meeting point of frames, and the helpers that frame plugins are built from.

A plugin whose frames go to and from ``pyarrow.Table`` subclasses :class:`TableTransformer` and :class:`TableCodec` and is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail.types._arrow_files import ipc_schema, parquet_schema, read_ipc, read_parquet, write_ipc, write_parquet
from dovetail.types._arrow_layout import KEPT, check_columns, from_stream, normalise_table, project_table
from dovetail.types._carrier import lies_here
from dovetail.types._column_types import declared_type, fits_type
from dovetail.types._looks import scalar_value, table_preview
from dovetail.types._losses import check_losses, losing, lost_categories, lost_zone
from dovetail.types._stream_files import hash_ipc, hash_parquet, write_ipc_batches, write_parquet_batches
from dovetail.types._table_hash import hash_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "KEPT",
    "ArrowTransformer",
    "ParquetCodec",
    "IpcCodec",
    "TableTransformer",
    "check_columns",
    "declared_type",
    "fits_type",
    "check_losses",
    "from_stream",
    "hash_table",
    "ipc_schema",
    "lies_here",
    "losing",
    "lost_categories",
    "lost_zone",
    "normalise_table",
    "parquet_schema",
    "project_table",
    "read_ipc",
    "read_parquet",
    "scalar_value",
    "write_ipc",
    "write_parquet",
    "write_parquet_batches",
]


class TableTransformer(TypeTransformer):
    """Base of transformers of frames: subclass it and implement :meth:`to_arrow`, :meth:`from_arrow`.

    Override :meth:`num_rows`, :meth:`head` and :meth:`take_rows` where the library does better than a conversion.
    """

    is_table: ClassVar[bool] = True

    def from_arrow(self, table: pa.Table) -> Any:
        """The inverse of :meth:`to_arrow`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement from_arrow()")

    def head(self, value: Any, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return self.to_arrow(value).slice(0, limit)

    def content_hash(self, value: Any) -> str:
        """The hash of the table in Arrow: equal data hash the same in every frame library."""
        return hash_table(self.to_arrow(value))

    def schema(self, value: Any) -> Schema | None:
        """Columns with their Arrow types."""
        return Schema(tuple(FieldInfo(f.name, str(f.type), f.nullable) for f in self.head(value, 0).schema))

    def num_rows(self, value: Any) -> int | None:
        """Rows."""
        return int(self.to_arrow(value).num_rows)

    def arrow_schema(self, value: Any) -> pa.Schema | None:
        """Columns with their Arrow types; None for a plan, unless the library knows them before it runs."""
        return None if self.lazy else self.to_arrow(value).schema

    def project(self, value: Any, columns: Mapping[str, Any]) -> Any:
        """These columns, by way of Arrow. A plan needs its own way, which does not run it."""
        if self.lazy:
            return super().project(value, columns)
        return self.from_arrow(project_table(self.to_arrow(value), columns))

    def null_counts(self, value: Any, columns: Sequence[str]) -> Mapping[str, int] | None:
        """Nulls in each of these columns; None for a plan."""
        if self.lazy:
            return None
        table = self.to_arrow(value)
        return {name: table.column(name).null_count for name in columns}

    def take_rows(self, value: Any, rows: Sequence[int]) -> Any:
        """The rows with these ordinals, as the same type."""
        import pyarrow as pa

        return self.from_arrow(self.to_arrow(value).take(pa.array(rows, pa.int64())))

    def preview(self, value: Any, limit: int = 10) -> Preview:
        """At most ``limit`` rows, 20 columns, 80 characters per cell."""
        return table_preview(self.head(value, limit), self.num_rows(value))


class ArrowTransformer(TableTransformer):
    """``pyarrow.Table``."""

    type_name = "pyarrow.Table"

    def to_arrow(self, value: pa.Table) -> pa.Table:
        """Itself."""
        return value

    def from_arrow(self, table: pa.Table) -> pa.Table:
        """Itself."""
        return table

    def num_rows(self, value: pa.Table) -> int | None:
        """Rows."""
        return int(value.num_rows)

    def size(self, value: pa.Table) -> int | None:
        """Bytes of the buffers."""
        return int(value.nbytes)


class ParquetCodec:
    """``pyarrow.Table`` <-> one Parquet file. Subclasses set ``transformer`` to serve another frame."""

    transformer: ClassVar[type[TableTransformer]] = ArrowTransformer

    def write(self, value: Any, path: Path) -> None:
        """Write the frame."""
        write_parquet(self.transformer().to_arrow(value), path)

    def write_batches(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> tuple[str, int]:
        """Write rows that come bit by bit, never all in memory; returns their content hash and how many they are.

        Raises NotImplementedError, and takes no batch, where that cannot be done for these columns.
        """
        write_parquet_batches(schema, batches, path)
        return hash_parquet(path)

    def read(self, path: Path) -> Any:
        """Read the frame."""
        return self.transformer().from_arrow(read_parquet(path))

    def arrow_schema(self, path: Path) -> pa.Schema:
        """Columns with their Arrow types, from the footer."""
        return parquet_schema(path)

    def read_columns(self, path: Path, columns: Sequence[str]) -> Any:
        """The frame with these columns only; the others are not read."""
        return self.transformer().from_arrow(read_parquet(path, columns))


class IpcCodec:
    """``pyarrow.Table`` <-> one Arrow IPC file. Subclasses set ``transformer`` to serve another frame."""

    transformer: ClassVar[type[TableTransformer]] = ArrowTransformer

    def write(self, value: Any, path: Path) -> None:
        """Write the frame."""
        write_ipc(self.transformer().to_arrow(value), path)

    def write_batches(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> tuple[str, int]:
        """Write rows that come bit by bit, never all in memory; returns their content hash and how many they are.

        Raises NotImplementedError, and takes no batch, where that cannot be done for these columns.
        """
        write_ipc_batches(schema, batches, path)
        return hash_ipc(path)

    def read(self, path: Path) -> Any:
        """Read the frame."""
        return self.transformer().from_arrow(read_ipc(path))

    def arrow_schema(self, path: Path) -> pa.Schema:
        """Columns with their Arrow types, from the footer."""
        return ipc_schema(path)

    def read_columns(self, path: Path, columns: Sequence[str]) -> Any:
        """The frame with these columns only; the others are not touched."""
        return self.transformer().from_arrow(read_ipc(path, columns))
