"""kill -9 at any instant: what was acknowledged is there, what is there is whole, and the rest is done on resume.

The workers are forked from a process that has imported everything but opened nothing, so that each life is short and the
kills fall into the writing, not into the imports.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovetail.store import ArtifactStore, RunStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")

NODES_PER_BATCH = 3

NURSERY = """
import os, signal, sys
from pathlib import Path
import sqlalchemy.dialects.sqlite
from dovetail.errors import UsageError
from dovetail.spec import Artifact
from dovetail.store import *
from dovetail.store import _database, _local_blobs, _runs, _writes
from dovetail.store._runs import RunStore

NODES_PER_BATCH = 3

def say(text):
    os.write(1, (text + "\\n").encode())

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_in(module, name, when, call_number):
    original, calls = getattr(module, name), [0]
    def patched(*args, **kwargs):
        calls[0] += 1
        if calls[0] >= call_number and when == "before":
            die()
        result = original(*args, **kwargs)
        if calls[0] >= call_number:
            die()
        return result
    setattr(module, name, patched)

POINTS = {
    "temporary written": (_local_blobs.LocalBlobs, "_place", "before"),
    "before rename": (Path, "replace", "before"),
    "after rename": (Path, "replace", "after"),
    "before begin": (_database.Database, "_begin_write", "before"),
    "after begin": (_database.Database, "_begin_write", "after"),
    "before publish": (_writes, "publish", "before"),
    "after publish": (_writes, "publish", "after"),
    "before events": (_writes, "put_events", "before"),
    "before commit": (_writes, "put_events", "after"),
    "after commit": (RunStore, "commit", "after"),
    "before finish": (RunStore, "finish", "before"),
    "ending": (_runs, "put_events", "after"),
    "after finish": (RunStore, "finish", "after"),
}

def work(blobs, owner, number):
    nodes, entries, events, published = [], [], [], []
    for part in range(NODES_PER_BATCH):
        name = f"n{number * NODES_PER_BATCH + part:04d}"
        blob = blobs.add_bytes(name.encode() * 500, "data.bin")
        artifact = Artifact(blob.digest[::-1], "bytes", "bin", blob.digest, (blob,))
        nodes.append(NodeUpdate(name, "t", "succeeded", outputs={"output": artifact}))
        entries.append(CacheEntry(name, {"output": artifact}))
        events += [EventRecord("started", node_id=name), EventRecord("succeeded", node_id=name)]
    if number % 10 == 9:
        published.append(Publication("numbers", name, "output", artifact))
    return Batch("r1", owner.id, tuple(nodes), tuple(entries), tuple(published), (), tuple(events))

def live(home, batches, durability, point, call_number):
    if point in POINTS:
        die_in(*POINTS[point], call_number)
    blobs = ArtifactStore(home / "artifacts", durability=durability)
    store = RunStore(home / "runs.db", durability=durability)
    owner = current_owner()
    try:
        store.create_run(NewRun("r1", "daily"))
    except UsageError:
        pass
    store.claim("r1", owner, 3600)
    done = len(store.nodes("r1")) // NODES_PER_BATCH
    for number in range(done, batches):
        store.commit(work(blobs, owner, number))
        say(f"committed {number}")
    store.finish("r1", owner.id, "succeeded", events=[EventRecord("run.succeeded")])
    say("finished")

for line in sys.stdin:
    home, batches, durability, call_number, point = line.rstrip("\\n").split("|")
    pid = os.fork()
    if not pid:
        try:
            say(f"born {os.getpid()}")
            live(Path(home), int(batches), durability, point, int(call_number))
        except BaseException as error:
            say(f"failed {type(error).__name__}: {error}".replace("\\n", " "))
        os._exit(0)
    os.waitpid(pid, 0)
    say("dead")
