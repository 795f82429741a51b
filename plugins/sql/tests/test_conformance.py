"""dovetail-sql passes the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dovetail_sql
import pytest
from dovetail.config import Settings
from dovetail.graph import Task
from dovetail.testing import PluginSuite, TableTransformerSuite, TaskTypeSuite, never
from dovetail_sql import Query, execute, sql
from dovetail_sql._connections import resolve_connection
from dovetail_sql._lazy import query_of
from dovetail_sql._statement import parse
from dovetail_sql.query import from_arrow
from dovetail_sql.task import open_database

PLUGIN = "dovetail_sql.plugin"
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000000000) select count(*) from n"
ENDLESS_JOIN = """with recursive n(i) as (select 1 union all select i + 1 from n where i < 900)
select count(*) from n a, n b, n c, n d, n e"""
"""For MariaDB, whose recursion ends by itself."""


class TestPlugin(PluginSuite):
    plugin = PLUGIN
    engine_modules = ("duckdb",)
    gaps = {
        "command.connections": never("integration/test_command.py tests it"),
        "check_engine.sql": never("test_check_conformance.py holds it to the truth table, in each database"),
        "type.dovetail_sql.checks.StoredTable": never("test_check_conformance.py looks at it, in each database"),
    }


class _Sql(TaskTypeSuite):
    """The same work on every engine."""

    url: str
    """A URL, or the name of a connection."""
    endless = ENDLESS

    task_type = "sql"
    inputs = {"carriers": ["AA", "UA"]}
    expected = 2
    failure = "flights_2013"
    secret = "correct-horse-battery"
    settings = {
        "connections": {
            "down": {"url": "postgresql://reader@127.0.0.1:9/none", "password": secret},
        }
    }
    gaps = {
        "logs": never("a database sends its rows, it prints nothing"),
        "retries": never("a statement that names no table is a UsageError: it would fail at every attempt"),
    }

    def make_task(self) -> Task[..., Any]:
        return self._count("select count(*) from (select 'AA' as c union all select 'UA' union all select 'DL') t")

    def make_other_task(self) -> Task[..., Any]:
        return self._count("select 7 * count(*) from (select 'AA' as c) t")

    def _count(self, statement: str) -> Task[..., Any]:
        inputs = {"carriers": list[str]}
        return sql(f"{statement} where c in :carriers", connection=self.url, inputs=inputs, output=int)

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        return [
            (lambda: sql("select :month", connection=self.url, output=int), "month"),
            (lambda: sql("select 1", connection="", output=int), "connection"),
            (lambda: sql("select 1", connection="duckdb://u:hidden@h/x", output=int), "password"),
            (lambda: dovetail_sql.to_table("t", connection=self.url, mode="upsert"), "mode"),  # type: ignore[arg-type]
            (lambda: dovetail_sql.table("", connection=self.url), "table"),
        ]

    def make_failing_task(self) -> Task[..., Any]:
        return execute("delete from flights_2013", connection=self.url)

    def make_unavailable_task(self) -> Task[..., Any]:
        return sql("select 1", connection="down", output=int)

    def make_secret_task(self) -> Task[..., Any]:
        """The password is resolved before the driver is looked for, so that it need not be installed."""
        return self.make_unavailable_task()

    def make_slow_task(self) -> Task[..., Any]:
        return sql(self.endless, connection=self.url, output=int)


class TestSqlite(_Sql):
    plugin = PLUGIN
    url = "sqlite:///flights.sqlite"


class TestDuckDb(_Sql):
    plugin = PLUGIN
    url = "duckdb:///flights.duckdb"

    @pytest.fixture(autouse=True)
    def _engine(self) -> None:
        pytest.importorskip("duckdb")


class _OnServer(_Sql):
    """On a server that all tests of this file share: nothing is written to it."""

    @pytest.fixture(autouse=True)
    def _server(self, request: pytest.FixtureRequest) -> None:
        parts = request.getfixturevalue(f"_{self.url}").parts
        connections = {**_Sql.settings["connections"], self.url: dict(parts)}
        type(self).settings = {"connections": connections}  # how to connect is known only now


class TestPostgreSql(_OnServer):
    plugin = PLUGIN
    url = "postgresql"


class TestMariaDb(_OnServer):
    plugin = PLUGIN
    url = "mariadb"
    endless = ENDLESS_JOIN


class TestQuery(TableTransformerSuite):
    """Rows of a table as a query; those of statements are in integration/test_queries.py."""

    plugin = PLUGIN
    type = "dovetail_sql.Query"

    def copied(self, value: Query) -> Query:
        return from_arrow(value.to_arrow())

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def count(number: int) -> int:
            runs.append(number)
            return number

        database: Any = open_database(resolve_connection("duckdb:///:memory:", Settings(project_root=Path())))
        database._root.create_function("watch", count, ["BIGINT"], "BIGINT")
        return query_of(database, parse("select watch(range) as a from range(3)").bind({}), None), lambda: len(runs)
