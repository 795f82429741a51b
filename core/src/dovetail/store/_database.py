"""Connections to the database of the run store: one writer per process, readers that never block it.

All that is particular to SQLite is in this module.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from dovetail.errors import ConfigError, StoreError, StoreVersion
from dovetail.store import _schema
from dovetail.store._faults import from_database_error, from_os_error
from dovetail.store._frozen import is_frozen, may_only_read, open_frozen, state_of

_TICK = 0.5
"""Seconds that SQLite itself waits for a lock before Python looks at signals and at the clock again."""

_databases: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """The engine of the run store.

    Args:
        url: File of an SQLite database, or a SQLAlchemy URL.
        durable: Force every commit to the disk.
        busy_timeout: Seconds to wait for another process that writes.
    """

    def __init__(self, url: Path | str, *, durable: bool, busy_timeout: float) -> None:
        self.url = _url_of(url)
        self.where = self.url.render_as_string(hide_password=True)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database) if self.sqlite and self.url.database else None
        self._durable = durable
        self._timeout = busy_timeout
        self._open = False
        self._only_reads = False
        self._start()
        _databases.add(self)

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._fast_lock = threading.Lock()
        self._writer: Any = None
        self._fast: Any = None
        self._synchronous = ""
        self.engine = self._make_engine()

    def _make_engine(self) -> Engine:
        if not self.sqlite:
            return create_engine(self.url, pool_pre_ping=True)
        engine = create_engine(
            self.url,
            connect_args={"timeout": self._timeout, "check_same_thread": False},
            # A connection that was told that the file does not change is good for one reading.
            **({"poolclass": NullPool} if self._only_reads else {"poolclass": QueuePool, "max_overflow": -1}),
        )

        @event.listens_for(engine, "do_connect")
        def _do_connect(*_: object) -> Any:
            return open_frozen(self.path) if self._only_reads and self.path and is_frozen(self.path) else None

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, record: object) -> None:
            connection.isolation_level = None  # we say BEGIN, not the driver
            _pragmas(connection)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            immediate = connection.get_execution_options().get("immediate")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

        return engine

    # -- opening ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Make, migrate or accept the tables; done once, before the first use.

        Raises:
            StoreVersion: A newer dovetail wrote the store; nothing is written.
            StoreUnwritable, StoreLocked, StoreError: It can't be used.
        """
        if not self._open:
            with self._lock:
                # Another thread may have opened it meanwhile; looking twice at the tables does no harm.
                self._open_now()
                self._open = True

    def _open_now(self) -> None:
        self._refuse_inherited()
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise from_os_error(error, self.path.parent, "write to") from error
            if may_only_read(self.path) != self._only_reads:
                self._only_reads = not self._only_reads
                self.engine.dispose()
                self.engine = self._make_engine()
        with self._translated():
            found = self._found_version()
            if found == _schema.SCHEMA_VERSION:
                return
            if found is not None:
                self._check_migratable(found)
            self._create_or_migrate(found)

    def _found_version(self) -> int | None:
        with self.engine.connect() as connection:
            return self._read_version(connection)

    def _read_version(self, connection: Connection) -> int | None:
        names = set(inspect(connection).get_table_names())
        if _schema.schema_version.name in names:
            return connection.execute(select(_schema.schema_version.c.version)).scalar()
        if names & set(_schema.metadata.tables) or (names and self.sqlite):
            raise StoreError(
                "this database is not a run store of dovetail",
                who=self.where,
                why=f"it has other tables: {', '.join(sorted(names)[:5])}",
                fix="set DOVETAIL_HOME to a directory of its own",
            )
        return None

    def _check_migratable(self, found: int) -> None:
        if found > _schema.SCHEMA_VERSION:
            raise StoreVersion(
                f"the run store has version {found}; this dovetail knows version {_schema.SCHEMA_VERSION}",
                who=self.where,
                why="a newer dovetail wrote it; nothing was changed",
                fix="pip install --upgrade dovetail",
            )
        if found not in _schema.MIGRATIONS:
            raise StoreVersion(
                f"the run store has version {found}, which can't be brought to {_schema.SCHEMA_VERSION}",
                who=self.where,
                fix="set DOVETAIL_HOME to a new directory",
            )

    def _create_or_migrate(self, found: int | None) -> None:
        if found is not None:
            self._back_up(found)
        if self.sqlite:
            with contextlib.closing(self.engine.raw_connection()) as raw:
                deadline = time.monotonic() + self._timeout
                driver: Any = raw.driver_connection
                _retry_locked(lambda: driver.execute("PRAGMA journal_mode=WAL").fetchall(), deadline)
        with self.engine.connect().execution_options(immediate=True) as connection, connection.begin():
            version = self._read_version(connection)  # another process may have been faster
            if version is None:
                _schema.metadata.create_all(connection)
                version = _schema.SCHEMA_VERSION
                connection.execute(_schema.schema_version.insert().values(version=version, created=time.time()))
            while version < _schema.SCHEMA_VERSION:
                _schema.MIGRATIONS[version](connection)
                version += 1
                connection.execute(_schema.schema_version.update().values(version=version))

    def _back_up(self, found: int) -> None:
        if self.path is None:
            return
        target = self.path.with_name(f"{self.path.name}.v{found}-{time.strftime('%Y%m%dT%H%M%S')}.backup")
        with (
            contextlib.closing(sqlite3.connect(self.path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)

    # -- writing ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Any]:
        """One transaction, begun with the write lock; yields a DBAPI cursor. Commits, or rolls back on any exception.

        Args:
            durable: Force this commit to the disk even where the others are not.

        Raises:
            StoreLocked: Another process held the lock for longer than the timeout.
            StoreUnwritable, StoreError: The database failed; nothing of the transaction is stored.
        """
        self.open()
        with self._lock, self._translated():
            raw = self._begin_write(durable or self._durable)
            cursor = raw.cursor()
            try:
                yield cursor
                raw.commit()
            except BaseException:
                self._roll_back(raw)
                raise

    def _writer_connection(self) -> Any:
        if self._writer is None:
            self._writer = self.engine.raw_connection()
            self._synchronous = ""
            if self.sqlite:
                self._writer.driver_connection.execute(f"PRAGMA busy_timeout={int(_TICK * 1000)}")
        return self._writer.driver_connection

    def _begin_write(self, durable: bool) -> Any:
        raw = self._writer_connection()
        if not self.sqlite:
            return raw  # drivers of servers begin by themselves
        if raw.in_transaction:  # an interrupt fell between our BEGIN and our try
            self._roll_back(raw)
            raw = self._writer_connection()
        wanted = "FULL" if durable else "NORMAL"
        if self._synchronous != wanted:
            raw.execute(f"PRAGMA synchronous={wanted}")
            self._synchronous = wanted
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            _retry_locked(lambda: raw.execute("BEGIN IMMEDIATE"), time.monotonic() + self._timeout - _TICK)
        return raw

    def _roll_back(self, raw: Any) -> None:
        try:
            raw.rollback()
        except Exception:  # a connection that can't even roll back is given up; the next write opens another
            writer, self._writer = self._writer, None
            with contextlib.suppress(Exception):
                writer.invalidate()

    # -- reading ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store. Raises StoreError and its kinds."""
        self.open()
        with self._translated(), self._still(), self.engine.connect() as connection, connection.begin():
            yield connection

    def fetch(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement in the driver's own form, on a kept connection: the fast way for small reads."""
        self.open()
        with self._fast_lock, self._translated(), self._still():
            if self._fast is None:
                self._fast = self.engine.raw_connection()
            try:
                cursor = self._fast.cursor()
                cursor.execute(sql, parameters)
                rows = cursor.fetchall()
                cursor.close()
                if not self.sqlite:
                    self._fast.rollback()  # ends the snapshot
                if self._only_reads:
                    self._fast.close()
                    self._fast = None
            except BaseException:
                self._fast.invalidate()
                self._fast = None
                raise
            return list(rows)

    @contextlib.contextmanager
    def _still(self) -> Iterator[None]:
        """Around a read of a store that this process may only read: somebody else may write it, and nothing locks them out."""
        if not self._only_reads or self.path is None:
            yield
            return
        before, frozen = state_of(self.path), is_frozen(self.path)
        yield
        if frozen and state_of(self.path) != before:
            raise StoreError(
                "the run store was written while it was read",
                who=self.where,
                why="this process may only read it, so nothing held the writer back",
                fix="ask again",
            )

    # -- ending -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all connections. The database opens again when it is next used."""
        with self._lock, self._fast_lock:
            for held in (self._writer, self._fast):
                if held is not None:
                    held.close()
            self._writer = self._fast = None
            self.engine.dispose()
            self._open = False

    def after_fork(self) -> None:
        """In a forked child: never touch the parent's connections, not even to close them."""
        if self._open and self.sqlite:
            _inherited.setdefault(str(self.path), []).append((self.engine, self._writer, self._fast))
        self.engine.dispose(close=False)
        self._open = False
        self._start()

    def _refuse_inherited(self) -> None:
        # SQLite tracks its file locks per process and can't know that a fork did not inherit them: see "How To Corrupt
        # An SQLite Database File", section 2.6.
        if str(self.path) in _inherited:
            raise StoreError(
                "a forked child can't use a run store that its parent had open",
                who=self.where,
                why="SQLite's file locks don't survive a fork, and the file could be damaged",
                fix='start the process with multiprocessing\'s "spawn" or "forkserver" method',
            )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            raise from_database_error(error, self.where, self.path, time.monotonic() - started) from error
        except Exception as error:
            if isinstance(error, self.engine.dialect.loaded_dbapi.Error):
                raise from_database_error(error, self.where, self.path, time.monotonic() - started) from error
            raise


_inherited: dict[str, list[Any]] = {}
"""Connections of the parent of this forked process, by file. Held, so that they are never closed here."""


def _url_of(url: Path | str) -> URL:
    text = str(url)
    if isinstance(url, Path) or "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        found = make_url(text)
        found.get_dialect().import_dbapi()
    except (SQLAlchemyError, ImportError) as error:
        raise ConfigError(
            "the address of the run store can't be used",
            why=str(error).replace(text, "(the address)"),
            fix="use a file name, or a SQLAlchemy URL whose driver is installed: pip install 'psycopg[binary]'",
        ) from error
    if found.get_backend_name() == "sqlite" and found.database in (None, "", ":memory:"):
        raise ConfigError("a run store can't live in memory", fix="give the name of a file")
    return found


def _pragmas(connection: Any) -> None:
    for setting in (
        "foreign_keys=OFF",  # the writer keeps the references itself; checking costs a look-up per row
        "cache_size=-16384",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",  # pages, 16 MB: one that is written often is copied back once
        "journal_size_limit=67108864",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {setting}")


def _retry_locked(action: Any, deadline: float) -> None:
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)  # switching the journal mode fails at once instead of waiting


def _after_fork_in_child() -> None:
    for database in list(_databases):
        database.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
