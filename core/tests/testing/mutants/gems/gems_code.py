# what is put in by a mutant uses them
import gems
import pyarrow as pa
from dovetail.errors import ValueMismatch
from dovetail.types.arrow import TableTransformer, hash_table, read_ipc, write_ipc


def to_arrow(frame):
    return frame.table


def from_arrow(table):
    for field in table.schema:
        if field.type == pa.uint64():
            raise ValueMismatch(f"the column {field.name!r} would not fit: gems has no uint64")
    return gems.Frame(table)


class FrameTransformer(TableTransformer):
    type_name = "gems.Frame"

    def to_arrow(self, value):
        return value.table

    def from_arrow(self, table):
        return from_arrow(table)

    def content_hash(self, value):
        return hash_table(value.table)

    def num_rows(self, value):
        return value.table.num_rows


class FrameIpc:
    def write(self, value, path):
        write_ipc(value.table, path)

    def read(self, path):
        return from_arrow(read_ipc(path))
