"""Small Arrow arrays and scalars from Python values, without pandas.

``pa.array(list)`` and ``pa.scalar(value)`` look whether they were given something of pandas, and import it to look: most of a
second where it is installed. Numbers and texts are put into buffers here instead; any other value goes the long way.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any

_INT64 = range(-(2**63), 2**63)


def arrow_array(values: Sequence[Any], kind: Any = None) -> Any:
    """What ``pa.array(values, kind)`` makes.

    Args:
        values: Values without None.
        kind: Arrow type; inferred if None.

    Raises:
        pa.ArrowException: The type does not hold the values.
    """
    import pyarrow as pa

    if not values:
        return pa.nulls(0, kind)
    made = _from_buffers(values)
    if made is None or not (kind is None or made.type == kind or _widens(made, kind)):
        return pa.array(values, kind)
    return made if kind is None else made.cast(kind)


def arrow_scalar(value: Any, kind: Any = None) -> Any:
    """What ``pa.scalar(value, kind)`` makes. Raises as :func:`arrow_array` does."""
    return arrow_array([value], kind)[0]


def true_ordinals(mask: Any) -> Any:
    """The ordinals at which a mask is true; neither false nor null.

    Up to release 25, ``pc.indices_nonzero`` ends the process when it is given a column that has no chunk.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(mask, pa.ChunkedArray) and not mask.num_chunks:
        return pa.nulls(0, pa.uint64())
    return pc.indices_nonzero(mask)


def no_ordinals() -> Any:
    """No row at all."""
    import pyarrow as pa

    return pa.nulls(0, pa.int64())


def _widens(made: Any, kind: Any) -> bool:
    """True where a cast says and does what making the array with the type would have."""
    import pyarrow.types as t

    if t.is_string(made.type):
        return bool(t.is_large_string(kind) or t.is_string_view(kind))
    return bool(t.is_integer(made.type) and (t.is_integer(kind) or t.is_float32(kind) or t.is_float64(kind)))


def _from_buffers(values: Sequence[Any]) -> Any:
    """An array of int64, bool, double or string; None for values of other or several types."""
    import pyarrow as pa

    types = {type(value) for value in values}
    if types == {int} and all(value in _INT64 for value in values):
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array.array("q", values).tobytes())])
    if types == {bool}:
        bits = sum(value << place for place, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    if types == {float}:
        return pa.Array.from_buffers(
            pa.float64(), len(values), [None, pa.py_buffer(array.array("d", values).tobytes())]
        )
    if types != {str}:
        return None
    try:
        encoded = [value.encode() for value in values]
    except UnicodeEncodeError:
        return None
    ends = [0]
    for text in encoded:
        ends.append(ends[-1] + len(text))
    if ends[-1] >= 2**31:
        return None
    offsets = pa.py_buffer(array.array("i", ends).tobytes())
    return pa.Array.from_buffers(pa.string(), len(values), [None, offsets, pa.py_buffer(b"".join(encoded))])
