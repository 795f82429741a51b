"""A store that may only be read is read: on a read-only file system, or in a directory of somebody else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovetail.errors import StoreError, StoreUnwritable
from dovetail.store import Batch, EventRecord, NewRun, NodeUpdate, Owner, RunStore

Child = Callable[..., subprocess.Popen[str]]

READ = """
import os, sys
from dovetail.store import RunStore
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = RunStore(sys.argv[1])
for _ in range(2):
    print(store.get_run("r1").run_id, [event.type for event in store.events("r1")], store.cancel_requested("r1"))
"""
SEEN = ["r1 ['kept'] False"] * 2


@pytest.fixture
def path(store: RunStore, owner: Owner, tmp_path: Path) -> Iterator[Path]:
    """A closed store with one run, that others may read and not write."""
    store.create_run(NewRun("r1", "daily"))
    store.claim("r1", owner, lease_seconds=15)
    store.commit(Batch("r1", owner.id, events=(EventRecord("kept"),)))
    store.close()
    path = tmp_path / "home" / "runs.db"
    for folder in [*path.parents][:4]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(0o755)
    path.parent.chmod(0o555)
    yield path
    path.parent.chmod(0o755)


@pytest.fixture
def read_only(path: Path) -> Iterator[Path]:
    """The same on a file system that is mounted read-only."""
    place = str(path.parent)
    if subprocess.run(["mount", "--bind", place, place], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a file system")
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True, capture_output=True)
    yield path
    subprocess.run(["umount", place], check=True, capture_output=True)


def test_a_store_in_a_directory_of_somebody_else_is_read(path: Path, child: Child) -> None:
    out, err = child(READ, path).communicate(timeout=60)
    assert out.splitlines() == SEEN, err


def test_a_store_on_a_read_only_file_system_is_read_and_not_written(read_only: Path, owner: Owner) -> None:
    with RunStore(read_only) as store:
        assert [event.type for event in store.events("r1")] == ["kept"]
        assert not store.cancel_requested("r1")
        with pytest.raises(StoreUnwritable):
            store.commit(Batch("r1", owner.id, nodes=(NodeUpdate("n", "t", "running"),)))


def test_the_commits_of_a_writer_that_goes_on_are_seen(path: Path, owner: Owner, child: Child) -> None:
    """They are beside the file of the store until they are copied into it."""
    path.parent.chmod(0o755)
    with RunStore(path) as writer:
        writer.commit(Batch("r1", owner.id, events=(EventRecord("later"),)))
        for file in path.parent.iterdir():
            file.chmod(0o644)
        path.parent.chmod(0o555)
        out, err = child(READ, path).communicate(timeout=60)
        assert out.splitlines() == ["r1 ['kept', 'later'] False"] * 2, err


def test_commits_that_wait_beside_a_store_that_may_only_be_read_are_not_left_out(
    path: Path, owner: Owner, child: Child
) -> None:
    """A process that died left them there. An older state would be a lie, so it is an error that says what to do."""
    path.parent.chmod(0o755)
    with RunStore(path) as writer:
        writer.commit(Batch("r1", owner.id, events=(EventRecord("later"),)))
        left = path.with_name("left")
        left.mkdir()
        for name in ("runs.db", "runs.db-wal"):  # what a machine that lost power holds: no index
            (left / name).write_bytes((path.parent / name).read_bytes())
            (left / name).chmod(0o644)
    left.chmod(0o555)
    _, err = child(READ, left / "runs.db").communicate(timeout=60)
    left.chmod(0o755)
    assert "wait in a file beside it" in err and f"copy {left} to where you may write" in err


def test_what_changed_during_a_read_is_not_believed(read_only: Path) -> None:
    """Nothing locks a writer out who comes through another mount of the same disk."""
    store = RunStore(read_only)
    store.open()
    with pytest.raises(StoreError, match="written while it was read"), store._db.read() as connection:
        connection.exec_driver_sql("select * from run").all()
        subprocess.run(["mount", "-o", "remount,bind,rw", str(read_only.parent)], check=True, capture_output=True)
        os.utime(read_only, (1, 1))
    assert store.get_run("r1").run_id == "r1"


def test_a_store_that_is_removed_while_it_is_used_says_so(store: RunStore, tmp_path: Path) -> None:
    store.create_run(NewRun("r1", "daily"))
    path = tmp_path / "home" / "runs.db"
    store.close()
    store.open()
    store._db.engine.dispose()
    for file in path.parent.iterdir():
        file.unlink()
    sqlite3.connect(path).close()
    with pytest.raises(StoreError, match="removed or replaced meanwhile"):
        store.get_run("r1")
