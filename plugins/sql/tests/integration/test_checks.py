"""Native checks are made in the database, all that can be; names and values in them are inert."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import dovetail
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import GateBlocked, TaskTimeout
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.quality import Gate
from dovetail.quality import checks as c
from dovetail.quality.checks.engines import FrameChecks
from dovetail.quality.checks.sql import ROW
from dovetail_sql import table, to_table
from dovetail_sql._database import Database, TableName
from dovetail_sql.checks import SqlTableChecks, StoredTable

UTC = dt.UTC
ROWS = pa.table(
    {
        "id": [1, 2, 2, None, 5],
        "x": [0.5, 2.0, None, 7.25, -1.0],
        "y": [1.0, 1.0, 1.0, 1.0, 4.0],
        "name": ["a", "ä", "b\n", None, "longer"],
        "day": [dt.date(2026, 1, day) for day in (1, 3, 2, 4, 5)],
        "at": pa.array([dt.datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 2, 4, 5)], pa.timestamp("us", "UTC")),
        "on": pa.array([dt.datetime(2026, 1, day, 7, 0, 0, day) for day in (1, 3, 2, 4, 5)], pa.timestamp("us")),
    }
)
TIMES = [
    c.in_range("day", dt.date(2026, 1, 2), dt.date(2026, 1, 4), inclusive="left"),
    c.in_range("at", dt.datetime(1900, 1, 2, tzinfo=UTC), dt.datetime(2026, 1, 4, tzinfo=UTC), nulls="fail"),
    c.in_range("at", dt.datetime(2026, 1, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    c.in_range("on", dt.datetime(2026, 1, 3, 7, 0, 0, 3)),
    c.monotonic("at"),
    c.monotonic("on", strict=True, descending=True),
    c.unique("day", "at"),
    c.fresh("at", "1d"),
    c.fresh("day", "1d"),
]
PATTERNS = [c.matches("name", "[a-z]+|ä"), c.matches("name", "(?:l|\\w).*r?", nulls="fail")]
CHECKS = [
    c.not_null("x"),
    c.not_null("at"),
    c.unique("id"),
    c.unique("id", "name", nulls="fail"),
    c.unique("name"),
    c.in_range("x", 0, 1),
    c.in_range("id", 1.5, 2**63),
    c.in_range("name", "a", "b", inclusive="neither"),
    c.in_set("name", ["a", "b"]),
    c.in_set("id", [1, 5], nulls="fail"),
    c.length("name", 1, 3),
    c.compare("x", "<=", "y"),
    c.compare("id", "!=", "id"),
    c.monotonic("id"),
    c.monotonic("name"),
    c.expression("x / y < 1 and (name in ('a', 'ä') or is_null(name))"),
    c.expression("id + 1 <= 3 or coalesce(x, 0) > y or not abs(x) >= 0.5"),
    c.expression("length(name) == 1 and id * 2 - 1 > 0", nulls="fail"),
    c.row_count(1, 9),
    c.columns_present("id", "x"),
    c.has_type("id", int),
    c.has_type("name", str),
    c.mean_between("x", 0, 9),
    c.mean_between("id", 0, 2.5),
    c.quantile_between("y", 0.6, 0, 1),
    c.quantile_between("x", 0.3, 0, 1),
    c.sum_equals("id", 10),
    c.sum_equals("id", "id"),
]


def asked_of(engine: str) -> list[c.Check]:
    """What is made in this database."""
    if engine.startswith("sqlite"):
        return CHECKS
    more = [*TIMES, c.stddev_between("y", 0, 1)]
    return [*CHECKS, *more, *(PATTERNS if engine in ("duckdb", "postgresql") else [])]


class Alone(SqlTableChecks):
    """Has no Arrow to leave anything to."""

    def to_arrow(self, value: Any, columns: Sequence[str]) -> Any:
        raise AssertionError(f"{columns} were fetched")


def staged(database: Database, rows: pa.Table, name: str = "staged") -> StoredTable:
    numbered = rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))
    database.write(TableName(name), numbered, "replace")
    return StoredTable(database, TableName(name), rows.schema, rows.num_rows)


def facts(outcomes: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [
        (o.check.id, o.status, o.n_evaluated, o.n_failed, None if o.failed_rows is None else o.failed_rows.to_pylist(), o.n_keys)
        for o in outcomes
    ]  # fmt: skip


def of_the_core(suite: c.Suite, rows: pa.Table) -> list[Any]:
    return super(FrameChecks, SqlTableChecks()).evaluate(suite, rows)


def test_every_check_is_made_in_the_database(engine: str, database: Database, subtests: pytest.Subtests) -> None:
    stored = staged(database, ROWS)
    for check in asked_of(engine):
        with subtests.test(check=check.info.id):
            suite = c.Suite("one", [check])
            assert facts(Alone().evaluate(suite, stored)) == facts(of_the_core(suite, ROWS))


def test_together_they_count_as_each_alone_and_in_few_statements(engine: str, database: Database) -> None:
    stored = staged(database, ROWS)
    suite = c.Suite("all", asked_of(engine))
    cheap = c.Suite(
        "cheap", [check for check in suite.checks if check.info.kind in ("not_null", "in_range", "compare")]
    )
    asked: list[Any] = []
    fetch = stored.fetch
    stored.fetch = lambda statement: (asked.append(statement), fetch(statement))[1]  # type: ignore[method-assign]
    assert facts(Alone().evaluate(cheap, stored)) == facts(of_the_core(cheap, ROWS))
    assert len(asked) == 2  # the counts, and the rows that fail
    assert facts(Alone().evaluate(suite, stored)) == facts(of_the_core(suite, ROWS))


def test_what_passes_takes_one_statement_and_brings_no_rows(engine: str, database: Database) -> None:
    stored = staged(database, ROWS)
    answers: list[pa.Table] = []
    fetch = stored.fetch
    stored.fetch = lambda statement: (answers.append(fetch(statement)), answers[-1])[1]  # type: ignore[method-assign]
    Alone().evaluate(c.Suite("fine", [c.in_range("x", -9, 9), c.not_null("y"), c.length("name", 1)]), stored)
    assert [answer.num_rows for answer in answers] == [1]


@pytest.mark.parametrize(
    ("rows", "check"),
    [
        (pa.table({"v": ["a\0b", "cde"]}), c.length("v", 3, 3)),
        (pa.table({"v": ["k" * 1500 + "a", "k" * 1500 + "b", "k" * 1500 + "a"]}), c.unique("v")),
        (pa.table({"v": ["a", "a ", "A", "\u0061\u0308", "ä"]}), c.unique("v")),
        (pa.table({"v": ["a", "a ", "A", "b"]}), c.in_set("v", ["a"])),
        (pa.table({"v": ["a", "Z", "ä", "z"]}), c.monotonic("v")),
        (pa.table({"v": [2**63 - 1, 2**62, -(2**63)]}), c.mean_between("v", 0, 2**62)),
        (pa.table({"v": [2**63 - 1, 1]}), c.expression("v + 1 > 0")),
        (pa.table({"v": [2**53 + 1, 1]}), c.in_range("v", 0, 2**53)),
        (pa.table({"v": [2**53 + 1, 1]}), c.expression("v / 2 > 1")),
        (pa.table({"v": [0.1] * 10}), c.mean_between("v", 0.1, 0.2)),
        (pa.table({"v": [0.1] * 10}), c.sum_equals("v", 1.0)),
        (pa.table({"v": [0.0, -0.0]}), c.unique("v")),
        (pa.table({"v": [1e300, 1e300]}), c.expression("v * v / v > 0")),
        (pa.table({"v": [3.0, 3.0, 3.0]}), c.stddev_between("v", 0, 1)),
        (pa.table({"v": pa.array([], pa.float64())}), c.mean_between("v", 0, 1)),
        (pa.table({"v": pa.array([1.5], pa.float32())}), c.in_range("v", 0, 1.1)),
        (pa.table({"v": [True, False, None]}), c.expression("v", nulls="fail")),
        (pa.table({"v": ["x"]}), c.expression("upper(v) == 'X'")),
        (pa.table({"v": ["x"]}), c.in_range("v", 0, 1)),
        (pa.table({"v": ["aa", "a\n", "b"]}), c.matches("v", "a.|(?i)B")),
        (pa.table({"v": ["x", "y"]}), c.custom(lambda t: [True, False], "v", name="own")),
    ],
)  # fmt: skip
def test_what_databases_see_otherwise_counts_as_in_arrow(
    engine: str, database: Database, rows: pa.Table, check: c.Check
) -> None:
    if engine == "postgresql" and any("\0" in str(v) for v in rows["v"].to_pylist()):
        pytest.skip("it holds no NUL")
    stored, suite = staged(database, rows), c.Suite("one", [check])
    assert facts(SqlTableChecks().evaluate(suite, stored)) == facts(of_the_core(suite, stored.read(["v"])))


def test_a_check_that_is_refused_hinders_no_other(database: Database) -> None:
    suite = c.Suite(
        "two", [c.expression("name + 1 > 2"), c.matches("name", "(a"), c.not_null("id"), c.not_null("nome")]
    )
    first, second, third, fourth = SqlTableChecks().evaluate(suite, staged(database, ROWS))
    assert first.status == second.status == fourth.status == "error" and first.message and second.message
    assert "did you mean 'name'" in fourth.message and (third.status, third.n_failed) == ("evaluated", 1)


@pytest.fixture
def project(settings: Settings):
    with use_catalogue(build_catalogue(settings)):
        yield


def test_hostile_names_and_values_are_inert(database: Database, hostile: list[str], subtests: pytest.Subtests) -> None:
    victim = pa.table({"name": ["alive"]})
    database.write(TableName("victim"), victim, "create")
    for text in hostile:
        with subtests.test(text=text):
            name = text if len(text) <= 60 and not text.endswith(" ") else "v"
            rows = pa.table({name: [text, "other", None]})
            suite = c.Suite(
                "hostile",
                [
                    c.in_set(name, [text]),
                    c.in_range(name, text, text),
                    c.unique(name),
                    c.monotonic(name),
                    c.not_null(name),
                ],
            )
            assert facts(Alone().evaluate(suite, staged(database, rows))) == facts(of_the_core(suite, rows))
            assert database.read(TableName("victim"), None).equals(victim)


def test_only_counts_and_labels_leave_the_database(
    engine: str, database: Database, project: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand rows, a hundred of which are set aside: none but those that the report shows is ever fetched."""
    count = 10_000
    rows = pa.table({"id": range(count), "v": [-1 if n % 100 == 7 else n for n in range(count)]})
    fetched: list[int] = []
    query = type(database).query

    def watched(self: Any, *args: Any, **named: Any) -> pa.Table:
        found = query(self, *args, **named)
        if "v" in found.column_names:
            fetched.append(found.num_rows)
        return found

    monkeypatch.setattr(type(database), "query", watched)
    gate = Gate([c.in_range("v", 0), c.unique("id")], on_fail="quarantine")
    with dovetail.collect_reports() as reports:
        assert to_table("t", connection=engine, gate=gate)(rows) == count - 100
    assert sum(fetched) <= 20
    (report,) = reports
    assert report.engine["name"] == engine.partition("+")[0] and report.engine["version"][0].isdigit()
    assert len(report.checks[0].sample) == 20 and report.checks[0].sample[0] == {"row": 7, "values": {"v": "-1"}}
    aside = table("t_quarantine", connection=engine)().sort_by("id")
    assert aside["_dv_row"].to_pylist() == aside["id"].to_pylist() == list(range(7, count, 100))
    assert set(aside["v"].to_pylist()) == {-1} and "v.in_range([0, ...])" in aside["_dv_checks"][0].as_py()


