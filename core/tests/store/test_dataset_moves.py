"""The pointer of a dataset: moved by compare-and-swap, its history kept, set back; and what gates refused, kept for a while."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import ArtifactNotFound, PublishConflict, UsageError
from dovetail.spec import Artifact
from dovetail.store import Batch, CacheEntry, NewRun, NodeUpdate, Owner, Publication, RunStore, Staged

Make = Callable[..., Artifact]
DAY = 86_400.0

# -- versions and moves -------------------------------------------------------------------------------


@pytest.fixture
def put(store: RunStore, owner: Owner, running: str, artifact: Make) -> Callable[..., None]:
    def publish(value: str, expected: int | None = None, node_id: str = "n", **more: Any) -> None:
        item = Publication("flights/clean", node_id, "result", artifact(value), expected=expected, **more)
        store.commit(Batch(running, owner.id, publications=(item,)))

    return publish


def told(store: RunStore) -> list[tuple[str, int, int | None]]:
    return [(move.kind, move.version, move.previous) for move in store.dataset_moves("flights/clean")]


def test_a_number_is_never_given_twice(store: RunStore, put: Callable[..., None]) -> None:
    put("a", gates=(("audit", "good"),))
    put("b")
    back = store.roll_back("flights/clean", None, "b is wrong", "ann@host")
    assert (back.version, back.current) == (1, True)
    put("c")
    assert [(v.version, v.previous, v.current) for v in store.datasets("flights/clean")] == [
        (3, 1, True),
        (2, 1, False),
        (1, None, False),
    ]
    assert told(store) == [("published", 3, 1), ("rolled_back", 1, 2), ("published", 2, 1), ("published", 1, None)]
    set_back, first = store.dataset_moves("flights/clean")[1], store.dataset("flights/clean", 1)
    assert (set_back.reason, set_back.who) == ("b is wrong", "ann@host")
    assert first.gates == (("audit", "good"),)
    assert store.events("r1")[-1].type == "dataset.rolled_back"


def test_setting_back_needs_a_reason_and_somewhere_to_go(store: RunStore, put: Callable[..., None]) -> None:
    put("a")
    for version, reason, message in (
        (None, "x", "no version before 1"),
        (1, "x", "is the current one already"),
        (7, "x", "no version 7"),
        (None, " ", "not said why"),
    ):
        with pytest.raises(UsageError, match=message):
            store.roll_back("flights/clean", version, reason, "ann")
    with pytest.raises(UsageError, match="did you mean flights/clean"):
        store.roll_back("flights/cleen", None, "x", "ann")
    assert told(store) == [("published", 1, None)]


def test_a_lost_race_names_both_sides_and_writes_nothing(
    store: RunStore, put: Callable[..., None], owner: Owner, artifact: Make
) -> None:
    put("a")
    store.create_run(NewRun("r2", "other"))
    store.claim("r2", owner, 15)
    item = Publication("flights/clean", "n2", "result", artifact("b"), expected=0, own=True)
    with pytest.raises(PublishConflict, match="version 1 is current, and there was none") as caught:
        store.commit(Batch("r2", owner.id, nodes=(NodeUpdate("n2", "t", "succeeded"),), publications=(item,)))
    assert "run r1 has published it" in (caught.value.why or "")
    assert caught.value.details == {"name": "flights/clean", "node_id": "n2", "expected": 0, "current": 1}
    assert store.nodes("r2") == [] and told(store) == [("published", 1, None)]


def test_own_versions_are_no_conflict_where_that_is_said(store: RunStore, put: Callable[..., None]) -> None:
    put("a", 0)
    put("b", 0, own=True)
    with pytest.raises(PublishConflict):
        put("c", 0)
    assert store.current_versions(["flights/clean", "none"]) == {"flights/clean": 2, "none": 0}


RACER = """
import json, os, sys
from dovetail.errors import PublishConflict
from dovetail.spec import Artifact
from dovetail.store import Batch, NewRun, Publication, RunStore, current_owner
url, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, owner = RunStore(url), current_owner()
store.create_run(NewRun(name, "race"))
store.claim(name, owner, 600)
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
lost = 0
for number in range(times):
    text = json.dumps(f"{name}-{number}")
    artifact = Artifact(f"{name}{number:04d}".ljust(64, "0"), "str", "json", f"{name}-{number}", inline=text)
    while True:
        expected = store.current_versions(["shared"])["shared"]
        try:
            item = Publication("shared", f"n{number}", "result", artifact, expected=expected)
            store.commit(Batch(name, owner.id, publications=(item,)))
            break
        except PublishConflict:
            lost += 1
