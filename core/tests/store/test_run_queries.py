"""Finding runs, nodes, artifacts and datasets, and what is said when they are not there."""

from __future__ import annotations

import pytest
from dovetail.errors import ArtifactNotFound, UsageError
from dovetail.spec import Artifact
from dovetail.store import ArtifactStore, Batch, NewRun, NodeUpdate, Owner, Publication, ReportRecord, RunStore


@pytest.fixture
def three(store: RunStore, clock) -> RunStore:
    for number, run_id in enumerate(("alpha-1", "alpha-2", "beta-1")):
        clock.now += 1
        store.create_run(NewRun(run_id, f"wf{number % 2}"))
    return store


def test_latest_is_the_newest(three: RunStore) -> None:
    assert three.get_run("latest").run_id == "beta-1"


def test_a_prefix_is_enough_if_only_one_has_it(three: RunStore) -> None:
    assert three.get_run("b").run_id == "beta-1"
    with pytest.raises(UsageError, match="beginning of several ids") as caught:
        three.get_run("alpha")
    assert "alpha-1" in (caught.value.why or "") and "alpha-2" in (caught.value.why or "")


@pytest.mark.parametrize("text", ["%", "_", "ALPHA-1", "", "x' or '1'='1", "*", "\0"])
def test_nothing_in_an_id_is_a_wildcard(three: RunStore, text: str) -> None:
    with pytest.raises(UsageError, match="there is no run"):
        three.get_run(text)


def test_a_misspelt_run_gets_the_nearest(three: RunStore) -> None:
    with pytest.raises(UsageError) as caught:
        three.get_run("alhpa-2")
    assert caught.value.fix == "did you mean alpha-2?"


def test_the_latest_of_none(store: RunStore) -> None:
    with pytest.raises(UsageError, match="no runs yet"):
        store.get_run("latest")


def test_lists_are_newest_first_and_filtered(three: RunStore, owner: Owner) -> None:
    three.claim("alpha-1", owner, 15)
    assert [run.run_id for run in three.list_runs()] == ["beta-1", "alpha-2", "alpha-1"]
    assert [run.run_id for run in three.list_runs(limit=1)] == ["beta-1"]
    assert [run.run_id for run in three.list_runs(workflow="wf0")] == ["beta-1", "alpha-1"]
    assert [run.run_id for run in three.list_runs(status="running")] == ["alpha-1"]
    assert [run.run_id for run in three.list_runs(status="pending", limit=1)] == ["beta-1"]
    with pytest.raises(UsageError, match="no status") as caught:
        three.list_runs(status="suceeded")
    assert "succeeded" in (caught.value.fix or "")


def test_a_misspelt_node_gets_the_nearest(store: RunStore, running: str, owner: Owner) -> None:
    store.commit(Batch(running, owner.id, nodes=(NodeUpdate("clean", "clean", "succeeded"),)))
    with pytest.raises(UsageError, match="has no node") as caught:
        store.node(running, "claen")
    assert caught.value.fix == "did you mean clean?"


def test_nodes_come_in_the_order_they_started(store: RunStore, running: str, owner: Owner) -> None:
    nodes = tuple(NodeUpdate(f"n{i}", "t", "succeeded", started=100.0 - i) for i in range(1200))
    store.commit(Batch(running, owner.id, nodes=nodes))
    assert [node.node_id for node in store.nodes(running)] == [f"n{i}" for i in reversed(range(1200))]


def test_many_outputs_are_found(store: RunStore, running: str, owner: Owner, artifact) -> None:
    nodes = tuple(NodeUpdate(f"n{i}", "t", "succeeded", outputs={"o": artifact(i)}) for i in range(1200))
    store.commit(Batch(running, owner.id, nodes=nodes))
    assert {node.node_id: node.outputs for node in store.nodes(running)} == {n.node_id: n.outputs for n in nodes}


def test_an_artifact_by_its_prefix(store: RunStore, running: str, owner: Owner, artifact) -> None:
    one = artifact(1)
    store.commit(Batch(running, owner.id, artifacts=(one,)))
    assert store.artifact(one.id[:8]) == one
    with pytest.raises(ArtifactNotFound, match="no artifact"):
        store.artifact("zz")
    with pytest.raises(ArtifactNotFound, match="no artifact"):
        store.artifact("")


def test_a_misspelt_dataset_gets_the_nearest(store: RunStore, running: str, owner: Owner, artifact) -> None:
    store.commit(Batch(running, owner.id, publications=(Publication("flights", "n", "o", artifact(1)),)))
    with pytest.raises(UsageError) as caught:
        store.dataset("flihgts")
    assert caught.value.fix == "did you mean flights?"
    with pytest.raises(UsageError, match="no version 7") as caught:
        store.dataset("flights", 7)
    assert "1 to 1" in (caught.value.fix or "")


def test_live_blobs_are_what_gc_must_keep(
    store: RunStore, running: str, owner: Owner, artifact, artifacts: ArtifactStore
) -> None:
    kept, child, bad, lost = (artifact(name, artifacts) for name in ("kept", "child", "bad", "lost"))
    report = ReportRecord("n", "gate", {"decision": "publish_clean_quarantine_rest", "quarantine": bad.to_dict()})
    store.commit(Batch(running, owner.id, reports=(report,)))
    tree = Artifact(
        "f" * 64, "list", "tree", "h", children=(Artifact("e" * 64, "list", "tree", "h", children=(child,)),)
    )
    store.commit(Batch(running, owner.id, nodes=(NodeUpdate("n", "t", "succeeded", outputs={"a": kept, "b": tree}),)))
    assert store.live_blobs() == {kept.blobs[0].digest, child.blobs[0].digest, bad.blobs[0].digest}
    assert artifacts.gc(store.live_blobs(), older_than=-5).files == 1
    assert artifacts.has(kept) and artifacts.has(tree) and artifacts.has(bad) and not artifacts.has(lost)
