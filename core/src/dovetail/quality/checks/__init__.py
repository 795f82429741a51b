"""Native checks: they look at Arrow tables and need no further library.

>>> from dovetail.quality.checks import Suite, in_range, not_null, unique
>>> flights = Suite("flights", [not_null("carrier"), unique("id"), in_range("month", 1, 12)])

Nulls are ignored by all checks but ``not_null``, unless a check says ``nulls="fail"``; NaN counts as null. ``unique`` counts
all rows of a key that occurs more than once. A comparison with a null operand is not evaluated.
"""

from dovetail.quality.checks._check import Check, Suite
from dovetail.quality.checks._define import compare, in_range, in_set, matches, not_null, unique
from dovetail.quality.checks._define_more import custom, expression, length, monotonic
from dovetail.quality.checks._reference import foreign_key, reconciles, same_row_count
from dovetail.quality.checks._whole import (
    columns_present,
    fresh,
    has_type,
    mean_between,
    min_rows,
    quantile_between,
    row_count,
    schema,
    stddev_between,
    sum_equals,
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
    "length",
    "compare",
    "expression",
    "monotonic",
    "custom",
    # of the whole table
    "row_count",
    "min_rows",
    "columns_present",
    "has_type",
    "schema",
    "mean_between",
    "stddev_between",
    "quantile_between",
    "sum_equals",
    "fresh",
    # against other data
    "foreign_key",
    "reconciles",
    "same_row_count",
]