print(lost)
"""


def test_two_processes_that_publish_at_once_lose_no_version(
    store: RunStore, child: Callable[..., subprocess.Popen[str]]
) -> None:
    url = os.environ.get("DOVETAIL_TEST_RUN_STORE") or str(store._db.path)
    store.open()
    racers = [child(RACER, url, name, 100) for name in ("a", "b")]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    lost = [int(racer.communicate(timeout=120)[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    versions = store.datasets("shared")[::-1]
    assert [version.version for version in versions] == list(range(1, 201))
    assert [version.previous or 0 for version in versions] == list(range(200))
    for name in ("a", "b"):  # each in its own order, none twice, none lost
        mine = [version.node_id for version in versions if version.run_id == name]
        assert mine == [f"n{number}" for number in range(100)]
    assert sum(lost) >= 0 and store.dataset("shared").version == 200


# -- what gates refused -------------------------------------------------------------------------------


@pytest.fixture
def refused(store: RunStore, owner: Owner, running: str, artifact: Make) -> Staged:
    value = artifact("refused")
    staged = Staged("audit", "good", value.id, "flights/clean")
    store.commit(Batch(running, owner.id, artifacts=(value,), staged=(staged,)))
    (found,) = store.staged(running)
    return found


def test_a_refused_value_is_published_by_force_with_who_and_why(
    store: RunStore, refused: Staged, artifact: Make
) -> None:
    value = artifact("refused")
    more: dict[str, Any] = {"expected": 0, "who": "ann@host", "forced": True}
    with pytest.raises(UsageError, match="not said why"):
        store.publish_staged(refused, "flights/clean", value, reason="", **more)
    made = store.publish_staged(refused, "flights/clean", value, reason="known to be fine", **more)
    assert (made.version, made.forced, made.who, made.reason) == (1, True, "ann@host", "known to be fine")
    assert made.gates == (("audit", "good"),) and (made.run_id, made.node_id) == ("r1", "audit")
    assert told(store) == [("forced", 1, None)]
    with pytest.raises(UsageError, match="already"):
        store.publish_staged(refused, "flights/clean", value, reason="again", **more)


def test_it_is_forgotten_when_it_is_old_enough(store: RunStore, refused: Staged, clock: Any) -> None:
    clock.now += 13 * DAY
    assert store.forget_staged(14 * DAY) == 0 and store.artifact(refused.artifact)
    clock.now += 2 * DAY
    assert store.forget_staged(14 * DAY) == 1
    with pytest.raises(ArtifactNotFound):
        store.artifact(refused.artifact)
    (left,) = store.staged()
    assert left.forgotten == clock.now and left.dataset == "flights/clean"
    assert store.forget_staged(14 * DAY) == 0
    assert store.events("r1")[-1].type == "staged.forgotten"


@pytest.mark.parametrize("holder", ["output", "cache", "dataset", "other gate", "quarantine"])
def test_it_stays_while_something_else_holds_it(
    store: RunStore, refused: Staged, clock: Any, owner: Owner, artifact: Make, holder: str
) -> None:
    value = artifact("refused")
    held: dict[str, Any] = {
        "output": {"nodes": (NodeUpdate("n", "t", "succeeded", outputs={"result": value}),)},
        "cache": {"cache": (CacheEntry("key", {"result": value}),)},
        "dataset": {"publications": (Publication("d", "n", "result", value),)},
        "other gate": {"staged": (Staged("n", "late", value.id, "d", created=clock.now + 14 * DAY),)},
        "quarantine": {},
    }[holder]
    if holder == "quarantine":
        from dovetail.store import ReportRecord

        record = {"decision": "block", "quarantine": value.to_dict()}
        held = {"reports": (ReportRecord("n", "late", record),)}
    store.commit(Batch("r1", owner.id, **held))
    clock.now += 15 * DAY
    assert store.forget_staged(14 * DAY) == 1
    assert store.artifact(value.id) == value


# -- stores of the version before ---------------------------------------------------------------------


@pytest.mark.skipif("DOVETAIL_TEST_RUN_STORE" in os.environ, reason="makes an old SQLite file")
def test_a_store_of_version_one_gets_its_history(
    store: RunStore, put: Callable[..., None], owner: Owner, artifact: Make, tmp_path: Path
) -> None:
    put("a")
    put("b")
    value = artifact("refused")
    report = {"gate": "good", "dataset": {"name": "flights/clean"}}
    error = {"type": "GateBlocked", "details": {"staged": value.id, "report": report}}
    node = NodeUpdate("audit", "good", "failed", ended=7.0, error=error)
    store.commit(Batch("r1", owner.id, nodes=(node,), artifacts=(value,)))
    store.close()
    assert store._db.path is not None
    with sqlite3.connect(store._db.path) as old:
        old.executescript("DROP TABLE dataset_move; DROP TABLE staged; UPDATE dovetail_schema SET version = 1")
    old.close()
    with RunStore(store._db.path) as again:
        assert told(again) == [("published", 2, 1), ("published", 1, None)]
        (staged,) = again.staged()
        assert (staged.artifact, staged.gate, staged.dataset, staged.created) == (value.id, "good", "flights/clean", 7)
        assert json.dumps(again.dataset("flights/clean").to_dict())
