"""Checks that users write: row by row, over the whole column or table, and those that go wrong."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Annotated

import dovetail as dt
import pandas as pd
import pandera.pandas as pap
import pandera.polars as pa
import polars as pl
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import Gate

OPEN = {"on_fail": "quarantine", "max_quarantined": 1.0, "min_rows": 0}


def only(suite, value, types):
    """The one custom check of a suite, and the failing rows."""
    result = Gate(suite, **OPEN).evaluate(value, types=types)
    (check,) = [c for c in result.report.checks if c.kind == "custom"]
    rows = [] if result.quarantined is None else result.quarantined["_dv_row"].to_pylist()
    return check, rows


def on_column(lib, function, **options):
    return lib.DataFrameSchema({"a": lib.Column(checks=lib.Check(function, **options), nullable=True)})


def on_table(lib, function, **options):
    return lib.DataFrameSchema(checks=lib.Check(function, **options))


A = {"a": [1, -1, None, 3]}
EACH = [
    (on_column(pa, lambda d: d.lazyframe.select(pl.col(d.key) > 0)), pl.DataFrame(A)),
    (on_column(pa, lambda x: x > 0, element_wise=True), pl.DataFrame(A)),
    (on_table(pa, lambda d: d.lazyframe.select(pl.col("a") > 0)), pl.DataFrame(A)),
    (on_column(pap, lambda s: s > 0), pd.DataFrame(A)),
    (on_column(pap, lambda x: x > 0, element_wise=True), pd.DataFrame(A)),
    (on_table(pap, lambda df: df["a"] > 0), pd.DataFrame(A)),
    (on_table(pap, lambda df: df > 0), pd.DataFrame(A)),
    (on_table(pap, lambda df: df["a"] > 0), pd.DataFrame(A, dtype="Int64")),
]


@pytest.mark.parametrize(("suite", "value"), EACH)
def test_row_by_row(suite, value, types) -> None:
    check, rows = only(suite, value, types)
    assert check.row_scoped and check.n_failed == 1 and rows == [1], check.message


def test_row_by_row_on_a_whole_row(types) -> None:
    suite = on_table(pap, lambda row: row["a"] < row["b"], element_wise=True)
    _, rows = only(suite, pd.DataFrame({"a": [1, 2], "b": [2, 1]}), types)
    assert rows == [1]


@pytest.mark.parametrize(
    ("suite", "value"),
    [
        (on_column(pa, lambda d: d.lazyframe.select(pl.col(d.key).mean() > 5)), pl.DataFrame(A)),
        (on_column(pa, lambda d: d.lazyframe.collect()[d.key].mean() > 5), pl.DataFrame(A)),
        (on_column(pap, lambda s: s.mean() > 5), pd.DataFrame(A)),
        (on_table(pap, lambda df: bool(df["a"].mean() > 5)), pd.DataFrame(A)),
        (on_table(pa, lambda d: False), pl.DataFrame(A)),
    ],
)
def test_over_everything_no_row_is_to_blame(suite, value, types) -> None:
    result = Gate(suite, **OPEN).evaluate(value, types=types)
    (check,) = [c for c in result.report.checks if c.kind == "custom"]
    assert check.status == "fail" and not check.row_scoped and (check.n_failed, check.n_evaluated) == (1, 1)
    assert result.report.decision == "block"


def test_groups_of_a_pandas_column(types) -> None:
    value = pd.DataFrame({"a": [1, 2, 9], "g": ["x", "x", "y"]})
    by_group = pap.Check(lambda g: g["x"].mean() > g["y"].mean(), groupby="g")
    suite = pap.DataFrameSchema({"a": pap.Column(checks=by_group), "g": pap.Column(str)})
    check, _ = only(suite, value, types)
    assert check.status == "fail" and not check.row_scoped


def test_groups_on_polars_are_an_error_that_says_so(types) -> None:
    suite = pa.DataFrameSchema({"a": pa.Column(checks=pa.Check(lambda g: True, groupby="g")), "g": pa.Column(str)})
    check, _ = only(suite, pl.DataFrame({"a": [1], "g": ["x"]}), types)
    assert check.status == "error" and "groupby" in check.message


def boom(_):
    raise ValueError("boom\nand more")


@pytest.mark.parametrize(
    ("suite", "value", "told"),
    [
        (on_column(pa, boom), pl.DataFrame(A), "ValueError: boom"),
        (on_column(pap, boom), pd.DataFrame(A), "ValueError: boom"),
        (on_column(pa, lambda d: "yes"), pl.DataFrame(A), "AttributeError"),
        (on_column(pap, lambda s: "yes"), pd.DataFrame(A), "expected a bool"),
        (on_column(pa, lambda d: d.lazyframe.select(pl.col(d.key))), pl.DataFrame(A), "expected booleans"),
        (on_column(pap, lambda s: s.astype(str)), pd.DataFrame(A), "expected booleans"),
        (on_column(pa, lambda d: d.lazyframe.select(pl.col(d.key) > 0).head(2)), pl.DataFrame(A), "2 answers for 4"),
        (on_column(pap, lambda s: (s > 0).head(2)), pd.DataFrame(A), "2 answers for 3"),
        (on_table(pap, lambda df: (df > 0).head(2)), pd.DataFrame(A), "shape"),
    ],
)
def test_what_goes_wrong_is_an_error_and_blocks(suite, value, told, types) -> None:
    result = Gate(suite, on_fail="warn").evaluate(value, types=types)
    (check,) = [c for c in result.report.checks if c.kind == "custom"]
    assert check.status == "error" and told in check.message
    assert result.report.decision == "block"


def test_nulls_are_not_evaluated_across_columns_whatever_the_types(types) -> None:
    data = {"a": [1.0, None, 5.0, None], "b": [2.0, 2.0, 2.0, None]}
    for suite, value in (
        (on_table(pa, lambda d: d.lazyframe.select(pl.col("a") < pl.col("b"))), pl.DataFrame(data)),
        (on_table(pap, lambda df: df["a"] < df["b"]), pd.DataFrame(data)),
        (on_table(pap, lambda df: df["a"] < df["b"]), pd.DataFrame(data).convert_dtypes()),
    ):
        check, rows = only(suite, value, types)
        assert rows == [2] and check.n_evaluated == 2


def test_in_doubt_a_null_row_stays_a_failure(types) -> None:
    def by_numpy(df):
        return pd.Series(df["a"].to_numpy(dtype="float64") < df["b"].to_numpy(dtype="float64"), index=df.index)

    _, rows = only(on_table(pap, by_numpy), pd.DataFrame({"a": [1.0, None], "b": [2.0, 2.0]}), types)
    assert rows == [1]


def test_names_of_custom_checks_are_stable(types) -> None:
    class Model(pa.DataFrameModel):
        a: int

        @pa.check("a")
        def positive(cls, data):
            return data.lazyframe.select(pl.col(data.key) > 0)

        @pa.dataframe_check
        def sane(cls, data):
            return data.lazyframe.select(pl.col("a") < 100)

    ids = [check.id for check in Gate(Model).check(types).checks]
    assert ids[-2:] == ["a.positive", "table.sane"]
    assert Gate(on_column(pa, lambda d: True)).check(types).checks[-1].id == "a.check0"


SCRIPT = """
import pandera.polars as pa, polars as pl
from dovetail.quality import Gate

