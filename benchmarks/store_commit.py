"""What a commit to the run store costs on SQLite: CPU and wall microseconds.

Run it as ``python benchmarks/store_commit.py [--durability process|power]``. Targets for ``process``: 120 us CPU for a commit
of one node (one inline artifact, one cache entry, two events), 25 us CPU per node in a commit of 500.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

from dovetail.spec import Artifact
from dovetail.store import Batch, CacheEntry, EventRecord, NewRun, NodeUpdate, RunStore, current_owner


def inline_artifact(value: int) -> Artifact:
    text = f'{{"value":{value},"note":"a small result"}}'
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Artifact(digest, "json", "json", digest, inline=text, meta={"bytes": len(text)})


def node_parts(index: int) -> tuple[NodeUpdate, CacheEntry, tuple[EventRecord, EventRecord]]:
    outputs = {"output": inline_artifact(index)}
    key = hashlib.sha256(f"key{index}".encode()).hexdigest()
    info = {"duration_ms": 0.04, "worker": "thread-1"}
    node = NodeUpdate(f"step[{index}]", "step", "succeeded", 1, 1.0, 2.0, outputs, key, info=info)
    events = tuple(
        EventRecord(kind, {"task": "step", "attempt": 1}, node.node_id, 1.0, f"{index}-{kind}")
        for kind in ("node.started", "node.succeeded")
    )
    return node, CacheEntry(key, outputs), (events[0], events[1])


def batch_of(run_id: str, owner_id: str, indices: range) -> Batch:
    parts = [node_parts(index) for index in indices]
    return Batch(
        run_id,
        owner_id,
        nodes=tuple(node for node, _, _ in parts),
        cache=tuple(entry for _, entry, _ in parts),
        events=tuple(event for _, _, events in parts for event in events),
    )


def measure(store: RunStore, run_id: str, batch_size: int, commits: int) -> tuple[float, float]:
    owner = current_owner()
    store.create_run(NewRun(run_id, "benchmark"))
    store.claim(run_id, owner, 3600)
    offset = hash(run_id) % 1000 * 10_000_000
    batches = [
        batch_of(run_id, owner.id, range(offset + i * batch_size, offset + (i + 1) * batch_size))
        for i in range(commits)
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        store.commit(batch)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    nodes = batch_size * commits
    return cpu / nodes * 1e6, wall / nodes * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durability", choices=("process", "power"), default="process")
    parser.add_argument("--nodes", type=int, default=5_000, help="nodes per measurement")
    arguments = parser.parse_args()
    print(f"durability {arguments.durability}: microseconds per node (CPU, wall)")
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder) / "runs.db", durability=arguments.durability)
        for size in (1, 10, 100, 500):
            commits = max(arguments.nodes // size, 4)
            cpu, wall = measure(store, f"batch-of-{size}", size, commits)
            print(f"  {size:4d} nodes per commit: {cpu:7.1f} {wall:7.1f}")
        store.close()


if __name__ == "__main__":
    main()