"""


class Nursery:
    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process, self.home = process, home
        self.batches = 20
        self.acknowledged = -1
        self.finished = False

    def say(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().rstrip("\n")
        word, _, rest = line.partition(" ")
        assert word in ("born", "committed", "finished", "dead"), line
        if word == "committed":
            self.acknowledged = int(rest)
        self.finished = self.finished or word == "finished"
        return line

    def life(
        self, durability: str = "process", point: str = "", call_number: int = 1, commits: int | None = None
    ) -> None:
        """One life of a worker; killed after ``commits`` of its commits were heard of, if given."""
        assert self.process.stdin
        self.process.stdin.write(f"{self.home}|{self.batches}|{durability}|{call_number}|{point}\n")
        self.process.stdin.flush()
        pid, heard = int(self.say().split()[1]), 0
        while commits is not None and heard < commits and not self.finished:
            heard += self.say().startswith("committed")
        if commits is not None:
            for _ in range(random.randrange(20_000)):  # some part of the next millisecond
                pass
            os.kill(pid, signal.SIGKILL)
        while self.say() != "dead":
            pass

    def check(self) -> int:
        """What must hold after any death; returns the number of whole batches."""
        blobs = ArtifactStore(self.home / "artifacts")
        with RunStore(self.home / "runs.db") as store:
            run = store.get_run("r1")
            assert run.status == ("succeeded" if self.finished else run.status)
            assert run.status in ("succeeded", "crashed", "pending")
            nodes = sorted(store.nodes("r1"), key=lambda node: node.node_id)
            assert len(nodes) % NODES_PER_BATCH == 0
            assert [node.node_id for node in nodes] == [f"n{i:04d}" for i in range(len(nodes))]
            batches = len(nodes) // NODES_PER_BATCH
            assert batches > self.acknowledged
            told = [(e.type, e.node_id) for e in store.events("r1", limit=10_000) if e.node_id]
            assert told == [(kind, node.node_id) for node in nodes for kind in ("started", "succeeded")]
            assert len(store.lookup_cache(node.node_id for node in nodes)) == len(nodes)
            versions = store.datasets("numbers")
            assert [v.version for v in versions] == list(range(batches // 10, 0, -1))
            for node in nodes:
                assert node.outputs
                blobs.verify(node.outputs["output"])
        return batches


@pytest.fixture(scope="module")
def parent_of_workers() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def nursery(parent_of_workers: subprocess.Popen[str], tmp_path: Path) -> Nursery:
    return Nursery(parent_of_workers, tmp_path)


def test_killed_at_random_25_times(nursery: Nursery) -> None:
    nursery.batches = 120
    for _ in range(25):
        nursery.life(commits=random.randrange(4))
        if (nursery.home / "runs.db").exists():
            nursery.check()
    assert not nursery.finished  # or the kills came too late to mean anything
    nursery.life()
    assert nursery.check() == nursery.batches


@pytest.mark.parametrize(
    "point, call_number",
    [
        ("temporary written", 1),
        ("temporary written", 8),
        ("before rename", 1),
        ("before rename", 8),
        ("after rename", 1),
        ("after rename", 8),
        ("before begin", 1),  # of the transaction that creates the run
        ("before begin", 2),  # of the claim
        ("before begin", 7),
        ("after begin", 1),
        ("after begin", 2),
        ("after begin", 7),
        ("before publish", 1),
        ("before publish", 2),
        ("after publish", 1),
        ("after publish", 2),
        ("before events", 1),
        ("before events", 10),
        ("before commit", 1),
        ("before commit", 10),
        ("after commit", 1),
        ("after commit", 10),
        ("before finish", 1),
        ("ending", 1),
        ("after finish", 1),
    ],
)
def test_killed_at_a_named_point(nursery: Nursery, point: str, call_number: int) -> None:
    nursery.life(point=point, call_number=call_number)
    assert not nursery.finished  # it died as planned
    if call_number > 1 or "begin" not in point:
        nursery.check()
    if point != "after finish":
        nursery.life()
        assert nursery.finished
    assert nursery.check() == nursery.batches


def test_killed_under_the_durability_for_power_cuts(nursery: Nursery) -> None:
    for _ in range(3):
        nursery.life("power", commits=2)
        nursery.check()
    nursery.life("process")
    assert nursery.check() == nursery.batches


def test_what_the_dead_left_half_written_is_swept(nursery: Nursery, age: Callable[[Path, float], None]) -> None:
    nursery.life(point="before rename", call_number=5)
    (left,) = (nursery.home / "artifacts" / "tmp").iterdir()
    age(left, 7200)
    with RunStore(nursery.home / "runs.db") as store:
        assert ArtifactStore(nursery.home / "artifacts").gc(store.live_blobs()).temporary == 1
    nursery.life()
    assert nursery.check() == nursery.batches
