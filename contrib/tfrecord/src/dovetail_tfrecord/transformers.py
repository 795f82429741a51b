"""Datasets of examples: to and from Arrow, stored as one TFRecord file and the schema beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import ArtifactCorrupt
from dovetail.spec import FieldInfo, Schema
from dovetail.types.arrow import TableTransformer

from dovetail_tfrecord._dataset import TFRecordDataset

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetCodec", "DatasetTransformer", "from_arrow", "to_arrow"]

_DATA, _SCHEMA = "data.tfrecord", "schema.arrow"


def to_arrow(dataset: TFRecordDataset) -> pa.Table:
    """A column per feature.

    Raises:
        DataError: A record is broken, or no example, or not what the schema says.
    """
    from dovetail_tfrecord._arrow import dataset_to_table

    return dataset_to_table(dataset)


def from_arrow(table: pa.Table) -> TFRecordDataset:
    """An example per row, in memory.

    Raises:
        ValueMismatch: Examples have no type for a column.
    """
    from dovetail_tfrecord._arrow import table_to_dataset

    return table_to_dataset(table)


class DatasetTransformer(TableTransformer):
    """``dovetail_tfrecord.TFRecordDataset``."""

    type_name = "dovetail_tfrecord.TFRecordDataset"

    def to_arrow(self, value: TFRecordDataset) -> pa.Table:
        """As ``pyarrow.Table``."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> TFRecordDataset:
        """From ``pyarrow.Table``."""
        return from_arrow(table)

    def num_rows(self, value: TFRecordDataset) -> int | None:
        """Examples."""
        return len(value)

    def size(self, value: TFRecordDataset) -> int | None:
        """Bytes of the files."""
        return value.size()

    def schema(self, value: TFRecordDataset) -> Schema | None:
        """The dataset's schema; without one, that of its examples."""
        found = value.schema if value.schema is not None else to_arrow(value).schema
        return Schema(tuple(FieldInfo(field.name, str(field.type)) for field in found))


class DatasetCodec:
    """``dovetail_tfrecord.TFRecordDataset`` <-> a directory with ``data.tfrecord``, and ``schema.arrow`` if it has one."""

    def write(self, value: TFRecordDataset, path: Path) -> None:
        """Write the dataset; every checksum is checked on the way."""
        path.mkdir()
        with (path / _DATA).open("wb") as file:
            value.write(file)
        if value.schema is not None:
            (path / _SCHEMA).write_bytes(value.schema.serialize().to_pybytes())

    def read(self, path: Path) -> TFRecordDataset:
        """Read a dataset into memory.

        Raises:
            ArtifactCorrupt: The files are not there, or the schema cannot be read.
        """
        import pyarrow as pa

        try:
            schema = None
            if (path / _SCHEMA).exists():
                schema = pa.ipc.read_schema(pa.py_buffer((path / _SCHEMA).read_bytes()))
            return TFRecordDataset.from_bytes((path / _DATA).read_bytes(), schema)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise ArtifactCorrupt(
                "the artifact cannot be read as a dataset of examples",
                why=str(error).splitlines()[0],
                fix="delete the artifact and run again",
            ) from error
