"""Workers of environments: how long one takes to come up, and what a call of one that is warm costs.

    python benchmarks/workers.py [--json] [--check]

A cold start is measured from the call to its answer, that is: the process, its imports, the task's code, the inputs and the
output. Beside it stands ``python -c "import pyarrow"`` in the same environment, taken in turns, since both are mostly imports.
A warm call is one of a task that adds one to a number, inside of one scope, as the nodes of a run are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dovetail as dt

COLD_RATIO = 2.0
WARM_MS = 1.0


@dt.task
def add(x: int) -> int:
    """As little as a task can do."""
    return x + 1


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of a call."""
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def measure(folder: Path, starts: int, calls: int) -> dict[str, float]:
    """All figures; in milliseconds, but for the ratio."""
    from dovetail.config import Settings
    from dovetail.engine._isolated import run_isolated
    from dovetail.env import isolated_pools
    from dovetail.env.build import Environments
    from dovetail.graph import ResourceScope
    from dovetail.plugins import build_catalogue, use_catalogue
    from dovetail.spec import TaskContext

    settings = Settings(folder, env_dir=folder / "envs", envs={"plain": {"requires": []}})
    environments = Environments(settings)
    environment = environments.sync(environments.request("plain"))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(environment.python), "-c", "import pyarrow"]
    with use_catalogue(build_catalogue(settings)):
        compiled = add.compiled()

        def call(scope: ResourceScope) -> None:
            result = run_isolated(compiled, {"x": 1}, TaskContext("add"), environment, scope)
            assert result == 2, "wrong result"

        def cold() -> None:
            with ResourceScope() as scope:
                call(scope)

        cold()  # compiles to bytecode whatever was not
        imports, colds = [], []
        for _ in range(starts):
            imports.append(seconds(lambda: subprocess.run(command, env=clean, check=True)))
            isolated_pools().close()
            colds.append(seconds(cold))
        with ResourceScope() as scope:
            for _ in range(calls // 10):
                call(scope)
            warm = [seconds(lambda: call(scope)) for _ in range(calls)]
        isolated_pools().close()
    return {
        "import_pyarrow_ms": round(statistics.median(imports) * 1e3, 1),
        "cold_start_ms": round(statistics.median(colds) * 1e3, 1),
        "cold_ratio": round(statistics.median(colds) / statistics.median(imports), 2),
        "warm_call_ms": round(statistics.median(warm) * 1e3, 3),
    }


def main() -> int:
    """Returns the exit code: 1 with `--check` when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), starts=7, calls=1000)
    if options.json:
        print(json.dumps(figures))
    else:
        cold = f"cold start {figures['cold_start_ms']:7.1f} ms   import pyarrow {figures['import_pyarrow_ms']:7.1f} ms"
        warm = f"warm call {figures['warm_call_ms']:.3f} ms (bar {WARM_MS:g})"
        print(f"worker   {cold}   ratio {figures['cold_ratio']:.2f} (bar {COLD_RATIO:g})   {warm}")
    wrong = []
    if figures["cold_ratio"] > COLD_RATIO:
        wrong.append(
            f"a cold start takes {figures['cold_ratio']} times as long as importing pyarrow, the bar is {COLD_RATIO}"
        )
    if figures["warm_call_ms"] > WARM_MS:
        wrong.append(f"a warm call takes {figures['warm_call_ms']} ms, the bar is {WARM_MS}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
