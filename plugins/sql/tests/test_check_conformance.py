"""What audits count in each database is what the core counts: the truth table, and drawn tables, on real servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dovetail.errors import UserError
from dovetail.quality.checks.sql import ROW
from dovetail.testing import HubHarness, NativeChecksSuite
from dovetail_sql._database import Database, TableName
from dovetail_sql.checks import StoredTable
from hypothesis import reject

EVERYWHERE = (
    *("int8", "int64", "uint64", "float64", "float32", "bool", "string", "decimal", "date"),
    *("timestamp_us", "timestamp_zone", "dictionary", "binary"),
)


class _Stored(NativeChecksSuite):
    """Tables are put into a database, and looked at there."""

    on: ClassVar[str]
    has_nan: ClassVar[bool] = True

    plugin = "dovetail_sql.plugin"
    engine = "sql"
    frames = ("dovetail_sql.checks.StoredTable",)
    kinds = EVERYWHERE

    @pytest.fixture(autouse=True)
    def _opened(self, request: pytest.FixtureRequest, open_: Callable[..., Database]) -> None:
        self._database = open_(self.on)
        self._kept: list[tuple[Any, StoredTable]] = []

    def frame_of(self, hub: HubHarness, frame: str, table: Any) -> Any:
        """Written as a staging table is."""
        for known, stored in self._kept:
            if known is table:
                return stored
        given = table if self.has_nan else without_nan(table)
        name = TableName(f"t{len(self._kept) % 50}")
        try:
            numbered = given.append_column(ROW, pa.array(range(given.num_rows), pa.int64()))
            self._database.write(name, numbered, "replace")
        except UserError:  # a value that the database does not hold, such as a NUL or an integer of more bits
            reject()
        stored = StoredTable(self._database, name, given.schema, given.num_rows)
        self._kept.append((table, stored))
        return stored


def without_nan(table: pa.Table) -> pa.Table:
    """With nulls in the place of NaN, which counts as null, and of what is infinite."""
    for position, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table.column(position)
            kept = pc.if_else(pc.is_finite(column), column, pa.scalar(None, field.type))
            table = table.set_column(position, field, kept)
    return table


class TestDuckDbChecks(_Stored):
    on = "duckdb"
    kinds = (*EVERYWHERE, "timestamp_ns", "list", "time")

    @pytest.fixture(autouse=True)
    def _engine(self) -> None:
        pytest.importorskip("duckdb")


class TestSqliteChecks(_Stored):
    on = "sqlite"
    has_nan = False
    kinds = (*EVERYWHERE, "time")


class TestPostgreSqlChecks(_Stored):
    on = "postgresql"
    examples = 100
    kinds = (*EVERYWHERE, "time", "list")

    @pytest.fixture(autouse=True)
    def _server(self, postgresql: Any) -> None:
        pass


class TestMariaDbChecks(_Stored):
    on = "mariadb"
    examples = 60
    has_nan = False

    @pytest.fixture(autouse=True)
    def _server(self, mariadb: Any) -> None:
        pass
