"""The profile of the data beside the checks: the same whatever the pieces, and in bounded memory."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pyarrow as pa
import pytest
from dovetail.quality import ColumnProfile, Gate, Profiler, Report, profile, render_html
from dovetail.quality.checks import not_null
from hypothesis import given
from hypothesis import strategies as st


def of(column, kind=None, **options) -> ColumnProfile:
    return profile(pa.table({"c": pa.array(column, kind)}), **options)[0]


def test_numbers():
    found = of([1, 2, 2, None, 5], pa.int64())
    assert (found.rows, found.nulls, found.distinct, found.minimum, found.maximum) == (5, 1, 3, 1, 5)
    assert (found.mean, found.quantiles["0.5"], found.top) == (2.5, 2.0, [{"value": "2", "count": 2}])
    assert (sum(found.histogram), found.histogram[0], found.histogram[-1], found.sampled) == (4, 1, 1, 4)


def test_nan_is_counted_apart_and_infinity_has_no_mean():
    found = of([1.0, math.nan, math.inf, None], pa.float64())
    assert (found.nulls, found.nans, found.distinct, found.minimum, found.maximum) == (1, 1, 2, 1.0, "inf")
    assert (found.mean, found.histogram, found.quantiles) == (None, [], {})


def test_texts_have_lengths_and_frequent_values():
    found = of(["ab", "ab", "", None, "ä€😀"])
    assert (found.lengths, found.top, found.minimum) == ([0, 3], [{"value": "ab", "count": 2}], None)
    assert of(["ab", "c"]).top == []  # as many as there are rows: nothing is frequent


def test_times_are_told_as_text():
    found = of([0, 86_400], pa.timestamp("s", "UTC"))
    assert (found.minimum, found.maximum, found.histogram) == (
        "1970-01-01 00:00:00+00:00",
        "1970-01-02 00:00:00+00:00",
        [],
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[1], None], pa.list_(pa.int64())),
        ([b"a", None], pa.binary()),
        ([None, None], pa.null()),
        ([{"a": 1}, None], None),
    ],
    ids=["list", "binary", "null", "struct"],
)
def test_what_is_not_counted(values, kind):
    found = of(values, kind)
    assert (found.rows, found.nulls, found.distinct, found.top) == (2, pa.array(values, kind).null_count, None, [])


def test_many_distinct_values_are_not_counted_to_the_end():
    found = of(range(30_000))
    assert (found.distinct, found.distinct_exact, found.top) == (10_000, False, [])


def test_a_column_of_one_value_has_no_width():
    found = of([7, 7, 7])
    assert (found.histogram, found.quantiles["0.95"]) == ([], 7.0)


def test_without_values_only_counts_remain():
    for column in (of([1, 1, 2], values=False), of(["a", "a", "bbb"], values=False)):
        assert (column.rows, column.distinct) == (3, 2)
        assert (column.minimum, column.top, column.quantiles, column.histogram) == (None, [], {}, [])


def test_two_columns_of_one_name_are_told_apart():
    table = pa.Table.from_arrays([pa.array([1, None]), pa.array(["a", "b"])], names=["c", "c"])
    assert [(one.name, one.type, one.nulls) for one in profile(table)] == [("c", "int64", 1), ("c", "string", 0)]


def test_a_table_without_rows():
    assert asdict(of([], pa.float64())) == asdict(ColumnProfile("c", "double", distinct=0))


VALUES = st.lists(st.none() | st.integers(-5, 5), max_size=60)


@given(VALUES, st.integers(1, 9), st.sampled_from(["int64", "float64", "string", "decimal128(9, 2)", "dictionary"]))
def test_the_pieces_do_not_matter(values, size, kind):
    numbers = pa.array(values, pa.int64())
    if kind == "dictionary":
        array = numbers.cast(pa.string()).dictionary_encode()
    else:
        array = numbers.cast(pa.decimal128(21, 2) if "decimal" in kind else kind)
    table = pa.table({"c": array})
    pieces = Profiler(table.schema)
    for start in range(0, len(values), size):
        pieces.add(table.slice(start, size))
    whole, parted = profile(table)[0], pieces.result()[0]
    assert [one["count"] for one in parted.top] == [one["count"] for one in whole.top]
    whole.top = parted.top = []  # of equally frequent values, whichever came first
    if whole.mean is not None:
        assert parted.mean == pytest.approx(whole.mean)
        whole.mean = parted.mean
    assert asdict(parted) == asdict(whole)


def test_a_long_stream_keeps_every_nth_number():
    pieces = Profiler(pa.schema([("c", pa.int64())]))
    for start in range(0, 300_000, 1000):
        pieces.add(pa.record_batch({"c": pa.array(range(start, start + 1000), pa.int64())}))
    found = pieces.result()[0]
    assert 32_768 < found.sampled <= 65_536
    assert found.quantiles["0.5"] == pytest.approx(150_000, rel=0.001)
    assert max(found.histogram) - min(found.histogram) <= 2


def test_the_page_shows_it_escaped():
    report = Report("g", "v", "publish", "", {"on_fail": "block", "max_quarantined": "5%", "min_rows": 1}, rows_in=2)
    report.engine = {"name": "native", "version": "1"}
    report.profile = profile(pa.table({"<b>": ["<i>x</i>", "<i>x</i>"], "n": [1.5, 2.5]}))
    page = render_html(report)
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;x&lt;/i&gt;" in page
    assert "<i>x" not in page
    assert '<svg class="bins"' in page


def test_the_record_goes_through_json():
    report = Report("g", "v", "publish", "", {})
    report.profile = profile(pa.table({"n": [1, 2, 2], "s": ["a", None, "b"]}))
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_a_gate_looks_when_it_is_asked_to(types):
    table = pa.table({"n": [1, 2, None], "s": ["a", "b", "b"]})
    quiet = Gate([not_null("s")])
    assert quiet.evaluate(table, types=types).report.profile is None
    asked = quiet.with_options(profile=True)
    found = asked.evaluate(table, types=types).report.profile
    assert found == profile(table)
    hidden = asked.with_options(sample_values=False).evaluate(table, types=types).report.profile
    assert hidden == profile(table, values=False)
    assert quiet.fingerprint() == asked.fingerprint(), "what is shown decides nothing"


def test_a_stream_that_is_checked_on_its_way_has_a_profile(types):
    batch = pa.record_batch({"n": pa.array(range(2_000_000), pa.int64())})
    reader = pa.RecordBatchReader.from_batches(batch.schema, iter([batch] * 6))  # 96 MB: more than a gate holds
    report = Gate([not_null("n")], profile=True).evaluate(reader, types=types).report
    assert [(one.rows, one.maximum) for one in report.profile] == [(12_000_000, 1_999_999)]
