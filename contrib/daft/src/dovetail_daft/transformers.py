"""Daft frames: plans that are run when rows are needed, stored as Parquet or Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import daft
import pyarrow as pa
import pyarrow.types as t
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import (
    IpcCodec,
    ParquetCodec,
    TableTransformer,
    check_columns,
    check_losses,
    lost_categories,
    normalise_table,
)

if TYPE_CHECKING:
    from daft import DataFrame

__all__ = ["DataFrameIpc", "DataFrameParquet", "DataFrameTransformer", "from_arrow", "to_arrow"]


def to_arrow(frame: DataFrame) -> pa.Table:
    """Run the plan.

    Raises:
        ValueMismatch: A column holds Python objects, which Daft would pickle.
    """
    _refuse_objects(frame)
    return normalise_table(frame.to_arrow())


def _refuse_objects(frame: DataFrame) -> None:
    for field in frame.schema():
        if "Python" in str(field.dtype):
            raise ValueMismatch(
                f"the Daft column {field.name!r} holds Python objects ({field.dtype})",
                why="Arrow has no type for them, and Daft would hand them out pickled",
                fix="cast it to one of Daft's own types, or drop it",
            )


def from_arrow(table: pa.Table) -> DataFrame:
    """An Arrow table as the start of a plan.

    Raises:
        ConversionError: A column has categories, for which Daft has no type, and losing them is not allowed.
        ValueMismatch: Daft would rename a column, or has no type for it.
    """
    check_columns(table.column_names, "the Arrow table")
    if table.num_rows and not table.num_columns:
        raise ValueMismatch("Daft has no rows without columns", fix="keep at least one column")
    for field in table.schema:
        if isinstance(field.type, pa.BaseExtensionType):
            raise ValueMismatch(
                f"the column {field.name!r} holds values of the type {field.type.extension_name}, which Daft does not give back",
                fix=f"cast it to {field.type.storage_type}, or to text",
            )
    check_losses(table.schema, "daft.DataFrame", lost_categories, "cast it to the type of its values")
    for position, field in enumerate(table.schema):
        plain = _plain(field.type)
        if plain != field.type:
            table = table.set_column(position, field.with_type(plain), table.column(position).cast(plain))
    frame = daft.from_arrow(table)
    for given, found in zip(table.schema, frame.schema(), strict=True):
        if given.name != found.name:
            raise ValueMismatch(
                f"Daft would call the column {given.name!r} {found.name!r}",
                why="it cuts names at a zero byte",
                fix="rename the column",
            )
    _refuse_objects(frame)
    return frame


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries, of which Daft makes pickled Python objects, and with days as days, not as nanoseconds."""
    if t.is_date64(kind):
        return pa.date32()
    if t.is_dictionary(kind):
        return _plain(kind.value_type)
    if t.is_list(kind) or t.is_large_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    if t.is_struct(kind):
        return pa.struct([kind.field(i).with_type(_plain(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


class DataFrameTransformer(TableTransformer):
    """``daft.DataFrame``: hashing and storing run the plan; looking at it does not."""

    type_name = "daft.DataFrame"
    lazy = True

    def to_arrow(self, value: DataFrame) -> pa.Table:
        """Run the plan."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> DataFrame:
        """The start of a plan."""
        return from_arrow(table)

    def num_rows(self, value: DataFrame) -> int | None:
        """Not known before the plan is run."""
        return None

    def schema(self, value: DataFrame) -> Schema | None:
        """Columns with their Daft types, without running the plan."""
        return Schema(tuple(FieldInfo(field.name, str(field.dtype)) for field in value.schema()))

    def arrow_schema(self, value: DataFrame) -> pa.Schema:
        """Columns with their Arrow types, without running the plan."""
        _refuse_objects(value)
        return normalise_table(value.schema().to_pyarrow_schema().empty_table()).schema

    def preview(self, value: DataFrame, limit: int = 10) -> Preview:
        """The columns as text: rows would cost a run."""
        return Preview.of_text(", ".join(f"{field.name}: {field.dtype}" for field in value.schema()))

    def project(self, value: DataFrame, columns: Mapping[str, Any]) -> DataFrame:
        """The plan with these columns alone."""
        terms = [
            daft.col(name) if kind is None else daft.col(name).cast(daft.DataType.from_arrow_type(kind))
            for name, kind in columns.items()
        ]
        return value.select(*terms)

    def batches(self, value: DataFrame) -> Iterator[Any]:
        """The rows as record batches, while the plan runs."""
        _refuse_objects(value)
        for batch in value.to_arrow_iter():
            yield from normalise_table(pa.Table.from_batches([batch])).to_batches()


class DataFrameParquet(ParquetCodec):
    """``daft.DataFrame`` <-> one Parquet file."""

    transformer = DataFrameTransformer


class DataFrameIpc(IpcCodec):
    """``daft.DataFrame`` <-> one Arrow IPC file."""

    transformer = DataFrameTransformer
