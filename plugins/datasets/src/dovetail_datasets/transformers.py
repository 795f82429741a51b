"""Hugging Face datasets: Arrow tables with features, stored as Parquet or Arrow IPC with the features beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import datasets
import pyarrow as pa
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Schema
from dovetail.types.arrow import (
    IpcCodec,
    ParquetCodec,
    TableTransformer,
    check_columns,
    check_losses,
    hash_table,
    lost_categories,
    normalise_table,
)

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["DatasetIpc", "DatasetParquet", "DatasetTransformer", "from_arrow", "to_arrow"]

_FEATURES = b"huggingface"
"""Key under which the library keeps the features in the metadata of a schema."""


def to_arrow(dataset: Dataset) -> pa.Table:
    """The rows that the dataset selects, in its order, whatever format it shows them in. Features travel as metadata.

    Raises:
        ValueMismatch: A column is of an extension type, such as an array of two dimensions.
    """
    columns = dataset.column_names
    whole = dataset.data.table.select(columns)
    for field in whole.schema:
        if isinstance(field.type, pa.BaseExtensionType):
            raise ValueMismatch(
                f"the column {field.name!r} of the dataset is a {field.type}, which only this library reads",
                why="other libraries would see something else",
                fix="cast it to nested lists: dataset.cast_column(...)",
            )
    if dataset._indices is not None:
        whole = whole.take(dataset._indices.table.column(0).combine_chunks())
    return normalise_table(whole)


def from_arrow(table: pa.Table) -> Dataset:
    """An Arrow table as a dataset that shares its memory.

    Raises:
        ConversionError: A column has categories, for which the library has no type, and losing them is not allowed.
        ValueMismatch: The library would change a column's name, or has no type for it, or would forget rows without columns.
    """
    check_columns(table.column_names, "the Arrow table")
    if table.num_rows and not table.num_columns:
        raise ValueMismatch(
            "a dataset has no rows without columns",
            why=f"the table has {table.num_rows} rows and no column, and would come out empty",
            fix="keep at least one column",
        )
    check_losses(table.schema, "datasets.Dataset", lost_categories, "cast it to the type of its values")
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = field.with_type(field.type.value_type)
            table = table.set_column(position, plain, table.column(position).cast(plain.type))
    try:
        # The library's own fingerprint is one of the pickled table, which takes its time.
        dataset = datasets.Dataset(table, fingerprint=hash_table(table)[:16])
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise ValueMismatch(
            "the Arrow table does not fit a dataset",
            why=str(error).splitlines()[0],
            fix="cast or rename the column",
        ) from error
    if list(dataset.data.table.column_names) != table.column_names:
        raise ValueMismatch("the dataset would rename a column", fix="names must not hold a zero byte")
    return dataset


class DatasetTransformer(TableTransformer):
    """``datasets.Dataset``."""

    type_name = "datasets.Dataset"

    def to_arrow(self, value: Dataset) -> pa.Table:
        """As ``pyarrow.Table``."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> Dataset:
        """From ``pyarrow.Table``."""
        return from_arrow(table)

    def head(self, value: Dataset, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return to_arrow(value.select(range(min(limit, len(value)))))

    def num_rows(self, value: Dataset) -> int | None:
        """Rows."""
        return int(value.num_rows)

    def schema(self, value: Dataset) -> Schema | None:
        """Columns with their features."""
        return Schema(tuple(FieldInfo(name, str(feature)) for name, feature in value.features.items()))

    def arrow_schema(self, value: Dataset) -> pa.Schema:
        """Columns with their Arrow types."""
        return self.head(value, 0).schema

    def project(self, value: Dataset, columns: Any) -> Dataset:
        """These columns alone; the others are not touched."""
        if all(kind is None for kind in columns.values()):
            return value.select_columns(list(columns))
        projected: Dataset = super().project(value, columns)
        return projected

    def take_rows(self, value: Dataset, rows: Sequence[int]) -> Dataset:
        """The rows with these ordinals; nothing is copied."""
        return value.select([int(row) for row in rows])


class DatasetParquet(ParquetCodec):
    """``datasets.Dataset`` <-> one Parquet file."""

    transformer = DatasetTransformer


class DatasetIpc(IpcCodec):
    """``datasets.Dataset`` <-> one Arrow IPC file, memory-mapped when it is read."""

    transformer = DatasetTransformer
