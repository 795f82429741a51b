"""Native checks: they look at Arrow tables and need no further library.

>>> from dovetail.quality.checks import Suite, in_range, not_null, unique
>>> flights = Suite("flights", [not_null("carrier"), unique("id"), in_range("month", 1, 12)])

Nulls are ignored by all checks but ``not_null``, unless a check says ``nulls="fail"``; NaN counts as null. ``unique`` counts
all rows of a key that occurs more than once. A comparison with a null operand is not evaluated.
"""

from dovetail.quality.checks._define import (
    Check,
    Suite,
    columns_present,
    compare,
    in_range,
    in_set,
    matches,
    mean_between,
    min_rows,
    not_null,
    row_count,
    unique,
)

__all__ = [
    "Check",
    "Suite",
    # of rows
    "not_null",
    "unique",
    "in_range",
    "in_set",
    "matches",
    "compare",
    # of the whole table
    "row_count",
    "min_rows",
    "columns_present",
    "mean_between",
]
