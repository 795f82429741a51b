"""What gates leave behind in the run store, and how it is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dovetail.errors import UsageError
from dovetail.spec import Artifact
from dovetail.store import ArtifactStore, Batch, NodeUpdate, Owner, Publication, ReportRecord, RunStore


def record(node: str, aside: Artifact | None, decision: str = "publish_clean_quarantine_rest", **facts: Any) -> Any:
    report = {"decision": decision, "quarantine": None if aside is None else aside.to_dict(), **facts}
    return ReportRecord(node, "g", report)


@pytest.fixture
def commit(store: RunStore, running: str, owner: Owner) -> Callable[..., None]:
    return lambda **parts: store.commit(Batch(running, owner.id, **parts))


@pytest.fixture
def aside(artifact: Any, tmp_path: Any) -> Artifact:
    return artifact("rows", ArtifactStore(tmp_path / "artifacts"))


def test_rows_that_were_set_aside_are_found(store: RunStore, commit: Any, aside: Artifact, running: str) -> None:
    commit(reports=(record("a", aside, dataset={"name": "orders"}), record("b", None), record("c", aside, "publish")))
    (found,) = store.quarantined()
    assert (found.run_id, found.node_id, found.dataset, found.artifact) == (running, "a", "orders", aside)
    assert store.quarantined(running, "orders") == [found]
    assert store.quarantined("other") == store.quarantined(dataset="other") == []


def test_forgetting_keeps_the_record_and_frees_the_files(store: RunStore, commit: Any, aside: Artifact) -> None:
    commit(reports=(record("a", aside), record("b", aside)))  # as when an output is used again
    assert {blob.digest for blob in aside.blobs} <= store.live_blobs()
    assert store.forget_quarantined(aside.id)
    assert store.live_blobs() == set()
    for entry in store.quarantined():
        assert (entry.artifact_id, entry.artifact) == (aside.id, None)
        assert entry.purged and entry.bytes == sum(blob.size for blob in aside.blobs)
    assert [event.type for event in store.events()].count("quarantine.purged") == 2


@pytest.mark.parametrize("how", ["output", "dataset"])
def test_what_is_something_else_as_well_stays(store: RunStore, commit: Any, aside: Artifact, how: str) -> None:
    commit(
        reports=(record("a", aside),),
        nodes=(NodeUpdate("n", "t", "succeeded", outputs={"o": aside}),) if how == "output" else (),
        publications=(Publication("d", "n", "o", aside),) if how == "dataset" else (),
    )
    assert not store.forget_quarantined(aside.id)
    assert {blob.digest for blob in aside.blobs} <= store.live_blobs()
    assert store.artifact(aside.id) == aside


def test_what_nobody_set_aside_is_not_touched(store: RunStore, commit: Any, aside: Artifact, artifact: Any) -> None:
    commit(reports=(record("a", aside),))
    assert store.forget_quarantined(artifact("other").id)
    assert store.quarantined()[0].artifact == aside


def test_results_of_checks_by_gate_dataset_and_check(store: RunStore, commit: Any, running: str) -> None:
    checks = [{"check_id": "x.not_null", "status": "pass", "n_evaluated": 4, "n_failed": 1}, {"check_id": "rows"}]
    commit(reports=(record("a", None, "publish", dataset={"name": "orders"}, checks=checks), record("b", None)))
    assert [result.check_id for result in store.check_results("orders")] == ["rows", "x.not_null"]
    (one,) = store.check_results("g", "x.not_null")
    assert (one.run_id, one.dataset, one.value, one.n_failed) == (running, "orders", 0.25, 1)
    assert store.check_results("other") == store.check_results(check_id="other") == []
    assert len(store.check_results(limit=1)) == 1
    assert store.checked_names() == ["g", "orders"]


def test_a_publication_may_expect_a_version(store: RunStore, commit: Any, artifact: Any) -> None:
    commit(publications=(Publication("d", "n", "o", artifact(1)), Publication("d", "n", "o", artifact(2))))
    for expected in (1, 3):
        with pytest.raises(UsageError, match="version 2 is current"):
            commit(publications=(Publication("d", "n", "o", artifact(3), expected=expected),))
    assert store.dataset("d").version == 2
    third = Publication("d", "n", "o", artifact(3), expected=2)
    commit(publications=(third,))
    commit(publications=(third,))  # a repeated commit
    assert (store.dataset("d").version, store.dataset("d").artifact) == (3, artifact(3))
