"""What native checks make from Python values is what pyarrow makes, and costs nobody an import of pandas."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pyarrow as pa
import pytest
from dovetail.quality._arrays import arrow_array, arrow_scalar
from hypothesis import given
from hypothesis import strategies as st

KINDS = [
    None,
    pa.int8(),
    pa.uint64(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.large_string(),
    pa.bool_(),
]
VALUES = st.one_of(
    st.lists(st.integers(-(2**65), 2**65)),
    st.lists(st.integers(-200, 300)),
    st.lists(st.floats()),
    st.lists(st.booleans()),
    st.lists(st.text(st.characters(exclude_categories=()), max_size=5)),
    st.lists(st.one_of(st.integers(0, 9), st.floats(0, 9), st.text(max_size=2), st.dates())),
)


def made(make, *arguments):
    try:
        return repr(make(*arguments))  # NaN is equal to itself here
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        return isinstance(error, Exception)


@given(VALUES, st.sampled_from(KINDS))
def test_law_arrays_are_those_of_pyarrow(values, kind) -> None:
    assert made(lambda: arrow_array(values, kind).to_pylist()) == made(lambda: pa.array(values, kind).to_pylist())
    if made(pa.array, values, kind) is not True:
        assert arrow_array(values, kind).type == pa.array(values, kind).type


@pytest.mark.parametrize("value", [1, True, 1.5, "x", dt.date(2026, 1, 1), b"x"])
def test_scalars_are_those_of_pyarrow(value) -> None:
    assert arrow_scalar(value).equals(pa.scalar(value))


SCRIPT = """
import io, sys
import pyarrow.csv
from dovetail.quality import Gate
from dovetail.quality.checks import *
from dovetail.types import current_types
table = pyarrow.csv.read_csv(io.BytesIO(b"a,n,x\\nx,1,0.5\\ny,2,1.5\\n"))
checks = [
    not_null("a"), in_set("a", ["x", "y"]), in_set("n", [1, 2]), in_range("n", 0, 9), in_range("x", 0, 2.5),
    unique("n"), unique("a", "n"), matches("a", "."), min_rows(1), compare("n", ">", "x"), columns_present("a"),
]
print(Gate(checks).evaluate(table, types=current_types()).report.decision, "pandas" in sys.modules)
"""


def test_checks_that_pass_do_not_import_pandas() -> None:
    pytest.importorskip("pandas")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["publish", "False"], done.stderr
