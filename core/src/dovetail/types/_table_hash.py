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

_VERSION = b"dovetail-table-2\0"
_BLOCK = 1 << 16
"""Rows that are rewritten at a time: what is rewritten takes little memory, and stays in the processor's cache."""
_PIECE = 1 << 20
_WORDS = {8: "int8", 16: "int16", 32: "int32", 64: "int64"}
"""Integers of the width of a value, in bits, by name."""


def hash_table(table: pa.Table) -> str:
    """SHA-256 in hex of a table. Equal tables give equal hashes in every process and library."""
    whole = begin(table.num_rows)
    for field, column in zip(table.schema, table.columns, strict=True):
        part = hashlib.sha256()
        feed(part, contiguous(column))
        add_column(whole, field, part)
    return str(whole.hexdigest())


def begin(rows: int) -> Any:
    """The digest of a table with so many rows, without columns yet."""
    whole = hashlib.sha256(_VERSION)
    whole.update(rows.to_bytes(8, "little"))
    return whole


def add_column(whole: Any, field: pa.Field, part: Any) -> None:
    """Add a column to the digest of a table: its name, its type, and the digest of its values."""
    name = field.name.encode("utf-8", "surrogatepass")
    kind = type_text(field.type).encode()
    whole.update(len(name).to_bytes(4, "little") + name + len(kind).to_bytes(4, "little") + kind)
    whole.update(part.digest())


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


def contiguous(column: pa.ChunkedArray) -> pa.Array:
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


def feed(digest: Any, array: pa.Array) -> None:
    """Add one array: how long it is, which values are null, then the values that are not."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    array = plain_layout(array)
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
        digest.update(bits(array.is_valid()))
    if type_text(kind) in ("string", "binary"):
        _feed_text(digest, array)
    elif not t.is_nested(kind):
        feed_fixed(digest, array)
    else:
        array = array.drop_null() if nulls else array  # what lies under a null is garbage
        if _is_list(kind):
            digest.update(memory(narrow(pc.list_value_length(array))))
        for child in array.flatten() if t.is_struct(kind) else [array.flatten()]:
            feed(digest, child)


def _feed_text(digest: Any, array: pa.Array) -> None:
    """The lengths of all texts, 0 for nulls, then the texts."""
    digest.update(memory(narrow(text_lengths(array))))
    digest.update(texts(array))


def text_lengths(array: pa.Array) -> pa.Array:
    """Bytes of each text, 0 for nulls."""
    import pyarrow.compute as pc

    lengths = pc.binary_length(array)
    return lengths.fill_null(0) if array.null_count else lengths


def texts(array: pa.Array) -> memoryview | bytes:
    """The bytes of all texts that are not null, one after the other."""
    import pyarrow.compute as pc

    text = _text_memory(array)
    if array.null_count and len(text) != pc.sum(text_lengths(array)).as_py():  # there are bytes under a null
        text = _text_memory(array.drop_null())
    return text


def feed_fixed(digest: Any, array: pa.Array) -> None:
    """Values of one width: zeros under nulls, which costs less than to leave them out; odd widths are left out."""
    import pyarrow.types as t

    if t.is_boolean(array.type):
        digest.update(bits(array.fill_null(False) if array.null_count else array))
    elif not array.null_count and not _is_rewritten(array.type):
        digest.update(memory(array))
    else:
        for start in range(0, len(array), _BLOCK):
            digest.update(memory(_spelled(array.slice(start, _BLOCK))))


def _is_rewritten(kind: pa.DataType) -> bool:
    """Whether a value may have more than one spelling: NaN has many, and a decimal may lie in more bytes than it needs."""
    import pyarrow.types as t

    if t.is_decimal(kind):
        return bool(kind.bit_width != (128 if kind.precision <= 38 else 256))
    return bool(t.is_floating(kind))


def _spelled(block: pa.Array) -> pa.Array:
    """One spelling per meaning, also for nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = block.type
    if t.is_decimal(kind):
        wide = pa.decimal128 if kind.precision <= 38 else pa.decimal256
        block = block.cast(wide(kind.precision, kind.scale))
    elif t.is_float16(kind):
        block = block.cast(pa.float32())
    if block.null_count:
        word = _WORDS.get(block.type.bit_width)
        if word is None:
            block = block.drop_null()
        elif not t.is_floating(block.type):
            block = block.view(word).fill_null(0)
        else:
            block = block.fill_null(0.0)
    if t.is_floating(block.type):
        total = pc.sum(block).as_py()  # a NaN anywhere makes a NaN of the sum, and so may infinities
        if total is not None and math.isnan(total):  # -0.0 and 0.0 stay apart
            block = pc.if_else(pc.is_nan(block), pa.scalar(math.nan, block.type), block)
    return block


def bits(array: pa.Array) -> bytes:
    """Booleans without nulls, eight to a byte, zeros behind the last."""
    import pyarrow as pa

    if array.offset % 8:
        array = pa.concat_arrays([array.slice(0, 0), array])
        if array.offset % 8:
            array = array.cast(pa.uint8()).cast(pa.bool_())
    start = array.offset // 8
    size = (len(array) + 7) // 8
    data = bytearray(memoryview(array.buffers()[1])[start : start + size]) if size else bytearray()
    if len(array) % 8:
        data[-1] &= (1 << len(array) % 8) - 1
    return bytes(data)


def plain_layout(array: pa.Array) -> pa.Array:
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


def narrow(lengths: pa.Array) -> pa.Array:
    """In 32 bits where they fit, whatever the offsets were."""
    import pyarrow as pa

    if lengths.type == pa.int32():
        return lengths
    try:
        return lengths.cast(pa.int32())
    except pa.ArrowInvalid:
        return lengths


def memory(array: pa.Array) -> memoryview | bytes:
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


def is_ascii(array: pa.Array) -> bool:
    """Whether texts have no other characters; quicker than to look whether they are UTF-8."""
    text = memoryview(_text_memory(array))
    return all(bytes(text[start : start + _PIECE]).isascii() for start in range(0, len(text), _PIECE))
