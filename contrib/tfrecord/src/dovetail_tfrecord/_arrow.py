"""Examples <-> Arrow. Examples know bytes, floats of 32 bits and integers of 64; a schema says what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.types as t
from dovetail.errors import DataError, ValueMismatch
from dovetail.types.arrow import check_columns, normalise_table

from dovetail_tfrecord._dataset import TFRecordDataset
from dovetail_tfrecord._example import BYTES, FLOAT, INT, Feature

_STORED = {BYTES: pa.binary(), FLOAT: pa.float32(), INT: pa.int64()}


def _kind_of(kind: pa.DataType) -> int | None:
    """Which list holds the values of an Arrow type without loss; None if none does."""
    if t.is_string(kind) or t.is_binary(kind):
        return BYTES
    if t.is_float32(kind):
        return FLOAT
    whole = t.is_integer(kind) and kind != pa.uint64()
    if whole or t.is_boolean(kind) or (t.is_temporal(kind) and not t.is_interval(kind)) or t.is_null(kind):
        return INT
    return None


def table_to_dataset(table: pa.Table) -> TFRecordDataset:
    """An example per row. A null is a feature that is not there.

    Raises:
        ValueMismatch: Examples have no type for a column, or a list has a null inside.
    """
    table = normalise_table(table)
    check_columns(table.column_names, "the Arrow table")
    columns = [_to_features(table.column(name), name) for name in table.column_names]
    rows = (
        {name: column[row] for name, column in zip(table.column_names, columns, strict=True) if column[row] is not None}
        for row in range(table.num_rows)
    )
    return TFRecordDataset.from_examples(rows, table.schema.remove_metadata())


def _to_features(column: pa.ChunkedArray, name: str) -> list[Any]:
    """A feature or None for each row."""
    kind = column.type
    inner = kind.value_type if t.is_list(kind) else kind
    number = _kind_of(inner)
    if number is None:
        raise ValueMismatch(
            f"the column {name!r} ({kind}) does not fit into examples",
            why="they hold bytes, floats of 32 bits and integers of 64, one or a list of them",
            fix="cast it: float64 to float32, decimals to text, structs to columns of their own",
        )
    if not t.is_list(kind):
        return [None if item is None else Feature(number, [item]) for item in _plain(column, number).to_pylist()]
    lists = column.combine_chunks()
    parts = lists.chunks if isinstance(lists, pa.ChunkedArray) else [lists]
    features: list[Any] = []
    for part in parts:
        if part.flatten().null_count:
            raise ValueMismatch(
                f"a list of the column {name!r} has a null inside",
                why="the lists of examples have none",
                fix="drop the nulls inside the lists, or fill them",
            )
        plain = pa.ListArray.from_arrays(part.offsets, _plain(part.values, number), mask=part.is_null())
        features += [None if items is None else Feature(number, items) for items in plain.to_pylist()]
    return features


def _plain(values: Any, number: int) -> Any:
    """Values as the type that examples store."""
    kind = values.type
    if number == INT and (t.is_date32(kind) or t.is_time32(kind)):
        values = values.cast(pa.int32())
    return values.cast(_STORED[number])


def dataset_to_table(dataset: TFRecordDataset) -> pa.Table:
    """A column per feature, of the types of the dataset's schema; sorted by name where it has none.

    Raises:
        DataError: A record is no example, or a feature is not what the schema says.
    """
    examples = list(dataset.features())
    schema = dataset.schema if dataset.schema is not None else _infer(examples)
    columns = [_from_features(examples, field) for field in schema]
    if not columns:
        return pa.table({"": pa.nulls(len(examples))}).select([])
    return pa.Table.from_arrays(columns, schema=schema)


def _infer(examples: list[dict[str, Feature]]) -> pa.Schema:
    """One value per example where every example has one or none; else a list."""
    kinds: dict[str, int] = {}
    many: set[str] = set()
    for example in examples:
        for name, feature in example.items():
            if feature.kind and kinds.setdefault(name, feature.kind) != feature.kind:
                raise DataError(f"the feature {name!r} is of several kinds", fix="write it as one kind in all examples")
            if len(feature.values) != 1:
                many.add(name)
    types = {name: _STORED[kind] for name, kind in kinds.items()}
    return pa.schema([(name, pa.list_(types[name]) if name in many else types[name]) for name in sorted(types)])


def _from_features(examples: list[dict[str, Feature]], field: pa.Field) -> pa.Array:
    listed = t.is_list(field.type)
    inner = field.type.value_type if listed else field.type
    number = _kind_of(inner)
    if number is None:
        raise DataError(f"the schema gives the feature {field.name!r} the type {field.type}", fix="see the README")
    items: list[Any] = []
    for row, example in enumerate(examples):
        feature = example.get(field.name)
        if feature is not None and (feature.kind not in (0, number) or not (listed or len(feature.values) == 1)):
            raise DataError(
                f"the feature {field.name!r} of example {row} is not the {field.type} that the schema has",
                why=f"it has {len(feature.values)} values of kind {feature.kind}",
                fix="give the dataset the schema of its examples, or none",
            )
        items.append(None if feature is None else feature.values if listed else feature.values[0])
    restore = _restorer(inner, number)
    try:
        if not listed:
            return restore(pa.array(items, _STORED[number]))
        lists = pa.array(items, pa.list_(_STORED[number]))
        values = restore(lists.values)
        return pa.ListArray.from_arrays(lists.offsets, values, type=field.type, mask=lists.is_null())
    except pa.ArrowInvalid as error:
        raise DataError(
            f"the feature {field.name!r} is not the {field.type} that the schema has",
            why=str(error).splitlines()[0],
            fix="give the dataset the schema of its examples, or none",
        ) from error


def _restorer(kind: pa.DataType, number: int) -> Callable[[Any], Any]:
    if t.is_null(kind):
        return lambda values: pa.nulls(len(values))
    if number == INT and (t.is_date32(kind) or t.is_time32(kind)):
        return lambda values: values.cast(pa.int32()).cast(kind)
    return lambda values: values.cast(kind)
