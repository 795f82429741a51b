"""What rows cost on their way out of and into databases, beside the drivers alone.

    python benchmarks/sql.py [--json] [--check] [--rows 1000000] [--memory-rows 10000000]

The table has ten columns of mixed types. PostgreSQL is a server of its own, started for this (scripts/servers.py). Times are wall
time, since the server takes part; a run of ours alternates with one of the driver alone, and the least of several is taken. What
``pandas.read_sql`` over SQLAlchemy takes is measured once. The audit is that of a staging table in PostgreSQL by ten checks:
inside of the database and, for comparison, of the rows that are read from it; its CPU time is the client's. The peak of memory is
that of a fresh process, in which a durable run stores the rows of a task as Parquet, and another task reads them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _report import options_parser, report

FETCH = 1.1
FASTER_THAN_PANDAS = 4.0
LOAD = 1.15
MEMORY_MB = 700
AUDIT = 1.0
RUNS = 5
NOT_HERE = 3
"""Exit code of scripts/servers.py where a server is not installed and cannot be."""

ROOT = Path(__file__).resolve().parents[1]
TABLE = """create table numbers as select i::int8 as a, (i * 7)::int8 as b, i::float8 / 3 as c, i::float8 as d,
'key' || i % 1000 as e, md5(i::text) as f, timestamp '2020-01-01' + i * interval '1 second' as g,
date '2020-01-01' + (i % 1000)::int as h, i % 2 = 0 as j, i::int4 as k from generate_series(1, {rows}) i"""
STREAM = """
import json, sys
from pathlib import Path
from typing import Annotated
import dovetail, pyarrow as pa
from dovetail.quality.checks import expression, in_range, in_set, matches, not_null
from dovetail.config import Settings
from dovetail.hub import Hub
from dovetail_sql import sql
folder, parts, code = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
good = dovetail.Gate(
    [not_null("a"), in_range("b", 8, None), in_set("j", [True, False]), matches("f", "[0-9a-f]{32}"), expression("a <= b")],
    on_fail="quarantine",
)
rows = sql(code, connection="it", output=Annotated[pa.RecordBatchReader, good], name="rows")

@dovetail.task
def count(rows: pa.RecordBatchReader) -> int:
    return sum(batch.num_rows for batch in rows)

@dovetail.workflow
def daily() -> int:
    return count(rows())

