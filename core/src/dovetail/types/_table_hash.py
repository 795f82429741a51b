"""The content hash of Arrow tables: what a table means, not how its memory happens to lie.

Chunks, slices, offsets, bytes under nulls, the order of dictionaries, NaN payloads, 32 or 64 bit offsets, and schema metadata
make no difference. Column names and order, types, nulls, and the sign of zero do.
"""

from __future__ import annotations

import hashlib
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_VERSION = b"dovetail-table-1\0"


def hash_table(table: pa.Table) -> str:
    """BLAKE2b-256 in hex of a table. Equal tables give equal hashes in every process and library."""
    whole = hashlib.blake2b(_VERSION, digest_size=32)
    whole.update(table.num_rows.to_bytes(8, "little"))
    for field, column in zip(table.schema, table.columns, strict=True):
        name = field.name.encode("utf-8", "surrogatepass")
        kind = type_text(field.type).encode()
        whole.update(len(name).to_bytes(4, "little") + name + len(kind).to_bytes(4, "little") + kind)
        part = hashlib.blake2b(digest_size=32)
        _feed(part, _contiguous(column))
        whole.update(part.digest())
    return whole.hexdigest()


def type_text(kind: pa.DataType) -> str:
    """The canonical name of an Arrow type: layouts of one meaning share it."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return "string"
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind):
        return "binary"
    if t.is_dictionary(kind):
        return f"dictionary<{type_text(kind.value_type)},ordered={bool(kind.ordered)}>"
    if t.is_fixed_size_list(kind):
        return f"list<{type_text(kind.value_type)}>[{kind.list_size}]"
    if t.is_map(kind):
        return f"map<{type_text(kind.key_type)},{type_text(kind.item_type)}>"
    if t.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return f"struct<{','.join(f'{f.name!r}:{type_text(f.type)}' for f in fields)}>"
    if t.is_run_end_encoded(kind):
        return type_text(kind.value_type)
    if _is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    if isinstance(kind, pa.BaseExtensionType):
        return f"extension<{kind.extension_name},{type_text(kind.storage_type)}>"
    if t.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return str(kind)


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow.types as t

    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_list_view(kind) or t.is_large_list_view(kind))


def _contiguous(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return pa.nulls(0, column.type)
    try:
        combined = column.combine_chunks()
    except pa.ArrowInvalid:  # more than 2 GiB of text: 32 bit offsets do not reach
        combined = column.cast(_wide(column.type)).combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type with 64 bit offsets for text, binary and lists, wherever they stand in it."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([field.with_type(_wide(field.type)) for field in fields])
    if _is_list(kind):
        return pa.large_list(kind.value_field.with_type(_wide(kind.value_type)))
    wide = {"string": pa.large_string(), "binary": pa.large_binary()}
    return wide.get(type_text(kind), kind)


def _feed(digest: Any, array: pa.Array) -> None:
    """Add one array: how long it is, which values are null, then the values that are not."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    array = _plain_layout(array)
    kind = array.type
    digest.update(len(array).to_bytes(8, "little"))
    if t.is_null(kind):
        return
    if t.is_union(kind):  # rare, and without a validity of its own
        digest.update(repr(array.to_pylist()).encode("utf-8", "surrogatepass"))
        return
    nulls = array.null_count
    digest.update(nulls.to_bytes(8, "little"))
    if nulls:
        digest.update(_memory(array.is_valid().cast(pa.uint8())))
        array = array.drop_null()  # what lies under a null is garbage
    if type_text(kind) in ("string", "binary"):
        digest.update(_memory(_lengths(pc.binary_length(array))))
        digest.update(_text_memory(array))
    elif _is_list(kind):
        digest.update(_memory(_lengths(pc.list_value_length(array))))
        _feed(digest, array.flatten())
    elif t.is_fixed_size_list(kind):
        _feed(digest, array.flatten())
    elif t.is_struct(kind):
        for child in array.flatten():
            _feed(digest, child)
    else:
        digest.update(_memory(_fixed(array)))


def _plain_layout(array: pa.Array) -> pa.Array:
    """Without extension, dictionary, run-end and view layouts."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    while True:
        kind = array.type
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif t.is_run_end_encoded(kind):
            array = pc.run_end_decode(array)
        elif t.is_dictionary(kind):
            array = array.dictionary_decode()
        elif t.is_string_view(kind):
            array = array.cast(pa.large_string())
        elif t.is_binary_view(kind):
            array = array.cast(pa.large_binary())
        elif t.is_map(kind):
            entry = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
            array = array.cast(pa.list_(entry))
        elif t.is_list_view(kind) or t.is_large_list_view(kind):
            array = unview(array)
        else:
            return array


def unview(array: pa.Array) -> pa.Array:
    """A list view as a list. Arrow's own cast gives broken offsets for a view of nothing but nulls (pyarrow 26)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.list_value_length(array).fill_null(0).cast(pa.int64())
    ends = pa.concat_arrays(
        [pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(bytes(8))]), pc.cumulative_sum(lengths)]
    )
    mask = array.is_null() if array.null_count else None
    return pa.LargeListArray.from_arrays(ends, array.flatten(), type=pa.large_list(array.type.value_field), mask=mask)


def _fixed(array: pa.Array) -> pa.Array:
    """Numbers, times, decimals, booleans, fixed-size binary: one spelling per meaning."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = array.type
    if t.is_boolean(kind):
        return array.cast(pa.uint8())
    if t.is_decimal(kind):
        wide = pa.decimal128 if kind.precision <= 38 else pa.decimal256
        return array.cast(wide(kind.precision, kind.scale))
    if t.is_floating(kind):
        if t.is_float16(kind):
            array = array.cast(pa.float32())
        odd = pc.is_nan(array)
        if pc.any(odd).as_py():  # NaN has many spellings; -0.0 and 0.0 stay apart
            array = pc.if_else(odd, pa.scalar(math.nan, array.type), array)
    return array


def _lengths(lengths: pa.Array) -> pa.Array:
    """In 32 bits where they fit, whatever the offsets were."""
    import pyarrow as pa

    if lengths.type == pa.int32():
        return lengths
    try:
        return lengths.cast(pa.int32())
    except pa.ArrowInvalid:
        return lengths


def _memory(array: pa.Array) -> memoryview | bytes:
    """The values of an array of fixed width without nulls, as they lie in memory."""
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    if buffer is None or width == 0:
        return b""
    return memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]


def _text_memory(array: pa.Array) -> memoryview | bytes:
    """The bytes of all texts, one after the other."""
    import pyarrow.types as t

    _, offsets, data = array.buffers()
    if len(array) == 0 or data is None:
        return b""
    width = 8 if t.is_large_string(array.type) or t.is_large_binary(array.type) else 4

    def offset(position: int) -> int:
        start = (array.offset + position) * width
        return int.from_bytes(memoryview(offsets)[start : start + width], sys.byteorder)

    return memoryview(data)[offset(0) : offset(len(array))]
