"""What goes wrong at the end of a write, or after it: a commit without an answer, a full disk, a table that has changed since."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import dovetail
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import EngineUnavailable, UsageError, UserError
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, current_catalogue, use_catalogue
from dovetail.quality import Gate
from dovetail.quality.checks import not_null
from dovetail_sql import execute, sql, table, to_table
from dovetail_sql._database import Database, OutcomeUnknown
from dovetail_sql._statement import parse

SERVERS = pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)


class Wire:
    """Stands between a driver and its server, and can swallow the answer to a commit: it has happened, and nobody hears of it."""

    def __init__(self, port: int) -> None:
        self.server = ("127.0.0.1", port)
        self.cut = 0
        """How many commits shall not be answered."""
        self.seen = threading.Event()
        """A commit was not answered."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            writing, waiting = threading.Event(), threading.Event()
            for source, target in ((client, server), (server, client)):
                arguments = (source, target, source is client, writing, waiting)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(
        self,
        source: socket.socket,
        target: socket.socket,
        to_server: bool,
        writing: threading.Event,
        waiting: threading.Event,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if to_server and b"insert into" in data.lower():
                    writing.set()
                if to_server and b"COMMIT" in data and writing.is_set() and self.cut:
                    self.cut -= 1
                    waiting.set()
                elif not to_server and waiting.is_set():
                    self.seen.set()
                    break  # the answer has come, and goes nowhere
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def wire(engine: str, settings: Settings) -> Iterator[Wire]:
    parts = settings.connections[engine]
    between = Wire(parts["port"])
    query = {"query": {"sslmode": "disable"}} if engine == "postgresql" else {}
    connections = {**settings.connections, "wire": {**parts, "host": "127.0.0.1", "port": between.port, **query}}
    with use_catalogue(build_catalogue(Settings(project_root=settings.project_root, connections=connections))):
        yield between
    between.close()


@SERVERS
def test_an_outcome_that_nobody_knows_is_told(engine: str, wire: Wire) -> None:
    execute("create table t (a integer)", connection=engine)()
    wire.cut = 1
    insert = execute("insert into t values (:a)", connection="wire", inputs={"a": int}).options(
        retries=2, retry_delay=0
    )

    @dovetail.workflow
    def daily() -> int:
        return insert(4711)

    with Hub(current_catalogue().settings) as hub, pytest.raises(OutcomeUnknown) as caught:
        hub.run(daily)
    assert wire.seen.is_set() and caught.value.kind == "platform"
    assert "insert into t" in str(caught.value.fix) and "4711" not in str(caught.value)
    assert sql("select count(*) from t", connection=engine, output=int)() == 1  # this time it had happened


@SERVERS
@pytest.mark.parametrize("gate", [None, Gate([not_null("a")])])
def test_the_record_decides_whether_a_write_has_happened(engine: str, wire: Wire, gate: Gate | None) -> None:
    to_table("t", connection=engine)(pa.table({"a": [0]}))
    save = to_table("t", connection="wire", mode="append", gate=gate)
    wire.cut = 1

    @dovetail.task
    def make() -> pa.Table:
        return pa.table({"a": [1, 2]})

    @dovetail.workflow
    def daily() -> int:
        return save(make())

    with Hub(current_catalogue().settings) as hub:
        assert hub.run(daily).value == 2
    assert wire.seen.is_set()
    assert sql("select count(*) from t", connection=engine, output=int)() == 3


FULL = {
    "sqlite": ["pragma max_page_count = 8"],
    "mariadb": ["set session max_heap_table_size = 16384", "create table t (a bigint, b varchar(99)) engine = memory"],
}


@pytest.mark.parametrize("engine", FULL, indirect=True)
def test_a_full_disk_is_the_platforms_fault(engine: str, database: Database) -> None:
    """SQLite may have few pages, and MariaDB little memory: both say what they say of a full disk."""
    rows = pa.table({"a": range(5000), "b": ["x" * 90] * 5000})
    insert = [] if engine == "mariadb" else [parse("create table t (a bigint, b text)").bind({})]
    limits = [parse(text).bind({}) for text in FULL[engine]]
    rest = [*limits[1:], *insert, parse("insert into t select * from given").bind({})]
    with pytest.raises(EngineUnavailable, match="no room left"):
        database.execute(limits[0], {"given": rows}, None, *rest)
    if engine.startswith("sqlite"):  # MariaDB's tables in memory take part in no transaction
        assert database.tables() == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_statement_for_which_there_is_not_enough_room_changes_nothing(engine: str, database: Database) -> None:
    """PostgreSQL may have a limit for the files that it sorts in; it says what it says of a full disk, in the same class."""
    texts = [
        "set local temp_file_limit = '1MB'",
        "set local work_mem = '64kB'",
        "create table t (a bigint, b text)",
        "insert into t select i, md5(i::text) from generate_series(1, 500000) as i order by 2",
    ]
    first, *rest = [parse(text).bind({}) for text in texts]
    with pytest.raises(EngineUnavailable, match="no room left"):
        database.execute(first, {}, None, *rest)
    assert database.tables() == []


def test_a_table_that_has_changed_since_it_was_written_is_told(engine: str, settings: Settings) -> None:
    with use_catalogue(build_catalogue(settings)):
        to_table("t", connection=engine)(pa.table({"id": [1], "delay": [5]}))
        execute("alter table t rename column delay to arr_delay", connection=engine)()
        with pytest.raises(UsageError, match="no column 'delay'"):
            table("t", connection=engine, columns=["id", "delay"])()
        for mode, keys in (("append", []), ("merge", ["id"])):
            with pytest.raises(UsageError, match="no column 'delay'") as caught:
                to_table("t", connection=engine, mode=mode, keys=keys)(pa.table({"id": [2], "delay": [6]}))
            assert "arr_delay" in str(caught.value)
        if not engine.startswith("sqlite"):  # it stores any value in any column
            with pytest.raises(UserError, match="refuses"):
                to_table("t", connection=engine, mode="append")(pa.table({"id": ["many"], "arr_delay": [6]}))
        assert table("t", connection=engine)().num_rows == 1
