"""Published datasets while processes are killed and others read: what is published is whole, audited, and there once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.hub import Hub

# -- killed in between --------------------------------------------------------------------------------

DRILL = """
import os, signal, sys
from pathlib import Path
import dovetail as dt
import pyarrow as pa
from dovetail.quality import checks
from dovetail.store import _moves, _writes
from dovetail.store._runs import RunStore

point = sys.argv[1]

@dt.task
def make() -> pa.Table:
    with Path("calls").open("a") as calls:
        calls.write("made ")
    return pa.table({"x": [1, 2, 3]})

def audit(table: pa.Table) -> bool:
    with Path("calls").open("a") as calls:
        calls.write("audited ")
    return True

good = dt.Gate([checks.custom(audit, "x", row_scoped=False), checks.not_null("x")], name="good")

@dt.workflow
def produce() -> pa.Table:
    return dt.publish(make(), "d", gate=good)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def around(place, name, before):
    original = getattr(place, name)
    def patched(*args, **kwargs):
        if before:
            die()
        result = original(*args, **kwargs)
        die()
        return result
    setattr(place, name, patched)

def heard(event):
    if point == "audited" and event.type == "gate.evaluated":
        die()

if point == "in the transaction":
    around(_writes, "publish", before=False)
elif point == "pointer not yet moved":
    around(_moves, "move", before=True)
elif point == "published":
    commit = RunStore.commit
    def committed(self, batch):
        commit(self, batch)
        if batch.publications:
            die()
    RunStore.commit = committed

if point == "resume":
    dt.resume("r", produce)
    hub = dt.default_hub()
    print([(v.version, v.artifact.meta["rows"], v.gates) for v in hub.runs.datasets("d")], len(hub.runs.dataset_moves("d")))
    print(Path("calls").read_text(), hub.runs.get_run("r").status)
else:
    dt.default_hub().run(produce, run_id="r", observers=[heard])
"""


@pytest.mark.parametrize("point", ["audited", "in the transaction", "pointer not yet moved", "published"])
def test_a_run_that_is_killed_after_the_audit_resumes_at_publish(
    python: Callable[..., subprocess.CompletedProcess[str]], point: str
) -> None:
    killed = python(DRILL, point)
    assert killed.returncode == -9, killed.stderr
    resumed = python(DRILL, "resume")
    assert resumed.stdout.splitlines() == [
        "[(1, 3, (('good', 'good'),))] 1",
        "made audited  succeeded",
    ], resumed.stderr


# -- nobody sees what was not audited -----------------------------------------------------------------

PRODUCER = """
import sys
import dovetail as dt
import pyarrow as pa
from dovetail.errors import GateBlocked
from dovetail.quality import checks

good = dt.Gate([checks.not_null("x")], name="good")

@dt.task
def make(n: int) -> pa.Table:
    return pa.table({"x": [None if n % 3 == 0 else n, n]})

@dt.workflow
def produce(n: int) -> pa.Table:
    return dt.publish(make(n), "d", gate=good, on_conflict="retry")

for n in range(1, 25):
    try:
        dt.run(produce, n=n)
    except GateBlocked:
        pass
"""


def test_no_reader_ever_sees_what_was_not_audited(hub: Hub, tmp_path: Path) -> None:
    @dt.task
    def rows(table: pa.Table) -> list[int | None]:
        found: list[int | None] = table["x"].to_pylist()
        return found

    @dt.workflow
    def read() -> list[int | None]:
        return rows(dt.dataset("d"))

    file = tmp_path / "producer.py"
    file.write_text(PRODUCER)
    hub.runs.open()
    env = {**os.environ, "DOVETAIL_HOME": str(tmp_path / "store")}
    producers = [subprocess.Popen([sys.executable, str(file)], env=env, cwd=tmp_path) for _ in range(2)]
    seen = []
    while any(producer.poll() is None for producer in producers):
        if hub.runs.current_versions(["d"])["d"]:
            seen.append(hub.run(read).value)
    assert [producer.returncode for producer in producers] == [0, 0]
    assert seen and all(None not in values and values[0] % 3 for values in seen)
    found = hub.runs.datasets("d")[::-1]
    assert [version.version for version in found] == list(range(1, 33))
    for version in found:
        reports = {(each.node_id, each.gate): each.report["decision"] for each in hub.runs.reports(version.run_id)}
        assert [reports[audit] for audit in version.gates] == ["publish"]
