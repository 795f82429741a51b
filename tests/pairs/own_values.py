"""Values that only one library has: what becomes of them on the way to another frame."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any


def own_values() -> dict[str, dict[str, Any]]:
    """Declared name of a frame -> what is special -> the value."""
    return {
        "pandas.DataFrame": _pandas(),
        "polars.DataFrame": _polars(),
        "duckdb.DuckDBPyRelation": _duckdb(),
        "numpy.ndarray": _numpy(),
    }


def _pandas() -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    plain = pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None]})
    return {
        "index: row numbers after filtering": plain[plain.n > 1],
        "index: named": plain.set_index("t"),
        "index: text without a name": plain.set_axis(["x", "y", "z"]),
        "index: several levels": plain.assign(k=[1, 1, 2]).set_index(["k", "t"]),
        "index: moments": plain.set_index(pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin", name="at")),
        "NaN in a numpy float column, which is missing": pd.DataFrame({"x": [1.0, np.nan, -0.0]}),
        "pandas' nullable integers": pd.DataFrame({"n": pd.array([1, None, 2**53 + 1], dtype="Int64")}),
        "objects that are all text": pd.DataFrame({"t": pd.Series(["a", None], dtype=object)}),
        "objects that are dates": pd.DataFrame({"d": pd.Series([dt.date(2024, 1, 1), None], dtype=object)}),
        "objects that are decimals": pd.DataFrame({"d": pd.Series([Decimal("1.5"), None], dtype=object)}),
        "objects of mixed types": pd.DataFrame({"o": pd.Series([1, "a"], dtype=object)}),
        "categories that no row has": pd.DataFrame({"c": pd.Categorical(["a"], categories=["b", "a"])}),
        "periods": pd.DataFrame({"p": pd.period_range("2024-01", periods=2, freq="M")}),
        "intervals": pd.DataFrame({"i": pd.interval_range(0, 2)}),
        "sparse numbers": pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}),
        "complex numbers": pd.DataFrame({"c": [1 + 2j]}),
        "column names that are numbers": pd.DataFrame({0: [1]}),
        "two columns called the same": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    }


def _polars() -> dict[str, Any]:
    import polars as pl

    return {
        "Enum": pl.DataFrame({"e": pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a"]))}),
        "Categorical": pl.DataFrame({"c": pl.Series(["a", None, "b"], dtype=pl.Categorical())}),
        "Int128": pl.DataFrame({"n": pl.Series([2**100, None], dtype=pl.Int128)}),
        "Array of two dimensions": pl.DataFrame({"a": pl.Series([[[1, 2], [3, 4]]], dtype=pl.Array(pl.Int64, (2, 2)))}),
        "struct without fields": pl.DataFrame({"s": pl.Series([{}], dtype=pl.Struct([]))}),
        "Object": pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
    }


def _duckdb() -> dict[str, Any]:
    import duckdb

    terms = {
        "hugeint": "170141183460469231731687303715884105::hugeint",
        "enum": "'b'::enum('b', 'a')",
        "uuid": "'00010203-0405-0607-0809-0a0b0c0d0e0f'::uuid",
        "interval": "interval '1 month 2 days'",
        "bit": "'101'::bit",
        "time with a zone": "'12:00:00+02'::timetz",
        "union": "union_value(n := 1)",
        "infinite date": "'infinity'::date",
        "array": "[1, 2]::integer[2]",
        "JSON": """'{"a": 1}'::json""",
    }
    return {label: duckdb.default_connection().cursor().sql(f"select {term} as v") for label, term in terms.items()}


def _numpy() -> dict[str, Any]:
    import numpy as np

    return {
        "an array of one dimension": np.array([1.5, 2.5]),
        "an array of two dimensions": np.arange(6).reshape(3, 2),
        "big-endian numbers": np.array([(1,)], dtype=[("n", ">i4")]),
        "NaT": np.array(["2024-01-01", "NaT"], dtype="M8[us]"),
        "complex items": np.array([1 + 2j]),
        "a record inside a record": np.array([((1, 2.0),)], dtype=[("r", [("a", "i8"), ("b", "f8")])]),
    }
