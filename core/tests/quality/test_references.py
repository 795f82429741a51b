"""Checks against other data: what counts, where the other data is found, and that what is not found blocks."""

from __future__ import annotations

import datetime as dtm
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import CheckReport, Gate, named_tables, read_gate
from dovetail.quality.checks import Check, foreign_key, reconciles, same_row_count
from dovetail.types import current_types
from hypothesis import given, settings
from hypothesis import strategies as st

ORDERS = pa.table(
    {"customer": [1, 2, 9, None, 9], "country": ["DE", "FR", "DE", "FR", None], "paid": [1.5, 2, 3, 4, None]}
)
CUSTOMERS = pa.table({"id": [1, 2, 3, 3, None], "country": ["DE", "DE", "FR", "FR", "FR"], "owed": [10, 0, 0, 1, None]})


def found(check: Check, table: pa.Table = ORDERS, **named: Any) -> CheckReport:
    with named_tables(named):
        return Gate(check, on_fail="warn").evaluate(table, types=current_types()).report.checks[0]


def failing(check: Check, table: pa.Table = ORDERS, **named: Any) -> list[int]:
    gate = Gate(check, on_fail="drop", max_quarantined="100%", min_rows=0)
    with named_tables(named):
        result = gate.evaluate(table, types=current_types())
    assert not result.report.blocked
    return [] if result.removed is None else result.removed.to_pylist()


class TestForeignKeys:
    def test_keys_that_are_not_there_fail_and_nulls_are_not_evaluated(self) -> None:
        told = found(foreign_key("customer", CUSTOMERS, "id"))
        assert (told.status, told.n_evaluated, told.n_failed) == ("fail", 4, 2)
        assert failing(foreign_key("customer", CUSTOMERS, "id")) == [2, 4]

    def test_nulls_may_fail(self) -> None:
        assert failing(foreign_key("customer", CUSTOMERS, "id", nulls="fail")) == [2, 3, 4]

    def test_composite_keys_are_looked_at_as_a_whole(self) -> None:
        assert failing(foreign_key(["customer", "country"], CUSTOMERS, ["id", "country"])) == [1, 2]

    def test_columns_of_the_same_names_need_not_be_named(self) -> None:
        assert found(foreign_key("country", CUSTOMERS)).status == "pass"

    def test_nothing_is_in_an_empty_table(self) -> None:
        assert failing(foreign_key("customer", CUSTOMERS.slice(0, 0), "id")) == [0, 1, 2, 4]

    def test_without_rows_nothing_is_evaluated(self) -> None:
        assert found(foreign_key("customer", CUSTOMERS, "id"), ORDERS.slice(0, 0)).n_evaluated == 0

    @pytest.mark.parametrize(
        ("own", "there", "bad"),
        [
            (pa.array([1, 300], pa.int16()), pa.array([1], pa.int8()), [1]),
            (pa.array([2**64 - 1, 1], pa.uint64()), pa.array([-1, 1], pa.int64()), [0]),
            (pa.array(["a", "b"]).dictionary_encode(), pa.array(["a"], pa.large_string()), [1]),
            (pa.array([1.5, float("nan")]), pa.array([1.5], pa.float32()), []),
            (pa.array([float("nan"), 2.0]), pa.array([float("nan")]), [1]),
            (pa.array([Decimal("1.50"), Decimal("2.00")]), pa.array([Decimal("1.5")]), [1]),
            (
                pa.array([dtm.datetime(2026, 1, 1, 12, tzinfo=dtm.UTC)], pa.timestamp("us", "Europe/Berlin")),
                pa.array([dtm.datetime(2026, 1, 1, 12, tzinfo=dtm.UTC)], pa.timestamp("ms", "UTC")),
                [],
            ),
            (pa.nulls(2), pa.array([1]), []),
            (pa.array([True, False]), pa.array([True]), [1]),
            (pa.array([b"a", b"b"]), pa.array([b"b"], pa.large_binary()), [0]),
        ],
    )
    def test_equal_values_of_alike_types_are_equal(self, own: Any, there: Any, bad: list[int]) -> None:
        assert failing(foreign_key("a", pa.table({"b": there}), "b"), pa.table({"a": own})) == bad

    @pytest.mark.parametrize(
        ("own", "there"),
        [
            (pa.array([1]), pa.array(["1"])),
            (pa.array([1]), pa.array([1.0])),
            (pa.array([dtm.datetime(2026, 1, 1)]), pa.array([dtm.datetime(2026, 1, 1, tzinfo=dtm.UTC)])),
            (pa.array([dtm.date(2026, 1, 1)]), pa.array([dtm.datetime(2026, 1, 1)])),
            (pa.array([[1]]), pa.array([["a"]])),
        ],
    )
    def test_types_that_are_not_alike_are_an_error_that_blocks(self, own: Any, there: Any) -> None:
        check = foreign_key("a", pa.table({"b": there}), "b")
        told = found(check, pa.table({"a": own}))
        assert told.status == "error"
        assert "is of type" in told.message
        assert Gate(check, on_fail="drop").evaluate(pa.table({"a": own}), types=current_types()).report.blocked

    @given(
        own=st.lists(st.tuples(st.integers(0, 3) | st.none(), st.sampled_from("ab") | st.none()), max_size=12),
        there=st.lists(st.tuples(st.integers(0, 3) | st.none(), st.sampled_from("ab") | st.none()), max_size=12),
    )
    @settings(max_examples=150, deadline=None)
    def test_as_a_loop_would_count(self, own: list[Any], there: list[Any]) -> None:
        def table(rows: list[Any]) -> pa.Table:
            schema = pa.schema({"n": pa.int64(), "t": pa.string()})
            return pa.Table.from_pylist([{"n": n, "t": t} for n, t in rows], schema)

        check = foreign_key(["n", "t"], table(there))
        bad = [i for i, key in enumerate(own) if None not in key and key not in there]
        assert failing(check, table(own)) == bad
        assert found(check, table(own)).n_evaluated == sum(None not in key for key in own)


