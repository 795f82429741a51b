"""Databases for the tests: every test that asks for ``database`` runs on each engine, for real.

SQLite and DuckDB are files; PostgreSQL and MariaDB are servers that ``scripts/servers.py`` starts at their first use, installing
what is missing where it may, and that end with the tests. Every test finds them empty.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings
from dovetail_sql._connections import resolve_connection
from dovetail_sql._database import Database
from dovetail_sql.task import open_database

EMBEDDED = ("duckdb", "sqlite", "sqlite+adbc")
SERVERS = ("postgresql", "mariadb")
ENGINES = (*EMBEDDED, *SERVERS)

STARTER = Path(__file__).resolve().parents[3] / "scripts" / "servers.py"


@dataclass
class Server:
    """A running server.

    Attributes:
        name: ``"postgresql"`` or ``"mariadb"``.
        parts: The connection to it, as it stands in a configuration.
    """

    name: str
    parts: dict[str, Any]
    process: subprocess.Popen[str]

    def tell(self, command: str) -> None:
        """``stop``, ``crash`` or ``start`` it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        assert json.loads(self.process.stdout.readline()) == {"done": command}

    def admin(self, *statements: str) -> list[Any]:
        """Run statements beside everything that is tested; the rows of the last."""
        if self.name == "postgresql":
            import psycopg

            names = {"username": "user", "database": "dbname"}
            connect: Any = psycopg.connect
        else:
            import pymysql

            names = {"username": "user"}
            connect = pymysql.connect
        arguments = {names.get(key, key): value for key, value in self.parts.items() if key != "drivername"}
        opened = connect(**arguments, autocommit=True)
        try:
            cursor = opened.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            opened.close()

    def clear(self) -> None:
        """Drop all that a test has made, and end whoever is still connected."""
        if self.name == "postgresql":
            self.admin(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = current_database()",
                "drop schema if exists public cascade",
                "create schema public",
            )
        else:
            # collations that tell texts apart by their bytes, as the other engines do
            self.admin(
                "drop database if exists dovetail",
                "create database dovetail character set utf8mb4 collate utf8mb4_nopad_bin",
            )


def _serve(name: str) -> Iterator[Server]:
    command = [sys.executable, str(STARTER), "run", name]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout and process.stderr
    line = process.stdout.readline()
    if not line:
        said, code = process.stderr.read().strip(), process.wait()
        if code == 3:
            pytest.skip(f"{name}: {said}")
        pytest.fail(f"{name} did not start: {said}")
    yield Server(name, json.loads(line)["parts"], process)
    process.stdin.close()  # it stops the server and removes its files
    process.wait(60)
    process.stdout.close()
    process.stderr.close()


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    yield from _serve("postgresql")


@pytest.fixture(scope="session")
def _mariadb() -> Iterator[Server]:
    pytest.importorskip("pymysql")
    yield from _serve("mariadb")


@pytest.fixture
def postgresql(_postgresql: Server) -> Server:
    """An empty PostgreSQL."""
    _postgresql.clear()
    return _postgresql


@pytest.fixture
def mariadb(_mariadb: Server) -> Server:
    """An empty MariaDB."""
    _mariadb.clear()
    return _mariadb


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Name of the engine that the test runs on, which is also the name of a connection to it."""
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
    if request.param in SERVERS:
        request.getfixturevalue(request.param)
    return str(request.param)


@pytest.fixture
def endless(engine: str) -> str:
    """A statement that somebody has to stop."""
    if engine == "sqlite+adbc":
        pytest.skip("its driver cannot be interrupted, and the connection says so")
    if engine == "mariadb":  # its recursion ends by itself
        numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 900)"
        return f"{numbers} select count(*) as n from n a, n b, n c, n d, n e"
    return "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n"


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings with a connection for each engine; of the servers, for those that the test asks for."""
    connections = {name: {"url": f"{name}:///warehouse.{name}"} for name in EMBEDDED}
    engine = request.getfixturevalue("engine") if "engine" in request.fixturenames else None
    for name in SERVERS:
        if engine == name or name in request.fixturenames:
            connections[name] = dict(request.getfixturevalue(name).parts)
    return Settings(project_root=tmp_path, connections=connections)


@pytest.fixture
def open_(settings: Settings) -> Iterator[Callable[..., Database]]:
    """Opens databases by connection name or URL, and closes them after the test."""
    opened: list[Database] = []

    def open_one(name: str, settings: Settings = settings) -> Database:
        opened.append(open_database(resolve_connection(name, settings)))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(engine: str, open_: Callable[..., Database]) -> Database:
    """An empty database."""
    return open_(engine)
