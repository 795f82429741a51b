"""What the data suites are made of: values that are the same in every run, a pickle finder, and a truth table without holes."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import UsageError
from dovetail.testing import TABLE_KINDS, TRUTH_CHECKS, CheckEngineSuite, tables
from dovetail.testing._child import in_child, where_defined
from dovetail.testing._same_tables import same_table, unlike, values_of
from dovetail.testing._strategies import cells, column_tables, for_each, kind_type, rechunked, some
from dovetail.testing._transformers_codecs import find_pickle
from dovetail.testing._truth import EXPECTED, SHAPES, shape_table
from dovetail.testing._truth_rules import RULES, semantics

# -- whether two columns are the same ---------------------------------------------------------------------

_NAN, _OTHER_NAN = (pa.array([bits], pa.uint64()).view(pa.float64()) for bits in (0x7FF8 << 48, (0x7FF8 << 48) + 1))


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        (pa.array([1, None]), pa.array([1, None]), True),
        (pa.array([1, None]), pa.array([1, 0]), False),
        (pa.array([1]), pa.array([1], pa.int32()), False),
        (pa.array([0.0]), pa.array([-0.0]), False),
        (_NAN, _NAN, True),
        (_NAN, _OTHER_NAN, False),
        (pa.array([None], pa.float64()), pa.array([0.0]), False),
        (pa.array([[1], None]), pa.array([[1], None]), True),
        (pa.array([[1], None]), pa.array([[1], []]), False),
        (pa.array([[0.0]]), pa.array([[-0.0]]), False),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode(), False),
    ],
)
def test_a_column_is_only_passed_over_if_it_is_the_same_bit_for_bit(
    left: pa.Array, right: pa.Array, alike: bool
) -> None:
    assert unlike(pa.table({"c": left}), pa.table({"c": right})) == ([] if alike else [0])


# -- values ------------------------------------------------------------------------------------------------


def test_the_same_values_come_in_every_run() -> None:
    first, again = (some(tables(), 10) for _ in range(2))
    assert [values_of(table) for table in first] == [values_of(table) for table in again]


@pytest.mark.parametrize("kind", TABLE_KINDS)
def test_every_kind_of_column_has_values_nulls_and_no_rows(kind: str) -> None:
    found = some(column_tables(kind), 30)
    assert all(table.schema.types == [kind_type(kind)] for table in found)
    assert any(table.num_rows == 0 for table in found)
    assert any(table.column(0).null_count for table in found)
    assert kind == "null" or any(table.column(0).null_count < table.num_rows for table in found)


def test_tables_come_in_several_chunks_and_without_columns() -> None:
    found = some(tables(), 100)
    assert any(table.num_columns == 0 for table in found)
    assert any(table.num_columns and table.column(0).num_chunks > 1 for table in found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("float64", "nan"), ("float64", "-0.0"), ("float64", "inf"), ("string", "''"), ("binary", "b''")],
)
def test_the_odd_values_are_among_them(kind: str, value: str) -> None:
    assert value in {repr(item) for item in some(cells(kind), 200)}


def test_an_unknown_kind_leads_to_the_one_that_is_meant() -> None:
    with pytest.raises(UsageError, match="'int46'") as caught:
        tables(["int46"])
    assert caught.value.fix == "did you mean 'int64'?"


def test_how_many_examples_is_the_suites_word_or_that_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried() -> int:
        seen: list[Any] = []
        for_each(tables(["int64"]), seen.append, 7)
        return len(seen)

    assert tried() == 7
    monkeypatch.setenv("CONFORMANCE_EXAMPLES", "12")
    assert tried() == 12


def test_tables_are_the_same_whatever_their_chunks_and_nothing_else() -> None:
    table = pa.table({"a": [1.0, float("nan"), None, -0.0]})
    assert same_table(table, rechunked(table, [1, 3])) and rechunked(table, [1, 3]).column(0).num_chunks == 3
    for other in ([1.0, float("nan"), None, 0.0], [1.0, None, None, -0.0]):
        assert not same_table(table, pa.table({"a": pa.array(other, pa.float64(), from_pandas=False)}))
    assert not same_table(pa.table({"a": pa.array([1], pa.int8())}), pa.table({"a": [1]}))
    assert not same_table(pa.table({"a": [1]}), pa.table({"b": [1]}))


# -- pickles -----------------------------------------------------------------------------------------------

VALUE = {"a": [1, 2, "three"], "b": None}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_found(protocol: int) -> None:
    assert find_pickle(pickle.dumps(VALUE, protocol)) == 0


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_pickle_behind_a_header_is_found(protocol: int) -> None:
    assert find_pickle(b"\x00\x01HEADER" + pickle.dumps(VALUE, protocol) + b"tail") == 8


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"eat.",
        b"N.",
        b"I1\n.",
        b"a,b\n1,2\n",
        json.dumps(VALUE).encode(),
        b"\x80",
        b"\x80\x04\x95",
        b"\x80\x04" * 50,
    ],
)
def test_what_is_no_pickle_is_not_taken_for_one(data: bytes) -> None:
    assert find_pickle(data) is None


# -- another process ---------------------------------------------------------------------------------------


def test_a_failure_in_another_process_is_told_here() -> None:
    with pytest.raises(AssertionError, match="JSONDecodeError"):
        in_child("json:loads", s="{")
    assert in_child("json:loads", s="[1]") == [1]
    with pytest.raises(AssertionError, match="No module named 'fractions'"):
        in_child("fractions:Fraction", hidden=["fractions"])


def test_a_suite_that_another_process_cannot_find_says_what_to_do() -> None:
    class Hidden(CheckEngineSuite):
        pass

    with pytest.raises(AssertionError, match="define it at the top of a test module"):
        where_defined(Hidden)


# -- the truth table ---------------------------------------------------------------------------------------


def test_the_truth_table_has_twelve_checks_on_eight_shapes_and_no_hole() -> None:
    assert len(TRUTH_CHECKS) == 12 and len(SHAPES) == 8
    assert set(EXPECTED) == set(TRUTH_CHECKS)
    assert all(set(row) == set(SHAPES) for row in EXPECTED.values())
    assert {check.kind for check in TRUTH_CHECKS.values()} == set(RULES)


@pytest.mark.parametrize("name", TRUTH_CHECKS)
def test_the_cells_of_a_check_are_possible_and_tell_something(name: str) -> None:
    check = TRUTH_CHECKS[name]
    for shape, expect in EXPECTED[name].items():
        rows = shape_table(shape).num_rows
        assert (expect.rows is not None) == check.row_scoped and (expect.keys is not None) == (check.kind == "unique")
        assert expect.evaluated <= max(rows, 1) and list(expect.rows or ()) == sorted(set(expect.rows or ()))
        assert all(row < rows for row in expect.rows or ())
    assert {expect.n_failed > 0 for expect in EXPECTED[name].values()} == {True, False}
    assert check.varied() != check and check.varied().kind == check.kind


def test_every_check_of_rows_fails_on_every_row_that_is_all_bad() -> None:
    for name, check in TRUTH_CHECKS.items():
        if check.row_scoped:
            assert EXPECTED[name]["all_bad"].rows == (0, 1, 2, 3, 4, 5)


def test_the_page_shows_every_check_shape_and_rule() -> None:
    page = semantics()
    assert all(f"`{name}`" in page for name in (*TRUTH_CHECKS, *SHAPES, *RULES))
