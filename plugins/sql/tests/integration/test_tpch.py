"""The 22 queries of TPC-H, after its specification, as ``sql_file`` tasks: the engines agree row by row.

Scale factor 0.1: 600,000 line items. The parameters are those that the specification validates with; dates and lists are bound.
"""

import contextlib
import datetime as dt
import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.config import Settings
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail_sql import execute, sql_file, to_table

pytest.importorskip("duckdb")
pytestmark = pytest.mark.slow

QUERIES = Path(__file__).resolve().parents[1] / "tpch"
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
INDEXES = """
create index i1 on lineitem (l_orderkey); create index i2 on lineitem (l_partkey, l_suppkey);
create index i3 on partsupp (ps_partkey); create index i4 on orders (o_custkey); create index i5 on orders (o_orderkey);
create index i6 on part (p_partkey); create index i7 on supplier (s_suppkey); create index i8 on customer (c_custkey);
create index i9 on partsupp (ps_suppkey); analyze
"""

day = dt.date
PARAMETERS: dict[int, dict[str, Any]] = {
    1: {"day": day(1998, 9, 2)},
    2: {"size": 15, "type": "%BRASS", "region": "EUROPE"},
    3: {"segment": "BUILDING", "day": day(1995, 3, 15)},
    4: {"first": day(1993, 7, 1), "last": day(1993, 10, 1)},
    5: {"region": "ASIA", "first": day(1994, 1, 1), "last": day(1995, 1, 1)},
    6: {"first": day(1994, 1, 1), "last": day(1995, 1, 1), "quantity": 24},
    7: {"one": "FRANCE", "other": "GERMANY", "first": day(1995, 1, 1), "last": day(1996, 12, 31)},
    8: {"nation": "BRAZIL", "region": "AMERICA", "type": "ECONOMY ANODIZED STEEL", "first": day(1995, 1, 1),
        "last": day(1996, 12, 31)},
    9: {"colour": "%green%"},
    10: {"first": day(1993, 10, 1), "last": day(1994, 1, 1)},
    11: {"nation": "GERMANY"},
    12: {"modes": ["MAIL", "SHIP"], "first": day(1994, 1, 1), "last": day(1995, 1, 1)},
    13: {"words": "%special%requests%"},
    14: {"first": day(1995, 9, 1), "last": day(1995, 10, 1)},
    15: {"first": day(1996, 1, 1), "last": day(1996, 4, 1)},
    16: {"brand": "Brand#45", "type": "MEDIUM POLISHED%", "sizes": [49, 14, 23, 45, 19, 3, 36, 9]},
    17: {"brand": "Brand#23", "container": "MED BOX"},
    18: {"quantity": 300},
    19: {"small": "Brand#12", "medium": "Brand#23", "large": "Brand#34"},
    20: {"nation": "CANADA", "colour": "forest%", "first": day(1994, 1, 1), "last": day(1995, 1, 1)},
    21: {"nation": "SAUDI ARABIA"},
    22: {"codes": ["13", "31", "23", "29", "30", "18", "17"]},
}  # fmt: skip
NOT_SQLITE = {7, 8, 9}  # it has no extract()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight tables as Parquet files."""
    program = Path(sys.executable).with_name("tpchgen-cli")
    if not program.exists():
        pytest.skip("tpchgen-cli is not installed")
    folder = tmp_path_factory.mktemp("tpch")
    subprocess.run([program, "parquet", "-s", "0.1", "--output-dir", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def ask(data: Path, _postgresql: Any) -> Iterator[Callable[[str, int], pa.Table]]:
    """Runs a query on an engine, all of which hold the tables."""
    _postgresql.clear()
    connections = {
        "duckdb": {"url": "duckdb:///tpch.duckdb"},
        "sqlite": {"url": "sqlite:///tpch.sqlite"},
        "postgresql": dict(_postgresql.parts),
    }
    with use_catalogue(build_catalogue(Settings(project_root=data, connections=connections))):
        for name in TABLES:
            rows = pq.read_table(data / f"{name}.parquet")
            for engine in connections:
                if engine == "sqlite":
                    _load(data / "tpch.sqlite", name, rows)
                else:
                    to_table(name, connection=engine)(rows)
        for engine in connections:
            execute(INDEXES, connection=engine)()

        def run(engine: str, number: int) -> pa.Table:
            values = PARAMETERS[number]
            kinds = {name: list[type(v[0])] if isinstance(v, list) else type(v) for name, v in values.items()}
            task = sql_file(QUERIES / f"q{number:02}.sql", connection=engine, inputs=kinds, output=pa.Table)
            return task(**values)

        yield run
    _postgresql.clear()


def _load(path: Path, name: str, rows: pa.Table) -> None:
    """Fill a table of SQLite, which has no decimals and no dates: how it is loaded is not what is tested here."""
    kinds = {
        field.name: pa.float64()
        if pa.types.is_decimal(field.type)
        else pa.string()
        if pa.types.is_date(field.type)
        else field.type
        for field in rows.schema
    }
    columns = [rows.column(column).cast(kind).to_pylist() for column, kind in kinds.items()]
    types = {
        column: "text" if pa.types.is_string(kind) or kind == pa.string_view() else "" for column, kind in kinds.items()
    }
    opened = sqlite3.connect(path)
    with contextlib.closing(opened), opened:
        opened.execute("pragma synchronous = off")
        opened.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
        opened.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", zip(*columns, strict=True))


def same(one: Any, other: Any) -> bool:
    if (isinstance(one, str) and isinstance(other, dt.date)) or (isinstance(one, dt.date) and isinstance(other, str)):
        return str(one) == str(other)
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-6)
    return bool(one == other)


@pytest.mark.parametrize("number", PARAMETERS)
def test_the_engines_agree(ask: Callable[[str, int], pa.Table], number: int) -> None:
    expected = ask("duckdb", number)
    assert expected.num_rows > 0
    for engine in ("postgresql", *([] if number in NOT_SQLITE else ["sqlite"])):
        found = ask(engine, number)
        assert found.column_names == expected.column_names and found.num_rows == expected.num_rows, engine
        for mine, theirs in zip(found.to_pylist(), expected.to_pylist(), strict=True):
            assert all(same(mine[name], theirs[name]) for name in mine), (engine, mine, theirs)
