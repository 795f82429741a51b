"""The run store when it is held by others, damaged, too new, not writable, or out of space."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovetail.errors import ConfigError, StoreError, StoreLocked, StoreUnwritable, StoreVersion
from dovetail.store import Batch, EventRecord, NewRun, NodeUpdate, Owner, RunStore, _schema
from sqlalchemy import Connection, text

Child = Callable[..., "subprocess.Popen[str]"]


def content(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


# -- held by another process --------------------------------------------------------------------------

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""

RELEASE_LATER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def path(store: RunStore, running: str, tmp_path: Path) -> Path:
    """Where the store lies, which has a running run ``r1``."""
    return tmp_path / "home" / "runs.db"


@pytest.mark.parametrize("seconds", [0.1, 0.7])
def test_a_short_lock_is_waited_for(store: RunStore, owner: Owner, path: Path, child: Child, seconds: float) -> None:
    holder = child(RELEASE_LATER, path, seconds)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    store.commit(Batch("r1", owner.id, events=(EventRecord("waited"),)))
    assert [event.type for event in store.events("r1")] == ["waited"]


def test_a_long_lock_is_reported_with_its_holder(owner: Owner, path: Path, child: Child, clock) -> None:
    holder = child(HOLD, path)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    impatient = RunStore(path, busy_timeout=0.3, clock=clock)
    with pytest.raises(StoreLocked) as caught:
        impatient.commit(Batch("r1", owner.id, events=(EventRecord("lost"),)))
    if sys.platform == "linux":
        assert caught.value.details["pids"] == [holder.pid]
        assert f"kill {holder.pid}" in (caught.value.fix or "")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert impatient.get_run("r1").status == "running"  # readers are not held up
    holder.kill()
    holder.wait()
    impatient.commit(Batch("r1", owner.id, events=(EventRecord("after"),)))
    assert [event.type for event in impatient.events("r1")] == ["after"]
    impatient.close()


def test_a_reader_with_an_open_snapshot_does_not_stop_the_writer(store: RunStore, owner: Owner, path: Path) -> None:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (0,)
    store.commit(Batch("r1", owner.id, events=(EventRecord("x"),)))
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (0,)
    reader.close()
    assert len(store.events("r1")) == 1


WRITE_MUCH = """
import sys
from dovetail.store import Batch, EventRecord, NewRun, NodeUpdate, RunStore, current_owner
owner = current_owner()
name = sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
with RunStore(sys.argv[1]) as store:
    store.create_run(NewRun(name, "many"))
    store.claim(name, owner, 60)
    for i in range(100):
        node = NodeUpdate(f"n{i}", "t", "succeeded")
        store.commit(Batch(name, owner.id, nodes=(node,), events=(EventRecord("done", {"i": i}),)))
