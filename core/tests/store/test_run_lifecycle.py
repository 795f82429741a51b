"""A run from creation to its end: who may drive it, what a commit writes, and how it stops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from dovetail.errors import RunInterrupted, StoreError, StoreLocked, UsageError
from dovetail.spec import Artifact
from dovetail.store import (
    Batch,
    CacheEntry,
    EventRecord,
    NewRun,
    NodeUpdate,
    Owner,
    Publication,
    ReportRecord,
    RunStore,
)

MakeArtifact = Callable[..., Artifact]


def test_a_new_run_is_pending_and_comes_back_as_it_was(store: RunStore, artifact: MakeArtifact, clock) -> None:
    new = NewRun("r1", "daily", {"file": "p.py"}, {"month": artifact(1)}, "abc", {"retries": 2})
    store.create_run(new)
    record = store.get_run("r1")
    assert record.status == "pending"
    assert (record.workflow, record.source, record.inputs) == ("daily", new.source, new.inputs)
    assert (record.graph_hash, record.options, record.created) == ("abc", {"retries": 2}, clock.now)
    assert (record.started, record.ended, record.owner, record.claims, record.counts) == (None, None, None, 0, {})
    json.dumps(record.to_dict(), allow_nan=False)


@pytest.mark.parametrize("run_id", ["", "latest", "../x", "a b", "-x", "a" * 101, "a\n", "é"])
def test_a_malformed_run_id_is_refused(store: RunStore, run_id: str) -> None:
    with pytest.raises(UsageError, match="is no run id"):
        store.create_run(NewRun(run_id, "daily"))
    assert store.list_runs() == []


def test_a_run_id_is_used_once(store: RunStore) -> None:
    store.create_run(NewRun("r1", "daily"))
    with pytest.raises(UsageError, match="already a run r1"):
        store.create_run(NewRun("r1", "other"))
    assert store.get_run("r1").workflow == "daily"


# -- who drives it ------------------------------------------------------------------------------------


def test_a_claim_makes_it_run(store: RunStore, owner: Owner, clock) -> None:
    store.create_run(NewRun("r1", "daily"))
    record = store.claim("r1", owner, 15)
    assert (record.status, record.owner, record.claims) == ("running", owner, 1)
    assert (record.started, record.lease_expires) == (clock.now, clock.now + 15)


def test_a_run_with_a_living_owner_is_refused_to_others(
    store: RunStore, running: str, owner: Owner, other_owner: Owner
) -> None:
    with pytest.raises(StoreLocked) as caught:
        store.claim(running, other_owner, 15)
    assert caught.value.details == {"pid": owner.pid, "host": owner.host}
    assert f"kill {owner.pid}" in (caught.value.fix or "") and "dovetail runs cancel r1" in (caught.value.fix or "")
    assert store.get_run(running).owner == owner


def test_an_owner_can_not_claim_its_run_twice(store: RunStore, running: str, owner: Owner) -> None:
    with pytest.raises(StoreLocked, match="this process"):
        store.claim(running, owner, 15)


def test_an_expired_lease_is_seen_as_a_crash_without_anybody_writing(store: RunStore, running: str, clock) -> None:
    clock.now += 14.9
    assert store.get_run(running).status == "running"
    clock.now += 0.1
    assert store.get_run(running).status == "crashed"
    assert [run.run_id for run in store.list_runs(status="crashed")] == ["r1"]
    assert store.list_runs(status="running") == []


def test_a_dead_owner_is_seen_at_once(store: RunStore, dead_owner: Owner) -> None:
    store.create_run(NewRun("r1", "daily"))
    assert store.claim("r1", dead_owner, 3600).status == "crashed"


@pytest.mark.parametrize("elsewhere", [{"host": "other-host"}, {"boot_id": "other-boot"}])
def test_of_a_process_elsewhere_only_the_lease_tells(store: RunStore, dead_owner: Owner, clock, elsewhere) -> None:
    store.create_run(NewRun("r1", "daily"))
    assert store.claim("r1", replace(dead_owner, **elsewhere), 15).status == "running"
    clock.now += 15
    assert store.get_run("r1").status == "crashed"


def test_a_reused_pid_is_not_taken_for_the_owner(store: RunStore, owner: Owner) -> None:
    if not owner.start:
        pytest.skip("this system does not tell when a process started")
    store.create_run(NewRun("r1", "daily"))
    assert store.claim("r1", replace(owner, id="earlier", start=owner.start - 1), 3600).status == "crashed"


def test_a_heartbeat_renews_the_lease(store: RunStore, running: str, owner: Owner, clock) -> None:
    clock.now += 10
    assert store.heartbeat(running, owner.id, 15)
    clock.now += 14
    assert store.get_run(running).status == "running"


def test_an_owner_that_slept_past_its_lease_goes_on_if_nobody_took_over(
    store: RunStore, running: str, owner, clock
) -> None:
    clock.now += 1000
    store.commit(Batch(running, owner.id, nodes=(NodeUpdate("a", "t", "succeeded"),)))
    assert store.heartbeat(running, owner.id, 15)
    assert store.get_run(running).status == "running"


def test_after_a_takeover_the_former_owner_can_write_nothing(
    store: RunStore, running: str, owner: Owner, other_owner: Owner, clock
) -> None:
    clock.now += 16
    assert store.claim(running, other_owner, 15).claims == 2
    assert not store.heartbeat(running, owner.id, 15)
    batch = Batch(running, owner.id, nodes=(NodeUpdate("a", "t", "succeeded"),), events=(EventRecord("x"),))
    with pytest.raises(RunInterrupted, match="no longer driven"):
        store.commit(batch)
    with pytest.raises(RunInterrupted):
        store.finish(running, owner.id, "succeeded")
    assert (store.nodes(running), store.events(running)) == ([], [])
    assert store.get_run(running).status == "running"


@pytest.mark.parametrize("status", ["failed", "blocked", "cancelled", "interrupted"])
def test_what_did_not_succeed_can_be_resumed(store: RunStore, running: str, owner: Owner, status: str, clock) -> None:
    started = store.get_run(running).started
    clock.now += 1
    store.finish(running, owner.id, status, error={"what": "boom"})
    ended = store.get_run(running)
    assert (ended.status, ended.error, ended.ended) == (status, {"what": "boom"}, clock.now)
    resumed = store.claim(running, owner, 15)
    assert (resumed.status, resumed.error, resumed.ended, resumed.started) == ("running", None, None, started)


@pytest.mark.parametrize("status", ["succeeded", "succeeded_with_warnings"])
def test_what_succeeded_is_not_run_again(store: RunStore, running: str, owner: Owner, status: str, artifact) -> None:
    store.finish(running, owner.id, status, outputs={"output": artifact("out")})
    assert store.get_run(running).outputs == {"output": artifact("out")}
    with pytest.raises(UsageError, match="can't be resumed"):
        store.claim(running, owner, 15)


@pytest.mark.parametrize("status", ["pending", "running", "crashed", "done"])
def test_a_run_ends_only_in_an_end(store: RunStore, running: str, owner: Owner, status: str) -> None:
    with pytest.raises(StoreError, match="can't end as"):
        store.finish(running, owner.id, status)


def test_a_run_that_ended_accepts_nothing_more(store: RunStore, running: str, owner: Owner) -> None:
    store.finish(running, owner.id, "succeeded")
    with pytest.raises(RunInterrupted, match="no longer"):
        store.commit(Batch(running, owner.id))
    assert not store.heartbeat(running, owner.id, 15)


# -- what a commit writes -----------------------------------------------------------------------------


def full_batch(owner: Owner, artifact: MakeArtifact) -> Batch:
    outputs = {"output": artifact("clean")}
    report = {
        "decision": "publish_clean_quarantine_rest",
        "dataset": {"name": "flights"},
        "checks": [
            {"check_id": "delay.in_range", "status": "fail", "n_evaluated": 200, "n_failed": 3},
            {"check_id": "rows", "status": "pass", "observed": 197, "n_evaluated": 1, "n_failed": 0},
            {"check_id": "regex", "status": "error", "n_evaluated": 0, "n_failed": 0, "observed": math.nan},
        ],
    }
    return Batch(
        "r1",
        owner.id,
        nodes=(
            NodeUpdate(
                "clean", "clean", "succeeded", 2, 1.5, 2.5, outputs, "key1", True, None, {"job": 7}, {"rows": 3}
            ),
            NodeUpdate("late", "late", "failed", error={"kind": "data"}),
        ),
        cache=(CacheEntry("key1", outputs),),
        publications=(Publication("flights", "clean", "output", outputs["output"], "out/flights.parquet"),),
        reports=(ReportRecord("clean", "schema", report),),
        events=(
            EventRecord("node.succeeded", {"n": 1}, "clean", 2.5, "e1"),
            EventRecord("node.failed", node_id="late"),
        ),
        artifacts=(artifact("quarantined"),),
    )


def test_a_commit_comes_back_whole(store: RunStore, running: str, owner: Owner, artifact: MakeArtifact) -> None:
    batch = full_batch(owner, artifact)
    store.commit(batch)
    clean, late = store.node(running, "clean"), store.node(running, "late")
    for name in NodeUpdate.__dataclass_fields__:
        assert getattr(clean, name) == getattr(batch.nodes[0], name)
        assert getattr(late, name) == getattr(batch.nodes[1], name)
    assert store.lookup_cache(["key1", "unknown"]) == {"key1": {"output": artifact("clean")}}
    published = store.dataset("flights")
    assert (published.version, published.artifact, published.current) == (1, artifact("clean"), True)
    assert (published.run_id, published.node_id, published.path) == ("r1", "clean", "out/flights.parquet")
    assert store.artifact(artifact("quarantined").id) == artifact("quarantined")
    events = store.events(running)
    assert [(e.type, e.node_id, e.run_id) for e in events] == [
        ("node.succeeded", "clean", "r1"),
        ("node.failed", "late", "r1"),
    ]
    assert (events[0].id, events[0].time, events[0].data) == ("e1", 2.5, {"n": 1})
    assert events[1].id and events[0].seq < events[1].seq
    record = store.get_run(running)
    assert (record.counts, record.warnings) == ({"succeeded": 1, "failed": 1}, 1)
    for found in (record, clean, published, *events, *store.reports(running), batch):
        json.dumps(found.to_dict())


def test_a_commit_is_repeatable(store: RunStore, running: str, owner: Owner, artifact: MakeArtifact) -> None:
    batch = replace(full_batch(owner, artifact), events=())
    store.commit(batch)
    before = (store.nodes(running), store.datasets(), store.reports(running), store.check_history("rows"))
    store.commit(batch)
    assert (store.nodes(running), store.datasets(), store.reports(running), store.check_history("rows")) == before
    assert len(store.datasets("flights")) == 1


def test_checks_leave_a_history(store: RunStore, running: str, owner: Owner, artifact: MakeArtifact) -> None:
    store.commit(full_batch(owner, artifact))
    (failed,), (rows,), (broken,) = (store.check_history(c, "flights") for c in ("delay.in_range", "rows", "regex"))
    assert (failed.status, failed.n_evaluated, failed.n_failed, failed.value) == ("fail", 200, 3, 0.015)
    assert (rows.status, rows.value) == ("pass", 197)
    assert (broken.status, broken.value) == ("error", None)
    assert store.check_history("rows", "elsewhere") == []


def test_the_history_of_a_gate_without_a_dataset_is_kept_by_its_place(
    store: RunStore, running: str, owner: Owner
) -> None:
    report = {"decision": "publish", "checks": [{"check_id": "c", "status": "pass", "n_evaluated": 1}]}
    store.commit(Batch(running, owner.id, reports=(ReportRecord("clean", "gate", report),)))
    assert [result.dataset for result in store.check_history("c")] == ["daily/clean"]


@pytest.mark.parametrize("decision, warnings", [("publish", 0), ("block", 0), ("publish_with_warnings", 1)])
def test_a_gate_that_published_with_a_doubt_is_a_warning(
    store, running: str, owner: Owner, decision: str, warnings
) -> None:
    store.commit(Batch(running, owner.id, reports=(ReportRecord("n", "g", {"decision": decision}),)))
    assert store.get_run(running).warnings == warnings


def test_a_batch_that_can_not_be_written_leaves_nothing(
    store: RunStore, running: str, owner: Owner, artifact: MakeArtifact
) -> None:
    good = full_batch(owner, artifact)
    broken = replace(good, nodes=(*good.nodes, NodeUpdate("bad", "t", "succeeded", handle={"job": object()})))
    with pytest.raises(StoreError, match="job handle of bad"):
        store.commit(broken)
    with pytest.raises(StoreError, match="did you mean succeeded"):
        store.commit(replace(good, nodes=(*good.nodes, NodeUpdate("bad", "t", "suceeded"))))
    with pytest.raises(UsageError, match="no name for a dataset"):
        store.commit(replace(good, publications=(*good.publications, Publication("../x", "n", "o", artifact(1)))))
    assert (store.nodes(running), store.events(running), store.datasets()) == ([], [], [])
    store.commit(good)
    assert len(store.nodes(running)) == 2


def test_facts_that_json_can_not_hold_do_not_cost_a_result(store: RunStore, running: str, owner: Owner) -> None:
    loop: list[object] = []
    loop.append(loop)
    info = {"nan": math.nan, "inf": [math.inf], "object": object, 3: "key", "loop": loop, "text": "\ud800\x00é"}
    store.commit(Batch(running, owner.id, nodes=(NodeUpdate("n", "t", "succeeded", info=info),)))
    found = store.node(running, "n").info
    assert (found["nan"], found["inf"], found["3"], found["text"]) == ("nan", ["inf"], "key", "\ud800\x00é")
    assert "object" in found["object"]


def test_seq_grows_over_all_runs(store: RunStore, running: str, owner: Owner) -> None:
    store.create_run(NewRun("r2", "other"))
    store.claim("r2", owner, 15)
    for run_id in ("r1", "r2", "r1"):
        store.commit(Batch(run_id, owner.id, events=(EventRecord("a"), EventRecord("b"))))
    store.finish("r2", owner.id, "failed", events=[EventRecord("run.failed")])
    everything = store.events()
    assert [e.seq for e in everything] == sorted({e.seq for e in everything})
    assert [e.run_id for e in everything] == ["r1", "r1", "r2", "r2", "r1", "r1", "r2"]
    assert [e.type for e in store.events("r2", after_seq=everything[2].seq)] == ["b", "run.failed"]
    assert len(store.events(limit=3)) == 3


# -- publishing ---------------------------------------------------------------------------------------


def publish(store: RunStore, run_id: str, owner: Owner, artifact: Artifact, name: str = "flights") -> None:
    store.commit(Batch(run_id, owner.id, publications=(Publication(name, "n", "output", artifact),)))


def test_each_publication_is_the_next_version(store: RunStore, owner: Owner, artifact: MakeArtifact) -> None:
    for number in (1, 2, 3):
        store.create_run(NewRun(f"r{number}", "daily"))
        store.claim(f"r{number}", owner, 15)
        publish(store, f"r{number}", owner, artifact(number))
    assert [(v.version, v.current) for v in store.datasets("flights")] == [(3, True), (2, False), (1, False)]
    assert store.dataset("flights").artifact == artifact(3)
    assert store.dataset("flights", 1).artifact == artifact(1)
    assert [v.version for v in store.datasets()] == [3]


@pytest.mark.parametrize(
    "name", ["", "..", "a/../b", ".", "a\\..\\b", "x" * 201, " a", "a\u200bb", "a\x1b[31m", "a\nb"]
)
def test_a_dataset_name_keeps_the_grammar(store: RunStore, running: str, owner: Owner, artifact, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a dataset"):
        publish(store, running, owner, artifact(1), name)
    assert store.datasets() == []


def test_two_spellings_of_one_name_are_one_dataset(store: RunStore, running: str, owner: Owner, artifact) -> None:
    publish(store, running, owner, artifact(1), "caf\u00e9")
    publish(store, running, owner, artifact(2), "cafe\u0301")
    assert [v.version for v in store.datasets("caf\u00e9")] == [2, 1]


# -- stopping -----------------------------------------------------------------------------------------


def test_a_cancel_reaches_the_owner(store: RunStore, running: str) -> None:
    assert not store.cancel_requested(running)
    assert store.request_cancel(running)
    assert store.cancel_requested(running)
    assert store.get_run(running).status == "running"


def test_a_resumed_run_is_not_cancelled_again(store: RunStore, running: str, owner: Owner) -> None:
    store.request_cancel(running)
    store.finish(running, owner.id, "cancelled")
    store.claim(running, owner, 15)
    assert not store.cancel_requested(running)


def test_a_run_that_nobody_drives_is_cancelled_at_once(store: RunStore, running: str, clock) -> None:
    store.create_run(NewRun("r2", "daily"))
    clock.now += 100
    for run_id in ("r1", "r2"):
        assert store.request_cancel(run_id)
        assert store.get_run(run_id).status == "cancelled"


def test_there_is_nothing_to_cancel_after_the_end(store: RunStore, running: str, owner: Owner) -> None:
    store.finish(running, owner.id, "succeeded")
    assert not store.request_cancel(running)
    assert store.get_run(running).status == "succeeded"
