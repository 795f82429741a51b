"""What a node costs when its task does nothing: in process, and durably.

    python benchmarks/node_overhead.py [--quick] [--json] [--check]

Two shapes: a chain, in which every node waits for the one before it, and a fan-out, in which all nodes are ready at once.
Each is run at n and at 10 n nodes: the cost per node must not grow with n. The figures that count are CPU time of this process,
all its threads and all its ended children, best of several runs, so that a busy machine disturbs them little. Wall time, the
first run, and tracing, which happens once per workflow, are shown beside them.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import dovetail as dt
from _report import options_parser, report

IN_PROCESS_US = 60.0
DURABLE_US = 250.0
GROWTH = 2.0  # per-node cost at 10 n over the one at n; 10 would be quadratic


@dt.task
def step(value: int) -> int:
    """As little as a task can do."""
    return value + 1


def chain_of(nodes: int) -> Any:
    """A workflow of that many nodes, one after the other."""

    @dt.workflow
    def chain(start: int = 0) -> int:
        value = start
        for _ in range(nodes):
            value = step(value)
        return value

    return chain


def fan_out() -> Any:
    """A workflow that maps one task over a list; how long the list is, its caller says."""

    @dt.workflow
    def fan(parts: list[int]) -> list[int]:
        return dt.map(step, parts)

    return fan


@dataclass(frozen=True)
class Figure:
    """One shape, one way to run it, one size. All but ``nodes`` in microseconds per node."""

    shape: str
    mode: str
    nodes: int
    cpu: float
    wall: float
    first_cpu: float  # the first run fills caches
    tracing_cpu: float  # once per workflow, when it is defined


def cpu() -> float:
    """CPU seconds of this process, all its threads and its ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What a call returns, its CPU seconds and its wall seconds."""
    gc.collect()
    cpu_before, wall_before = cpu(), time.perf_counter()
    result = call()
    return result, cpu() - cpu_before, time.perf_counter() - wall_before


def measure(shape: str, mode: str, nodes: int, repeats: int) -> Figure:
    """Run one case. The result is compared, so that what is timed has really been done."""
    workflow, tracing, _ = timed(lambda: chain_of(nodes) if shape == "chain" else fan_out())
    inputs: dict[str, Any] = {"start": 0} if shape == "chain" else {"parts": list(range(nodes))}
    expected: Any = nodes if shape == "chain" else list(range(1, nodes + 1))
    costs = []
    for _ in range(repeats + 1):
        if mode == "in process":
            result, used, passed = timed(lambda: workflow(**inputs))
        else:
            run, used, passed = timed(lambda: dt.run(workflow, **inputs))
            result = run.value
        assert result == expected, f"wrong result of {mode} {shape}"
        costs.append((used / nodes * 1e6, passed / nodes * 1e6))
    best_cpu, best_wall = (round(min(column), 1) for column in zip(*costs[1:], strict=True))
    return Figure(shape, mode, nodes, best_cpu, best_wall, round(costs[0][0], 1), round(tracing / nodes * 1e6, 1))


def run_all(sizes: dict[str, int], repeats: int) -> list[Figure]:
    """Every shape and mode at n and 10 n, in a store of its own that is thrown away."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DOVETAIL_HOME"] = os.path.join(folder, "home")
        for mode in ("in process", "durable"):
            for shape, largest in sizes.items():
                for nodes in (largest // 10, largest):
                    figures.append(measure(shape, mode, nodes, repeats))
                    print(show(figures[-1]), file=sys.stderr, flush=True)
    return figures


def show(figure: Figure) -> str:
    """One line for people."""
    rest = f"wall {figure.wall:7.1f}   first run {figure.first_cpu:8.1f}   tracing {figure.tracing_cpu:6.1f}"
    return f"{figure.mode:11s}{figure.shape:8s}{figure.nodes:7,d} nodes   CPU {figure.cpu:7.1f}   {rest}   us per node"


def verdicts(figures: list[Figure]) -> list[str]:
    """What misses its bar."""
    wrong = []
    for small, large in zip(figures[::2], figures[1::2], strict=True):
        bar = IN_PROCESS_US if large.mode == "in process" else DURABLE_US
        name = f"{large.mode} {large.shape} of {large.nodes:,}"
        if large.cpu > bar:
            wrong.append(f"{name}: {large.cpu} us CPU per node, the bar is {bar}")
        growth = large.cpu / small.cpu
        if growth > GROWTH:
            wrong.append(f"{name}: {growth:.1f} times the cost per node at {small.nodes:,}, not linear")
    return wrong


def main() -> int:
    """Returns the exit code: 1 with `--check` when a bar is missed."""
    parser = options_parser("CPU time per trivial node.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the nodes")
    parser.add_argument(
        "--repeats", type=int, default=4, help="runs per case; the best of those after a first one counts"
    )
    options = parser.parse_args()
    sizes = {"chain": 100, "fan-out": 1_000} if options.quick else {"chain": 1_000, "fan-out": 10_000}
    figures = run_all(sizes, options.repeats)
    return report(
        options, [asdict(figure) for figure in figures], [], verdicts(figures)
    )  # each was told when it was found


if __name__ == "__main__":
    raise SystemExit(main())
