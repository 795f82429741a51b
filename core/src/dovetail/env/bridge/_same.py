"""Finds arrays again that lie in a mapped segment, so that they are referred to instead of copied."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail.env.bridge._mappings import Mapped, Mappings, read_block

if TYPE_CHECKING:
    import pyarrow as pa

Piece = tuple[tuple[str, str, str, int, int], int, int, int, int]
"""Segment with offset and length of the block, number of the batch, of the column, first row, rows."""


class Finder:
    """Looks arrays up; lives as long as one table is sent."""

    def __init__(self, mappings: Mappings) -> None:
        self._mappings = mappings
        self._batches: dict[tuple[int, int, int], list[pa.RecordBatch]] = {}

    def find(self, chunk: pa.Array) -> Piece | None:
        """Where a mapped segment holds exactly this array; None if none does."""
        if self._mappings.count() == 0:
            return None
        storage = chunk.storage if _is_extension(chunk.type) else chunk
        address, width = _first_value(storage)
        mapped = self._mappings.find(address) if address else None
        if mapped is None:
            return None
        for block, spans in self._columns(mapped):
            at = bisect.bisect_right(spans, address, key=lambda span: span[0]) - 1
            while at >= 0 and spans[at][0] <= address < spans[at][1]:
                _, _, batch, column = spans[at]
                found = self._compare(mapped, block, batch, column, chunk, address, width)
                if found is not None:
                    return (*mapped.where, *block), batch, column, *found
                at -= 1
        return None

    def _columns(self, mapped: Mapped) -> Iterator[tuple[tuple[int, int], list[Any]]]:
        """The blocks of a segment, with addresses from and to of their columns, batch and column, sorted."""
        for block in list(mapped.blocks):
            spans = mapped.blocks[block]
            if spans is None:
                spans = mapped.blocks[block] = sorted(_spans(self._read(mapped, block)))
            yield block, spans

    def _read(self, mapped: Mapped, block: tuple[int, int]) -> list[pa.RecordBatch]:
        import pyarrow as pa

        key = (mapped.address, *block)
        if key not in self._batches:
            source = mapped.source()
            if source is None:
                return []
            self._batches[key] = read_block(pa.py_buffer(source).slice(*block))[1]
        return self._batches[key]

    def _compare(
        self, mapped: Mapped, block: tuple[int, int], batch: int, column: int, chunk: pa.Array, address: int, width: int
    ) -> tuple[int, int] | None:
        whole = self._read(mapped, block)[batch].column(column)
        if whole.type != chunk.type:
            return None
        if width:
            plain = whole.storage if _is_extension(whole.type) else whole
            first, rest = divmod(address - _first_value(plain)[0], width)
            if rest:
                return None
        else:
            first = chunk.offset - whole.offset
        if first < 0 or first + len(chunk) > len(whole):
            return None
        return (first, len(chunk)) if _is_same(whole.slice(first, len(chunk)), chunk) else None


def _spans(batches: list[pa.RecordBatch]) -> Iterator[tuple[int, int, int, int]]:
    for number, batch in enumerate(batches):
        for position, column in enumerate(batch.columns):
            storage = column.storage if _is_extension(column.type) else column
            address, width = _first_value(storage)
            if address:
                yield address, address + max(1, len(column) * width), number, position


def _is_extension(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return isinstance(kind, pa.BaseExtensionType)


def _first_value(array: pa.Array) -> tuple[int, int]:
    """Address of the first value and bytes from one to the next, for plain values of whole bytes.

    For others the address of the first buffer that is not empty, and 0. (0, 0): there is none.
    """
    import pyarrow.types as t

    kind, buffers = array.type, array.buffers()
    plain = (t.is_primitive(kind) or t.is_decimal(kind) or t.is_fixed_size_binary(kind)) and not t.is_boolean(kind)
    if plain and len(buffers) == 2 and buffers[1] is not None and kind.bit_width % 8 == 0:
        width = kind.bit_width // 8
        return buffers[1].address + array.offset * width, width
    found = next((each.address for each in buffers[1:] if each is not None and each.size), 0)
    return found, 0


def _is_same(left: pa.Array, right: pa.Array) -> bool:
    """Whether two arrays of one type are the same memory, rows and all."""
    import pyarrow.types as t

    if _is_extension(left.type):
        return _is_same(left.storage, right.storage)
    if left.type != right.type or len(left) != len(right):
        return False
    if len(left) == 0:
        return True
    if t.is_dictionary(left.type):
        return _is_same(left.indices, right.indices) and _is_same(left.dictionary, right.dictionary)
    if not _same_nulls(left, right):
        return False
    if _first_value(left)[1]:
        return _first_value(left) == _first_value(right)
    if left.offset != right.offset or not _same_buffers(left, right):
        return False
    ones, twos = _children(left), _children(right)
    return ones is not None and twos is not None and all(_is_same(a, b) for a, b in zip(ones, twos, strict=True))


def _same_nulls(left: pa.Array, right: pa.Array) -> bool:
    ones, twos = left.buffers()[0], right.buffers()[0]
    if ones is None or twos is None:
        return ones is twos or (left.null_count == 0 and right.null_count == 0)
    return bool(ones.address * 8 + left.offset == twos.address * 8 + right.offset)


def _same_buffers(left: pa.Array, right: pa.Array) -> bool:
    """Whether all buffers but the one of the nulls, children's included, are the same memory."""
    ones, twos = left.buffers()[1:], right.buffers()[1:]
    if len(ones) != len(twos):
        return False
    return all(
        (a is None and b is None) or (a is not None and b is not None and a.address == b.address)
        for a, b in zip(ones, twos, strict=True)
    )


def _children(array: pa.Array) -> list[pa.Array] | None:
    """The arrays below this one, as they are, so that their own offsets show; None for a layout that is not looked into."""
    import pyarrow.types as t

    kind = array.type
    if t.is_struct(kind):
        return [array.field(i) for i in range(kind.num_fields)]
    if t.is_map(kind):
        return [array.keys, array.items]
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return [array.values]
    flat = (t.is_boolean, t.is_string, t.is_large_string, t.is_binary, t.is_large_binary)
    return [] if any(is_kind(kind) for is_kind in flat) else None
