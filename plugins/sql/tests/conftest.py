"""Databases for the tests: every test that asks for ``database`` runs on DuckDB and on SQLite.

Where ``DOVETAIL_TEST_POSTGRESQL`` holds a URL, without a password, of a PostgreSQL database made for this, on that as well;
its schema ``public`` is emptied before each test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovetail.config import Settings
from dovetail_sql._connections import resolve_connection
from dovetail_sql._database import Database
from dovetail_sql.task import open_database

ENGINES = ("duckdb", "sqlite")


POSTGRESQL = os.environ.get("DOVETAIL_TEST_POSTGRESQL")


@pytest.fixture(params=[*ENGINES, *(["postgresql"] if POSTGRESQL else [])])
def engine(request: pytest.FixtureRequest) -> str:
    """Name of the engine that the test runs on."""
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
    if request.param == "postgresql":
        import sqlalchemy as sa

        with sa.create_engine(POSTGRESQL).begin() as connection:
            connection.exec_driver_sql("drop schema public cascade; create schema public")
    return str(request.param)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a connection ``warehouse`` for each engine, in files of their own."""
    connections = {name: {"url": f"{name}:///warehouse.{name}"} for name in ENGINES}
    if POSTGRESQL:
        connections["postgresql"] = {"url": POSTGRESQL}
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
    """An empty database in a file."""
    return open_(engine)
