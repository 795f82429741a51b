"""What the tests of the stores share: a store with a clock that they set, small artifacts, and real child processes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dovetail.spec import Artifact
from dovetail.store import ArtifactStore, NewRun, Owner, RunStore, current_owner
from sqlalchemy import create_engine, inspect


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make_artifact(value: object, store: ArtifactStore | None = None) -> Artifact:
    text = f'"{value}"'
    digest = hashlib.sha256(text.encode()).hexdigest()
    if store is None:
        return Artifact(digest, "str", "json", digest, inline=text)
    blob = store.add_bytes(text.encode(), "value.json")
    return Artifact(hashlib.sha256(f"blob {digest}".encode()).hexdigest(), "str", "json", digest, blobs=(blob,))


@pytest.fixture
def artifact() -> Callable[..., Artifact]:
    return make_artifact


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[RunStore]:
    """An empty store: SQLite, or where DOVETAIL_TEST_RUN_STORE is the URL of a PostgreSQL database made for this, there."""
    url = os.environ.get("DOVETAIL_TEST_RUN_STORE")
    if url is None:
        with RunStore(tmp_path / "home" / "runs.db", clock=clock) as opened:
            yield opened
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = [name for name in inspect(connection).get_table_names() if name != "schema_version"]
        if tables:
            connection.exec_driver_sql(f"truncate {', '.join(tables)}")
    engine.dispose()
    with RunStore(url, clock=clock) as opened:
        yield opened


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def owner() -> Owner:
    return current_owner()


@pytest.fixture
def other_owner(owner: Owner) -> Owner:
    """Another owner that lives: the same process under another id."""
    return replace(owner, id="other")


@pytest.fixture
def dead_owner() -> Owner:
    """An owner on this host whose process has ended, and was even waited for."""
    script = "import json; from dovetail.store import current_owner; print(json.dumps(current_owner().to_dict()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    return Owner.from_dict(json.loads(done.stdout))


@pytest.fixture
def running(store: RunStore, owner: Owner) -> str:
    """Id of a run that this process drives."""
    store.create_run(NewRun("r1", "daily"))
    store.claim("r1", owner, 15)
    return "r1"


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Python process from source text; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONFAULTHANDLER": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    target = tmp_path / "disk"
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(target)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a file system")
    yield target
    subprocess.run(["umount", "-l", str(target)], check=True)


@pytest.fixture
def age() -> Callable[[Path, float], None]:
    """Sets the time of the last write of a file so many seconds back."""

    def set_back(path: Path, seconds: float) -> None:
        moment = time.time() - seconds
        os.utime(path, (moment, moment))

    return set_back