class TestWhereItIsFound:
    def test_an_input_by_its_name(self) -> None:
        assert failing(foreign_key("customer", "customers", "id"), customers=CUSTOMERS) == [2, 4]

    @pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
    def test_a_file(self, tmp_path: Path, ending: str) -> None:
        file = tmp_path / f"customers.{ending}"
        if ending == "parquet":
            pq.write_table(CUSTOMERS, file)
        elif ending == "csv":
            file.write_text("id,country\n1,DE\n2,DE\n")
        else:
            with pa.ipc.new_file(file, CUSTOMERS.schema) as writer:
                writer.write(CUSTOMERS)
        for given_as in (file, str(file), f"file://{file}"):
            assert failing(foreign_key("customer", given_as, "id")) == [2, 4]

    @pytest.mark.parametrize(
        ("check", "words"),
        [
            (foreign_key("customer", "missing.parquet", "id"), "no such file"),
            (foreign_key("customer", "custmers", "id"), "did you mean 'customers'"),
            (foreign_key("customer", CUSTOMERS, "idd"), "no column 'idd'; did you mean 'id'"),
            (foreign_key("custmer", CUSTOMERS, "id"), "no column 'custmer'"),
            (foreign_key("customer", "s3://bucket/customers.xls", "id"), "ends in none of"),
            (reconciles("country", CUSTOMERS), "sum"),
            (reconciles("paid", CUSTOMERS), "no column 'paid'"),
            (same_row_count("nobody"), "no input 'nobody'"),
        ],
    )
    def test_what_is_not_found_is_an_error_with_the_reason(self, check: Check, words: str) -> None:
        told = found(check, customers=CUSTOMERS)
        assert told.status == "error"
        assert words in told.message

    def test_a_file_that_is_no_parquet_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a.parquet").write_text("nonsense")
        told = found(foreign_key("customer", tmp_path / "a.parquet", "id"))
        assert (told.status, "cannot be read" in told.message) == ("error", True)

    def test_a_suite_in_a_file(self, tmp_path: Path) -> None:
        pq.write_table(CUSTOMERS, tmp_path / "customers.parquet")
        (tmp_path / "orders.toml").write_text(
            f"""
            [[checks]]
            check = "foreign_key"
            columns = "customer"
            reference = "{tmp_path}/customers.parquet"
            reference_columns = ["id"]
            [[checks]]
            check = "reconciles"
            column = "paid"
            reference = "{tmp_path}/customers.parquet"
            reference_column = "owed"
            tolerance = 1
            [[checks]]
            check = "same_row_count"
            reference = "{tmp_path}/customers.parquet"
            """
        )
        report = read_gate(tmp_path / "orders.toml").evaluate(ORDERS, types=current_types()).report
        assert [check.status for check in report.checks] == ["fail", "pass", "pass", "pass"]