def test_rows_that_were_set_aside_before_keep_their_labels(engine: str, project: None) -> None:
    rows = pa.table({"id": [1, None], "_dv_row": [7, 8]})
    gate = Gate([c.not_null("id")], on_fail="quarantine", max_quarantined=1)
    assert to_table("t", connection=engine, gate=gate)(rows) == 1
    (aside,) = table("t_quarantine", connection=engine)().to_pylist()
    assert (aside["_dv_row_in"], aside["_dv_row"], aside["id"]) == (8, 1, None)


def test_a_suite_of_another_library_looks_at_the_rows_as_the_database_holds_them(engine: str, project: None) -> None:
    pandera = pytest.importorskip("pandera.polars")
    schema = pandera.DataFrameSchema({"id": pandera.Column(int, pandera.Check.ge(2))})
    with pytest.raises(GateBlocked):
        to_table("t", connection=engine, gate=Gate(schema))(pa.table({"id": [1, 2]}))
    assert to_table("t", connection=engine, gate=Gate(schema))(pa.table({"id": [2, 3]})) == 2


def test_an_audit_that_runs_out_of_time_says_so_and_decides_nothing(
    open_: Callable[..., Database], settings: Settings, engine: str
) -> None:
    stored = staged(open_(engine), ROWS)
    error = TaskTimeout("the statement ran longer than 1 s")

    def late(*_: Any, **__: Any) -> Any:
        raise error

    stored.database.query = late  # type: ignore[method-assign]
    with pytest.raises(TaskTimeout):
        SqlTableChecks().evaluate(c.Suite("late", [c.not_null("id")]), stored)
    assert stored.failure is error