with Hub(Settings(project_root=folder, home=folder / "home", connections={"it": parts})) as hub:
    counted = hub.run(daily).value
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]  # ru_maxrss would know of what started it
print(counted, peak)
"""


def main() -> int:
    """Returns the exit code."""
    parser = options_parser("Cost of rows out of and into databases.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-rows", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, server() as parts:
        if parts is None:
            print("sql: not measured, since there is no PostgreSQL here", file=sys.stderr)
            return 1 if options.check else 0
        figures = measure(Path(scratch), parts, options.rows, options.memory_rows)
    lines = [f"{name:34s} {value:10.3f}" for name, value in figures.items()]
    bars = [
        ("PostgreSQL to polars / ADBC", figures["postgresql fetch ratio"] <= FETCH),
        ("DuckDB to Arrow / its own", figures["duckdb fetch ratio"] <= FETCH),
        ("pandas.read_sql / ours", figures["read_sql ratio"] >= FASTER_THAN_PANDAS),
        ("load / COPY by ADBC", figures["postgresql load ratio"] <= LOAD),
        ("audit in PostgreSQL / on rows read", figures["audit ratio"] <= AUDIT),
        ("peak of a stream through a gate", figures["stream peak MB"] <= MEMORY_MB),
    ]
    return report(options, figures, lines, [name for name, good in bars if not good])


@contextmanager
def server() -> Iterator[dict[str, Any] | None]:
    """How to connect to a PostgreSQL that lives as long as this block; None where there is none, and none can be installed."""
    command = [sys.executable, str(ROOT / "scripts" / "servers.py"), "run", "postgresql"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line and process.wait() != NOT_HERE:
            raise RuntimeError("PostgreSQL did not start")
        yield json.loads(line)["parts"] if line else None
    finally:
        process.stdin.close()
        process.wait()


def measure(folder: Path, parts: dict[str, Any], rows: int, memory_rows: int) -> dict[str, float]:
    """All figures."""
    import adbc_driver_postgresql.dbapi as adbc
    import duckdb
    import pandas
    import polars
    import pyarrow as pa
    import sqlalchemy
    from dovetail.config import Settings
    from dovetail.plugins import build_catalogue, use_catalogue
    from dovetail_sql import execute, sql, to_table
    from dovetail_sql._connections import resolve_connection
    from dovetail_sql._database import TableName
    from dovetail_sql._statement import parse
    from dovetail_sql.task import open_database

    url = sqlalchemy.URL.create(**parts)
    uri = url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = Settings(folder, connections={"pg": parts, "duck": {"url": "duckdb:///numbers.duckdb"}})
    figures: dict[str, float] = {}
    with use_catalogue(build_catalogue(settings)):
        execute(TABLE.format(rows=rows), connection="pg")()
        ours = sql("select * from numbers", connection="pg", output=polars.DataFrame)
        table = sql("select * from numbers", connection="pg", output=pa.Table)()

        def alone() -> Any:
            with adbc.connect(uri) as opened, opened.cursor() as cursor:
                cursor.execute("select * from numbers")
                return polars.from_arrow(cursor.fetch_arrow_table())

        ratio(figures, "postgresql fetch", ours, alone)
        engine = sqlalchemy.create_engine(url)
        seconds = timed(lambda: pandas.read_sql("select * from numbers", engine))
        engine.dispose()
        figures["read_sql seconds"], figures["read_sql ratio"] = seconds, seconds / figures["postgresql fetch seconds"]

        database = open_database(resolve_connection("pg", settings))

        def copy() -> None:
            with adbc.connect(uri) as opened, opened.cursor() as cursor:
                cursor.adbc_ingest("copied", table, mode="replace")
                opened.commit()

        ratio(figures, "postgresql load", lambda: database.write(TableName("loaded"), table, "replace"), copy)
        audits(figures, database, table)
        database.close()

        to_table("numbers", connection="duck")(table)
        duck = open_database(resolve_connection("duck", settings))
        own = duckdb.connect(str(folder / "numbers.duckdb"))
        everything = parse("select * from numbers").bind({})
        ratio(
            figures,
            "duckdb fetch",
            lambda: duck.query(everything, {}),
            lambda: own.sql("select * from numbers").to_arrow_table(),
        )
        own.close()
        duck.close()
    return figures | {"stream peak MB": peak_of_a_stream(folder, parts, memory_rows)}


def audits(figures: dict[str, float], database: Any, table: Any) -> None:
    """What ten checks of a staging table take, in the database and on the rows that are read from it."""
    import pyarrow as pa
    from dovetail.quality import Gate
    from dovetail.quality import checks as c
    from dovetail.quality.checks.sql import ROW
    from dovetail.types import current_types
    from dovetail_sql._database import TableName
    from dovetail_sql.checks import SqlTableChecks, StoredTable

    suite = c.Suite(
        "audit",
        [
            c.not_null("a"),
            c.unique("a"),
            c.in_range("b", 7, 7 * table.num_rows - 7_000),
            c.in_range("g", table["g"][0].as_py()),
            c.matches("e", "key[0-9]{1,3}"),
            c.length("f", 32, 32),
            c.compare("c", "<=", "d"),
            c.expression("d / 3 - c < 1 and a == k"),
            c.row_count(1),
            c.mean_between("c", 0, table.num_rows),
        ],
    )
    name = TableName("staged")
    database.write(name, table.append_column(ROW, pa.array(range(table.num_rows), pa.int64())), "replace")
    stored = StoredTable(database, name, table.schema, table.num_rows)
    engine, gate = SqlTableChecks(), Gate(suite, on_fail="warn")

    def on_rows() -> Any:
        return gate.evaluate(stored.read(table.column_names), types=current_types()).report

    def inside() -> Any:
        return engine.evaluate(suite, stored)

    found = [(each.n_evaluated, each.n_failed) for each in inside()]
    assert found == [(each.n_evaluated, each.n_failed) for each in on_rows().checks[: len(found)]], found
    ratio(figures, "audit", inside, on_rows)
    for what, work in (("", inside), (" on rows read", on_rows)):
        began = time.process_time()
        work()
        figures[f"audit{what} CPU seconds"] = time.process_time() - began


def peak_of_a_stream(folder: Path, parts: dict[str, Any], rows: int) -> float:
    """Most megabytes of a process whose run stores so many rows, past a gate."""
    code = TABLE.format(rows=rows).partition(" as ")[2]
    command = [sys.executable, "-c", STREAM, str(folder), json.dumps(parts), code]
    counted, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(counted) == rows - 1  # one is set aside
    return int(peak) / 1024


def ratio(figures: dict[str, float], name: str, ours: Callable[[], Any], alone: Callable[[], Any]) -> None:
    """Record the least seconds of ours, and over that of the driver alone."""
    pairs = [(timed(ours), timed(alone)) for _ in range(RUNS)]
    mine, theirs = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    figures[f"{name} seconds"], figures[f"{name} ratio"] = mine, mine / theirs


def timed(function: Callable[[], Any]) -> float:
    """Wall seconds of one call."""
    began = time.perf_counter()
    kept = function()
    spent = time.perf_counter() - began
    del kept
    return spent


if __name__ == "__main__":
    sys.exit(main())
