# ruff: noqa: F401  # what is put in by a mutant uses them
import hashlib

import pyarrow as pa
from dovetail.spec import Preview, Schema
from dovetail.types.arrow import TableTransformer, hash_table, read_ipc, read_parquet, write_ipc, write_parquet
from mutant_library import Frame


def to_arrow(frame):
    return frame.table


def from_arrow(table):
    return Frame(table)


def to_dict(frame):
    return frame.table.to_pydict()


class FrameTransformer(TableTransformer):
    type_name = "mutant_library.Frame"

    def to_arrow(self, value):
        return value.table

    def from_arrow(self, table):
        return Frame(table)

    def content_hash(self, value):
        return hash_table(value.table)

    def num_rows(self, value):
        return value.table.num_rows

    def take_rows(self, value, rows):
        return Frame(value.table.take(pa.array(list(rows), pa.int64())))


class FrameParquet:
    def write(self, value, path):
        write_parquet(value.table, path)

    def read(self, path):
        return Frame(read_parquet(path))


class FrameIpc:
    def write(self, value, path):
        write_ipc(value.table, path)

    def read(self, path):
        return Frame(read_ipc(path))