"""


def test_four_processes_write_at_once_from_the_first_moment(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "runs.db"  # they also race to make it
    writers = [child(WRITE_MUCH, path, f"run{i}") for i in range(4)]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
    with RunStore(path) as store:
        for i in range(4):
            assert [event.data["i"] for event in store.events(f"run{i}")] == list(range(100))
            assert store.get_run(f"run{i}").counts == {"succeeded": 100}


def test_threads_share_a_store(store: RunStore, running: str, owner: Owner) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def write(worker: int) -> None:
        for i in range(25):
            store.commit(Batch(running, owner.id, nodes=(NodeUpdate(f"{worker}-{i}", "t", "succeeded"),)))
            assert store.node(running, f"{worker}-{i}").status == "succeeded"
            assert store.lookup_cache(["none"]) == {}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert store.get_run(running).counts == {"succeeded": 200}


def test_an_interrupt_in_the_worst_moment_leaves_no_transaction_open(
    store: RunStore, running: str, owner: Owner
) -> None:
    store._db._begin_write(False)  # and then Ctrl-C, before anybody could roll back
    store.commit(Batch(running, owner.id, events=(EventRecord("after"),)))
    assert [event.type for event in store.events(running)] == ["after"]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "nosuch://u:hunter2@h/db", "oracle://u:hunter2@h/db", "://"]
)
def test_an_address_that_can_not_be_used(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RunStore(url)
    assert caught.value.fix and "hunter2" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_kept_from_the_file_its_parent_has_open(store: RunStore, running: str) -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            store.get_run(running)
            os.write(writer, b"read it")
        except StoreError as error:
            os.write(writer, error.what.encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    assert b"forked child" in os.read(reader, 1000)
    os.close(reader)
    assert store.get_run(running).status == "running"


# -- not what it should be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage", [b"hello", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000, b"PK\x03\x04" + bytes(3000)]
)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(garbage)
    with pytest.raises(StoreError, match="damaged, or is no run store") as caught:
        RunStore(path).open()
    assert "mv " in (caught.value.fix or "") and str(path) in (caught.value.who or "")
    assert content(tmp_path) == {"runs.db": garbage}


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customers (id INTEGER)")
    other.commit()
    other.close()
    before = content(tmp_path)
    with pytest.raises(StoreError, match="not a run store") as caught:
        RunStore(path).open()
    assert "customers" in (caught.value.why or "")
    assert content(tmp_path) == before


@pytest.mark.parametrize("kept", [0.5, 0.9, 100])
def test_a_cut_off_database_is_found(tmp_path: Path, owner: Owner, kept: float) -> None:
    path = tmp_path / "runs.db"
    with RunStore(path) as store:
        store.create_run(NewRun("r1", "daily"))
        store.claim("r1", owner, 15)
        store.commit(Batch("r1", owner.id, events=tuple(EventRecord("e", {"i": i}) for i in range(2000))))
    size = path.stat().st_size
    os.truncate(path, int(size * kept) if kept < 1 else int(kept))
    damaged = path.read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        RunStore(path).events("r1")
    assert path.read_bytes() == damaged


def test_an_empty_file_is_a_store_that_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.touch()
    with RunStore(path) as store:
        assert store.list_runs() == []


def test_a_store_of_the_future_is_not_touched(store: RunStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.close()
    monkeypatch.setattr(_schema, "SCHEMA_VERSION", 0)
    before = content(path.parent)
    later = RunStore(path)
    for attempt in (later.open, later.list_runs, lambda: later.create_run(NewRun("r2", "daily"))):
        with pytest.raises(StoreVersion, match="has version 2; this dovetail knows version 0") as caught:
            attempt()
    assert "pip install --upgrade" in (caught.value.fix or "")
    later.close()
    assert content(path.parent) == before


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def add_label(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE run ADD COLUMN label TEXT"))

    monkeypatch.setattr(_schema, "SCHEMA_VERSION", 3)
    monkeypatch.setitem(_schema.MIGRATIONS, 2, add_label)
    yield


def test_an_old_store_is_backed_up_then_migrated(store: RunStore, path: Path, next_version: None) -> None:
    store.close()
    with RunStore(path) as migrated:
        assert migrated.get_run("r1").workflow == "daily"
    (backup,) = path.parent.glob("runs.db.v2-*.backup")
    columns = [row[1] for row in sqlite3.connect(path).execute("PRAGMA table_info(run)")]
    columns_before = [row[1] for row in sqlite3.connect(backup).execute("PRAGMA table_info(run)")]
    assert columns == [*columns_before, "label"]
    assert sqlite3.connect(backup).execute("SELECT run_id FROM run").fetchall() == [("r1",)]
    with RunStore(path):  # a second opening neither migrates nor copies again
        assert len(list(path.parent.glob("*.backup"))) == 1


def test_a_migration_that_fails_changes_nothing(store: RunStore, path: Path, next_version: None, monkeypatch) -> None:
    store.close()

    def half_way(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE run ADD COLUMN label TEXT"))
        connection.execute(text("ALTER TABLE no_such_table ADD COLUMN x TEXT"))

    monkeypatch.setitem(_schema.MIGRATIONS, 2, half_way)
    with pytest.raises(StoreError):
        RunStore(path).open()
    monkeypatch.setattr(_schema, "SCHEMA_VERSION", 2)
    with RunStore(path) as again:
        assert again.get_run("r1").workflow == "daily"
    assert "label" not in [row[1] for row in sqlite3.connect(path).execute("PRAGMA table_info(run)")]


def test_a_version_that_nothing_leads_from_is_refused(store: RunStore, path: Path, monkeypatch) -> None:
    store.close()
    monkeypatch.setattr(_schema, "SCHEMA_VERSION", 9)
    with pytest.raises(StoreVersion, match="can't be brought to 9"):
        RunStore(path).open()


# -- not writable -------------------------------------------------------------------------------------

AS_NOBODY = """
import os, sys
from dovetail.errors import StoreUnwritable
from dovetail.store import ArtifactStore, NewRun, RunStore
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for attempt in (
    lambda: RunStore(sys.argv[1] + "/new/runs.db").open(),
    lambda: RunStore(sys.argv[1] + "/fresh.db").open(),
    lambda: RunStore(sys.argv[1] + "/runs.db").create_run(NewRun("r2", "daily")),
    lambda: ArtifactStore(sys.argv[1] + "/artifacts").add_bytes(b"x", "x"),
):
    try:
        attempt()
    except StoreUnwritable as error:
        print("unwritable", bool(error.fix and error.__cause__))
