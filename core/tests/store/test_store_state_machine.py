"""Random sequences of calls to the run store against a model that is a few dicts: both must always tell the same."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from dovetail.errors import RunInterrupted, StoreLocked, UsageError
from dovetail.spec import Artifact
from dovetail.store import (
    Batch,
    CacheEntry,
    EventRecord,
    NewRun,
    NodeUpdate,
    Publication,
    ReportRecord,
    RunStore,
    current_owner,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

LEASE = 15.0
RUNS = st.sampled_from(["r1", "r1", "r2"])
OWNERS = st.sampled_from(["ann", "bob"])
WRITERS = st.sampled_from(["whoever owned it last"] * 3 + ["ann", "bob"])
NODES = st.sampled_from(["a", "c[0]"])
VALUES = st.integers(0, 1)
DATASETS = st.sampled_from(["flights", "flights", "planes"])
ENDS = st.sampled_from(["succeeded", "succeeded_with_warnings", "failed", "blocked", "cancelled", "interrupted"])


def artifact(value: int) -> Artifact:
    digest = hashlib.sha256(str(value).encode()).hexdigest()
    return Artifact(digest, "int", "json", digest, inline=str(value))


@dataclass
class ModelRun:
    status: str = "pending"
    owner: str | None = None
    expires: float = 0.0
    claims: int = 0
    cancel: bool = False
    outputs: dict[str, int] = field(default_factory=dict)
    nodes: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)

    def seen(self, now: float) -> str:
        return "crashed" if self.status == "running" and self.expires <= now else self.status


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.now = 1000.0
        self.store = self.open()
        self.process = current_owner()
        self.runs: dict[str, ModelRun] = {}
        self.cache: dict[str, int] = {}
        self.datasets: dict[str, list[tuple[str, str, int]]] = {}
        self.events: list[str] = []

    def open(self) -> RunStore:
        return RunStore(self.home / "runs.db", clock=lambda: self.now)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.home)

    def writer(self, run_id: str, name: str) -> str:
        run = self.runs.get(run_id)
        return name if name in ("ann", "bob") else (run.owner if run and run.owner else "ann")

    def owns(self, run_id: str, owner: str) -> bool:
        run = self.runs.get(run_id)
        return run is not None and run.status == "running" and run.owner == owner

    @initialize(owner=OWNERS)
    def one_run_is_driven_from_the_start(self, owner: str) -> None:
        self.create("r1")
        self.claim("r1", owner)

    @rule(run_id=RUNS)
    def create(self, run_id: str) -> None:
        try:
            self.store.create_run(NewRun(run_id, "daily", inputs={"n": artifact(9)}))
            assert run_id not in self.runs
            self.runs[run_id] = ModelRun()
        except UsageError:
            assert run_id in self.runs

    @rule(run_id=RUNS, owner=OWNERS)
    def claim(self, run_id: str, owner: str) -> None:
        run = self.runs.get(run_id)
        try:
            self.store.claim(run_id, replace(self.process, id=owner), LEASE)
        except StoreLocked:
            assert run is not None and run.seen(self.now) == "running"
        except UsageError:
            assert run is None or run.status in ("succeeded", "succeeded_with_warnings")
        else:
            assert run is not None
            assert run.seen(self.now) in ("pending", "crashed", "failed", "blocked", "cancelled", "interrupted")
            run.status, run.owner, run.expires, run.cancel = "running", owner, self.now + LEASE, False
            run.claims += 1

    @rule(run_id=RUNS, owner=WRITERS)
    def heartbeat(self, run_id: str, owner: str) -> None:
        owner = self.writer(run_id, owner)
        renewed = self.store.heartbeat(run_id, owner, LEASE)
        assert renewed == self.owns(run_id, owner)
        if renewed:
            self.runs[run_id].expires = self.now + LEASE

    @rule(seconds=st.sampled_from([1.0, 14.0, 15.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        run_id=RUNS,
        owner=WRITERS,
        nodes=st.dictionaries(NODES, st.tuples(st.sampled_from(["running", "succeeded", "failed"]), VALUES)),
        cached=st.dictionaries(st.sampled_from(["k1", "k2"]), VALUES),
        published=st.lists(st.tuples(DATASETS, NODES, VALUES), max_size=2),
        decision=st.sampled_from([None, "publish", "publish_with_warnings", "block"]),
        events=st.lists(st.sampled_from(["x", "y"]), max_size=3),
    )
    def commit(self, run_id, owner, nodes, cached, published, decision, events) -> None:
        owner = self.writer(run_id, owner)
        reports = () if decision is None else (ReportRecord("a", "gate", {"decision": decision}),)
        batch = Batch(
            run_id,
            owner,
            nodes=tuple(
                NodeUpdate(name, "t", status, outputs={"o": artifact(value)} if status == "succeeded" else None)
                for name, (status, value) in nodes.items()
            ),
            cache=tuple(CacheEntry(key, {"o": artifact(value)}) for key, value in cached.items()),
            publications=tuple(Publication(name, node, "o", artifact(value)) for name, node, value in published),
            reports=reports,
            events=tuple(EventRecord(kind) for kind in events),
        )
        try:
            self.store.commit(batch)
        except RunInterrupted:
            assert not self.owns(run_id, owner)
            return
        assert self.owns(run_id, owner)
        run = self.runs[run_id]
        run.nodes |= {
            name: (status, value if status == "succeeded" else None) for name, (status, value) in nodes.items()
        }
        self.cache |= cached
        for name, node, value in published:
            versions = self.datasets.setdefault(name, [])
            if (run_id, node, value) not in versions:
                versions.append((run_id, node, value))
        if decision is not None:
            run.decisions["a"] = decision
        run.events += events
        self.events += events

    @rule(run_id=RUNS, owner=WRITERS, status=ENDS, value=VALUES)
    def finish(self, run_id: str, owner: str, status: str, value: int) -> None:
        owner = self.writer(run_id, owner)
        try:
            self.store.finish(run_id, owner, status, outputs={"o": artifact(value)}, events=[EventRecord(status)])
        except RunInterrupted:
            assert not self.owns(run_id, owner)
            return
        assert self.owns(run_id, owner)
        run = self.runs[run_id]
        run.status, run.outputs = status, {"o": value}
        run.events.append(status)
        self.events.append(status)

    @rule(run_id=RUNS)
    def cancel(self, run_id: str) -> None:
        run = self.runs.get(run_id)
        if run is None:
            try:
                self.store.request_cancel(run_id)
            except UsageError:
                return
            raise AssertionError("cancelled a run that is not there")
        seen = run.seen(self.now)
        assert self.store.request_cancel(run_id) == (seen in ("running", "pending", "crashed", "interrupted"))
        if seen == "running":
            run.cancel = True
        elif seen in ("pending", "crashed", "interrupted"):
            run.status = "cancelled"

    @rule()
    def another_process_opens_it(self) -> None:
        self.store.close()
        self.store = self.open()

    @invariant()
    def the_store_tells_what_the_model_knows(self) -> None:
        found = {run.run_id: run for run in self.store.list_runs()}
        assert found.keys() == self.runs.keys()
        for run_id, run in self.runs.items():
            record = found[run_id]
            assert (record.status, record.claims) == (run.seen(self.now), run.claims)
            assert record.outputs == {name: artifact(value) for name, value in run.outputs.items()}
            assert (record.owner.id if record.owner else None) == run.owner
            assert record.cancel_requested == self.store.cancel_requested(run_id) == run.cancel
            assert record.warnings == sum(d == "publish_with_warnings" for d in run.decisions.values())
            assert sum(record.counts.values()) == len(run.nodes)
            nodes = {n.node_id: (n.status, n.outputs) for n in self.store.nodes(run_id)}
            assert nodes == {
                name: (status, None if value is None else {"o": artifact(value)})
                for name, (status, value) in run.nodes.items()
            }
            assert [event.type for event in self.store.events(run_id)] == run.events
        assert [event.type for event in self.store.events()] == self.events

    @invariant()
    def the_cache_and_the_datasets_are_those_of_the_model(self) -> None:
        cached = {key: {"o": artifact(value)} for key, value in self.cache.items()}
        assert self.store.lookup_cache(["k1", "k2", "k3"]) == cached
        assert [v.name for v in self.store.datasets()] == sorted(self.datasets)
        for name, versions in self.datasets.items():
            found = [(v.run_id, v.node_id, v.artifact) for v in reversed(self.store.datasets(name))]
            assert found == [(run_id, node, artifact(value)) for run_id, node, value in versions]
            assert self.store.dataset(name).version == len(versions)


StoreMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a failure takes minutes: do it by hand
)
TestStoreAgainstModel = StoreMachine.TestCase
