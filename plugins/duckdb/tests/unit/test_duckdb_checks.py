"""Native checks on relations are made in DuckDB, not somewhere else; what they name is inert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dovetail.quality import checks as c
from dovetail_duckdb.checks import DuckChecks
from dovetail_duckdb.transformers import from_arrow

TABLE = pa.table(
    {
        "id": [1, 2, 2, None, 5],
        "x": [0.5, 2.0, None, float("nan"), -1.0],
        "y": [1.0, 1.0, 1.0, 1.0, 4.0],
        "name": ["a", "ä", "b\n", None, "longer"],
        "at": pa.array([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 2, 4, 5)], pa.timestamp("us", "UTC")),
    }
)
ALL = [
    c.not_null("x"),
    c.unique("id"),
    c.unique("id", "name", nulls="fail"),
    c.in_range("x", 0, 1),
    c.in_range("at", datetime(2026, 1, 2, tzinfo=UTC), nulls="fail"),
    c.in_set("name", ["a", "b"]),
    c.matches("name", "[a-z]+|ä"),
    c.length("name", 1, 3),
    c.compare("x", "<=", "y"),
    c.monotonic("at"),
    c.expression("x / y < 1 and (name in ('a', 'ä') or is_null(name))"),
    c.expression("id + 1 <= 3 or coalesce(x, 0) > y or length(name) > 5 or not abs(x) >= 0.5"),
    c.row_count(1, 9),
    c.columns_present("id", "x"),
    c.has_type("id", int),
    c.mean_between("x", 0, 9),
    c.mean_between("id", 0, 9),
    c.stddev_between("y", 0, 1),
    c.quantile_between("y", 0.6, 0, 1),
    c.sum_equals("id", 10),
    c.fresh("at", "1d"),
]


class Alone(DuckChecks):
    """Has no Arrow to leave anything to."""

    def to_arrow(self, value: Any, columns: Sequence[str]) -> Any:
        raise AssertionError(f"{columns} were fetched")


def facts(outcomes: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (
            o.check.id,
            o.status,
            o.n_evaluated,
            o.n_failed,
            None if o.failed_rows is None else o.failed_rows.to_pylist(),
            o.n_keys,
        )
        for o in outcomes
    ]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.info.id)
def test_every_check_is_made_in_duckdb(check: c.Check) -> None:
    suite = c.Suite("all", [check])
    from dovetail.quality.checks._engine import NativeEngine

    assert facts(Alone().evaluate(suite, from_arrow(TABLE))) == facts(NativeEngine().evaluate(suite, TABLE))


def test_together_they_count_as_each_alone() -> None:
    relation = from_arrow(TABLE)
    alone = [facts(Alone().evaluate(c.Suite("one", [check]), relation))[0][2:] for check in ALL]
    assert [each[2:] for each in facts(Alone().evaluate(c.Suite("all", ALL), relation))] == alone


@pytest.mark.parametrize(
    "check",
    [
        c.matches("name", r"(?P<n>a)\1"),
        c.in_range("name", 0, 1),
        c.expression("name + 1 > 2"),
        c.expression("id * 9223372036854775807 > 0"),
    ],
)
def test_what_duckdb_refuses_is_an_error_and_hinders_no_other_check(check: c.Check) -> None:
    first, second = DuckChecks().evaluate(c.Suite("two", [check, c.not_null("id")]), from_arrow(TABLE))
    assert first.status == "error" and first.message
    assert (second.status, second.n_failed) == ("evaluated", 1)


@pytest.mark.parametrize(
    "text", ["'; drop table victim; --", '"', "''", "\\", "$v0", "?", "%s", "a\nb", "{x}", "/*", "--"]
)
def test_hostile_texts_are_inert(text: str) -> None:
    connection = duckdb.connect()
    connection.execute("create table victim as select 1 as a")
    relation = connection.sql(f'select ?::varchar as "{text.replace(chr(34), chr(34) * 2)}"', params=[text])
    suite = c.Suite(
        "hostile",
        [c.in_set(text, [text]), c.in_range(text, text, text), c.unique(text), c.monotonic(text), c.not_null(text)],
    )
    assert [(o.status, o.n_evaluated, o.n_failed) for o in Alone().evaluate(suite, relation)] == [
        ("evaluated", 1, 0)
    ] * 5
    assert connection.sql("select a from victim").fetchall() == [(1,)]


def test_texts_compare_by_code_points_whatever_the_collation() -> None:
    connection = duckdb.connect()
    connection.execute("create table t (x varchar collate nocase)")
    connection.execute("insert into t values ('A'), ('a')")
    suite = c.Suite("texts", [c.unique("x"), c.in_set("x", ["a"]), c.in_range("x", "a")])
    found = Alone().evaluate(suite, connection.sql("from t"))
    assert [(o.n_failed, o.failed_rows.to_pylist()) for o in found] == [(0, []), (1, [0]), (1, [0])]


def test_an_enum_is_compared_as_its_text() -> None:
    relation = duckdb.connect().sql("select unnest(['low', 'high'])::enum('low', 'high') as e")
    suite = c.Suite("enum", [c.monotonic("e"), c.in_set("e", ["low"]), c.length("e", 4)])
    assert [o.failed_rows.to_pylist() for o in Alone().evaluate(suite, relation)] == [[1], [1], [0]]


def test_ordinals_are_those_of_the_order_in_which_rows_come() -> None:
    relation = (
        duckdb.connect().sql("select (range * 7919) % 300000 as n from range(300000)").filter("n <> 5").order("n desc")
    )
    (outcome,) = Alone().evaluate(c.Suite("n", [c.in_range("n", 3)]), relation)
    assert outcome.failed_rows.to_pylist() == [299_996, 299_997, 299_998]