"""


def test_a_directory_that_may_not_be_written(store: RunStore, path: Path, child: Child, tmp_path: Path) -> None:
    store.close()
    for folder in [*path.parents][:4]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(0o755)
    path.parent.chmod(0o555)
    out, err = child(AS_NOBODY, path.parent).communicate(timeout=60)
    path.parent.chmod(0o755)
    assert out.splitlines() == ["unwritable True"] * 4, err


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(StoreUnwritable, match="can't write"):
        RunStore(tmp_path / "home" / "runs.db").open()


def fill(store: RunStore, owner: Owner) -> int:
    """Commits until the store refuses; returns how many it accepted."""
    for number in range(10_000):
        data = {"text": "x" * 2000}
        node = NodeUpdate(f"n{number}", "t", "succeeded", info=data)
        try:
            store.commit(Batch("r1", owner.id, nodes=(node,), events=(EventRecord("done", data, node.node_id),)))
        except StoreUnwritable as error:
            assert error.fix and error.__cause__
            return number
    raise AssertionError("never full")


def check_prefix(store: RunStore, accepted: int) -> None:
    nodes = {node.node_id for node in store.nodes("r1")}
    assert nodes == {f"n{i}" for i in range(accepted)}
    assert [event.node_id for event in store.events("r1", limit=100_000)] == [f"n{i}" for i in range(accepted)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_full_disk_loses_nothing_and_work_goes_on_after(small_disk: Path, owner: Owner, durability) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 100_000)
    with RunStore(small_disk / "runs.db", durability=durability) as store:
        store.create_run(NewRun("r1", "daily"))
        store.claim("r1", owner, 3600)
        accepted = fill(store, owner)
        check_prefix(store, accepted)
        ballast.unlink()
        store.commit(Batch("r1", owner.id, nodes=(NodeUpdate(f"n{accepted}", "t", "succeeded"),)))
    with RunStore(small_disk / "runs.db") as again:
        assert len(again.nodes("r1")) == accepted + 1


@pytest.fixture
def size_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a half-written one would stay behind
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_size_limit_loses_nothing(store: RunStore, running: str, owner: Owner, size_limit, path: Path) -> None:
    size_limit(400_000)
    accepted = fill(store, owner)
    check_prefix(store, accepted)
    size_limit(resource.RLIM_INFINITY)
    store.commit(Batch("r1", owner.id, nodes=(NodeUpdate(f"n{accepted}", "t", "succeeded"),)))
    store.close()
    assert len(store.nodes("r1")) == accepted + 1


def test_no_file_descriptor_left(store: RunStore, running: str, owner: Owner) -> None:
    store.close()  # kept connections need no new ones
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 200), before[1]))
    try:
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        with pytest.raises(StoreUnwritable):
            store.get_run(running)
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert store.get_run(running).status == "running"


def test_a_removed_wal_index_is_made_again(store: RunStore, path: Path, owner: Owner) -> None:
    store.commit(Batch("r1", owner.id, events=(EventRecord("kept"),)))
    store.close()
    for name in ("runs.db-shm", "runs.db-wal"):
        (path.parent / name).unlink(missing_ok=True)
    assert [event.type for event in RunStore(path).events("r1")] == ["kept"]