LIMIT = {limit}

class Model(pa.DataFrameModel):
    a: int = pa.Field(isin={{"x", "y", "z"}})

    @pa.check("a")
    def positive(cls, data):
        return data.lazyframe.select(pl.col(data.key) > LIMIT)

column = pa.Column(checks=pa.Check(lambda d: {limit} < 1))
print(Gate(Model).fingerprint(), Gate(pa.DataFrameSchema({{"a": column}})).fingerprint())
"""


def fingerprints(limit: int, seed: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT.format(limit=limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed})
    return done.stdout.split()


def test_the_fingerprint_is_that_of_the_code_in_every_process() -> None:
    first, again, other = fingerprints(0, "1"), fingerprints(0, "2"), fingerprints(5, "1")
    assert first == again
    assert first[0] != other[0] and first[1] != other[1]


def suite_of(function, *args, **options):
    return Gate(pa.DataFrameSchema({"a": pa.Column(checks=pa.Check(function, *args, **options))}))


def above(data, limit):
    return data.lazyframe.select(limit)


def capturing(value):
    return suite_of(lambda data: data.lazyframe.select(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (capturing(pl.col("a") > 1), capturing(pl.col("a") > 2)),
        (suite_of(partial(above, limit=pl.col("a") > 1)), suite_of(partial(above, limit=pl.col("a") > 2))),
        (suite_of(above, limit=pl.col("a") > 1), suite_of(above, limit=pl.col("a") > 2)),
        (capturing(list(range(3000))), capturing([*range(2999), 0])),
    ],
    ids=["captured", "partial", "parameter", "long"],
)
def test_a_gate_has_another_version_when_what_its_check_uses_is_another(one, other) -> None:
    assert one.fingerprint() != other.fingerprint()


def test_a_cached_task_is_refused_when_what_the_check_of_its_gate_uses_cannot_be_told() -> None:
    gate = capturing(row for row in [1])

    @dt.task
    def load() -> Annotated[pl.DataFrame, gate]:
        return pl.DataFrame({"a": [1]})

    assert load.fingerprint()
    with pytest.raises(DefinitionError, match=r"'value' .a builtins.generator"):
        load.fingerprint(exact=True)
    assert load.options(cache_version="1").fingerprint(exact=True)
