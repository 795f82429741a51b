"""What every engine must do: statements, Arrow results, frames as relations, writes."""

import datetime as dt
import math
import threading
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from dovetail.errors import UsageError, ValueMismatch
from dovetail_sql._database import LEDGER, Database, Receipt, TableName
from dovetail_sql._statement import Bound, parse
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

FLIGHTS = pa.table({"carrier": ["UA", "AA", "UA"], "delay": pa.array([5, None, -3], pa.int64())})
HERE = TableName("flights")


def bound(text: str, **values: object) -> Bound:
    return parse(text).bind(values)


def rows(database: Database, text: str, **values: object) -> list[tuple]:
    table = database.query(bound(text, **values), {})
    return list(zip(*table.to_pydict().values(), strict=True))


def test_a_written_table_reads_back_with_order_types_and_nulls(database: Database) -> None:
    assert database.write(HERE, FLIGHTS, "create") == 3
    assert database.read(HERE, None).equals(FLIGHTS)
    assert database.read(HERE, ["delay"]).to_pydict() == {"delay": [5, None, -3]}
    assert database.read(TableName("FLIGHTS"), ["Delay"]).column_names == ["delay"]


def test_every_common_type_survives_a_write_and_a_read(database: Database, engine: str) -> None:
    table = pa.table(
        {
            "flag": [True, None],
            "whole": pa.array([1, None], pa.int64()),
            "real": [1.5, None],
            "text": ["ä'" + ("" if engine == "postgresql" else "\x00"), None],
            "raw": [b"\x00\xff", None],
            "day": [dt.date(2013, 1, 1), None],
            "at": pa.array([dt.datetime(2013, 1, 1, 5, 15, 0, 7), None], pa.timestamp("us")),
            "instant": pa.array([dt.datetime(2013, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
            "kind": pa.array(["a", None]).dictionary_encode(),
        }
    )
    database.write(HERE, table, "create")
    back = database.read(HERE, None)
    assert back.to_pylist() == table.to_pylist()
    for name in ("flag", "whole", "real", "text", "raw", "day", "at"):
        assert back.schema.field(name).type == table.schema.field(name).type
    assert pa.types.is_timestamp(back.schema.field("instant").type) and back.schema.field("instant").type.tz


def test_decimals_stay_exact(database: Database, engine: str) -> None:
    exact = Decimal("12345678901234567890.12")
    database.write(HERE, pa.table({"amount": [exact]}), "create")
    (found,) = database.read(HERE, None).to_pydict()["amount"]
    assert found == (str(exact) if engine.startswith("sqlite") else exact)


def test_modes(database: Database) -> None:
    database.write(HERE, FLIGHTS, "create")
    with pytest.raises(UsageError, match="exists already"):
        database.write(HERE, FLIGHTS, "create")
    database.write(HERE, pa.table({"delay": [9], "carrier": ["B6"]}), "append")
    assert rows(database, "select count(*), max(delay) from flights") == [(4, 9)]
    database.write(HERE, pa.table({"new": [1]}), "replace")
    assert database.read(HERE, None).to_pydict() == {"new": [1]}


def test_append_makes_the_table_if_there_is_none(database: Database) -> None:
    assert database.write(HERE, FLIGHTS, "append") == 3


def test_append_of_an_unknown_column_names_the_nearest(database: Database) -> None:
    database.write(HERE, FLIGHTS, "create")
    with pytest.raises(UsageError, match="write 'carrier'"):
        database.write(HERE, pa.table({"carier": ["UA"]}), "append")
    assert rows(database, "select count(*) from flights") == [(3,)]


@pytest.mark.parametrize("mode", ["create", "append"])
def test_a_write_with_a_key_is_made_once(database: Database, mode: str) -> None:
    for _ in range(3):
        assert database.write(HERE, FLIGHTS, mode, Receipt("run/node", "c1")) == 3
    assert rows(database, "select count(*) from flights") == [(3,)]
    if mode == "append":
        database.write(HERE, FLIGHTS, mode, Receipt("run/other", "c1"))
        assert rows(database, "select count(*) from flights") == [(6,)]


def test_a_receipt_of_other_rows_is_refused(database: Database) -> None:
    """Neither written twice nor silently left out: the id of the run was used before."""
    database.write(HERE, FLIGHTS, "create", Receipt("run/node", "c1"))
    with pytest.raises(UsageError, match="other rows already"):
        database.write(HERE, FLIGHTS, "append", Receipt("run/node", "c2"))
    assert rows(database, "select count(*) from flights") == [(3,)]


def test_a_write_that_fails_leaves_everything_as_it_was(database: Database, engine: str) -> None:
    database.execute(bound("create table flights (carrier varchar(9) not null, delay bigint)"), {})
    database.write(HERE, FLIGHTS, "append")
    with pytest.raises(UsageError):
        database.write(HERE, pa.table({"carrier": ["AA", None]}), "append", Receipt("k", "c"))
    assert rows(database, "select count(*) from flights") == [(3,)]
    if engine == "mariadb":  # the making of a table is never rolled back there, rows are
        assert rows(database, f"select count(*) from {LEDGER}") == [(0,)]
    else:
        assert LEDGER not in database.tables()


def test_a_replace_that_fails_keeps_the_old_table(database: Database, engine: str) -> None:
    database.write(HERE, FLIGHTS, "create")
    if engine.startswith("sqlite"):
        bad = pa.table({"x": pa.array([2**64 - 1], pa.uint64())})
    else:
        database.execute(bound("create view v as select 1 as a"), {})
        bad = pa.table({"x": [1]})
    with pytest.raises(UsageError):
        database.write(HERE if engine.startswith("sqlite") else TableName("v"), bad, "replace")
    assert database.read(HERE, None).equals(FLIGHTS)


def test_zero_rows_keep_their_columns(database: Database) -> None:
    database.write(HERE, FLIGHTS.slice(0, 0), "create")
    assert database.read(HERE, None).schema == FLIGHTS.schema


def test_frames_are_relations_for_one_statement_only(database: Database) -> None:
    total = database.query(bound("select sum(delay) as d from flights where delay > :low", low=0), {"flights": FLIGHTS})
    assert [int(v) for v in total.to_pydict()["d"]] == [5]
    assert database.tables() == []
    with pytest.raises(UsageError, match="no table 'flights'"):
        rows(database, "select * from flights")


def test_a_frame_shadows_a_table_of_its_name_and_leaves_it_alone(database: Database) -> None:
    database.write(HERE, FLIGHTS, "create")
    other = pa.table({"carrier": ["ZZ"]})
    assert database.query(bound("select carrier from flights"), {"flights": other}).to_pydict() == {"carrier": ["ZZ"]}
    assert rows(database, "select count(*) from flights") == [(3,)]


def test_local_variables_of_the_process_are_no_tables(database: Database) -> None:
    secret = pa.table({"a": [1]})
    with pytest.raises(UsageError, match="no table 'secret'"):
        database.query(bound("select * from secret"), {})
    assert secret.num_rows == 1


def test_row_counts(database: Database) -> None:
    assert database.execute(bound("create table t (a integer)"), {}) == 0
    assert database.execute(bound("insert into t values (:a), (:b)", a=1, b=2), {}) == 2
    assert database.execute(bound("update t set a = a + 1"), {}) == 2
    assert database.execute(bound("delete from t where a in :gone", gone=[2, 7]), {}) == 1


@pytest.mark.parametrize(("ids", "inside", "outside"), [([], 0, 3), ([1], 1, 2), ([1, 3, 9], 2, 1)])
def test_lists_are_bound_element_by_element(database: Database, ids: list, inside: int, outside: int) -> None:
    if database.connection.dialect == "postgresql" and not ids:
        pytest.xfail("an empty list has no type, and PostgreSQL compares no numbers with texts")
    database.write(TableName("t"), pa.table({"a": [1, 2, 3]}), "create")
    assert rows(database, "select count(*) from t where a in :ids", ids=ids) == [(inside,)]
    assert rows(database, "select count(*) from t where a not in (:ids)", ids=ids) == [(outside,)]


def test_a_statement_without_a_result_is_no_query_and_changes_nothing(database: Database) -> None:
    with pytest.raises(UsageError, match="execute"):
        database.query(bound("create table t (a integer)"), {})
    assert database.tables() == []


def test_two_columns_of_one_name_are_refused(database: Database) -> None:
    with pytest.raises(ValueMismatch, match="two columns called 'a'"):
        database.query(bound("select 1 as a, 2 as a"), {})


def test_threads_share_one_database(database: Database) -> None:
    database.write(HERE, FLIGHTS, "create")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(3):
                database.write(TableName(f"t{number % 3}"), FLIGHTS, "append")
                rows(database, "select count(*) from flights")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(database, "select count(*) from t1") == [(18,)]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
    st.binary(),
    st.dates(),
    st.datetimes(),
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(value=VALUES)
def test_values_come_back_as_they_were_bound(database: Database, engine: str, value: object) -> None:
    assume(engine != "postgresql" or not isinstance(value, str) or "\x00" not in value)  # it refuses them
    assume(engine != "mariadb" or not isinstance(value, float) or math.isfinite(value))
    (found,) = database.query(bound("select :v as v", v=value), {}).to_pydict()["v"]
    texts = engine in (
        "sqlite",
        "sqlite+adbc",
        "mariadb",
    )  # SQLite has no dates, and MariaDB's are typed by the column: ISO text stands here
    if texts and isinstance(value, dt.datetime):
        value = value.isoformat(sep=" ")
    elif texts and isinstance(value, dt.date):
        value = value.isoformat()
    assert found == value


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), st.text(st.characters(codec="utf-8")))
    )
)
def test_tables_come_back_as_they_were_written(database: Database, engine: str, data: list) -> None:
    assume(engine != "postgresql" or not any("\x00" in text for _, text in data))
    table = pa.table(
        {"a": pa.array([a for a, _ in data], pa.int64()), "b": pa.array([b for _, b in data], pa.string())}
    )
    database.write(HERE, table, "replace")
    assert database.read(HERE, None).equals(table)


def test_instants_are_the_same_whatever_their_zone(database: Database) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    instants = [dt.datetime(2013, 7, 1, hour, tzinfo=berlin) for hour in (0, 1, 12)]
    database.write(
        TableName("t"), pa.table({"moment": pa.array(instants, pa.timestamp("us", "Europe/Berlin"))}), "create"
    )
    back = database.read(TableName("t"), None).column("moment").to_pylist()
    assert [instant.astimezone(dt.UTC) for instant in back] == [instant.astimezone(dt.UTC) for instant in instants]
    before = bound("select count(*) as n from t where moment < :at", at=instants[1].astimezone(ZoneInfo("Asia/Tokyo")))
    assert database.query(before, {}).to_pydict() == {"n": [1]}
    assert database.read(TableName("t"), None, where={"moment": instants[2]}).num_rows == 1
