"""PostgreSQL by ADBC: its types, and what the driver does in ways of its own."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from dovetail.errors import UsageError, ValueMismatch
from dovetail_sql._database import Database, TableName
from dovetail_sql._postgresql import PostgresDatabase
from dovetail_sql._statement import parse

HERE = TableName("t")


@pytest.fixture
def pg(postgresql, open_) -> Database:
    return open_("postgresql")


def ask(pg: Database, text: str, **values: object) -> pa.Table:
    return pg.query(parse(text).bind(values), {})


def one(pg: Database, text: str, **values: object) -> object:
    (found,) = ask(pg, f"select {text} as v", **values).to_pydict()["v"]
    return found


def test_it_is_the_arrow_driver(pg: Database) -> None:
    assert isinstance(pg, PostgresDatabase)


@pytest.mark.parametrize(
    ("code", "expected", "kind"),
    [
        ("1::int2", 1, pa.int16()),
        ("1::int4", 1, pa.int32()),
        ("1::int8", 1, pa.int64()),
        ("1.5::float4", 1.5, pa.float32()),
        ("1.25::numeric(10,2)", Decimal("1.25"), pa.decimal128(10, 2)),
        ("(-1.250)::numeric", Decimal("-1.250"), pa.decimal128(4, 3)),
        ("12345678901234567890123456789012345678901234567890::numeric", int("1234567890" * 5), pa.decimal256(50, 0)),
        ("'x'::varchar(3)", "x", pa.string()),
        ("true", True, pa.bool_()),
        ("date '2020-02-29'", dt.date(2020, 2, 29), pa.date32()),
        ("timestamp '2020-01-01 10:00:00.000001'", dt.datetime(2020, 1, 1, 10, 0, 0, 1), pa.timestamp("us")),
        (
            "timestamptz '2020-01-01 10:00+02'",
            dt.datetime(2020, 1, 1, 8, tzinfo=dt.UTC),
            pa.timestamp("us", "UTC"),
        ),
        ("time '10:00'", dt.time(10), pa.time64("us")),
        ("timetz '10:00+02'", "10:00:00+02", pa.string()),
        ("'\\x00ff'::bytea", b"\x00\xff", pa.binary()),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", pa.string()),
        ("'{\"a\": 1}'::json", '{"a": 1}', pa.string()),
        ("'{\"a\":1}'::jsonb", '{"a": 1}', pa.string()),
        ("array[1,2]::int4[]", [1, 2], pa.list_(pa.int32())),
        ("array['a',null]::text[]", ["a", None], pa.list_(pa.string())),
        ("'1.2.3.4'::inet", "1.2.3.4/32", pa.string()),
        ("int8range(1, 5)", "[1,5)", pa.string()),
        ("'<a/>'::xml", "<a/>", pa.string()),
        ("12.34::money", Decimal("12.34"), pa.decimal128(20, 2)),
        ("null", None, pa.string()),
    ],
)
def test_types_of_results(pg: Database, code: str, expected: object, kind: pa.DataType) -> None:
    found = ask(pg, f"select {code} as v")
    assert found.column("v").to_pylist() == [expected]
    if pa.types.is_list(kind):
        assert found.schema.field("v").type.value_type == kind.value_type
    else:
        assert found.schema.field("v").type == kind


def test_enums_intervals_and_domains(pg: Database) -> None:
    pg.execute(parse("create type mood as enum ('sad', 'ok')").bind({}), {})
    pg.execute(parse("create domain short as varchar(3)").bind({}), {})
    assert one(pg, "'ok'::mood") == "ok" and one(pg, "'abc'::short") == "abc"
    (found,) = ask(pg, "select interval '1 mon 2 days 3 s' as v").column("v").to_pylist()
    assert (found.months, found.days, found.nanoseconds) == (1, 2, 3_000_000_000)


def test_values_are_bound_beside_every_type(pg: Database) -> None:
    """With parameters the driver reads another protocol; the types are the same."""
    pg.execute(parse("create type mood as enum ('sad', 'ok')").bind({}), {})
    found = ask(
        pg,
        "select 'ok'::mood as m, 1.25::numeric(4,2) as n, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as u where 1 = :one",
        one=1,
    )
    assert found.to_pylist() == [{"m": "ok", "n": Decimal("1.25"), "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}]
    with pytest.raises(ValueMismatch, match="cast"):
        ask(pg, "select '1.2.3.4'::inet as v where 1 = :one", one=1)
    assert one(pg, ":v", v=2**70) == 2**70
    assert one(pg, ":v", v=Decimal("1.50")) == Decimal("1.5")


def test_a_numeric_that_is_no_number_is_refused(pg: Database) -> None:
    with pytest.raises(ValueMismatch, match="cast"):
        ask(pg, "select 'NaN'::numeric as v")


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        ("integer", pa.array([1, 2], pa.int64())),
        ("bigint", pa.array([1, 2], pa.int16())),
        ("numeric(10,2)", pa.array([1.5, None])),
        ("varchar(9)", pa.array(["a", "b"])),
        ("uuid", pa.array(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None])),
        ("jsonb", pa.array(['{"a": 1}', None])),
        ("mood", pa.array(["ok", "sad"])),
        ("date", pa.array(["2020-01-01", None])),
        ("timestamptz", pa.array([dt.datetime(2020, 1, 1, tzinfo=dt.UTC)])),
        ("text[]", pa.array([["a", None], []])),
    ],
)
def test_rows_fit_the_table_that_is_there(pg: Database, declared: str, column: pa.Array) -> None:
    pg.execute(parse("create type mood as enum ('sad', 'ok')").bind({}), {})
    pg.execute(parse(f"create table t (id serial, v {declared}, note text default 'none')").bind({}), {})
    pg.write(HERE, pa.table({"v": column}), "append")
    found = pg.read(HERE, None)
    assert [str(v) for v in found.column("v").to_pylist()] == [
        str(Decimal(v).quantize(Decimal("0.01")) if declared.startswith("num") and v is not None else v)
        for v in column.to_pylist()
    ]
    assert found.column("note").to_pylist() == ["none"] * len(column) and found.column("id").to_pylist()[0] == 1


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 255], pa.uint8()),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a"], pa.large_string()),
        pa.array(["a"], pa.string_view()),
        pa.array([[1, None], None], pa.list_(pa.int64())),
        pa.array([Decimal("1.25")], pa.decimal128(38, 20)),
        pa.array([dt.time(1, 2, 3)]),
        pa.nulls(2),
    ],
)
def test_arrow_types_that_are_written(pg: Database, column: pa.Array) -> None:
    pg.write(HERE, pa.table({"v": column}), "create")
    assert pg.read(HERE, None).column("v").to_pylist() == column.to_pylist()


def test_a_type_without_a_counterpart_is_refused_by_name(pg: Database) -> None:
    with pytest.raises(ValueMismatch, match="column 'v'"):
        pg.write(HERE, pa.table({"v": [{"a": 1}]}), "create")
    assert pg.tables() == []


def test_rows_that_do_not_fit_change_nothing(pg: Database) -> None:
    pg.execute(parse("create table t (v integer)").bind({}), {})
    with pytest.raises(UsageError):
        pg.write(HERE, pa.table({"v": [1, 2**40]}), "append")
    assert pg.read(HERE, None).num_rows == 0


def test_now_is_the_time_of_the_statement(pg: Database) -> None:
    """A connection that waits in the pool is in no transaction."""
    first = one(pg, "now()")
    assert one(pg, "(select count(*) from pg_stat_activity where state = 'idle in transaction')") == 0
    assert one(pg, "now()") > first  # type: ignore[operator]


def test_a_syntax_error_tells_its_place(pg: Database) -> None:
    with pytest.raises(UsageError, match="line 2, column 9"):
        ask(pg, "select 1,\n  2 frm x where :v = 1", v=1)
