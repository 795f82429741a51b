"""The content hash of tables: what a table means, whatever its memory looks like."""

from __future__ import annotations

import datetime
import decimal
import math
import struct
from typing import Any

import pyarrow as pa
import pytest
from dovetail.types.arrow import hash_table
from hypothesis import given, settings
from hypothesis import strategies as st


def half(value: float) -> Any:
    """A float of 16 bits as every version of pyarrow takes it: older ones take only those of NumPy, which they need anyhow."""
    try:
        import numpy as np
    except ImportError:
        return value
    return np.float16(value)


KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float64": (pa.float64(), st.floats()),
    "float32": (pa.float32(), st.floats(width=32)),
    "float16": (pa.float16(), st.floats(width=16).map(half)),
    "timestamp": (pa.timestamp("us"), st.datetimes(datetime.datetime(1900, 1, 1))),
    "date32": (pa.date32(), st.dates()),
    "time64": (pa.time64("us"), st.times()),
    "duration": (pa.duration("us"), st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999))),
    "decimal": (pa.decimal128(9, 2), st.decimals(-999, 999, places=2)),
    "fixed": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "eight": (pa.binary(8), st.binary(min_size=8, max_size=8)),
    "string": (pa.string(), st.text()),
    "binary": (pa.binary(), st.binary()),
    "category": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from("abc")),
    "list": (pa.list_(pa.int16()), st.lists(st.none() | st.integers(0, 99), max_size=3)),
    "struct": (
        pa.struct([("a", pa.bool_()), ("b", pa.string())]),
        st.fixed_dictionaries({"a": st.none() | st.booleans(), "b": st.none() | st.text(max_size=2)}),
    ),
}


def digest(array: pa.Array | pa.ChunkedArray) -> str:
    return hash_table(pa.table({"c": array}))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # a busy machine is no defect
@given(data=st.data())
def test_slices_chunks_and_what_lies_under_nulls_make_no_difference(kind: str, data: st.DataObject) -> None:
    arrow, values = KINDS[kind]
    drawn = data.draw(st.lists(st.none() | values, max_size=40))
    array = pa.array(drawn, arrow)
    expected = digest(array)
    before, cut = data.draw(st.integers(0, 17)), data.draw(st.integers(0, len(drawn)))
    filler = next((value for value in drawn if value is not None), None)
    longer = pa.array([filler] * before + drawn + [filler], arrow).slice(before, len(drawn))
    assert digest(longer) == expected
    assert digest(pa.chunked_array([array[:cut], array[cut:], array[:0]], arrow)) == expected
    if filler is not None and not pa.types.is_dictionary(arrow):
        full = pa.array([filler if value is None else value for value in drawn], arrow)
        if not pa.types.is_nested(arrow):  # the same nulls, over bytes that are not zero
            data_buffers = full.buffers()[1:]
            validity = pa.array([value is not None for value in drawn]).buffers()[1]
            assert digest(pa.Array.from_buffers(arrow, len(drawn), [validity, *data_buffers])) == expected


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # a busy machine is no defect
@given(data=st.data())
def test_other_values_hash_otherwise(kind: str, data: st.DataObject) -> None:
    arrow, values = KINDS[kind]
    rows = st.lists(st.none() | values, max_size=12)
    one, other = pa.array(data.draw(rows), arrow), pa.array(data.draw(rows), arrow)
    if repr(one.to_pylist()) != repr(other.to_pylist()):
        assert digest(one) != digest(other)


def test_more_rows_than_are_rewritten_at_a_time() -> None:
    count = (1 << 16) + 5
    values = [None if i % 7 == 0 else float(i) for i in range(count)]
    array = pa.array(values, pa.float64())
    assert digest(array) == digest(pa.chunked_array([array[: count // 3], array[count // 3 :]]))
    assert digest(array) != digest(array[:-1])
    values[-1] = math.nan
    assert digest(pa.array(values, pa.float64())) != digest(array)


def test_every_nan_is_one_and_both_zeros_are_two() -> None:
    odd = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(struct.pack("<Q", 0xFFF8_0000_0000_0001))])
    assert digest(odd) == digest(pa.array([math.nan]))
    assert digest(pa.array([0.0])) != digest(pa.array([-0.0]))
    assert digest(pa.array([math.inf, -math.inf])) != digest(pa.array([math.inf, math.nan]))
    assert digest(pa.array([0.0, None])) != digest(pa.array([0.0, 0.0]))


def test_a_null_is_none_of_the_values_it_is_hashed_with() -> None:
    for kind, zero in ((pa.int64(), 0), (pa.bool_(), False), (pa.string(), ""), (pa.float64(), 0.0)):
        assert digest(pa.array([zero, None], kind)) != digest(pa.array([zero, zero], kind))
        assert digest(pa.array([None, zero], kind)) != digest(pa.array([zero, None], kind))


def test_decimals_hash_by_what_they_are() -> None:
    values = [decimal.Decimal("1.25"), None]
    narrow = digest(pa.array(values, pa.decimal128(9, 2)))
    assert digest(pa.array(values, pa.decimal256(9, 2))) == narrow
    assert digest(pa.array(values, pa.decimal128(10, 2))) != narrow


def test_the_hash_is_the_same_in_every_version() -> None:
    table = pa.table({"n": [1, None], "t": ["a", "b"], "f": [0.5, None], "b": [True, None]})
    assert hash_table(table) == "18c222d3da017a52b127e85b3da7ebb35487ae0caeb01a8415be2aaf7f59ff62"
