"""Connections that limit what runs over them, and databases that go away."""

import contextvars
import dataclasses
import os
import threading

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DovetailError, EngineUnavailable, TaskTimeout
from dovetail_sql._database import Database, TableName
from dovetail_sql._statement import parse

FLIGHTS = pa.table({"carrier": ["UA"], "arr_delay": [5]})
SERVERS = pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)


def bound(text: str, **values: object):
    return parse(text).bind(values)


def changed(settings: Settings, name: str, **keys: object) -> Settings:
    """The settings with other keys in one connection."""
    connections = {**settings.connections, name: {**settings.connections[name], **keys}}
    return dataclasses.replace(settings, connections=connections)


def test_a_statement_that_takes_longer_than_its_connection_allows_is_stopped(
    engine: str, settings: Settings, open_, endless: str
) -> None:
    database = open_(engine, changed(settings, engine, statement_timeout="200ms"))
    with pytest.raises(TaskTimeout, match=r"longer than 0\.2 s"):
        database.query(bound(endless), {})
    assert database.query(bound("select 1 as a"), {}).to_pydict() == {"a": [1]}


def test_nothing_is_written_over_a_read_only_connection(engine: str, settings: Settings, open_) -> None:
    open_(engine).write(TableName("flights"), FLIGHTS, "create")
    if engine == "duckdb":
        return  # one file has one setting in one process: see test_failures
    database = open_(engine, changed(settings, engine, read_only=True))
    for attempt in (
        lambda: database.write(TableName("t"), FLIGHTS, "create"),
        lambda: database.execute(bound("delete from flights"), {}),
        lambda: database.query(bound("delete from flights returning carrier"), {}),
    ):
        with pytest.raises(DovetailError):
            attempt()
    assert database.read(TableName("flights"), None).num_rows == 1


@SERVERS
def test_a_wrong_password_is_told_and_not_shown(engine: str, settings: Settings, open_) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        open_(engine, changed(settings, engine, password="not-the-password"))
    assert "not-the-password" not in repr(caught.value.to_dict()) and "password" in caught.value.fix


@SERVERS
def test_a_server_that_is_down_at_the_start(engine: str, settings: Settings, open_, request) -> None:
    server = request.getfixturevalue(engine)
    server.tell("stop")
    try:
        with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1"):
            open_(engine)
    finally:
        server.tell("start")
    assert open_(engine).query(bound("select 1 as a"), {}).num_rows == 1


@SERVERS
def test_a_server_that_came_back_is_used_again(engine: str, open_, request) -> None:
    """Connections of the pool are looked at before they are used."""
    server, database = request.getfixturevalue(engine), open_(engine)
    database.write(TableName("flights"), FLIGHTS, "create")
    server.tell("stop")
    server.tell("start")
    assert database.read(TableName("flights"), None).num_rows == 1


@SERVERS
def test_a_server_that_dies_midway_is_the_platforms_fault(engine: str, open_, endless: str, request) -> None:
    server, database = request.getfixturevalue(engine), open_(engine)
    database.query(bound("select 1 as a"), {})
    failed: list[DovetailError] = []

    def ask() -> None:
        with pytest.raises(DovetailError) as caught:
            database.query(bound(endless), {})
        failed.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        running = "select count(*) from " + (
            "pg_stat_activity where query like '%with recursive%' and pid <> pg_backend_pid() and state = 'active'"
            if engine == "postgresql"
            else "information_schema.processlist where info like '%with recursive%' and id <> connection_id()"
        )
        while asking.is_alive() and server.admin(running) == [(0,)]:
            os.sched_yield()
        server.tell("crash")
        asking.join()
    finally:
        server.tell("start")
    assert failed[0].kind == "platform"
    assert database.query(bound("select 1 as a"), {}).num_rows == 1


@SERVERS
def test_a_transaction_whose_server_dies_leaves_nothing(engine: str, open_, request, monkeypatch) -> None:
    server, database = request.getfixturevalue(engine), open_(engine)
    database.execute(bound("create table t (a integer)"), {})

    def crash(self: Database, *arguments: object) -> None:
        server.tell("crash")

    with monkeypatch.context() as patched:
        patched.setattr(type(database), "_before_commit", crash)
        with pytest.raises(DovetailError) as caught:
            database.execute(bound("insert into t values (1)"), {})
    server.tell("start")
    assert caught.value.kind == "platform"
    assert database.query(bound("select count(*) as n from t"), {}).to_pydict() == {"n": [0]}


def test_a_deadlock_is_run_again(postgresql, settings: Settings) -> None:
    """All of a transaction that the database gave up was rolled back, so nothing happens twice."""
    import psycopg
    from dovetail.plugins import build_catalogue, use_catalogue
    from dovetail_sql import execute

    postgresql.admin("create table t (id integer, v integer)", "insert into t values (1, 0), (2, 0)")
    parts = {key: value for key, value in postgresql.parts.items() if key not in ("drivername", "username", "database")}
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with use_catalogue(build_catalogue(settings)):
        both = execute(
            "update t set v = v + 1 where id = 1; update t set v = v + 1 where id = 2", connection="postgresql"
        )
        changed: list[int] = []
        context = contextvars.copy_context()  # it knows the catalogue
        task = threading.Thread(target=lambda: changed.append(context.run(both)))
        with psycopg.connect(**parts, user=postgresql.parts["username"], dbname="postgres") as other:
            other.execute("set deadlock_timeout = '60s'")  # so that the task is the one that is given up
            other.execute("update t set v = v + 10 where id = 2")
            task.start()
            while task.is_alive() and postgresql.admin(waits) == [(0,)]:
                os.sched_yield()
            other.execute("update t set v = v + 10 where id = 1")
        task.join()
    assert changed == [2]
    assert postgresql.admin("select v from t order by id") == [(11,), (11,)]