class TestWholeTables:
    def test_sums(self) -> None:
        told = found(reconciles("paid", CUSTOMERS, "owed"))
        assert told.status == "fail"
        assert told.observed == {"sum": 10.5, "expected": 11, "difference": -0.5}
        assert found(reconciles("paid", CUSTOMERS, "owed", tolerance=0.5)).status == "pass"

    def test_numbers_of_rows(self) -> None:
        assert found(same_row_count(CUSTOMERS)).status == "pass"
        assert found(same_row_count(CUSTOMERS.slice(2))).observed == {"rows": 5, "expected": 3, "difference": 2}
        assert found(same_row_count(CUSTOMERS.slice(2), tolerance=2)).status == "pass"


class TestFingerprints:
    def test_content_counts_where_it_is_given(self, tmp_path: Path) -> None:
        def of(reference: Any) -> str:
            return Gate(foreign_key("customer", reference, "id")).fingerprint()

        assert of(CUSTOMERS) == of(pa.table(CUSTOMERS.to_pydict())) != of(CUSTOMERS.slice(1))
        file = tmp_path / "a.csv"
        seen = {of(file)}
        for text in ("id\n1\n", "id\n2\n"):
            file.write_text(text)
            seen.add(of(file))
        assert len(seen) == 3
        assert of("customers") == of("customers") != of("clients")

    def test_what_was_found_does_not_count(self) -> None:
        check = foreign_key("customer", "customers", "id")
        gate = Gate(check)
        before = gate.fingerprint()
        versions = set()
        for table in (CUSTOMERS, CUSTOMERS.slice(2)):
            with named_tables({"customers": table}):
                versions.add(gate.evaluate(ORDERS, types=current_types()).report.version)
        assert gate.fingerprint() == before
        assert len(versions) == 1
        assert "found" not in check.params


@pytest.mark.parametrize(
    "make",
    [
        lambda: foreign_key("a", None),
        lambda: foreign_key("a", 3),
        lambda: foreign_key("a", ["x"]),
        lambda: foreign_key("a", ""),
        lambda: foreign_key("a", object()),
        lambda: foreign_key([], CUSTOMERS),
        lambda: foreign_key(["a", "a"], CUSTOMERS),
        lambda: foreign_key(["a", "b"], CUSTOMERS, "c"),
        lambda: foreign_key("a", CUSTOMERS, [1]),  # type: ignore[list-item]
        lambda: foreign_key("a", CUSTOMERS, nulls="drop"),  # type: ignore[arg-type]
        lambda: reconciles("a", CUSTOMERS, tolerance=-1),
        lambda: reconciles("a", CUSTOMERS, tolerance=float("nan")),
        lambda: same_row_count(CUSTOMERS, tolerance=True),
        lambda: same_row_count(7),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_written(make: Any) -> None:
    with pytest.raises(DefinitionError):
        make()
