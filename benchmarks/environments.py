"""What it costs to find an environment that is there.

python benchmarks/environments.py

Builds one environment of stand-ins in a temporary directory (no network), then measures `Environments.find` in this process, and
`dovetail env sync NAME` and `dovetail env path NAME` as commands, beside `python -c "import click"`, which any command pays.
Wall time and CPU time, the median of several runs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from dovetail.config import load_settings
from dovetail.env.build import WORKER_REQUIRES, Environments

ROUNDS = 15
BAR_MS = 100.0


def main() -> int:
    """Returns the exit code: 1 where the bar is missed."""
    with tempfile.TemporaryDirectory() as name:
        project = make_project(Path(name))
        environments = Environments(load_settings(project))
        environments.sync(environments.request("one"))
        found = [timed(lambda: environments.find(environments.request("one"))) for _ in range(ROUNDS)]
        print(f"{'':44}{'wall ms':>10}{'CPU ms':>10}")
        show("Environments.request + find", found)
        show("python -c 'import click'", commands([sys.executable, "-c", "import click"], project))
        dovetail = str(Path(sys.executable).with_name("dovetail"))
        show("dovetail env path one", commands([dovetail, "env", "path", "one"], project))
        synced = commands([dovetail, "env", "sync", "one"], project)
        show("dovetail env sync one", synced)
        cpu = statistics.median(each[1] for each in synced)
        print(
            f"\nbar: {BAR_MS:g} ms for `env sync` of a present environment: {'kept' if cpu <= BAR_MS else 'missed'} (CPU)"
        )
        return 0 if cpu <= BAR_MS else 1


def make_project(folder: Path) -> Path:
    """A project that asks for an environment of stand-ins."""
    wheels = folder / "wheels"
    wheels.mkdir()
    for each in ("demo", *WORKER_REQUIRES):
        name = each.partition(">")[0]
        version = "2.11.0" if name == "pydantic" else "9999.0"
        info = f"{name}-{version}.dist-info"
        content = {
            f"{name}.py": "",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
        with zipfile.ZipFile(wheels / f"{name}-{version}-py3-none-any.whl", "w") as archive:
            for path, text in {**content, f"{info}/RECORD": record}.items():
                archive.writestr(path, text)
    (folder / "uv.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n', encoding="utf-8")
    (folder / "dovetail.toml").write_text('env_dir = "envs"\n[envs.one]\nrequires = ["demo"]\n', encoding="utf-8")
    return folder


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU milliseconds of a call in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def commands(words: list[str], folder: Path) -> list[tuple[float, float]]:
    """Wall and CPU milliseconds of a command, several times; the first is not counted."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    for _ in range(ROUNDS + 1):
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(words, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        taken.append(((time.perf_counter() - wall) * 1000, cpu * 1000))
    return taken[1:]


def show(what: str, taken: list[tuple[float, float]]) -> None:
    """One line of the table."""
    wall, cpu = (statistics.median(each[i] for each in taken) for i in (0, 1))
    print(f"{what:44}{wall:>10.1f}{cpu:>10.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
